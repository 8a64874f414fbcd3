package office

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config is what an Office needs. DB and Users must be set.
type Config struct {
	// DB is a native connection to the database with the tables. Its errors are never logged whole: they quote queries.
	DB driver.Conn
	// Users says who may ask; it may be reloaded while the office runs.
	Users *access.Users
	// Camera returns the registry entry of a camera now, or nil. A nil function leaves positions out of answers.
	Camera func(id string) *schemas.Camera
	// Explain renders the steps of a trace (JSON) as lines in en, nl or fr. A nil function makes explain=true a 501.
	Explain func(lang, stepsJSON string) ([]string, error)
	// Summary writes what a person reads first of an offence: what it is, why, when to look again (1970 = no day) and what to do; nil = nothing.
	Summary func(lang, family string, held bool, reason string, until time.Time) []string
	// Basis writes a legal basis, which is stored in all languages, in en, nl or fr. A nil function leaves it as it is stored.
	Basis func(lang, cited string) string
	// Now is the clock; nil = time.Now. It decides what is older than a month.
	Now     func() time.Time
	Logger  zerolog.Logger
	Metrics *Metrics // nil = unregistered ones
	// QueryTime bounds one search; 0 = 10 s.
	QueryTime time.Duration
	// PerSecond bounds the requests of one user; 0 = 20, with bursts of twice as many.
	PerSecond float64
	// FailuresPerMinute bounds the failed sign-ins of one address; 0 = 10, with bursts of twice as many.
	FailuresPerMinute int
	// SignedIn returns the user of a request that carries a sign-in of a browser, nil when it carries none, [ErrSignInEnded], or another error
	// when that cannot be told now. Nil = nobody signs in with a browser. Who sets it has checked which site a request comes from.
	SignedIn func(*http.Request) (*access.User, error)
	// Secret keys the pseudonyms that stand for ids and seals where plates are not shown, 32 bytes, see [LoadSecret]; nil = one of this process.
	Secret []byte
	// Loopback says that the office is for this machine alone: requests that name another host are refused.
	Loopback bool
	// MayWrite says whether this office may write the access log now; an error is why not, and nothing is answered then. See
	// [access.Lease]. Nil = always.
	MayWrite func() error
	// ReopenEvery is how long a shut office waits before it tries to open the access log again; 0 = 2 s.
	ReopenEvery time.Duration
}

// Office answers look-ups. Safe for concurrent use. One database has one office: the access log has one writer.
//
// An office whose access log cannot be opened, or does not hold, is shut: it answers every look-up with 503 and the reason, tries again
// every few seconds until the context of [New] ends, and harms nothing beside it.
type Office struct {
	cfg     Config
	db      *query.DB
	store   access.Store
	handler http.Handler

	strangers  *strangers
	pseudonyms *pseudonyms

	mu     sync.Mutex // guards what follows
	limits map[string]*rate.Limiter
	log    *access.Log // nil while the office is shut
	shut   error       // why it is shut; nil = it is open
	seen   uint64      // greatest number of an entry that this process knows of
}

// New makes the office and opens the access log. When the log's end does not hold the office is there all the same, and shut; see [Office.Ready].
func New(ctx context.Context, cfg Config) (*Office, error) {
	if cfg.DB == nil || cfg.Users == nil {
		return nil, errors.New("office: DB and Users must be set")
	}
	return open(ctx, cfg, access.NewClickHouse(cfg.DB))
}

func open(ctx context.Context, cfg Config, store access.Store) (*Office, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	if cfg.PerSecond <= 0 {
		cfg.PerSecond = 20
	}
	if cfg.FailuresPerMinute <= 0 {
		cfg.FailuresPerMinute = failuresPerMinute
	}
	if cfg.ReopenEvery <= 0 {
		cfg.ReopenEvery = 2 * time.Second
	}
	if cfg.MayWrite == nil {
		cfg.MayWrite = func() error { return nil }
	}
	o := &Office{cfg: cfg, db: query.NewDB(cfg.DB, cfg.QueryTime), store: store, limits: map[string]*rate.Limiter{}, strangers: newStrangers(cfg.Now, cfg.FailuresPerMinute)}
	var err error
	if o.pseudonyms, err = newPseudonyms(cfg.Secret); err != nil {
		return nil, err
	}
	if o.handler, err = o.routes(); err != nil {
		return nil, fmt.Errorf("document of the API: %w", err)
	}
	o.tryToOpen(ctx)
	go o.keepOpen(ctx) // ends with ctx
	return o, nil
}

// Handler returns the API.
func (o *Office) Handler() http.Handler { return o.handler }

// Head returns the newest entry of the access log, to be noted somewhere else; the zero Head while the office is shut.
func (o *Office) Head() access.Head {
	if l, _ := o.currentLog(); l != nil {
		return l.Head()
	}
	return access.Head{}
}

// headEvery is how many entries lie between two log lines that note the head of the access log.
const headEvery = 100

// noteHead makes the process's log a witness of the access log: a later cut or rewrite of the table is found with it.
func (o *Office) noteHead() {
	h := o.Head()
	o.cfg.Metrics.LogHead.Set(float64(h.Seq))
	if h.Seq > 0 {
		o.cfg.Logger.Info().Uint64("seq", h.Seq).Str("sha256", hex.EncodeToString(h.Sum[:])).Msg("head of the access log")
	}
}

func (o *Office) limiter(user string) *rate.Limiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.limits[user]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(o.cfg.PerSecond), int(2*o.cfg.PerSecond)+1)
		o.limits[user] = l
	}
	return l
}

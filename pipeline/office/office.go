package office

import (
	"context"
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
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config is what an Office needs. DB, Users, LookUps, Keys and People must be set.
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
	// People keeps purposes, searches and what each person took; it must be set.
	People *store.People
	// Limits bound what one person takes.
	Limits Limits
	// Forms gives the forms of file numbers and reasons in force at an instant; nil = those of the built-in catalogue.
	Forms func(at schemas.Micros) access.Forms
	// FailuresPerMinute bounds the failed sign-ins of one address; 0 = 10, with bursts of twice as many.
	FailuresPerMinute int
	// SignedIn returns who sent a request that carries a sign-in of a browser, nil when it carries none, [ErrSignInEnded], or another error
	// when that cannot be told now. Nil = nobody signs in with a browser. Who sets it has checked which site a request comes from.
	SignedIn func(*http.Request) (*SignedIn, error)
	// Secret keys the pseudonyms that stand for ids and seals where plates are not shown, 32 bytes, see [LoadSecret]; nil = one of this process.
	Secret []byte
	// Loopback says that the office is for this machine alone: requests that name another host are refused.
	Loopback bool
	// LookUps is the look-up log, which several offices write at once.
	LookUps LookUps
	// Keys sign the log and turn its plates into HMACs; all offices of one log have the same.
	Keys *access.Keys
	// Old is the access log that was kept before; it is taken over once. Nil = there is none.
	Old access.OldLog
	// Witnesses keep heads of the log outside its database.
	Witnesses []Witness
	// ReopenEvery is how long a shut office waits before it tries to open the access log again; 0 = 2 s.
	ReopenEvery time.Duration
}

// LookUps is the look-up log with its search. [store.LookUps] is the one in production.
type LookUps interface {
	access.Store
	// Find returns entries, newest first, at most one more than the limit.
	Find(ctx context.Context, f *store.Filter) ([]store.Found, error)
	// FindDisclosures returns the entries about answers that showed a plate, newest first, at most one more than the limit.
	FindDisclosures(ctx context.Context, f *store.Filter) ([]store.Disclosed, error)
	// NoteFinding tells all offices of damage that this one found.
	NoteFinding(ctx context.Context, f store.Finding) error
	// NewestFinding returns the newest finding after an instant that no break has closed, or nil.
	NewestFinding(ctx context.Context, after time.Time) (*store.Finding, error)
}

// Office answers look-ups. Safe for concurrent use. Several offices may run on one database.
//
// An office whose look-up log cannot be written, or does not hold, is shut: it answers every look-up with 503 and the reason, tries again
// every few seconds until the context of [New] ends, and harms nothing beside it.
type Office struct {
	cfg     Config
	db      *query.DB
	handler http.Handler

	people     *store.People
	floods     floods
	strangers  *strangers
	pseudonyms *pseudonyms

	mu     sync.Mutex // guards what follows
	limits map[string]*rate.Limiter
	log    *access.Log // nil while the office is shut
	shut   error       // why it is shut; nil = it is open
	seen   access.Head // newest entry that this process knows of, of a log that it gave up

	damaged   error       // what the last verification found
	damagedAt access.Head // newest entry then
	checked   time.Time   // of the newest finding of any office that this one has checked
	ended     chan struct{}
}

// New makes the office and opens the access log. When the log's end does not hold the office is there all the same, and shut, as when the log is still
// verified or taken over after half a minute; see [Office.Ready].
func New(ctx context.Context, cfg Config) (*Office, error) {
	if cfg.DB == nil || cfg.Users == nil || cfg.LookUps == nil || cfg.Keys == nil || cfg.People == nil {
		return nil, errors.New("office: DB, Users, LookUps, Keys and People must be set")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	cfg.Limits.setDefaults()
	if cfg.QueryTime <= 0 {
		cfg.QueryTime = 10 * time.Second
	}
	if cfg.Forms == nil {
		catalogue, err := rules.Load(rules.Brussels())
		if err != nil {
			return nil, err
		}
		cfg.Forms = FormsOf(catalogue)
	}
	if cfg.FailuresPerMinute <= 0 {
		cfg.FailuresPerMinute = failuresPerMinute
	}
	if cfg.ReopenEvery <= 0 {
		cfg.ReopenEvery = 2 * time.Second
	}
	o := &Office{
		cfg: cfg, people: cfg.People, db: query.NewDB(cfg.DB, cfg.QueryTime), ended: make(chan struct{}), limits: map[string]*rate.Limiter{},
		strangers: newStrangers(cfg.Now, cfg.FailuresPerMinute),
	}
	var err error
	if o.pseudonyms, err = newPseudonyms(cfg.Secret); err != nil {
		return nil, err
	}
	if o.handler, err = o.routes(); err != nil {
		return nil, fmt.Errorf("document of the API: %w", err)
	}
	o.startOpening(ctx)
	go func() {
		defer close(o.ended)
		o.keepWitnesses(ctx) // ends with ctx
	}()
	return o, nil
}

// FormsOf gives the forms of a catalogue.
func FormsOf(catalogue *rules.Catalogue) func(at schemas.Micros) access.Forms {
	return func(at schemas.Micros) access.Forms { return access.Forms(catalogue.Justifications(at)) }
}

// Wait returns after the context of [New] has ended and the newest head is with its witnesses.
func (o *Office) Wait() { <-o.ended }

// Identify writes to the look-up log what somebody did to be known, and returns the entry's number.
func (o *Office) Identify(ctx context.Context, i access.Identity) (uint64, error) {
	l, err := o.openLog()
	if err != nil {
		return 0, err
	}
	return l.Identify(ctx, i)
}

// Handler returns the API.
func (o *Office) Handler() http.Handler { return o.handler }

func (o *Office) limiter(user string) *rate.Limiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.limits[user]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(o.cfg.Limits.PerSecond), int(2*o.cfg.Limits.PerSecond)+1)
		o.limits[user] = l
	}
	return l
}

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
}

// Office answers look-ups. Safe for concurrent use. One database has one office: the access log has one writer.
type Office struct {
	cfg     Config
	db      *query.DB
	log     *access.Log
	handler http.Handler

	mu     sync.Mutex // guards limits
	limits map[string]*rate.Limiter
}

// New opens the access log and makes the office. It fails when the log's end does not hold.
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
	log, err := access.OpenLog(ctx, store, cfg.Now)
	if err != nil {
		return nil, err
	}
	o := &Office{cfg: cfg, db: query.NewDB(cfg.DB, cfg.QueryTime), log: log, limits: map[string]*rate.Limiter{}}
	if o.handler, err = o.routes(); err != nil {
		return nil, fmt.Errorf("document of the API: %w", err)
	}
	o.noteHead()
	return o, nil
}

// Handler returns the API.
func (o *Office) Handler() http.Handler { return o.handler }

// Head returns the newest entry of the access log, to be noted somewhere else.
func (o *Office) Head() access.Head { return o.log.Head() }

// headEvery is how many entries lie between two log lines that note the head of the access log.
const headEvery = 100

// noteHead makes the process's log a witness of the access log: a later cut or rewrite of the table is found with it.
func (o *Office) noteHead() {
	h := o.log.Head()
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

package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/gvc-brussels/anpr/pipeline/handover"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config configures an Office. DB, Users, LookUps, Keys and People must be set.
type Config struct {
	// DB is a native connection to the database with the tables. DB's errors quote queries, so the office never logs
	// them whole.
	DB driver.Conn
	// Users lists the people who may ask. The list may be reloaded while the office runs.
	Users *access.Users
	// Camera returns a camera's present registry entry, or nil. A nil function leaves positions out.
	Camera func(id string) *schemas.Camera
	// Cameras lists the camera registry of now. Nil = none: saved filters then name no place.
	Cameras func() []*schemas.Camera
	// Explain renders a trace's steps (JSON) as lines in en, nl or fr. Without Explain, explain=true gets a 501.
	Explain func(lang, stepsJSON string) ([]string, error)
	// Summary writes the first lines that a person reads about an offence: offence, cause, day to look again (1970 = no
	// day) and next step. Nil = no summary.
	Summary func(lang, family string, held bool, reason string, until time.Time) []string
	// Basis translates a stored legal basis, kept in all languages, into en, nl or fr. Nil = the stored text.
	Basis func(lang, cited string) string
	// Now is the clock; nil = time.Now. The clock decides which data are older than a month.
	Now     func() time.Time
	Logger  zerolog.Logger
	Metrics *Metrics // nil = unregistered metrics
	// QueryTime bounds one search; 0 = 10 s.
	QueryTime time.Duration
	// People keeps purposes, searches and the rows and plates that each person took.
	People *store.People
	// Limits bound each person's requests, queries, plates and rows.
	Limits UserLimits
	// Forms returns the forms that file numbers and reasons must have at an instant; nil = forms from the built-in
	// catalogue.
	Forms func(at schemas.Micros) access.Forms
	// FailuresPerMinute bounds failed sign-ins per address; 0 = 10. Bursts may be twice as large.
	FailuresPerMinute int
	// SignedIn returns the person behind a request with a browser sign-in, and nil for a request without.
	// [ErrSignInEnded] means a sign-in that is over; any other error means that sign-ins cannot be read now. Nil = no
	// browser sign-in. Code that sets SignedIn must check every request's origin site.
	SignedIn func(*http.Request) (*SignedIn, error)
	// SignIns knows the browser sign-ins. Nil = no browser sign-in.
	SignIns SignIns
	// Secret (32 bytes, see [LoadSecret]) keys the pseudonyms for ids and seals where plates are hidden. Nil = a secret
	// for this process alone.
	Secret []byte
	// Loopback limits the office to this machine: a request that names another host is refused.
	Loopback bool
	// LookUps is the look-up log. Several offices write to one log at once.
	LookUps LookUps
	// Keys sign the log and turn plates in the log into HMACs. All offices on one log have the same keys.
	Keys *access.Keys
	// Old is an older access log, imported into the look-up log once. Nil = none.
	Old access.OldLog
	// Cases are the cases that people decide. Nil = the routes of cases answer 503.
	Cases *Casework
	// Pictures has the pictures of cases. Nil = the routes of pictures answer 503.
	Pictures PictureStore
	// Evidence makes evidence bundles. Nil = the routes of bundles answer 503.
	Evidence *EvidenceDesk
	// Quotas are the numbers of cases that zones may bring in a year. Nil = none.
	Quotas *Quotas
	// Witnesses keep heads of the log outside the log's database.
	Witnesses []Witness
	// ReopenEvery is the pause of a shut office between two attempts to open the log; 0 = 2 s.
	ReopenEvery time.Duration

	findingPause, findingPatience time.Duration // 0 = the constants
}

// LookUps is the look-up log with search. [store.LookUps] is the implementation in production.
type LookUps interface {
	access.EntryStore
	// FindEntries returns entries, newest first, at most one more than the limit.
	FindEntries(ctx context.Context, f *store.Filter) ([]store.Found, error)
	// FindDisclosures returns entries about answers that showed a plate, newest first, at most one more than the limit.
	FindDisclosures(ctx context.Context, f *store.Filter) ([]store.Disclosed, error)
	// NoteFinding tells all offices about damage that this office found.
	NoteFinding(ctx context.Context, f store.DamageFinding) error
	// NewestFinding returns the newest finding after an instant and without a closing break, or nil.
	NewestFinding(ctx context.Context, after time.Time) (*store.DamageFinding, error)
}

// Office answers look-ups. Safe for concurrent use. Several offices may run on one database.
//
// An office shuts when the look-up log cannot be written or is damaged. A shut office answers every look-up with 503
// and the reason. Until the context of [New] ends, the office tries every few seconds to open again. A shut office
// stops no other part of the pipeline.
type Office struct {
	cfg     Config
	db      *query.DB
	handler http.Handler

	people     *store.People
	floods     floods
	strangers  *strangers
	pseudonyms *pseudonyms

	pictureRoom *semaphore.Weighted // bytes of pictures in memory
	thumbs      chan struct{}       // one token for each thumbnail being made
	sizes       pictureSizes
	batches     *semaphore.Weighted // one token: the batch that is being made
	batchCases  int                 // at most in one batch; fewer in tests
	shares      pictureShares

	mu     sync.Mutex // guards the fields below
	limits map[string]*rate.Limiter
	log    *access.Log // nil while the office is shut
	shut   error       // reason for being shut; nil = open
	seen   access.Head // newest known entry in a log that this process gave up

	damaged   error       // result of the last verification
	damagedAt access.Head // newest entry at that verification
	findings  findings

	turn  sync.Mutex // held by a verification that covers findings; taken before mu
	ended chan struct{}
}

// New makes the office and opens the look-up log. A damaged log is no error: the office starts shut, as it does when
// opening the log takes longer than openPatience; see [Office.Ready].
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
	cfg.findingPause, cfg.findingPatience = cmp.Or(cfg.findingPause, findingPause), cmp.Or(cfg.findingPatience, findingPatience)
	o := &Office{
		cfg: cfg, people: cfg.People, db: query.NewDB(cfg.DB, cfg.QueryTime), ended: make(chan struct{}), limits: map[string]*rate.Limiter{},
		strangers: newStrangers(cfg.Now, cfg.FailuresPerMinute), pictureRoom: semaphore.NewWeighted(maxPicturesNow), thumbs: make(chan struct{}, 1), batches: semaphore.NewWeighted(1), batchCases: handover.MaxCases,
	}
	var err error
	if o.pseudonyms, err = newPseudonyms(cfg.Secret); err != nil {
		return nil, err
	}
	if o.handler, err = o.buildHandler(); err != nil {
		return nil, fmt.Errorf("document of the API: %w", err)
	}
	o.startOpening(ctx)
	var keepers sync.WaitGroup // they end with ctx
	keepers.Go(func() { o.keepVerified(ctx) })
	keepers.Go(func() { o.keepWitnesses(ctx) })
	go func() {
		defer close(o.ended)
		keepers.Wait()
	}()
	return o, nil
}

// FormsOf returns the forms that a catalogue has at an instant.
func FormsOf(catalogue *rules.Catalogue) func(at schemas.Micros) access.Forms {
	return func(at schemas.Micros) access.Forms { return access.Forms(catalogue.Justifications(at)) }
}

// Wait returns after the context of [New] has ended and the witnesses have the newest head.
func (o *Office) Wait() { <-o.ended }

// LogIdentity logs an act by which a person became known, such as a sign-in, and returns the entry's number.
func (o *Office) LogIdentity(ctx context.Context, i access.Identity) (uint64, error) {
	l, err := o.openLog()
	if err != nil {
		return 0, err
	}
	return l.LogIdentity(ctx, i)
}

// Handler returns the API.
func (o *Office) Handler() http.Handler { return o.handler }

func (o *Office) findLimiter(user string) *rate.Limiter {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.limits[user]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(o.cfg.Limits.PerSecond), int(2*o.cfg.Limits.PerSecond)+1)
		o.limits[user] = l
	}
	return l
}

package roles

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseConnections is the number of connections for cases.
const caseConnections = 12

// besideHolds is the number of connections to ClickHouse for previews and revivals, beside those that decide holds.
const besideHolds = 2

// Intervals of the jobs.
const (
	sweepEvery  = time.Second
	holdsEvery  = time.Second
	totalsEvery = 15 * time.Second
	tidyEvery   = time.Hour
	proveEvery  = 5 * time.Second
	bulkEvery   = time.Second
)

// CasesConfig describes the cases of an office and their jobs.
type CasesConfig struct {
	Postgres  platform.Postgres
	Kafka     platform.Kafka      // without an address no offence becomes a case here, and no event leaves
	Tables    platform.ClickHouse // as the office's account
	Catalogue *rules.Catalogue
	DrawKey   []byte // key of the draw of second looks, the same in all offices
	Reference *reference.Store
	Announced *catalogues // what was announced since the start, which the role closes; nil = Catalogue decides always
	Handover  string      // directory in which recipients find their files; "" = none, files are fetched from the office
	// Keys sign the notices of annulments in that directory. Stamp asks an authority for a time stamp over a signature; nil = none is configured.
	Keys  *signing.Keys
	Stamp func(ctx context.Context, signature []byte) ([]byte, error)

	Ops *platform.Ops
	Log zerolog.Logger
}

// CasesRole keeps the cases of an office. Jobs of several offices share the work.
type CasesRole struct {
	Store   *store.Store
	Decider cases.Decider // decides a case again, under the catalogue and the reference data of now

	pool    *pgxpool.Pool
	tables  driver.Conn
	metrics *feed.Metrics
	law     *caseLaw
	decider *caseDecider
	conns   *replay.Connections // for small queries about cases
	clock   databaseClock
	c       CasesConfig
	groups  []*source.KafkaGroup
	cancel  context.CancelFunc
	running sync.WaitGroup
	log     zerolog.Logger
}

// openCases starts the cases of an office.
func openCases(ctx context.Context, c *OfficeConfig, keys *access.Keys, log zerolog.Logger) (*CasesRole, error) {
	catalogue, err := loadApprovedCatalogue(c.Catalogue, c.Signers, log)
	if err != nil {
		return nil, err
	}
	signers, err := signing.Load(BundleKeys(c.LookUpKeys), time.Now())
	if err != nil {
		return nil, err
	}
	var announced *catalogues
	if c.Kafka.Addr != "" {
		announced = followCatalogues(ctx, c.Kafka, catalogue, c.Store, c.Signers, "office", c.Ops, log)
	}
	r, err := StartCases(ctx, CasesConfig{
		Announced: announced, Keys: signers, Stamp: askStamps(c.TimeStamps),
		Postgres: c.Postgres, Kafka: c.Kafka, Tables: c.Tables, Catalogue: catalogue, DrawKey: keys.Site.Derive("second look"), Reference: c.Store, Handover: c.Handover, Ops: c.Ops, Log: log,
	})
	if err != nil && announced != nil {
		announced.Close()
	}
	return r, err
}

// StartCases opens the cases and starts their jobs. A database that does not answer is no error: the jobs wait.
func StartCases(ctx context.Context, c CasesConfig) (*CasesRole, error) {
	if c.Handover != "" && c.Keys == nil {
		return nil, errors.New("the hand-over needs the keys that sign notices")
	}
	r := &CasesRole{c: c, metrics: feed.NewMetrics(c.Ops.Registry), log: c.Log.With().Str("part", "cases").Logger()}
	var err error
	if r.pool, err = c.Postgres.Open(ctx, "cases", caseConnections); err != nil {
		return nil, err
	}
	if r.tables, err = c.Tables.Open(); err != nil {
		r.pool.Close()
		return nil, err
	}
	r.law = &caseLaw{catalogue: c.Catalogue, now: r.clock.Now, camera: func(id string) *schemas.Camera {
		cam, _ := c.Reference.Current().Camera(id)
		return cam
	}}
	r.conns = replay.NewConnections(c.Tables.DialNative, decidedAtOnce+besideHolds)
	r.decider = newDecider(c.Catalogue, c.Reference, r.conns, r.law.factsOf)
	if a := c.Announced; a != nil {
		r.decider.inForce = a.InForce
		r.law.inForce = func(now time.Time) *rules.Catalogue {
			held, _ := a.InForce(now) // the log and the alert say what cannot be had; no case is decided again meanwhile
			return held.catalogue
		}
	}
	r.Decider = r.decider
	r.Store = store.New(r.pool, store.Options{Policy: r.law.policyOfToday, DrawKey: c.DrawKey, Filer: r.law, Depends: office.DependsOn})
	if now, err := r.Store.Now(ctx); err == nil { // else the first round of the jobs measures it
		r.clock.set(now)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	for _, job := range []func(context.Context){r.sweep, r.readFiles, r.numberCases, r.decideAgain, r.revive, r.countCases, r.prove, r.tidy, r.actInBulk, r.followWires, r.watchOffences} {
		r.running.Go(func() { job(run) })
	}
	if c.Handover != "" {
		r.running.Go(func() { r.deliver(run) })
	}
	if c.Kafka.Addr == "" {
		r.log.Warn().Msg("no brokers are named: no offence becomes a case here, and no event of a case leaves the outbox")
		return r, nil
	}
	if err := r.startFeed(run); err != nil {
		return nil, errors.Join(err, r.Stop(ctx))
	}
	return r, nil
}

// startFeed starts intake, comparison, publication and the storing of reviews.
func (r *CasesRole) startFeed(run context.Context) error {
	offences, err := r.join(schemas.TopicOffences, feed.IntakeGroup)
	if err != nil {
		return err
	}
	reviews, err := r.join(schemas.TopicReviews, feed.ReviewsGroup)
	if err != nil {
		return err
	}
	table, terms := &feed.Table{DB: r.tables}, r.law.termsOf
	in := &feed.Intake{Group: offences, Cases: r.Store, Table: table, Terms: terms, Metrics: r.metrics, Log: r.log}
	compare := &feed.Comparison{Cases: r.Store, Table: table, Terms: terms, Now: time.Now, Metrics: r.metrics, Log: r.log}
	out := &feed.Outbox{Cases: r.Store, Kafka: r.c.Kafka, Metrics: r.metrics, Log: r.log}
	late := &feed.LatePictures{Cases: r.Store, Table: table, Metrics: r.metrics, Log: r.log}
	kept := &feed.Reviews{Group: reviews, DB: r.tables, Metrics: r.metrics, Log: r.log}
	for _, job := range []func(context.Context){in.Run, late.Run, compare.Run, out.Run, kept.Run} {
		r.running.Go(func() { job(run) })
	}
	return nil
}

func (r *CasesRole) join(topic, group string) (*source.KafkaGroup, error) {
	g, err := source.Join(source.Config{Brokers: r.c.Kafka.Brokers(), Topic: topic, GroupID: group, ClientID: "anpr-cases", Logger: r.log, Dial: r.c.Kafka.Dialer()})
	if err == nil {
		r.groups = append(r.groups, g)
	}
	return g, err
}

// Stop ends the jobs. Another office, or the next start, goes on where they stopped.
func (r *CasesRole) Stop(context.Context) error {
	r.cancel()
	var errs []error
	for _, g := range r.groups {
		errs = append(errs, g.Close()) // ends the partitions
	}
	r.running.Wait()
	if r.c.Announced != nil {
		r.c.Announced.Close()
	}
	r.conns.Close()
	r.pool.Close()
	return errors.Join(append(errs, r.tables.Close())...)
}

// catalogueVersion returns the version of the catalogue in force.
func (r *CasesRole) catalogueVersion() string {
	if r.c.Announced == nil {
		return r.c.Catalogue.Version()
	}
	held, _ := r.c.Announced.InForce(r.clock.Now()) // as for the law
	return held.catalogue.Version()
}

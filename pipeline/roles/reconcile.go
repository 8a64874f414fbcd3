package roles

import (
	"context"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/seals"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// SourcesConfig names the places that reconciliation compares: log, tables and receipts.
type SourcesConfig struct {
	Kafka    platform.Kafka
	Tables   platform.ClickHouse
	Group    string            // the pipeline's consumer group
	Receipts []string          // directories, or ops addresses of gateways
	Postgres platform.Postgres // has the cases; zero: they are not compared
}

// OpenSources opens log, tables and receipts. The caller closes them with CloseSources.
func OpenSources(c SourcesConfig) (*reconcile.Sources, error) {
	conn, err := c.Tables.Open()
	if err != nil {
		return nil, err
	}
	b := &reconcile.Sources{Log: reconcile.NewLog(c.Kafka), DB: conn, Group: c.Group, Receipts: c.Receipts, CasesGroup: feed.IntakeGroup, ReviewsGroup: feed.ReviewsGroup}
	if !c.Postgres.IsZero() {
		pool, err := c.Postgres.Open(context.Background(), "reconcile", 2)
		if err != nil {
			CloseSources(b)
			return nil, err
		}
		b.Cases = &caseBook{store.New(pool, store.Options{Policy: cases.DefaultPolicy}), pool}
	}
	return b, nil
}

// caseBook is the cases of a database, for the balance.
type caseBook struct {
	*store.Store
	pool *pgxpool.Pool
}

// CountCases implements [reconcile.CaseBook].
func (b *caseBook) CountCases(ctx context.Context) (reconcile.CaseCounts, error) {
	a, err := b.Audit(ctx)
	return countsOf(&a), err
}

// Close implements [reconcile.CaseBook].
func (b *caseBook) Close() { b.pool.Close() }

func countsOf(a *store.Audit) reconcile.CaseCounts {
	out := reconcile.CaseCounts{
		Cases: a.Cases, Offences: a.Offences, Attempts: a.Attempts, ByState: map[string]int64{}, Versions: a.Versions, Events: a.Events, Outbox: a.Outbox, Kept: a.Kept,
	}
	for _, s := range cases.States() {
		out.ByState[string(s)] = a.ByState[s]
	}
	return out
}

// CloseSources closes log, tables and receipts.
func CloseSources(b *reconcile.Sources) {
	if b.Cases != nil {
		b.Cases.Close()
	}
	b.Log.Close()
	_ = b.DB.Close() // idle connections
}

// WalkSeals makes a walker over offences. The account of db must have the right to read offences whole.
func WalkSeals(b *reconcile.Sources, db driver.Conn) *seals.Walker {
	return &seals.Walker{DB: db, Topic: b.Log.Offences, Now: time.Now}
}

// ReconcileConfig describes continuous reconciliation.
type ReconcileConfig struct {
	Sources SourcesConfig
	Every   time.Duration // interval of the balance
	// reads offences whole, for the seals; the account of the balance reads no plate
	Seals      platform.ClickHouse
	SealsEvery time.Duration // interval of the walk over the seals; 0 = never

	Ops *platform.Ops
	Log zerolog.Logger
}

// ReconcileRole reconciles continuously.
type ReconcileRole struct {
	Sources *reconcile.Sources

	cancel context.CancelFunc
	done   sync.WaitGroup
	seals  driver.Conn
}

// StartReconcile balances continuously and walks the seals, until Stop.
func StartReconcile(ctx context.Context, c ReconcileConfig) (*ReconcileRole, error) {
	b, err := OpenSources(c.Sources)
	if err != nil {
		return nil, err
	}
	db, err := c.Seals.Open()
	if err != nil {
		CloseSources(b)
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &ReconcileRole{Sources: b, cancel: cancel, seals: db}
	accounts := reconcile.NewContinuousWatch(reconcile.WatchConfig{Sources: *b, Every: c.Every, Metrics: reconcile.NewMetrics(c.Ops.Registry), Logger: c.Log.With().Str("part", "accounts").Logger()})
	w.done.Go(func() { accounts.Run(run) })
	if c.SealsEvery > 0 {
		metrics := seals.NewMetrics(c.Ops.Registry)
		w.done.Go(func() {
			WalkSeals(b, db).WatchSeals(run, c.SealsEvery, metrics, c.Log.With().Str("part", "seals").Logger())
		})
	}
	return w, nil
}

// AddReadiness makes Kafka and ClickHouse conditions of readiness, for a process that only reconciles.
func (w *ReconcileRole) AddReadiness(o *platform.Ops) {
	o.AddReadyCheck("clickhouse", w.Sources.DB.Ping)
	o.AddReadyCheck("kafka", func(ctx context.Context) error {
		_, err := w.Sources.Log.Partitions(ctx, schemas.TopicReads)
		return err
	})
}

// Stop ends the balance under way.
func (w *ReconcileRole) Stop(context.Context) error {
	w.cancel()
	w.done.Wait()
	CloseSources(w.Sources)
	return w.seals.Close()
}

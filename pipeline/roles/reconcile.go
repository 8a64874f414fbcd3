package roles

import (
	"context"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/seals"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// BooksConfig says where the sides of the account are.
type BooksConfig struct {
	Kafka    platform.Kafka
	Tables   platform.ClickHouse
	Group    string   // consumer group of the pipeline
	Receipts []string // directories, or addresses of ops ports of gateways
}

// OpenBooks opens the sides of the account. The caller closes them with CloseBooks.
func OpenBooks(c BooksConfig) (*reconcile.Books, error) {
	conn, err := c.Tables.Open()
	if err != nil {
		return nil, err
	}
	return &reconcile.Books{Log: reconcile.NewLog(c.Kafka), DB: conn, Group: c.Group, Receipts: c.Receipts}, nil
}

// CloseBooks closes what OpenBooks opened.
func CloseBooks(b *reconcile.Books) {
	b.Log.Close()
	_ = b.DB.Close() // idle connections
}

// WalkSeals walks over offences as the account of the connection, which must be allowed to read them whole.
func WalkSeals(b *reconcile.Books, db driver.Conn) *seals.Walker {
	return &seals.Walker{DB: db, Topic: b.Log.Offences, Now: time.Now}
}

// WatchConfig says how the pipeline is reconciled continuously.
type WatchConfig struct {
	Books      BooksConfig
	Every      time.Duration       // how often the accounts are balanced
	Seals      platform.ClickHouse // as whom the seals are walked: that account reads offences whole, and the one that balances reads no plate
	SealsEvery time.Duration       // how often the seals are walked; 0 = never

	Ops *platform.Ops
	Log zerolog.Logger
}

// Watch reconciles continuously.
type Watch struct {
	Books *reconcile.Books

	cancel context.CancelFunc
	done   sync.WaitGroup
	seals  driver.Conn
}

// StartWatch balances continuously and walks the seals, until Stop.
func StartWatch(ctx context.Context, c WatchConfig) (*Watch, error) {
	b, err := OpenBooks(c.Books)
	if err != nil {
		return nil, err
	}
	db, err := c.Seals.Open()
	if err != nil {
		CloseBooks(b)
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &Watch{Books: b, cancel: cancel, seals: db}
	accounts := reconcile.NewWatch(reconcile.WatchConfig{Books: *b, Every: c.Every, Metrics: reconcile.NewMetrics(c.Ops.Registry), Logger: c.Log.With().Str("part", "accounts").Logger()})
	w.done.Go(func() { accounts.Run(run) })
	if c.SealsEvery > 0 {
		metrics := seals.NewMetrics(c.Ops.Registry)
		w.done.Go(func() { WalkSeals(b, db).Watch(run, c.SealsEvery, metrics, c.Log.With().Str("part", "seals").Logger()) })
	}
	return w, nil
}

// AddReadiness makes a process that does nothing else ready when both sides answer.
func (w *Watch) AddReadiness(o *platform.Ops) {
	o.Ready("clickhouse", w.Books.DB.Ping)
	o.Ready("kafka", func(ctx context.Context) error {
		_, err := w.Books.Log.Partitions(ctx, schemas.TopicReads)
		return err
	})
}

// Stop ends the account under way.
func (w *Watch) Stop(context.Context) error {
	w.cancel()
	w.done.Wait()
	CloseBooks(w.Books)
	return w.seals.Close()
}

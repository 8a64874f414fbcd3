package roles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// dedupWindow is the least number of insert tokens that a table must remember. A worker inserts at most about
// 1,000/Linger batches a second into a table, over all partitions. The broker fences a stalled worker after the session
// timeout, and the worker's insert ends after --insert-timeout. 1000 is several times the number of inserts in that
// time.
const dedupWindow = 1000

// parkedAsk is the interval at which a parked partition looks for a recorded loss of its records.
const parkedAsk = 5 * time.Second

// IngestConfig describes a worker of the pipeline. A zero number means the default of the package that uses the number.
type IngestConfig struct {
	Kafka         platform.Kafka
	Tables        platform.ClickHouse
	InsertTimeout time.Duration
	Group         string // consumer group
	Catalogue     string // directory; empty = the built-in catalogue
	Signers       string // file of those who approve a catalogue; empty = none need to
	Linger        time.Duration
	LingerFew     time.Duration
	BatchRows     int
	PartitionRate int           // reads a second and partition for which the memory has room
	ProfileWaits  time.Duration // waited time from one sampled wait to the next; 0 = no samples
	MaxMessage    int           // largest record on an output topic, bytes

	Store *reference.Store
	Ops   *platform.Ops
	Log   zerolog.Logger
}

// IngestRole is a running worker.
type IngestRole struct {
	cancel    context.CancelFunc
	done      chan struct{}
	err       error // valid when done is closed
	sink      *sink.ClickHouse
	publisher *sink.KafkaPublisher
	conn      driver.Conn
	group     *source.KafkaGroup
	announced *catalogues
	log       zerolog.Logger
}

// StartIngest connects to Kafka and ClickHouse and starts a worker. The tables must exist (anpr migrate).
func StartIngest(ctx context.Context, c IngestConfig) (*IngestRole, error) {
	log, o := c.Log.With().Str("role", "ingest").Logger(), c.Ops
	if c.ProfileWaits > 0 {
		runtime.SetBlockProfileRate(int(c.ProfileWaits))
		runtime.SetMutexProfileFraction(10)
	}
	catalogue, err := loadApprovedCatalogue(c.Catalogue, c.Signers, log)
	if err != nil {
		return nil, err
	}
	partitions, err := countPartitions(ctx, c.Kafka)
	if err != nil {
		return nil, err
	}
	metrics := sink.NewMetrics(o.Registry)
	cfg := insertConfig(c.Tables, c.InsertTimeout, partitions, log)
	cfg.Metrics = metrics
	counters := ingest.NewMetrics(o.Registry)
	o.ShowStages(counters.Stages())
	r := &IngestRole{done: make(chan struct{}), log: log}
	if err := r.openConnections(ctx, &c, cfg, metrics, counters.Stages()); err != nil {
		r.closeConnections()
		return nil, err
	}
	r.announced = followCatalogues(ctx, c.Kafka, catalogue, c.Store, c.Signers, "ingest", o, log)
	memory := dedup.ForRate(c.PartitionRate)
	memory.HistorySpan = rules.HistorySpan(c.Store.Current().Cameras())
	worker := ingest.New(ingest.Config{
		Partitions: partitions, Group: r.group, Sink: r.sink, Publisher: r.publisher, State: sink.NewStoredState(r.conn),
		Versions: func() shard.Versions {
			registry := c.Store.Current()
			return shard.Versions{Reference: registry, Engine: r.announced.start.engines.For(registry.Cameras())}
		},
		Activations: r.announced,
		Linger:      c.Linger, LingerFew: c.LingerFew, BatchRows: c.BatchRows, Logger: log, Metrics: counters, ParkedAsk: parkedAsk, Dedup: memory,
	})
	o.AddDetail("parked partitions", func() []string { return parkedTexts(worker) })
	o.AddDetail("families that do not decide", func() []string { return familiesWithoutMemory(c.Store.Current().Cameras(), memory.HistorySpan) })
	o.AddReadyCheck("clickhouse", r.conn.Ping)
	o.AddReadyCheck("inserts", func(context.Context) error { return r.sink.InsertFailure() })
	o.AddReadyCheck("pipeline", func(context.Context) error {
		select {
		case <-r.done:
			return fmt.Errorf("the worker has stopped: %w", r.err)
		default:
			return worker.AllParked()
		}
	})
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	go func() {
		defer close(r.done)
		r.err = worker.Run(run)
	}()
	ids, passages := memory.Memory()
	log.Info().Str("catalogue", catalogue.Version()).Int("partitions", partitions).Int("partition_rate", cmp.Or(c.PartitionRate, dedup.DefaultRate)).
		Int("ids_mib_each", ids>>20).Int("passages_mib_each_at_most", passages>>20).Msg("pipeline started")
	return r, nil
}

// familiesWithoutMemory says which families decide nothing, because the first camera with their purpose came after the
// worker had started without the memory of closed passages that they compare.
func familiesWithoutMemory(cameras []*schemas.Camera, span schemas.Micros) (out []string) {
	for _, info := range rules.Families() {
		has := func(c *schemas.Camera) bool { return c.Purposes.Has(info.Purpose) }
		if info.History > span && slices.ContainsFunc(cameras, has) {
			out = append(out, string(info.Family)+": its first camera came after the start of this worker; start the worker again")
		}
	}
	return out
}

// insertConfig returns the settings with which a worker of so many partitions writes to the tables.
func insertConfig(tables platform.ClickHouse, timeout time.Duration, partitions int, log zerolog.Logger) sink.Config {
	return sink.Config{ClickHouse: tables, InsertTimeout: timeout, Conns: 4 * partitions, Logger: log}
}

// parkedTexts names each parked partition with start time and cause.
func parkedTexts(w *ingest.Worker) (out []string) {
	for _, p := range w.Parked() {
		out = append(out, p.String())
	}
	return out
}

func (r *IngestRole) openConnections(ctx context.Context, c *IngestConfig, cfg sink.Config, metrics *sink.Metrics, stages *ingest.Stages) error {
	var err error
	if r.conn, err = cfg.Open(); err != nil {
		return err
	}
	if err = sink.CheckWindow(ctx, r.conn, cfg.Database, dedupWindow); err != nil {
		return cfg.Explain(err)
	}
	if r.sink, err = sink.NewClickHouse(ctx, cfg); err != nil {
		return err
	}
	if r.publisher, err = sink.NewKafkaPublisher(sink.PublisherConfig{
		Addr: c.Kafka.Addr, MaxMessageBytes: c.MaxMessage, Logger: r.log, Metrics: metrics, Stages: stages,
		Transport: c.Kafka.Transport("anpr"),
	}); err != nil {
		return err
	}
	r.group, err = source.Join(source.Config{
		Brokers: c.Kafka.Brokers(), Topic: schemas.TopicReads, GroupID: c.Group, Logger: r.log, Dial: c.Kafka.Dialer(),
	})
	return err
}

// Done is closed when the worker has ended by itself, or was stopped.
func (r *IngestRole) Done() <-chan struct{} { return r.done }

// Err returns the error that ended the worker; valid when Done is closed.
func (r *IngestRole) Err() error { return r.err }

// Stop ends the worker. The successor processes uncommitted records again, with the same results.
func (r *IngestRole) Stop(context.Context) error {
	began := time.Now()
	r.cancel()
	// Leaving the group ends the generation, and the generation's end ends the partitions of the worker.
	err := r.group.Close()
	<-r.done
	err = errors.Join(err, r.err)
	r.group = nil
	r.closeConnections()
	r.log.Info().Dur("took", time.Since(began)).Msg("pipeline stopped")
	return err
}

func (r *IngestRole) closeConnections() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r.group != nil {
		_ = r.group.Close()
	}
	if r.announced != nil {
		r.announced.Close()
	}
	if r.publisher != nil {
		if err := r.publisher.Close(ctx); err != nil {
			r.log.Warn().Err(err).Msg("publisher closed with messages not acknowledged; they are published again after the next start")
		}
	}
	if r.sink != nil {
		r.sink.Close()
	}
	if r.conn != nil {
		_ = r.conn.Close()
	}
}

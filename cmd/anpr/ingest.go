package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// dedupWindow is the least number of insert tokens a table must remember. A worker inserts at most about 1,000/Linger
// batches a second and table over all partitions; a stalled one is fenced after the session timeout, and its insert
// ends after --insert-timeout. 1000 is several times what can be under way in that time.
const dedupWindow = 1000

// parkedAsk is how often a parked partition asks whether a loss was recorded for it.
const parkedAsk = 5 * time.Second

type ingestCmd struct {
	runFlags
	kafkaFlags
	clickhouseFlags
	referenceFlags
	pipelineFlags
	opsFlags
}

// Run works until the context ends.
func (c *ingestCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	run, err := c.find()
	if err != nil {
		return err
	}
	run.broker(&c.brokerFlags)
	run.tables(&c.clickhouseFlags, embedded.Ingest)
	o := platform.NewOps()
	ln, err := platform.Listen(ctx, "ops", cmp.Or(c.OpsAddr, defaultOps), "--ops-addr")
	if err != nil {
		return err
	}
	ops := platform.Serve("ops", ln, o.Guarded(c.opsFlags.access()), 0, log)
	defer func() { err = errors.Join(err, ops.Stop(context.WithoutCancel(ctx))) }()
	store, err := openReference(ctx, c.referenceFlags, o, log)
	if err != nil {
		return err
	}
	w, err := startIngest(ctx, c, store, o, log)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-w.done:
	}
	return w.stop()
}

// ingestRole is a running worker.
type ingestRole struct {
	cancel    context.CancelFunc
	done      chan struct{}
	err       error
	sink      *sink.ClickHouse
	publisher *sink.Publisher
	conn      driver.Conn
	group     *source.Group
	log       zerolog.Logger
}

// startIngest connects to Kafka and ClickHouse and starts a worker. The tables must exist (anpr migrate).
func startIngest(ctx context.Context, c *ingestCmd, store *reference.Store, o *platform.Ops, log zerolog.Logger) (*ingestRole, error) {
	log = log.With().Str("role", "ingest").Logger()
	if c.ProfileWaits > 0 {
		runtime.SetBlockProfileRate(int(c.ProfileWaits))
		runtime.SetMutexProfileFraction(10)
	}
	catalogue, err := loadCatalogue(c.Catalogue)
	if err != nil {
		return nil, err
	}
	partitions, err := partitionsOf(ctx, c.kafka())
	if err != nil {
		return nil, err
	}
	metrics := sink.NewMetrics(o.Registry)
	cfg, err := c.clickhouseFlags.config(log, metrics)
	if err != nil {
		return nil, err
	}
	cfg.Conns = 4 * partitions
	counters := ingest.NewMetrics(o.Registry)
	o.ShowStages(counters.Stages())
	r := &ingestRole{done: make(chan struct{}), log: log}
	if err := r.connect(ctx, c, cfg, metrics, counters.Stages()); err != nil {
		r.close()
		return nil, err
	}
	engines, memory := rules.NewEngines(catalogue), dedup.ForRate(int(c.PartitionRate))
	worker := ingest.New(ingest.Config{
		Partitions: partitions, Group: r.group, Sink: r.sink, Publisher: r.publisher, State: sink.NewState(r.conn),
		Versions: func() shard.Versions {
			registry := store.Current()
			return shard.Versions{Reference: registry, Engine: engines.For(registry.Cameras())}
		},
		Linger: c.Linger, LingerFew: c.LingerFew, BatchRows: c.BatchRows, Logger: log, Metrics: counters, ParkedAsk: parkedAsk, Dedup: memory,
	})
	o.Detail("parked partitions", func() []string { return parkedTexts(worker) })
	o.Ready("clickhouse", r.conn.Ping)
	o.Ready("inserts", func(context.Context) error { return r.sink.Standing() })
	o.Ready("pipeline", func(context.Context) error {
		select {
		case <-r.done:
			return fmt.Errorf("the worker has stopped: %w", r.err)
		default:
			return worker.Standing()
		}
	})
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	go func() {
		defer close(r.done)
		r.err = worker.Run(run)
	}()
	ids, passages := memory.Memory()
	log.Info().Str("catalogue", catalogue.Version()).Int("partitions", partitions).Int("partition_rate", cmp.Or(int(c.PartitionRate), dedup.DefaultRate)).
		Int("ids_mib_each", ids>>20).Int("passages_mib_each_at_most", passages>>20).Msg("pipeline started")
	return r, nil
}

// parkedTexts says of each parked partition since when and why.
func parkedTexts(w *ingest.Worker) (out []string) {
	for _, p := range w.Parked() {
		out = append(out, p.String())
	}
	return out
}

func (r *ingestRole) connect(ctx context.Context, c *ingestCmd, cfg sink.Config, metrics *sink.Metrics, stages *ingest.Stages) error {
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
	if r.publisher, err = sink.NewPublisher(sink.PublisherConfig{
		Addr: c.KafkaAddr, MaxMessageBytes: c.MaxMessage, Logger: r.log, Metrics: metrics, Stages: stages,
		Transport: c.kafka().Transport("anpr"),
	}); err != nil {
		return err
	}
	r.group, err = source.Join(source.Config{
		Brokers: c.kafka().Brokers(), Topic: schemas.TopicReads, GroupID: c.Group, Logger: r.log, Dial: c.kafka().Dial(),
	})
	return err
}

// stop ends the worker: what it has not committed, its successor does again, exactly.
func (r *ingestRole) stop() error {
	began := time.Now()
	r.cancel()
	// Leaving the group ends the generation, which ends the worker's partitions.
	err := r.group.Close()
	<-r.done
	err = errors.Join(err, r.err)
	r.group = nil
	r.close()
	r.log.Info().Dur("took", time.Since(began)).Msg("pipeline stopped")
	return err
}

func (r *ingestRole) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r.group != nil {
		_ = r.group.Close()
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

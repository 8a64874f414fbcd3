package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config sets up a worker. Group, Sink, Publisher, State, Versions, Metrics and Partitions are required.
type Config struct {
	Topic      string // default anpr.reads.v1
	Partitions int    // of the topic
	Group      ConsumerGroup
	Sink       Sink
	Publisher  Publisher
	State      State
	Versions   func() shard.Versions // returns the current versions; called once a batch
	// Activations says which catalogue decides where; nil = that of Versions, always.
	Activations Activations
	Dedup       dedup.Config
	BatchRows   int           // rows with which a batch is handed over without waiting; default 50000: only a backlog fills it, and large inserts cost ClickHouse least
	Linger      time.Duration // how long a batch with FewRows or more waits for more rows; default 100 ms
	LingerFew   time.Duration // how long a batch with fewer rows waits; default 500 ms, at least Linger
	LingerFull  time.Duration // how long a batch waits to be full while the log holds enough to fill it; default 2 s, at least LingerFew
	FewRows     int           // default 100: below it the cost of an insert outweighs being visible sooner
	TickAfter   time.Duration // idle time after which a tick may be written; default 1 s
	ParkedAsk   time.Duration // how often a partition that must stop asks whether it may go on; 0: the partition ends the worker instead
	Logger      zerolog.Logger
	Metrics     *Metrics

	now     func() time.Time                  // this machine's clock; a simulation's differs
	jitter  func(time.Duration) time.Duration // returns less than its argument; random except in simulations
	rebuilt func(*shard.Shard)                // a simulation's look at a rebuilt shard; may be nil
}

func (c Config) withDefaults() Config {
	if c.Topic == "" {
		c.Topic = schemas.TopicReads
	}
	if c.BatchRows == 0 {
		c.BatchRows = 50_000
	}
	if c.Linger == 0 {
		c.Linger = 100 * time.Millisecond
	}
	if c.LingerFew == 0 {
		c.LingerFew = 500 * time.Millisecond
	}
	c.LingerFew = max(c.Linger, c.LingerFew)
	if c.LingerFull == 0 {
		c.LingerFull = 2 * time.Second
	}
	c.LingerFull = max(c.LingerFew, c.LingerFull)
	if c.FewRows == 0 {
		c.FewRows = 100
	}
	if c.TickAfter == 0 {
		c.TickAfter = time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.jitter == nil {
		c.jitter = func(d time.Duration) time.Duration { return rand.N(d) }
	}
	c.Dedup = c.Dedup.WithDefaults()
	return c
}

func (c *Config) shardConfig(partition int32) shard.Config {
	return shard.Config{Topic: c.Topic, Partition: partition, Partitions: c.Partitions, Dedup: c.Dedup}
}

// Worker is a member of the consumer group.
type Worker struct {
	cfg     Config
	parking parking
	owned   atomic.Int64 // in this generation
}

// New makes a worker.
func New(cfg Config) *Worker { return &Worker{cfg: cfg.withDefaults()} }

// Run works through generation after generation until ctx ends (nil), or until an error that no retry can mend (it
// wraps ErrStop), unless such partitions are parked (Config.ParkedAsk). However Run ends, the partitions' next owner
// goes on exactly where it stopped.
func (w *Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		sess, err := w.cfg.Group.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the caller ended it, and the group says so
			}
			w.cfg.Logger.Warn().Err(err).Msg("no generation of the consumer group; trying again")
			if !pauseFor(ctx, 500*time.Millisecond) {
				return nil
			}
			continue
		}
		if err := w.runGeneration(ctx, sess); err != nil {
			return err
		}
	}
	return nil
}

// runGeneration runs every partition in a generation and returns when all have ended.
func (w *Worker) runGeneration(ctx context.Context, sess Generation) error {
	partitions := sess.Partitions()
	w.cfg.Metrics.setAssigned(len(partitions))
	w.owned.Store(int64(len(partitions)))
	if len(partitions) == 0 {
		return nil
	}
	ended := make(chan error, len(partitions))
	for _, p := range partitions {
		sess.Go(func(ctx context.Context) {
			err := w.runPartition(ctx, sess, p)
			if ctx.Err() != nil && !errors.Is(err, ErrStop) && !errors.Is(err, ErrFenced) {
				err = nil // the end of a generation is no error
			}
			ended <- err
		})
	}
	var stop error
	for range partitions {
		err := <-ended
		switch {
		case err == nil || ctx.Err() != nil || errors.Is(err, context.Canceled):
		case errors.Is(err, ErrFenced):
			w.cfg.Metrics.countFenced()
			w.cfg.Logger.Info().Err(err).Msg("partition lost to a newer generation")
		case errors.Is(err, ErrStop):
			stop = errors.Join(stop, err)
		default:
			w.cfg.Logger.Error().Err(err).Msg("partition ended; joining again")
		}
	}
	w.cfg.Metrics.setAssigned(0)
	if stop != nil {
		return fmt.Errorf("pipeline: %w", stop)
	}
	return nil
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

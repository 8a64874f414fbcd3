package sink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/ClickHouse/ch-go"
	"github.com/sony/gobreaker/v2"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

var _ ingest.Sink = (*ClickHouse)(nil)

// ClickHouse implements [ingest.Sink]. It is safe for concurrent use with different blocks.
type ClickHouse struct {
	cfg     Config
	pool    *connPool
	breaker *gobreaker.CircuitBreaker[struct{}]

	lostParts lostPartCheck

	failed atomic.Pointer[string] // the last failed try's cause; see InsertFailure

	// inserted, when set, is called after each acknowledged table; an error ends the try there. Tests stop with it
	// between two tables.
	inserted func(table string) error
}

// NewClickHouse makes the sink and tries the server once. No answer is not an error: the server may come up later, and
// Insert waits for it. A refusal that lasts (wrong password, missing database) is an error.
func NewClickHouse(ctx context.Context, cfg Config) (*ClickHouse, error) {
	cfg.EnsureDefaults()
	if err := cfg.checkSettings(); err != nil {
		return nil, err
	}
	c := &ClickHouse{cfg: cfg, pool: newPool(&cfg)}
	c.breaker = gobreaker.NewCircuitBreaker[struct{}](c.breakerSettings())
	if err := c.Ping(ctx); err != nil {
		if errors.Is(err, ingest.ErrStop) || ctx.Err() != nil {
			c.Close()
			return nil, err
		}
		cfg.Logger.Warn().Err(err).Msg("clickhouse does not answer yet; inserts will wait for it")
	}
	return c, nil
}

// NewBlock returns an empty block for this sink.
func (c *ClickHouse) NewBlock() ingest.Block { return NewBlock(nil) }

// Ping reports whether the server answers. An error that wraps ingest.ErrStop will not go away by itself.
func (c *ClickHouse) Ping(ctx context.Context) error {
	err := c.pool.withConn(ctx, c.cfg.DialTimeout, func(ctx context.Context, conn *ch.Client) error { return conn.Ping(ctx) })
	return withStopHint(err)
}

// Close closes the idle connections. A connection in use is closed when its insert ends.
func (c *ClickHouse) Close() { c.pool.close() }

// Insert writes every row in the block, then the range's batches row, and returns nil when all rows are stored. A
// transient failure is tried again until ctx ends. The error is then ctx's, the range may be partly written, and a
// later insert with the same range completes it. Any other error wraps ingest.ErrStop.
func (c *ClickHouse) Insert(ctx context.Context, rg ingest.Range, t *shard.Totals, blk ingest.Block) error {
	b, ok := blk.(*ColumnBlock)
	if !ok {
		panic(fmt.Sprintf("BUG: a %T is not a block of this sink", blk))
	}
	if err := checkBalance(rg, t, b); err != nil {
		return err
	}
	work := c.newInsertJob(rg, t, b)
	waiting := false
	defer func() {
		if waiting {
			c.cfg.Metrics.InsertsWaiting.Dec()
		}
	}()
	for try := 0; ; try++ {
		_, err := c.breaker.Execute(func() (struct{}, error) { return struct{}{}, excuseServer(ctx, work.run(ctx)) })
		if err == nil {
			c.lostParts.noteStored(rg)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("insert %s/%d/%d-%d: %w", rg.Topic, rg.Partition, rg.Start, rg.End, ctx.Err())
		}
		if errors.Is(err, ingest.ErrStop) {
			return fmt.Errorf("insert %s/%d/%d-%d: %w", rg.Topic, rg.Partition, rg.Start, rg.End, err)
		}
		if !waiting {
			waiting = true
			c.cfg.Metrics.InsertsWaiting.Inc()
		}
		c.noteFailedTry(err, rg, try)
		if err := pauseFor(ctx, backoffPause(c.cfg.Breaker.MinWait, c.cfg.Breaker.MaxWait, try)); err != nil {
			return fmt.Errorf("insert %s/%d/%d-%d: %w", rg.Topic, rg.Partition, rg.Start, rg.End, err)
		}
	}
}

// noteFailedTry counts a failed try. It logs the first try of a block and then every tenth, because the tries between
// say the same.
func (c *ClickHouse) noteFailedTry(err error, rg ingest.Range, try int) {
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		c.cfg.Metrics.InsertRetries.WithLabelValues(causeBreaker).Inc()
		return
	}
	c.keepFailure(err)
	c.cfg.Metrics.InsertRetries.WithLabelValues(retryCause(err)).Inc()
	if try%10 == 0 {
		c.cfg.Logger.Warn().Str("error", platform.CutServerMessage(err.Error())).Str("topic", rg.Topic).Int32("partition", rg.Partition).
			Int64("start", rg.Start).Int64("end", rg.End).Int("try", try+1).
			Msg("insert not acknowledged; trying the same block again")
	}
}

// insertSettings returns the settings for an insert. A server without an important setting refuses the insert instead
// of losing the guarantee.
func (c *ClickHouse) insertSettings(token string, rows int) []ch.Setting {
	s := []ch.Setting{
		{Key: "async_insert", Value: "0", Important: true},
		{Key: "insert_deduplicate", Value: "1", Important: true},
		{Key: "insert_deduplication_token", Value: token, Important: true},
		// A repeat that the table drops still reaches the views of the table: the server may have died after the table and
		// before the views.
		{Key: "deduplicate_blocks_in_dependent_materialized_views", Value: "1", Important: true},
		// The block stays whole: a server splits a larger block.
		{Key: "max_insert_block_size", Value: strconv.Itoa(max(rows, 1<<20)), Important: true},
		// Rows that share a sorting key are stored as they came, not collapsed unseen.
		{Key: "optimize_on_insert", Value: "0", Important: true},
		// Column statistics are made when parts are merged. A server without the setting may ignore it.
		{Key: "materialize_statistics_on_insert", Value: "0"},
		// The text index of plates is made at merges too; until then a search reads the few rows of the small parts.
		{Key: "materialize_skip_indexes_on_insert", Value: "0"},
	}
	if c.cfg.Quorum != "" {
		s = append(s, ch.Setting{Key: "insert_quorum", Value: c.cfg.Quorum, Important: true})
	}
	return s
}

// insertToken names an insert for ever: by range, table, schema and attempt, and nothing else. attempt is 1, and
// higher for rows which a dying server lost after noting their token.
func insertToken(rg ingest.Range, table string, life int) string {
	b := make([]byte, 0, 96)
	b = append(append(b, rg.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(rg.Partition), 10), '/')
	b = append(strconv.AppendInt(b, rg.Start, 10), '-')
	b = append(strconv.AppendInt(b, rg.End, 10), '/')
	b = append(append(b, table...), "/v"...)
	b = strconv.AppendInt(b, schemas.SchemaVersion, 10)
	if life > 1 {
		b = strconv.AppendInt(append(b, '/'), int64(life), 10)
	}
	return string(b)
}

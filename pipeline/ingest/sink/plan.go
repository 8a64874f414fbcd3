package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go"
	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// insertJob is one Insert: its tables, which of them are acknowledged, and whether to look them up.
type insertJob struct {
	c          *ClickHouse
	rg         ingest.Range
	reads      []*tableInsert // the table of reads, when there are rows for it
	tables     []*tableInsert // the others with rows
	batches    *tableInsert
	mustVerify bool // an insert of this range may have met a dying server
}

// tableInsert is one table of a plan.
type tableInsert struct {
	*tableColumns
	attempt int  // of the token
	done    bool // acknowledged
	found   bool // looked up and there
}

func (c *ClickHouse) newInsertJob(rg ingest.Range, t *shard.Totals, b *ColumnBlock) *insertJob {
	w := &insertJob{c: c, rg: rg, batches: &tableInsert{tableColumns: newBatchesRow(rg, t), attempt: 1}, mustVerify: !c.lostParts.continuesLast(rg)}
	for i := range b.tables {
		tab := &b.tables[i]
		if tab.rowCount() == 0 {
			continue
		}
		tab.checkColumns()
		to := &w.tables
		if i == tabReads {
			to = &w.reads
		}
		*to = append(*to, &tableInsert{tableColumns: tab, attempt: 1})
	}
	return w
}

// run tries what is not yet acknowledged. The reads go first and alone, because they are what somebody waits for and the server
// would share itself among all tables; the ledger row goes last and alone, because it proves the rest.
func (w *insertJob) run(ctx context.Context) error {
	for _, steps := range [][]*tableInsert{w.reads, w.tables, {w.batches}} {
		if err := w.insertAll(ctx, steps); err != nil {
			return err
		}
	}
	return nil
}

// insertAll stores the steps, several at a time, and where there is doubt looks until they are there.
func (w *insertJob) insertAll(ctx context.Context, steps []*tableInsert) error {
	for {
		var g errgroup.Group // without a shared context: one table's failure must not tear down the others' connections
		g.SetLimit(w.c.cfg.Parallel)
		errs := make([]error, len(steps))
		for i, s := range steps {
			if s.done {
				continue
			}
			g.Go(func() error {
				errs[i] = w.c.insertTable(ctx, w.rg, s)
				s.done = errs[i] == nil
				return nil
			})
		}
		_ = g.Wait() // the errors are in errs
		for _, err := range errs {
			if err != nil && !ch.IsException(err) { // no answer: each by itself, or another table's refusal would hide it
				w.mustVerify = true
			}
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		again, err := w.lookUp(ctx, steps)
		if err != nil || !again {
			return err
		}
	}
}

// lookUp marks the steps whose rows a dying server lost as not done, under a new token.
func (w *insertJob) lookUp(ctx context.Context, steps []*tableInsert) (again bool, err error) {
	if !w.mustVerify {
		return false, nil
	}
	if fallible, err := w.c.canLoseParts(ctx); err != nil || !fallible {
		return false, err
	}
	for _, s := range steps {
		if s.found || s.attempt >= maxAttempts {
			continue
		}
		lost, err := w.c.partMissing(ctx, w.rg, s.tableColumns)
		if err != nil {
			return false, err
		}
		s.found = !lost
		if !lost {
			continue
		}
		s.done, again = false, true
		s.attempt++
		w.c.cfg.Metrics.LostParts.WithLabelValues(s.name).Inc()
		w.c.cfg.Logger.Error().Str("table", s.name).Str("topic", w.rg.Topic).Int32("partition", w.rg.Partition).
			Int64("start", w.rg.Start).Int64("end", w.rg.End).Int("life", s.attempt).
			Msg("acknowledged rows are missing, the server died between noting and storing them; inserting them again")
	}
	return again, nil
}

// insertTable sends one table as one native block and waits for the end.
func (c *ClickHouse) insertTable(ctx context.Context, rg ingest.Range, s *tableInsert) error {
	start := time.Now()
	err := c.pool.insertWithConn(ctx, c.cfg.InsertTimeout, s.name, func(ctx context.Context, conn *ch.Client) error {
		return conn.Do(ctx, ch.Query{Body: s.query, Input: s.input, Settings: c.insertSettings(insertToken(rg, s.name, s.attempt), s.rowCount())})
	})
	if err != nil {
		return fmt.Errorf("insert %d rows into %s: %w", s.rowCount(), s.name, withStopHint(err))
	}
	c.cfg.Metrics.InsertSeconds.WithLabelValues(s.name).Observe(time.Since(start).Seconds())
	c.cfg.Metrics.InsertedRows.WithLabelValues(s.name).Add(float64(s.rowCount()))
	if c.inserted != nil {
		return c.inserted(s.name)
	}
	return nil
}

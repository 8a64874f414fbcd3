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

// insertJob is the work in a single Insert: the tables, their acknowledgements, and whether to look the rows up.
type insertJob struct {
	c          *ClickHouse
	rg         ingest.Range
	reads      []*tableInsert // reads, when there are rows
	tables     []*tableInsert // the others with rows
	batches    *tableInsert
	mustVerify bool // an insert for this range may have met a dying server
}

// tableInsert is an insert into a single table.
type tableInsert struct {
	*tableColumns
	attempt int  // number in the token, from 1
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

// run inserts the tables not yet acknowledged. The reads go first and alone: people wait for them, and the server
// would divide its time among all tables. The batches row goes last and alone, because it proves the others.
func (w *insertJob) run(ctx context.Context) error {
	for _, steps := range [][]*tableInsert{w.reads, w.tables, {w.batches}} {
		if err := w.insertAll(ctx, steps); err != nil {
			return err
		}
	}
	return nil
}

// insertAll inserts the tables, several at a time. When rows may be lost it looks them up and inserts missing ones
// again until all are there.
func (w *insertJob) insertAll(ctx context.Context, steps []*tableInsert) error {
	for {
		var g errgroup.Group // without a shared context: a failed table must not tear down the connections of the others
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
			if err != nil && !ch.IsException(err) { // no answer. Each error is checked by itself: another table's refusal would hide it
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

// lookUp marks the tables whose rows a dying server lost as not done, each under a new token. It reports whether to
// insert again.
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

// insertTable sends a table as one native block and waits for the acknowledgement.
func (c *ClickHouse) insertTable(ctx context.Context, rg ingest.Range, s *tableInsert) error {
	start := time.Now()
	query, input := s.sentForm()
	err := c.pool.insertWithConn(ctx, c.cfg.InsertTimeout, s.name, func(ctx context.Context, conn *ch.Client) error {
		return conn.Do(ctx, ch.Query{Body: query, Input: input, Settings: c.insertSettings(insertToken(rg, s.name, s.attempt), s.rowCount())})
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

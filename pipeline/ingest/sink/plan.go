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

// insertPlan is one Insert: its tables, which of them are acknowledged, and whether to look them up.
type insertPlan struct {
	c      *ClickHouse
	rg     ingest.Range
	reads  []*step // the table of reads, when there are rows for it
	tables []*step // the others with rows
	ledger *step
	doubt  bool // an insert of this range may have met a dying server
}

// step is one table of a plan.
type step struct {
	*table
	life  int  // of the token
	done  bool // acknowledged
	found bool // looked up and there
}

func (c *ClickHouse) plan(rg ingest.Range, t *shard.Totals, b *Block) *insertPlan {
	w := &insertPlan{c: c, rg: rg, ledger: &step{table: newBatchesRow(rg, t), life: 1}, doubt: !c.verifier.follows(rg)}
	for i := range b.tables {
		tab := &b.tables[i]
		if tab.rows() == 0 {
			continue
		}
		tab.check()
		to := &w.tables
		if i == tabReads {
			to = &w.reads
		}
		*to = append(*to, &step{table: tab, life: 1})
	}
	return w
}

// run tries what is not yet acknowledged. The reads go first and alone, because they are what somebody waits for and the server
// would share itself among all tables; the ledger row goes last and alone, because it proves the rest.
func (w *insertPlan) run(ctx context.Context) error {
	for _, steps := range [][]*step{w.reads, w.tables, {w.ledger}} {
		if err := w.all(ctx, steps); err != nil {
			return err
		}
	}
	return nil
}

// all stores the steps, several at a time, and where there is doubt looks until they are there.
func (w *insertPlan) all(ctx context.Context, steps []*step) error {
	for {
		var g errgroup.Group // without a shared context: one table's failure must not tear down the others' connections
		g.SetLimit(w.c.cfg.Parallel)
		errs := make([]error, len(steps))
		for i, s := range steps {
			if s.done {
				continue
			}
			g.Go(func() error {
				errs[i] = w.c.insert(ctx, w.rg, s)
				s.done = errs[i] == nil
				return nil
			})
		}
		_ = g.Wait() // the errors are in errs
		for _, err := range errs {
			if err != nil && !ch.IsException(err) { // no answer: each by itself, or another table's refusal would hide it
				w.doubt = true
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
func (w *insertPlan) lookUp(ctx context.Context, steps []*step) (again bool, err error) {
	if !w.doubt {
		return false, nil
	}
	if fallible, err := w.c.fallible(ctx); err != nil || !fallible {
		return false, err
	}
	for _, s := range steps {
		if s.found || s.life >= lives {
			continue
		}
		lost, err := w.c.missing(ctx, w.rg, s.table)
		if err != nil {
			return false, err
		}
		s.found = !lost
		if !lost {
			continue
		}
		s.done, again = false, true
		s.life++
		w.c.cfg.Metrics.LostParts.WithLabelValues(s.name).Inc()
		w.c.cfg.Logger.Error().Str("table", s.name).Str("topic", w.rg.Topic).Int32("partition", w.rg.Partition).
			Int64("start", w.rg.Start).Int64("end", w.rg.End).Int("life", s.life).
			Msg("acknowledged rows are missing, the server died between noting and storing them; inserting them again")
	}
	return again, nil
}

// insert sends one table as one native block and waits for the end.
func (c *ClickHouse) insert(ctx context.Context, rg ingest.Range, s *step) error {
	start := time.Now()
	err := c.pool.insert(ctx, c.cfg.InsertTimeout, s.name, func(ctx context.Context, conn *ch.Client) error {
		return conn.Do(ctx, ch.Query{Body: s.query, Input: s.input, Settings: c.settings(token(rg, s.name, s.life), s.rows())})
	})
	if err != nil {
		return fmt.Errorf("insert %d rows into %s: %w", s.rows(), s.name, stopped(err))
	}
	c.cfg.Metrics.InsertSeconds.WithLabelValues(s.name).Observe(time.Since(start).Seconds())
	c.cfg.Metrics.InsertedRows.WithLabelValues(s.name).Add(float64(s.rows()))
	if c.inserted != nil {
		return c.inserted(s.name)
	}
	return nil
}

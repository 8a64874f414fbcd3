package office

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// reconcileDays is the default window in days.
const reconcileDays = 31

// ReconcileQuery asks whether the tables agree with the ledger. The window refers to the batches' log clock.
type ReconcileQuery struct{ TimeRange }

// Counts splits records by outcome.
type Counts struct {
	Stored   uint64 `json:"stored"`
	Merged   uint64 `json:"merged"`
	Rejected uint64 `json:"rejected"`
}

// Reconciled is one partition of the reads topic.
type Reconciled struct {
	Partition  int32  `json:"kafka_partition"`
	Batches    uint64 `json:"batches"`
	First      int64  `json:"first_offset"`
	End        int64  `json:"end_offset" doc:"exclusive"`
	Fetched    uint64 `json:"fetched"`
	Ticks      uint64 `json:"ticks"`
	Ledger     Counts `json:"ledger" doc:"what the batches say"`
	Tables     Counts `json:"tables" doc:"what the tables hold, each offset once"`
	InTwo      uint64 `json:"in_two" doc:"offsets that more than one table holds"`
	Unbalanced uint64 `json:"unbalanced" doc:"batches whose parts do not add up"`
	OK         bool   `json:"ok"`
}

// ReconcileAnswer tells for every partition whether the counts agree. OK means that all partitions agree, and that no
// range is missing or doubled.
type ReconcileAnswer struct {
	Scope      Scope               `json:"scope"`
	OK         bool                `json:"ok"`
	Partitions []Reconciled        `json:"partitions"`
	Faults     []query.LedgerFault `json:"faults" doc:"at most 1000"`
}

func (o *Office) reconcileTables(ctx context.Context, in *ReconcileQuery) (*ReconcileAnswer, error) {
	asked := in.addWindow(map[string]any{})
	if in.From.IsZero() {
		in.From = o.cfg.Now().Add(-reconcileDays * 24 * time.Hour)
	}
	l := lookup{route: access.RouteReconcile, window: in.TimeRange, asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*ReconcileAnswer, answered, error) {
		var ledger []query.LedgerPartition
		st, err := query.Ledger(p)
		if err != nil {
			return nil, answered{}, err
		}
		if err := o.selectRows(ctx, &ledger, st); err != nil {
			return nil, answered{}, err
		}
		out := &ReconcileAnswer{Scope: scopeOf(p), Faults: []query.LedgerFault{}}
		if st, err = query.LedgerFaults(p); err != nil {
			return nil, answered{}, err
		}
		if err := o.selectRows(ctx, &out.Faults, st); err != nil {
			return nil, answered{}, err
		}
		var tables []query.TablePartition
		if len(ledger) > 0 {
			if st, err = query.Tables(p, ledger); err != nil {
				return nil, answered{}, err
			}
			if err := o.selectRows(ctx, &tables, st); err != nil {
				return nil, answered{}, err
			}
		}
		out.Partitions = compareCounts(ledger, tables)
		out.OK = len(out.Faults) == 0
		for i := range out.Partitions {
			out.OK = out.OK && out.Partitions[i].OK
		}
		return out, answered{}, nil
	})
}

// compareCounts sets ledger and tables side by side.
func compareCounts(ledger []query.LedgerPartition, tables []query.TablePartition) []Reconciled {
	held := make(map[int32]query.TablePartition, len(tables))
	for _, t := range tables {
		held[t.Partition] = t
	}
	out := make([]Reconciled, len(ledger))
	for i, l := range ledger {
		t := held[l.Partition]
		r := Reconciled{
			Partition: l.Partition, Batches: l.Batches, First: l.First, End: l.End, Fetched: l.Fetched, Ticks: l.Ticks,
			Ledger:     Counts{l.Stored, l.Merged, l.Rejected},
			Tables:     Counts{t.Stored, t.Merged, t.Rejected},
			InTwo:      t.Stored + t.Merged + t.Rejected - t.Distinct,
			Unbalanced: l.Unbalanced,
		}
		r.OK = r.Ledger == r.Tables && r.InTwo == 0 && r.Unbalanced == 0 && r.Fetched == l.Stored+l.Merged+l.Rejected+l.Ticks
		out[i] = r
	}
	return out
}

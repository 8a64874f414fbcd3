package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// knownLosses returns the records given up earlier: named by --lost, or recorded in the compared or backed-up
// database, when still there.
func (r *Rebuild) knownLosses(ctx context.Context) ([]ingest.RecordedLoss, error) {
	var out []ingest.RecordedLoss
	for _, text := range r.cfg.Lost {
		l := ingest.RecordedLoss{Reason: "named by --lost at the restore", By: "anpr restore"}
		if n, err := fmt.Sscanf(text, "%d:%d-%d", &l.Partition, &l.Start, &l.End); n != 3 || err != nil || l.Start < 0 || l.End <= l.Start {
			return nil, fmt.Errorf("--lost %s: want partition:from-to, for example 2:1505-1508", text)
		}
		out = append(out, l)
	}
	db := cmp.Or(r.cfg.Compare, r.cfg.BackedUp)
	var columns uint64
	err := r.cfg.Tables.Conn.QueryRow(ctx, "SELECT count() FROM system.columns WHERE database = ? AND table = 'batches' AND name = 'lost'", db).Scan(&columns)
	if err != nil || columns == 0 { // the database is gone, or belongs to an older program without losses
		return out, err
	}
	recorded, err := reconcile.RecordedLosses(ctx, r.cfg.Tables.Conn, "`"+db+"`.batches", schemas.TopicReads)
	for _, partition := range recorded {
		out = append(out, partition...)
	}
	return out, err
}

// giveUpKnown records known losses again when the rebuild stands before them. Anything else that stops a partition
// ends the restore.
func giveUpKnown(ctx context.Context, w RebuildWorker, known []ingest.RecordedLoss) error {
	for _, p := range w.Parked() {
		e, ok := errors.AsType[*ingest.UnreadableError](p.Err)
		if !ok {
			return p.Err
		}
		loss := lossAt(known, p.Partition, e.From)
		if loss == nil {
			return fmt.Errorf("partition %d: %w; nobody has given them up: `anpr restore --lost %d:%d-%d` does", p.Partition, e, p.Partition, e.From, max(e.To, e.From+1))
		}
		again := *loss
		again.Start = e.From
		if err := w.RecordLoss(ctx, schemas.TopicReads, &again); err != nil {
			return err
		}
	}
	return nil
}

func lossAt(known []ingest.RecordedLoss, partition int32, offset int64) *ingest.RecordedLoss {
	for i := range known {
		if l := &known[i]; l.Partition == partition && l.Start <= offset && offset < l.End {
			return l
		}
	}
	return nil
}

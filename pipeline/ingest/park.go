package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// longestPark is the longest time before a parked partition is tried again although nobody has done anything.
const longestPark = 5 * time.Minute

// Parked describes a partition which stands still until a person acts, while the others go on.
type Parked struct {
	Partition int32
	Since     time.Time
	Err       error // wraps ErrStop and names the cure
}

// parking knows the parked partitions. Safe for concurrent use.
type parking struct {
	mu    sync.Mutex // guards parts
	parts map[int32]Parked
}

func (p *parking) parkPartition(partition int32, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := time.Now()
	if before, ok := p.parts[partition]; ok {
		since = before.Since
	}
	if p.parts == nil {
		p.parts = map[int32]Parked{}
	}
	p.parts[partition] = Parked{partition, since, err}
}

func (p *parking) resumePartition(partition int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.parts, partition)
}

// Parked lists this worker's parked partitions in order. Safe for concurrent use.
func (w *Worker) Parked() []Parked {
	w.parking.mu.Lock()
	defer w.parking.mu.Unlock()
	out := make([]Parked, 0, len(w.parking.parts))
	for _, p := range w.parking.parts {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Parked) int { return int(a.Partition - b.Partition) })
	return out
}

// AllParked returns an error when every partition of this worker is parked, because the worker then does nothing. Safe
// for concurrent use.
func (w *Worker) AllParked() error {
	parked := w.Parked()
	if n := int(w.owned.Load()); n == 0 || len(parked) < n {
		return nil
	}
	return fmt.Errorf("every partition of this worker is parked, the first: %s", parked[0])
}

// runPartition runs a partition for a generation. A partition which must stop is parked: it keeps its place in the
// group, so the others go on. It is tried again when a loss was recorded for it, and from time to time in case the
// cause was mended. Without Config.ParkedAsk it ends.
func (w *Worker) runPartition(ctx context.Context, sess Generation, partition int32) error {
	defer w.parking.resumePartition(partition)
	defer w.cfg.Metrics.markResumed(partition)
	for attempt := 0; ; attempt++ {
		r := newPartitionWorker(&w.cfg, sess, partition)
		r.takenOver = func() { // the partition went on, so the cause is over
			attempt = 0
			w.parking.resumePartition(partition)
			w.cfg.Metrics.markResumed(partition)
		}
		err := r.run(ctx)
		switch {
		case w.cfg.ParkedAsk == 0 || !errors.Is(err, ErrStop) || errors.Is(err, ErrFenced):
			return err
		case ctx.Err() != nil: // the next owner meets the cause
			return ctx.Err()
		}
		w.parking.parkPartition(partition, err)
		w.cfg.Metrics.markParked(partition)
		r.log.Error().Err(err).Str("runbook", "AnprPartitionParked").
			Msg("partition parked: it stands still and keeps its records on the log, the others go on; `anpr partition resume` lets it go on behind what cannot be processed")
		if !w.awaitResume(ctx, r, attempt) {
			return ctx.Err()
		}
	}
}

// awaitResume returns true when the partition is due for another try, false when ctx has ended.
func (w *Worker) awaitResume(ctx context.Context, r *partitionWorker, attempt int) bool {
	known, began := len(r.losses), time.Now()
	longest := min(w.cfg.ParkedAsk<<min(attempt, 10), longestPark)
	for pauseFor(ctx, w.cfg.ParkedAsk) {
		losses, err := w.cfg.State.Losses(ctx, w.cfg.Topic, r.number)
		if err == nil && len(losses) != known || time.Since(began) >= longest {
			return true
		}
	}
	return false
}

// String names the partition, the time and the cause.
func (p Parked) String() string {
	return fmt.Sprintf("partition %d parked since %s: %v", p.Partition, p.Since.UTC().Format(time.RFC3339), p.Err)
}

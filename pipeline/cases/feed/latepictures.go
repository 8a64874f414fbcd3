package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// Pictured is what late pictures need of the cases: [store.Store].
type Pictured interface {
	LatePictures(ctx context.Context, limit int) ([]cases.Case, error)
	Do(ctx context.Context, r *store.Request) (store.Done, error)
}

// LatePictures gives cases the pictures of reads that the tables got after the intake: after an outage of ClickHouse, hours
// later. Any office may run it, beside the intake.
type LatePictures struct {
	Cases   Pictured
	Table   *Table
	Every   time.Duration // 0 = 2 s
	Metrics *Metrics
	Log     zerolog.Logger
}

// Run asks until ctx ends.
func (l *LatePictures) Run(ctx context.Context) {
	part := NewPart(PartPictures, l.Metrics, l.Log)
	every := l.Every
	if every == 0 {
		every = 2 * time.Second
	}
	for more := false; more || pauseFor(ctx, every); {
		n, err := l.Ask(ctx)
		if ctx.Err() != nil {
			return
		}
		part.Note(err)
		more = err == nil && n == takeAtOnce
	}
}

// Ask asks once for the pictures of the cases whose turn it is, and returns their number. The pauses between the questions
// are the store's.
func (l *LatePictures) Ask(ctx context.Context) (n int, err error) {
	due, err := l.Cases.LatePictures(ctx, takeAtOnce)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	in := make([]cases.Intake, len(due))
	for i := range due {
		in[i] = readOf(&due[i])
	}
	found, err := l.Table.findPictures(ctx, pointersTo(in))
	if err != nil {
		return len(due), fmt.Errorf("find the pictures of late reads: %w", err)
	}
	var errs []error
	for i := range due {
		pictures, ok := found[due[i].Read.ID]
		if !ok {
			continue
		}
		_, err := l.Cases.Do(ctx, &store.Request{Case: due[i].ID, Command: cases.AddPictures{Pictures: pictures}, By: cases.SystemActor()})
		if _, refused := errors.AsType[*cases.Refusal](err); err != nil && !refused { // decided meanwhile
			errs = append(errs, err)
			continue
		}
		if err == nil {
			l.Metrics.LatePictures.Inc()
		}
	}
	return len(due), errors.Join(errs...)
}

// readOf names the read of a case as the tables do: by the plate as the pipeline read it.
func readOf(c *cases.Case) (in cases.Intake) {
	on := &in.Decision.On
	on.Plate, _ = schemas.PlateFrom(c.Plate)
	on.CapturedAt, on.Read = c.CapturedAt, c.Read
	return in
}

func pointersTo(in []cases.Intake) []*cases.Intake {
	out := make([]*cases.Intake, len(in))
	for i := range in {
		out[i] = &in[i]
	}
	return out
}

package roles

import (
	"context"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/schemas"
)

// repeatEvery calls f now and then at the interval, until ctx ends. While f returns true there is more to do at once.
func repeatEvery(ctx context.Context, every time.Duration, f func(context.Context) (more bool)) {
	for {
		for f(ctx) && ctx.Err() == nil {
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
	}
}

// sweep writes what the clock has done to cases, each second.
func (r *CasesRole) sweep(ctx context.Context) {
	part := feed.NewPart(feed.PartSweep, r.metrics, r.log)
	repeatEvery(ctx, sweepEvery, func(ctx context.Context) bool {
		n, err := r.Store.Sweep(ctx)
		if ctx.Err() == nil {
			part.Note(err)
		}
		r.metrics.Settled.Add(float64(n))
		return err == nil && n > 0
	})
}

// decideAgain decides cases again.
func (r *CasesRole) decideAgain(ctx context.Context) {
	part := feed.NewPart(feed.PartHolds, r.metrics, r.log)
	looks := &caseLooks{
		store: r.Store, decider: r.Decider, catalogue: r.catalogueVersion(), reference: r.c.Reference.Current, clock: &r.clock, metrics: r.metrics, log: r.log,
	}
	repeatEvery(ctx, holdsEvery, func(ctx context.Context) bool {
		if version := r.catalogueVersion(); version != looks.catalogue {
			looks.catalogue, looks.adopted = version, "" // every open case is looked at under it
		}
		more, err := looks.run(ctx)
		if ctx.Err() == nil {
			part.Note(err)
		}
		return more
	})
}

// countCases sets the gauges.
func (r *CasesRole) countCases(ctx context.Context) {
	repeatEvery(ctx, totalsEvery, func(ctx context.Context) bool {
		totals, err := r.Store.Totals(ctx)
		if err != nil {
			return false // the parts say that they wait
		}
		if now, err := r.Store.Now(ctx); err == nil {
			r.clock.set(now)
		}
		r.metrics.SetTotals(&totals, r.clock.Now())
		if failing, err := r.Store.CountFailing(ctx); err == nil {
			r.metrics.Failing.Set(float64(failing))
		}
		r.countHandOver(ctx)
		if err := r.Store.AddCounts(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Msg("the counts of cases were not added up; trying again")
		}
		if open, err := r.Store.Incidents(ctx, nil, nil, maxCounted); err == nil {
			r.metrics.Incidents.Set(float64(len(open)))
		}
		return false
	})
}

// countHandOver sets the gauges of the hand-over. Without a directory nothing waits for delivery: people fetch the files.
func (r *CasesRole) countHandOver(ctx context.Context) {
	n, err := r.Store.CountHandOver(ctx)
	if err != nil {
		return
	}
	r.metrics.Unnumbered.Set(float64(n.Unnumbered))
	r.metrics.Obstacles.Set(float64(n.Obstacles))
	r.metrics.Notices.Set(float64(n.Notices))
	r.metrics.Unsent.Set(float64(n.Unsent))
	r.metrics.UnsentAge.Set(float64(n.UnsentFor / schemas.Second))
	if r.metrics.Undelivered.Set(float64(n.Undelivered)); r.c.Handover != "" {
		r.metrics.UndeliveredAge.Set(float64(n.Oldest / schemas.Second))
	}
}

// maxCounted bounds the incidents that are counted.
const maxCounted = 1000

// provedAtOnce is the number of cases that a part of the proof folds. One office comes round a million cases in seven
// hours.
const provedAtOnce = 200

// prove folds every case again from its events, in rounds for ever that all offices share. A case that does not follow
// from them gets an incident, and is named in the log.
func (r *CasesRole) prove(ctx context.Context) {
	part := feed.NewPart(feed.PartProof, r.metrics, r.log)
	repeatEvery(ctx, proveEvery, func(ctx context.Context) bool {
		p, err := r.Store.Prove(ctx, provedAtOnce)
		for i := range p.Bad {
			r.log.Error().Stringer("case", p.Bad[i].Case).Str("problem", p.Bad[i].Problem).Msg("a case does not hold: somebody changed it past the program")
		}
		if ctx.Err() != nil {
			return false
		}
		part.Note(err)
		if p.Round.BeganAt == 0 {
			return false // the database did not answer
		}
		r.metrics.Damaged.Set(float64(max(p.Round.Damaged, p.Round.Whole.Damaged)))
		r.metrics.ProofRounds.Set(float64(p.Round.Rounds))
		return false
	})
}

// tidy deletes keys and previews that are over.
func (r *CasesRole) tidy(ctx context.Context) {
	repeatEvery(ctx, tidyEvery, func(ctx context.Context) bool {
		if err := r.Store.DeleteExpired(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn().Err(err).Msg("keys of requests that are over were not deleted; trying again in an hour")
		}
		return false
	})
}

// actInBulk does the acts on many cases that two persons agreed on, a step at a time. What an office leaves undone, another goes on with.
func (r *CasesRole) actInBulk(ctx context.Context) {
	part := feed.NewPart(feed.PartBulk, r.metrics, r.log)
	repeatEvery(ctx, bulkEvery, func(ctx context.Context) bool {
		worked, err := r.Store.StepBulk(ctx)
		if ctx.Err() == nil {
			part.Note(err)
		}
		return err == nil && worked
	})
}

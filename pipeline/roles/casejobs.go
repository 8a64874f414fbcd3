package roles

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// holdsAtOnce is the number of holds that a round of the job claims.
const holdsAtOnce = 50

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

// decideHolds decides holds again: those whose time has come, and under each new version of the reference data those
// that a newer copy may end.
func (r *CasesRole) decideHolds(ctx context.Context) {
	part := feed.NewPart(feed.PartHolds, r.metrics, r.log)
	looked := ""
	repeatEvery(ctx, holdsEvery, func(ctx context.Context) bool {
		due, err := r.Store.DueHolds(ctx, holdsAtOnce)
		if version := r.c.Reference.Current().Version(); err == nil && len(due) == 0 && version != looked {
			if due, err = r.Store.HoldsTouching(ctx, r.curedByCopies(), version, holdsAtOnce); err == nil && len(due) == 0 {
				looked = version
			}
		}
		for i := range due {
			if one := r.redecide(ctx, &due[i]); one != nil && ctx.Err() == nil {
				err = one
				r.log.Warn().Err(one).Stringer("case", due[i].ID).Msg("a case was not decided again; it comes back within a minute")
			}
		}
		if ctx.Err() == nil {
			part.Note(err)
		}
		return err == nil && len(due) > 0
	})
}

// redecide decides a case again and records the answer.
func (r *CasesRole) redecide(ctx context.Context, c *cases.Case) error {
	answer, err := r.askRules(ctx, c)
	if err != nil {
		return err
	}
	done, err := r.Store.Do(ctx, &store.Request{Case: c.ID, IfVersion: c.Version, Command: cases.ReDecide{Answer: answer}, By: cases.SystemActor()})
	if _, ok := errors.AsType[*cases.Refusal](err); ok { // somebody acted meanwhile: the case as it is now is looked at in its turn
		return nil
	}
	if err == nil && done.Event != nil {
		r.metrics.CountRedecided(&answer)
	}
	return err
}

// The worker publishes an offence before it stores the passage. So for a case younger than storedWithin the rules are
// asked again storedTries times.
const (
	storedWithin = schemas.Hour
	storedTries  = 5
	storedPause  = 2 * time.Second
)

// askRules asks for the decision on a case under the rules and data of now.
func (r *CasesRole) askRules(ctx context.Context, c *cases.Case) (cases.Answer, error) {
	for try := 1; ; try++ {
		now := schemas.MicrosOf(time.Now())
		answer, err := r.Decider.Decide(ctx, cases.QuestionOf(c, now))
		if !errors.Is(err, replay.ErrNotFound) || now-c.TakenInAt > storedWithin || try == storedTries {
			return answer, err
		}
		select {
		case <-time.After(storedPause):
		case <-ctx.Done():
			return cases.Answer{}, ctx.Err()
		}
	}
}

// countCases sets the gauges.
func (r *CasesRole) countCases(ctx context.Context) {
	repeatEvery(ctx, totalsEvery, func(ctx context.Context) bool {
		totals, err := r.Store.Totals(ctx)
		if err != nil {
			return false // the parts say that they wait
		}
		r.metrics.SetTotals(&totals, time.Now())
		if open, err := r.Store.Incidents(ctx, nil, nil, maxCounted); err == nil {
			r.metrics.Incidents.Set(float64(len(open)))
		}
		return false
	})
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

// curedByCopies lists the reasons of holds that a newer copy of a register or of the passes may end.
func (r *CasesRole) curedByCopies() (out []string) {
	for reason, h := range r.law.policyOfToday().Holds {
		if h.OnRegister {
			out = append(out, reason)
		}
	}
	slices.Sort(out)
	return out
}

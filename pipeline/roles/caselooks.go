package roles

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/schemas"
)

const (
	claimedAtOnce = 50 // cases that a round of the job claims
	decidedAtOnce = 8  // of them

	// The worker publishes an offence before it stores the passage. So a case younger than storedWithin whose passage is not
	// there is tried again after storedAgain or half its age, and nothing has failed.
	storedWithin    = schemas.Hour
	storedAgain     = 5 * time.Second
	storedAgainMost = 5 * time.Minute

	// verdictTime is how long after its capture a case with a verdict is looked at under newer data.
	verdictTime = 60 * 24 * time.Hour
)

// caseLooks decides cases again: those whose time has come, and under newer versions of catalogue and reference data all
// that such data can touch. One goroutine calls run.
type caseLooks struct {
	store     *store.Store
	decider   cases.Decider
	catalogue string // version
	reference func() *reference.Snapshot
	clock     *databaseClock
	metrics   *feed.Metrics
	log       zerolog.Logger

	adopted string // version of the reference data to which ordinal belongs; "" = none
	ordinal int64  // of [store.Store.AdoptVersions]
	page    store.Page
}

// run does one round, and reports whether there is more to do at once: holds that are due, or the rest of a pass over the
// cases under new versions. An error is of PostgreSQL or of ClickHouse as a
// whole; a case that cannot be decided is put off, told and counted, and stops no other.
func (l *caseLooks) run(ctx context.Context) (more bool, err error) {
	due, err := l.store.DueHolds(ctx, claimedAtOnce)
	if err = l.tellUnreadable(err); err == nil && len(due) < claimedAtOnce {
		more = len(due) > 0
		var again []store.Look
		again, err = l.outdated(ctx, claimedAtOnce-len(due))
		due = append(due, again...)
	}
	if len(due) > 0 {
		l.clock.set(due[0].Now)
		err = errors.Join(err, l.decideAll(ctx, due))
	}
	more = more || len(due) == claimedAtOnce || l.page != store.Page{}
	return more && err == nil, err
}

// outdated claims cases at which nobody has looked under the versions of now.
func (l *caseLooks) outdated(ctx context.Context, limit int) (list []store.Look, err error) {
	if now := l.reference(); now.Version() != l.adopted {
		if l.ordinal, err = l.store.AdoptVersions(ctx, l.catalogue, now.Version(), now.AsOf()); err != nil {
			return nil, err
		}
		if l.adopted, l.page = now.Version(), (store.Page{}); l.ordinal == 0 {
			l.log.Warn().Str("reference", l.adopted).Msg("another office has newer copies of the reference data: cases are decided again for their time only, until this office has them too")
		}
	}
	if l.ordinal == 0 {
		return nil, nil
	}
	list, l.page, err = l.store.Outdated(ctx, l.ordinal, l.page, verdictTime, limit)
	return list, l.tellUnreadable(err)
}

// tellUnreadable logs an error that names unreadable cases, and returns every other.
func (l *caseLooks) tellUnreadable(err error) error {
	if err == nil || !store.IsOfOneCase(err) {
		return err
	}
	l.metrics.RedecideFailed.WithLabelValues(feed.FailedByError).Inc()
	l.log.Error().Err(err).Msg("cases cannot be read, and are not decided again: somebody changed them past the program")
	return nil
}

// decideAll decides the cases again, some at a time. After an error, those that were not reached are anybody's at once.
func (l *caseLooks) decideAll(ctx context.Context, due []store.Look) error {
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(decidedAtOnce)
	answered := make([]bool, len(due)) // each goroutine has its own place
	for i := range due {
		g.Go(func() error {
			err := l.decide(within, &due[i])
			answered[i] = err == nil
			return err
		})
	}
	err := g.Wait()
	if err == nil {
		return nil
	}
	var left []cases.ID
	for i := range due {
		if !answered[i] {
			left = append(left, due[i].Case.ID)
		}
	}
	return errors.Join(err, l.store.PutOff(context.WithoutCancel(ctx), left, 0))
}

// decide decides a case again and records the answer. An error is not of the case alone.
func (l *caseLooks) decide(ctx context.Context, look *store.Look) error {
	c := &look.Case
	answer, err := l.decider.Decide(ctx, cases.QuestionOf(c, look.Now))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, replay.ErrUnreachable):
		return err
	case errors.Is(err, replay.ErrNotFound) && look.Now-c.TakenInAt < storedWithin:
		return l.store.PutOff(ctx, []cases.ID{c.ID}, waitForPassage(look.Now-c.TakenInAt))
	case err != nil:
		return l.noteFailure(ctx, look, feed.FailedByError, err)
	}
	var cmd cases.Command = cases.ReDecide{Answer: answer}
	if c.State != cases.Held && c.State != cases.Keying && c.State != cases.Open {
		cmd = cases.Overtake{Answer: answer}
	}
	done, err := l.store.Do(ctx, &store.Request{Case: c.ID, IfVersion: c.Version, Command: cmd, By: cases.SystemActor()})
	switch refusal, isRefused := errors.AsType[*cases.Refusal](err); {
	case isRefused:
		return l.noteFailure(ctx, look, feed.FailedByRefusal, refusal)
	case err != nil && store.IsOfOneCase(err):
		return l.noteFailure(ctx, look, feed.FailedByError, err)
	case err != nil:
		return err
	}
	if done.Event != nil && done.Event.Kind == cases.ReDecided {
		l.metrics.CountRedecided(&answer)
	}
	return nil
}

// waitForPassage returns how long a case of an age waits for its passage. The waits grow with the age: while the tables are
// behind, the tries of all cases together must not keep them there.
func waitForPassage(age schemas.Micros) time.Duration {
	return min(max(storedAgain, time.Duration(age/2)*time.Microsecond), storedAgainMost)
}

// noteFailure puts a case off whose decision failed. When somebody acted between claim and answer, the case as it is now is
// looked at in its turn, and only a repetition is told.
func (l *caseLooks) noteFailure(ctx context.Context, look *store.Look, cause string, reason error) error {
	failures, err := l.store.NoteFailure(ctx, look.Case.ID)
	if err != nil {
		return err
	}
	l.metrics.RedecideFailed.WithLabelValues(cause).Inc()
	if r, ok := errors.AsType[*cases.Refusal](reason); ok && failures == 1 && (r.Code == cases.CodeStale || r.Code == cases.CodeDecided) {
		return nil
	}
	l.log.Warn().Err(reason).Stringer("case", look.Case.ID).Int("failures", failures).Msg("a case was not decided again; it is tried again within an hour")
	return nil
}

// databaseClock is the clock of the database, as last measured: this machine's own may be wrong. Safe for concurrent use.
type databaseClock struct {
	ahead atomic.Int64 // nanoseconds by which the database is ahead of this machine
}

// Now returns the database's time.
func (c *databaseClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// set notes the database's time of now.
func (c *databaseClock) set(now schemas.Micros) { c.ahead.Store(int64(time.Until(now.Time()))) }

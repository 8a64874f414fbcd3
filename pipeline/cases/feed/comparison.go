package feed

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// Book is what a comparison needs of the cases: [store.Store].
type Book interface {
	Taker
	CountByHour(ctx context.Context, from, to schemas.Micros) ([]store.HourSum, error)
	Missing(ctx context.Context, offences []schemas.OffenceID) ([]schemas.OffenceID, error)
	AuditNext(ctx context.Context, buckets int) (store.AuditPass, error)
	PublishedByHour(ctx context.Context, from, to schemas.Micros) ([]store.HourSum, error)
	EventsIn(ctx context.Context, from, to schemas.Micros) ([]store.EventPlace, error)
	Republish(ctx context.Context, events []store.EventPlace) (int, error)
	NoteIntakeHours(ctx context.Context, from, to schemas.Micros, hours []store.IntakeHour, keep time.Duration) error
}

// Spans of a comparison. What is kept longest is 400 days old.
const (
	shortSpan   = 48 * time.Hour       // compared each time
	longSpan    = 400 * 24 * time.Hour // compared at the start, then in slices, one an hour: all of it in a day
	slicesADay  = 24
	sliceEvery  = time.Hour
	leaveIntake = 2 * time.Minute // what was stored since is the intake's to take
	publishWait = 15 * time.Minute
)

// Comparison compares the cases with the tables by hour, by number and sum of their ids, and takes in what is missing.
// Events that were published and are not in the table reviews are published again.
type Comparison struct {
	Cases   Book
	Table   *Table
	Terms   func(*cases.Intake) Terms
	Every   time.Duration // 0 = five minutes
	Now     func() time.Time
	Metrics *Metrics
	Log     zerolog.Logger

	missing, unseen map[schemas.Micros]int64     // by hour of capture; kept until the hour is compared again
	lost            map[schemas.Micros]*lostHour // by hour of recording
}

// lostHour is an hour whose events are not those of the table reviews.
type lostHour struct {
	since   time.Time // when it was found first
	missing int64     // published events that the table lacks
	foreign int64     // rows of the table that are no event of a case
}

// Compared is the result of a comparison.
type Compared struct {
	Rows, Cases int64 // distinct offences of the table and cases of attempt 1, by capture in the span
	TakenIn     int   // missing offences that became cases
	Missing     int   // offences of the table that are still no case
	Reviews     int64 // published events that the table reviews lacks
	Foreign     int64 // rows of the table reviews that are no event of a case
	Republished int   // events put into the outbox again
}

// Run compares now and then every Every, until ctx ends: at first everything, then the last 48 hours each time, and the
// rest in a slice an hour.
func (c *Comparison) Run(ctx context.Context) {
	part := NewPart(PartComparison, c.Metrics, c.Log)
	every := c.Every
	if every == 0 {
		every = 5 * time.Minute
	}
	var lastSlice time.Time
	next := -1 // slice of the long span; -1 = everything
	for wait := time.Duration(0); pauseFor(ctx, wait); wait = every {
		now := c.Now()
		from, to := hoursOf(now, shortSpan)
		_, err := c.compareSpan(ctx, from, to)
		if err == nil {
			err = c.audit(ctx)
		}
		if old := now.Sub(lastSlice) >= sliceEvery; err == nil && old {
			if from, to = sliceOf(now, next); next == -1 {
				from, to = hoursOf(now, longSpan)
			}
			if _, err = c.compareSpan(ctx, from, to); err == nil {
				lastSlice, next = now, (next+1)%slicesADay
			}
		}
		if ctx.Err() != nil {
			return
		}
		part.Note(err)
	}
}

// hoursOf returns the whole hours of a span until now, with the present one.
func hoursOf(now time.Time, span time.Duration) (from, to schemas.Micros) {
	return schemas.MicrosOf(now.Add(-span).Truncate(time.Hour)), schemas.MicrosOf(now.Add(time.Hour).Truncate(time.Hour))
}

// sliceOf returns a part of the long span: the parts of a day leave no hour out.
func sliceOf(now time.Time, n int) (from, to schemas.Micros) {
	length := (longSpan / slicesADay).Truncate(time.Hour) + time.Hour
	end := now.Truncate(time.Hour).Add(time.Hour - time.Duration(n)*length)
	return schemas.MicrosOf(end.Add(-length - time.Hour)), schemas.MicrosOf(end) // a slice later, an hour has passed
}

// compareSpan compares offences by hour of capture, and events by hour of recording.
func (c *Comparison) compareSpan(ctx context.Context, from, to schemas.Micros) (out Compared, err error) {
	if c.missing == nil {
		c.missing, c.unseen, c.lost = map[schemas.Micros]int64{}, map[schemas.Micros]int64{}, map[schemas.Micros]*lostHour{}
	}
	if err := c.compareOffences(ctx, from, to, &out); err != nil {
		return out, err
	}
	if err := c.compareReviews(ctx, from, to, &out); err != nil {
		return out, err
	}
	c.Metrics.FromTable.Add(float64(out.TakenIn))
	c.Metrics.Missing.Set(float64(sumOf(c.missing)))
	c.Metrics.Unseen.Set(float64(sumOf(c.unseen)))
	c.Metrics.ComparedAt.Set(float64(c.Now().Unix()))
	return out, nil
}

func sumOf(byHour map[schemas.Micros]int64) (n int64) {
	for _, k := range byHour {
		n += k
	}
	return n
}

// forgetHours removes what an earlier comparison found in [from, to).
func forgetHours[V any](byHour map[schemas.Micros]V, from, to schemas.Micros) {
	maps.DeleteFunc(byHour, func(hour schemas.Micros, _ V) bool { return hour >= from && hour < to })
}

// sumsByHour indexes sums.
func sumsByHour(list []store.HourSum) map[schemas.Micros]store.HourSum {
	out := make(map[schemas.Micros]store.HourSum, len(list))
	for _, h := range list {
		out[h.Hour] = h
	}
	return out
}

// differingHours lists the hours that are not the same on both sides.
func differingHours(a, b map[schemas.Micros]store.HourSum) (out []schemas.Micros) {
	for hour, x := range a {
		if b[hour] != x {
			out = append(out, hour)
		}
	}
	for hour := range b {
		if _, ok := a[hour]; !ok {
			out = append(out, hour)
		}
	}
	slices.Sort(out)
	return out
}

// compareOffences compares the offences of the table with the cases, and takes in what is missing.
func (c *Comparison) compareOffences(ctx context.Context, from, to schemas.Micros, out *Compared) error {
	table, err := c.Table.countByHour(ctx, from, to)
	if err != nil {
		return err
	}
	counts, err := c.Cases.CountByHour(ctx, from, to)
	if err != nil {
		return err
	}
	rows, have := sumsByHour(table), sumsByHour(counts)
	for hour := range rows {
		out.Rows += rows[hour].N
	}
	for hour := range have {
		out.Cases += have[hour].N
	}
	forgetHours(c.missing, from, to)
	forgetHours(c.unseen, from, to)
	hours := map[schemas.Micros]*store.IntakeHour{}
	for hour := range rows {
		hours[hour] = &store.IntakeHour{Hour: hour, Offences: rows[hour].N, Cases: have[hour].N}
	}
	for hour := range have {
		hours[hour] = &store.IntakeHour{Hour: hour, Offences: rows[hour].N, Cases: have[hour].N}
	}
	for _, hour := range differingHours(rows, have) {
		taken, missing := 0, 0
		if rows[hour].N > 0 {
			if taken, missing, err = c.compareHour(ctx, hour, c.Now().Add(-leaveIntake)); err != nil {
				return err
			}
		}
		out.TakenIn += taken
		out.Missing += missing
		if missing > 0 {
			c.missing[hour] = int64(missing)
		}
		if n := have[hour].N + int64(taken) - (rows[hour].N - int64(missing)); n > 0 {
			c.unseen[hour] = n
		}
		if h := hours[hour]; h != nil {
			h.Cases, h.Missing, h.Unseen = h.Cases+int64(taken), c.missing[hour], c.unseen[hour]
		}
	}
	return c.noteHours(ctx, from, to, hours)
}

// noteHours notes what was found of the last hours, for the supervisors.
func (c *Comparison) noteHours(ctx context.Context, from, to schemas.Micros, found map[schemas.Micros]*store.IntakeHour) error {
	first, end := hoursOf(c.Now(), shortSpan)
	from, to = max(from, first), min(to, end)
	if from >= to {
		return nil
	}
	var hours []store.IntakeHour
	for hour, h := range found {
		if hour >= from && hour < to {
			hours = append(hours, *h)
		}
	}
	return c.Cases.NoteIntakeHours(ctx, from, to, hours, shortSpan)
}

// compareHour takes in the offences of an hour that are no case.
func (c *Comparison) compareHour(ctx context.Context, hour schemas.Micros, stored time.Time) (taken, missing int, err error) {
	ids, err := c.Table.idsOf(ctx, hour, hour+schemas.Hour, stored)
	if err != nil {
		return 0, 0, err
	}
	for chunk := range slices.Chunk(ids, 1000) {
		left, err := c.Cases.Missing(ctx, chunk)
		if err != nil {
			return taken, missing, err
		}
		for some := range slices.Chunk(left, takeAtOnce) {
			n, err := c.takeFromTable(ctx, some, hour)
			if err != nil {
				return taken, missing, err
			}
			taken += n
			missing += len(some) - n
		}
	}
	return taken, missing, nil
}

// takeFromTable takes in offences from their rows, and returns how many are cases now.
func (c *Comparison) takeFromTable(ctx context.Context, ids []schemas.OffenceID, hour schemas.Micros) (taken int, err error) {
	rows, err := c.Table.find(ctx, ids, hour, hour+schemas.Hour)
	if err != nil {
		return 0, err
	}
	in := make([]cases.Intake, len(rows))
	for n := range rows {
		if in[n], err = intakeOf(&rows[n]); err != nil {
			c.Log.Error().Err(err).Msg("an offence of the table makes no case")
		}
	}
	if err := c.Table.markStragglers(ctx, rows, in); err != nil {
		return 0, err
	}
	in = slices.DeleteFunc(in, func(i cases.Intake) bool { return i.Offence.IsZero() })
	if err := c.addPictures(ctx, in); err != nil {
		return 0, err
	}
	left := map[schemas.OffenceID]bool{}
	for n := range in {
		left[in[n].Offence] = true
		addTerms(&in[n], c.Terms)
	}
	taken = len(left)
	err = takeApart(in, func(some []cases.Intake) error {
		_, err := c.Cases.TakeIn(ctx, some)
		return err
	}, func(one *cases.Intake, err error) {
		taken--
		c.Log.Error().Err(err).Stringer("offence", one.Offence).Msg("the database refuses an offence of the table; it is no case")
	})
	if err != nil {
		return 0, fmt.Errorf("take in offences from the table: %w", err)
	}
	if taken > 0 {
		c.Log.Warn().Int("offences", taken).Time("hour", hour.Time()).Msg("offences that the topic did not bring became cases from the table")
	}
	return taken, nil
}

// compareReviews compares the published events with the table reviews, and publishes again what the table has lacked for
// a while. Events are counted before their rows: what leaves meanwhile makes the table larger, never smaller.
func (c *Comparison) compareReviews(ctx context.Context, from, to schemas.Micros, out *Compared) error {
	events, err := c.Cases.PublishedByHour(ctx, from, to)
	if err != nil {
		return err
	}
	rows, err := c.Table.countReviews(ctx, from, to)
	if err != nil {
		return err
	}
	before := maps.Clone(c.lost)
	forgetHours(c.lost, from, to)
	for _, hour := range differingHours(sumsByHour(events), sumsByHour(rows)) {
		since := c.Now()
		if h := before[hour]; h != nil {
			since = h.since
		}
		h, err := c.compareEvents(ctx, hour, since, out)
		if err != nil {
			return err
		}
		if h.missing+h.foreign > 0 {
			c.lost[hour] = h
		}
	}
	lost, foreign := int64(0), int64(0)
	for _, h := range c.lost {
		lost, foreign = lost+h.missing, foreign+h.foreign
	}
	c.Metrics.ReviewsMissing.Set(float64(lost))
	c.Metrics.ReviewsUnknown.Set(float64(foreign))
	c.Metrics.Republished.Add(float64(out.Republished))
	return nil
}

// compareEvents compares the events of an hour by id. Missing ones are published again when the hour has differed for
// publishWait: until then they may be on their way.
func (c *Comparison) compareEvents(ctx context.Context, hour schemas.Micros, since time.Time, out *Compared) (*lostHour, error) {
	stored, err := c.Table.reviewsIn(ctx, hour, hour+schemas.Hour)
	if err != nil {
		return nil, err
	}
	events, err := c.Cases.EventsIn(ctx, hour, hour+schemas.Hour)
	if err != nil {
		return nil, err
	}
	h := &lostHour{since: since}
	var again []store.EventPlace
	for _, e := range events {
		if !stored[e.Event.ID] && !e.Waiting {
			again = append(again, e)
		}
		delete(stored, e.Event.ID)
	}
	h.missing, h.foreign = int64(len(again)), int64(len(stored))
	out.Reviews += h.missing
	out.Foreign += h.foreign
	if h.foreign > 0 {
		c.Log.Warn().Int64("rows", h.foreign).Time("hour", hour.Time()).Msg("the table reviews has events that no case has")
	}
	if len(again) == 0 || c.Now().Sub(since) < publishWait {
		return h, nil
	}
	for some := range slices.Chunk(again, republishAtOnce) {
		n, err := c.Cases.Republish(ctx, some)
		if out.Republished += n; err != nil {
			return nil, fmt.Errorf("publish events again: %w", err)
		}
	}
	h.since = c.Now()
	c.Log.Warn().Int("events", len(again)).Time("hour", hour.Time()).Msg("events of cases that the table reviews lacks are published again")
	return h, nil
}

// republishAtOnce is the number of events of a transaction that publishes again.
const republishAtOnce = 500

// auditedAtOnce is the number of buckets, of 256, that a comparison audits: all cases in 80 minutes.
const auditedAtOnce = 16

// audit holds the counts of some cases against their rows and events.
func (c *Comparison) audit(ctx context.Context) error {
	pass, err := c.Cases.AuditNext(ctx, auditedAtOnce)
	if err == nil {
		c.Metrics.Residual.Set(float64(max(pass.Unbalanced, pass.WholeUnbalanced)))
		c.Metrics.AuditPasses.Set(float64(pass.Passes))
	}
	return err
}

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
	CountByHour(ctx context.Context, from, to schemas.Micros) ([]store.HourCount, error)
	Missing(ctx context.Context, offences []schemas.OffenceID) ([]schemas.OffenceID, error)
	Audit(ctx context.Context) (store.Audit, error)
}

// Spans of a comparison.
const (
	shortSpan   = 48 * time.Hour       // compared each time
	longSpan    = 400 * 24 * time.Hour // compared each hour: late uploads, and topics that were lost
	longEvery   = time.Hour
	leaveIntake = 2 * time.Minute // what was stored since is the intake's to take
)

// Comparison compares the cases with the tables, and takes in what is missing.
type Comparison struct {
	Cases   Book
	Table   *Table
	Terms   func(*cases.Intake) Terms
	Every   time.Duration // 0 = five minutes
	Now     func() time.Time
	Metrics *Metrics
	Log     zerolog.Logger

	lastLong time.Time
}

// Compared is the result of a comparison.
type Compared struct {
	Rows, Cases int64 // distinct offences of the table and cases of attempt 1, by capture in the span
	TakenIn     int   // missing offences that became cases
	Missing     int   // offences of the table that are still no case
	Reviews     int64 // published events that the table reviews lacks
}

// Run compares now and then every Every, until ctx ends.
func (c *Comparison) Run(ctx context.Context) {
	part := NewPart(PartComparison, c.Metrics, c.Log)
	every := c.Every
	if every == 0 {
		every = 5 * time.Minute
	}
	for wait := time.Duration(0); pauseFor(ctx, wait); wait = every {
		span := shortSpan
		if c.Now().Sub(c.lastLong) >= longEvery {
			span = longSpan
		}
		_, err := c.Compare(ctx, span)
		if ctx.Err() != nil {
			return
		}
		if part.Note(err); err == nil && span == longSpan {
			c.lastLong = c.Now()
		}
	}
}

// Compare compares the captures of a span until now, and takes in what is missing.
func (c *Comparison) Compare(ctx context.Context, span time.Duration) (Compared, error) {
	now := c.Now()
	from, to := schemas.MicrosOf(now.Add(-span).Truncate(time.Hour)), schemas.MicrosOf(now.Add(time.Hour).Truncate(time.Hour))
	rows, err := c.Table.countByHour(ctx, from, to)
	if err != nil {
		return Compared{}, err
	}
	counts, err := c.Cases.CountByHour(ctx, from, to)
	if err != nil {
		return Compared{}, err
	}
	have := map[schemas.Micros]int64{}
	var out Compared
	for _, h := range counts {
		have[h.Hour] = h.N
		out.Cases += h.N
	}
	for _, hour := range slices.Sorted(maps.Keys(rows)) {
		out.Rows += rows[hour]
		if rows[hour] <= have[hour] {
			continue
		}
		taken, missing, err := c.compareHour(ctx, hour, now.Add(-leaveIntake))
		if err != nil {
			return out, err
		}
		out.TakenIn += taken
		out.Missing += missing
	}
	if err := c.compareReviews(ctx, &out); err != nil {
		return out, err
	}
	c.Metrics.FromTable.Add(float64(out.TakenIn))
	c.Metrics.Missing.Set(float64(out.Missing))
	c.Metrics.Unseen.Set(float64(max(0, out.Cases+int64(out.TakenIn)-out.Rows)))
	c.Metrics.ReviewsMissing.Set(float64(out.Reviews))
	c.Metrics.ComparedAt.Set(float64(now.Unix()))
	return out, nil
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

// compareReviews audits the cases, and counts the events that left the outbox and are not in the table. The cases are counted first: what
// happens meanwhile makes the table larger, never smaller.
func (c *Comparison) compareReviews(ctx context.Context, out *Compared) error {
	audit, err := c.Cases.Audit(ctx)
	if err != nil {
		return err
	}
	c.Metrics.Residual.Set(float64(audit.Unbalanced()))
	stored, err := c.Table.countReviews(ctx)
	if err != nil {
		return err
	}
	out.Reviews = max(0, audit.Events-audit.Outbox-stored)
	return nil
}

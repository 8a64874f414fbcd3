package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// IntakeGroup is the consumer group of all offices on anpr.offences.v1.
const IntakeGroup = "anpr-cases"

// Taker makes cases of offences: [store.Store].
type Taker interface {
	TakeIn(ctx context.Context, in []cases.Intake) (store.Taken, error)
}

// Intake makes cases of the records of anpr.offences.v1. Several intakes share the partitions.
type Intake struct {
	Group    ingest.ConsumerGroup
	Cases    Taker
	Table    *Table                    // completes records of an earlier program; nil = no tables
	Terms    func(*cases.Intake) Terms // of the catalogue of the day
	Patience int                       // questions to the table for a row that is not there; 0 = 30
	Every    time.Duration             // pause between the questions; 0 = a second
	Metrics  *Metrics
	Log      zerolog.Logger

	part *Part
}

// takeAtOnce is the largest number of offences in a transaction.
const takeAtOnce = 200

// Run takes in offences until ctx ends.
func (i *Intake) Run(ctx context.Context) {
	i.part = NewPart(PartIntake, i.Metrics, i.Log)
	if i.Patience == 0 {
		i.Patience = 30
	}
	if i.Every == 0 {
		i.Every = time.Second
	}
	readPartitions(ctx, i.Group, i.Log, i.readPartition)
}

// readPartition takes in the records of a partition, from where the group committed.
func (i *Intake) readPartition(ctx context.Context, gen ingest.Generation, partition int32) error {
	at, _, gap, err := firstOffset(ctx, gen, partition)
	if err != nil {
		return err
	}
	i.noteGap(partition, at, gap)
	reader, err := gen.Open(ctx, partition, at)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	for recs := (&shard.Records{}); ctx.Err() == nil; recs.Reset() {
		fetched := reader.Fetch(ctx, recs)
		if n := recs.Len(); n > 0 {
			if err := i.takeRecords(ctx, partition, recs); err != nil {
				return err
			}
			last, _ := recs.At(n - 1)
			at = last + 1
			if err := commitOffset(ctx, gen, i.part, partition, at, ""); err != nil {
				return err
			}
		}
		if fetched != nil {
			return i.leaveUnreadable(ctx, gen, partition, at, fetched)
		}
	}
	return nil
}

func (i *Intake) noteGap(partition int32, at, gap int64) {
	if gap > 0 {
		i.Metrics.Gap.Add(float64(gap))
		i.Log.Error().Int32("partition", partition).Int64("offset", at).Int64("records", gap).
			Msg("offences left the topic before they became cases; the comparison takes them in from the table")
	}
}

// leaveUnreadable goes on behind records that cannot be taken from the log, when their extent is known. Their offences
// are in the table.
func (i *Intake) leaveUnreadable(ctx context.Context, gen ingest.Generation, partition int32, at int64, err error) error {
	to, ok := behindUnreadable(err)
	if !ok {
		return err
	}
	i.noteGap(partition, to, to-at)
	return errors.Join(err, commitOffset(ctx, gen, i.part, partition, to, ""))
}

// takeRecords makes cases of records. It returns when every record is a case, or is counted as refused; the error is
// ctx's.
func (i *Intake) takeRecords(ctx context.Context, partition int32, recs *shard.Records) error {
	in := make([]cases.Intake, 0, recs.Len())
	for n := range recs.Len() {
		offset, value := recs.At(n)
		one, err := ParseOffence(value)
		if err != nil {
			i.Metrics.Intake.WithLabelValues(resultRefused).Inc()
			i.Log.Error().Err(err).Int32("partition", partition).Int64("offset", offset).Msg("a record of the offences topic makes no case")
			continue
		}
		one.Sealed = slices.Clone(one.Sealed)
		in = append(in, one)
	}
	if err := i.complete(ctx, in); err != nil {
		return err
	}
	if err := i.addPictures(ctx, in); err != nil {
		return err
	}
	for n := range in {
		addTerms(&in[n], i.Terms)
	}
	for chunk := range slices.Chunk(in, takeAtOnce) {
		if err := i.takeIn(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// takeIn takes in offences. It returns when each is a case, or is counted as refused; the error is ctx's.
func (i *Intake) takeIn(ctx context.Context, in []cases.Intake) error {
	return takeApart(in, func(some []cases.Intake) error {
		var taken store.Taken
		err := retry(ctx, i.part, isRefusedForGood, func(ctx context.Context) (err error) {
			taken, err = i.Cases.TakeIn(ctx, some)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		i.Metrics.Intake.WithLabelValues(resultNew).Add(float64(taken.New))
		i.Metrics.Intake.WithLabelValues(resultRepeated).Add(float64(taken.Repeated))
		i.Metrics.Intake.WithLabelValues(resultDiffers).Add(float64(taken.Differing))
		return err
	}, func(one *cases.Intake, err error) {
		i.Metrics.Intake.WithLabelValues(resultRefused).Inc()
		i.Log.Error().Err(err).Stringer("offence", one.Offence).Msg("the database refuses an offence; it is in the table and on the topic, and no case")
	})
}

// takeApart takes in offences in a transaction. Offences that will never be taken are set apart by halves and handed to
// refused, so that the others become cases. Any other error ends it.
func takeApart(in []cases.Intake, take func([]cases.Intake) error, refused func(*cases.Intake, error)) error {
	if len(in) == 0 {
		return nil
	}
	err := take(in)
	switch {
	case err == nil || !isRefusedForGood(err):
		return err
	case len(in) == 1:
		refused(&in[0], err)
		return nil
	}
	return errors.Join(takeApart(in[:len(in)/2], take, refused), takeApart(in[len(in)/2:], take, refused))
}

// isRefusedForGood reports whether the same rows will be refused again: their values are at fault, not the server. The
// classes are those of SQLSTATE.
func isRefusedForGood(err error) bool {
	if _, ok := errors.AsType[*cases.Refusal](err); ok {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(e.Code) != 5 {
		return false
	}
	switch e.Code[:2] {
	case "22", "23", "54": // data exception, integrity constraint, program limit
		return true
	}
	return false
}

// complete gives records without sealed bytes those of the table. It waits for rows that are not stored yet; an absent
// database costs no patience. What stays without goes to a supervisor.
func (i *Intake) complete(ctx context.Context, in []cases.Intake) error {
	var open []*cases.Intake
	for n := range in {
		if len(in[n].Sealed) == 0 {
			open = append(open, &in[n])
		}
	}
	for asked := 0; len(open) > 0 && i.Table != nil; asked++ {
		err := retry(ctx, i.part, nil, func(ctx context.Context) (err error) {
			open, err = i.Table.complete(ctx, open)
			return err
		})
		if err != nil {
			return err
		}
		if len(open) == 0 || asked >= i.Patience {
			break
		}
		if !pauseFor(ctx, i.Every) {
			return ctx.Err()
		}
	}
	for _, o := range open {
		i.Metrics.Intake.WithLabelValues(resultUnsealed).Inc()
		i.Log.Error().Stringer("offence", o.Offence).Msg("an offence came without its sealed bytes and has no row; it goes to a supervisor")
	}
	return nil
}

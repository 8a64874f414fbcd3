package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/tripwire"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Intervals of the tripwires, and for how long an offence that was taken in is judged: until then the reads around it are
// stored.
const (
	wiresEvery  = time.Second
	judgeEvery  = 15 * time.Second
	arrivalTime = schemas.Minute
	firstLook   = 15 * schemas.Minute // after the start of an office
)

// followWires holds the cases of open tripwires, and has those of released ones decided again.
func (r *CasesRole) followWires(ctx context.Context) {
	part := feed.NewPart(feed.PartWires, r.metrics, r.log)
	repeatEvery(ctx, wiresEvery, func(ctx context.Context) bool {
		f, err := r.Store.FollowWires(ctx)
		if err == nil {
			var open int64
			if open, err = r.Store.CountOpenWires(ctx); err == nil {
				r.metrics.Wires.Set(float64(open))
			}
		}
		if ctx.Err() == nil {
			part.Note(err)
		}
		r.metrics.WireHolds.Add(float64(f.Held))
		return err == nil && f.Held > 0
	})
}

// watchOffences compares what was taken in with the history of its cameras. Several offices compare the same, and one opens
// the wire.
func (r *CasesRole) watchOffences(ctx context.Context) {
	part := feed.NewPart(feed.PartTripwires, r.metrics, r.log)
	w := &tripwires{store: r.Store, reads: &readCounts{r.tables}, law: r.law, metrics: r.metrics, log: r.log}
	repeatEvery(ctx, judgeEvery, func(ctx context.Context) bool {
		err := w.run(ctx)
		if ctx.Err() == nil {
			part.Note(err)
		}
		return false
	})
}

// tripwires watches the offences of cameras. One goroutine calls run.
type tripwires struct {
	store   *store.Store
	reads   *readCounts
	law     *caseLaw
	metrics *feed.Metrics
	log     zerolog.Logger

	upTo schemas.Micros // offences taken in before were judged; 0 = none yet
}

// run judges what was taken in since the last round. After an error the next round judges it again; a camera that cannot be
// judged keeps no other from it.
func (w *tripwires) run(ctx context.Context) error {
	now, err := w.store.Now(ctx)
	if err != nil {
		return err
	}
	since := now - firstLook
	if w.upTo != 0 {
		since = w.upTo - arrivalTime
	}
	law, _ := w.law.today()
	shared := law.Tripwire("")
	longest, least, history := tripwire.LongestWindow(&shared), shared.Vehicles, shared.History
	for _, family := range rules.FamilyNames((*rules.Info).Decides) {
		b := law.Tripwire(schemas.Family(family))
		longest, least, history = max(longest, tripwire.LongestWindow(&b)), min(least, b.Vehicles), max(history, b.History)
	}
	list, err := w.store.Arrivals(ctx, since, longest, least)
	if err != nil {
		return err
	}
	hours, err := w.reads.count(ctx, list, history+24*schemas.Hour, "toStartOfHour")
	if err != nil {
		return err
	}
	minutes, err := w.reads.count(ctx, list, longest+schemas.Minute, "toStartOfMinute")
	if err != nil {
		return err
	}
	var errs []error
	for i := range list {
		a, b := &list[i], law.Tripwire(list[i].Family)
		in := &tripwire.Input{Arrived: tripwire.Span{From: a.From, To: a.To}, Hours: hours[askedOf(a)], Minutes: minutes[askedOf(a)]}
		if err := w.judge(ctx, a, &b, in, ignoredHolds(law)); err != nil {
			errs = append(errs, fmt.Errorf("camera %s, family %s: %w", list[i].Camera, list[i].Family, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	w.upTo = now
	w.metrics.WiresAt.Set(float64(now / schemas.Second))
	return nil
}

// ignoredHolds lists the reasons of holds that end with a newer copy of a register. They say that the copy lacks something,
// and nothing about a camera.
func ignoredHolds(law *rules.CaseRules) (out []string) {
	for reason, h := range law.Holds {
		if h.Ends == rules.EndsByCopy && slices.Contains(h.Copies, rules.CopyVehicles) {
			out = append(out, reason)
		}
	}
	return out
}

// judge compares the offences of one camera and family, and opens a wire when they jump.
func (w *tripwires) judge(ctx context.Context, a *store.Arrival, b *rules.Tripwire, in *tripwire.Input, ignored []string) error {
	if err := w.addOffences(ctx, a, b, in, ignored); err != nil {
		return err
	}
	trip, ok := tripwire.Judge(in, b)
	if !ok {
		return nil
	}
	_, opened, err := w.store.OpenWire(ctx, store.Wire{
		Camera: a.Camera, Family: a.Family, Zone: a.Zone, Regime: a.Regime, DoubtFrom: trip.Window.From, DoubtTo: trip.Window.To, Evidence: trip.Evidence,
	})
	if opened {
		w.metrics.WiresTripped.Inc()
		w.log.Error().Str("camera", a.Camera).Str("family", string(a.Family)).Str("evidence", rules.RenderStep(rules.English, trip.Evidence[0])).
			Msg("a tripwire: the offences of a camera jumped, and none is issued until a supervisor releases the wire")
	}
	return err
}

// addOffences adds the offences of the camera to what the judge needs, and what earlier wires say of its history.
func (w *tripwires) addOffences(ctx context.Context, a *store.Arrival, b *rules.Tripwire, in *tripwire.Input, ignored []string) error {
	wires, err := w.store.WiresOf(ctx, a.Camera, a.Family)
	if err != nil {
		return err
	}
	for _, old := range wires { // of a released wire: one that is open is not judged
		in.NoteRelease(old.Finding == store.WireReal, tripwire.Span{From: old.DoubtFrom, To: old.ReleasedAt}, b)
	}
	from := a.From - b.History - 24*schemas.Hour // the history ends with the day before
	list, err := w.store.OffencesOf(ctx, a.Camera, a.Family, from, a.To+1)
	if err != nil {
		return err
	}
	for i := range list {
		o := &list[i]
		in.Offences = append(in.Offences, tripwire.Offence{CapturedAt: o.CapturedAt, Plate: o.Plate, Excess: o.Excess, Uncounted: slices.Contains(ignored, o.HeldFor)})
	}
	return nil
}

// readCounts counts the reads of cameras in the table reads.
type readCounts struct{ db driver.Conn }

// asked is a camera in a question that arrivals share.
type asked struct {
	camera string
	since  schemas.Micros
}

// sharedFor is how far apart the first captures of arrivals may lie that share a question.
const sharedFor = 6 * schemas.Hour

func askedOf(a *store.Arrival) asked { return asked{a.Camera, a.From / sharedFor} }

// count returns the reads of the arrivals' cameras by the begin of their hour or minute, from the time before the first
// capture of each arrival to its last or later. Arrivals of the same hours share one question: hundreds of cameras bring
// offences in the same seconds. The projection by_camera answers it. A read stored twice counts twice.
func (c *readCounts) count(ctx context.Context, list []store.Arrival, before schemas.Micros, begin string) (map[asked]map[schemas.Micros]int64, error) {
	type question struct {
		cameras  []string
		from, to schemas.Micros
	}
	questions := map[schemas.Micros]*question{}
	for i := range list {
		a, since := &list[i], askedOf(&list[i]).since
		q := questions[since]
		if q == nil {
			q = &question{from: a.From, to: a.To}
			questions[since] = q
		}
		q.cameras, q.from, q.to = append(q.cameras, a.Camera), min(q.from, a.From), max(q.to, a.To)
	}
	out := map[asked]map[schemas.Micros]int64{}
	for since, q := range questions {
		rows, err := c.db.Query(ctx, fmt.Sprintf(`SELECT camera_id, toUnixTimestamp(%s(captured_at)) AS begin, count() FROM reads
			WHERE camera_id IN (?) AND captured_at >= fromUnixTimestamp64Micro(%d, 'UTC') AND captured_at <= fromUnixTimestamp64Micro(%d, 'UTC') GROUP BY camera_id, begin`, begin, q.from-before, q.to), q.cameras)
		if err != nil {
			return nil, fmt.Errorf("count the reads of cameras: %w", err)
		}
		if err := addCounts(out, since, rows); err != nil {
			return nil, fmt.Errorf("count the reads of cameras: %w", err)
		}
	}
	return out, nil
}

// addCounts adds the rows of a question, and closes them.
func addCounts(out map[asked]map[schemas.Micros]int64, since schemas.Micros, rows driver.Rows) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var camera string
		var at uint32
		var n uint64
		if err := rows.Scan(&camera, &at, &n); err != nil {
			return err
		}
		key := asked{camera, since}
		if out[key] == nil {
			out[key] = map[schemas.Micros]int64{}
		}
		out[key][schemas.Micros(at)*schemas.Second] = int64(n) //nolint:gosec // a number of reads
	}
	return rows.Err()
}

package tripwire

import (
	"cmp"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Offence is an offence of the camera and the family that is judged.
type Offence struct {
	CapturedAt schemas.Micros
	Plate      string
	Excess     schemas.Speed // corrected speed above what is allowed; 0 = none was measured
	Uncounted  bool          // held because a register lacks something, which says nothing about the camera
}

// Span is a range [From, To) of capture time.
type Span struct{ From, To schemas.Micros }

func (s Span) contains(at schemas.Micros) bool { return s.From <= at && at < s.To }

// Input is what is known of a camera and a family. Judge only reads it; one goroutine fills it.
type Input struct {
	Offences []Offence // by capture, from the beginning of the history on
	Arrived  Span      // captures of the offences that arrived lately, the last included
	// Hours counts the reads of the camera by the beginning of the hour, Minutes by that of the minute. Minutes reaches from
	// LongestWindow before Arrived to its end.
	Hours, Minutes map[schemas.Micros]int64
	noHistory      []Span         // in which something was wrong that was mended
	looked         []Span         // at which a person looked who released a wire: no window counts their offences again
	historyFrom    schemas.Micros // the history began anew, because a person found a jump real; 0 = it did not
}

// NoteRelease notes a wire that a person released: the captures from the beginning of its window to its release. isReal =
// nothing was wrong, and the history of the camera begins anew with the window; else nothing of the time counts.
func (in *Input) NoteRelease(isReal bool, s Span, b *rules.Tripwire) {
	whole := Span{s.From - LongestWindow(b), s.To} // a longer window may have begun before
	in.looked = append(in.looked, whole)
	if isReal {
		in.historyFrom = max(in.historyFrom, s.From)
	} else {
		in.noHistory = append(in.noHistory, whole)
	}
}

// isCounted reports whether a window counts the offence.
func (in *Input) isCounted(o *Offence) bool {
	return !o.Uncounted && !slices.ContainsFunc(in.looked, func(s Span) bool { return s.contains(o.CapturedAt) })
}

// Trip is a jump.
type Trip struct {
	Window   Span // captures, the last included
	Evidence []schemas.Step
}

// windowLengths are the windows in lengths of the bounds' one: a street with little traffic needs longer to show a jump.
var windowLengths = []schemas.Micros{1, 3, 12}

// LongestWindow returns the longest window of the bounds.
func LongestWindow(b *rules.Tripwire) schemas.Micros {
	return windowLengths[len(windowLengths)-1] * b.Window
}

// leastPassages is the number of reads from which hours are a history, and leastDays that of their days.
const (
	leastPassages = 200
	leastDays     = 2
)

// leastExcesses is the number of earlier offences from which their speeds are a distribution.
const leastExcesses = 30

// excesses are the excesses of speed whose share is compared.
var excesses = []schemas.Speed{50, 100, 150, 200, 250, 300}

// Judge looks at each window that ends at an offence that arrived lately, the shortest windows first, and returns the first
// jump.
func Judge(in *Input, b *rules.Tripwire) (Trip, bool) {
	if b.Window <= 0 || b.Vehicles <= 0 {
		return Trip{}, false
	}
	j := &judge{in: in, b: b, histories: map[historyKey]*history{}, excess: map[historyKey]*excessHistory{}}
	first, _ := slices.BinarySearchFunc(in.Offences, in.Arrived.From, func(o Offence, at schemas.Micros) int { return cmp.Compare(o.CapturedAt, at) })
	for _, length := range windowLengths {
		for end := first; end < len(in.Offences) && in.Offences[end].CapturedAt <= in.Arrived.To; end++ {
			if !in.isCounted(&in.Offences[end]) {
				continue
			}
			if evidence := j.judgeWindow(end, length*b.Window); evidence != nil {
				at := in.Offences[end].CapturedAt
				return Trip{Window: Span{at - length*b.Window + 1, at}, Evidence: evidence}, true
			}
		}
	}
	return Trip{}, false
}

// judge compares the windows of one input.
type judge struct {
	in        *Input
	b         *rules.Tripwire
	histories map[historyKey]*history
	excess    map[historyKey]*excessHistory
}

// judgeWindow compares the window of the length that ends with an offence; nil = it is no jump.
func (j *judge) judgeWindow(end int, length schemas.Micros) []schemas.Step {
	to := j.in.Offences[end].CapturedAt
	vehicles := map[string]schemas.Speed{} // highest excess of each
	for i := end; i >= 0 && j.in.Offences[i].CapturedAt > to-length; i-- {
		if o := &j.in.Offences[i]; j.in.isCounted(o) {
			vehicles[o.Plate] = max(vehicles[o.Plate], o.Excess)
		}
	}
	now := &rules.WireWindow{Minutes: int64(length / schemas.Minute), To: to, Vehicles: int64(len(vehicles))}
	if len(vehicles) < j.b.Vehicles {
		return nil
	}
	for at := (to - length + 1) / schemas.Minute * schemas.Minute; at <= to; at += schemas.Minute {
		now.Passages += j.in.Minutes[at]
	}
	if evidence := j.judgeRate(now, length); evidence != nil {
		return evidence
	}
	return j.judgeExcess(now, vehicles)
}

// judgeRate compares the share of offences among the reads. An hour of the history counts by its reads and by its time, and
// the measure by which the window is the larger part counts: neither a diversion nor reads that are stored late make a jump.
func (j *judge) judgeRate(now *rules.WireWindow, length schemas.Micros) []schemas.Step {
	h := j.historyAt(now.To)
	if h == nil {
		return j.judgePlausible(now)
	}
	part, whole := now.Passages, h.passages
	if byTime := int64(length / schemas.Minute); byTime*whole > part*h.minutes || part == 0 {
		part, whole = byTime, h.minutes
	}
	if now.Vehicles*whole < int64(j.b.Factor)*(h.offences+1)*part {
		return nil
	}
	if !isRarer(now.Vehicles, now.Vehicles+h.offences, part, whole, j.b.Chance) {
		return nil
	}
	return j.b.RateEvidence(now, &rules.WireHistory{SameHour: h.sameHour, Offences: h.offences, Passages: h.passages})
}

// judgePlausible compares with what is plausible of a camera without a history. While fewer reads than offences are stored,
// the others are on their way. Where a person found a jump real, the first days of the new history are not judged.
func (j *judge) judgePlausible(now *rules.WireWindow) []schemas.Step {
	share := int64(j.b.Plausible)
	if j.in.historyFrom != 0 || now.Passages < now.Vehicles || now.Vehicles*1000 <= share*now.Passages || !isRarer(now.Vehicles, now.Passages, share, 1000-share, j.b.Chance) {
		return nil
	}
	return j.b.PlausibleEvidence(now)
}

// judgeExcess compares the speeds among the offences with those of the days of the same kind, by day or by night.
func (j *judge) judgeExcess(now *rules.WireWindow, vehicles map[string]schemas.Speed) []schemas.Step {
	h := j.excessesAt(now.To)
	if h.all < leastExcesses || len(h.days) < leastDays {
		return nil
	}
	for n, least := range excesses {
		x := int64(0)
		for _, excess := range vehicles {
			if excess >= least {
				x++
			}
		}
		y := h.from[n]
		if x < int64(j.b.Vehicles) || x*h.all < 2*(y+1)*now.Vehicles {
			continue // fewer, or less than twice the share
		}
		if isRarerShare(x, now.Vehicles, y, h.all, j.b.Chance) {
			return j.b.ExcessEvidence(now, least, x, y, h.all)
		}
	}
	return nil
}

// historyKey is a Brussels day and hour of a window.
type historyKey struct {
	day  schemas.Day
	hour int
}

// history is what comparable hours before the day of a window had.
type history struct {
	sameHour                    bool
	offences, passages, minutes int64
}

// excessHistory counts earlier offences by their excess.
type excessHistory struct {
	all  int64
	from []int64 // by excesses: those with at least that much
	days map[schemas.Day]bool
}

// local returns the Brussels day and hour of an instant.
func local(at schemas.Micros) (time.Time, historyKey) {
	t := at.Time().In(schemas.Brussels())
	return t, historyKey{at.Day(), t.Hour()}
}

// isWeekend reports whether the day is a Saturday or a Sunday.
func isWeekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

// historyBefore returns the range of the history of a day.
func (j *judge) historyBefore(day schemas.Day) Span {
	end := day.Start()
	return Span{max(j.in.historyFrom, end-j.b.History), end}
}

// isCounted reports whether an instant of the history was as the camera is.
func (j *judge) isCounted(at schemas.Micros) bool {
	return !slices.ContainsFunc(j.in.noHistory, func(s Span) bool { return s.contains(at) })
}

// historyAt returns the history of the hour: of its weekday, else of days of its kind; nil = there is too little of both.
func (j *judge) historyAt(at schemas.Micros) *history {
	t, key := local(at)
	if h, ok := j.histories[key]; ok {
		return h
	}
	h := j.collect(key, func(o time.Time) bool { return o.Weekday() == t.Weekday() })
	if h != nil {
		h.sameHour = true
	} else {
		h = j.collect(key, func(o time.Time) bool { return isWeekend(o) == isWeekend(t) })
	}
	j.histories[key] = h
	return h
}

// collect sums the hours before the day that are at most one from its hour, of the days that are asked for.
func (j *judge) collect(key historyKey, isAsked func(time.Time) bool) *history {
	h, days, span := &history{}, map[schemas.Day]bool{}, j.historyBefore(key.day)
	asked := map[schemas.Micros]bool{} // hours
	for hour, n := range j.in.Hours {
		if !span.contains(hour) || n == 0 {
			continue
		}
		t, own := local(hour)
		if apart := (own.hour - key.hour + 24) % 24; apart > 1 && apart != 23 || !isAsked(t) || !j.isCounted(hour) {
			continue
		}
		h.passages, h.minutes = h.passages+n, h.minutes+60
		asked[hour], days[own.day] = true, true
	}
	for i := range j.in.Offences {
		if at := j.in.Offences[i].CapturedAt; asked[at/schemas.Hour*schemas.Hour] && j.isCounted(at) {
			h.offences++
		}
	}
	if h.passages < leastPassages || len(days) < leastDays {
		return nil
	}
	return h
}

// excessesAt returns the speeds of offences before the day, of days of its kind, by day or by night.
func (j *judge) excessesAt(at schemas.Micros) *excessHistory {
	t, key := local(at)
	if h, ok := j.excess[key]; ok {
		return h
	}
	h, span := &excessHistory{from: make([]int64, len(excesses)), days: map[schemas.Day]bool{}}, j.historyBefore(key.day)
	alike := map[schemas.Micros]bool{} // hours
	for hour := range j.in.Hours {
		other, own := local(hour)
		if alike[hour] = isWeekend(other) == isWeekend(t) && isNight(own.hour) == isNight(key.hour); alike[hour] && span.contains(hour) {
			h.days[own.day] = true
		}
	}
	for i := range j.in.Offences {
		o := &j.in.Offences[i]
		if o.Excess <= 0 || !span.contains(o.CapturedAt) || !alike[o.CapturedAt/schemas.Hour*schemas.Hour] || !j.isCounted(o.CapturedAt) {
			continue
		}
		h.all++
		for n, least := range excesses {
			if o.Excess >= least {
				h.from[n]++
			}
		}
	}
	j.excess[key] = h
	return h
}

// isNight reports whether an hour is one of 22 to 6 o'clock.
func isNight(hour int) bool { return hour >= 22 || hour < 6 }

package rules

import (
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// sectionPair is an entry and an exit of one vehicle.
type sectionPair struct {
	section           *schemas.Section
	entry, exit       schemas.PastPassage
	entryEnd, exitEnd *schemas.SectionEnd
	atEntry           bool // the subject is the entry, so the exit closed before

	length          int64          // metres
	elapsed, clocks schemas.Micros // between the captures; both uncertainties
	speed           schemas.Speed  // lower bound
	entries         int            // entries that could have been the beginning

	reversed bool // the exit was captured before the entry, and nobody can be back so soon
	judged   bool // the exit was judged before, with another entry
	hasTwin  bool
	twin     schemas.PastPassage // a passage of a plate that is easily taken for this one
}

// other returns the passage that is not the subject.
func (p *sectionPair) other() *schemas.PastPassage {
	if p.atEntry {
		return &p.exit
	}
	return &p.entry
}

// country returns the country of the vehicle: that of the end that has one.
func (p *sectionPair) country() schemas.Country {
	if p.exit.Country.IsZero() {
		return p.entry.Country
	}
	return p.exit.Country
}

// kind returns the kind of the vehicle as the exit saw it, else the entry.
func (p *sectionPair) kind() schemas.VehicleKind {
	if p.exit.Kind == schemas.KindUnknown {
		return p.entry.Kind
	}
	return p.exit.Kind
}

// ownSection returns the section of which the passage is an end; nil when it is none, when the camera has not the
// purpose, and when no history is kept. A lane and direction are the end of one section at a time: the registry
// refuses more.
func ownSection(s *Subject) (section *schemas.Section, atEntry bool) {
	if s.Camera == nil || !MeasuresSections(s.Camera) || s.History == nil || s.Straggler || s.Passage.Parked {
		return nil, false
	}
	on := &s.Passage.Best
	for _, x := range s.Camera.Sections {
		if !x.ValidAt(on.CapturedAt) {
			continue
		}
		if schemas.FindEnd(x.Entries, s.Camera.Number, on.Lane, on.Direction) != nil {
			return x, true
		}
		if schemas.FindEnd(x.Exits, s.Camera.Number, on.Lane, on.Direction) != nil {
			return x, false
		}
	}
	return nil, false
}

// pastBuffers are buffers for the answers of a history, so that a clean passage costs no allocation.
var pastBuffers = sync.Pool{New: func() any { return new([]schemas.PastPassage) }}

// findPair finds the partner of a passage in its section and measures the pair; false = there is none.
func findPair(p *sectionPair, s *Subject, section *schemas.Section, atEntry bool, bounds *sectionBounds) bool {
	buf := pastBuffers.Get().(*[]schemas.PastPassage)
	own := schemas.PastPassageOf(s.Passage, s.Camera.SiteHash, s.Camera.Number)
	all := s.History.Passages((*buf)[:0], s.Passage.Class, own.CapturedAt-bounds.longest, own.CapturedAt+bounds.longest+1)
	p.section, p.atEntry = section, atEntry
	found := p.choosePair(all, &own, bounds)
	*buf = all[:0]
	pastBuffers.Put(buf)
	return found
}

// choosePair chooses among the passages of the class, in the order of capture. An exit ends what began before it, so
// an entry counts for the first exit after it only.
func (p *sectionPair) choosePair(all []schemas.PastPassage, own *schemas.PastPassage, bounds *sectionBounds) bool {
	begin := own.CapturedAt - bounds.longest // entries lie between it and the exit
	exit := own
	if p.atEntry {
		exit = nil
	}
	for i := range all {
		x := &all[i]
		if x.ID == own.ID || !p.isEnd(x) {
			continue
		}
		if !sameReading(x, own) {
			if !p.hasTwin {
				p.twin, p.hasTwin = *x, true
			}
			continue
		}
		if schemas.FindEnd(p.section.Exits, x.Camera, x.Lane, x.Direction) == nil {
			continue
		}
		switch {
		case x.CapturedAt <= own.CapturedAt && (p.atEntry || x.CapturedAt < own.CapturedAt):
			begin = max(begin, x.CapturedAt)
		case p.atEntry && exit == nil:
			exit = x
		}
	}
	if exit != nil {
		end := exit.CapturedAt
		p.chooseEntry(all, own, exit, max(begin, end-bounds.longest-1), end)
	}
	if p.entries == 0 {
		return p.findReversed(all, own, bounds)
	}
	p.measure()
	return true
}

// isEnd reports whether a passage is one at an entry or exit of the section.
func (p *sectionPair) isEnd(x *schemas.PastPassage) bool {
	return schemas.FindEnd(p.section.Entries, x.Camera, x.Lane, x.Direction) != nil || schemas.FindEnd(p.section.Exits, x.Camera, x.Lane, x.Direction) != nil
}

// sameReading reports whether two passages have exactly the same plate, and countries that agree.
func sameReading(a, b *schemas.PastPassage) bool {
	return a.Plate == b.Plate && (a.Country == b.Country || a.Country.IsZero() || b.Country.IsZero())
}

// chooseEntry chooses the entry that gives the lowest speed, the earliest of equal ones.
func (p *sectionPair) chooseEntry(all []schemas.PastPassage, own, exit *schemas.PastPassage, begin, end schemas.Micros) {
	p.exit = *exit
	p.exitEnd = schemas.FindEnd(p.section.Exits, exit.Camera, exit.Lane, exit.Direction)
	consider := func(x *schemas.PastPassage) {
		if x.CapturedAt <= begin || x.CapturedAt >= end || !sameReading(x, own) {
			return
		}
		from := schemas.FindEnd(p.section.Entries, x.Camera, x.Lane, x.Direction)
		if from == nil || p.entries > 0 && x.ID == p.entry.ID {
			return
		}
		p.entries++
		length := p.section.LengthBetween(from.Camera, p.exitEnd.Camera, x.Lane, exit.Lane)
		speed := averageSpeed(length, end-x.CapturedAt+from.Clock+p.exitEnd.Clock)
		if p.entries == 1 || speed < p.speed || speed == p.speed && x.CapturedAt < p.entry.CapturedAt {
			p.entry, p.entryEnd, p.length, p.speed = *x, from, length, speed
		}
	}
	if p.atEntry {
		consider(own)
	}
	for i := range all {
		if all[i].ID != own.ID {
			consider(&all[i])
		}
	}
	p.judged = p.atEntry && p.entries > 1
}

// measure sets the times of the chosen pair.
func (p *sectionPair) measure() {
	p.elapsed, p.clocks = p.exit.CapturedAt-p.entry.CapturedAt, p.entryEnd.Clock+p.exitEnd.Clock
}

// findReversed looks for a pair whose exit was captured before its entry, so shortly before that a clock must be wrong.
func (p *sectionPair) findReversed(all []schemas.PastPassage, own *schemas.PastPassage, bounds *sectionBounds) bool {
	ends := p.section.Entries
	if p.atEntry {
		ends = p.section.Exits
	}
	soonest := schemas.Micros(p.section.LengthM * 36 * int64(schemas.Second) / int64(bounds.absurd))
	for i := range all {
		x := &all[i]
		end := schemas.FindEnd(ends, x.Camera, x.Lane, x.Direction)
		away := x.CapturedAt - own.CapturedAt
		if p.atEntry {
			away = -away
		}
		if end == nil || x.ID == own.ID || !sameReading(x, own) || away < 0 || away >= soonest {
			continue
		}
		p.entry, p.exit = *x, *own
		if p.atEntry {
			p.entry, p.exit = *own, *x
		}
		p.entryEnd = schemas.FindEnd(p.section.Entries, p.entry.Camera, p.entry.Lane, p.entry.Direction)
		p.exitEnd = schemas.FindEnd(p.section.Exits, p.exit.Camera, p.exit.Lane, p.exit.Direction)
		p.reversed = true
		return true
	}
	return false
}

// mostSpeed bounds what is written as a speed, in tenths of km/h.
const mostSpeed = 99_999

// averageSpeed returns the speed over a length in metres, rounded down to tenths of km/h.
func averageSpeed(length int64, t schemas.Micros) schemas.Speed {
	return schemas.Speed(min(length*36*int64(schemas.Second)/max(int64(t), 1), mostSpeed))
}

// highestLimit returns the highest limit that held at any instant between two, and whether a variable sign set one of
// them; nil when at some instant no limit is known. Hours change at whole minutes.
func highestLimit(limits []schemas.SpeedLimit, from, to schemas.Micros) (highest *schemas.SpeedLimit, variable bool) {
	for at := from; ; {
		l := limitAt(limits, at)
		if l == nil {
			return nil, false
		}
		variable = variable || l.Variable
		if highest == nil || l.Limit > highest.Limit {
			highest = l
		}
		if at >= to {
			return highest, variable
		}
		next := min(to, at-at%schemas.Minute+schemas.Minute)
		for i := range limits {
			for _, change := range [...]schemas.Micros{limits[i].ValidFrom, limits[i].ValidTo} {
				if change > at && change < next {
					next = change
				}
			}
		}
		at = next
	}
}

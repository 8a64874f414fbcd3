package bench

import "github.com/gvc-brussels/anpr/schemas"

// ExpectedRead is a read that a correct pipeline makes an offence, candidate or held.
type ExpectedRead struct {
	Read    schemas.ReadID
	Camera  string
	Class   schemas.Class
	At      schemas.Micros
	vehicle uint32
	plate   schemas.Plate // as read
}

func (t *Traffic) expectedRead(s *plannedRead) ExpectedRead {
	ev := Event{Kind: s.kind, read: *s, t: t}
	return ExpectedRead{ev.ReadID(), t.city.cameras[s.camera].ID, s.plate.Class(), s.captured, s.vehicle, s.plate}
}

// oneOffence is the longest time between a plate's findings at a site for a single offence. See one_offence in
// rules/catalog/brussels/speed.yaml, and lane_one_offence.
const oneOffence = schemas.Minute

// compareReads compares the reads with an offence of a family with the expected ones. A plate's findings nearer than
// oneOffence must give exactly one offence; the pipeline's order decides on which read. Findings of two plates in a
// class must give an offence each. A finding possibly of a lookalike is optional, as is an offence on one of the reads
// in may.
func (h *Truth) compareReads(r *TruthReport, kind string, expected []*ExpectedRead, may map[schemas.ReadID]bool, results *Got, window schemas.Micros) {
	tally := r.Of(kind)
	got := map[schemas.ReadID]bool{}
	for _, x := range results.offences {
		if x.family == kind {
			got[x.read] = true
		}
	}
	at := map[meetingPoint][]*ExpectedRead{}
	for _, x := range expected {
		site, _ := h.city.SiteOf(x.Camera)
		at[meetingPoint{x.Class, site}] = append(at[meetingPoint{x.Class, site}], x)
	}
	for place, all := range at {
		var found []*ExpectedRead
		for _, x := range all {
			if got[x.Read] {
				found = append(found, x)
			}
		}
		near := func(x *ExpectedRead) (n int) {
			for _, f := range found {
				n += boolToInt(f.plate == x.plate && max(f.At, x.At)-min(f.At, x.At) < oneOffence)
			}
			return n
		}
		for _, x := range all {
			n := near(x)
			switch {
			case !got[x.Read] && (n > 0 || h.isMistakable(x, place, window)):
				tally.Optional++
			default:
				tally.addExpected(got[x.Read])
			}
			if got[x.Read] && n > 1 {
				tally.Extra++
			}
			delete(got, x.Read)
		}
	}
	for read := range may {
		if got[read] {
			tally.Optional++
			delete(got, read)
		}
	}
	tally.Extra += len(got)
}

// dayRows keeps, for a family with one offence a vehicle and Brussels day, which vehicles must have one and which may.
type dayRows map[vehicleDay]bool

type vehicleDay struct {
	vehicle uint32
	day     schemas.Day
}

// add notes that the vehicle must, or may, have a row for the day of an instant.
func (d dayRows) add(vehicle uint32, at schemas.Micros, must bool) {
	k := vehicleDay{vehicle, at.Day()}
	d[k] = d[k] || must
}

// compare compares the rows of a family with the expected ones, by confusion class and day.
func (d dayRows) compare(h *Truth, r *TruthReport, kind string, results *Got) {
	want := map[rowOfDay]bool{}
	for k, must := range d {
		row := rowOfDay{h.city.vehicles[k.vehicle].plate.Class(), k.day}
		want[row] = want[row] || must
	}
	r.compareDays(kind, want, results, func(schemas.Day) bool { return true })
}

// rowOfDay names the row of a confusion class and Brussels day.
type rowOfDay struct {
	class schemas.Class
	day   schemas.Day
}

// compareDays compares the rows of a family with those that must (true) or may stand, by confusion class and day. Days that
// the oracle does not know are left out.
func (r *TruthReport) compareDays(kind string, want map[rowOfDay]bool, results *Got, known func(schemas.Day) bool) {
	tally, found := r.Of(kind), map[rowOfDay]bool{}
	for _, x := range results.offences {
		if x.family == kind && known(x.day) {
			found[rowOfDay{x.class, x.day}] = true
		}
	}
	for row, must := range want {
		switch {
		case must:
			tally.addExpected(found[row])
		case found[row]:
			tally.Optional++
		}
		delete(found, row)
	}
	tally.Extra = len(found)
}

// isSure reports whether the results of a passing follow from its best read alone.
func (p *passing) isSure(v *vehicle) bool {
	return !p.unclean && !p.parked && !p.tied && v.flags&lookalike == 0
}

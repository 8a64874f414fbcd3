package rules

import (
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// stepTravel is the clause on two passages of the plate that are too near in time for their distance.
var stepTravel = sharedClauses.addClause("travel_possible", 6)

// mostCompared bounds the passages of a plate that are compared with each other.
const mostCompared = 16

// travelRule says how passages of one plate are compared.
type travelRule struct {
	window schemas.Micros // before and after a passage
	clock  schemas.Micros // a camera's clock is at most this wrong, one way or the other
}

type rawTravelRule struct {
	Meta    rawProvenance `yaml:",inline"`
	Minutes string        `yaml:"compared_minutes"`
	Seconds string        `yaml:"clock_seconds"`
}

var (
	bandTravelWindow = band{1, int64(cloneWindow / schemas.Minute), "minutes"}
	bandTravelClock  = band{1, 120, "seconds"}
)

func (c *checker) convertTravelRule(path string, r *rawTravelRule) datedValue[travelRule] {
	return datedValue[travelRule]{c.checkProvenance(path, &r.Meta), travelRule{
		window: schemas.Micros(c.parsePlausible(path+".compared_minutes", r.Minutes, bandTravelWindow)) * schemas.Minute,
		clock:  schemas.Micros(c.parsePlausible(path+".clock_seconds", r.Seconds, bandTravelClock)) * schemas.Second,
	}}
}

// impossibleTravel is a pair of passages of one plate that one vehicle cannot have made. elapsed has both clocks' uncertainty
// added.
type impossibleTravel struct {
	first, second     schemas.PastPassage
	elapsed, shortest schemas.Micros
}

// compareTravel reports whether no vehicle can have made both passages: between the captures, and the uncertainty of both
// clocks, lies less than the road takes. Where the clocks leave the order open, the shorter direction counts.
func compareTravel(a, b *schemas.PastPassage, roads *schemas.RoadTimes, clock schemas.Micros) (t impossibleTravel, impossible bool) {
	if schemas.ComparePastPassages(*a, *b) > 0 {
		a, b = b, a
	}
	if a.Site == b.Site {
		return t, false
	}
	shortest, known := roads.Shortest(a.Site, b.Site, b.CapturedAt)
	apart := b.CapturedAt - a.CapturedAt
	if apart <= 2*clock {
		back, knownBack := roads.Shortest(b.Site, a.Site, b.CapturedAt)
		shortest, known = min(shortest, back), known && knownBack
	}
	if elapsed := apart + 2*clock; known && elapsed < shortest {
		return impossibleTravel{*a, *b, elapsed, shortest}, true
	}
	return t, false
}

// isComparable reports whether the reading and the time of a passage are sure enough to compare.
func isComparable(p *schemas.PastPassage) bool {
	return p.Variants <= 1 && p.Flags&schemas.FlagClockSuspect == 0
}

// comparesTravel reports whether passages of the camera are compared with those elsewhere.
func comparesTravel(cam *schemas.Camera) bool {
	return cam != nil && cam.Purposes.Has(clonePurpose) && cam.RoadTimes.Compares(cam.SiteHash)
}

// HistoryOfHolds returns the log time for which passages are kept so that any finding of the camera can be compared with
// them; 0 = none are compared.
func HistoryOfHolds(cam *schemas.Camera) schemas.Micros {
	if comparesTravel(cam) {
		return cloneHistory
	}
	return 0
}

// passagesBeside appends the comparable passages of exactly the subject's plate around it, itself among them, in the order
// of capture. The latest ones count when there are too many.
func passagesBeside(dst []schemas.PastPassage, s *Subject, rule *travelRule) []schemas.PastPassage {
	own := schemas.PastPassageOf(s.Passage, s.Camera.SiteHash, s.Camera.Number)
	dst = s.History.Passages(dst, s.Passage.Class, own.CapturedAt-rule.window, own.CapturedAt+rule.window+1)
	dst = slices.DeleteFunc(dst, func(x schemas.PastPassage) bool {
		return x.ID == own.ID || !sameReading(&x, &own) || !isComparable(&x) || !s.Camera.RoadTimes.Compares(x.Site)
	})
	dst = dst[max(0, len(dst)-mostCompared):]
	return append(dst, own)
}

// checkTravel holds a finding when passages of the plate around it cannot all be of one vehicle: one of them has its number
// plate on another vehicle, and nobody knows which.
func (b *decisionBuilder) checkTravel() {
	s := b.s
	if !comparesTravel(s.Camera) || s.History == nil || s.Straggler || s.Passage.Parked || s.Passage.Variants > 1 {
		return
	}
	rule := b.travel.inForceAt(s.Passage.Best.CapturedAt)
	if rule == nil || s.Passage.Best.Flags&schemas.FlagClockSuspect != 0 {
		return
	}
	all := passagesBeside(nil, s, &rule.v)
	for i := range all {
		for k := range all[:i] {
			t, impossible := compareTravel(&all[k], &all[i], s.Camera.RoadTimes, rule.v.clock)
			if !impossible {
				continue
			}
			seconds := func(x schemas.Micros) string { return strconv.FormatInt(int64(x/schemas.Second), 10) }
			b.addDecidingClause(&rule.provenance, stepTravel, false, t.first.CapturedAt.String(), t.first.Read.String(),
				t.second.CapturedAt.String(), t.second.Read.String(), seconds(t.elapsed), seconds(t.shortest))
			b.addHold(reasonTravel, 0)
			return
		}
	}
}

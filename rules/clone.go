package rules

import (
	"slices"
	"strconv"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	familyClone  schemas.Family        = "clone"
	clonePurpose schemas.CameraPurpose = 1 << 11
)

// Passages are compared that were captured within cloneWindow of each other, and cloneHistory has five minutes more for the
// lateness of a fixed camera.
const (
	cloneWindow  = 10 * schemas.Minute
	cloneHistory = cloneWindow + 5*schemas.Minute
)

// The findings: entry ids of the hits, and keys in the catalogue and in messages.
const (
	checkTravel  = "impossible_travel"
	checkVehicle = "other_vehicle"
)

var cloneNames = []string{checkTravel, checkVehicle}

// clone is the family for a number plate that seems to be on two vehicles: two passages between which no vehicle can have
// come by the road, or two cameras that see the same kind of vehicle, which is not that of the register. Plates are joined
// only when they are exactly equal, with their country, and no other plate of the register is easily taken for them. A lead
// and never a proof (RD 20/07/2001, registration of vehicles; Police Function Act, art. 44/11/3sexies): the police are told
// whom to check, as for papers, and a finding of any family among such passages is held; see travel.go. The family has no
// rule, so no decision, case or amount can come of it.
type clone struct {
	checks  map[string]datedSeries[standingCheck]
	within  datedSeries[schemas.Micros]
	general *general
	reasons map[string][2]string // by finding, in Dutch and French
}

var _ Family = (*clone)(nil)

var cloneInfo = sync.OnceValue(func() *Info {
	return &Info{Family: familyClone, Purpose: clonePurpose, DecidedOn: BestSighting, Period: PeriodPair, Force: ForceCheck, History: cloneHistory}
})

// Info implements [Family].
func (*clone) Info() *Info { return cloneInfo() }

// ComparesSites reports whether passages of the camera may be compared with those of other sites by time.
func ComparesSites(cam *schemas.Camera) bool { return cam.Purposes.Has(clonePurpose) }

// Compile implements [Family].
func (r *clone) Compile(cam *schemas.Camera) Compiled {
	m := &cloneAt{clone: r}
	if cam != nil && cam.Zone != "" {
		m.audience = []string{cam.Zone}
	}
	return Compiled{Closed: m, Never: !comparesTravel(cam)}
}

// Load implements [Family].
func (r *clone) Load(s *Sections) {
	r.general = s.general
	declareKeyed(s, "clone_checks", func(c *checker, path string, x *rawStandingCheck) datedValue[keyed[string, standingCheck]] {
		return datedValue[keyed[string, standingCheck]]{c.checkProvenance(path, &x.Meta), keyed[string, standingCheck]{
			c.oneOf(path+".finding", x.Finding, cloneNames...), standingCheck{uint8(c.parsePlausible(path+".priority", x.Priority, bandCheckPriority))},
		}}
	}, &r.checks)
	declareSeries(s, "clone_within", func(c *checker, path string, x *rawStandingWithin) datedValue[schemas.Micros] {
		return datedValue[schemas.Micros]{c.checkProvenance(path, &x.Meta), schemas.Micros(c.parsePlausible(path+".minutes", x.Minutes, bandCheckWithin)) * schemas.Minute}
	}, &r.within)
	r.reasons = map[string][2]string{}
	for _, name := range cloneNames {
		r.reasons[name] = [2]string{textsOf(Dutch).wordFor("check", name), textsOf(French).wordFor("check", name)}
	}
}

// cloneAt is the family at a camera.
type cloneAt struct {
	*clone
	audience []string // police zone of the camera
}

// cloneFinding is what is told of a passage.
type cloneFinding struct {
	name  string
	other schemas.PastPassage
	facts string // behind the reason, alike in every language
}

// MatchPassage implements [PassageMatcher]. A pair is told once, when the later of its passages closes; in doubt nothing is.
func (m *cloneAt) MatchPassage(dst []schemas.Hit, s *Subject, ref Reference) []schemas.Hit {
	on := &s.Passage.Best
	rule := m.general.travel.inForceAt(on.CapturedAt)
	if s.History == nil || s.Passage.Parked || rule == nil || on.Plate.IsZero() || on.Country.IsZero() {
		return dst
	}
	buf := pastBuffers.Get().(*[]schemas.PastPassage)
	all := passagesBeside((*buf)[:0], s, &rule.v)
	var found []cloneFinding
	if len(all) > 1 && isComparable(&all[len(all)-1]) {
		found = m.findClones(all, s, &rule.v, ref)
	}
	*buf = all[:0]
	pastBuffers.Put(buf)
	if len(found) == 0 || m.isDoubtful(s, ref) {
		return dst
	}
	start := len(dst)
	for _, f := range found {
		check := m.checks[f.name].inForceAt(on.CapturedAt)
		if check == nil {
			continue
		}
		text := m.reasons[f.name]
		dst = append(dst, schemas.Hit{
			ID: schemas.NewHitID(string(familyClone), f.name, s.Passage.ID, schemas.MatchExact), Passage: s.Passage.ID, Match: schemas.MatchExact, ReferenceVersion: ref.Version(),
			Entry: &schemas.ListEntry{
				List: string(familyClone), ID: f.name, Plate: on.Plate, Country: on.Country, Reason: text[0] + f.facts + " / " + text[1] + f.facts,
				Priority: check.v.priority, ValidFrom: f.other.CapturedAt, Audience: m.audience,
			},
		})
	}
	slices.SortStableFunc(dst[start:], compareHits)
	return dst
}

// findClones compares the subject, the last of all, with each other passage. The earliest that shows a finding counts.
func (m *cloneAt) findClones(all []schemas.PastPassage, s *Subject, rule *travelRule, ref Reference) (found []cloneFinding) {
	own, others := &all[len(all)-1], all[:len(all)-1]
	least := m.general.confidence.inForceAt(own.CapturedAt)
	var travel, vehicle bool
	for i := range others {
		x := &others[i]
		if x.Country != own.Country || least == nil || x.Confidence < least.v {
			continue
		}
		if t, impossible := compareTravel(x, own, s.Camera.RoadTimes, rule.clock); impossible && !travel {
			travel = true
			found = append(found, cloneFinding{checkTravel, *x, " (" + clockTime(x.CapturedAt) + ", " + clockTime(own.CapturedAt) + "; " + strconv.FormatInt(int64(t.elapsed/schemas.Second), 10) +
				" s < " + strconv.FormatInt(int64(t.shortest/schemas.Second), 10) + " s)"})
		}
		if x.Kind == own.Kind && x.Site != own.Site && !vehicle && m.contradictsRegister(own, ref) {
			vehicle = true
			found = append(found, cloneFinding{checkVehicle, *x, " (" + clockTime(x.CapturedAt) + ", " + clockTime(own.CapturedAt) + ")"})
		}
	}
	return found
}

// contradictsRegister reports whether the kind that a camera saw is not that of the register.
func (m *cloneAt) contradictsRegister(p *schemas.PastPassage, ref Reference) bool {
	if p.Kind == schemas.KindUnknown {
		return false
	}
	e := m.general.seen[p.Kind].inForceAt(p.CapturedAt)
	if e == nil {
		return false
	}
	veh, found := ref.Vehicle(p.Plate, p.Country, p.CapturedAt)
	return found && veh.Category != schemas.CategoryUnknown && e.v.has(veh.Category)
}

// isDoubtful reports whether a doubt stops every finding of the subject: an old read, an unsure plate or country, a vehicle
// that no register knows, and a plate of the register that is easily taken for this one.
func (m *cloneAt) isDoubtful(s *Subject, ref Reference) bool {
	g, on := m.general, &s.Passage.Best
	if e := m.within.inForceAt(on.CapturedAt); e == nil || on.ReceivedAt-on.CapturedAt > e.v {
		return true
	}
	if e := g.confidence.inForceAt(on.CapturedAt); e == nil || on.Confidence < e.v || on.Plate.Ambiguous() && isAmbiguousIn(on.Plate, on.Country) {
		return true
	}
	if e := g.country.inForceAt(on.CapturedAt); e != nil && on.CountryConfidence != 0 && on.CountryConfidence < e.v {
		return true
	}
	if _, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt); !found {
		return true
	}
	return hasTwin(ref, on.Plate, on.Country, on.CapturedAt)
}

// clockTime writes the time of day of a Brussels clock.
func clockTime(at schemas.Micros) string { return at.Local().Format("15:04:05") }

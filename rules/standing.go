package rules

import (
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

const (
	familyStanding  schemas.Family        = "standing"
	standingPurpose schemas.CameraPurpose = 1 << 9
)

// CopyStanding is the copy of the dates of papers: insurance, inspection, registration, plate.
const CopyStanding = Copy(familyStanding)

// The findings: entry ids of the hits, and keys in the catalogue and in messages.
const (
	checkUninsured    = "uninsured"
	checkUninspected  = "uninspected"
	checkDeregistered = "deregistered"
	checkCancelled    = "plate_cancelled"
	checkUnknownPlate = "plate_unknown"
)

var checkNames = []string{checkCancelled, checkUninsured, checkDeregistered, checkUnknownPlate, checkUninspected}

// standing is the family for a vehicle that, by the copy of its registers, may not be driven: not insured (Act of
// 21/11/1989, art. 2), without a valid periodic inspection (RD 15/03/1968, art. 24), not registered any more, with a plate
// that was cancelled, or that no register knows (RD 20/07/2001). Papers in the vehicle may say otherwise, so a finding is a
// candidate for a check by the police and nothing else: a hit, shown to the police zone of the camera alone. The family has
// no rule, so no decision, case or amount can come of it.
type standing struct {
	checks  map[string]datedSeries[standingCheck]
	within  datedSeries[schemas.Micros]
	forms   map[schemas.Country]datedSeries[[]plateForm]
	general *general
	reasons map[string]string // by finding, in Dutch and French
}

var _ Family = (*standing)(nil)

var standingInfo = sync.OnceValue(func() *Info {
	return &Info{Family: familyStanding, Purpose: standingPurpose, DecidedOn: BestSighting, Period: PeriodPassage, Force: ForceCheck}
})

// Info implements [Family].
func (*standing) Info() *Info { return standingInfo() }

// Compile implements [Family].
func (r *standing) Compile(cam *schemas.Camera) Compiled {
	m := &standingAt{standing: r}
	if cam == nil || !cam.Purposes.Has(standingPurpose) {
		return Compiled{FirstRead: m, Never: true}
	}
	if cam.Zone != "" {
		m.audience = []string{cam.Zone}
	}
	return Compiled{FirstRead: m}
}

// standingCheck is a kind of finding that the police want to be told of.
type standingCheck struct {
	priority uint8
}

type rawStandingCheck struct {
	Meta     rawProvenance `yaml:",inline"`
	Finding  string        `yaml:"finding" subject:"yes" words:"check"`
	Priority string        `yaml:"priority"`
}

type rawStandingWithin struct {
	Meta    rawProvenance `yaml:",inline"`
	Minutes string        `yaml:"minutes"`
}

var (
	bandCheckPriority = band{1, 99, "points: 100 is for lists of the police"}
	bandCheckWithin   = band{1, 120, "minutes"}
)

// Load implements [Family].
func (r *standing) Load(s *Sections) {
	r.general = s.general
	declareKeyed(s, "standing_checks", func(c *checker, path string, x *rawStandingCheck) datedValue[keyed[string, standingCheck]] {
		return datedValue[keyed[string, standingCheck]]{c.checkProvenance(path, &x.Meta), keyed[string, standingCheck]{
			c.oneOf(path+".finding", x.Finding, checkNames...), standingCheck{uint8(c.parsePlausible(path+".priority", x.Priority, bandCheckPriority))},
		}}
	}, &r.checks)
	declareSeries(s, "standing_within", func(c *checker, path string, x *rawStandingWithin) datedValue[schemas.Micros] {
		return datedValue[schemas.Micros]{c.checkProvenance(path, &x.Meta), schemas.Micros(c.parsePlausible(path+".minutes", x.Minutes, bandCheckWithin)) * schemas.Minute}
	}, &r.within)
	declareKeyed(s, "standing_plate_forms", func(c *checker, path string, x *rawPlateForms) datedValue[keyed[schemas.Country, []plateForm]] {
		e := c.plateForms(path, x)
		return datedValue[keyed[schemas.Country, []plateForm]]{e.provenance, keyed[schemas.Country, []plateForm]{e.v.country, e.v.forms}}
	}, &r.forms)
	r.reasons = map[string]string{}
	for _, name := range checkNames {
		r.reasons[name] = textsOf(Dutch).wordFor("check", name) + " / " + textsOf(French).wordFor("check", name)
	}
}

// standingAt is the family at a camera.
type standingAt struct {
	*standing
	audience []string // police zone of the camera
}

// The reasons why nothing is told of a vehicle, for scenarios.
const (
	uncheckedOld      = "read_old"
	uncheckedClock    = reasonClock
	uncheckedPlate    = reasonPlateAmbiguous
	uncheckedCountry  = reasonCountryDoubtful
	uncheckedRegister = reasonRegisterStale
	uncheckedCopy     = "copy_stale"
	uncheckedKind     = reasonKindContradicts
)

// Match implements [Matcher]. The findings are ordered by priority, highest first, then by name; in doubt there is none.
func (m *standingAt) Match(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, ref Reference) []schemas.Hit {
	if r.Plate.IsZero() || r.Country.IsZero() {
		return dst
	}
	papers, known := ref.Standing(r.Plate, r.Country)
	if !known && !m.mayBeUnknown(r, ref) {
		return dst
	}
	start := len(dst)
	for _, name := range checkNames {
		check := m.checks[name].inForceAt(r.CapturedAt)
		if check == nil {
			continue
		}
		from, found := m.findEnd(name, r, &papers, ref)
		if !found {
			continue
		}
		if len(dst) == start && m.unchecked(r, ref) != "" {
			return dst
		}
		dst = append(dst, schemas.Hit{
			ID: schemas.NewHitID(string(familyStanding), name, p, schemas.MatchExact), Passage: p, Match: schemas.MatchExact, ReferenceVersion: ref.Version(),
			Entry: &schemas.ListEntry{
				List: string(familyStanding), ID: name, Plate: r.Plate, Country: r.Country, Reason: m.reasons[name], Priority: check.v.priority, ValidFrom: from, Audience: m.audience,
			},
		})
	}
	slices.SortStableFunc(dst[start:], compareHits)
	return dst
}

// findEnd reports whether the finding holds at the capture, and since when. A day ends at its Brussels midnight. The copy
// must have been made after the end, because only then it says that nothing followed; and no other vehicle may have got the
// plate since.
func (m *standingAt) findEnd(name string, r *schemas.Read, papers *schemas.Standing, ref Reference) (since schemas.Micros, found bool) {
	veh, registered := ref.Vehicle(r.Plate, r.Country, r.CapturedAt)
	var until schemas.Day
	switch name {
	case checkUninsured:
		until = papers.InsuredUntil
	case checkUninspected:
		until = papers.InspectedUntil
	case checkDeregistered:
		until = papers.RegisteredUntil
		if registered {
			return 0, false
		}
	case checkCancelled:
		until = papers.CancelledFrom - 1
		if papers.CancelledFrom == 0 {
			return 0, false
		}
	case checkUnknownPlate:
		return 0, papers.Country.IsZero() && !registered && !hasTwin(ref, r.Plate, r.Country, r.CapturedAt)
	}
	since = (until + 1).Start()
	asOf, _ := ref.CopyAsOf(CopyStanding)
	return since, until != 0 && r.CapturedAt >= since && asOf >= since && (!registered || veh.ValidFrom <= until)
}

// unchecked returns the doubt that stops every finding of the read, "" without one.
func (m *standingAt) unchecked(r *schemas.Read, ref Reference) string {
	g, at := m.general, r.CapturedAt
	if e := m.within.inForceAt(at); e == nil || r.ReceivedAt-at > e.v {
		return uncheckedOld
	}
	if r.Flags&schemas.FlagClockSuspect != 0 {
		return uncheckedClock
	}
	if e := g.confidence.inForceAt(at); e == nil || r.Confidence < e.v || r.Plate.Ambiguous() && isAmbiguousIn(r.Plate, r.Country) {
		return uncheckedPlate
	}
	if e := g.country.inForceAt(at); e != nil && r.CountryConfidence != 0 && r.CountryConfidence < e.v {
		return uncheckedCountry
	}
	maxAge := g.maxAge.inForceAt(at)
	register, known := ref.RegisterAsOf(r.Country)
	if maxAge == nil || !known || at-register > maxAge.v.age {
		return uncheckedRegister
	}
	veh, registered := ref.Vehicle(r.Plate, r.Country, at)
	if _, listed := ref.Standing(r.Plate, r.Country); listed {
		if copied, stated := ref.CopyAsOf(CopyStanding); !stated || at-copied > maxAge.v.age {
			return uncheckedCopy
		}
	}
	if e := g.seen[r.Kind].inForceAt(at); registered && e != nil && e.v.has(veh.Category) {
		return uncheckedKind
	}
	return ""
}

// mayBeUnknown reports whether a plate that no register has could be a finding: the copy of the country's register is
// complete up to the capture, and the plate has a form of which every plate stands in that register. A copy of the night
// before lacks what was registered since.
func (m *standingAt) mayBeUnknown(r *schemas.Read, ref Reference) bool {
	asOf, known := ref.RegisterAsOf(r.Country)
	if !known || asOf < r.CapturedAt {
		return false
	}
	forms := m.forms[r.Country].inForceAt(r.CapturedAt)
	return forms != nil && slices.ContainsFunc(forms.v, func(f plateForm) bool { return f.fitsPlate(r.Plate) })
}

// mostTwins bounds the plates that are tried for one that no register knows.
const mostTwins = 512

// hasTwin reports whether a register of the country knows a plate that this one is easily taken for: another of its
// confusion class, or one with a character more. Then the plate was probably misread.
func hasTwin(ref Reference, plate schemas.Plate, country schemas.Country, at schemas.Micros) bool {
	knows := func(text []byte) bool {
		p, ok := schemas.PlateFrom(string(text))
		if !ok {
			return false
		}
		_, found := ref.Vehicle(p, country, at)
		return found
	}
	own := plate.AppendTo(nil)
	for i := 0; len(own) < schemas.MaxPlate && i <= len(own); i++ {
		longer := slices.Insert(slices.Clone(own), i, ' ')
		for _, c := range []byte(plateCharacters) {
			if longer[i] = c; knows(longer) {
				return true
			}
		}
	}
	twins := confusablePlates(own)
	return len(twins) > mostTwins || slices.ContainsFunc(twins, knows)
}

// plateCharacters are the characters of plates, but for the boundary.
const plateCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// confusablePlates lists the other plates in the plate's confusion class, at most a few more than mostTwins.
func confusablePlates(own []byte) (out [][]byte) {
	out = [][]byte{own}
	for i, c := range own {
		class := schemas.ConfusionClass(c)
		for _, x := range []byte(plateCharacters) {
			if x == c || schemas.ConfusionClass(x) != class {
				continue
			}
			for _, p := range slices.Clip(out) {
				if p[i] == c && len(out) <= mostTwins {
					twin := slices.Clone(p)
					twin[i] = x
					out = append(out, twin)
				}
			}
		}
	}
	return out[1:]
}

// explainNoCheck says why nothing is told of a read at the camera, "" when there is nothing to tell or something is told.
func (e *Engine) explainNoCheck(r *schemas.Read, cam *schemas.Camera, ref Reference) string {
	for i, c := range e.rulesAt(cam).families {
		m, ok := c.FirstRead.(*standingAt)
		if !ok || c.Never || e.infos[i].Force != ForceCheck {
			continue
		}
		if _, known := ref.Standing(r.Plate, r.Country); known || m.mayBeUnknown(r, ref) {
			return m.unchecked(r, ref)
		}
	}
	return ""
}

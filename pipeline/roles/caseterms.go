package roles

import (
	"slices"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseLaw gives what the catalogue of the day says about cases. Safe for concurrent use.
type caseLaw struct {
	catalogue *rules.Catalogue
	camera    func(id string) *schemas.Camera
	now       func() time.Time
	inForce   func(now time.Time) *rules.Catalogue // nil = catalogue, always

	mu     sync.Mutex       // guards the fields below
	of     *rules.Catalogue // rules and policy are of it
	day    schemas.Day
	rules  *rules.CaseRules
	policy *cases.Policy
}

// today returns the values in force today, and the policy made of them.
func (l *caseLaw) today() (*rules.CaseRules, *cases.Policy) {
	now, catalogue := schemas.MicrosOf(l.now()), l.catalogue
	if l.inForce != nil {
		catalogue = l.inForce(now.Time())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if day := now.Day(); l.rules == nil || day != l.day || catalogue != l.of {
		l.of, l.day, l.rules = catalogue, day, catalogue.CaseRulesAt(now)
		l.policy = policyOf(l.rules, catalogue.Version())
		l.policy.Periods = periodsOf(catalogue.SameOffences(now))
	}
	return l.rules, l.policy
}

func (l *caseLaw) policyOfToday() *cases.Policy {
	_, p := l.today()
	return p
}

// policyOf makes the policy of package cases of the catalogue's values.
func policyOf(r *rules.CaseRules, version string) *cases.Policy {
	p := cases.DefaultPolicy()
	w := &r.Work
	p.Catalogue, p.Settle, p.CounterWithin, p.PreviewWithin = version, w.Settle, w.CounterWithin, w.Preview
	p.AgentHoldDays, p.SkipsToArbitrate, p.MinShownMS, p.ProbesPerMyriad = w.AgentHoldDays, w.Skips, w.MinShownMS, r.Probes
	p.Holds, p.Second = map[string]cases.HoldRule{}, map[schemas.Family]cases.SecondLook{}
	for reason, h := range r.Holds {
		p.Holds[reason] = cases.HoldRule{
			LongestDays: h.LongestDays, AtDecideBy: h.AtDecideBy, Then: cases.State(h.Then), Reason: cases.WithdrawReason(h.WithdrawReason),
			ByHand: h.Ends == rules.EndsByHand, ByKeying: h.Ends == rules.EndsByKeying,
		}
	}
	for _, family := range append([]string{""}, rules.FamilyNames((*rules.Info).Decides)...) {
		s := r.SecondLook(schemas.Family(family))
		p.Second[schemas.Family(family)] = secondLookOf(&s, r.Special)
	}
	return p
}

// periodsOf says when two cases of one vehicle are one offence.
func periodsOf(same map[schemas.Family]rules.SameOffence) map[schemas.Family]cases.Period {
	out := make(map[schemas.Family]cases.Period, len(same))
	for family, p := range same {
		out[family] = cases.Period(p)
	}
	return out
}

func secondLookOf(s *rules.SecondLook, special []rules.PlateSeries) cases.SecondLook {
	out := cases.SecondLook{
		NotBelgian: s.NotBelgian, ConfidenceBelow: s.ConfidenceBelow, ExcessFrom: s.ExcessFrom, Unverified: s.Unverified, ConfirmsPerMyriad: s.Confirms, RejectsPerMyriad: s.Rejects,
	}
	for _, t := range s.Tracks {
		out.Tracks = append(out.Tracks, cases.Track(t))
	}
	for i := range special {
		if s.Special {
			out.Series = append(out.Series, cases.Series{Name: special[i].Kind, Country: special[i].Country.String(), Form: special[i].Form})
		}
	}
	return out
}

// factsOf says what a decision makes of a case: the values to show, and the deadlines.
func (l *caseLaw) factsOf(in *cases.Intake, takenIn schemas.Micros) (cases.Facts, cases.Clocks) {
	r, _ := l.today()
	d := &in.Decision
	clocks, captured := r.Clocks(d.Family), d.On.CapturedAt
	f := cases.Facts{
		Measures: d.Measures, AmountCents: d.AmountCents, LegalBasis: d.LegalBasis, Verified: d.Verified, Track: cases.Track(r.TrackOf(d.Family, d.Reason)),
		Marks: marksOf(d, r.SecondLook(d.Family).ConfidenceBelow), Finding: findingOf(d), Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion,
	}
	if in.Track != "" { // a person chose it
		f.Track = in.Track
	}
	f.Blocks = l.checkExport(r, in, f.Track)
	return f, cases.Clocks{
		DecideBy: clocks.Decide.Deadline(captured, takenIn), SendBy: clocks.Send.Deadline(captured, takenIn), DropBy: clocks.Drop.Deadline(captured, takenIn),
	}
}

// regimeOf returns the regime of a family's cases.
func (l *caseLaw) regimeOf(family schemas.Family) cases.Regime {
	r, _ := l.today()
	return cases.Regime(r.Regime(family))
}

// findingOf returns the reason of an offence; a hold has none that counts.
func findingOf(d *schemas.Decision) string {
	if d.Outcome != schemas.OutcomeOffence {
		return ""
	}
	return d.Reason
}

// checkExport returns the blockers of a case on a track: what its recipient asks and the case lacks.
func (l *caseLaw) checkExport(r *rules.CaseRules, in *cases.Intake, track cases.Track) (blocks []string) {
	rule, ok := r.Track(string(track))
	if !ok {
		return nil
	}
	for _, field := range rule.Missing(func(field string) bool { return l.hasField(in, field) }) {
		blocks = append(blocks, exportBlock+field)
	}
	return blocks
}

// blocksOf returns the blockers that a case has on another track. When the sealed decision cannot be read, the present
// blockers stay.
func (l *caseLaw) blocksOf(d *store.Dossier, track cases.Track) []string {
	c := &d.Case
	decision, err := evidence.ParseSealed(d.Sealed)
	if err != nil {
		return slices.Clone(c.Blocks)
	}
	r, _ := l.today()
	in := cases.Intake{Offence: c.Offence, Decision: decision, SealHolds: true, Zone: c.Zone, Site: c.Site, Municipality: c.Municipality}
	in.Decision.Measures, in.Decision.AmountCents, in.Decision.LegalBasis = c.Measures, c.AmountCents, c.LegalBasis
	if in.Decision.Outcome = schemas.OutcomeOffence; c.State == cases.Held || c.State == cases.Keying {
		in.Decision.Outcome = schemas.OutcomeHeld // the export check asks less of a hold
	}
	if c.Lane != nil {
		in.Decision.On.Lane = *c.Lane
	}
	if c.Corrected != nil {
		in.Decision.On.Country, _ = schemas.CountryFrom(c.Corrected.Country)
	}
	return l.checkExport(r, &in, track)
}

// termsOf returns the terms of a new case.
func (l *caseLaw) termsOf(in *cases.Intake) feed.Terms {
	r, _ := l.today()
	f, clocks := l.factsOf(in, schemas.MicrosOf(l.now()))
	return feed.Terms{Regime: cases.Regime(r.Regime(in.Decision.Family)), Clocks: clocks, Track: f.Track, Marks: f.Marks, Blocks: f.Blocks}
}

// exportBlock begins the name of a blocker that the export check of the track found.
const exportBlock = "export_"

// Marks of a case: warnings for the eye.
const (
	markForeign    = "foreign"
	markDoubtful   = "low_confidence"
	markUnverified = "value_not_verified"
)

func marksOf(d *schemas.Decision, confidence schemas.PerMille) (out []string) {
	if d.On.Country != schemas.Belgium {
		out = append(out, markForeign)
	}
	if d.On.Confidence < confidence {
		out = append(out, markDoubtful)
	}
	if !d.Verified {
		out = append(out, markUnverified)
	}
	return out
}

// hasField reports whether the case has a field of the export check. What people give later is not asked here.
func (l *caseLaw) hasField(in *cases.Intake, field string) bool {
	d := &in.Decision
	cam := l.camera(d.On.Camera)
	if isOfMeasurement(field) && !measuresField(d.Family, field) {
		return true
	}
	switch field {
	case "offence_id":
		return !in.Offence.IsZero()
	case "plate":
		return !d.On.Plate.IsZero()
	case "country":
		return d.On.Country != schemas.Country{}
	case "captured_at":
		return d.On.CapturedAt > 0
	case "site":
		return in.Site != ""
	case "municipality":
		return in.Municipality != 0
	case "street":
		return cam != nil && !cam.Street.IsZero()
	case "lane":
		return d.On.Lane != 0 || cam != nil && len(cam.Lanes) <= 1
	case "direction":
		return d.On.Direction != schemas.DirectionUnknown
	case "rule":
		return d.Rule != ""
	case "legal_basis":
		return d.LegalBasis != ""
	case "amount":
		return d.AmountCents > 0 || d.Outcome == schemas.OutcomeHeld
	case "picture":
		return !d.On.Image.IsZero()
	case "seal":
		return in.SealHolds
	case "device_serial", "device_approval", "automatic_device":
		return cam != nil && hasDevice(cam.CertificateOf(d.Measures, d.On.CapturedAt), field)
	case "measured_speed":
		return d.Speed(schemas.MeasuredSpeed) > 0
	case "corrected_speed":
		return d.Speed(schemas.CorrectedSpeed) > 0
	case "limit":
		return d.Speed(schemas.AllowedSpeed) > 0
	}
	return true // number, officer, appointment: given by the act of a person
}

// isOfMeasurement reports whether a field belongs to a measurement.
func isOfMeasurement(field string) bool {
	switch field {
	case "device_serial", "device_approval", "automatic_device", "measured_speed", "corrected_speed", "limit":
		return true
	}
	return false
}

// measuresField reports whether the family measures what a field says: a family that measures nothing has no device that
// must be verified (art. 62 of the Act of 16/03/1968), and only a family of speeds has a speed. The fields of a family that
// this program does not know are asked.
func measuresField(f schemas.Family, field string) bool {
	info := rules.InfoOf(f)
	if info == nil {
		return true
	}
	switch field {
	case "measured_speed":
		return slices.Contains(info.Measures, schemas.MeasuredSpeed)
	case "corrected_speed":
		return slices.Contains(info.Measures, schemas.CorrectedSpeed)
	case "limit":
		return slices.Contains(info.Measures, schemas.AllowedSpeed)
	}
	return slices.ContainsFunc(info.Measures, func(m schemas.MeasureName) bool { return m != schemas.OrangePlate }) // numbers are read, not measured
}

// hasDevice reports whether a device's certificate says the field.
func hasDevice(c *schemas.Certificate, field string) bool {
	switch field {
	case "device_serial":
		return c != nil && c.Serial != ""
	case "device_approval":
		return c != nil && c.Approval != ""
	}
	return c != nil
}

package rules

import (
	"maps"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// sharedClauses lists the clauses in every family, for [Info].
var sharedClauses clauseList

// The shared clauses. Placeholders in the messages describe the arguments.
var (
	stepClock             = sharedClauses.addClause("clock", 2)
	stepConfidence        = sharedClauses.addClause("confidence", 2)
	stepUnanimous         = sharedClauses.addClause("unanimous", 1)
	stepBoundary          = sharedClauses.addClause("boundary", 0)
	stepNotSeen           = sharedClauses.addClause("not_seen", 1)
	stepCountryConfidence = sharedClauses.addClause("country_confidence", 2)
	stepCountryForm       = sharedClauses.addClause("country_form", 2)
	stepSeen              = sharedClauses.addClause("seen", 2)
	stepCertain           = sharedClauses.addClause("certain", 0)
	stepOtherReading      = sharedClauses.addClause("other_reading", 0)
	stepNoExemption       = sharedClauses.addClause("no_exemption", 0)
	stepExemption         = sharedClauses.addClause("exemption", 2)
	stepExemptionMax      = sharedClauses.addClause("exemption_max", 1)
	stepHoldSettled       = sharedClauses.addClause("hold.settled", 1)
)

// The reasons shared by every family. reasonExempt begins a reason per kind of exemption in the catalogue.
const (
	reasonExempt            = "exempt_"
	reasonNotApplicable     = "not_applicable"
	reasonExemptionUnclear  = "exemption_unconfirmed"
	reasonPlateAmbiguous    = "plate_ambiguous"
	reasonDuplicatePossible = "duplicate_possible"
	reasonCountryDoubtful   = "country_doubtful"
	reasonKindContradicts   = "kind_contradicts"
	reasonClock             = "clock_suspect"
	reasonTravel            = "impossible_travel"
)

// sharedReasons lists them for [Info].
var sharedReasons = []string{
	reasonNotApplicable,
	reasonExemptionUnclear,
	reasonPlateAmbiguous,
	reasonDuplicatePossible,
	reasonCountryDoubtful,
	reasonKindContradicts,
	reasonClock,
	reasonRuleSuspended,
	reasonTravel,
}

// sharedTodo tells people how to treat the shared holds. rules/README.md has the whole table.
var sharedTodo = map[string]string{
	reasonExemptionUnclear:  "exemption",
	reasonPlateAmbiguous:    "picture",
	reasonDuplicatePossible: "twice",
	reasonCountryDoubtful:   "picture",
	reasonKindContradicts:   "picture",
	reasonClock:             "camera",
	reasonTravel:            "travel",
}

// withShared completes a family's own actions with the shared ones.
func withShared(own ...map[string]string) map[string]string {
	out := maps.Clone(sharedTodo)
	for _, todo := range own {
		maps.Copy(out, todo)
	}
	return out
}

// checkPlateReading adds the clauses on the plate reading. Low confidence is told to the officer, who confirms every
// candidate by eye anyway. Readings that disagree hold the offence, because the passage names more than one vehicle.
func (b *decisionBuilder) checkPlateReading(g *general) { b.checkReadingBeside(g, true) }

// checkReadingBeside is checkPlateReading for a passage that is decided with others, whose readings are sure or not.
func (b *decisionBuilder) checkReadingBeside(g *general, othersSure bool) {
	on := &b.d.On
	sure := true
	if m := g.confidence.inForceAt(on.CapturedAt); m != nil {
		sure = on.Confidence >= m.v
		b.addInformation(&m.provenance, stepConfidence, sure, strconv.Itoa(int(on.Confidence)), strconv.Itoa(int(m.v)))
	}
	one := b.s.Passage.Variants <= 1
	b.addClause(stepUnanimous, one, strconv.Itoa(int(b.s.Passage.Variants)))
	if !one {
		b.addHold(reasonPlateAmbiguous, 0)
	}
	b.checkCountryConfidence(g)
	alone := b.checkBoundary()
	b.d.Certain = othersSure && sure && one && alone && !on.Country.IsZero() && !g.doubtsCountry(on)
	b.addClause(stepCertain, b.d.Certain)
}

// applyExemption looks for an exemption from the family; true = decided. With an unknown country, an exemption in any
// country holds the passage: it may belong to the vehicle.
func (b *decisionBuilder) applyExemption(g *general, ref Reference, p schemas.Plate, country schemas.Country, day schemas.Day) bool {
	return b.applyExemptionFrom(g, ref, b.d.Family, p, country, day)
}

// applyExemptionFrom is applyExemption for an exemption from a family whose exemptions hold here too.
func (b *decisionBuilder) applyExemptionFrom(g *general, ref Reference, from schemas.Family, p schemas.Plate, country schemas.Country, day schemas.Day) bool {
	e, ok := ref.Exemption(p, country, from, day)
	if !ok {
		b.addClause(stepNoExemption, true)
		return false
	}
	kind := g.exemptions[exemptionKey{from, e.Kind}]
	var rule *datedValue[exemptionRule]
	if kind != nil && !country.IsZero() {
		rule = kind.series.inForceAt(b.d.On.CapturedAt)
	}
	if rule == nil {
		b.addClause(stepExemption, false, e.Kind, e.Ref)
		b.addHold(reasonExemptionUnclear, 0)
		return false
	}
	b.addDecidingClause(&rule.provenance, stepExemption, true, e.Kind, e.Ref)
	if rule.v.months > 0 {
		kept := e.ValidTo != 0 && e.ValidTo <= e.ValidFrom.AddMonths(rule.v.months)
		b.addDecidingClause(&rule.provenance, stepExemptionMax, kept, strconv.Itoa(rule.v.months))
	}
	b.d.LegalBasis = rule.cite
	b.setOutcome(schemas.OutcomeExempt, kind.reason)
	return true
}

// clockIsTrusted adds the clause on the camera's clock.
func (b *decisionBuilder) clockIsTrusted() bool {
	ok := b.d.On.Flags&schemas.FlagClockSuspect == 0
	b.addClause(stepClock, ok, b.d.On.CapturedAt.String(), b.d.On.ReceivedAt.String())
	return ok
}

// Evidence against a reading. Evidence never frees and never fines; it holds, until a person has looked at the
// picture.

// doubtsCountry reports whether the camera was unsure about the country. A camera without confidences is not doubted.
func (g *general) doubtsCountry(on *schemas.Sighting) bool {
	least := g.country.inForceAt(on.CapturedAt)
	return least != nil && on.CountryConfidence != 0 && on.CountryConfidence < least.v
}

// checkCountryConfidence adds the clause on the country's confidence and holds a guess: countries share plate forms
// (AB123CD is French and Italian), so the plate alone does not decide.
func (b *decisionBuilder) checkCountryConfidence(g *general) {
	on := &b.d.On
	m := g.country.inForceAt(on.CapturedAt)
	if m == nil || on.CountryConfidence == 0 || on.Country.IsZero() {
		return
	}
	sure := !g.doubtsCountry(on)
	b.addDecidingClause(&m.provenance, stepCountryConfidence, sure, strconv.Itoa(int(on.CountryConfidence)), strconv.Itoa(int(m.v)))
	if !sure {
		b.addHold(reasonCountryDoubtful, 0)
	}
}

// findInOtherRegister asks the other registers when the read country's register does not know the plate, the plate
// lacks the read country's form and has another country's, and that country's register knows it. Then the country was
// misread, or the plate.
func (b *decisionBuilder) findInOtherRegister(g *general, ref Reference) (veh schemas.Vehicle, misread bool) {
	on := &b.d.On
	if on.Country.IsZero() {
		return veh, false
	}
	if _, found := ref.Vehicle(on.Plate, on.Country, on.CapturedAt); found {
		return veh, false
	}
	own, fits := g.hasForm(on.Plate, on.Country, on.CapturedAt)
	if own == nil || fits {
		return veh, false
	}
	veh, found := ref.Vehicle(on.Plate, schemas.Country{}, on.CapturedAt)
	if !found {
		return veh, false
	}
	other, itFits := g.hasForm(on.Plate, veh.Country, on.CapturedAt)
	if other == nil || !itFits {
		return veh, false
	}
	b.addDecidingClause(&own.provenance, stepCountryForm, false, on.Country.String(), veh.Country.String())
	return veh, true
}

// checkVehicleKind compares the camera's kind with the register's category. A contradiction holds: the plate was
// misread, copied, or is on another vehicle.
func (b *decisionBuilder) checkVehicleKind(g *general, category schemas.Category) {
	b.checkKind(g, b.d.On.Kind, category)
}

// checkKind is checkVehicleKind for a kind that a camera saw.
func (b *decisionBuilder) checkKind(g *general, kind schemas.VehicleKind, category schemas.Category) {
	if kind == schemas.KindUnknown || category == schemas.CategoryUnknown {
		return
	}
	e := g.seen[kind].inForceAt(b.d.On.CapturedAt)
	if e == nil {
		return
	}
	agrees := !e.v.has(category)
	b.addDecidingClause(&e.provenance, stepSeen, agrees, kind.String(), category.String())
	if !agrees {
		b.addHold(reasonKindContradicts, 0)
	}
}

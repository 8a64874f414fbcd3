package cases

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Open returns the first event of a case from its intake, and the incident that follows it when the seal does not hold.
func (in *Intake) Open(id ID, now schemas.Micros, p *Policy) (first *Event, then Command) {
	in.clean()
	d := &in.Decision
	by := SystemActor()
	e := &Event{
		Case: id, Kind: TakenIn, To: Open, RecordedAt: now, EffectiveAt: now, Role: by.Role, Zone: in.Zone, Trace: nil,
		Opening: &Opening{
			Offence: in.Offence, Attempt: in.Attempt, Regime: in.Regime, Family: d.Family, Rule: d.Rule, Passage: d.Passage, Read: d.On.Read, Zone: in.Zone, Site: in.Site,
			Camera: d.On.Camera, Municipality: in.Municipality, Reading: PlateReading{Plate: d.On.Plate.String(), Country: d.On.Country.String()},
			Confidence: d.On.Confidence, Seal: schemas.DigestOf(in.Seal), CapturedAt: d.On.CapturedAt, Straggler: in.Straggler, Pictures: in.Pictures, PicturesOpen: in.PicturesOpen,
		},
		Facts: &Facts{
			Measures: d.Measures, AmountCents: d.AmountCents, LegalBasis: d.LegalBasis, Verified: d.Verified, Track: in.Track, Marks: in.Marks, Blocks: in.Blocks,
			Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion,
		},
		Clocks: &in.Clocks,
	}
	if d.Outcome == schemas.OutcomeOffence {
		e.Facts.Finding = d.Reason
	}
	if d.Outcome == schemas.OutcomeHeld {
		e.To, e.Reason, e.HoldUntil = Held, d.Reason, d.HoldUntil
		rule := p.Holds[d.Reason]
		if e.HoldLongest = rule.LongestUntil(now, in.Clocks); rule.ByKeying {
			e.To = Keying
		}
	}
	if in.Wired && e.To == Open {
		e.To, e.Reason = Held, HeldByWire
	}
	switch {
	case len(in.Sealed) == 0:
		e.To, then = Arbitration, OpenIncident{Kind: SealMissing, Text: "the offence came without its sealed bytes"}
	case !in.SealHolds:
		e.To, then = Arbitration, OpenIncident{Kind: SealBroken, Text: "the sealed bytes are not those under the seal"}
	}
	return e, then
}

// clean makes the texts fit for a database: valid UTF-8 without zero bytes. The sealed bytes keep them as they were.
func (in *Intake) clean() {
	d := &in.Decision
	for _, t := range []*string{
		&in.Zone, &in.Site, &d.On.Camera, (*string)(&d.Rule), (*string)(&d.Family), &d.Reason, &d.LegalBasis, &d.CatalogueVersion, &d.ReferenceVersion,
		(*string)(&in.Track),
	} {
		*t = cleanText(*t)
	}
	for _, list := range [][]string{in.Marks, in.Blocks} {
		for i := range list {
			list[i] = cleanText(list[i])
		}
	}
	for i := range d.Measures {
		m := &d.Measures[i]
		m.Name, m.Device = schemas.MeasureName(cleanText(string(m.Name))), cleanText(m.Device)
	}
}

func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Check reports why an intake can become no case; nil = it can.
func (in *Intake) Check() error {
	switch {
	case in.Offence.IsZero():
		return refuseField("offence_id", "the offence has no id")
	case in.Attempt < 1:
		return refuseField("attempt", "attempt %d is not 1 or more", in.Attempt)
	case !slices.Contains(Regimes(), in.Regime):
		return refuseField("regime", "%q is not in the list: %v", in.Regime, Regimes())
	case in.Decision.Outcome != schemas.OutcomeOffence && in.Decision.Outcome != schemas.OutcomeHeld:
		return refuseField("outcome", "%s makes no case", in.Decision.Outcome)
	case in.Decision.Outcome == schemas.OutcomeHeld && in.Decision.Reason == "":
		return refuseField("reason", "a hold has a reason")
	case in.Track != "" && !slices.Contains(Tracks(), in.Track):
		return refuseField("track", "%q is not in the list: %v", in.Track, Tracks())
	}
	return nil
}

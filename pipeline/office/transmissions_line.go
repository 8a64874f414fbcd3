package office

import (
	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/handover"
	"github.com/gvc-brussels/anpr/schemas"
)

// lineOf writes a case as its recipient gets it. What is not known is absent; the schema says what must be there.
func (o *Office) lineOf(d *casestore.Dossier) handover.Line {
	c, r := &d.Case, d.Case.Reading()
	decision, _ := evidence.ParseSealed(d.Sealed) // bytes that nobody can read were refused before
	place := o.placeOf(c)
	out := handover.Line{
		Number: c.Number, CaseID: c.ID.String(), OffenceID: c.Offence.String(), Track: string(c.Track), Family: string(c.Family), Rule: string(c.Rule), Finding: c.Finding,
		LegalBasis: handover.Text{NL: o.basisIn("nl", c.LegalBasis), FR: o.basisIn("fr", c.LegalBasis)}, Plate: r.Plate, Country: r.Country, CapturedAt: handover.Time{Time: c.CapturedAt.Time()},
		Place:     handover.Place{Street: textOfStreet(place.Street), Municipality: textOfStreet(place.InWords), NIS: c.Municipality, Zone: c.Zone, Site: c.Site, Camera: c.Camera, Lane: decision.On.Lane},
		Measured:  schemas.MeasureValue(c.Measures, schemas.MeasuredSpeed),
		Corrected: schemas.MeasureValue(c.Measures, schemas.CorrectedSpeed), Limit: schemas.MeasureValue(c.Measures, schemas.AllowedSpeed),
		AmountCents: c.AmountCents, Officer: officerOf(d), Seal: c.Seal.String(),
	}
	if c.Lane != nil {
		out.Place.Lane = *c.Lane
	}
	if decision.On.Direction != schemas.DirectionUnknown {
		out.Place.Direction = decision.On.Direction.String()
	}
	if device := o.deviceOf(c); device != nil && device.Serial != "" && device.Approval != "" {
		out.Device = &handover.Device{Serial: device.Serial, Approval: device.Approval}
	}
	if z := lezOf(traceOf(d, &decision)); z != nil && z.Norm != "" && z.Euro != "" {
		out.Norm = &handover.Norm{Required: z.Norm, Vehicle: z.Euro, Fuel: z.Fuel, Category: z.Category}
	}
	if c.HasFile() {
		out.Outcome, out.AmountCents, out.Recidivism = string(c.File.Outcome), c.File.AmountCents, c.File.Level
	}
	if c.SendBy != 0 {
		out.SendBy = handover.Time{Time: c.SendBy.Time()}
	}
	if c.DropBy != 0 {
		out.DropBy = handover.Time{Time: c.DropBy.Time()}
	}
	return out
}

func textOfStreet(s *schemas.Street) *handover.Text {
	if s == nil || s.IsZero() {
		return nil
	}
	out := handover.Text(*s)
	if out.NL == "" {
		out.NL = out.FR
	}
	if out.FR == "" {
		out.FR = out.NL
	}
	return &out
}

// officerOf names who found the offence: the person of the verdict that stands, with the appointment of its event.
func officerOf(d *casestore.Dossier) *handover.Officer {
	for i := range d.Events {
		if e := &d.Events[i]; e.ID.String() == d.Case.Decisive && e.Role != cases.System {
			return &handover.Officer{Name: e.User, Function: string(e.Role), Appointment: e.Appointment, DecidedAt: handover.Time{Time: e.RecordedAt.Time()}}
		}
	}
	return nil
}

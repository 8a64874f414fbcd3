package office

import (
	"context"
	"net/http"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// PreviewQuery asks what the rules say about another plate for a case.
type PreviewQuery struct {
	CaseID string `path:"case_id" maxLength:"64"`
	Body   struct {
		Plated
		Lease string `json:"lease_id" maxLength:"64"`
	}
}

// PreviewAnswer is what the rules say about the plate. A verdict for this plate names the preview.
type PreviewAnswer struct {
	Scope     Scope         `json:"scope"`
	PreviewID string        `json:"preview_id"`
	EndsAt    *time.Time    `json:"ends_at,omitempty" doc:"until then a verdict may name it"`
	Plate     ProposedPlate `json:"plate"`
	Vehicle   *ItemVehicle  `json:"vehicle,omitempty" doc:"what the register has under this plate"`
	Outcome   string        `json:"outcome" enum:"open,held,withdrawn" doc:"what the case would be with this plate"`
	Reason    string        `json:"reason,omitempty"`
	HoldText  *Cited        `json:"hold_text,omitempty" doc:"of held: the reason in words"`
	HoldUntil *time.Time    `json:"hold_until,omitempty"`
	Trace     []ItemStep    `json:"trace,omitempty"`
	Warnings  []ItemWarning `json:"warnings"`
}

// previewPlate decides a case again with another plate, and records nothing on the case. It is a look-up of that plate:
// the user chose it, so that it is logged and charged like every other.
func (o *Office) previewPlate(ctx context.Context, in *PreviewQuery) (*PreviewAnswer, error) {
	plate, err := o.readPlate(ctx, access.RoutePlatePreview, in.CaseID, in.Body.Plated)
	if err != nil {
		return nil, err
	}
	if plate == nil {
		return nil, o.refuseInvalid(ctx, access.RoutePlatePreview, access.FaultMissing, "plate", "must be given", map[string]any{"case_id": boundedText(in.CaseID)})
	}
	l := lookup{route: access.RoutePlatePreview, asked: plateAsked(map[string]any{"case_id": boundedText(in.CaseID)}, plate), plates: []string{plate.Plate}, byPlate: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*PreviewAnswer, answered, error) {
		d, err := o.findCase(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		if lease, err := readLease(in.Body.Lease); err != nil || d.Lease == nil || d.Lease.ID != lease || d.Lease.User != p.User() {
			return nil, answered{}, newProblem(http.StatusPreconditionFailed, string(cases.CodeLeaseLost), "the lease is not yours, or no more: take the item again")
		}
		if o.cfg.Cases.Decider == nil {
			return nil, answered{}, newProblem(http.StatusNotImplemented, codeNoCatalogue, "this office cannot decide a case again: ask one with rules and reference data")
		}
		now, err := o.cfg.Cases.Store.Now(ctx) // as a re-decision asks: a wrong clock of this machine decides nothing
		if err != nil {
			return nil, answered{}, err
		}
		q := cases.QuestionOf(&d.Case, now)
		q.Reading = plate
		answer, err := o.cfg.Cases.Decider.Decide(ctx, q)
		if err != nil {
			return nil, answered{}, err
		}
		by := o.actorOf(ctx, p, "")
		kept, err := o.cfg.Cases.Store.SavePreview(ctx, &by, d.Case.ID, *plate, &answer)
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RoutePlatePreview, in.CaseID, err)
		}
		out := o.previewAnswer(&kept, d.Case.CapturedAt)
		out.Scope = scopeOf(p)
		return out, answered{rows: 1, plates: append(platesOfCase(&d.Case), plate.Plate)}, nil
	})
}

// previewAnswer shows a preview.
func (o *Office) previewAnswer(kept *cases.Preview, capturedAt schemas.Micros) *PreviewAnswer {
	a := &kept.Answer
	out := &PreviewAnswer{
		PreviewID: kept.ID.String(), Plate: ProposedPlate{Text: kept.Reading.Plate, Country: kept.Reading.Country, Why: "corrected"}, Outcome: string(a.Outcome), Reason: a.Reason,
		HoldUntil: timeOf(a.HoldUntil), Vehicle: o.vehicleOf(&kept.Reading, capturedAt), Trace: o.stepsOf(a.Trace, false), Warnings: []ItemWarning{},
		EndsAt: timeOf(kept.MadeAt + cases.DefaultPolicy().PreviewWithin),
	}
	if out.Outcome == string(cases.OutcomeHeld) {
		out.HoldText = reasonText(a.Reason)
	}
	for _, b := range a.Facts.Blocks {
		out.Warnings = append(out.Warnings, ItemWarning{Code: b, Blocks: true})
	}
	for _, m := range a.Facts.Marks {
		out.Warnings = append(out.Warnings, ItemWarning{Code: m})
	}
	return out
}

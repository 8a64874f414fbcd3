package office

import (
	"context"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// ArbitrationQuery ends an arbitration.
type ArbitrationQuery struct {
	CaseChange
	Body struct {
		To      string    `json:"to" enum:"confirmed,rejected,held,open,withdrawn"`
		Reason  string    `json:"reason,omitempty" maxLength:"64" doc:"of rejected, withdrawn and held: a closed list"`
		Until   time.Time `json:"until,omitzero" doc:"of held"`
		Text    string    `json:"text" minLength:"1" maxLength:"2000" doc:"why"`
		Preview string    `json:"preview_id,omitempty" maxLength:"64" doc:"of confirmed with another plate"`
		Plated
	}
}

// listedReason returns a reason of the closed lists of an arbitration for the log. Anything else may be a plate that was
// typed into the wrong field.
func listedReason(reason string) string {
	listed := reason == "" || slices.Contains(cases.RejectReasons(), cases.RejectReason(reason)) || slices.Contains(cases.WithdrawReasons(), cases.WithdrawReason(reason)) ||
		slices.Contains(cases.HandHoldReasons(), reason)
	if listed {
		return reason
	}
	return "not listed"
}

// arbitrateCase ends an arbitration.
func (o *Office) arbitrateCase(ctx context.Context, in *ArbitrationQuery) (*CaseActAnswer, error) {
	b := &in.Body
	plate, err := o.readPlate(ctx, access.RouteArbitrate, in.CaseID, b.Plated)
	if err != nil {
		return nil, err
	}
	a := cases.Arbitrate{To: cases.State(b.To), Reason: b.Reason, Text: b.Text, Plate: plate}
	if !b.Until.IsZero() {
		a.Until = schemas.MicrosOf(b.Until)
	}
	if a.Preview, err = readPreview(b.Preview); err != nil {
		return nil, err
	}
	asked := plateAsked(map[string]any{"to": b.To, "arbitration_reason": listedReason(b.Reason)}, plate)
	return o.confirmAct(ctx, caseAct{route: access.RouteArbitrate, in: &in.CaseChange, asked: asked, act: access.ActArbitrate, command: a})
}

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
		Looked
		Plated
	}
}

// Looked says how a person looked at a case before saying yes. A confirmation needs all of it, as that of an item does.
type Looked struct {
	Lease    string   `json:"lease_id,omitempty" maxLength:"64" doc:"of a confirmation: the lease of the case"`
	Checks   []bool   `json:"checks,omitempty" maxItems:"5" doc:"of a confirmation: plate, country, vehicle, one vehicle only, place and time: all five hold"`
	Pictures []string `json:"pictures,omitempty" maxItems:"8" doc:"SHA-256 of what was shown; the office counts what it served itself"`
	ShownMS  int64    `json:"shown_ms,omitempty" minimum:"0" doc:"of a confirmation: how long the case stood on the screen"`
	Input    string   `json:"input,omitempty" enum:"key,mouse,script" doc:"of a confirmation"`
}

// look returns what a command needs of it.
func (l *Looked) look() cases.Look {
	out := cases.Look{ShownMS: l.ShownMS, Input: cases.Input(l.Input)}
	copy(out.Checks[:], l.Checks)
	return out
}

// addTo adds what the log keeps of it.
func (l *Looked) addTo(asked map[string]any) map[string]any {
	asked["shown_ms"], asked["input"] = l.ShownMS, l.Input
	return asked
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
	a := cases.Arbitrate{To: cases.State(b.To), Reason: b.Reason, Text: b.Text, Plate: plate, Look: b.look()}
	if !b.Until.IsZero() {
		a.Until = schemas.MicrosOf(b.Until)
	}
	if a.Preview, err = readPreview(b.Preview); err != nil {
		return nil, err
	}
	asked := plateAsked(b.addTo(map[string]any{"to": b.To, "arbitration_reason": listedReason(b.Reason)}), plate)
	return o.confirmAct(ctx, caseAct{route: access.RouteArbitrate, in: &in.CaseChange, lease: b.Lease, asked: asked, act: access.ActArbitrate, command: a})
}

package office

import (
	"context"
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// ReleaseQuery ends a hold by hand.
type ReleaseQuery struct {
	CaseChange
	Body struct {
		Lane   *uint8 `json:"lane,omitempty" maximum:"99" doc:"of a hold for the lane: the lane in the picture"`
		Accept bool   `json:"accept,omitempty" doc:"the doubt is settled: the same reason holds the case no more"`
		Text   string `json:"text,omitempty" maxLength:"2000"`
	}
}

// releaseCase ends a hold: one by hand opens, one of the rules is decided again.
func (o *Office) releaseCase(ctx context.Context, in *ReleaseQuery) (*CaseActAnswer, error) {
	b := &in.Body
	asked := map[string]any{"accept": b.Accept}
	if b.Lane != nil {
		asked["lane"] = strconv.FormatUint(uint64(*b.Lane), 10)
	}
	return o.confirmAct(ctx, caseAct{route: access.RouteRelease, in: &in.CaseChange, asked: asked, command: cases.EndHold{Lane: b.Lane, Accept: b.Accept, Text: b.Text}})
}

// IncidentClosingQuery settles an incident of a case.
type IncidentClosingQuery struct {
	CaseChange
	Body struct {
		N    int64  `json:"n" minimum:"1" doc:"number of the incident, as the case shows it"`
		Text string `json:"text" minLength:"1" maxLength:"2000" doc:"what was found and done, at least 10 characters"`
	}
}

// closeIncident settles an incident. The case can be confirmed again when none is open.
func (o *Office) closeIncident(ctx context.Context, in *IncidentClosingQuery) (*CaseActAnswer, error) {
	asked := map[string]any{"incident": strconv.FormatInt(in.Body.N, 10)}
	return o.confirmAct(ctx, caseAct{route: access.RouteCloseIncident, in: &in.CaseChange, asked: asked, command: cases.CloseIncident{N: in.Body.N, Text: in.Body.Text}})
}

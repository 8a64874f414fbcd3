package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// RejectsQuery asks which records were rejected. Without a purpose (or with operation) no content is shown; a GVC
// supervisor sees details and payloads for the purpose traffic.
type RejectsQuery struct {
	Ask
	Window
	Paging
	RejectReason string   `query:"reject_reason" maxLength:"64" doc:"Why it was rejected; reason is why you ask."`
	Camera       []string `query:"camera,explode" maxItems:"50"`
}

// RejectsAnswer is one page of rejected records, newest first, and the counts of all by reason.
type RejectsAnswer struct {
	Scope    Scope               `json:"scope"`
	ByReason []query.ReasonCount `json:"by_reason"`
	Rejects  []query.Reject      `json:"rejects"`
	Next     string              `json:"next,omitempty"`
}

func (o *Office) rejects(ctx context.Context, in *RejectsQuery) (*RejectsAnswer, error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteRejects, ask: in.Ask, window: in.Window,
		asked: in.logged(map[string]any{"reject_reason": in.RejectReason, "camera": in.Camera}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	f := query.RejectFilter{Reason: in.RejectReason, Cameras: in.Camera}
	out := &RejectsAnswer{Scope: scopeOf(p), Rejects: []query.Reject{}, ByReason: []query.ReasonCount{}}
	st, err := query.Rejects(p, f, page)
	if err != nil {
		return nil, err
	}
	if err := o.sel(ctx, &out.Rejects, st); err != nil {
		return nil, err
	}
	out.Rejects, out.Next = cut[query.Reject](out.Rejects, in.Limit)
	if st, err = query.CountRejects(p, f); err != nil {
		return nil, err
	}
	if err := o.sel(ctx, &out.ByReason, st); err != nil {
		return nil, err
	}
	return out, nil
}

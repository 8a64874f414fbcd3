package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// RejectsQuery asks which records were rejected. Without a purpose, or with operation, no content is shown. A GVC
// supervisor sees details and payloads for the purpose traffic.
type RejectsQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	RejectReason string   `query:"reject_reason" maxLength:"64" doc:"Why it was rejected."`
	Camera       []string `query:"camera,explode" maxItems:"50"`
}

// RejectsAnswer is one page of rejected records, newest first, with total counts by reason.
type RejectsAnswer struct {
	Scope    Scope               `json:"scope"`
	ByReason []query.ReasonCount `json:"by_reason"`
	Rejects  []query.Reject      `json:"rows"`
	Next     string              `json:"next,omitempty"`
}

func (o *Office) listRejects(ctx context.Context, in *RejectsQuery) (*RejectsAnswer, error) {
	l := lookup{
		route: access.RouteRejects, window: in.TimeRange,
		asked: in.addWindow(map[string]any{"reject_reason": in.RejectReason, "camera": in.Camera}),
	}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*RejectsAnswer, answered, error) {
		if !p.ShowsPlates() {
			most = query.MaxLimit
		}
		page, err := o.pageOf(p.User(), "rejects", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		f := query.RejectFilter{Reason: in.RejectReason, Cameras: in.Camera}
		out := &RejectsAnswer{Scope: scopeOf(p), Rejects: []query.Reject{}, ByReason: []query.ReasonCount{}}
		st, err := query.Rejects(p, f, page)
		if err != nil {
			return nil, answered{}, err
		}
		if err := o.selectRows(ctx, &out.Rejects, st); err != nil {
			return nil, answered{}, err
		}
		var next query.Cursor
		out.Rejects, next = splitPage[query.Reject](out.Rejects, page.Limit)
		out.Next = o.pseudonyms.sealCursor(p.User(), "rejects", next)
		if st, err = query.CountRejects(p, f); err != nil {
			return nil, answered{}, err
		}
		err = o.selectRows(ctx, &out.ByReason, st)
		return out, answered{rows: len(out.Rejects), cut: out.Next != ""}, err
	})
}

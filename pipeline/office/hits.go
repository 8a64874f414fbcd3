package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// HitsQuery asks which listed plates were seen.
type HitsQuery struct {
	Ask
	Window
	Paging
	Plate       string   `query:"plate" maxLength:"64" doc:"One plate, as listed or as read."`
	List        string   `query:"list" maxLength:"64"`
	Match       string   `query:"match" enum:"exact,confusable"`
	Camera      []string `query:"camera,explode" maxItems:"50"`
	MinPriority int      `query:"min_priority" minimum:"0" maximum:"100"`
}

// HitsAnswer is one page of hits, newest first.
type HitsAnswer struct {
	Scope Scope       `json:"scope"`
	Hits  []query.Hit `json:"hits"`
	Next  string      `json:"next,omitempty"`
}

func (o *Office) hits(ctx context.Context, in *HitsQuery) (*HitsAnswer, error) {
	plate, err := parsePlate(in.Plate, false)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteHits, ask: in.Ask, window: in.Window, wide: plate.Wide(), byPlate: in.Plate != "",
		asked: in.logged(map[string]any{
			"plate": plate.Text(), "list": in.List, "match": in.Match, "camera": in.Camera,
			"min_priority": in.MinPriority,
		}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	st, err := query.Hits(p, query.HitFilter{
		Plate: plate, List: in.List, Match: in.Match, Cameras: in.Camera,
		MinPriority: in.MinPriority,
	}, page)
	if err != nil {
		return nil, err
	}
	out := &HitsAnswer{Scope: scopeOf(p), Hits: []query.Hit{}}
	if err := o.sel(ctx, &out.Hits, st); err != nil {
		return nil, err
	}
	out.Hits, out.Next = cut[query.Hit](out.Hits, in.Limit)
	return out, nil
}

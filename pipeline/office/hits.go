package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// HitsQuery asks which listed plates were seen. The client opens a purpose for the Justification.
type HitsQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	Plate       string   `json:"plate,omitempty" maxLength:"64" doc:"One plate, as listed or as read."`
	List        string   `json:"list,omitempty" maxLength:"64"`
	Match       string   `json:"match,omitempty" enum:"exact,confusable"`
	Camera      []string `json:"cameras,omitempty" maxItems:"50"`
	MinPriority int      `json:"min_priority,omitempty" minimum:"0" maximum:"100"`
}

// HitsAnswer is one page of hits, newest first.
type HitsAnswer struct {
	Scope Scope       `json:"scope"`
	Hits  []query.Hit `json:"rows"`
	Next  string      `json:"next,omitempty"`
}

func (o *Office) listHits(ctx context.Context, in *HitsQuery) (*HitsAnswer, error) {
	asked := in.addWindow(map[string]any{
		"plate": boundedText(in.Plate), "list": in.List, "match": in.Match, "camera": in.Camera, "min_priority": in.MinPriority,
	})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, access.RouteHits, "plate", "plate", err.Error(), asked)
	case plate.Wide():
		return nil, o.refuseInvalid(ctx, access.RouteHits, "plate", "plate", "must be one plate: hits are not searched by pattern", asked)
	}
	asked["plate"] = plate.Text()
	l := lookup{route: access.RouteHits, window: in.TimeRange, byPlate: in.Plate != "", plates: namedPlates(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*HitsAnswer, answered, error) {
		page, err := o.pageOf(p.User(), "hits", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		st, err := query.Hits(p, query.HitFilter{Plate: plate, List: in.List, Match: in.Match, Cameras: in.Camera, MinPriority: in.MinPriority}, page)
		if err != nil {
			return nil, answered{}, err
		}
		out := &HitsAnswer{Scope: scopeOf(p), Hits: []query.Hit{}}
		if err := o.selectRows(ctx, &out.Hits, st); err != nil {
			return nil, answered{}, err
		}
		var next query.Cursor
		out.Hits, next = splitPage[query.Hit](out.Hits, page.Limit)
		out.Next = o.pseudonyms.sealCursor(p.User(), "hits", next)
		out.Scope.noteCut(out.Next, page.Limit, in.Limit)
		shown := answered{rows: len(out.Hits), cut: out.Next != ""}
		for i := range out.Hits {
			out.Hits[i].Street = o.streetOf(out.Hits[i].Camera)
			shown.plates = append(shown.plates, out.Hits[i].Plate, out.Hits[i].ListedPlate)
		}
		out.Scope.Coverage, err = o.findCoverage(ctx, p, in.Camera)
		return out, shown, err
	})
}

// namedPlates returns the plate charged to the hour; none without a plate filter.
func namedPlates(p query.PlateFilter) []string {
	if p.IsZero() {
		return nil
	}
	return []string{p.Text()}
}

// noteCut notes a page cut by the rows that the user may still see.
func (s *Scope) noteCut(next string, limit, wanted int) {
	if next != "" && limit < wanted {
		s.Narrowed = append(s.Narrowed, narrowedByQuota)
	}
}

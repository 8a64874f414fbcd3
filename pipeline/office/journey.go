package office

import (
	"context"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// JourneyQuery asks where a plate went on one day.
type JourneyQuery struct {
	Ask
	Plate string `path:"plate" maxLength:"64"`
	Day   string `query:"day" required:"true" format:"date" doc:"Brussels calendar day, as 2026-11-25."`
}

// JourneyAnswer is the reads of the day, earliest first.
type JourneyAnswer struct {
	Scope Scope        `json:"scope"`
	Reads []query.Read `json:"reads"`
	Cut   bool         `json:"cut,omitempty" doc:"there are more than 1000; the earliest are left out"`
}

func (o *Office) journey(ctx context.Context, in *JourneyQuery) (*JourneyAnswer, error) {
	plate, err := parsePlate(in.Plate, false)
	if err != nil {
		return nil, err
	}
	if plate.Wide() || plate.IsZero() {
		return nil, invalid("plate", "must be one plate; search patterns with /v1/reads")
	}
	day, err := schemas.ParseDay(in.Day)
	if err != nil {
		return nil, invalid("day", "must be a day such as 2026-11-25")
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteJourney, ask: in.Ask, window: Window{From: day.Start().Time(), To: (day + 1).Start().Time()}, byPlate: true,
		asked: map[string]any{"plate": plate.Text(), "day": day.String()},
	})
	if err != nil {
		return nil, err
	}
	out := &JourneyAnswer{Scope: scopeOf(p), Reads: []query.Read{}}
	rows, err := o.readPage(ctx, func() ([]query.Read, error) {
		return o.db.Reads(ctx, p, query.ReadFilter{Plate: plate}, query.Page{Limit: query.MaxLimit})
	})
	if err != nil {
		return nil, err
	}
	if len(rows) > query.MaxLimit {
		rows, out.Cut = rows[:query.MaxLimit], true
	}
	slices.Reverse(rows)
	out.Reads = append(out.Reads, rows...)
	o.place(out.Reads)
	return out, nil
}

// CameraQuery asks what one camera saw in a window of at most a day.
type CameraQuery struct {
	Ask
	Window
	Paging
	Camera string `path:"camera" maxLength:"64"`
}

// maxCameraWindow bounds a look-up of all that a camera saw: of everybody who passed, and so no longer than the case needs.
const maxCameraWindow = 24 * time.Hour

func (o *Office) cameraReads(ctx context.Context, in *CameraQuery) (*ReadsAnswer, error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	if !in.From.IsZero() && !in.To.IsZero() && in.To.Sub(in.From) > maxCameraWindow {
		return nil, invalid("from", "and to may be 24 hours apart at most when all that a camera saw is asked for")
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteCamera, ask: in.Ask, window: in.Window, wide: true,
		asked: in.logged(map[string]any{"camera": in.Camera}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	out := &ReadsAnswer{Scope: scopeOf(p), Reads: []query.Read{}}
	rows, err := o.readPage(ctx, func() ([]query.Read, error) { return o.db.CameraReads(ctx, p, []string{in.Camera}, page) })
	if err != nil {
		return nil, err
	}
	out.Reads = append(out.Reads, rows...)
	out.Reads, out.Next = cut[query.Read](out.Reads, in.Limit)
	o.place(out.Reads)
	return out, nil
}

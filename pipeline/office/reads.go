package office

import (
	"context"
	"errors"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// ReadsQuery asks where a plate was.
type ReadsQuery struct {
	Ask
	Window
	Paging
	Plate      string   `query:"plate" required:"true" minLength:"1" maxLength:"64" doc:"A plate, or a pattern with ? for one character and * for any number; a pattern needs 3 known characters and a window."`
	Confusable bool     `query:"confusable" doc:"Also plates that cameras confuse with it (0 O Q D, 1 I L, 2 Z, 5 S, 6 G, 8 B): leads, never proof."`
	Camera     []string `query:"camera,explode" maxItems:"50" doc:"Only these cameras."`
	Count      bool     `query:"count" doc:"Also count all reads, over all pages."`
}

// ReadsAnswer is one page of reads, newest first.
type ReadsAnswer struct {
	Scope Scope        `json:"scope"`
	Reads []query.Read `json:"reads"`
	Next  string       `json:"next,omitempty" doc:"pass as after for the next page; absent on the last"`
	Count *uint64      `json:"count,omitempty"`
}

func (o *Office) reads(ctx context.Context, in *ReadsQuery) (*ReadsAnswer, error) {
	plate, err := parsePlate(in.Plate, in.Confusable)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteReads, ask: in.Ask, window: in.Window, wide: plate.Wide(), byPlate: true,
		asked: in.logged(map[string]any{"plate": plate.Text(), "confusable": in.Confusable, "camera": in.Camera}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	f := query.ReadFilter{Plate: plate, Cameras: in.Camera}
	out := &ReadsAnswer{Scope: scopeOf(p), Reads: []query.Read{}}
	rows, err := o.readPage(ctx, func() ([]query.Read, error) { return o.db.Reads(ctx, p, f, page) })
	if err != nil {
		return nil, err
	}
	out.Reads = append(out.Reads, rows...)
	out.Reads, out.Next = cut[query.Read](out.Reads, in.Limit)
	o.place(out.Reads)
	if in.Count {
		if out.Count, err = o.countReads(ctx, p, f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o *Office) countReads(ctx context.Context, p access.Permit, f query.ReadFilter) (*uint64, error) {
	st, err := query.CountReads(p, f)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Count uint64 `ch:"count"`
	}
	if err := o.sel(ctx, &rows, st); err != nil {
		return nil, err
	}
	var n uint64
	for _, r := range rows {
		n += r.Count
	}
	return &n, nil
}

// place adds the positions of the cameras.
func (o *Office) place(reads []query.Read) {
	if o.cfg.Camera == nil {
		return
	}
	for i := range reads {
		if c := o.cfg.Camera(reads[i].Camera); c != nil {
			reads[i].LatE6, reads[i].LonE6 = c.LatE6, c.LonE6
		}
	}
}

// sel runs a statement and logs why it failed, without what was asked.
func (o *Office) sel(ctx context.Context, dest any, st query.Statement) error {
	err := o.db.Select(ctx, dest, st)
	o.failed(ctx, err)
	return err
}

// readPage runs a search of several statements and logs why it failed, without what was asked.
func (o *Office) readPage(ctx context.Context, do func() ([]query.Read, error)) ([]query.Read, error) {
	rows, err := do()
	o.failed(ctx, err)
	return rows, err
}

func (o *Office) failed(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && !errors.As(err, new(*query.FilterError)) {
		o.cfg.Logger.Warn().Err(err).Msg("query not answered")
	}
}

// LastSeenQuery asks for the newest read of one plate.
type LastSeenQuery struct {
	Ask
	Window
	Plate      string `path:"plate" maxLength:"64"`
	Confusable bool   `query:"confusable" doc:"Also plates that cameras confuse with it: a lead, never proof."`
}

// LastSeenAnswer is the newest read that the scope shows; Read is absent when there is none.
type LastSeenAnswer struct {
	Scope Scope       `json:"scope"`
	Read  *query.Read `json:"read,omitempty"`
}

func (o *Office) lastSeen(ctx context.Context, in *LastSeenQuery) (*LastSeenAnswer, error) {
	plate, err := parsePlate(in.Plate, in.Confusable)
	if err != nil {
		return nil, err
	}
	if plate.Wide() || plate.IsZero() {
		return nil, invalid("plate", "must be one plate; search patterns with /v1/reads")
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteLastSeen, ask: in.Ask, window: in.Window, byPlate: true,
		asked: in.logged(map[string]any{"plate": plate.Text(), "confusable": in.Confusable}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	rows, err := o.readPage(ctx, func() ([]query.Read, error) {
		return o.db.Reads(ctx, p, query.ReadFilter{Plate: plate}, query.Page{Limit: 1})
	})
	if err != nil {
		return nil, err
	}
	out := &LastSeenAnswer{Scope: scopeOf(p)}
	if len(rows) > 0 {
		o.place(rows[:1])
		out.Read = &rows[0]
	}
	return out, nil
}

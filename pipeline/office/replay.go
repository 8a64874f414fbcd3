package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// ReplayQuery announces a replay: stored passages decided again under other versions. The replay itself reads the tables with the
// database's own credentials and gives no plate; the office knows who may start one and writes down that it was started.
type ReplayQuery struct {
	Ask
	From      string `query:"from" maxLength:"10" doc:"First Brussels day. Example: 2026-10-01"`
	To        string `query:"to" maxLength:"10" doc:"Brussels day after the last."`
	Catalogue string `query:"catalogue" maxLength:"64" doc:"Version of the catalogue to try."`
	Reference string `query:"reference" maxLength:"64" doc:"Version of the reference data to decide with."`
}

// ReplayAnswer says that the replay is logged and may begin.
type ReplayAnswer struct {
	Scope Scope `json:"scope"`
}

func (o *Office) replay(ctx context.Context, in *ReplayQuery) (*ReplayAnswer, error) {
	p, err := o.permit(ctx, lookup{route: access.RouteReplay, ask: in.Ask, asked: in.logged(map[string]any{
		"days": in.From + " to " + in.To, "catalogue": in.Catalogue, "reference": in.Reference,
	}, Window{})})
	if err != nil {
		return nil, err
	}
	return &ReplayAnswer{Scope: scopeOf(p)}, nil
}

// Replay announces a replay, which may begin when this gives no error.
func (c *Client) Replay(ctx context.Context, q ReplayQuery) (*ReplayAnswer, error) {
	return get[ReplayAnswer](ctx, c, "/v1/replay-permit", q)
}

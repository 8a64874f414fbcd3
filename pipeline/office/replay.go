package office

import (
	"context"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// ReplayQuery announces a replay: stored passages decided again under other versions. The replay itself reads the
// tables with the database's own credentials and shows no plate. The office checks the right to start a replay and logs
// the start.
type ReplayQuery struct {
	Reason    string `query:"note" maxLength:"500" doc:"Why, for the access log; no plate and no name."`
	From      string `query:"from" maxLength:"10" doc:"First Brussels day. Example: 2026-10-01"`
	To        string `query:"to" maxLength:"10" doc:"Brussels day after the last."`
	Catalogue string `query:"catalogue" maxLength:"64" doc:"Version of the catalogue to try."`
	Reference string `query:"reference" maxLength:"64" doc:"Version of the reference data to decide with."`
}

// ReplayAnswer confirms that the replay is logged and may begin.
type ReplayAnswer struct {
	Scope Scope `json:"scope"`
}

func (o *Office) permitReplay(ctx context.Context, in *ReplayQuery) (*ReplayAnswer, error) {
	l := lookup{route: access.RouteReplay, asked: map[string]any{"note": in.Reason, "days": in.From + " to " + in.To, "catalogue": in.Catalogue, "reference": in.Reference}}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*ReplayAnswer, answered, error) {
		return &ReplayAnswer{Scope: scopeOf(p)}, answered{}, nil
	})
}

// AnnounceReplay announces a replay. The replay may begin when Replay returns no error.
func (c *Client) AnnounceReplay(ctx context.Context, q ReplayQuery) (*ReplayAnswer, error) {
	return getAnswer[ReplayAnswer](ctx, c, Justification{}, "/v1/replay-permit", q)
}

package office

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// AccessLogQuery asks who looked up what.
type AccessLogQuery struct {
	Ask
	Window
	Paging
	User       string `query:"user" maxLength:"64"`
	Action     Action `query:"action"`
	ForPurpose string `query:"for_purpose" enum:"judicial,administrative,traffic,oversight,operation" doc:"Purpose that was stated; purpose is yours."`
	Outcome    string `query:"outcome" enum:"granted,refused"`
	Plate      string `query:"plate" maxLength:"64" doc:"Every look-up that named exactly this plate or pattern."`
}

// Action is a route, as the access log names what was done.
type Action string

// Schema lists all routes: one that is added is found by the auditor without anybody remembering.
func (Action) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, r := range access.Routes() {
		s.Enum = append(s.Enum, string(r))
	}
	return s
}

// AccessLogAnswer is one page of the access log, newest first.
type AccessLogAnswer struct {
	Scope   Scope               `json:"scope"`
	Entries []query.AccessEntry `json:"entries"`
	Next    string              `json:"next,omitempty"`
}

func (o *Office) accessLog(ctx context.Context, in *AccessLogQuery) (*AccessLogAnswer, error) {
	plate, err := parsePlate(in.Plate, false)
	if err != nil {
		return nil, err
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteAccessLog, ask: in.Ask, window: in.Window, byPlate: in.Plate != "",
		asked: in.logged(map[string]any{
			"user": in.User, "action": string(in.Action), "for_purpose": in.ForPurpose, "outcome": in.Outcome,
			"plate": plate.Text(),
		}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	st, err := query.AccessLog(p, query.AccessFilter{
		User: in.User, Action: string(in.Action), Purpose: in.ForPurpose,
		Outcome: in.Outcome, Plate: plate,
	}, page)
	if err != nil {
		return nil, err
	}
	out := &AccessLogAnswer{Scope: scopeOf(p), Entries: []query.AccessEntry{}}
	if err := o.sel(ctx, &out.Entries, st); err != nil {
		return nil, err
	}
	out.Entries, out.Next = cut[query.AccessEntry](out.Entries, in.Limit)
	return out, nil
}

// VerifyQuery asks whether the chain holds. Seq and SHA256 are a head that was noted earlier and elsewhere, if any.
type VerifyQuery struct {
	Ask
	Seq    uint64 `query:"seq" doc:"Number of an entry that was noted elsewhere."`
	SHA256 string `query:"sha256" pattern:"^[0-9a-fA-F]{64}$" doc:"Its hash."`
}

// VerifyAnswer says how far the chain holds.
type VerifyAnswer struct {
	Scope    Scope  `json:"scope"`
	OK       bool   `json:"ok"`
	Entries  uint64 `json:"entries" doc:"entries that hold, from the first"`
	Head     string `json:"head_sha256" doc:"hash of the last of them; note it elsewhere"`
	FirstBad uint64 `json:"first_bad,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

func (o *Office) verify(ctx context.Context, in *VerifyQuery) (*VerifyAnswer, error) {
	if (in.Seq == 0) != (in.SHA256 == "") {
		return nil, invalid("seq", "and sha256 are given together")
	}
	p, err := o.permit(ctx, lookup{route: access.RouteVerify, ask: in.Ask, asked: map[string]any{}})
	if err != nil {
		return nil, err
	}
	var witnesses []access.Head
	if in.Seq != 0 {
		w := access.Head{Seq: in.Seq}
		if _, err := hex.Decode(w.Sum[:], []byte(in.SHA256)); err != nil {
			return nil, invalid("sha256", "must be 64 hexadecimal digits")
		}
		witnesses = append(witnesses, w)
	}
	l, err := o.openLog()
	if err != nil {
		return nil, err
	}
	v, err := l.Verify(ctx, witnesses...)
	if err != nil {
		o.cfg.Logger.Error().Msg("access log could not be read for verification")
		return nil, fmt.Errorf("%w: %w", query.ErrDatabase, err)
	}
	if !v.OK() {
		o.cfg.Logger.Error().Uint64("first_bad", v.FirstBad).Str("problem", v.Problem).Msg("THE ACCESS LOG DOES NOT VERIFY")
	}
	return &VerifyAnswer{
		Scope: scopeOf(p), OK: v.OK(), Entries: v.Entries, Head: hex.EncodeToString(v.Head.Sum[:]),
		FirstBad: v.FirstBad, Problem: v.Problem,
	}, nil
}

package office

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// OffencesQuery asks for candidate and held offences.
type OffencesQuery struct {
	Ask
	Window
	Paging
	Family        Deciding `query:"family"`
	Status        string   `query:"status" enum:"candidate,held"`
	Rule          string   `query:"rule" maxLength:"64"`
	OffenceReason string   `query:"offence_reason" maxLength:"64" doc:"Why it is held, or what it is; reason is why you ask."`
	Plate         string   `query:"plate" maxLength:"64" doc:"One plate."`
	Camera        []string `query:"camera,explode" maxItems:"50"`
}

// Family is the name of any family of rules.
type Family string

// Schema lists the families: one that is added is found without anybody remembering.
func (Family) Schema(huma.Registry) *huma.Schema { return wordsSchema(rules.FamilyNames(nil)) }

// Deciding is the name of a family of rules that decides passages.
type Deciding string

// Schema lists the families that make offences.
func (Deciding) Schema(huma.Registry) *huma.Schema {
	return wordsSchema(rules.FamilyNames((*rules.Info).Decides))
}

func wordsSchema(words []string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

// OffencesAnswer is one page of offences, newest first.
type OffencesAnswer struct {
	Scope    Scope           `json:"scope"`
	Offences []query.Offence `json:"offences"`
	Altered  int             `json:"altered,omitempty" doc:"how many of them are not what was sealed; each names its columns and is worth nothing"`
	Next     string          `json:"next,omitempty"`
}

func (o *Office) offences(ctx context.Context, in *OffencesQuery) (*OffencesAnswer, error) {
	plate, err := parsePlate(in.Plate, false)
	if err != nil {
		return nil, err
	}
	if plate.Wide() {
		return nil, invalid("plate", "must be one plate: offences are not searched by pattern")
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteOffences, ask: in.Ask, window: in.Window, byPlate: in.Plate != "",
		asked: in.logged(map[string]any{
			"plate": plate.Text(), "family": string(in.Family), "status": in.Status, "rule": in.Rule,
			"offence_reason": in.OffenceReason, "camera": in.Camera,
		}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	if !p.ShowsPlates() {
		if page.After, err = o.pseudonyms.findCursor(page.After); err != nil {
			return nil, invalid("after", err.Error())
		}
	}
	st, err := query.Offences(p, query.OffenceFilter{
		Family: string(in.Family), Status: in.Status, Rule: in.Rule, Reason: in.OffenceReason,
		Plate: plate, Cameras: in.Camera,
	}, page)
	if err != nil {
		return nil, err
	}
	out := &OffencesAnswer{Scope: scopeOf(p), Offences: []query.Offence{}}
	if err := o.sel(ctx, &out.Offences, st); err != nil {
		return nil, err
	}
	query.ShowMeasures(out.Offences)
	if out.Altered, err = o.markAltered(ctx, p, out.Offences[:min(len(out.Offences), in.Limit)]); err != nil {
		return nil, err
	}
	if !p.ShowsPlates() {
		o.pseudonyms.hideOffences(out.Offences)
	}
	out.Offences, out.Next = cut[query.Offence](out.Offences, in.Limit)
	return out, nil
}

// OffenceQuery asks for one offence. With Explain its trace is rendered in Lang.
type OffenceQuery struct {
	Ask
	ID      string `path:"id" maxLength:"36"`
	Explain bool   `query:"explain" doc:"Render the trace."`
	Lang    string `query:"lang" enum:"en,nl,fr" default:"en"`
}

// OffenceAnswer is one offence with its trace, clause by clause.
type OffenceAnswer struct {
	Scope       Scope          `json:"scope"`
	Offence     query.Offence  `json:"offence"`
	Trace       []schemas.Step `json:"trace"`
	Summary     []string       `json:"summary,omitempty" doc:"with explain: what it is, why, when to look again, what to do"`
	Explanation []string       `json:"explanation,omitempty"`
}

func (o *Office) offence(ctx context.Context, in *OffenceQuery) (*OffenceAnswer, error) {
	id, err := schemas.ParseID(in.ID)
	if err != nil {
		return nil, invalid("id", "must be the 32 hexadecimal digits of an offence")
	}
	p, err := o.permit(ctx, lookup{route: access.RouteOffence, ask: in.Ask, asked: map[string]any{"offence_id": id.String()}})
	if err != nil {
		return nil, err
	}
	if !p.ShowsPlates() {
		id = o.pseudonyms.find(id) // what was shown as the id
	}
	st, err := query.Offences(p, query.OffenceFilter{ID: id.String()}, query.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	var rows []query.Offence
	if err := o.sel(ctx, &rows, st); err != nil {
		return nil, err
	}
	query.ShowMeasures(rows)
	if len(rows) == 0 {
		return nil, huma.Error404NotFound("no offence of this id within your scope")
	}
	if n, err := o.markAltered(ctx, p, rows); err != nil {
		return nil, err
	} else if n > 0 {
		return nil, alteredProblem(rows[0].Altered)
	}
	if !p.ShowsPlates() {
		o.pseudonyms.hideOffences(rows[:1])
	}
	out := &OffenceAnswer{Scope: scopeOf(p), Offence: rows[0]}
	if out.Trace, out.Explanation, err = o.explain(rows[0].Trace, in.Explain, in.Lang); err != nil {
		return nil, err
	}
	if in.Explain && o.cfg.Summary != nil {
		f := &out.Offence
		out.Summary = o.cfg.Summary(in.Lang, f.Family, f.Status == "held", f.Reason, f.HoldUntil)
	}
	if in.Explain && o.cfg.Basis != nil {
		out.Offence.LegalBasis = o.cfg.Basis(in.Lang, out.Offence.LegalBasis)
	}
	return out, nil
}

// explain reads a stored trace and renders it when asked to.
func (o *Office) explain(stored string, render bool, lang string) ([]schemas.Step, []string, error) {
	steps := []schemas.Step{}
	if stored == "" {
		return steps, nil, nil
	}
	if err := json.Unmarshal([]byte(stored), &steps); err != nil {
		o.cfg.Logger.Error().Msg("a stored trace is not JSON of steps")
		return nil, nil, fmt.Errorf("stored trace: %w", err)
	}
	if !render {
		return steps, nil, nil
	}
	if o.cfg.Explain == nil {
		return nil, nil, huma.Error501NotImplemented("this office has no message catalogue; ask without explain")
	}
	lines, err := o.cfg.Explain(lang, stored)
	if err != nil {
		o.cfg.Logger.Error().Str("lang", lang).Msg("a stored trace could not be rendered")
		return nil, nil, fmt.Errorf("render trace: %w", err)
	}
	return steps, lines, nil
}

// DecisionsQuery asks what the rules found for one plate.
type DecisionsQuery struct {
	Ask
	Window
	Paging
	Plate   string `query:"plate" required:"true" minLength:"1" maxLength:"64" doc:"One plate."`
	Family  Family `query:"family"`
	Outcome string `query:"outcome" enum:"offence,held,exempt,withheld,warning,duplicate"`
	Explain bool   `query:"explain" doc:"Render the traces."`
	Lang    string `query:"lang" enum:"en,nl,fr" default:"en"`
}

// Decided is one decision with its trace.
type Decided struct {
	query.Decision
	Steps       []schemas.Step `json:"trace"`
	Explanation []string       `json:"explanation,omitempty"`
}

// DecisionsAnswer is one page of decisions, newest first.
type DecisionsAnswer struct {
	Scope     Scope     `json:"scope"`
	Decisions []Decided `json:"decisions"`
	Next      string    `json:"next,omitempty"`
}

func (o *Office) decisions(ctx context.Context, in *DecisionsQuery) (*DecisionsAnswer, error) {
	plate, err := parsePlate(in.Plate, false)
	if err != nil {
		return nil, err
	}
	if plate.Wide() {
		return nil, invalid("plate", "must be one plate: decisions are not searched by pattern")
	}
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	p, err := o.permit(ctx, lookup{
		route: access.RouteDecisions, ask: in.Ask, window: in.Window, byPlate: true,
		asked: in.logged(map[string]any{"plate": plate.Text(), "family": string(in.Family), "outcome": in.Outcome}, in.Window),
	})
	if err != nil {
		return nil, err
	}
	st, err := query.Decisions(p, query.DecisionFilter{Plate: plate, Family: string(in.Family), Outcome: in.Outcome}, page)
	if err != nil {
		return nil, err
	}
	var rows []query.Decision
	if err := o.sel(ctx, &rows, st); err != nil {
		return nil, err
	}
	out := &DecisionsAnswer{Scope: scopeOf(p)}
	rows, out.Next = cut[query.Decision](rows, in.Limit)
	out.Decisions = make([]Decided, len(rows))
	for i := range rows {
		d := &out.Decisions[i]
		d.Decision = rows[i]
		if d.Steps, d.Explanation, err = o.explain(rows[i].Trace, in.Explain, in.Lang); err != nil {
			return nil, err
		}
	}
	return out, nil
}

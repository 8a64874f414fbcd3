package office

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// OffencesQuery asks for candidate and held offences, or for one by OffenceID. The client opens a purpose for the
// Justification.
type OffencesQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	OffenceID string         `json:"offence_id,omitempty" maxLength:"36" doc:"This one alone."`
	Family    DecidingFamily `json:"family,omitempty"`
	Status    string         `json:"status,omitempty" enum:"candidate,held"`
	Rule      string         `json:"rule,omitempty" maxLength:"64"`
	Reason    string         `json:"reason,omitempty" maxLength:"64" doc:"Why it is held, or what it is."`
	Plate     string         `json:"plate,omitempty" maxLength:"64" doc:"One plate."`
	Camera    []string       `json:"cameras,omitempty" maxItems:"50"`
	Traces    bool           `json:"traces,omitempty" doc:"With the trace of each, clause by clause."`
	Explain   bool           `json:"explain,omitempty" doc:"With summary and trace of each, as text."`
	Lang      string         `json:"lang,omitempty" enum:"en,nl,fr" default:"en"`
}

// FamilyName is the name of any rule family.
type FamilyName string

// Schema lists all families from the rules, so a new family needs no edit here.
func (FamilyName) Schema(huma.Registry) *huma.Schema { return wordsSchema(rules.FamilyNames(nil)) }

// DecidingFamily is the name of a rule family that decides passages.
type DecidingFamily string

// Schema lists the families that make offences.
func (DecidingFamily) Schema(huma.Registry) *huma.Schema {
	return wordsSchema(rules.FamilyNames((*rules.Info).Decides))
}

func wordsSchema(words []string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

// ShownOffence is one offence, with the trace on request.
type ShownOffence struct {
	query.Offence
	Street      *schemas.Street `json:"street,omitempty" doc:"of the camera, as the camera registry has it now"`
	Steps       []schemas.Step  `json:"trace,omitempty"`
	Summary     []string        `json:"summary,omitempty" doc:"with explain: what it is, why, when to look again, what to do"`
	Explanation []string        `json:"explanation,omitempty"`
}

// OffencesAnswer is one page of offences, newest first.
type OffencesAnswer struct {
	Scope    Scope          `json:"scope"`
	Offences []ShownOffence `json:"rows"`
	Altered  int            `json:"altered,omitempty" doc:"how many of them are not what was sealed; each names its columns and is worth nothing"`
	Next     string         `json:"next,omitempty"`
}

func (o *Office) listOffences(ctx context.Context, in *OffencesQuery) (*OffencesAnswer, error) {
	asked := in.addWindow(map[string]any{
		"plate": boundedText(in.Plate), "family": string(in.Family), "status": in.Status, "rule": in.Rule,
		"offence_reason": in.Reason, "camera": in.Camera, "offence_id": boundedText(in.OffenceID), "explain": in.Explain,
	})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, access.RouteOffences, "plate", "plate", err.Error(), asked)
	case plate.Wide():
		return nil, o.refuseInvalid(ctx, access.RouteOffences, "plate", "plate", "must be one plate: offences are not searched by pattern", asked)
	}
	asked["plate"] = plate.Text()
	var id schemas.ID
	if in.OffenceID != "" {
		if id, err = schemas.ParseID(in.OffenceID); err != nil {
			return nil, o.refuseInvalid(ctx, access.RouteOffences, "offence_id", "offence_id", "must be the 32 hexadecimal digits of an offence", asked)
		}
		asked["offence_id"] = id.String()
	}
	l := lookup{route: access.RouteOffences, window: in.TimeRange, byPlate: in.Plate != "", plates: namedPlates(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*OffencesAnswer, answered, error) {
		if !p.ShowsPlates() {
			most = query.MaxLimit
		}
		page, err := o.pageOf(p.User(), "offences", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		f := query.OffenceFilter{Family: string(in.Family), Status: in.Status, Rule: in.Rule, Reason: in.Reason, Plate: plate, Cameras: in.Camera}
		if in.OffenceID != "" {
			f.ID = id.String()
			if !p.ShowsPlates() {
				f.ID = o.pseudonyms.revealID(id).String() // the client knows the pseudonym
			}
		}
		return o.pageOfOffences(ctx, p, in, f, page)
	})
}

// pageOfOffences reads one page. An altered row fails the whole answer when the question names one offence by id.
func (o *Office) pageOfOffences(ctx context.Context, p access.Permit, in *OffencesQuery, f query.OffenceFilter, page query.Page) (*OffencesAnswer, answered, error) {
	st, err := query.Offences(p, f, page)
	if err != nil {
		return nil, answered{}, err
	}
	var rows []query.Offence
	if err := o.selectRows(ctx, &rows, st); err != nil {
		return nil, answered{}, err
	}
	query.ShowMeasures(rows)
	if in.OffenceID != "" && len(rows) == 0 {
		return nil, answered{}, o.refuseNotFound(ctx, access.RouteOffences, map[string]any{"offence_id": boundedText(in.OffenceID)})
	}
	out := &OffencesAnswer{Scope: scopeOf(p), Offences: []ShownOffence{}}
	if out.Altered, err = o.markAltered(ctx, p, rows[:min(len(rows), page.Limit)]); err != nil {
		return nil, answered{}, err
	}
	if in.OffenceID != "" && out.Altered > 0 {
		return nil, answered{}, alteredProblem(rows[0].Altered)
	}
	rows, next := splitPage[query.Offence](rows, page.Limit)
	shown := answered{rows: len(rows), cut: next != query.Cursor{}}
	for i := range rows {
		shown.plates = append(shown.plates, rows[i].Plate)
	}
	if !p.ShowsPlates() {
		o.pseudonyms.hideOffences(rows)
	}
	out.Next = o.pseudonyms.sealCursor(p.User(), "offences", next)
	out.Scope.noteCut(out.Next, page.Limit, in.Limit)
	for i := range rows {
		one, err := o.explainOffence(&rows[i], in)
		if err != nil {
			return nil, answered{}, err
		}
		out.Offences = append(out.Offences, one)
	}
	return out, shown, nil
}

// explainOffence adds trace, summary and explanation as requested.
func (o *Office) explainOffence(row *query.Offence, in *OffencesQuery) (ShownOffence, error) {
	out := ShownOffence{Offence: *row, Street: o.streetOf(row.Camera)}
	if !in.Traces && !in.Explain {
		return out, nil
	}
	var err error
	if out.Steps, out.Explanation, err = o.explainTrace(row.Trace, in.Explain, in.Lang); err != nil || !in.Explain {
		return out, err
	}
	if o.cfg.Summary != nil {
		out.Summary = o.cfg.Summary(in.Lang, row.Family, row.Status == "held", row.Reason, row.HoldUntil)
	}
	if o.cfg.Basis != nil {
		out.LegalBasis = o.cfg.Basis(in.Lang, out.LegalBasis)
	}
	return out, nil
}

// explainTrace reads a stored trace and, with render, writes the trace as text.
func (o *Office) explainTrace(stored string, render bool, lang string) ([]schemas.Step, []string, error) {
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
		return nil, nil, newProblem(http.StatusNotImplemented, codeNoCatalogue, "this office has no message catalogue; ask without explain")
	}
	lines, err := o.cfg.Explain(lang, stored)
	if err != nil {
		o.cfg.Logger.Error().Str("lang", lang).Msg("a stored trace could not be rendered")
		return nil, nil, fmt.Errorf("render trace: %w", err)
	}
	return steps, lines, nil
}

// DecisionsQuery asks for the rules' decisions about one plate. The client opens a purpose for the Justification.
type DecisionsQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	Plate   string     `json:"plate" minLength:"1" maxLength:"64" doc:"One plate."`
	Family  FamilyName `json:"family,omitempty"`
	Outcome string     `json:"outcome,omitempty" enum:"offence,held,exempt,withheld,warning,duplicate"`
	Explain bool       `json:"explain,omitempty" doc:"Render the traces."`
	Lang    string     `json:"lang,omitempty" enum:"en,nl,fr" default:"en"`
}

// Decided is one decision with the trace.
type Decided struct {
	query.Decision
	Street      *schemas.Street `json:"street,omitempty" doc:"of the camera, as the camera registry has it now"`
	Steps       []schemas.Step  `json:"trace"`
	Explanation []string        `json:"explanation,omitempty"`
}

// DecisionsAnswer is one page of decisions, newest first.
type DecisionsAnswer struct {
	Scope     Scope     `json:"scope"`
	Decisions []Decided `json:"rows"`
	Next      string    `json:"next,omitempty"`
}

func (o *Office) listDecisions(ctx context.Context, in *DecisionsQuery) (*DecisionsAnswer, error) {
	asked := in.addWindow(map[string]any{"plate": boundedText(in.Plate), "family": string(in.Family), "outcome": in.Outcome})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, access.RouteDecisions, "plate", "plate", err.Error(), asked)
	case plate.Wide() || plate.IsZero():
		return nil, o.refuseInvalid(ctx, access.RouteDecisions, "plate", "plate", "must be one plate: decisions are not searched by pattern", asked)
	}
	asked["plate"] = plate.Text()
	l := lookup{route: access.RouteDecisions, window: in.TimeRange, byPlate: true, plates: namedPlates(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*DecisionsAnswer, answered, error) {
		page, err := o.pageOf(p.User(), "decisions", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		st, err := query.Decisions(p, query.DecisionFilter{Plate: plate, Family: string(in.Family), Outcome: in.Outcome}, page)
		if err != nil {
			return nil, answered{}, err
		}
		var rows []query.Decision
		if err := o.selectRows(ctx, &rows, st); err != nil {
			return nil, answered{}, err
		}
		out := &DecisionsAnswer{Scope: scopeOf(p)}
		rows, next := splitPage[query.Decision](rows, page.Limit)
		out.Next = o.pseudonyms.sealCursor(p.User(), "decisions", next)
		out.Scope.noteCut(out.Next, page.Limit, in.Limit)
		out.Decisions = make([]Decided, len(rows))
		shown := answered{rows: len(rows), cut: out.Next != ""}
		for i := range rows {
			d := &out.Decisions[i]
			d.Decision, d.Street = rows[i], o.streetOf(rows[i].Camera)
			shown.plates = append(shown.plates, d.Plate)
			if d.Steps, d.Explanation, err = o.explainTrace(rows[i].Trace, in.Explain, in.Lang); err != nil {
				return nil, answered{}, err
			}
		}
		return out, shown, nil
	})
}

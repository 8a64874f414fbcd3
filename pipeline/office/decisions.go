package office

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

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

// explainTrace reads a stored trace and, with render, writes the trace as text. Clauses that name an amount are left out:
// a case that somebody may still have to decide stands behind the trace, and no amount may bend the eye.
func (o *Office) explainTrace(stored string, render bool, lang string) ([]schemas.Step, []string, error) {
	steps := []schemas.Step{}
	if stored == "" {
		return steps, nil, nil
	}
	if err := json.Unmarshal([]byte(stored), &steps); err != nil {
		o.cfg.Logger.Error().Msg("a stored trace is not JSON of steps")
		return nil, nil, fmt.Errorf("stored trace: %w", err)
	}
	all := len(steps)
	steps = slices.DeleteFunc(steps, func(s schemas.Step) bool { return rules.NamesAmount(s.Code) })
	if !render {
		return steps, nil, nil
	}
	if o.cfg.Explain == nil {
		return nil, nil, newProblem(http.StatusNotImplemented, codeNoCatalogue, "this office has no message catalogue; ask without explain")
	}
	if len(steps) != all {
		stored = string(evidence.AppendTrace(nil, steps))
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

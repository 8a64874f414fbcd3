package office

import (
	"context"
	"slices"
	"strings"

	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// CasesQuery asks for cases by plate, number or offence.
type CasesQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	Plate     string `json:"plate,omitempty" maxLength:"64" doc:"One plate, as sealed or as corrected."`
	Number    string `json:"number,omitempty" maxLength:"64" doc:"Number of the report."`
	OffenceID string `json:"offence_id,omitempty" maxLength:"36"`
}

// CasesAnswer is a page of cases, by due time and then age.
type CasesAnswer struct {
	Scope Scope     `json:"scope"`
	Rows  []WorkRow `json:"rows"`
	Next  string    `json:"next,omitempty"`
}

// listOfCases names the list in cursors.
const listOfCases = "cases"

// listCases lists the cases of a plate, a number or an offence. Each question is charged like a
// look-up by plate.
func (o *Office) listCases(ctx context.Context, in *CasesQuery) (*CasesAnswer, error) {
	asked := in.addWindow(map[string]any{"plate": boundedText(in.Plate), "number": boundedText(in.Number), "offence_id": boundedText(in.OffenceID)})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, access.RouteCases, "plate", "plate", err.Error(), asked)
	case plate.Wide():
		return nil, o.refuseInvalid(ctx, access.RouteCases, "plate", "plate", "must be one plate: cases are not searched by pattern", asked)
	case in.Plate == "" && in.Number == "" && in.OffenceID == "":
		return nil, o.refuseInvalid(ctx, access.RouteCases, access.FaultMissing, "plate", "or number or offence_id must be given; GET /v1/work lists what waits", asked)
	}
	asked["plate"] = plate.Text()
	f := casestore.Filter{Number: strings.TrimSpace(in.Number), Plate: plate.Text()}
	if in.OffenceID != "" {
		id, err := schemas.ParseID(in.OffenceID)
		if err != nil {
			return nil, o.refuseInvalid(ctx, access.RouteCases, "offence_id", "offence_id", "must be the 32 hexadecimal digits of an offence", asked)
		}
		f.Offence.ID = id
	}
	l := lookup{route: access.RouteCases, window: in.TimeRange, byPlate: in.Plate != "", plates: in.charged(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*CasesAnswer, answered, error) {
		return o.pageOfCases(ctx, p, in, f, most)
	})
}

// charged lists what the question costs of the hour's plates. An id of an offence can be computed from a plate, and numbers
// of reports follow each other, so either costs as much as a plate.
func (in *CasesQuery) charged(plate query.PlateFilter) []string {
	out := namedPlates(plate)
	if in.OffenceID != "" {
		out = append(out, "offence "+in.OffenceID)
	}
	if number := strings.TrimSpace(in.Number); number != "" {
		out = append(out, "number "+number)
	}
	return out
}

// pageOfCases reads one page of cases within the permit.
func (o *Office) pageOfCases(ctx context.Context, p access.Permit, in *CasesQuery, f casestore.Filter, most int) (*CasesAnswer, answered, error) {
	db, err := o.casesOf()
	if err != nil {
		return nil, answered{}, err
	}
	u := signedIn(ctx).User
	f.Zones, f.Regimes, f.CapturedFrom, f.CapturedTo = p.Zones(), regimesOf(u), p.From(), p.To()
	if u.Role == access.Prosecutor {
		f.States = prosecutorStates()
	}
	after, err := o.openPlace(p.User(), listOfCases, in.After)
	if err != nil {
		return nil, answered{}, err
	}
	size := min(pageSize(in.Limit), most)
	rows, next, err := db.List(ctx, f, after, size)
	if err != nil {
		return nil, answered{}, o.refuseAct(ctx, access.RouteCases, "", err)
	}
	if u.Role == access.Prosecutor { // of the cases that left the centre, those that came to the prosecutor
		rows = slices.DeleteFunc(rows, func(r casestore.Row) bool { return !isProsecutors(&r.Case) })
	}
	out := &CasesAnswer{Scope: scopeOf(p), Rows: []WorkRow{}, Next: o.sealPlace(p.User(), listOfCases, next)}
	out.Scope.noteCut(out.Next, size, in.Limit)
	shown := answered{rows: len(rows), cut: next != ""}
	for i := range rows {
		row, err := o.workRow(ctx, &rows[i])
		if err != nil {
			return nil, answered{}, err
		}
		out.Rows = append(out.Rows, row)
		shown.plates = append(shown.plates, platesOfCase(&rows[i].Case)...)
	}
	return out, shown, nil
}

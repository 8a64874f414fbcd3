package office

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// dependency tells the store of cases which decisions rest on a value.
type dependency struct{ rules.Dependency }

// Name implements [casestore.Dependence].
func (d dependency) Name() string { return d.Dependency.Name }

// Unseal implements [casestore.Dependence].
func (dependency) Unseal(sealed []byte) (schemas.Decision, error) {
	return evidence.ParseSealed(sealed)
}

// DependsOn reads KIND:NAME for the store of cases.
func DependsOn(value string) (casestore.Dependence, error) {
	d, err := rules.ParseDependency(value)
	return dependency{d}, err
}

// AffectedQuery asks which cases rest on a value.
type AffectedQuery struct {
	Justification Justification `json:"-"`
	Value         string        `json:"value" maxLength:"160" doc:"KIND:NAME. limit:CAMERA, zone:ZONE or zone:CAMERA (its place in the low emission zone), permits:VERSION or the instant up to which the list was complete, certificate:CAMERA, SECTION or SERIAL, clock:CAMERA, section:SECTION, catalogue:VERSION, camera:CAMERA."`
	TimeRange
	Paging
	Plates bool `json:"plates,omitempty" doc:"Show the plates, where role and purpose may see them: the rows then count as looked up."`
}

// AffectedCase is a case that rests on the value, or did.
type AffectedCase struct {
	CaseID      string     `json:"case_id"`
	OffenceID   string     `json:"offence_id,omitempty" doc:"absent while the plate is hidden: it can be computed from the plate"`
	State       string     `json:"state"`
	Rule        string     `json:"rule"`
	Family      string     `json:"family"`
	Camera      string     `json:"camera"`
	CapturedAt  time.Time  `json:"captured_at"`
	Plate       string     `json:"plate,omitempty" doc:"absent unless it was asked for and may be shown"`
	Country     string     `json:"country,omitempty"`
	Track       string     `json:"track,omitempty"`
	AmountCents int64      `json:"amount_cents,omitempty" doc:"of the vehicle's file, else of the rules"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"absent of a case that was never handed over"`
	Former      bool       `json:"former,omitempty" doc:"only an earlier decision rested on the value: the rules have decided the case again since, and no act on many cases takes it for this value"`
	Because     []ItemStep `json:"because" doc:"clauses of the decision that recorded the value"`
}

// AffectedAnswer is a page of cases by capture.
type AffectedAnswer struct {
	Scope      Scope          `json:"scope"`
	Rows       []AffectedCase `json:"rows"`
	Next       string         `json:"next,omitempty"`
	Unreadable int            `json:"unreadable,omitempty" doc:"cases beside the rows of this page whose sealed bytes are missing or damaged: nobody can tell on what they rest"`
	Hits       *int64         `json:"hits,omitempty" doc:"of a camera or its clock: hits of listed plates that its reads made in the window. A hit rests on no other kind of value, and its rows are the police's."`
}

// listOfAffected names the list in cursors.
const listOfAffected = "affected"

// namesShown is how many names stand in the answer to a name that no decision has.
const namesShown = 5

// listAffected lists the cases that rest on a value. Without plates no limit counts the question: the value chose the cases.
func (o *Office) listAffected(ctx context.Context, in *AffectedQuery) (*AffectedAnswer, error) {
	asked := in.addWindow(map[string]any{"affected": boundedText(in.Value), "plates": in.Plates})
	v, err := rules.ParseDependency(in.Value)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, access.RouteAffected, "value", "value", err.Error(), asked)
	case in.From.IsZero() || in.To.IsZero():
		return nil, o.refuseInvalid(ctx, access.RouteAffected, access.FaultMissing, "from", "and to must be given: which decisions rest on a value is read from each of them", asked)
	}
	l := lookup{route: access.RouteAffected, window: in.TimeRange, asked: asked, queue: !in.Plates}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*AffectedAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		after, err := o.openPlace(p.User(), listOfAffected, in.After)
		if err != nil {
			return nil, answered{}, err
		}
		size := pageSize(in.Limit)
		if in.Plates && p.ShowsPlates() {
			size = min(size, most)
		}
		f := casestore.Filter{Zones: p.Zones(), Regimes: regimesOf(signedIn(ctx).User), CapturedFrom: p.From(), CapturedTo: p.To()}
		page, err := db.ListAffected(ctx, f, in.Value, after, size)
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteAffected, "", err)
		}
		if after == "" && len(page.Rows) == 0 {
			if err := o.demandKnown(ctx, f, v); err != nil {
				return nil, answered{}, err
			}
		}
		out := &AffectedAnswer{Scope: scopeOf(p), Rows: []AffectedCase{}, Next: o.sealPlace(p.User(), listOfAffected, page.Next), Unreadable: page.Unreadable}
		out.Scope.noteCut(out.Next, size, in.Limit)
		shown := answered{rows: len(page.Rows), cut: page.Next != ""}
		for i := range page.Rows {
			row := o.affectedCase(&page.Rows[i], in.Plates && p.ShowsPlates())
			if row.Plate != "" {
				shown.plates = append(shown.plates, row.Plate)
			}
			out.Rows = append(out.Rows, row)
		}
		if after == "" && (v.Kind == rules.OnCamera || v.Kind == rules.OnClock) {
			out.Hits, err = o.countHitsAt(ctx, p, v.Name)
		}
		return out, shown, err
	})
}

// affectedCase shows one case.
func (o *Office) affectedCase(a *casestore.Affected, plates bool) AffectedCase {
	c := &a.Case
	if !plates {
		a.Because = withoutIDs(a.Because, platesOfCase(c))
	}
	out := AffectedCase{
		CaseID: c.ID.String(), State: string(c.State), Rule: string(c.Rule), Family: string(c.Family), Camera: c.Camera, CapturedAt: c.CapturedAt.Time(),
		Track: string(c.Track), AmountCents: c.AmountCents, SentAt: timeOf(c.SentAt), Former: a.Former, Because: o.stepsOf(a.Because, true),
	}
	if c.File != nil {
		out.AmountCents = c.File.AmountCents
	}
	if plates && c.State != cases.Keying {
		reading := c.Reading()
		out.OffenceID, out.Plate, out.Country = c.Offence.String(), reading.Plate, reading.Country
	}
	return out
}

// withoutIDs hides the plates in clauses, and every id, which can be computed from a plate.
func withoutIDs(steps []schemas.Step, plates []string) []schemas.Step {
	out := slices.Clone(steps)
	for i := range out {
		out[i].Args = slices.Clone(out[i].Args)
		for j, arg := range out[i].Args {
			if _, err := schemas.ParseID(arg); err == nil || slices.Contains(plates, arg) {
				out[i].Args[j] = "#"
			}
		}
	}
	return out
}

// demandKnown refuses a name that no decision of the window and no camera has, and says which names are near it.
func (o *Office) demandKnown(ctx context.Context, f casestore.Filter, v rules.Dependency) error {
	ofCamera := slices.Contains([]rules.DependencyKind{rules.OnLimit, rules.OnZone, rules.OnCertificate, rules.OnClock, rules.OnCamera}, v.Kind)
	if ofCamera && o.cfg.Camera != nil && o.cfg.Camera(v.Name) != nil {
		return nil // a camera without a case
	}
	names, err := o.cfg.Cases.Store.NamesNear(ctx, f, v.String(), namesShown)
	if err != nil {
		return o.refuseAct(ctx, access.RouteAffected, "", err)
	}
	near := cmp.Or(strings.Join(names, ", "), "none")
	return newInvalid("value", fmt.Sprintf("names no %s on which a decision of this window rests; decisions name: %s", v.Kind, near))
}

// countHitsAt counts the hits that a camera's reads made.
func (o *Office) countHitsAt(ctx context.Context, p access.Permit, camera string) (*int64, error) {
	st, err := query.CountHitsAt(p, camera)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Count uint64 `ch:"count"`
	}
	if err := o.selectRows(ctx, &rows, st); err != nil || len(rows) == 0 {
		return nil, err
	}
	n := int64(rows[0].Count) //nolint:gosec // a number of rows
	return &n, nil
}

package office

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Casework is what an office needs for cases. Store must be set.
type Casework struct {
	Store *casestore.Store
	// Decider answers what the rules say about a corrected plate. Nil = no plate can be corrected here.
	Decider cases.Decider
	// Blocks runs the export check of another track. Nil = a case takes its blockers along.
	Blocks func(d *casestore.Dossier, track cases.Track) []string
	// RegimeOf returns the regime of a family's cases. Nil = traffic.
	RegimeOf func(family schemas.Family) cases.Regime
	// Reference returns the reference data of now: the register row of a vehicle. Nil = items show none.
	Reference func() rules.Reference
}

// errNoCases answers for an office without cases.
var errNoCases = newProblem(http.StatusServiceUnavailable, codeStoreDown, "this office keeps no cases: ask one that has the database of cases")

// casesOf returns the store of cases, or the answer of an office without cases.
func (o *Office) casesOf() (*casestore.Store, error) {
	if o.cfg.Cases == nil {
		return nil, errNoCases
	}
	return o.cfg.Cases.Store, nil
}

// actorOf returns who acts, as the office established it for a granted look-up. act is the act that needs an appointment;
// "" = none does.
func (o *Office) actorOf(ctx context.Context, p access.Permit, act access.Act) cases.Actor {
	who, now := signedIn(ctx), o.cfg.Now()
	a := cases.Actor{
		User: who.User.Name, Role: cases.Role(who.User.Role), Zones: p.Zones(), Regimes: regimesOf(who.User), Purpose: p.PurposeID(), LogSeq: p.Seq(),
		StepUp: who.isFresh(now),
	}
	if act != "" {
		a.Appointment = who.User.CompetenceFor(act, schemas.MicrosOf(now))
	}
	return a
}

// regimesOf returns the regimes that a user may see; empty = all.
func regimesOf(u *access.User) (out []cases.Regime) {
	for _, r := range u.Regimes {
		out = append(out, cases.Regime(r))
	}
	return out
}

// statusOf maps the code of a refused act to a status.
func statusOfAct(code cases.Code) int {
	switch code {
	case cases.CodeStale, cases.CodeLeaseLost, cases.CodePictures, cases.CodePreview:
		return http.StatusPreconditionFailed
	case cases.CodeSamePerson, cases.CodeRole, cases.CodeStepUp, cases.CodeApproval, cases.CodeNotCompetent:
		return http.StatusForbidden
	case cases.CodeScope, cases.CodeNotFound:
		return http.StatusNotFound
	case cases.CodeInvalid, cases.CodeKeyReused:
		return http.StatusUnprocessableEntity
	case cases.CodeDecided, cases.CodeIncident, cases.CodeBlocked, cases.CodeTrackTaken, cases.CodeTransmitted, cases.CodeTooEarly, cases.CodeTooLate, cases.CodeLeasesFull:
		return http.StatusConflict
	}
	return http.StatusConflict
}

// refuseAct answers an act that the store of cases refused. What the person may not do is in the log as a refusal; what
// came too late, or was not of the form, changes nothing and needs no further entry. Any other error means that the
// store did not answer. Its text is not logged, because a database may repeat values.
func (o *Office) refuseAct(ctx context.Context, route access.Route, id string, err error) error {
	r, ok := errors.AsType[*cases.Refusal](err)
	if !ok {
		return o.noteStoreFailure(ctx, err)
	}
	switch status := statusOfAct(r.Code); status {
	case http.StatusNotFound:
		return o.refuseNotFound(ctx, route, map[string]any{"case_id": boundedText(id)})
	case http.StatusForbidden:
		ask := access.Request{Route: route, Query: writeAsked(map[string]any{"case_id": boundedText(id)})}
		if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
			return err
		} else if refusal != nil {
			return o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
		}
		return o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, string(r.Code), "", r.Detail), purposeLabel(ask.Purpose))
	case http.StatusUnprocessableEntity:
		if r.Code == cases.CodeInvalid {
			return newInvalid(r.Field, r.Detail)
		}
		return newProblem(status, string(r.Code), r.Detail)
	default:
		return newProblem(status, string(r.Code), r.Detail)
	}
}

// noteStoreFailure logs that the store of cases did not answer, by the database's code. An answer that the office already
// has comes back as it is.
func (o *Office) noteStoreFailure(ctx context.Context, err error) error {
	if err == nil || isRefusal(err) {
		return err
	}
	if _, ok := errors.AsType[*Problem](err); ok {
		return err
	}
	if !hasHungUp(ctx) {
		code := ""
		if state, ok := errors.AsType[interface {
			error
			SQLState() string
		}](err); ok {
			code = state.SQLState()
		}
		o.cfg.Logger.Warn().Str("sqlstate", code).Msg("the database of cases did not answer")
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// findCase returns a case that the user may see for the permit, or the refusal that an unknown case gets too. A
// prosecutor sees the cases that were handed to the prosecutor's office.
func (o *Office) findCase(ctx context.Context, p access.Permit, id string) (*casestore.Dossier, error) {
	db, err := o.casesOf()
	if err != nil {
		return nil, err
	}
	notFound := func() error { return o.refuseNotFound(ctx, p.Route(), map[string]any{"case_id": boundedText(id)}) }
	caseID, err := cases.ParseID(id)
	if err != nil {
		return nil, notFound()
	}
	d, err := db.Get(ctx, caseID)
	if err != nil {
		return nil, o.refuseAct(ctx, p.Route(), id, err)
	}
	u := signedIn(ctx).User
	if zones := p.Zones(); len(zones) > 0 && !slices.Contains(zones, d.Case.Zone) {
		return nil, notFound()
	}
	if regimes := regimesOf(u); len(regimes) > 0 && !slices.Contains(regimes, d.Case.Regime) {
		return nil, notFound()
	}
	if u.Role == access.Prosecutor && !isProsecutors(&d.Case) {
		return nil, notFound()
	}
	return d, nil
}

// prosecutorStates lists the states of cases that have left the processing centre.
func prosecutorStates() []cases.State {
	return []cases.State{cases.Transmitted, cases.Returned, cases.Annulled}
}

// isProsecutors reports whether the case was handed to the prosecutor's office.
func isProsecutors(c *cases.Case) bool {
	return c.Track == cases.ToProsecutor && slices.Contains(prosecutorStates(), c.State)
}

// isRefusalOf reports whether the store refused an act with the code.
func isRefusalOf(err error, code cases.Code) bool {
	r, ok := errors.AsType[*cases.Refusal](err)
	return ok && r.Code == code
}

package office

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// DecisionNumbersQuery asks for the stated numbers of the prosecutor's decisions.
type DecisionNumbersQuery struct {
	Days int  `query:"days" minimum:"1" maximum:"366" default:"7" doc:"stated within so many days"`
	All  bool `query:"all" doc:"also those that the prosecutor's office answered"`
}

// DecisionNumber is one stated number.
type DecisionNumber struct {
	Ref         string    `json:"prosecutor_ref"`
	FirstStated time.Time `json:"first_stated"`
	LastStated  time.Time `json:"last_stated"`
	Users       []string  `json:"users"`
	Outcome     string    `json:"outcome,omitempty" enum:"confirmed,refused" doc:"absent while it waits"`
	DecidedBy   string    `json:"decided_by,omitempty"`
}

// DecisionNumbersAnswer is the list for the prosecutor's office.
type DecisionNumbersAnswer struct {
	Rows []DecisionNumber `json:"rows"`
}

// refuseWithoutGrant refuses a user without the grant approve.
func (o *Office) refuseWithoutGrant(ctx context.Context, route access.Route) error {
	u := signedIn(ctx).User
	if u.HasGrant(access.Approve) {
		return nil
	}
	return o.refuseLookup(ctx, access.NewRefusal(u, access.Request{Route: route}, access.CodeRole, "", "this is for those with the grant approve"), "none")
}

// listDecisionNumbers lists numbers stated in the user's zones. The prosecutor's office confirms them weekly.
func (o *Office) listDecisionNumbers(ctx context.Context, in *DecisionNumbersQuery) (*DecisionNumbersAnswer, error) {
	if err := o.refuseWithoutGrant(ctx, access.RouteListDecisions); err != nil {
		return nil, err
	}
	list, err := o.people.ListProsecutorDecisions(ctx, signedIn(ctx).User.Zones, time.Now().AddDate(0, 0, -in.Days), !in.All)
	if err != nil {
		return nil, err
	}
	out := &DecisionNumbersAnswer{Rows: []DecisionNumber{}}
	for _, d := range list {
		out.Rows = append(out.Rows, DecisionNumber{
			Ref: d.Ref, FirstStated: d.FirstStated.UTC(), LastStated: d.LastStated.UTC(), Users: d.Users, Outcome: d.Outcome, DecidedBy: d.DecidedBy,
		})
	}
	_, err = o.logOwnAction(ctx, access.Request{Route: access.RouteListDecisions, Query: writeAsked(map[string]any{"shown": len(out.Rows)})})
	return out, err
}

// ConfirmQuery notes the prosecutor's answer about a number.
type ConfirmQuery struct {
	Ref       string `json:"prosecutor_ref" minLength:"1" maxLength:"100"`
	Confirmed bool   `json:"confirmed" doc:"false ends the purposes that stated it"`
}

// ConfirmAnswer counts the purposes that ended.
type ConfirmAnswer struct {
	Ended  int64  `json:"ended"`
	LogSeq uint64 `json:"log_seq"`
}

// confirmDecision notes the prosecutor's answer about a number. Only a prosecutor may answer, so only a prosecutor can
// undo a refusal.
func (o *Office) confirmDecision(ctx context.Context, in *ConfirmQuery) (*ConfirmAnswer, error) {
	if err := o.refuseWithoutGrant(ctx, access.RouteConfirm); err != nil {
		return nil, err
	}
	u := signedIn(ctx).User
	j := access.Justification{ProsecutorRef: in.Ref}
	j.Normalise()
	ask := access.Request{Route: access.RouteConfirm, ProsecutorRef: j.ProsecutorRef, Query: writeAsked(map[string]any{"confirmed": in.Confirmed})}
	if err := o.demandFresh(ctx, ask); err != nil {
		return nil, err
	}
	if u.Role != access.Prosecutor {
		return nil, o.refuseLookup(ctx, access.NewRefusal(u, ask, access.CodeRole, "", "a prosecutor with the grant approve says what becomes of a number: the police state numbers, and do not answer them"), "none")
	}
	ended, err := o.people.ConfirmProsecutorDecision(ctx, j.ProsecutorRef, u.Name, u.Zones, in.Confirmed)
	ask.Query = writeAsked(map[string]any{"confirmed": in.Confirmed, "ended": ended})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, o.refuseLookup(ctx, access.NewRefusal(u, ask, access.CodeNotFound, "", notFoundText), "none")
	case errors.Is(err, store.ErrSamePerson):
		if err := o.refuseLookup(ctx, access.NewRefusal(u, ask, codeSamePerson, "", err.Error()), "none"); !isRefusal(err) {
			return nil, err
		}
		return nil, newProblem(http.StatusForbidden, codeSamePerson, store.ErrSamePerson.Error())
	case err != nil:
		return nil, err
	}
	out := &ConfirmAnswer{Ended: ended}
	out.LogSeq, err = o.logOwnAction(ctx, ask)
	return out, err
}

package office

import (
	"context"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// ReturnQuery sends a case back.
type ReturnQuery struct {
	CaseChange
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"what is wrong with it"`
	}
}

// returnCase sends a case back that the prosecutor's office got.
func (o *Office) returnCase(ctx context.Context, in *ReturnQuery) (*CaseActAnswer, error) {
	return o.confirmAct(ctx, caseAct{route: access.RouteReturn, in: &in.CaseChange, command: cases.Return{Reason: in.Body.Reason}})
}

// MendingQuery answers a case that came back.
type MendingQuery struct {
	CaseChange
	Body struct {
		To   string `json:"to" enum:"confirmed,arbitration" doc:"confirmed: it goes to the recipient again; arbitration: a supervisor decides it anew"`
		Text string `json:"text" minLength:"1" maxLength:"2000" doc:"what was mended, at least 10 characters"`
	}
}

// mendCase says what was mended of a case that came back.
func (o *Office) mendCase(ctx context.Context, in *MendingQuery) (*CaseActAnswer, error) {
	m := cases.Mend{To: cases.State(in.Body.To), Text: in.Body.Text}
	return o.confirmAct(ctx, caseAct{route: access.RouteMend, in: &in.CaseChange, asked: map[string]any{"to": in.Body.To}, command: m})
}

// AnnulmentQuery takes a case back after transmission.
type AnnulmentQuery struct {
	CaseChange
	Body struct {
		Reason WithdrawReasonName `json:"reason"`
		Text   string             `json:"text,omitempty" maxLength:"2000" doc:"with the reason other"`
	}
}

// annulCase takes a case back after transmission, when a second person has approved it for this case and reason. The
// recipient is told until it has answered.
func (o *Office) annulCase(ctx context.Context, in *AnnulmentQuery) (*CaseActAnswer, error) {
	b := &in.Body
	approver := func(ctx context.Context) (string, error) {
		return o.approverOf(ctx, access.RouteAnnul, kindAnnulment, questionOfAnnulment(in.CaseID, string(b.Reason)))
	}
	command := cases.Annul{Reason: cases.WithdrawReason(b.Reason), Text: b.Text}
	return o.confirmAct(ctx, caseAct{route: access.RouteAnnul, in: &in.CaseChange, asked: map[string]any{"withdraw_reason": string(b.Reason)}, command: command, approver: approver})
}

// kindAnnulment is the kind of approval that an annulment needs.
const kindAnnulment = "annulment"

// questionOfAnnulment is what the second person decides about.
func questionOfAnnulment(caseID, reason string) []byte {
	return []byte(writeAsked(map[string]any{"case_id": caseID, "reason": reason}))
}

// approverOf returns who approved a question of the signed-in user within hours, and could still do so; "" = nobody.
func (o *Office) approverOf(ctx context.Context, route access.Route, kind string, question []byte) (string, error) {
	ask := access.Request{Route: route}
	if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
		return "", err
	} else if refusal != nil {
		return "", o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	asker := signedIn(ctx).User.Name
	by, err := o.people.ApproverOf(ctx, kind, o.subjectKey(kind, question, &ask), asker)
	if err != nil || by == "" {
		return "", err
	}
	users := o.cfg.Users.All()
	i := slices.IndexFunc(users, func(u access.User) bool { return u.Name == by })
	if i < 0 {
		return "", nil
	}
	may, err := o.mayDecide(ctx, &users[i], &store.Approval{Kind: kind, Question: question, Purpose: ask.Purpose, User: asker})
	if err != nil || !may {
		return "", err
	}
	return by, nil
}

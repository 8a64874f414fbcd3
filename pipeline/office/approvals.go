package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// ApprovalQuery asks for a second person's approval, under the request's purpose.
type ApprovalQuery struct {
	Justification Justification `json:"-"`
	Kind          string        `json:"kind" enum:"search,list,rows,annulment" doc:"search: a wide pattern or a long view of a camera; list: a long list for retro-matches; rows: as many rows again today; annulment: of one case that was handed over"`
	Search        *SearchQuery  `json:"search,omitempty" doc:"of the kind search: the search as it is to be asked; page and count do not matter"`
	ListSHA256    string        `json:"list_sha256,omitempty" pattern:"^[0-9a-f]{64}$" doc:"of the kind list"`
	Entries       int           `json:"entries,omitempty" minimum:"1" maximum:"20000" doc:"of the kind list: how many"`
	CaseID        string        `json:"case_id,omitempty" maxLength:"64" doc:"of the kind annulment"`
	CaseReason    string        `json:"case_reason,omitempty" maxLength:"64" doc:"of the kind annulment: why, a reason to take a case back"`
}

// ApprovalAnswer is a question for a second person, with the decision if there is one.
type ApprovalAnswer struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind"`
	User      string          `json:"user"`
	Role      string          `json:"role"`
	Zones     []string        `json:"zones,omitempty"`
	Purpose   string          `json:"purpose"`
	Reason    string          `json:"reason"`
	CaseRef   string          `json:"case_ref,omitempty"`
	Question  json.RawMessage `json:"question" doc:"what is to be approved"`
	AskedAt   time.Time       `json:"asked_at"`
	Outcome   string          `json:"outcome,omitempty" enum:"approved,refused" doc:"absent while it waits"`
	DecidedBy string          `json:"decided_by,omitempty"`
}

// AskedAnswer confirms that a second person was asked.
type AskedAnswer struct {
	ID     string `json:"id"`
	LogSeq uint64 `json:"log_seq"`
}

// routeOfKind returns the look-up behind an approval: nobody approves a look-up beyond their own rights.
func routeOfKind(kind string) access.Route {
	switch kind {
	case "list":
		return access.RouteRetro
	case kindAnnulment:
		return access.RouteAnnul
	case kindBulk:
		return access.RouteBulk
	}
	return access.RouteSearch
}

// askApproval asks a second person for an act beyond one person's limits.
func (o *Office) askApproval(ctx context.Context, in *ApprovalQuery) (*AskedAnswer, error) {
	ask := access.Request{Route: access.RouteAskApproval}
	if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
		return nil, err
	} else if refusal != nil {
		return nil, o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	user := signedIn(ctx).User
	if ask.Purpose == "" {
		return nil, o.refuseLookup(ctx, access.NewRefusal(user, ask, access.CodePurposeNeeded, "", "an approval belongs to a purpose: open one and name it as Anpr-Purpose"), "none")
	}
	if in.Kind != "rows" && !access.MayFor(user.Role, routeOfKind(in.Kind), ask.Purpose) {
		return nil, o.refuseLookup(ctx, access.NewRefusal(user, ask, access.CodePurposeNotAllowed, "", "your role may not do this for the purpose"), string(ask.Purpose))
	}
	question, fault := o.questionOfApproval(in)
	if fault != nil {
		return nil, newInvalid(fault.field, fault.detail)
	}
	ask.Query = string(question)
	if in.Search != nil {
		if plate := in.Search.Plate; plate != "" {
			ask.Plates = []string{plateOfAny(plate), plate}
		}
		ask.Known = o.knownCameras(map[string]any{"cameras": in.Search.Camera})
	}
	id, err := o.people.AskApproval(ctx, in.Kind, o.subjectKey(in.Kind, question, &ask), question, ask.PurposeID, user)
	if err != nil {
		return nil, err
	}
	out := &AskedAnswer{ID: id}
	out.LogSeq, err = o.logOwnAction(ctx, ask)
	return out, err
}

// questionOfApproval returns the second person's question, in the form in which the look-up will be compared.
func (o *Office) questionOfApproval(in *ApprovalQuery) ([]byte, *fieldError) {
	switch in.Kind {
	case "rows":
		return fmt.Appendf(nil, `{"rows":%d}`, o.cfg.Limits.RowsDay), nil
	case "list":
		if in.ListSHA256 == "" || in.Entries == 0 {
			return nil, &fieldError{"list_sha256", access.FaultMissing, "and entries must be given for a list"}
		}
		return fmt.Appendf(nil, `{"entries":%d,"list_sha256":%q}`, in.Entries, in.ListSHA256), nil
	}
	if in.Kind == kindAnnulment {
		if _, err := cases.ParseID(in.CaseID); err != nil {
			return nil, &fieldError{"case_id", access.FaultMissing, "must be the id of a case"}
		}
		if !slices.Contains(cases.WithdrawReasons(), cases.WithdrawReason(in.CaseReason)) {
			return nil, &fieldError{"case_reason", access.FaultMissing, "must be a reason to take a case back"}
		}
		return questionOfAnnulment(in.CaseID, in.CaseReason), nil
	}
	if in.Search == nil {
		return nil, &fieldError{"search", access.FaultMissing, "must be given for a search"}
	}
	s, fault := parseQuestion(questionOf(in.Search))
	if fault != nil {
		return nil, &fieldError{"search." + fault.field, fault.code, fault.detail}
	}
	second := s.demandSecondPerson(&o.cfg.Limits)
	if second == nil {
		return nil, &fieldError{"search", "needless", "needs no second person: ask it"}
	}
	return second.question, nil
}

// ApprovalsQuery asks for the approvals under the request's purpose.
type ApprovalsQuery struct {
	Justification Justification `json:"-"`
	Mine          bool          `query:"mine" doc:"Only what the user asked for."`
}

// ApprovalsAnswer lists approvals.
type ApprovalsAnswer struct {
	Scope Scope            `json:"scope"`
	Rows  []ApprovalAnswer `json:"rows"`
}

func approvalAnswer(a *store.Approval) ApprovalAnswer {
	return ApprovalAnswer{
		ID: a.ID, Kind: a.Kind, User: a.User, Role: string(a.Role), Zones: a.Zones, Purpose: string(a.Purpose), Reason: a.Reason, CaseRef: a.CaseRef,
		Question: a.Question, AskedAt: a.AskedAt.UTC(), Outcome: a.Outcome, DecidedBy: a.DecidedBy,
	}
}

// listApprovals lists approvals under the request's purpose. The rows are not charged to the day's limits, because
// other people chose them.
func (o *Office) listApprovals(ctx context.Context, in *ApprovalsQuery) (*ApprovalsAnswer, error) {
	u := signedIn(ctx).User
	l := lookup{route: access.RouteListApprovals, asked: map[string]any{"mine": in.Mine}, free: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*ApprovalsAnswer, answered, error) {
		list, err := o.approvalsOf(ctx, u, p.Purpose())
		if err != nil {
			return nil, answered{}, err
		}
		out, shown := &ApprovalsAnswer{Scope: scopeOf(p), Rows: []ApprovalAnswer{}}, answered{}
		for i := range list {
			if in.Mine && list[i].User != u.Name {
				continue
			}
			out.Rows = append(out.Rows, approvalAnswer(&list[i]))
			shown.plates = append(shown.plates, readTolerantly("", list[i].Question).plates...)
		}
		shown.rows = len(out.Rows)
		return out, shown, nil
	})
}

// DecideQuery decides an approval.
type DecideQuery struct {
	ID      string `json:"id" maxLength:"64"`
	Approve bool   `json:"approve"`
}

// decideApproval records the second person's decision.
func (o *Office) decideApproval(ctx context.Context, in *DecideQuery) (*AskedAnswer, error) {
	u := signedIn(ctx).User
	asked := map[string]any{"approval_id": boundedText(in.ID), "approve": in.Approve}
	if err := o.demandFresh(ctx, access.Request{Route: access.RouteDecide, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	a, err := o.people.FindApproval(ctx, in.ID, u.Name, u.Zones)
	if err == nil && a.User == u.Name {
		if err := o.refuseLookup(ctx, access.NewRefusal(u, access.Request{Route: access.RouteDecide, Query: writeAsked(asked)}, codeSamePerson, "", store.ErrSamePerson.Error()), "none"); !isRefusal(err) {
			return nil, err
		}
		return nil, newProblem(http.StatusForbidden, codeSamePerson, store.ErrSamePerson.Error())
	}
	may := false
	if err == nil {
		may, err = o.mayDecide(ctx, u, &a)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && !may {
		return nil, o.refuseNotFound(ctx, access.RouteDecide, asked)
	}
	if err != nil {
		return nil, err
	}
	if a.Outcome != "" {
		return nil, o.refuseDecided(ctx, asked)
	}
	if a.Kind == kindBulk && in.Approve {
		if err := o.mayBeginBulk(ctx, &a); err != nil {
			return nil, err
		}
	}
	seq, err := o.logOwnAction(ctx, access.Request{Route: access.RouteDecide, Query: writeAsked(map[string]any{"approval_id": a.ID, "approve": in.Approve, "user": a.User})})
	if err != nil {
		return nil, err
	}
	rows := int64(o.cfg.Limits.RowsDay)
	// Another person may decide in this very moment.
	if err := o.people.DecideApproval(ctx, &a, u.Name, in.Approve, rows, rows); errors.Is(err, store.ErrDecided) {
		return nil, o.refuseDecided(ctx, asked)
	} else if err != nil {
		return nil, err
	}
	return &AskedAnswer{ID: a.ID, LogSeq: seq}, nil
}

// refuseDecided logs a second decision on a decided approval, and returns the answer.
func (o *Office) refuseDecided(ctx context.Context, asked map[string]any) error {
	ask := access.Request{Route: access.RouteDecide, Query: writeAsked(asked)}
	if err := o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, codeDecided, "", store.ErrDecided.Error()), "none"); !isRefusal(err) {
		return err
	}
	return newProblem(http.StatusConflict, codeDecided, store.ErrDecided.Error())
}

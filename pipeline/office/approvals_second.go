package office

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// mayDecide reports whether the user may be an approval's second person: another person, with the grant approve, in a
// role that may do the same look-up. A release of rows needs a role that may state the purpose. Of an annulment a
// prosecutor may be the second person when the case lies with the prosecutor's office.
func (o *Office) mayDecide(ctx context.Context, u *access.User, a *store.Approval) (bool, error) {
	switch {
	case !u.HasGrant(access.Approve) || a.User == u.Name:
		return false, nil
	case a.Kind == "rows":
		return slices.Contains(access.PurposesOf(u.Role), a.Purpose), nil
	case a.Kind == kindAnnulment && u.Role == access.Prosecutor:
		return o.liesWithProsecutor(ctx, u, a.Question)
	}
	return access.MayFor(u.Role, routeOfKind(a.Kind), a.Purpose), nil
}

// liesWithProsecutor reports whether the case of an annulment was handed to the prosecutor's office and did not come back
// for good, and is of the zones and regimes of the user.
func (o *Office) liesWithProsecutor(ctx context.Context, u *access.User, question []byte) (bool, error) {
	var asked struct {
		CaseID string `json:"case_id"`
	}
	if err := json.Unmarshal(question, &asked); err != nil || o.cfg.Cases == nil {
		return false, nil //nolint:nilerr // a question that names no case is not about one
	}
	id, err := cases.ParseID(asked.CaseID)
	if err != nil {
		return false, nil //nolint:nilerr // likewise
	}
	d, err := o.cfg.Cases.Store.Get(ctx, id)
	if r, ok := errors.AsType[*cases.Refusal](err); ok && r.Code == cases.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, o.noteStoreFailure(ctx, err)
	}
	c, regimes := &d.Case, regimesOf(u)
	return isProsecutors(c) && c.State != cases.Annulled && (len(u.Zones) == 0 || slices.Contains(u.Zones, c.Zone)) && (len(regimes) == 0 || slices.Contains(regimes, c.Regime)), nil
}

// approvalsOf lists approvals under a purpose ("" = each) that the user asked for or may decide. Annulments are asked for under the
// purpose of traffic, which no prosecutor may state: a prosecutor sees them under the judicial one.
func (o *Office) approvalsOf(ctx context.Context, u *access.User, purpose access.Purpose) (list []store.Approval, err error) {
	also := ""
	if u.Role == access.Prosecutor && purpose == access.Judicial {
		also = kindAnnulment
	}
	found, err := o.people.ListApprovals(ctx, u.Name, u.Zones, u.HasGrant(access.Approve), purpose, also)
	for i := range found {
		may := found[i].User == u.Name
		if !may {
			if may, err = o.mayDecide(ctx, u, &found[i]); err != nil {
				return nil, err
			}
		}
		if may {
			list = append(list, found[i])
		}
	}
	return list, err
}

// countWaiting counts the approvals that wait for the user as second person.
func (o *Office) countWaiting(ctx context.Context, u *access.User) (n int, err error) {
	if !u.HasGrant(access.Approve) {
		return 0, nil
	}
	list, err := o.approvalsOf(ctx, u, "")
	for i := range list {
		if list[i].User != u.Name {
			n++
		}
	}
	return n, err
}

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
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// kindBulk is the kind of an approval for an act on many cases.
const kindBulk = "bulk"

// BulkFilter chooses the cases of an act. An empty field chooses all; at least one must be given.
type BulkFilter struct {
	Zone       string         `json:"zone,omitempty" maxLength:"32" doc:"police zone"`
	Camera     string         `json:"camera,omitempty" maxLength:"64"`
	From       time.Time      `json:"from,omitzero" doc:"capture time, inclusive"`
	To         time.Time      `json:"to,omitzero" doc:"capture time, exclusive"`
	Family     DecidingFamily `json:"family,omitempty"`
	Rule       string         `json:"rule,omitempty" maxLength:"64"`
	Catalogue  string         `json:"catalogue,omitempty" maxLength:"128" doc:"version under which the rules decided the case last"`
	Reference  string         `json:"reference,omitempty" maxLength:"128" doc:"version of the reference data under which the rules decided the case last"`
	State      string         `json:"state,omitempty" enum:"held,keying,open,second,arbitration,confirmed,transmitted,returned"`
	HoldReason string         `json:"hold_reason,omitempty" maxLength:"64"`
	Affected   string         `json:"affected,omitempty" maxLength:"160" doc:"KIND:NAME of a value on which the case rests now, as limit:CAMERA; from and to must bound it. Kinds: limit, zone, permits, certificate, clock, section, catalogue, camera."`
}

// BulkQuery asks for an act on many cases.
type BulkQuery struct {
	Key  string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
	Body struct {
		Kind     string             `json:"kind" enum:"withdraw,expire,annul,release,recall" doc:"withdraw: before the hand-over; expire: undecided, after the send clock; annul: after the hand-over; recall: withdraw or annul, as each case stands; release: held for one reason, as a camera's clock in doubt, which the two persons settle, and the rules decide again. Nobody confirms in bulk."`
		Filter   BulkFilter         `json:"filter,omitzero"`
		CaseIDs  []string           `json:"case_ids,omitempty" maxItems:"1000" doc:"in the place of a filter"`
		Reason   WithdrawReasonName `json:"reason,omitempty" doc:"of withdraw, annul and recall"`
		Text     string             `json:"text" minLength:"10" maxLength:"2000" doc:"why, for the second person and for each case; without a plate"`
		Expected *int64             `json:"expected,omitempty" minimum:"0" doc:"the count of the answer before; without it the cases are only counted, and nobody is asked"`
	}
}

// BulkAnswer says how many cases an act is about, and who must approve it.
type BulkAnswer struct {
	Count      int64        `json:"count" doc:"cases of now, in the zones of who asks"`
	ByState    []StateCount `json:"by_state"`
	BulkID     string       `json:"bulk_id,omitempty" doc:"absent while the cases are only counted"`
	ApprovalID string       `json:"approval_id,omitempty" doc:"a second person decides it within eight hours"`
	LogSeq     uint64       `json:"log_seq"`
}

// StateCount is a number of cases in a state.
type StateCount struct {
	State string `json:"state"`
	Count int64  `json:"count"`
}

// statesOf lists counts in the order of a case's way.
func statesOf(by map[string]int64) []StateCount {
	out := []StateCount{}
	for _, s := range cases.States() {
		if n := by[string(s)]; n > 0 {
			out = append(out, StateCount{string(s), n})
		}
	}
	return out
}

// choiceOf reads the choice of a question.
func (in *BulkQuery) choiceOf() (casestore.BulkChoice, error) {
	f := &in.Body.Filter
	c := casestore.BulkChoice{
		Zone: f.Zone, Camera: f.Camera, Family: schemas.Family(f.Family), Rule: schemas.RuleID(f.Rule), Catalogue: f.Catalogue, Reference: f.Reference,
		State: cases.State(f.State), HoldReason: f.HoldReason, Affected: f.Affected,
	}
	if !f.From.IsZero() {
		c.From = schemas.MicrosOf(f.From)
	}
	if !f.To.IsZero() {
		c.To = schemas.MicrosOf(f.To)
	}
	for _, text := range in.Body.CaseIDs {
		id, err := cases.ParseID(text)
		if err != nil {
			return c, newInvalid("case_ids", "must be ids of cases")
		}
		c.Cases = append(c.Cases, id)
	}
	return c, nil
}

// asked is what the log keeps of the question.
func (in *BulkQuery) asked() map[string]any {
	b, f := &in.Body, &in.Body.Filter
	out := map[string]any{
		"act": b.Kind, "cases": len(b.CaseIDs), "withdraw_reason": listedReason(string(b.Reason)), "zone": f.Zone, "camera": f.Camera, "family": string(f.Family), "rule": boundedText(f.Rule),
		"catalogue": boundedText(f.Catalogue), "reference": boundedText(f.Reference), "state": f.State, "hold_reason": boundedText(f.HoldReason), "affected": boundedText(f.Affected), "confirm": b.Expected != nil,
	}
	for name, at := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !at.IsZero() {
			out[name] = at.UTC().Format(time.RFC3339)
		}
	}
	return out
}

// askBulk asks for an act on many cases: without an expected count it counts, with it a second person is asked.
func (o *Office) askBulk(ctx context.Context, in *BulkQuery) (*BulkAnswer, error) {
	if err := demandKey(in.Key); err != nil {
		return nil, err
	}
	asked := in.asked()
	if err := o.demandFresh(ctx, access.Request{Route: access.RouteBulk, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	return askFor(ctx, o, lookup{route: access.RouteBulk, asked: asked, queue: true}, func(p access.Permit, _ int) (*BulkAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		choice, err := in.choiceOf()
		if err != nil {
			return nil, answered{}, err
		}
		b := &casestore.Bulk{Kind: casestore.BulkKind(in.Body.Kind), Choice: choice, Reason: cases.WithdrawReason(in.Body.Reason), Text: in.Body.Text, By: o.actorOf(ctx, p, "")}
		if in.Body.Expected == nil {
			set, err := db.CountBulk(ctx, b)
			if err != nil {
				return nil, answered{}, o.refuseAct(ctx, access.RouteBulk, "", err)
			}
			return &BulkAnswer{Count: set.Cases, ByState: statesOf(set.ByState), LogSeq: p.Seq()}, answered{}, nil
		}
		k := store.Key{Route: access.RouteBulk, Key: in.Key}
		out, err := doOnce(ctx, o, k, &in.Body, func() (*BulkAnswer, error) {
			out, err := o.prepareBulk(ctx, p, b, *in.Body.Expected)
			if err != nil {
				return nil, err
			}
			text, err := json.Marshal(out)
			if err != nil {
				return nil, fmt.Errorf("write the answer: %w", err)
			}
			return out, o.people.KeepAnswer(ctx, signedIn(ctx).User.Name, k, text)
		})
		return out, answered{}, err
	})
}

// bulkQuestion is what the second person decides about.
type bulkQuestion struct {
	Act     string               `json:"act"`
	Cases   int64                `json:"cases"`
	ByState []StateCount         `json:"by_state"`
	Choice  casestore.BulkChoice `json:"choice"`
	Reason  string               `json:"reason,omitempty"`
	Text    string               `json:"text"`
	Hold    *Cited               `json:"hold,omitempty"` // the hold reason of the choice, in words
}

// prepareBulk keeps the cases of an act, and asks a second person for it. After a kill in between, the same question asks
// for the same approval again.
func (o *Office) prepareBulk(ctx context.Context, p access.Permit, b *casestore.Bulk, expected int64) (*BulkAnswer, error) {
	db := o.cfg.Cases.Store
	id, set, err := db.PrepareBulk(ctx, b, expected)
	if err != nil {
		return nil, o.refuseAct(ctx, access.RouteBulk, "", err)
	}
	question, err := json.Marshal(bulkQuestion{string(b.Kind), set.Cases, statesOf(set.ByState), b.Choice, string(b.Reason), b.Text, reasonText(b.Choice.HoldReason)})
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	user := signedIn(ctx).User
	subject := hashKeyed(o.pseudonyms.sums, fmt.Sprintf("act on many cases under %q %x %s", p.PurposeID(), uint64(set.Mix), question)) //nolint:gosec // bits, not a number
	approval, err := o.people.AskApproval(ctx, kindBulk, subject, question, p.PurposeID(), user)
	if err != nil {
		return nil, err
	}
	if id, err = db.AskBulk(ctx, id, approval); err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	return &BulkAnswer{Count: set.Cases, ByState: statesOf(set.ByState), BulkID: id.String(), ApprovalID: approval, LogSeq: p.Seq()}, nil
}

// mayBeginBulk refuses to approve an act whose cases have changed since it was asked for, or whose asker may no longer do it: the act is
// done in the asker's name.
func (o *Office) mayBeginBulk(ctx context.Context, a *store.Approval) error {
	users := o.cfg.Users.All()
	i := slices.IndexFunc(users, func(u access.User) bool { return u.Name == a.User })
	if i < 0 || !access.MayFor(users[i].Role, access.RouteBulk, a.Purpose) || !coversZones(users[i].Zones, a.Zones) {
		const why = "who asked may no longer do this: refuse it, and let somebody else ask"
		ask := access.Request{Route: access.RouteDecide, Query: writeAsked(map[string]any{"approval_id": a.ID, "user": a.User})}
		if err := o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeRole, "", why), "none"); !isRefusal(err) {
			return err
		}
		return newProblem(http.StatusForbidden, access.CodeRole, why)
	}
	db, err := o.casesOf()
	if err != nil {
		return err
	}
	err = db.CheckBulk(ctx, a.ID)
	if r, ok := errors.AsType[*cases.Refusal](err); ok { // an act that was never kept has no cases to approve
		return newProblem(http.StatusPreconditionFailed, codeStale, r.Detail)
	}
	return o.noteStoreFailure(ctx, err)
}

// coversZones reports whether a person with zones may act in all of the wanted ones; none = the whole region.
func coversZones(zones, wanted []string) bool {
	if len(zones) == 0 {
		return true
	}
	return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(z string) bool { return !slices.Contains(zones, z) })
}

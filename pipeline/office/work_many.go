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

// demandKey refuses a change without an idempotency key.
func demandKey(key string) error {
	_, err := readChange(&CaseChange{Key: key, IfMatch: `"1"`})
	return err
}

// assignCases gives cases to a colleague for a time. Each case has its own event.
func (o *Office) assignCases(ctx context.Context, in *AssignQuery) (*ManyAnswer, error) {
	if err := demandKey(in.Key); err != nil {
		return nil, err
	}
	b := &in.Body
	asked := map[string]any{"cases": len(b.CaseIDs), "user": boundedText(b.User), "until": b.Until.UTC().Format(time.RFC3339)}
	return askFor(ctx, o, lookup{route: access.RouteAssign, asked: asked, queue: true}, func(p access.Permit, _ int) (*ManyAnswer, answered, error) {
		now := schemas.MicrosOf(o.cfg.Now())
		if !slices.ContainsFunc(o.cfg.Users.All(), func(u access.User) bool { return u.Name == b.User && mayBeGivenWork(p, &u, now) }) {
			return nil, answered{}, newInvalid("user", "must be a colleague who works on cases in these zones")
		}
		out, err := doManyOnce(ctx, o, access.RouteAssign, in.Key, b, func() (*ManyAnswer, error) {
			if _, err := o.casesOf(); err != nil {
				return nil, err
			}
			out, by := &ManyAnswer{Done: true, LogSeq: p.Seq()}, o.actorOf(ctx, p, "")
			for _, id := range b.CaseIDs {
				if o.isBeyond(ctx, &by, b.User, id) {
					out.note(id, cases.CodeScope)
					continue
				}
				code, err := o.doEach(ctx, p, id, in.Key, cases.Assign{User: b.User, Until: schemas.MicrosOf(b.Until)})
				if err != nil {
					return nil, err
				}
				out.note(id, code)
			}
			return out, nil
		})
		return out, answered{}, err
	})
}

// doManyOnce does an act on several cases, and keeps its answer under the key: the same request gives the first answer
// again. A repeated act after a kill half way meets the cases as they are now.
func doManyOnce(ctx context.Context, o *Office, route access.Route, key string, request any, do func() (*ManyAnswer, error)) (*ManyAnswer, error) {
	k := store.Key{Route: route, Key: key}
	return doOnce(ctx, o, k, request, func() (*ManyAnswer, error) {
		out, err := do()
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("write the answer: %w", err)
		}
		return out, o.people.KeepAnswer(ctx, signedIn(ctx).User.Name, k, text)
	})
}

// isBeyond reports whether a case that who asks may reach lies outside the zones and regimes of a colleague.
func (o *Office) isBeyond(ctx context.Context, by *cases.Actor, colleague, id string) bool {
	caseID, err := cases.ParseID(id)
	if err != nil {
		return false
	}
	d, err := o.cfg.Cases.Store.Get(ctx, caseID)
	if err != nil || !by.MayReach(&d.Case) {
		return false // the act itself says so
	}
	users := o.cfg.Users.All()
	i := slices.IndexFunc(users, func(u access.User) bool { return u.Name == colleague })
	if i < 0 {
		return true
	}
	reach := cases.Actor{Zones: users[i].Zones, Regimes: regimesOf(&users[i])}
	return !reach.MayReach(&d.Case)
}

// note adds the result of one case.
func (a *ManyAnswer) note(id string, code cases.Code) {
	if code == "" {
		a.Count++
		return
	}
	a.Failed = append(a.Failed, FailedAct{boundedText(id), string(code)})
}

// doEach does one command of an act on several cases. code is the refusal of this one case; "" = it is done.
func (o *Office) doEach(ctx context.Context, p access.Permit, id, key string, cmd cases.Command) (code cases.Code, err error) {
	db, err := o.casesOf()
	if err != nil {
		return "", err
	}
	caseID, wrong := cases.ParseID(id)
	if wrong != nil {
		return cases.CodeNotFound, nil //nolint:nilerr // what is no id is no case
	}
	_, err = db.Do(ctx, &casestore.Request{Case: caseID, Key: fmt.Sprintf("%s %s", key, caseID), Command: cmd, By: o.actorOf(ctx, p, "")})
	if r, ok := errors.AsType[*cases.Refusal](err); ok {
		if r.Code == cases.CodeScope {
			return cases.CodeNotFound, nil // another zone's case is like none
		}
		return r.Code, nil
	}
	return "", o.noteStoreFailure(ctx, err)
}

// HoldCameraQuery holds the undecided cases of a camera in a window.
type HoldCameraQuery struct {
	Key  string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
	Body struct {
		Camera  string    `json:"camera" minLength:"1" maxLength:"64"`
		From    time.Time `json:"from" doc:"capture time, inclusive"`
		To      time.Time `json:"to" doc:"capture time, exclusive"`
		Reason  string    `json:"reason" enum:"awaits_register,awaits_partner,camera_checked,other"`
		Text    string    `json:"text" minLength:"1" maxLength:"2000" doc:"what is wrong with the camera"`
		Until   time.Time `json:"until" doc:"when the holds end"`
		Confirm *int64    `json:"confirm,omitempty" minimum:"0" doc:"the count of the answer before; without it nothing is held"`
	}
}

// mostHeld bounds the cases of one hold-camera, so that its answer is not cut off half way.
const mostHeld = 1000

// holdCamera holds the undecided cases of a camera: without confirm it counts, with the same count it holds.
func (o *Office) holdCamera(ctx context.Context, in *HoldCameraQuery) (*ManyAnswer, error) {
	if err := demandKey(in.Key); err != nil {
		return nil, err
	}
	b := &in.Body
	asked := map[string]any{
		"camera": b.Camera, "from": b.From.UTC().Format(time.RFC3339), "to": b.To.UTC().Format(time.RFC3339), "hold_reason": b.Reason, "confirm": b.Confirm != nil,
	}
	return askFor(ctx, o, lookup{route: access.RouteHoldCamera, asked: asked, queue: true}, func(p access.Permit, _ int) (*ManyAnswer, answered, error) {
		f := casestore.Filter{
			Zones: p.Zones(), Regimes: regimesOf(signedIn(ctx).User), Camera: b.Camera, States: []cases.State{cases.Open, cases.Arbitration},
			CapturedFrom: schemas.MicrosOf(b.From), CapturedTo: schemas.MicrosOf(b.To),
		}
		if b.Confirm == nil {
			n, err := o.countCases(ctx, f)
			return &ManyAnswer{Count: int(n), LogSeq: p.Seq()}, answered{}, err
		}
		out, err := doManyOnce(ctx, o, access.RouteHoldCamera, in.Key, b, func() (*ManyAnswer, error) { return o.holdAll(ctx, p, f, in) })
		return out, answered{}, err
	})
}

// countCases counts the cases that a filter selects.
func (o *Office) countCases(ctx context.Context, f casestore.Filter) (int64, error) {
	db, err := o.casesOf()
	if err != nil {
		return 0, err
	}
	n, err := db.Count(ctx, f)
	return n, o.noteStoreFailure(ctx, err)
}

// holdAll holds the cases that a filter selects, when their number is the number that the user was told.
func (o *Office) holdAll(ctx context.Context, p access.Permit, f casestore.Filter, in *HoldCameraQuery) (*ManyAnswer, error) {
	n, err := o.countCases(ctx, f)
	switch {
	case err != nil:
		return nil, err
	case n > mostHeld:
		return nil, newInvalid("from", fmt.Sprintf("and to cover %d cases; hold at most %d at a time", n, mostHeld))
	case n != *in.Body.Confirm:
		return nil, newProblem(http.StatusPreconditionFailed, codeStale, "the number of cases has changed since: count again")
	}
	rows, _, err := o.cfg.Cases.Store.List(ctx, f, "", mostHeld)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	out := &ManyAnswer{Done: true, LogSeq: p.Seq()}
	hold := cases.Hold{Reason: in.Body.Reason, Until: schemas.MicrosOf(in.Body.Until), Text: in.Body.Text}
	for i := range rows {
		id := rows[i].Case.ID.String()
		code, err := o.doEach(ctx, p, id, in.Key, hold)
		if err != nil {
			return nil, err
		}
		out.note(id, code)
	}
	return out, nil
}

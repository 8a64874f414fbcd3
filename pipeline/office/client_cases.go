package office

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Lease takes the next items of a queue under a justification.
func (c *Client) Lease(ctx context.Context, j Justification, q LeaseQuery) (*LeaseAnswer, error) {
	return postQuestion[LeaseAnswer](ctx, c, j, "/v1/work/leases", q)
}

// Heartbeat keeps items for five more minutes.
func (c *Client) Heartbeat(ctx context.Context, j Justification, q HeartbeatQuery) (*HeartbeatAnswer, error) {
	return postQuestion[HeartbeatAnswer](ctx, c, j, "/v1/work/leases/heartbeat", q)
}

// GiveBack ends a lease.
func (c *Client) GiveBack(ctx context.Context, j Justification, q GiveBackQuery) (*GiveBackAnswer, error) {
	values := url.Values{}
	path := encodeFields(reflect.ValueOf(q), "/v1/work/leases/{lease_id}", values)
	return sendRequest[GiveBackAnswer](ctx, c, http.MethodDelete, j, path+"?"+values.Encode(), nil, http.Header{})
}

// WorkCounts asks how much there is to decide.
func (c *Client) WorkCounts(ctx context.Context, j Justification) (*WorkCountsAnswer, error) {
	return getAnswer[WorkCountsAnswer](ctx, c, j, "/v1/work/counts", Empty{})
}

// Work lists what is to be decided, without taking it.
func (c *Client) Work(ctx context.Context, j Justification, q WorkQuery) (*WorkAnswer, error) {
	return getAnswer[WorkAnswer](ctx, c, j, "/v1/work", q)
}

// Cases asks for the cases of a plate, a number or an offence.
func (c *Client) Cases(ctx context.Context, q CasesQuery) (*CasesAnswer, error) {
	return postQuestion[CasesAnswer](ctx, c, q.Justification, "/v1/cases/query", q)
}

// Case asks for all of one case.
func (c *Client) Case(ctx context.Context, j Justification, id string) (*CaseAnswer, error) {
	return getAnswer[CaseAnswer](ctx, c, j, "/v1/cases/{case_id}", CaseQuery{CaseID: id})
}

// PreviewPlate asks what the rules say about another plate.
func (c *Client) PreviewPlate(ctx context.Context, j Justification, q PreviewQuery) (*PreviewAnswer, error) {
	return postQuestion[PreviewAnswer](ctx, c, j, casePath(q.CaseID, "plate-preview"), q.Body)
}

// Undo takes an own verdict back.
func (c *Client) Undo(ctx context.Context, j Justification, q UndoQuery) (*UndoneAnswer, error) {
	return changeCase[UndoneAnswer](ctx, c, j, &q.CaseChange, "undo", q.Body)
}

// Verdict gives a verdict on an item.
func (c *Client) Verdict(ctx context.Context, j Justification, q VerdictQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "verdicts", q.Body)
}

// KeyPlate sends what was read in a picture.
func (c *Client) KeyPlate(ctx context.Context, j Justification, q KeyingQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "keyings", q.Body)
}

// HoldCase stops a case by hand.
func (c *Client) HoldCase(ctx context.Context, j Justification, q HoldQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "hold", q.Body)
}

// FlagCase hands a case to a supervisor.
func (c *Client) FlagCase(ctx context.Context, j Justification, q FlagQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "flag", q.Body)
}

// NoteCase adds a remark to a case.
func (c *Client) NoteCase(ctx context.Context, j Justification, q NoteQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "notes", q.Body)
}

// CounterDecide decides against an earlier verdict.
func (c *Client) CounterDecide(ctx context.Context, j Justification, q CounterQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "counter-decisions", q.Body)
}

// WithdrawCase takes a case back before transmission.
func (c *Client) WithdrawCase(ctx context.Context, j Justification, q WithdrawalQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "withdrawals", q.Body)
}

// ChangeTrack sends a case another way.
func (c *Client) ChangeTrack(ctx context.Context, j Justification, q TrackQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "track", q.Body)
}

// CloseIncident settles an incident of a case.
func (c *Client) CloseIncident(ctx context.Context, j Justification, q IncidentClosingQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "incident-closings", q.Body)
}

// ReleaseCase ends a hold.
func (c *Client) ReleaseCase(ctx context.Context, j Justification, q ReleaseQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "release", q.Body)
}

// Arbitrate ends an arbitration.
func (c *Client) Arbitrate(ctx context.Context, j Justification, q ArbitrationQuery) (*CaseActAnswer, error) {
	return changeCase[CaseActAnswer](ctx, c, j, &q.CaseChange, "arbitrations", q.Body)
}

// Colleagues lists who can be given cases.
func (c *Client) Colleagues(ctx context.Context, j Justification) (*ColleaguesAnswer, error) {
	return getAnswer[ColleaguesAnswer](ctx, c, j, "/v1/work/colleagues", Empty{})
}

// AssignCases gives cases to a colleague.
func (c *Client) AssignCases(ctx context.Context, j Justification, q AssignQuery) (*ManyAnswer, error) {
	return changeMany(ctx, c, j, "/v1/work/assign", q.Key, q.Body)
}

// HoldCamera counts or holds the undecided cases of a camera.
func (c *Client) HoldCamera(ctx context.Context, j Justification, q HoldCameraQuery) (*ManyAnswer, error) {
	return changeMany(ctx, c, j, "/v1/work/hold-camera", q.Key, q.Body)
}

// ResumePurpose takes the purpose that a user has open for a justification, so that a further command of the same shift
// opens none. Without one, the next look-up opens it.
func (c *Client) ResumePurpose(me *MeAnswer, j Justification) {
	for i := range me.Purposes {
		p := &me.Purposes[i]
		if (Justification{p.Purpose, p.Reason, p.CaseRef, p.ProsecutorRef}) != j || time.Until(p.EndsAt) < time.Minute {
			continue
		}
		c.mu.Lock()
		if c.purposes == nil {
			c.purposes = map[Justification]string{}
		}
		c.purposes[j] = p.ID
		c.mu.Unlock()
		return
	}
}

// Picture fetches a picture of a case. kind is jpg or png.
func (c *Client) Picture(ctx context.Context, j Justification, caseID, sha256 string) (content []byte, kind string, err error) {
	if !c.Insecure && !mayTravel(c.BaseURL) {
		return nil, "", errInsecure
	}
	h := http.Header{}
	purpose, err := c.purposeOf(ctx, j)
	if err != nil {
		return nil, "", err
	}
	if purpose != "" {
		h.Set(purposeHeader, purpose)
	}
	status, header, content, err := c.doRequest(ctx, http.MethodGet, casePath(caseID, "pictures/"+url.PathEscape(sha256)), nil, h)
	switch {
	case err != nil:
		return nil, "", err
	case status != http.StatusOK:
		return nil, "", apiError(status, content)
	case header.Get("Content-Type") == "image/png":
		return content, "png", nil
	}
	return content, "jpg", nil
}

// VersionTag writes a version for If-Match.
func VersionTag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// casePath is the address of an act on a case.
func casePath(id, act string) string { return "/v1/cases/" + url.PathEscape(id) + "/" + act }

// changeCase sends a change of a case.
func changeCase[T any](ctx context.Context, c *Client, j Justification, to *CaseChange, act string, body any) (*T, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the change: %w", err)
	}
	h := http.Header{"If-Match": {to.IfMatch}, "Idempotency-Key": {to.Key}}
	return sendRequest[T](ctx, c, http.MethodPost, j, casePath(to.CaseID, act), content, h)
}

// changeMany sends a change of several cases.
func changeMany(ctx context.Context, c *Client, j Justification, path, key string, body any) (*ManyAnswer, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the change: %w", err)
	}
	return sendRequest[ManyAnswer](ctx, c, http.MethodPost, j, path, content, http.Header{"Idempotency-Key": {strings.TrimSpace(key)}})
}

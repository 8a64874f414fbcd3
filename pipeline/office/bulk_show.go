package office

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// BulkAct is an act on many cases, without a plate.
type BulkAct struct {
	BulkID     string     `json:"bulk_id"`
	ApprovalID string     `json:"approval_id"`
	Kind       string     `json:"kind" enum:"withdraw,expire,annul,release,recall"`
	State      string     `json:"state" enum:"waiting,refused,lapsed,running,done" doc:"lapsed: nobody decided within eight hours"`
	Filter     BulkFilter `json:"filter,omitzero"`
	Listed     int        `json:"listed,omitempty" doc:"how many cases were named in the place of a filter"`
	Reason     string     `json:"reason,omitempty"`
	Text       string     `json:"text"`
	Cases      int64      `json:"cases"`
	AskedBy    string     `json:"asked_by"`
	AskedAt    time.Time  `json:"asked_at"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	BeganAt    *time.Time `json:"began_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
}

// BulkActAnswer is an act with its progress.
type BulkActAnswer struct {
	Scope Scope `json:"scope"`
	BulkAct
	Done        int64 `json:"done"`
	Refused     int64 `json:"refused" doc:"cases that the act could not take; each says why"`
	Waiting     int64 `json:"waiting"`
	Letters     int64 `json:"letters" doc:"cases done that had been handed over: each recipient and driver gets a letter"`
	AmountCents int64 `json:"amount_cents" doc:"sum of the amounts of these letters; what of it was paid, and is to be refunded, only the issuing system knows"`
}

// BulkActsAnswer lists acts.
type BulkActsAnswer struct {
	Scope Scope     `json:"scope"`
	Rows  []BulkAct `json:"rows" doc:"of the last 31 days, the newest first"`
}

// mostBulkActs bounds the acts of a list.
const mostBulkActs = 200

func bulkActOf(s *casestore.BulkStatus) BulkAct {
	c := &s.Choice
	out := BulkAct{
		BulkID: s.ID.String(), ApprovalID: s.Approval, Kind: string(s.Kind), State: string(s.State), Listed: len(c.Cases), Reason: string(s.Reason), Text: s.Text,
		Cases: s.Cases, AskedBy: s.By.User, AskedAt: s.AskedAt.Time(), ApprovedBy: s.Approver, BeganAt: timeOf(s.BeganAt), EndedAt: timeOf(s.EndedAt),
		Filter: BulkFilter{
			Zone: c.Zone, Camera: c.Camera, Family: DecidingFamily(c.Family), Rule: string(c.Rule), Catalogue: c.Catalogue, Reference: c.Reference, State: string(c.State), HoldReason: c.HoldReason, Affected: c.Affected,
		},
	}
	if c.From != 0 {
		out.Filter.From = c.From.Time()
	}
	if c.To != 0 {
		out.Filter.To = c.To.Time()
	}
	return out
}

// listBulkActs lists the acts in the user's zones.
func (o *Office) listBulkActs(ctx context.Context, _ *Empty) (*BulkActsAnswer, error) {
	return askFor(ctx, o, lookup{route: access.RouteBulkActs, asked: map[string]any{}, queue: true}, func(p access.Permit, _ int) (*BulkActsAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		by := o.actorOf(ctx, p, "")
		list, err := db.ListBulk(ctx, &by, mostBulkActs)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := &BulkActsAnswer{Scope: scopeOf(p), Rows: []BulkAct{}}
		for i := range list {
			out.Rows = append(out.Rows, bulkActOf(&list[i]))
		}
		return out, answered{rows: len(out.Rows)}, nil
	})
}

// BulkActQuery names an act.
type BulkActQuery struct {
	BulkID string `path:"bulk_id" maxLength:"64"`
}

// showBulkAct shows an act with its progress.
func (o *Office) showBulkAct(ctx context.Context, in *BulkActQuery) (*BulkActAnswer, error) {
	l := lookup{route: access.RouteBulkAct, asked: map[string]any{"bulk_id": boundedText(in.BulkID)}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*BulkActAnswer, answered, error) {
		s, err := o.findBulk(ctx, p, in.BulkID)
		if err != nil {
			return nil, answered{}, err
		}
		return &BulkActAnswer{
			Scope: scopeOf(p), BulkAct: bulkActOf(s), Done: s.Done, Refused: s.Refused, Waiting: s.Cases - s.Done - s.Refused, Letters: s.Letters, AmountCents: s.Cents,
		}, answered{rows: 1}, nil
	})
}

// findBulk returns an act that the user may see, or the refusal that an unknown act gets too.
func (o *Office) findBulk(ctx context.Context, p access.Permit, text string) (*casestore.BulkStatus, error) {
	db, err := o.casesOf()
	if err != nil {
		return nil, err
	}
	asked := map[string]any{"bulk_id": boundedText(text)}
	id, err := cases.ParseID(text)
	if err != nil {
		return nil, o.refuseNotFound(ctx, p.Route(), asked)
	}
	by := o.actorOf(ctx, p, "")
	s, err := db.GetBulk(ctx, &by, id)
	if isRefusalOf(err, cases.CodeNotFound) {
		return nil, o.refuseNotFound(ctx, p.Route(), asked)
	}
	return s, o.noteStoreFailure(ctx, err)
}

// BulkCasesQuery asks for a page of the cases of an act.
type BulkCasesQuery struct {
	BulkActQuery
	Part  string `query:"part" enum:"letters,refusals,all" default:"all"`
	After string `query:"after" maxLength:"64" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

// BulkCase is what became of one case of an act.
type BulkCase struct {
	CaseID      string     `json:"case_id"`
	Outcome     string     `json:"outcome" doc:"waiting, done, or the code of the refusal"`
	Detail      string     `json:"detail,omitempty"`
	StateBefore string     `json:"state_before,omitempty"`
	Number      string     `json:"number,omitempty" doc:"of the report"`
	Track       string     `json:"track,omitempty"`
	Batch       string     `json:"batch,omitempty"`
	SentAt      *time.Time `json:"sent_at,omitempty" doc:"absent of a case that was never handed over: it needs no letter"`
	AmountCents int64      `json:"amount_cents,omitempty"`
}

// BulkCasesAnswer is a page of cases.
type BulkCasesAnswer struct {
	Scope Scope      `json:"scope"`
	Rows  []BulkCase `json:"rows"`
	Next  string     `json:"next,omitempty" doc:"pass as after for the next page; absent on the last"`
}

func bulkCaseOf(c *casestore.BulkCase) BulkCase {
	out := BulkCase{
		CaseID: c.Case.String(), Outcome: c.Outcome, Detail: c.Detail, StateBefore: string(c.StateBefore), Number: c.Number, Track: string(c.Track), Batch: c.Batch,
		SentAt: timeOf(c.SentAt), AmountCents: c.AmountCents,
	}
	if out.Outcome == "" {
		out.Outcome = "waiting"
	}
	return out
}

// listBulkCases lists what became of the cases of an act.
func (o *Office) listBulkCases(ctx context.Context, in *BulkCasesQuery) (*BulkCasesAnswer, error) {
	l := lookup{route: access.RouteBulkCases, asked: map[string]any{"bulk_id": boundedText(in.BulkID), "part": in.Part}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*BulkCasesAnswer, answered, error) {
		s, err := o.findBulk(ctx, p, in.BulkID)
		if err != nil {
			return nil, answered{}, err
		}
		var after cases.ID
		if in.After != "" {
			if after, err = cases.ParseID(in.After); err != nil {
				return nil, answered{}, newInvalid("after", errCursor.Error())
			}
		}
		n := pageSize(in.Limit)
		list, err := o.cfg.Cases.Store.BulkCases(ctx, s.ID, casestore.BulkPart(in.Part), after, n+1)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := &BulkCasesAnswer{Scope: scopeOf(p), Rows: []BulkCase{}}
		if len(list) > n {
			list = list[:n]
			out.Next = list[n-1].Case.String()
		}
		for i := range list {
			out.Rows = append(out.Rows, bulkCaseOf(&list[i]))
		}
		return out, answered{rows: len(out.Rows), cut: out.Next != ""}, nil
	})
}

// lettersFile is the list of letters and refunds as a file.
type lettersFile struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

const typeCSV = "text/csv; charset=utf-8"

// lettersHead names the columns of the list of letters.
var lettersHead = []string{"number", "case_id", "track", "batch", "handed_over_at", "state_before", "amount_cents", "act", "reason"}

// fetchLetters answers with the letters of an act as CSV: the cases done that had been handed over, whole.
func (o *Office) fetchLetters(ctx context.Context, in *BulkActQuery) (*lettersFile, error) {
	l := lookup{route: access.RouteBulkLetters, asked: map[string]any{"bulk_id": boundedText(in.BulkID)}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*lettersFile, answered, error) {
		s, err := o.findBulk(ctx, p, in.BulkID)
		if err != nil {
			return nil, answered{}, err
		}
		var file bytes.Buffer
		w, rows := csv.NewWriter(&file), 0
		_ = w.Write(lettersHead) // a buffer takes everything
		for after := (cases.ID{}); ; {
			list, err := o.cfg.Cases.Store.BulkCases(ctx, s.ID, casestore.BulkLetters, after, casestore.MaxRows)
			if err != nil {
				return nil, answered{}, o.noteStoreFailure(ctx, err)
			}
			for i := range list {
				c := &list[i]
				_ = w.Write([]string{
					c.Number, c.Case.String(), string(c.Track), c.Batch, c.SentAt.Time().UTC().Format(time.RFC3339), string(c.StateBefore), strconv.FormatInt(c.AmountCents, 10), string(s.Kind), string(s.Reason),
				})
			}
			if rows += len(list); len(list) < casestore.MaxRows {
				break
			}
			after = list[len(list)-1].Case
		}
		w.Flush()
		return &lettersFile{Type: typeCSV, Disposition: fmt.Sprintf(`attachment; filename="letters-%s.csv"`, s.ID), Body: file.Bytes()}, answered{rows: rows}, nil
	})
}

// registerBulk registers the routes of acts on many cases.
func (o *Office) registerBulk(api huma.API) {
	get := http.MethodGet
	registerRoute(api, route{access.RouteBulk, http.MethodPost, "/v1/cases/bulk", "Withdraw, expire or annul many cases: first the count, then with it a second person is asked", 200}, o.askBulk)
	registerRoute(api, route{access.RouteAffected, http.MethodPost, "/v1/affected-cases/query", "Cases that rest on one value of configuration or reference data, or did", 200}, withBody(o.listAffected))
	registerRoute(api, route{access.RouteBulkActs, get, "/v1/bulk-acts", "Acts on many cases", 200}, o.listBulkActs)
	registerRoute(api, route{access.RouteBulkAct, get, "/v1/bulk-acts/{bulk_id}", "One act on many cases, and how far it is", 200}, o.showBulkAct)
	registerRoute(api, route{access.RouteBulkCases, get, "/v1/bulk-acts/{bulk_id}/cases", "What became of the cases of an act, and which need a letter", 200}, o.listBulkCases)
	registerFile(api, route{access.RouteBulkLetters, get, "/v1/bulk-acts/{bulk_id}/letters", "Letters and refunds of an act, for the operator, as CSV", 200},
		fileForm{"the list", newContent("", "text/csv"), []int{400, 401, 403, 404, 429, 500, 503}, "id of the purpose that was opened for this"}, o.fetchLetters)
}

package office

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// AccessLogQuery asks for entries in the look-up log.
type AccessLogQuery struct {
	Justification Justification `json:"-"`
	TimeRange
	Paging
	User       string `json:"user,omitempty" maxLength:"64"`
	Action     Action `json:"action,omitempty"`
	ForPurpose string `json:"purpose,omitempty" enum:"judicial,administrative,traffic,oversight,operation" doc:"Purpose that was stated."`
	Outcome    string `json:"outcome,omitempty" enum:"granted,refused"`
	Kind       string `json:"kind,omitempty" enum:"asked,disclosed,identity,break,import"`
	Plate      string `json:"plate,omitempty" maxLength:"64" doc:"Every look-up that named exactly this plate or pattern, and every answer that showed this plate, however it was asked for. Of a plate also every search whose pattern covers it, refused and empty ones too, and every looks_like search of a plate that cameras confuse with it, as long as what was asked is kept in clear."`
}

// Action is a route, as named in the look-up log.
type Action string

// Schema lists all routes from package access, so an auditor finds a new route without an edit here.
func (Action) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, r := range slices.Concat(access.Routes(), access.OwnRoutes(), access.PastRoutes()) {
		s.Enum = append(s.Enum, string(r))
	}
	return s
}

// AccessEntry is one entry in the look-up log, as shown to an auditor.
type AccessEntry struct {
	Seq           uint64         `json:"seq"`
	At            time.Time      `json:"at"`
	Kind          string         `json:"kind" enum:"asked,disclosed,identity,break,import"`
	User          string         `json:"user"`
	Role          string         `json:"role"`
	Zone          string         `json:"zone"`
	SignIn        string         `json:"sign_in,omitempty"`
	Address       string         `json:"address,omitempty" doc:"from which the request came"`
	Action        string         `json:"action"`
	Purpose       string         `json:"purpose"`
	Reason        string         `json:"reason"`
	CaseRef       string         `json:"case_ref"`
	ProsecutorRef string         `json:"prosecutor_ref"`
	Query         string         `json:"query" doc:"what was asked, as JSON; a plate that is not kept in clear any more stands as its HMAC"`
	Outcome       string         `json:"outcome"`
	Code          string         `json:"code,omitempty" doc:"of a refusal"`
	Refusal       string         `json:"refusal"`
	Of            uint64         `json:"of,omitempty" doc:"of a disclosure: number of the entry that asked"`
	Rows          uint64         `json:"rows,omitempty" doc:"of a disclosure: rows shown"`
	DistinctN     uint64         `json:"distinct_plates,omitempty" doc:"plates asked for, or shown"`
	Plates        []string       `json:"plates,omitempty" doc:"plates asked for, as long as they are kept in clear"`
	TookMS        uint64         `json:"took_ms,omitempty"`
	Cut           bool           `json:"cut,omitempty" doc:"the answer was a page, and there was more"`
	Body          string         `json:"body,omitempty" doc:"JSON: what an entry of this kind says beside"`
	Prev          schemas.Digest `json:"prev_sha256"`
	Sum           schemas.Digest `json:"entry_sha256"`
}

// Cursor returns the place after the row.
func (e *AccessEntry) Cursor() query.Cursor { return query.KeyCursor(strconv.FormatUint(e.Seq, 10)) }

// AccessLogAnswer is one page of the look-up log, newest first.
type AccessLogAnswer struct {
	Scope   Scope         `json:"scope"`
	Entries []AccessEntry `json:"rows"`
	Next    string        `json:"next,omitempty"`
}

func (o *Office) listAccessLog(ctx context.Context, in *AccessLogQuery) (*AccessLogAnswer, error) {
	asked := in.addWindow(map[string]any{
		"user": in.User, "action": string(in.Action), "for_purpose": in.ForPurpose, "outcome": in.Outcome, "kind": in.Kind, "plate": boundedText(in.Plate),
	})
	plate, err := query.ParsePlateFilter(in.Plate, false)
	if err != nil {
		return nil, o.refuseInvalid(ctx, access.RouteAccessLog, "plate", "plate", err.Error(), asked)
	}
	asked["plate"] = plate.Text()
	l := lookup{route: access.RouteAccessLog, window: in.TimeRange, byPlate: in.Plate != "", plates: namedPlates(plate), asked: asked}
	return askFor(ctx, o, l, func(p access.Permit, most int) (*AccessLogAnswer, answered, error) {
		page, err := o.pageOf(p.User(), "access-log", in.Paging, most)
		if err != nil {
			return nil, answered{}, err
		}
		f, err := o.filterOf(in, p, namedPlates(plate), page)
		if err != nil {
			return nil, answered{}, err
		}
		if !plate.IsZero() && !plate.Wide() {
			f.Covered = plate.AllForms()
		}
		found, err := o.cfg.LookUps.FindEntries(ctx, f)
		if err != nil {
			o.noteFailure(ctx, err)
			return nil, answered{}, fmt.Errorf("%w: %w", query.ErrDatabase, err)
		}
		out := &AccessLogAnswer{Scope: scopeOf(p), Entries: make([]AccessEntry, len(found))}
		for i := range found {
			out.Entries[i] = shownEntry(&found[i])
		}
		var next query.Cursor
		out.Entries, next = splitPage[AccessEntry](out.Entries, page.Limit)
		out.Next = o.pseudonyms.sealCursor(p.User(), "access-log", next)
		out.Scope.noteCut(out.Next, page.Limit, in.Limit)
		shown := answered{rows: len(out.Entries), cut: out.Next != ""}
		for i := range out.Entries {
			shown.plates = append(shown.plates, out.Entries[i].Plates...)
		}
		return out, shown, nil
	})
}

// filterOf builds the log's filter within the permit. With plates, the filter keeps entries with at least one.
func (o *Office) filterOf(in *AccessLogQuery, p access.Permit, plates []string, page query.Page) (*store.Filter, error) {
	f := &store.Filter{
		User: in.User, Operation: string(in.Action), Purpose: in.ForPurpose, Outcome: in.Outcome, Kind: in.Kind, Limit: page.Limit, Zones: p.Zones(),
	}
	var err error
	if key := page.After.Key(); key != "" {
		if f.Before, err = strconv.ParseUint(key, 10, 63); err != nil {
			return nil, newInvalid("after", "is not a cursor of this list")
		}
	}
	if p.From() != 0 {
		f.From = p.From().Time()
	}
	if p.To() != 0 {
		f.To = p.To().Time()
	}
	if len(plates) > 0 {
		f.Marks, err = o.marksOf(plates...)
	}
	return f, err
}

// marksOf returns the plates' HMACs under every kept key.
func (o *Office) marksOf(plates ...string) ([][]byte, error) {
	keys, err := o.cfg.Keys.PlateKeys()
	if err != nil {
		return nil, err
	}
	out := make([][]byte, 0, len(keys)*len(plates))
	for _, k := range keys {
		for _, p := range plates {
			m := k.Mark(p)
			out = append(out, m[:])
		}
	}
	return out, nil
}

// shownEntry replaces HMACs by plates still kept in clear.
func shownEntry(f *store.Found) AccessEntry {
	e := AccessEntry{
		Seq: f.Seq, At: f.At.Time(), Kind: string(f.Kind), User: f.User, Role: f.Role, Zone: f.Zones, SignIn: f.SignIn, Address: f.Address,
		Action: f.Operation, Purpose: f.Purpose, Reason: f.Reason, CaseRef: f.CaseRef, ProsecutorRef: f.ProsecutorRef, Query: f.Asked,
		Outcome: f.Outcome, Code: f.Code, Refusal: f.Refusal, Of: f.Of, Rows: f.Rows, DistinctN: f.Entry.Plates, TookMS: f.TookMS, Cut: f.Cut,
		Body: f.Body, Prev: schemas.Digest(f.Prev[:]), Sum: schemas.Digest(f.Sum[:]),
	}
	for _, c := range f.Clear {
		e.Plates = append(e.Plates, c.Plate)
		for _, text := range []*string{&e.Query, &e.Reason, &e.CaseRef, &e.ProsecutorRef, &e.Body} {
			*text = strings.ReplaceAll(*text, access.MarkText(f.KeyID, c.Mark[:]), c.Plate)
		}
	}
	slices.Sort(e.Plates)
	return e
}

// VerifyQuery asks whether the chain holds. Seq and SHA256 are an optional head, noted earlier and elsewhere.
type VerifyQuery struct {
	Seq    uint64 `json:"seq,omitempty" doc:"Number of an entry that was noted elsewhere."`
	SHA256 string `json:"sha256,omitempty" pattern:"^[0-9a-fA-F]{64}$" doc:"Its hash."`
}

// VerifyAnswer reports how far the chain holds.
type VerifyAnswer struct {
	Scope     Scope             `json:"scope"`
	OK        bool              `json:"ok"`
	Entries   uint64            `json:"entries" doc:"entries that hold"`
	HeadSeq   uint64            `json:"head_seq" doc:"number of the newest entry that holds"`
	Head      string            `json:"head_sha256" doc:"hash of the newest of them; note it elsewhere"`
	FirstBad  uint64            `json:"first_bad,omitempty"`
	Problem   string            `json:"problem,omitempty"`
	Witnesses int               `json:"witnesses,omitempty" doc:"heads noted outside the database that were compared"`
	Segments  []VerifiedSegment `json:"segments,omitempty" doc:"the parts between breaks, when there is a break"`
}

// VerifiedSegment is a part of the log between breaks.
type VerifiedSegment struct {
	First    uint64   `json:"first"`
	Last     uint64   `json:"last"`
	FirstBad uint64   `json:"first_bad,omitempty"`
	Problem  string   `json:"problem,omitempty"`
	ClosedBy []string `json:"closed_by,omitempty" doc:"who closed it, when it is damaged"`
	Reason   string   `json:"reason,omitempty"`
}

// NewVerifyAnswer turns a verification into an answer.
func NewVerifyAnswer(v *access.Verification, witnesses int) *VerifyAnswer {
	a := &VerifyAnswer{
		OK: v.OK(), Entries: v.Entries, HeadSeq: v.Head.Seq, Head: hex.EncodeToString(v.Head.Sum[:]), FirstBad: v.FirstBad, Problem: v.Problem, Witnesses: witnesses,
	}
	if len(v.Segments) < 2 {
		return a
	}
	for i := range v.Segments {
		s := &v.Segments[i]
		out := VerifiedSegment{First: s.First, Last: s.Last, FirstBad: s.FirstBad, Problem: s.Problem}
		if s.Closed != nil {
			out.ClosedBy, out.Reason = s.Closed.Persons, s.Closed.Reason
		}
		a.Segments = append(a.Segments, out)
	}
	return a
}

func (o *Office) verifyChain(ctx context.Context, in *VerifyQuery) (*VerifyAnswer, error) {
	if (in.Seq == 0) != (in.SHA256 == "") {
		return nil, newInvalid("seq", "and sha256 are given together")
	}
	var more []access.Head
	if in.Seq != 0 {
		h, err := access.ParseHead(in.Seq, in.SHA256)
		if err != nil {
			return nil, newInvalid("sha256", err.Error())
		}
		more = append(more, h)
	}
	l := lookup{route: access.RouteVerify, asked: map[string]any{}}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*VerifyAnswer, answered, error) {
		log, err := o.openLog()
		if err != nil {
			return nil, answered{}, err
		}
		v, n, err := o.verifyLog(ctx, log, more...)
		if err != nil {
			o.cfg.Logger.Error().Err(err).Msg("access log could not be read for verification")
			return nil, answered{}, fmt.Errorf("%w: %w", query.ErrDatabase, err)
		}
		a := NewVerifyAnswer(&v, n)
		a.Scope = scopeOf(p)
		return a, answered{}, nil
	})
}

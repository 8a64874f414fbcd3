package office

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// WorkCountsAnswer says how much work there is in the user's zones.
type WorkCountsAnswer struct {
	Scope Scope       `json:"scope"`
	Rows  []WorkCount `json:"rows" doc:"by queue, due class and zone"`
	Held  []HeldCount `json:"held" doc:"held cases by reason: nobody can act on most of them"`
	Last  []LastAct   `json:"last" doc:"the user's own last answers, newest first"`
	Quota []ZoneQuota `json:"quota" doc:"of the user's zones with a number for the year"`

	Municipalities []MunicipalityName `json:"municipalities" doc:"with cameras in the user's zones: what the list can be filtered by"`

	ServerTime time.Time `json:"server_time" doc:"of the database's clock, by which effective_at is measured"`
}

// WorkCount is the number of cases of a queue that are due in a class of days in a zone.
type WorkCount struct {
	Queue string `json:"queue" enum:"decide,second,key,arbitration,transmit"`
	Due   string `json:"due" enum:"overdue,today,three_days,later"`
	Zone  string `json:"zone,omitempty"`
	Count int64  `json:"count"`
	Free  int64  `json:"free" doc:"of them that nobody has"`
}

// HeldCount is the number of cases that are held for a reason.
type HeldCount struct {
	Reason string     `json:"reason"`
	Text   *Cited     `json:"text,omitempty" doc:"the reason in words"`
	Count  int64      `json:"count"`
	Oldest *time.Time `json:"oldest,omitempty" doc:"since when the oldest is held"`
	Next   *time.Time `json:"next,omitempty" doc:"when the next one ends, as far as is known"`
}

// LastAct is an own answer, without the plate.
type LastAct struct {
	CaseID      string     `json:"case_id"`
	EventID     string     `json:"event_id"`
	Version     int64      `json:"version" doc:"of the case after the answer: for If-Match of an undo"`
	Kind        string     `json:"kind"`
	Verdict     string     `json:"verdict,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	RecordedAt  time.Time  `json:"recorded_at"`
	EffectiveAt *time.Time `json:"effective_at,omitempty" doc:"until then it can be taken back"`
	UndoMS      int64      `json:"undo_ms,omitempty" doc:"for how long it can be taken back from server_time on"`
}

// lastActs is the number of own answers in the strip of the pages.
const lastActs = 10

// countWork counts the work in the user's zones and regimes.
func (o *Office) countWork(ctx context.Context, _ *Empty) (*WorkCountsAnswer, error) {
	return askFor(ctx, o, lookup{route: access.RouteWorkCounts, asked: map[string]any{}, queue: true}, func(p access.Permit, _ int) (*WorkCountsAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		u := signedIn(ctx).User
		work, held, err := db.Counts(ctx, p.Zones(), regimesOf(u))
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		now, err := db.Clock(ctx)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		last, err := db.MyLast(ctx, u.Name, lastActs)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := &WorkCountsAnswer{Scope: scopeOf(p), Rows: []WorkCount{}, Held: []HeldCount{}, Last: []LastAct{}, Municipalities: o.municipalitiesIn(p.Zones()), ServerTime: now.Time()}
		for _, w := range work {
			out.Rows = append(out.Rows, WorkCount{string(w.Queue), w.Due, w.Zone, w.N, w.Free})
		}
		for _, h := range held {
			out.Held = append(out.Held, HeldCount{h.Reason, reasonText(h.Reason), h.N, timeOf(h.Oldest), timeOf(h.Next)})
		}
		if err := o.addLast(ctx, out, last, now); err != nil {
			return nil, answered{}, err
		}
		if out.Quota, err = o.countQuotas(ctx, p.Zones(), now); err != nil {
			return nil, answered{}, err
		}
		return out, answered{rows: len(out.Rows) + len(out.Held)}, nil
	})
}

// addLast adds the own last answers. An answer to a known answer stands there as any other.
func (o *Office) addLast(ctx context.Context, out *WorkCountsAnswer, last []cases.Event, now schemas.Micros) error {
	for i := range last {
		e := &last[i]
		version := e.N
		if e.Kind == cases.Probed {
			if e.Verdict == "" || e.Of != "" {
				continue
			}
			d, err := o.cfg.Cases.Store.Get(ctx, e.Case)
			if err != nil {
				return o.noteStoreFailure(ctx, err)
			}
			version = versionAnswered(d, e)
			e.Kind = cases.Decided
		}
		out.Last = append(out.Last, LastAct{
			CaseID: e.Case.String(), EventID: e.ID.String(), Version: version, Kind: string(e.Kind), Verdict: string(e.Verdict), Reason: e.Reason,
			RecordedAt: e.RecordedAt.Time(), EffectiveAt: timeOf(e.EffectiveAt), UndoMS: undoLeft(e.EffectiveAt, now),
		})
	}
	return nil
}

// WorkQuery asks for a page of the work list.
type WorkQuery struct {
	WorkFilter
	Queue  string `query:"queue" enum:"decide,second,key,arbitration,transmit,held" default:"decide"`
	Reason string `query:"hold_reason" maxLength:"64" doc:"of held: only this reason"`
	After  string `query:"after" maxLength:"512" doc:"next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"Rows of a page."`
}

// WorkAnswer is a page of the work list, by due time and then age.
type WorkAnswer struct {
	Scope Scope     `json:"scope"`
	Rows  []WorkRow `json:"rows"`
	Next  string    `json:"next,omitempty" doc:"pass as after for the next page; absent on the last"`
}

// WorkRow is a case in a list of work. It has no amount and nobody's verdict.
type WorkRow struct {
	CaseID     string          `json:"case_id"`
	Version    int64           `json:"version"`
	State      string          `json:"state"`
	DueAt      *time.Time      `json:"due_at,omitempty"`
	Family     string          `json:"family"`
	Regime     string          `json:"regime"`
	Plate      string          `json:"plate,omitempty" doc:"absent where it is to be keyed"`
	Country    string          `json:"country,omitempty"`
	Measured   *ItemSpeeds     `json:"measured,omitempty"`
	Marks      []string        `json:"marks,omitempty"`
	Blocks     []string        `json:"blocks,omitempty"`
	Street     *schemas.Street `json:"street,omitempty"`
	InWords    *schemas.Street `json:"municipality,omitempty" doc:"name of the municipality"`
	Zone       string          `json:"zone,omitempty"`
	Camera     string          `json:"camera"`
	CapturedAt time.Time       `json:"captured_at"`
	HoldReason string          `json:"hold_reason,omitempty"`
	HoldText   *Cited          `json:"hold_text,omitempty" doc:"the reason in words"`
	HoldUntil  *time.Time      `json:"hold_until,omitempty"`
	HeldBy     string          `json:"leased_by,omitempty" doc:"who has it"`
	HeldUntil  *time.Time      `json:"leased_until,omitempty"`
}

// listOfWork names the list in cursors.
const listOfWork = "work"

// listWork lists work, without taking it.
func (o *Office) listWork(ctx context.Context, in *WorkQuery) (*WorkAnswer, error) {
	asked := in.WorkFilter.addTo(map[string]any{"queue": in.Queue, "hold_reason": boundedText(in.Reason)})
	return askFor(ctx, o, lookup{route: access.RouteWork, asked: asked, queue: true}, func(p access.Permit, _ int) (*WorkAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		f := filterOf(ctx, p, &in.WorkFilter)
		if in.Queue == string(cases.Held) {
			f.States, f.HoldReason = []cases.State{cases.Held}, in.Reason
		} else {
			f.Queue = cases.Queue(in.Queue)
		}
		after, err := o.openPlace(p.User(), listOfWork, in.After)
		if err != nil {
			return nil, answered{}, err
		}
		rows, next, err := db.List(ctx, f, after, pageSize(in.Limit))
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteWork, "", err)
		}
		out, shown := &WorkAnswer{Scope: scopeOf(p), Rows: []WorkRow{}, Next: o.sealPlace(p.User(), listOfWork, next)}, answered{rows: len(rows), cut: next != ""}
		for i := range rows {
			row, err := o.workRow(ctx, &rows[i])
			if err != nil {
				return nil, answered{}, err
			}
			if row.State != string(rows[i].Case.State) { // shown again to the user: it is not in this queue, as the user is told
				continue
			}
			if row.Plate != "" {
				shown.plates = append(shown.plates, row.Plate)
			}
			out.Rows = append(out.Rows, row)
		}
		if len(out.Rows) == 0 && in.After == "" {
			out.Scope.Coverage = o.tryProgress(ctx, p)
		}
		return out, shown, nil
	})
}

// progressTime bounds how long an empty list waits for the tables to say how complete they are.
const progressTime = 2 * time.Second

// tryProgress says until when an empty list is complete; nil while the tables do not answer: the list itself needs none of
// them.
func (o *Office) tryProgress(ctx context.Context, p access.Permit) *Coverage {
	ctx, cancel := context.WithTimeout(ctx, progressTime)
	defer cancel()
	out, err := o.findProgress(ctx, p)
	if err != nil {
		return nil
	}
	return out
}

// pageSize bounds the rows of a page.
func pageSize(limit int) int {
	if limit <= 0 {
		return query.DefaultLimit
	}
	return min(limit, query.MaxLimit)
}

// mayBeShownAgain reports whether the user holds the case as a known answer, or answered it as one: no other closed case
// has a lease.
func mayBeShownAgain(r *casestore.Row, user string) bool {
	q := cases.QueueOf(r.Case.State)
	return (q == "" || q == cases.QueueTransmit) && (r.LeaseUser == user || r.Case.ProbeBy == user)
}

// workRow shows a case in a list of work.
func (o *Office) workRow(ctx context.Context, r *casestore.Row) (WorkRow, error) {
	c, user := &r.Case, signedIn(ctx).User.Name
	switch q := cases.QueueOf(c.State); {
	case mayBeShownAgain(r, user):
		d, err := o.cfg.Cases.Store.Get(ctx, c.ID)
		if err != nil {
			return WorkRow{}, o.noteStoreFailure(ctx, err)
		}
		if again := shownAgain(d, user); again != nil {
			c = &again.Case
		}
	case q == "", q == cases.QueueTransmit:
		r.LeaseUser, r.LeaseUntil = "", 0 // nobody learns what a colleague is shown again
	}
	out := WorkRow{
		CaseID: c.ID.String(), Version: c.Version, State: string(c.State), DueAt: timeOf(c.DecideBy), Family: string(c.Family), Regime: string(c.Regime),
		Marks: c.Marks, Blocks: c.Blocks, Zone: c.Zone, Camera: c.Camera, Street: o.streetOf(c.Camera), InWords: municipalityOf(c.Municipality), CapturedAt: c.CapturedAt.Time(),
		HoldReason: c.HoldReason, HoldText: reasonText(c.HoldReason), HoldUntil: timeOf(c.HoldUntil), HeldBy: r.LeaseUser, HeldUntil: timeOf(r.LeaseUntil),
	}
	if c.State != cases.Keying {
		reading := c.Reading()
		out.Plate, out.Country, out.Measured = reading.Plate, reading.Country, speedsOf(c.Measures)
	}
	return out, nil
}

// sealPlace writes the place after a page for a client; only the same user can use it, in the same list.
func (o *Office) sealPlace(user, list, place string) string {
	if place == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(o.pseudonyms.sealText(user, list, place))
}

// openPlace reads the place after a page; "" is the first page.
func (o *Office) openPlace(user, list, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err == nil {
		if text, ok := o.pseudonyms.openText(user, list, b); ok {
			return text, nil
		}
	}
	return "", newInvalid("after", errCursor.Error())
}

// AssignQuery gives cases to one user for a time.
type AssignQuery struct {
	Key  string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
	Body struct {
		CaseIDs []string  `json:"case_ids" minItems:"1" maxItems:"200"`
		User    string    `json:"user" maxLength:"64" doc:"name in the users file"`
		Until   time.Time `json:"until" doc:"until then nobody else is given them"`
	}
}

// ManyAnswer says what an act on several cases did.
type ManyAnswer struct {
	Count  int         `json:"count" doc:"cases on which it was done; of hold-camera without confirm: on which it would be"`
	Done   bool        `json:"done"`
	Failed []FailedAct `json:"failed,omitempty"`
	LogSeq uint64      `json:"log_seq"`
}

// FailedAct is a case on which an act was refused.
type FailedAct struct {
	CaseID string `json:"case_id"`
	Code   string `json:"code"`
}

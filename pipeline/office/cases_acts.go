package office

import (
	"context"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// CaseChange names the case of a change, the version that it is for, and the key under which it is done once.
type CaseChange struct {
	CaseID  string `path:"case_id" maxLength:"64"`
	IfMatch string `header:"If-Match" maxLength:"32" doc:"the version of the case that the change is for, in quotes"`
	Key     string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
}

// CaseActAnswer confirms an act.
type CaseActAnswer struct {
	CaseID      string     `json:"case_id"`
	EventID     string     `json:"event_id,omitempty" doc:"names the event, for an undo; absent when nothing changed"`
	Version     int64      `json:"version" doc:"of the case after the act"`
	State       string     `json:"state" doc:"settling: the verdict takes effect at effective_at, and can be taken back until then"`
	EffectiveAt *time.Time `json:"effective_at,omitempty"`
	ServerTime  *time.Time `json:"server_time,omitempty" doc:"of the database's clock, by which effective_at is measured"`
	UndoMS      int64      `json:"undo_ms,omitempty" doc:"for how long it can be taken back from server_time on"`
	LogSeq      uint64     `json:"log_seq" doc:"number of this act in the access log"`
}

// readChange reads version and key of a change.
func readChange(in *CaseChange) (version int64, err error) {
	if in.Key == "" {
		return 0, newProblem(http.StatusPreconditionRequired, codePrecondition, "give the change a random key as Idempotency-Key, so that it can be sent again")
	}
	if !utf8.ValidString(in.Key) {
		return 0, newProblem(http.StatusBadRequest, codeMalformed, "Idempotency-Key is no text: give letters and digits")
	}
	version, err = readVersion(in.IfMatch)
	if err == nil && version == 0 {
		err = newProblem(http.StatusPreconditionFailed, codeStale, "no case has the version 0: load the case again")
	}
	return version, err
}

// caseAct is an act on a case, before the case is known.
type caseAct struct {
	route access.Route
	in    *CaseChange
	lease string
	asked map[string]any // for the log
	act   access.Act     // that needs an appointment; "" = none does
	// byState tells that the act of an appointment follows from the state of the case.
	byState bool
	command cases.Command
	// approver returns who approved the act as second person; nil = the act needs none.
	approver func(context.Context) (string, error)
	// commandOf makes the command for the case; nil = command is it.
	commandOf func(*casestore.Dossier) cases.Command
}

// doAct does an act and returns the answer of the store. shown is what the answer discloses.
func doAct[T any](ctx context.Context, o *Office, a caseAct, answer func(access.Permit, *actDone) (*T, answered, error)) (*T, error) {
	version, err := readChange(a.in)
	if err != nil {
		return nil, err
	}
	if a.asked == nil {
		a.asked = map[string]any{}
	}
	a.asked["case_id"] = boundedText(a.in.CaseID)
	if err := o.demandFresh(ctx, access.Request{Route: a.route, Query: writeAsked(a.asked)}); err != nil {
		return nil, err
	}
	l := lookup{route: a.route, asked: a.asked, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*T, answered, error) {
		d, err := o.findCase(ctx, p, a.in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		if a.commandOf != nil {
			a.command = a.commandOf(d)
		}
		if kind, parts := alterationOf(d); parts != nil && confirms(a.command) {
			return nil, answered{}, o.reportAltered(ctx, d, kind, parts)
		}
		if confirms(a.command) && o.lacksCertificate(&d.Case) {
			return nil, answered{}, newProblem(http.StatusConflict, string(cases.CodeBlocked), cases.BlockNoDevice)
		}
		act := a.act
		if a.byState && d.Case.State == cases.Second {
			act = access.ActSecond
		}
		again := shownAgain(d, p.User())
		r := &casestore.Request{Case: d.Case.ID, IfVersion: trueVersion(d, again, version), Key: a.in.Key, Command: a.command, By: o.actorOf(ctx, p, act)}
		if r.Lease, err = readLease(a.lease); err != nil {
			return nil, answered{}, err
		}
		if a.approver != nil {
			if r.By.Approver, err = a.approver(ctx); err != nil {
				return nil, answered{}, err
			}
		}
		done, err := o.cfg.Cases.Store.Do(ctx, r)
		if err != nil {
			return nil, answered{}, o.explainConflict(ctx, d.Case.ID, version, o.refuseAct(ctx, a.route, a.in.CaseID, err))
		}
		return answer(p, o.answerOf(d, &done))
	})
}

// confirms reports whether a command says that an offence stands, which nobody can say of a case that was altered.
func confirms(cmd cases.Command) bool {
	switch x := cmd.(type) {
	case cases.Decide:
		return x.Kind != cases.Reject
	case cases.Counter:
		return x.Kind != cases.Reject
	case cases.Arbitrate:
		return x.To == cases.Confirmed
	default:
		return false
	}
}

// confirmAct does an act whose answer shows no plate.
func (o *Office) confirmAct(ctx context.Context, a caseAct) (*CaseActAnswer, error) {
	return doAct(ctx, o, a, func(p access.Permit, done *actDone) (*CaseActAnswer, answered, error) {
		return actAnswer(p, done), answered{}, nil
	})
}

// actDone is what the store did, with what the user is told of it.
type actDone struct {
	*casestore.Done
	version     int64
	state       cases.State
	effectiveAt schemas.Micros
	now         schemas.Micros // by the database's clock
}

// answerOf returns what the user is told of an act. It never says to which state a verdict settles: nobody learns
// beforehand that a second person looks, nor that the case was closed before.
func (o *Office) answerOf(d *casestore.Dossier, done *casestore.Done) *actDone {
	out := &actDone{Done: done, version: done.Case.Version, state: done.Case.State, now: d.Now}
	e := done.Event
	if e == nil {
		return out
	}
	out.version, out.state, out.effectiveAt, out.now = versionAnswered(d, e), e.To, e.EffectiveAt, max(d.Now, e.RecordedAt)
	if e.Kind == cases.Probed {
		out.state = stateAnswered(e)
	}
	return out
}

// actAnswer says what an act did.
func actAnswer(p access.Permit, done *actDone) *CaseActAnswer {
	out := &CaseActAnswer{CaseID: done.Case.ID.String(), Version: done.version, State: string(done.state), ServerTime: timeOf(done.now), LogSeq: p.Seq()}
	if done.Event != nil {
		out.EventID, out.EffectiveAt = done.Event.ID.String(), timeOf(done.effectiveAt)
		out.UndoMS = undoLeft(done.effectiveAt, done.now)
	}
	return out
}

// timeOf returns an instant for JSON; nil for 0.
func timeOf(m schemas.Micros) *time.Time {
	if m == 0 {
		return nil
	}
	t := m.Time()
	return &t
}

// readLease reads the id of a lease; "" = none.
func readLease(text string) (cases.ID, error) {
	if text == "" {
		return cases.ID{}, nil
	}
	id, err := cases.ParseID(text)
	if err != nil {
		return cases.ID{}, newProblem(http.StatusPreconditionFailed, string(cases.CodeLeaseLost), "lease_id names no lease of yours: take the item again")
	}
	return id, nil
}

// readPreview reads the id of a preview; "" = none.
func readPreview(text string) (cases.ID, error) {
	if text == "" {
		return cases.ID{}, nil
	}
	id, err := cases.ParseID(text)
	if err != nil {
		return cases.ID{}, newProblem(http.StatusPreconditionFailed, string(cases.CodePreview), "preview_id names no preview of yours: ask for one of this plate")
	}
	return id, nil
}

// Plated is a plate with its country in a request.
type Plated struct {
	Plate   string `json:"plate,omitempty" maxLength:"64"`
	Country string `json:"country,omitempty" pattern:"^[A-Z]{2}$" doc:"ISO 3166-1, as BE"`
}

// readPlate reads a plate of a request in canonical form; nil = none is given. A wrong plate is in the log.
func (o *Office) readPlate(ctx context.Context, route access.Route, id string, in Plated) (*cases.PlateReading, error) {
	if in.Plate == "" {
		return nil, nil //nolint:nilnil // no plate is given, which the act judges
	}
	asked := map[string]any{"case_id": boundedText(id), "plate": boundedText(in.Plate)}
	f, err := query.ParsePlateFilter(in.Plate, false)
	switch {
	case err != nil:
		return nil, o.refuseInvalid(ctx, route, "plate", "plate", err.Error(), asked)
	case f.Wide():
		return nil, o.refuseInvalid(ctx, route, "plate", "plate", "must be one plate, as it stands in the picture", asked)
	case in.Country == "":
		return nil, o.refuseInvalid(ctx, route, access.FaultMissing, "country", "must be given with the plate", asked)
	}
	if _, ok := schemas.CountryFrom(in.Country); !ok {
		return nil, o.refuseInvalid(ctx, route, "country", "country", "must be a country of two letters, as BE", asked)
	}
	return &cases.PlateReading{Plate: f.Text(), Country: in.Country}, nil
}

// plateAsked adds a plate to what the log keeps of a question.
func plateAsked(asked map[string]any, r *cases.PlateReading) map[string]any {
	if r != nil {
		asked["plate"], asked["country"] = r.Plate, r.Country
	}
	return asked
}

// RejectReasonName is a reason to reject a case.
type RejectReasonName string

// Schema lists all reasons to reject.
func (RejectReasonName) Schema(huma.Registry) *huma.Schema { return namesSchema(cases.RejectReasons()) }

// WithdrawReasonName is a reason to take a case back.
type WithdrawReasonName string

// Schema lists all reasons to take a case back.
func (WithdrawReasonName) Schema(huma.Registry) *huma.Schema {
	return namesSchema(cases.WithdrawReasons())
}

// namesSchema describes a closed list of names.
func namesSchema[S ~string](list []S) *huma.Schema {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return wordsSchema(words)
}

// VerdictQuery is a verdict on an item.
type VerdictQuery struct {
	CaseChange
	Body struct {
		Verdict  string           `json:"verdict" enum:"confirm,reject,correct_plate"`
		Reason   RejectReasonName `json:"reason,omitempty" doc:"of a rejection"`
		Text     string           `json:"text,omitempty" maxLength:"2000" doc:"with the reason other"`
		Preview  string           `json:"preview_id,omitempty" maxLength:"64" doc:"of correct_plate: the preview of exactly that plate"`
		Lease    string           `json:"lease_id" maxLength:"64"`
		Checks   []bool           `json:"checks,omitempty" maxItems:"5" doc:"plate, country, vehicle, one vehicle only, place and time: all five hold"`
		Pictures []string         `json:"pictures,omitempty" maxItems:"8" doc:"SHA-256 of what was shown; the office counts what it served itself"`
		ShownMS  int64            `json:"shown_ms" minimum:"0" doc:"how long the item stood on the screen"`
		Input    string           `json:"input" enum:"key,mouse,script"`
		Plated
	}
}

// decideCase records a verdict, or a second look.
func (o *Office) decideCase(ctx context.Context, in *VerdictQuery) (*CaseActAnswer, error) {
	b := &in.Body
	plate, err := o.readPlate(ctx, access.RouteVerdict, in.CaseID, b.Plated)
	if err != nil {
		return nil, err
	}
	d := cases.Decide{Verdict: cases.Verdict{Kind: cases.VerdictKind(b.Verdict), Reason: cases.RejectReason(b.Reason), Text: b.Text, Plate: plate}, ShownMS: b.ShownMS, Input: cases.Input(b.Input)}
	copy(d.Checks[:], b.Checks)
	if d.Preview, err = readPreview(b.Preview); err != nil {
		return nil, err
	}
	asked := plateAsked(map[string]any{"verdict": b.Verdict, "reject_reason": string(b.Reason), "shown_ms": b.ShownMS, "input": b.Input}, plate)
	return o.confirmAct(ctx, caseAct{route: access.RouteVerdict, in: &in.CaseChange, lease: b.Lease, asked: asked, act: access.ActDecide, byState: true, command: d})
}

// UndoQuery takes back a verdict.
type UndoQuery struct {
	CaseChange
	Body struct {
		Event string `json:"event_id" maxLength:"64" doc:"the verdict that is taken back"`
	}
}

// UndoneAnswer is the item again, with a new lease.
type UndoneAnswer struct {
	Scope Scope `json:"scope"`
	CaseActAnswer
	Item *Item `json:"item,omitempty"`
}

// undoVerdict takes back the own verdict before it takes effect.
func (o *Office) undoVerdict(ctx context.Context, in *UndoQuery) (*UndoneAnswer, error) {
	event, err := cases.ParseID(in.Body.Event)
	if err != nil {
		return nil, newInvalid("event_id", "must be the id of a verdict")
	}
	a := caseAct{route: access.RouteUndo, in: &in.CaseChange, asked: map[string]any{"event_id": boundedText(in.Body.Event)}, command: cases.Undo{Event: event}}
	return doAct(ctx, o, a, func(p access.Permit, done *actDone) (*UndoneAnswer, answered, error) {
		out, shown := &UndoneAnswer{Scope: scopeOf(p), CaseActAnswer: *actAnswer(p, done)}, answered{}
		if done.Lease != nil {
			leased := []cases.Leased{*done.Lease}
			items, err := o.buildItems(ctx, p, leased)
			if err != nil {
				return nil, answered{}, err
			}
			out.Item, shown.rows, shown.plates = &items[0], 1, append(platesOfCase(&leased[0].Case), platesOfItem(&items[0])...)
		}
		return out, shown, nil
	})
}

// HoldQuery stops a case by hand.
type HoldQuery struct {
	CaseChange
	Body struct {
		Reason string    `json:"reason" enum:"awaits_register,awaits_partner,camera_checked,other"`
		Until  time.Time `json:"until" doc:"when it ends"`
		Text   string    `json:"text,omitempty" maxLength:"2000"`
		Lease  string    `json:"lease_id,omitempty" maxLength:"64"`
	}
}

// holdCase stops a case by hand.
func (o *Office) holdCase(ctx context.Context, in *HoldQuery) (*CaseActAnswer, error) {
	b := &in.Body
	asked := map[string]any{"hold_reason": b.Reason, "until": b.Until.UTC().Format(time.RFC3339)}
	return o.confirmAct(ctx, caseAct{
		route: access.RouteHoldCase, in: &in.CaseChange, lease: b.Lease, asked: asked, command: cases.Hold{Reason: b.Reason, Until: schemas.MicrosOf(b.Until), Text: b.Text},
	})
}

// FlagQuery hands a case to a supervisor.
type FlagQuery struct {
	CaseChange
	Body struct {
		Text  string `json:"text" maxLength:"2000" doc:"what the supervisor should look at, in at least 10 characters"`
		Lease string `json:"lease_id" maxLength:"64"`
	}
}

// flagCase hands a case to a supervisor.
func (o *Office) flagCase(ctx context.Context, in *FlagQuery) (*CaseActAnswer, error) {
	return o.confirmAct(ctx, caseAct{route: access.RouteFlag, in: &in.CaseChange, lease: in.Body.Lease, command: cases.Flag{Text: in.Body.Text}})
}

// KeyingQuery is what one person reads in the picture.
type KeyingQuery struct {
	CaseChange
	Body struct {
		Plated
		NotLegible bool   `json:"not_legible,omitempty" doc:"in the place of a plate"`
		Lease      string `json:"lease_id" maxLength:"64"`
		ShownMS    int64  `json:"shown_ms" minimum:"0"`
		Input      string `json:"input" enum:"key,mouse,script"`
	}
}

// keyPlate records what a person reads in the picture.
func (o *Office) keyPlate(ctx context.Context, in *KeyingQuery) (*CaseActAnswer, error) {
	b := &in.Body
	plate, err := o.readPlate(ctx, access.RouteKeying, in.CaseID, b.Plated)
	if err != nil {
		return nil, err
	}
	if (plate == nil) != b.NotLegible {
		return nil, newInvalid("plate", "must be given, or not_legible in its place")
	}
	asked := plateAsked(map[string]any{"not_legible": b.NotLegible, "shown_ms": b.ShownMS}, plate)
	return o.confirmAct(ctx, caseAct{
		route: access.RouteKeying, in: &in.CaseChange, lease: b.Lease, asked: asked, command: cases.Key{Reading: plate, ShownMS: b.ShownMS, Input: cases.Input(b.Input)},
	})
}

// NoteQuery adds a remark to a case.
type NoteQuery struct {
	CaseChange
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"2000"`
	}
}

// noteCase adds a remark to a case.
func (o *Office) noteCase(ctx context.Context, in *NoteQuery) (*CaseActAnswer, error) {
	return o.confirmAct(ctx, caseAct{route: access.RouteNote, in: &in.CaseChange, command: cases.Note{Text: in.Body.Text}})
}

// CounterQuery is another verdict after the first took effect.
type CounterQuery struct {
	CaseChange
	Body struct {
		Verdict string           `json:"verdict" enum:"confirm,reject,correct_plate"`
		Reason  RejectReasonName `json:"reason,omitempty" doc:"of a rejection"`
		Text    string           `json:"text" minLength:"1" maxLength:"2000" doc:"why the earlier verdict does not stand"`
		Preview string           `json:"preview_id,omitempty" maxLength:"64"`
		Looked
		Plated
	}
}

// counterDecide records another verdict, at which a second person looks.
func (o *Office) counterDecide(ctx context.Context, in *CounterQuery) (*CaseActAnswer, error) {
	b := &in.Body
	plate, err := o.readPlate(ctx, access.RouteCounterDecide, in.CaseID, b.Plated)
	if err != nil {
		return nil, err
	}
	c := cases.Counter{Verdict: cases.Verdict{Kind: cases.VerdictKind(b.Verdict), Reason: cases.RejectReason(b.Reason), Text: b.Text, Plate: plate}, Look: b.look()}
	if c.Preview, err = readPreview(b.Preview); err != nil {
		return nil, err
	}
	asked := plateAsked(b.addTo(map[string]any{"verdict": b.Verdict, "reject_reason": string(b.Reason)}), plate)
	return o.confirmAct(ctx, caseAct{route: access.RouteCounterDecide, in: &in.CaseChange, lease: b.Lease, asked: asked, act: access.ActCounter, command: c})
}

// WithdrawalQuery takes a case back.
type WithdrawalQuery struct {
	CaseChange
	Body struct {
		Reason WithdrawReasonName `json:"reason"`
		Text   string             `json:"text,omitempty" maxLength:"2000" doc:"with the reason other"`
	}
}

// withdrawCase takes a case back before transmission.
func (o *Office) withdrawCase(ctx context.Context, in *WithdrawalQuery) (*CaseActAnswer, error) {
	w := cases.Withdraw{Reason: cases.WithdrawReason(in.Body.Reason), Text: in.Body.Text}
	return o.confirmAct(ctx, caseAct{route: access.RouteWithdraw, in: &in.CaseChange, asked: map[string]any{"withdraw_reason": string(in.Body.Reason)}, command: w})
}

// TrackQuery moves a case to another track.
type TrackQuery struct {
	CaseChange
	Body struct {
		Track string `json:"track" enum:"immediate_collection,prosecutor,regional,municipal,alternative"`
		Text  string `json:"text" minLength:"1" maxLength:"2000" doc:"why"`
	}
}

// changeTrack moves a case to another track, whose export check runs at once.
func (o *Office) changeTrack(ctx context.Context, in *TrackQuery) (*CaseActAnswer, error) {
	commandOf := func(d *casestore.Dossier) cases.Command {
		t := cases.ChangeTrack{Track: cases.Track(in.Body.Track), Text: in.Body.Text, Blocks: d.Case.Blocks}
		if o.cfg.Cases.Blocks != nil {
			t.Blocks = o.cfg.Cases.Blocks(d, t.Track)
		}
		return t
	}
	return o.confirmAct(ctx, caseAct{route: access.RouteTrack, in: &in.CaseChange, asked: map[string]any{"track": in.Body.Track}, commandOf: commandOf})
}

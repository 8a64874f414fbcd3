package office

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// CaseQuery asks for one case.
type CaseQuery struct {
	CaseID string `path:"case_id" maxLength:"64"`
}

// CaseAnswer is all of one case, in the order of time.
type CaseAnswer struct {
	Scope    Scope           `json:"scope"`
	Case     ShownCase       `json:"case"`
	Blind    bool            `json:"blind,omitempty" doc:"a second person is still to look: what others answered is left out"`
	Events   []ShownEvent    `json:"events"`
	People   int             `json:"people" doc:"how many persons looked at it; the names are in the look-up log"`
	Place    ItemPlace       `json:"place"`
	Pictures []ItemPicture   `json:"pictures,omitempty"`
	Vehicle  *ItemVehicle    `json:"vehicle,omitempty"`
	Seen     *ItemSeen       `json:"seen,omitempty"`
	Device   *ItemDevice     `json:"device,omitempty"`
	Trace    []ItemStep      `json:"trace"`
	Summary  []Cited         `json:"summary,omitempty" doc:"what it is, why, and what comes next, line by line"`
	Seals    []SealTick      `json:"seals"`
	Earlier  []EarlierCase   `json:"earlier,omitempty" doc:"cases of the same plate that stand, captured before"`
	Lease    *ItemLeaseOwner `json:"lease,omitempty"`

	ServerTime time.Time `json:"server_time" doc:"of the database's clock, by which effective_at and holds are measured"`
}

// ItemLeaseOwner says who has a case now.
type ItemLeaseOwner struct {
	User  string    `json:"user"`
	Until time.Time `json:"until"`
}

// ShownCase is the head of a case.
type ShownCase struct {
	CaseID      string            `json:"case_id"`
	Version     int64             `json:"version" doc:"for If-Match of an act"`
	OffenceID   string            `json:"offence_id,omitempty"`
	PassageID   string            `json:"passage_id,omitempty"`
	ReadID      string            `json:"read_id,omitempty"`
	Attempt     int               `json:"attempt"`
	Regime      string            `json:"regime"`
	Family      string            `json:"family"`
	Rule        string            `json:"rule"`
	State       string            `json:"state"`
	EffectiveAt *time.Time        `json:"effective_at,omitempty" doc:"of settling: when the verdict takes effect"`
	UndoMS      int64             `json:"undo_ms,omitempty" doc:"of settling: for how long the verdict can be taken back from server_time on"`
	Plate       string            `json:"plate,omitempty" doc:"as sealed"`
	Country     string            `json:"country,omitempty"`
	Confidence  uint16            `json:"confidence_pm"`
	Corrected   *ProposedPlate    `json:"corrected,omitempty" doc:"as two persons keyed or corrected it"`
	CapturedAt  time.Time         `json:"captured_at"`
	TakenInAt   time.Time         `json:"taken_in_at"`
	HoldReason  string            `json:"hold_reason,omitempty"`
	HoldText    *Cited            `json:"hold_text,omitempty" doc:"the reason of the hold in words"`
	HoldByHand  bool              `json:"hold_by_hand,omitempty"`
	HoldUntil   *time.Time        `json:"hold_until,omitempty"`
	HoldLongest *time.Time        `json:"hold_longest,omitempty"`
	DecideBy    *time.Time        `json:"decide_by,omitempty"`
	SendBy      *time.Time        `json:"send_by,omitempty"`
	DropBy      *time.Time        `json:"drop_by,omitempty"`
	Track       string            `json:"track,omitempty"`
	Amount      int64             `json:"amount_cents,omitempty" doc:"absent while it is held or to be decided"`
	Measures    []schemas.Measure `json:"measures,omitempty"`
	LegalBasis  *Cited            `json:"legal_basis,omitempty"`
	Verified    bool              `json:"verified"`
	Marks       []string          `json:"marks,omitempty"`
	Blocks      []string          `json:"blocks,omitempty"`
	File        *ShownFile        `json:"file,omitempty" doc:"what the confirmed case is, in view of its vehicle's other cases"`
	Incidents   []ShownIncident   `json:"incidents,omitempty" doc:"that are open"`
	EndReason   string            `json:"end_reason,omitempty"`
	AssignedTo  string            `json:"assigned_to,omitempty"`
	Number      string            `json:"number,omitempty"`
	Catalogue   string            `json:"catalogue_version,omitempty"`
	Reference   string            `json:"reference_version,omitempty"`
	Seal        string            `json:"seal_sha256,omitempty"`
}

// ShownIncident is a thing that does not hold.
type ShownIncident struct {
	N    int64  `json:"n"`
	Kind string `json:"kind"`
}

// ShownEvent is one record of a case.
type ShownEvent struct {
	N           int64          `json:"n"`
	EventID     string         `json:"event_id"`
	Kind        string         `json:"kind"`
	From        string         `json:"from,omitempty"`
	To          string         `json:"to"`
	RecordedAt  time.Time      `json:"recorded_at"`
	EffectiveAt *time.Time     `json:"effective_at,omitempty"`
	User        string         `json:"user,omitempty"`
	Role        string         `json:"role"`
	Appointment string         `json:"appointment,omitempty" doc:"number of the appointment under which it was done"`
	Approver    string         `json:"approver,omitempty"`
	Verdict     string         `json:"verdict,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	HoldText    *Cited         `json:"hold_text,omitempty" doc:"of an event that holds: the reason in words"`
	Text        string         `json:"text,omitempty" doc:"what a person wrote; of the system, a remark in English for operators"`
	Plate       *ProposedPlate `json:"plate,omitempty" doc:"the plate after the event, where it names one"`
	Checks      []bool         `json:"checks,omitempty"`
	ShownMS     int64          `json:"shown_ms,omitempty"`
	Input       string         `json:"input,omitempty"`
	Triggers    []string       `json:"triggers,omitempty" doc:"why a second person looks"`
	Incident    string         `json:"incident,omitempty"`
	Revived     bool           `json:"revived,omitempty" doc:"the passages that the case had swallowed were looked at after its end"`
	Successor   string         `json:"successor,omitempty" doc:"case id of the next attempt, which took the place of this case"`
	HoldUntil   *time.Time     `json:"hold_until,omitempty"`
	AssignedTo  string         `json:"assigned_to,omitempty"`
	Number      string         `json:"number,omitempty"`
	LogSeq      uint64         `json:"log_seq,omitempty"`
	Catalogue   string         `json:"catalogue_version,omitempty"`
	Reference   string         `json:"reference_version,omitempty"`
	File        *ShownFile     `json:"file,omitempty" doc:"what the vehicle's file said, with its trace"`
	SHA256      string         `json:"sha256,omitempty" doc:"of the record with the one before"`
}

// SealTick says whether one part of a case is what it was.
type SealTick struct {
	Part    string   `json:"part" enum:"sealed,row,chain"`
	Holds   bool     `json:"holds"`
	Absent  bool     `json:"absent,omitempty" doc:"the row is not in the tables: not yet, or no longer"`
	Columns []string `json:"columns,omitempty" doc:"of the row that are not what was sealed"`
}

// EarlierCase is an earlier case of the plate that stands.
type EarlierCase struct {
	CaseID     string    `json:"case_id"`
	Family     string    `json:"family"`
	State      string    `json:"state"`
	CapturedAt time.Time `json:"captured_at"`
}

// showCase answers with all of one case. An altered case is answered by its incident and nothing else.
func (o *Office) showCase(ctx context.Context, in *CaseQuery) (*CaseAnswer, error) {
	l := lookup{route: access.RouteCase, asked: map[string]any{"case_id": boundedText(in.CaseID)}}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*CaseAnswer, answered, error) {
		d, err := o.findCase(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		seals, err := o.verifyCase(ctx, p, d)
		if err != nil {
			return nil, answered{}, err
		}
		if again := shownAgain(d, p.User()); again != nil {
			d = again
		}
		out := o.dossierOf(ctx, d)
		out.Scope, out.Seals = scopeOf(p), seals
		if out.Earlier, err = o.earlierCases(ctx, p, d); err != nil {
			return nil, answered{}, err
		}
		if d.Case.State == cases.Keying && signedIn(ctx).User.Role == access.GVCAgent {
			out.hideReading()
		}
		if !p.ShowsPlates() {
			out.hidePlates(d)
			return out, answered{rows: 1}, nil
		}
		shown := answered{rows: 1, plates: platesOfCase(&d.Case)}
		for i := range d.Events {
			if r := d.Events[i].PlateAfter; r != nil && r.Plate != "" {
				shown.plates = append(shown.plates, r.Plate)
			}
		}
		return out, shown, nil
	})
}

// dossierOf shows a case with its events.
func (o *Office) dossierOf(ctx context.Context, d *casestore.Dossier) *CaseAnswer {
	c, user := &d.Case, signedIn(ctx).User.Name
	blind := isBlindFor(d)
	if blind {
		b := c.Blind()
		b.EffectiveAt = c.EffectiveAt
		c = &b
	}
	out := &CaseAnswer{
		ServerTime: d.Now.Time(), Case: o.shownCase(c, d.Now), Blind: blind, Events: eventsFor(d.Events, blind, user), Place: o.placeOf(c), Pictures: picturesOf(c), Device: o.deviceOf(c), People: len(d.Case.Acted),
	}
	o.addFiles(out.Events, d.Events)
	r := c.Reading()
	out.Vehicle = o.vehicleOf(&r, c.CapturedAt)
	decision, err := evidence.ParseSealed(d.Sealed)
	if err == nil {
		var item Item
		item.addSighting(&decision.On)
		out.Seen = item.Seen
		out.Place.Lane, out.Place.Direction = item.Place.Lane, item.Place.Direction
	}
	out.Trace = o.stepsOf(traceOf(d, &decision), !isUndecided(c.State))
	if c.Lane != nil {
		out.Place.Lane = *c.Lane
	}
	if o.cfg.Summary != nil {
		out.Summary = o.summaryOf(c)
	}
	if d.Lease != nil && !d.Lease.Probe {
		out.Lease = &ItemLeaseOwner{d.Lease.User, d.Lease.Until.Time()}
	}
	if blind {
		out.People = 0
	}
	return out
}

// summaryOf writes the first sentences on a case in each language.
func (o *Office) summaryOf(c *cases.Case) (out []Cited) {
	for i, lang := range languages {
		for n, line := range o.cfg.Summary(lang, string(c.Family), c.State == cases.Held, c.HoldReason, c.HoldUntil.Time()) {
			if n == len(out) {
				out = append(out, Cited{})
			}
			*[...]*string{&out[n].NL, &out[n].FR, &out[n].EN}[i] = line
		}
	}
	return out
}

// isBlindFor reports whether the user may still be asked for an own answer that nobody's else should bend: a verdict
// settles, or the case waits for a second person. Who gave an answer sees that one.
func isBlindFor(d *casestore.Dossier) bool {
	c := &d.Case
	switch c.State {
	case cases.Second, cases.Keying, cases.Settling: // settling to whatever state: who can still take an answer back must not learn that a second person looks
		return true
	default:
		return false
	}
}

// eventsFor shows events to a user. In a blind case, what other people answered is left out, with the place of the
// answer in the order.
func eventsFor(events []cases.Event, blind bool, user string) []ShownEvent {
	out := []ShownEvent{}
	for i := range events {
		e := &events[i]
		if blind && (e.User != user && e.User != "" && e.Role != cases.System || e.File != nil) {
			continue
		}
		shown := ShownEvent{
			N: e.N, EventID: e.ID.String(), Kind: string(e.Kind), From: string(e.From), To: string(e.To), RecordedAt: e.RecordedAt.Time(), EffectiveAt: timeOf(e.EffectiveAt),
			User: e.User, Role: string(e.Role), Appointment: e.Appointment, Approver: e.Approver, Verdict: string(e.Verdict), Reason: e.Reason, Text: e.Text,
			Checks: e.Checks, ShownMS: e.ShownMS, Input: string(e.Input), Triggers: e.Triggers, Incident: string(e.Incident), Revived: e.Revived, Successor: e.Successor, HoldUntil: timeOf(e.HoldUntil),
			AssignedTo: e.AssignedTo, Number: e.Number, LogSeq: e.LogSeq, SHA256: e.Sum.String(),
		}
		if e.PlateAfter != nil {
			shown.Plate = &ProposedPlate{Text: e.PlateAfter.Plate, Country: e.PlateAfter.Country, Why: "corrected"}
			if e.Kind == cases.KeyedPlate {
				shown.Plate.Why = "keyed"
			}
		}
		if e.To == cases.Held {
			shown.HoldText = reasonText(e.Reason)
		}
		if e.Facts != nil {
			shown.Catalogue, shown.Reference = e.Facts.Catalogue, e.Facts.Reference
		}
		if blind {
			shown.Triggers = nil // nobody learns beforehand why a second person looks
		}
		out = append(out, shown)
	}
	return out
}

// shownCase shows the head of a case. While somebody is to decide, nobody sees an amount.
func (o *Office) shownCase(c *cases.Case, now schemas.Micros) ShownCase {
	out := ShownCase{
		CaseID: c.ID.String(), Version: c.Version, OffenceID: c.Offence.String(), PassageID: c.Passage.String(), ReadID: c.Read.String(), Attempt: c.Attempt,
		Regime: string(c.Regime), Family: string(c.Family), Rule: string(c.Rule), State: string(c.State), Plate: c.Plate, Country: c.Country,
		Confidence: uint16(c.Confidence), CapturedAt: c.CapturedAt.Time(), TakenInAt: c.TakenInAt.Time(), HoldReason: c.HoldReason, HoldText: reasonText(c.HoldReason), HoldByHand: c.HoldByHand,
		HoldUntil: timeOf(c.HoldUntil), HoldLongest: timeOf(c.HoldLongest), DecideBy: timeOf(c.DecideBy), SendBy: timeOf(c.SendBy), DropBy: timeOf(c.DropBy),
		Track: string(c.Track), Measures: c.Measures, Verified: c.Verified, Marks: c.Marks, Blocks: c.Blocks, EndReason: c.EndReason, AssignedTo: c.AssignedTo,
		Number: c.Number, Catalogue: c.Catalogue, Reference: c.Reference, Seal: c.Seal.String(),
	}
	if c.State == cases.Settling {
		out.EffectiveAt, out.UndoMS = timeOf(c.EffectiveAt), undoLeft(c.EffectiveAt, now)
	}
	if c.LegalBasis != "" {
		out.LegalBasis = citedBy(func(lang string) string { return o.basisIn(lang, c.LegalBasis) })
	}
	if c.Corrected != nil {
		out.Corrected = &ProposedPlate{Text: c.Corrected.Plate, Country: c.Corrected.Country, Why: "corrected"}
	}
	if !isUndecided(c.State) {
		out.Amount = c.AmountCents
	}
	if c.HasFile() {
		out.File, out.Amount = o.shownFile(c.File, nil), c.File.AmountCents
	}
	for _, i := range c.Incidents {
		out.Incidents = append(out.Incidents, ShownIncident{i.N, string(i.Kind)})
	}
	return out
}

// isUndecided reports whether somebody, or time, is still to decide the case.
func isUndecided(s cases.State) bool {
	return slices.Contains([]cases.State{cases.Held, cases.Keying, cases.Open, cases.Settling, cases.Second, cases.Arbitration}, s)
}

// hidePlates takes every plate, picture, id and digest out of a dossier that can be computed from a plate.
func (a *CaseAnswer) hidePlates(d *casestore.Dossier) {
	c := &a.Case
	c.OffenceID, c.PassageID, c.ReadID, c.Plate, c.Corrected, c.Seal = "", "", "", "", nil, ""
	a.Pictures, a.Vehicle, a.Seen, a.Earlier, a.Lease = nil, nil, nil, nil, nil
	plates := platesOfCase(&d.Case)
	for i := range d.Events {
		for _, r := range []*cases.PlateReading{d.Events[i].Plate, d.Events[i].PlateAfter} {
			if r != nil && r.Plate != "" {
				plates = append(plates, r.Plate)
			}
		}
	}
	hide := func(text string) string {
		for _, p := range plates {
			text = strings.ReplaceAll(text, p, "#")
		}
		return text
	}
	for i := range a.Events {
		e := &a.Events[i]
		e.Reason = hide(e.Reason)
		e.Plate, e.SHA256, e.Text, e.User, e.Approver, e.AssignedTo = nil, "", "", "", "", ""
	}
	for i := range a.Trace {
		s := &a.Trace[i]
		s.Args = slices.Clone(s.Args) // the case has them too
		for j := range s.Args {
			s.Args[j] = hide(s.Args[j])
		}
		if s.Text != nil {
			s.Text = &Cited{hide(s.Text.NL), hide(s.Text.FR), hide(s.Text.EN)}
		}
	}
	for i := range a.Summary {
		a.Summary[i] = Cited{hide(a.Summary[i].NL), hide(a.Summary[i].FR), hide(a.Summary[i].EN)}
	}
	c.AssignedTo = ""
}

// hideReading takes out of the dossier of a case to key all that says what the camera read, and every id and digest that
// follows from it: two persons who copy the reading are no two readers.
func (a *CaseAnswer) hideReading() {
	c := &a.Case
	c.OffenceID, c.PassageID, c.ReadID, c.Plate, c.Country, c.Corrected, c.Seal, c.Confidence, c.Marks = "", "", "", "", "", nil, "", 0, nil
	a.Vehicle, a.Seen, a.Earlier, a.Device, a.Trace = nil, nil, nil, nil, []ItemStep{}
	for i := range a.Events {
		a.Events[i].SHA256 = ""
	}
}

// maxEarlier bounds the earlier cases in a dossier.
const maxEarlier = 20

// earlierCases lists the earlier cases of the plate that stand, in the user's zones and regimes.
func (o *Office) earlierCases(ctx context.Context, p access.Permit, d *casestore.Dossier) ([]EarlierCase, error) {
	r := d.Case.Reading()
	if !p.ShowsPlates() || r.Plate == "" {
		return nil, nil
	}
	f := casestore.Filter{
		Zones: p.Zones(), Regimes: regimesOf(signedIn(ctx).User), Plate: r.Plate, CapturedTo: d.Case.CapturedAt, States: []cases.State{cases.Confirmed, cases.Transmitted},
	}
	rows, _, err := o.cfg.Cases.Store.List(ctx, f, "", maxEarlier)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	var out []EarlierCase
	for i := range rows {
		c := &rows[i].Case
		if c.ID == d.Case.ID || signedIn(ctx).User.Role == access.Prosecutor && !isProsecutors(c) {
			continue
		}
		out = append(out, EarlierCase{c.ID.String(), string(c.Family), string(c.State), c.CapturedAt.Time()})
	}
	return out, nil
}

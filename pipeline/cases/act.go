package cases

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Moment is what an act is judged by, beside the case.
type Moment struct {
	Now       schemas.Micros
	Policy    *Policy
	IfVersion int64        // version that the caller saw; 0 = any, for jobs
	Draw      int          // 0 to 9,999: HMAC of the case's id with the site's key
	Lease     *Lease       // the lease that the caller named, when it is the caller's and has not lapsed; nil = none
	File      *FileReading // what the vehicle's file says now, for a command of [NeedsFile]; nil = nobody read it
	Preview   *Preview     // the preview that the command named; nil = none
	Twins     []Twin       // other cases of the plate of [StakeOf], in the period of one offence
	Wired     bool         // a tripwire of the camera and the family is open, for a command of [MeetsWire]
}

// attempt is one command on its way through the guards.
type attempt struct {
	c  *Case
	by *Actor
	m  *Moment
}

// Act checks a command and returns the event to record, without ID, N, Prev and Sum. A nil event without an error means
// that nothing changed. The error is a [*Refusal]. Act changes nothing.
func Act(c *Case, cmd Command, by *Actor, m *Moment) (*Event, error) {
	settled := *c
	settled.Settle(m.Now)
	return cmd.act(&attempt{c: &settled, by: by, m: m})
}

// begin checks what every act needs, in the order in which the office answers: scope, role, state, version. The event
// goes from the present state to the same state.
func (a *attempt) begin(k EventKind) (*Event, error) {
	t := transitionOf(k)
	switch {
	case !a.by.MayReach(a.c):
		return nil, refuse(CodeScope, "no such case")
	case !slices.Contains(t.roles, a.by.Role) || (a.by.Role == System) != (a.by.User == ""):
		return nil, refuse(CodeRole, "%s is not an act of role %q", k, a.by.Role)
	case !slices.Contains(t.from, a.c.State):
		return nil, refuse(a.codeOfState(k), "%s needs a case that is %s", k, joinStates(t.from))
	case a.m.IfVersion != 0 && a.m.IfVersion != a.c.Version:
		return nil, refuse(CodeStale, "the case has another version than the request names")
	}
	return &Event{
		Case: a.c.ID, Kind: k, From: a.c.State, To: a.c.State, RecordedAt: a.m.Now, EffectiveAt: a.m.Now, User: a.by.User, Role: a.by.Role, Zone: a.c.Zone,
		Purpose: a.by.Purpose, LogSeq: a.by.LogSeq, Appointment: a.by.Appointment,
	}, nil
}

// beginWork is begin for an act on an item. On a closed case that is shown again, every such act is an answer, so that
// nobody can tell the item from another.
func (a *attempt) beginWork(k EventKind) (e *Event, isProbe bool, err error) {
	if !a.isProbe() {
		e, err = a.begin(k)
		return e, false, err
	}
	if e, err = a.begin(Probed); err == nil {
		e.Reason = string(k)
		if !slices.Contains(transitionOf(k).roles, a.by.Role) {
			return nil, true, refuse(CodeRole, "%s is not an act of role %q", k, a.by.Role)
		}
		err = a.needLease()
	}
	return e, true, err
}

func (a *attempt) codeOfState(k EventKind) Code {
	gone := a.c.State == Transmitted || a.c.State == Returned
	switch {
	case k == TrackChanged && (gone || a.c.State == Annulled):
		return CodeTrackTaken
	case k == CounterDecided && gone, k == TakenBack && gone:
		return CodeTransmitted
	}
	return CodeDecided
}

func joinStates(states []State) string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// needLease checks that the caller holds the case.
func (a *attempt) needLease() error {
	l := a.m.Lease
	if l == nil || l.User != a.by.User || l.Until <= a.m.Now {
		return refuse(CodeLeaseLost, "the lease is over, or somebody else has the case: take it again")
	}
	return nil
}

// needCompetence checks that an appointment covers the act.
func (a *attempt) needCompetence() error {
	if a.by.Appointment == "" {
		return refuse(CodeNotCompetent, "no appointment in force covers this act: users.yaml names the number and the dates of an officer's appointment")
	}
	return nil
}

func (a *attempt) needStepUp() error {
	if !a.by.StepUp {
		return refuse(CodeStepUp, "prove who you are again: this act needs a sign-in of the last 10 minutes")
	}
	return nil
}

// needApproval checks that another person approved.
func (a *attempt) needApproval() error {
	switch a.by.Approver {
	case "":
		return refuse(CodeApproval, "a second person must approve this act")
	case a.by.User:
		return refuse(CodeSamePerson, "who asks cannot approve")
	}
	return nil
}

// needLoaded checks that the office served every picture of the item under the lease.
func (a *attempt) needLoaded() error {
	for _, p := range a.c.Pictures {
		if a.m.Lease == nil || !slices.Contains(a.m.Lease.Loaded, p.Sum) {
			return refuse(CodePictures, "picture %s was not loaded under this lease", p.Sum)
		}
	}
	return nil
}

// needConfirmable checks that nothing keeps people from confirming the case with a plate. f is what the rules say about it.
func (a *attempt) needConfirmable(f *Facts, r PlateReading) error {
	if len(a.c.Incidents) > 0 {
		return refuse(CodeIncident, "incident %d (%s) is open", a.c.Incidents[0].N, a.c.Incidents[0].Kind)
	}
	if err := a.needNoSuccessor(); err != nil {
		return err
	}
	if a.isDuplicate(&r) {
		return a.needUnblocked(f, BlockDuplicate)
	}
	return a.needUnblocked(f)
}

// needUnblocked checks that neither the rules nor the export check keep people from confirming the case with a reading. more are
// blockers beside them.
func (a *attempt) needUnblocked(f *Facts, more ...string) error {
	blocks := slices.Concat(f.Blocks, more)
	if len(a.c.Pictures) == 0 {
		blocks = append(blocks, BlockNoPicture)
	}
	if f == &a.c.Facts && a.c.Undecided != "" { // the values of a preview are the answer of the rules
		blocks = append(blocks, BlockUndecided)
	}
	if !f.Verified && !a.m.Policy.secondLook(a.c.Family).Unverified {
		blocks = append(blocks, BlockUnverified)
	}
	if len(blocks) > 0 {
		return refuse(CodeBlocked, "%s", strings.Join(blocks, ", "))
	}
	return nil
}

// needNoSuccessor checks that no next attempt took the place of the case.
func (a *attempt) needNoSuccessor() error {
	if a.c.Successor != "" {
		return refuse(CodeDecided, "case %s, the next attempt, took the place of this case", a.c.Successor)
	}
	return nil
}

// Blockers that follow from the case itself. The rules and the track's export check have others.
const (
	BlockNoPicture  = "no_picture"
	BlockNoDevice   = "no_certificate" // no certificate of the device covers the capture; the office asks the camera registry
	BlockUnverified = "value_not_verified"
	BlockUndecided  = "hold_not_ended" // the rules held the case, and have not decided it since
)

// needVerdict checks the form of a verdict.
func (a *attempt) needVerdict(v *Verdict) error {
	if err := checkText("text", v.Text, 0); err != nil {
		return err
	}
	switch v.Kind {
	case Confirm:
		if v.Reason != "" || v.Plate != nil {
			return refuseField("verdict", "a confirmation has neither reason nor plate")
		}
	case Reject:
		if v.Plate != nil {
			return refuseField("plate", "a rejection has no plate")
		}
		return checkReason(v.Reason, RejectReasons(), RejectOther, v.Text)
	case CorrectPlate:
		if v.Reason != "" {
			return refuseField("reason", "a corrected plate has no reason")
		}
		if err := checkReading(v.Plate); err != nil {
			return err
		}
		if *v.Plate == a.shownReading() {
			return refuseField("plate", "the plate is the one that was read: confirm instead")
		}
	default:
		return refuseField("verdict", "%q is no verdict: confirm, reject or correct_plate", v.Kind)
	}
	return nil
}

// isProbe reports whether the case is a closed one that is shown again.
func (a *attempt) isProbe() bool { return a.m.Lease != nil && a.m.Lease.Probe }

// shownReading returns the plate that the person sees: a case shown again does not tell on which plate people agreed.
func (a *attempt) shownReading() PlateReading {
	if a.isProbe() {
		return PlateReading{Plate: a.c.Plate, Country: a.c.Country}
	}
	return a.c.Reading()
}

// needPreview returns what the rules say about a proposed plate, and checks that the person saw it.
func (a *attempt) needPreview(r *PlateReading) (*Facts, error) {
	p := a.m.Preview
	switch {
	case p == nil || p.Case != a.c.ID || p.User != a.by.User || p.Reading != *r:
		return nil, refuse(CodePreview, "look at the preview of exactly this plate first")
	case p.MadeAt+a.m.Policy.PreviewWithin < a.m.Now:
		return nil, refuse(CodePreview, "the preview is older than %d minutes: look again", a.m.Policy.PreviewWithin/schemas.Minute)
	case p.Answer.Outcome != OutcomeOpen:
		return nil, refuseField("plate", "with this plate the rules find no offence to confirm (%s %s): reject as wrong_plate", p.Answer.Outcome, p.Answer.Reason)
	}
	return &p.Answer.Facts, nil
}

// maxText is the longest text of an event, in characters.
const maxText = 2000

// checkText checks length and form of a text.
func checkText(field, text string, least int) error {
	switch n := utf8.RuneCountInString(strings.TrimSpace(text)); {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return refuseField(field, "the text is not UTF-8, or has a zero byte")
	case n < least:
		return refuseField(field, "the text has %d characters, and needs %d", n, least)
	case n > maxText:
		return refuseField(field, "the text has %d characters, at most %d fit", n, maxText)
	}
	return nil
}

// checkReason checks that a reason is in its list, and that other has a text.
func checkReason[R ~string](r R, list []R, other R, text string) error {
	if !slices.Contains(list, r) {
		return refuseField("reason", "must be one of %v", list) // the value may be a plate that was typed into the wrong field
	}
	if r == other && strings.TrimSpace(text) == "" {
		return refuseField("text", "the reason %q needs a text", r)
	}
	return nil
}

// checkReading checks that a reading is a canonical plate with a country.
func checkReading(r *PlateReading) error {
	if r == nil {
		return refuseField("plate", "the plate is missing")
	}
	if _, ok := schemas.PlateFrom(r.Plate); !ok {
		return refuseField("plate", "%.20q is no canonical plate", r.Plate)
	}
	if c, ok := schemas.CountryFrom(r.Country); !ok || c.String() != r.Country {
		return refuseField("country", "%.8q is no country code of two capital letters", r.Country)
	}
	return nil
}

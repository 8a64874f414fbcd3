package cases

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

func (d Decide) act(a *attempt) (*Event, error) {
	kind := Decided
	switch {
	case a.isProbe():
		kind = Probed
	case a.c.State == Second || a.c.Before == Second:
		kind = SecondDecided
	}
	e, err := a.begin(kind)
	if err == nil {
		err = a.needLease()
	}
	if err == nil && kind != Probed {
		err = a.needNoSuccessor()
	}
	if err == nil && kind == SecondDecided && a.c.hasActed(a.by.User) {
		err = refuse(CodeSamePerson, "another person must look at this case")
	}
	if err == nil {
		err = a.needCompetence()
	}
	if err == nil {
		err = a.needVerdict(&d.Verdict)
	}
	if err != nil {
		return nil, err
	}
	pending, err := d.checkSeen(a, kind)
	if err != nil {
		return nil, err
	}
	e.recordVerdict(a.c, &d.Verdict)
	e.Checks, e.ShownMS, e.Input = slices.Clone(d.Checks[:]), d.ShownMS, d.Input
	e.Pictures = slices.Clone(a.m.Lease.Loaded)
	if kind == Probed {
		e.EffectiveAt = a.m.Now + a.m.Policy.Settle // as the person is told of any other answer
		return e, nil
	}
	e.To, e.EffectiveAt, e.Facts = Settling, a.m.Now+a.m.Policy.Settle, pending
	if kind == Decided {
		e.SettlesTo, e.Triggers = a.settleFirst(&d.Verdict)
	} else {
		e.SettlesTo = settleSecond(a.c.First, &d.Verdict)
	}
	return e, nil
}

// checkSeen checks that the person looked before saying yes, and returns what a corrected plate brings.
func (d *Decide) checkSeen(a *attempt, kind EventKind) (pending *Facts, err error) {
	if err := checkInput(d.Input); err != nil {
		return nil, err
	}
	if d.Kind == Reject {
		return nil, nil
	}
	facts, reading := &a.c.Facts, a.c.Reading()
	if d.Kind == CorrectPlate {
		if pending, err = a.needPreview(d.Plate); err != nil {
			return nil, err
		}
		facts, reading = pending, *d.Plate
	}
	if err := a.needLook(&Look{d.Checks, d.ShownMS, d.Input}); err != nil {
		return nil, err
	}
	if kind == Probed {
		err = a.needUnblocked(facts)
	} else {
		err = a.needConfirmable(facts, reading)
	}
	if err == nil {
		err = a.needLoaded()
	}
	return pending, err
}

func checkInput(i Input) error {
	if !slices.Contains([]Input{InputKey, InputMouse, InputScript}, i) {
		return refuseField("input", "%q is none of key, mouse, script", i)
	}
	return nil
}

// needLook checks that the person asserted the five checks, and had the item on the screen long enough.
func (a *attempt) needLook(l *Look) error {
	switch {
	case slices.Contains(l.Checks[:], false):
		return refuseField("checks", "all five checks must be asserted")
	case l.ShownMS < a.m.Policy.MinShownMS:
		return refuseField("shown_ms", "the item was on the screen for %d ms, and needs %d", l.ShownMS, a.m.Policy.MinShownMS)
	}
	return checkInput(l.Input)
}

// confirmLooked checks that a person who confirms outside the queues looked as one who confirms an item: the lease of the case, the
// five checks, the time and every picture. It records the look.
func (a *attempt) confirmLooked(e *Event, l *Look, f *Facts, r PlateReading) error {
	err := a.needConfirmable(f, r)
	if err == nil {
		err = a.needLease()
	}
	if err == nil {
		err = a.needLook(l)
	}
	if err == nil {
		err = a.needLoaded()
	}
	if err != nil {
		return err
	}
	e.Checks, e.ShownMS, e.Input, e.Pictures = slices.Clone(l.Checks[:]), l.ShownMS, l.Input, slices.Clone(a.m.Lease.Loaded)
	return nil
}

// settleFirst returns the state to which a first verdict leads, and why a second person looks.
func (a *attempt) settleFirst(v *Verdict) (State, []string) {
	triggers := a.m.Policy.triggers(a.c, v, a.m.Draw)
	switch {
	case len(triggers) > 0:
		return Second, triggers
	case v.Kind == Reject:
		return Rejected, nil
	}
	return Confirmed, nil
}

// settleSecond returns the state to which a second verdict leads.
func settleSecond(first, second *Verdict) State {
	switch {
	case first == nil || !Agree(first, second):
		return Arbitration
	case second.Kind == Reject:
		return Rejected
	}
	return Confirmed
}

// Agree reports whether two verdicts are the same: kind, class of the reason, plate.
func Agree(a, b *Verdict) bool {
	if a.Kind != b.Kind || a.Kind == Reject && a.Reason.Class() != b.Reason.Class() {
		return false
	}
	return a.Kind != CorrectPlate || *a.Plate == *b.Plate
}

// recordVerdict writes a verdict into the event.
func (e *Event) recordVerdict(c *Case, v *Verdict) {
	e.Verdict, e.Reason, e.Text = v.Kind, string(v.Reason), v.Text
	if v.Plate != nil {
		before, after := c.Reading(), *v.Plate
		e.Plate, e.PlateAfter = &before, &after
	}
}

func (u Undo) act(a *attempt) (*Event, error) {
	if a.c.ProbeEvent != "" && a.c.ProbeEvent == u.Event.String() {
		return u.undoProbe(a)
	}
	e, err := a.begin(Undone)
	if err != nil {
		return nil, err
	}
	who := a.c.FirstUser
	if a.c.Before == Second {
		who = a.c.SecondUser
	}
	switch {
	case a.c.Decisive != u.Event.String():
		return nil, refuse(CodeDecided, "event %s is not the verdict that settles", u.Event)
	case who != a.by.User:
		return nil, refuse(CodeRole, "only who decided can take it back")
	}
	e.To, e.Of = a.c.Before, a.c.Decisive
	return e, nil
}

// undoProbe takes back the answer to a case that was shown again. The person cannot tell it from another undo.
func (u *Undo) undoProbe(a *attempt) (*Event, error) {
	e, err := a.begin(Probed)
	switch {
	case err != nil:
		return nil, err
	case a.c.ProbeBy != a.by.User:
		return nil, refuse(CodeRole, "only who decided can take it back")
	case a.c.ProbeAt+a.m.Policy.Settle <= a.m.Now:
		return nil, refuse(CodeDecided, "the verdict has taken effect")
	}
	e.Of = a.c.ProbeEvent
	return e, nil
}

func (k Key) act(a *attempt) (*Event, error) {
	e, err := a.begin(KeyedPlate)
	if err == nil && a.c.LookNow {
		err = refuse(CodeDecided, "two persons have keyed this case")
	}
	if err == nil {
		err = a.needLease()
	}
	if err == nil && slices.Contains(a.c.Keyers, a.by.User) {
		err = refuse(CodeSamePerson, "another person must key this case")
	}
	if err == nil {
		err = a.needLoaded()
	}
	if err == nil && k.Reading != nil {
		err = checkReading(k.Reading)
	}
	if err != nil {
		return nil, err
	}
	e.PlateAfter, e.ShownMS, e.Input, e.Pictures = clonePointer(k.Reading), k.ShownMS, k.Input, slices.Clone(a.m.Lease.Loaded)
	if len(a.c.Keyers) == 0 {
		return e, nil
	}
	switch first := a.c.Keyed; {
	case first == nil && k.Reading == nil:
		e.To, e.Reason = Rejected, string(NotLegible)
	case first == nil || k.Reading == nil || *first != *k.Reading:
		e.To = Arbitration
	}
	return e, nil
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func (x Arbitrate) act(a *attempt) (*Event, error) {
	e, err := a.begin(Arbitrated)
	if err == nil && (a.c.hasActed(a.by.User) || slices.Contains(a.c.Keyers, a.by.User)) {
		err = refuse(CodeSamePerson, "who decided or keyed in this case cannot arbitrate it")
	}
	if err == nil {
		err = a.needCompetence()
	}
	if err == nil {
		err = checkText("text", x.Text, 0)
	}
	if err == nil && x.Plate != nil && x.To != Confirmed {
		err = refuseField("plate", "only a confirmation has a plate")
	}
	if err == nil {
		err = x.checkTarget(a, e)
	}
	if err != nil {
		return nil, err
	}
	e.To, e.Reason, e.Text = x.To, x.Reason, x.Text
	if x.To == Open && a.c.Undecided != "" {
		e.To, e.Reason = Held, a.c.Undecided // the rules held the case and have not decided it
	}
	return e, nil
}

// checkTarget checks what the state to which an arbitration leads needs.
func (x *Arbitrate) checkTarget(a *attempt, e *Event) error {
	if (x.To == Confirmed || x.To == Open) && x.Reason != "" { // a reason is published, and may not be free text
		return refuseField("reason", "a case that is confirmed or opened has no reason: write why as text")
	}
	switch x.To {
	case Confirmed:
		e.Verdict = Confirm
		facts, reading := &a.c.Facts, a.c.Reading()
		if x.Plate != nil {
			if err := checkReading(x.Plate); err != nil {
				return err
			}
			f, err := a.needPreview(x.Plate)
			if err != nil {
				return err
			}
			facts, reading, e.Facts, e.Verdict = f, *x.Plate, f, CorrectPlate
			e.recordVerdict(a.c, &Verdict{Kind: CorrectPlate, Plate: x.Plate})
		}
		return a.confirmLooked(e, &x.Look, facts, reading)
	case Rejected:
		e.Verdict = Reject
		return checkReason(RejectReason(x.Reason), RejectReasons(), RejectOther, x.Text)
	case Withdrawn:
		return checkReason(WithdrawReason(x.Reason), WithdrawReasons(), WithdrawOther, x.Text)
	case Held:
		e.HoldUntil = x.Until
		return a.checkHandHold(x.Reason, x.Until, x.Text)
	case Open:
		return checkText("text", x.Text, 1)
	default:
		return refuseField("to", "%q is none of confirmed, rejected, held, open, withdrawn", x.To)
	}
}

func (x Counter) act(a *attempt) (*Event, error) {
	e, err := a.begin(CounterDecided)
	if err == nil {
		err = a.needNoSuccessor()
	}
	if err == nil && a.by.Role == Agent && !a.c.hasActed(a.by.User) {
		err = refuse(CodeRole, "only who decided, or a supervisor, may counter-decide")
	}
	if err == nil && a.by.Role == Agent && a.c.EffectiveAt+a.m.Policy.CounterWithin < a.m.Now {
		err = refuse(CodeTooLate, "who decided may counter-decide within %d hours", a.m.Policy.CounterWithin/schemas.Hour)
	}
	for _, need := range []func() error{a.needCompetence, a.needStepUp, func() error { return a.needVerdict(&x.Verdict) }} {
		if err == nil {
			err = need()
		}
	}
	if err == nil {
		err = checkText("text", x.Text, 10)
	}
	if err == nil && (x.Kind == Reject) == (a.c.State == Rejected) && x.Kind != CorrectPlate {
		err = refuseField("verdict", "the case is %s already", a.c.State)
	}
	if err != nil {
		return nil, err
	}
	if x.Kind != Reject {
		facts, reading := &a.c.Facts, a.c.Reading()
		if x.Kind == CorrectPlate {
			if facts, err = a.needPreview(x.Plate); err != nil {
				return nil, err
			}
			e.Facts, reading = facts, *x.Plate
		}
		if err := a.confirmLooked(e, &x.Look, facts, reading); err != nil {
			return nil, err
		}
	}
	e.recordVerdict(a.c, &x.Verdict)
	e.To, e.Triggers = Second, []string{TriggerCounter}
	return e, nil
}

// AnsweredVerdict returns the verdict that an event records; the kind is empty for an event without one.
func (e *Event) AnsweredVerdict() *Verdict {
	return &Verdict{Kind: e.Verdict, Reason: RejectReason(e.Reason), Text: e.Text, Plate: e.PlateAfter}
}

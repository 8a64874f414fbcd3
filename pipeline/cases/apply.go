package cases

import (
	"errors"
	"fmt"
	"slices"
)

// Fold returns the case after its events, in order. A verdict that waits for its time waits in the case too: see
// [Case.StateAt]. The error names the first event that does not follow from those before.
func Fold(events []Event) (Case, error) {
	var c Case
	if len(events) == 0 {
		return c, errors.New("a case without events")
	}
	for i := range events {
		if err := c.checkFollows(&events[i]); err != nil {
			return c, fmt.Errorf("event %d (%s) of case %s: %w", events[i].N, events[i].Kind, events[i].Case, err)
		}
		c.Apply(&events[i])
	}
	return c, nil
}

// checkFollows checks that the event continues the case: number, chain, table of transitions, persons.
func (c *Case) checkFollows(e *Event) error {
	at := *c
	at.Settle(e.RecordedAt)
	t := transitionOf(e.Kind)
	switch {
	case e.N != c.Version+1:
		return fmt.Errorf("the number does not follow %d", c.Version)
	case c.Version > 0 && e.Case != c.ID:
		return fmt.Errorf("it belongs to another case than %s", c.ID)
	case e.Prev != c.Head:
		return fmt.Errorf("it follows an event with sum %s, and the event before has %s", e.Prev, c.Head)
	case t == nil:
		return errors.New("the kind is unknown")
	case e.From != at.State:
		return fmt.Errorf("it begins in %q, and the case is %q", e.From, at.State)
	case !t.allows(e.From, e.To):
		return fmt.Errorf("it cannot go from %q to %q", e.From, e.To)
	case !slices.Contains(t.roles, e.Role) || (e.Role == System) != (e.User == ""):
		return fmt.Errorf("it is not an act of role %q", e.Role)
	case (e.Kind == TakenIn) != (e.Opening != nil):
		return errors.New("only the first event opens the case")
	case e.To == Settling && e.From != Settling && !slices.Contains([]State{Confirmed, Rejected, Second, Arbitration}, e.SettlesTo):
		return fmt.Errorf("a verdict cannot settle to %q", e.SettlesTo)
	}
	return at.checkPersons(e)
}

// checkPersons checks that the event is not of somebody who must not act on the case.
func (c *Case) checkPersons(e *Event) error {
	switch {
	case (e.Kind == SecondDecided || e.Kind == Arbitrated) && c.hasActed(e.User), (e.Kind == KeyedPlate || e.Kind == Arbitrated) && slices.Contains(c.Keyers, e.User):
		return fmt.Errorf("%s acted in the case before", e.User)
	case e.Kind == Undone && (e.Of != c.Decisive || lastIndex(c.Acted, e.User) != len(c.Acted)-1 || e.To != c.Before):
		return errors.New("it does not undo the verdict that settles")
	case e.Approver != "" && e.Approver == e.User:
		return fmt.Errorf("%s approved the own act", e.User)
	}
	return nil
}

// Apply moves the case to the state after the event. The event must follow: see [Act] and [Fold].
func (c *Case) Apply(e *Event) {
	c.Settle(e.RecordedAt)
	if e.Opening != nil {
		c.open(e)
	}
	c.applyKind(e)
	if e.From != e.To {
		c.AssignedTo, c.AssignedUntil = "", 0
	}
	c.State, c.Version, c.Head, c.ChangedAt = e.To, e.N, e.Sum, e.RecordedAt
}

// open takes the beginning of the case from the first event.
func (c *Case) open(e *Event) {
	o := e.Opening
	*c = Case{
		ID: e.Case, Offence: o.Offence, Attempt: o.Attempt, Regime: o.Regime, Family: o.Family, Rule: o.Rule, Passage: o.Passage, Read: o.Read, Zone: o.Zone, Site: o.Site,
		Camera: o.Camera, Municipality: o.Municipality, Plate: o.Reading.Plate, Country: o.Reading.Country, Confidence: o.Confidence, Seal: o.Seal,
		Pictures: o.Pictures, PicturesOpen: o.PicturesOpen, CapturedAt: o.CapturedAt, TakenInAt: e.RecordedAt, Straggler: o.Straggler,
	}
	c.applyFacts(e)
	if e.Reason != "" {
		c.hold(e)
	}
}

// applyFacts takes over the values and clocks that the event brings.
func (c *Case) applyFacts(e *Event) {
	if e.Facts != nil {
		c.Facts = *e.Facts
	}
	if e.Clocks != nil {
		c.Clocks = *e.Clocks
	}
}

// hold takes over a hold of the rules. The same reason goes on since its beginning.
func (c *Case) hold(e *Event) {
	if c.HoldReason != e.Reason || c.HoldByHand {
		c.HeldSince = e.RecordedAt
	}
	c.HoldReason, c.HoldUntil, c.HoldLongest, c.HoldByHand, c.LookNow, c.Undecided = e.Reason, e.HoldUntil, e.HoldLongest, false, false, e.Reason
	if e.To == Keying && e.From != Keying {
		c.Keyers, c.Keyed = nil, nil
	}
}

// resumeHold goes back to the hold that the rules have not ended: they decide the case again at once.
func (c *Case) resumeHold(e *Event) {
	c.HoldReason, c.HoldByHand, c.HeldSince, c.HoldUntil, c.HoldLongest, c.LookNow = c.Undecided, false, e.RecordedAt, 0, 0, true
}

// endHold forgets the hold. Undecided stays: only the rules end what they held.
func (c *Case) endHold() {
	c.HoldReason, c.HoldByHand, c.HeldSince, c.HoldUntil, c.HoldLongest, c.LookNow = "", false, 0, 0, 0, false
}

// forgetVerdicts lets the case begin anew for first and second person. Acted stays.
func (c *Case) forgetVerdicts() {
	c.FirstUser, c.First, c.SecondUser, c.SecondBy, c.Pending, c.Decisive, c.EndReason, c.File = "", nil, "", nil, nil, "", "", nil
}

// applyKind applies what is particular to the kind.
func (c *Case) applyKind(e *Event) {
	switch e.Kind {
	case ReDecided:
		c.applyAnswer(e)
	case KeyedPlate:
		c.applyKeying(e)
	case Decided, SecondDecided, CounterDecided, Undone, Arbitrated:
		c.applyVerdict(e)
	case HeldByHand:
		c.holdByHand(e)
	case HoldEnded:
		c.applyHoldEnd(e)
	case Skipped:
		c.Skips++
		c.Skippers = append(slices.Clone(c.Skippers), e.User)
	case Flagged, BecameOverdue:
		c.endHold()
	case TakenBack, ExpiredUnmet, AnnulledEvent:
		c.endHold()
		c.EndReason, c.EffectiveAt = e.Reason, e.EffectiveAt
	case Numbered:
		c.Number = e.Number
	case HandedOver:
		c.applyHandOver(e)
	case PicturesFound:
		c.Pictures, c.PicturesOpen = slices.Concat(c.Pictures, e.Found), false
	case FileRead:
		c.applyFile(e)
	case IncidentOpened:
		c.openIncident(e)
	case IncidentClosed:
		c.Incidents = slices.DeleteFunc(slices.Clone(c.Incidents), func(i Incident) bool { return i.N == e.Closes })
		if len(c.Incidents) == 0 {
			c.Incidents = nil
		}
	case Assigned:
		c.AssignedTo, c.AssignedUntil = e.AssignedTo, e.Until
	case TrackChanged:
		c.applyFacts(e)
		c.TrackChosen = true
		if c.Pending != nil {
			pending := *c.Pending
			pending.Track, pending.Blocks = c.Track, c.Blocks
			c.Pending = &pending
		}
	case Noted:
		c.Revived = c.Revived || e.Revived
		if e.Successor != "" {
			c.Successor = e.Successor
		}
	case Probed:
		c.ProbeBy, c.ProbeEvent, c.ProbeAt = e.User, e.ID.String(), e.RecordedAt
		if e.Of != "" {
			c.ProbeBy, c.ProbeEvent, c.ProbeAt = "", "", 0
		}
	default:
	}
}

func (c *Case) applyHandOver(e *Event) {
	c.Batch = e.Batch
	if c.SentAt == 0 {
		c.SentAt = e.RecordedAt
	}
	if e.File != nil {
		c.File = e.File
	}
}

func (c *Case) openIncident(e *Event) {
	c.Incidents = append(slices.Clone(c.Incidents), Incident{N: e.N, Kind: e.Incident})
	if e.Incident == FileChanged {
		c.FileNoted = e.Said
	}
	if e.OtherSeal != "" {
		c.OtherSeals = append(slices.Clone(c.OtherSeals), e.OtherSeal)
	}
	if e.Incident == NoOffenceNow {
		c.Overtaken = e.Reason
	}
}

func (c *Case) applyFile(e *Event) {
	c.applyFacts(e)
	if c.File = e.File; e.To == Withdrawn {
		c.EndReason, c.EffectiveAt = e.Reason, e.EffectiveAt
	}
}

func (c *Case) applyAnswer(e *Event) {
	c.applyFacts(e)
	switch e.To {
	case Held, Keying:
		c.hold(e)
	case Withdrawn:
		c.endHold()
		c.EndReason, c.EffectiveAt = e.Reason, e.EffectiveAt
	default:
		c.endHold()
		c.Undecided = e.Reason // "" = the rules have decided
	}
}

func (c *Case) applyKeying(e *Event) {
	c.Keyers = append(slices.Clone(c.Keyers), e.User)
	switch {
	case len(c.Keyers) == 1:
		c.Keyed = clonePointer(e.PlateAfter)
	case e.To == Keying:
		c.Corrected, c.LookNow = clonePointer(e.PlateAfter), true
	case e.To == Rejected:
		c.endHold()
		c.EndReason, c.EffectiveAt = e.Reason, e.EffectiveAt
	default:
		c.endHold()
	}
}

func (c *Case) holdByHand(e *Event) {
	c.forgetVerdicts()
	c.HoldReason, c.HoldByHand, c.HeldSince, c.HoldUntil, c.HoldLongest, c.LookNow = e.Reason, true, e.RecordedAt, e.HoldUntil, 0, false
}

func (c *Case) applyHoldEnd(e *Event) {
	if e.To == Open {
		c.endHold()
		return
	}
	if c.HoldByHand || e.From == Arbitration {
		c.resumeHold(e)
	}
	c.LookNow = true
	if e.Lane != nil {
		c.Lane = clonePointer(e.Lane)
	}
	if e.Accepted != "" && !slices.Contains(c.Accepted, e.Accepted) {
		c.Accepted = append(slices.Clone(c.Accepted), e.Accepted)
	}
}

// verdictOf returns the verdict that the event records.
func verdictOf(e *Event) *Verdict {
	return &Verdict{Kind: e.Verdict, Reason: RejectReason(e.Reason), Text: e.Text, Plate: clonePointer(e.PlateAfter)}
}

func (c *Case) applyVerdict(e *Event) {
	switch e.Kind {
	case Decided:
		c.forgetVerdicts()
		c.FirstUser, c.First = e.User, verdictOf(e)
		c.settle(e)
	case SecondDecided:
		c.SecondUser, c.SecondBy, c.Pending = e.User, verdictOf(e), e.Facts
		c.settle(e)
	case CounterDecided:
		c.forgetVerdicts()
		c.FirstUser, c.First = e.User, verdictOf(e)
		c.act(e.User)
	case Undone:
		c.undo(e)
	case Arbitrated:
		c.arbitrate(e)
	default:
	}
}

// act notes that a verdict of the user stands.
func (c *Case) act(user string) { c.Acted = append(slices.Clone(c.Acted), user) }

// settle lets the verdict of the event wait for its time.
func (c *Case) settle(e *Event) {
	c.act(e.User)
	c.SettlesTo, c.Before, c.EffectiveAt, c.Decisive = e.SettlesTo, e.From, e.EffectiveAt, e.ID.String()
	c.EndReason = ""
	if e.SettlesTo == Rejected {
		c.EndReason = e.Reason
	}
}

// undo takes back the verdict that waits.
func (c *Case) undo(e *Event) {
	if c.Before == Second {
		c.SecondUser, c.SecondBy, c.Pending = "", nil, nil
	} else {
		c.FirstUser, c.First = "", nil
	}
	c.SettlesTo, c.Before, c.EffectiveAt, c.Decisive, c.EndReason = "", "", 0, "", ""
	if i := lastIndex(c.Acted, e.User); i >= 0 {
		c.Acted = slices.Delete(slices.Clone(c.Acted), i, i+1)
	}
	if len(c.Acted) == 0 {
		c.Acted = nil
	}
}

func lastIndex(list []string, s string) int {
	for i, v := range slices.Backward(list) {
		if v == s {
			return i
		}
	}
	return -1
}

func (c *Case) arbitrate(e *Event) {
	c.act(e.User)
	c.EffectiveAt, c.Decisive = e.EffectiveAt, e.ID.String()
	switch e.To {
	case Confirmed:
		c.EndReason = ""
		if e.PlateAfter != nil {
			c.correct(clonePointer(e.PlateAfter), e.Facts)
		}
	case Held:
		if e.HoldUntil != 0 {
			c.holdByHand(e)
			return
		}
		c.forgetVerdicts()
		c.resumeHold(e)
	case Open:
		c.forgetVerdicts()
	default:
		c.EndReason = e.Reason
	}
}

package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// reasonLane is the hold reason of the rules that a person cures with a lane.
const reasonLane = "lane_unknown"

func (h Hold) act(a *attempt) (*Event, error) {
	e, isProbe, err := a.beginWork(HeldByHand)
	switch {
	case err != nil:
	case a.by.Role == Agent && a.c.State == Arbitration && !isProbe:
		err = refuse(CodeRole, "an arbitration is a supervisor's")
	case a.by.Role == Agent:
		err = a.needLease()
	}
	if err == nil {
		err = a.checkHandHold(h.Reason, h.Until, h.Text)
	}
	if err != nil {
		return nil, err
	}
	e.Text, e.HoldUntil = h.Text, h.Until
	if isProbe { // the reason of the event says which act it was
		e.Said = h.Reason
		return e, nil
	}
	e.To, e.Reason = Held, h.Reason
	return e, nil
}

// checkHandHold checks reason and end of a hold by hand.
func (a *attempt) checkHandHold(reason string, until schemas.Micros, text string) error {
	if err := checkText("text", text, 0); err != nil {
		return err
	}
	if err := checkReason(reason, HandHoldReasons(), HoldOther, text); err != nil {
		return err
	}
	agents := endOfDay(a.m.Now.Day() + schemas.Day(a.m.Policy.AgentHoldDays))
	switch {
	case until <= a.m.Now:
		return refuseField("until", "the hold must end after now")
	case a.by.Role == Agent && until > agents:
		return refuseField("until", "an agent holds for at most %d days, until %s", a.m.Policy.AgentHoldDays, agents)
	}
	clocks := &a.c.Clocks
	if a.isProbe() { // refused like the item in whose place it stands
		if clocks = a.m.Lease.Clocks; clocks == nil {
			return nil
		}
	}
	if clocks.DecideBy != 0 && until > clocks.DecideBy {
		return refuseField("until", "the case must be decided by %s", clocks.DecideBy)
	}
	return nil
}

func (x EndHold) act(a *attempt) (*Event, error) {
	e, err := a.begin(HoldEnded)
	if err == nil {
		err = checkText("text", x.Text, 0)
	}
	if err == nil && x.Count > 1 {
		err = a.needApproval()
	}
	if err != nil {
		return nil, err
	}
	if a.by.Role == System && a.c.State == Held && (!a.c.HoldByHand || a.c.HoldUntil > a.m.Now) {
		return nil, refuse(CodeTooEarly, "the hold by hand has not ended")
	}
	reason := a.c.HoldReason
	switch {
	case a.c.State == Arbitration:
		reason = a.c.Undecided
		if err := x.checkArbitrated(a); err != nil {
			return nil, err
		}
		e.To = Held
	case a.c.HoldByHand && (x.Accept || x.Lane != nil):
		return nil, refuseField("accept", "a hold by hand has no doubt to settle")
	case a.c.HoldByHand && a.c.Undecided == "":
		e.To = Open
	}
	e.Reason, e.Text, e.Query, e.Count = reason, x.Text, x.Query, x.Count
	if a.by.Approver != a.by.User {
		e.Approver = a.by.Approver
	}
	switch rule := a.m.Policy.Holds[reason]; {
	case x.Of != "" && x.Of != reason:
		return nil, refuse(CodeStale, "the case is held for %s, not for %s", reason, x.Of)
	case x.Lane != nil && reason != reasonLane:
		return nil, refuseField("lane", "the case is held for %s, not for its lane", reason)
	case x.Lane != nil && *x.Lane == 0:
		return nil, refuseField("lane", "lanes count from 1")
	case x.Accept && !rule.ByHand:
		return nil, refuseField("accept", "nobody can settle %s by hand", reason)
	case x.Accept:
		if err := checkText("text", x.Text, 10); err != nil {
			return nil, err
		}
		e.Accepted = reason
	}
	e.Lane = clonePointer(x.Lane)
	return e, nil
}

// checkArbitrated refuses to end the hold of a case in arbitration, unless somebody who may arbitrate it settles the
// doubt for which the rules held it.
func (x *EndHold) checkArbitrated(a *attempt) error {
	switch {
	case a.by.Role == System, a.c.Undecided == "", !x.Accept && x.Lane == nil:
		return refuse(CodeDecided, "the case is in arbitration: arbitrate it, or settle the doubt for which the rules held it")
	case a.c.hasActed(a.by.User) || slices.Contains(a.c.Keyers, a.by.User):
		return refuse(CodeSamePerson, "who decided or keyed in this case cannot settle its doubt")
	}
	return nil
}

func (r ReDecide) act(a *attempt) (*Event, error) {
	e, err := a.begin(ReDecided)
	if err == nil && a.c.HoldByHand {
		err = refuse(CodeDecided, "the case is held by hand")
	}
	if err != nil {
		return nil, err
	}
	x := r.Answer
	if a.c.State != Open && a.c.Corrected != nil {
		x = x.WithoutTwin(a.m.Twins)
	}
	e.Trace, e.Facts, e.Clocks = slices.Clone(x.Trace), &x.Facts, clonePointer(x.Clocks)
	if e.Facts.Track == "" || a.c.TrackChosen {
		e.Facts.Track = a.c.Track
	}
	switch {
	case x.Gone:
		return a.answerGone(e), nil
	case x.Outcome == OutcomeWithdrawn:
		if err := checkReason(WithdrawReason(x.Reason), WithdrawReasons(), "", ""); err != nil {
			return nil, err
		}
		e.To, e.Reason = Withdrawn, x.Reason
		return e, nil
	case a.m.Wired && (x.Outcome == OutcomeOpen || x.Outcome == OutcomeHeld && slices.Contains(a.c.Accepted, x.Reason)):
		x.Reason, x.HoldUntil = HeldByWire, 0
		return a.holdOn(e, &x), nil
	case x.Outcome == OutcomeOpen, x.Outcome == OutcomeHeld && slices.Contains(a.c.Accepted, x.Reason):
		if a.c.State == Open && !a.c.isChangedBy(e) {
			return nil, nil
		}
		e.To = Open
		return e, nil
	case x.Outcome == OutcomeHeld && x.Reason != "":
		return a.holdOn(e, &x), nil
	}
	return nil, refuseField("answer", "outcome %q with reason %q is no answer of the rules", x.Outcome, x.Reason)
}

// isChangedBy reports whether the answer of the rules brings an open case other values, deadlines or the end of a doubt.
// Other versions alone are no change.
func (c *Case) isChangedBy(e *Event) bool {
	facts := *e.Facts
	facts.Catalogue, facts.Reference = c.Catalogue, c.Reference
	return c.Undecided != "" || e.Clocks != nil && *e.Clocks != c.Clocks || !facts.equal(&c.Facts)
}

// equal compares as stored: an empty list is none.
func (f *Facts) equal(g *Facts) bool {
	a, errA := json.Marshal(f)
	b, errB := json.Marshal(g)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

func (x HoldForWire) act(a *attempt) (*Event, error) {
	e, err := a.begin(ReDecided)
	if err == nil && a.c.State != Open {
		err = refuse(CodeDecided, "the case is %s", a.c.State)
	}
	if err != nil {
		return nil, err
	}
	facts := a.c.Facts
	e.To, e.Reason, e.Facts, e.Trace = Held, HeldByWire, &facts, slices.Clone(x.Trace)
	return e, nil
}

func (x Overtake) act(a *attempt) (*Event, error) {
	e, err := a.begin(IncidentOpened)
	if err == nil && !slices.Contains([]State{Second, Arbitration, Confirmed, Returned}, a.c.State) {
		err = refuse(CodeDecided, "the case is %s", a.c.State)
	}
	if err != nil {
		return nil, err
	}
	r := &x.Answer
	if r.Outcome != OutcomeWithdrawn || r.Gone || a.c.Overtaken == r.Reason {
		return nil, nil
	}
	if err := checkReason(WithdrawReason(r.Reason), WithdrawReasons(), "", ""); err != nil {
		return nil, err
	}
	e.Incident, e.Reason, e.Trace = NoOffenceNow, r.Reason, slices.Clone(r.Trace)
	e.Text = fmt.Sprintf("under catalogue %s and reference data %s the rules would take the case back: %s", r.Facts.Catalogue, r.Facts.Reference, r.Reason)
	return e, nil
}

// answerGone ends a hold whose passage is over its retention. A case that people can still decide stays.
func (a *attempt) answerGone(e *Event) *Event {
	if a.c.State == Open {
		return nil
	}
	e.To, e.Reason, e.Facts, e.Clocks = Withdrawn, string(NotProvable), nil, nil
	return e
}

// holdOn records that the rules hold the case, unless nothing changes. A hold past its longest time ends as its rule
// says.
func (a *attempt) holdOn(e *Event, x *Answer) *Event {
	c, rule := a.c, a.m.Policy.Holds[x.Reason]
	clocks := c.Clocks
	if x.Clocks != nil {
		clocks = *x.Clocks
	}
	since := a.m.Now
	if c.State != Open && c.HoldReason == x.Reason {
		since = c.HeldSince
	}
	e.Reason, e.HoldUntil, e.HoldLongest = x.Reason, x.HoldUntil, rule.LongestUntil(since, clocks)
	switch {
	case e.HoldLongest != 0 && e.HoldLongest <= a.m.Now:
		if e.To = rule.Then; e.To == Withdrawn {
			e.Reason = string(rule.Reason)
		} else if e.To != Open {
			e.To = Arbitration // also for a rule that says nothing: doubt is a person's
		}
	case rule.ByKeying && c.Corrected != nil:
		e.To = Arbitration // two persons keyed the plate, and the rules doubt it still
	case rule.ByKeying:
		e.To = Keying
	default:
		e.To = Held
	}
	if e.To == c.State && c.HoldReason == x.Reason && c.HoldUntil == e.HoldUntil && c.HoldLongest == e.HoldLongest {
		return nil
	}
	return e
}

func (f Flag) act(a *attempt) (*Event, error) {
	e, isProbe, err := a.beginWork(Flagged)
	if err == nil {
		err = a.needLease()
	}
	if err == nil {
		err = checkText("text", f.Text, 10)
	}
	if err != nil {
		return nil, err
	}
	e.Text = f.Text
	if !isProbe {
		e.To = Arbitration
	}
	return e, nil
}

func (Skip) act(a *attempt) (*Event, error) {
	e, isProbe, err := a.beginWork(Skipped)
	if err == nil {
		err = a.needLease()
	}
	if err != nil {
		return nil, err
	}
	skippers := append(slices.Clone(a.c.Skippers), a.by.User)
	slices.Sort(skippers)
	if !isProbe && len(slices.Compact(skippers)) >= a.m.Policy.SkipsToArbitrate { // one person who skips twice is one
		e.To = Arbitration
	}
	return e, nil
}

func (Overdue) act(a *attempt) (*Event, error) {
	e, err := a.begin(BecameOverdue)
	if err == nil && (a.c.SendBy == 0 || a.c.SendBy > a.m.Now) {
		err = refuse(CodeTooEarly, "the send clock has not run out")
	}
	if err != nil {
		return nil, err
	}
	e.To = Arbitration
	return e, nil
}

func (x Expire) act(a *attempt) (*Event, error) {
	e, err := a.begin(ExpiredUnmet)
	if err != nil {
		return nil, err
	}
	by, name := a.c.SendBy, "send"
	if a.by.Role == System {
		by, name = a.c.DropBy, "drop"
	}
	if by == 0 || by > a.m.Now {
		return nil, refuse(CodeTooEarly, "the %s clock has not run out", name)
	}
	e.To, e.Query, e.Count = Expired, x.Query, x.Count
	if a.by.Approver != a.by.User {
		e.Approver = a.by.Approver
	}
	return e, nil
}

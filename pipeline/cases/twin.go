package cases

import "github.com/gvc-brussels/anpr/schemas"

// Period says when two offences of one vehicle under one rule are one offence, as the rules do.
type Period struct {
	Day  bool           // of one Brussels day, wherever they were seen
	Span schemas.Micros // without Day: at one site, captured nearer than this; 0 = never
}

// Window returns the captures in the period of one at the instant, from included, to excluded. ok is false when no two
// offences are one.
func (p Period) Window(at schemas.Micros) (from, to schemas.Micros, ok bool) {
	if p.Day {
		return at.Day().Start(), (at.Day() + 1).Start(), true
	}
	return at - p.Span + 1, at + p.Span, p.Span > 0
}

// Twin is another case of the same vehicle, rule and period, which has not ended.
type Twin struct {
	Case    ID
	Claimed bool // by what people read; else the plate is as sealed
}

// BlockDuplicate is the blocker of a case whose plate another case has, in the period of one offence.
const BlockDuplicate = string(DuplicateCase)

// Claim returns the plate that people put in the place of the sealed one, in effect or waiting for it; nil = none. A case
// that ended claims nothing.
func (c *Case) Claim() *PlateReading {
	switch {
	case c.State.IsFinal():
		return nil
	case c.First != nil && c.First.Kind == CorrectPlate:
		return c.First.Plate
	}
	return c.Corrected
}

// StakeOf returns the plate of which the command may make the case one of its vehicle's; nil = none. Commands on one
// plate must be done one after the other.
func StakeOf(c *Case, cmd Command) *PlateReading {
	v := Verdict{Kind: Reject}
	switch x := cmd.(type) {
	case Decide:
		v = x.Verdict
	case Counter:
		v = x.Verdict
	case Arbitrate:
		if x.To == Confirmed {
			v = Verdict{Kind: Confirm, Plate: x.Plate}
		}
	case Key:
		return x.Reading
	case ReDecide:
		return c.Corrected
	}
	switch {
	case v.Kind != Reject && v.Plate != nil:
		return v.Plate
	case v.Kind == Confirm:
		r := c.Reading()
		return &r
	}
	return nil
}

// IsTwin reports whether the other case is of the vehicle with the reading, in the period of one offence. One country may
// be unread.
func (p Period) IsTwin(c *Case, r *PlateReading, other *Case) (Twin, bool) {
	from, to, ok := p.Window(c.CapturedAt)
	if !ok || other.ID == c.ID || other.State.IsFinal() || other.Rule != c.Rule || other.CapturedAt < from || other.CapturedAt >= to || !p.Day && other.Site != c.Site {
		return Twin{}, false
	}
	isSame := func(o PlateReading) bool {
		return o.Plate == r.Plate && (o.Country == r.Country || o.Country == "" || r.Country == "")
	}
	if claim := other.Claim(); claim != nil && isSame(*claim) {
		return Twin{Case: other.ID, Claimed: true}, true
	}
	return Twin{Case: other.ID}, other.Corrected == nil && isSame(PlateReading{Plate: other.Plate, Country: other.Country})
}

// isDuplicate reports whether a twin has the plate that the case would get or keep. Who claimed a plate first keeps it, and
// two sealed plates are the pipeline's.
func (a *attempt) isDuplicate(r *PlateReading) bool {
	claim := a.c.Claim()
	switch {
	case claim != nil && *claim == *r:
		return false
	case claim == nil && *r == PlateReading{Plate: a.c.Plate, Country: a.c.Country}:
		for _, t := range a.m.Twins {
			if t.Claimed {
				return true
			}
		}
		return false
	}
	return len(a.m.Twins) > 0
}

// WithoutTwin returns the answer about a plate that people read: another case of it in the period makes this one a
// duplicate.
func (x Answer) WithoutTwin(twins []Twin) Answer {
	if len(twins) == 0 || x.Outcome == OutcomeWithdrawn || x.Gone {
		return x
	}
	x.Outcome, x.Reason, x.HoldUntil = OutcomeWithdrawn, string(DuplicateCase), 0
	return x
}

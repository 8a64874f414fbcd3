package rules

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// collectHolds gathers every reason to hold.
func (k *lezCase) collectHolds() {
	b := k.b
	if k.found && k.reason == reasonPolluting && !k.registerIsFresh(k.register) {
		b.addHold(reasonRegisterStale, 0)
	}
	if k.a.assumed != nil && !k.a.assumed.verified && k.reason == reasonPolluting {
		b.addHold(reasonEuroAssumed, 0)
	}
	if k.found {
		b.checkVehicleKind(k.general, k.vehicle.Category)
	}
	k.holdForGrace()
	b.checkPlateReading(k.general)
	if k.reason == reasonPolluting {
		if k.a.doubt {
			b.addHold(reasonClassUnknown, 0)
		}
		if k.a.isDisputed() {
			b.addHold(reasonNormDisputed, 0)
		}
		k.holdForDayPass()
	}
}

// holdForDayPass holds a fine as long as a day pass can still cure the passage. A warning does not wait. A vehicle
// that has used all passes for the year cannot buy another.
func (k *lezCase) holdForDayPass() {
	p := k.cat.dayPass.inForceAt(k.at)
	if p == nil || k.a.phase != phaseFine {
		return
	}
	last := k.day + schemas.Day(p.v.daysAfter)
	closed := p.v.fromIssue
	if !closed && p.v.perYear > 0 {
		year := schemas.DayOf(k.day.Year(), time.January, 1)
		n := k.ref.DayPasses(k.best.Plate, k.vehicleCountry(), year, year.AddMonths(12))
		if closed = n >= p.v.perYear; closed {
			k.b.addDecidingClause(&p.provenance, stepLEZPassYear, false, strconv.Itoa(n), strconv.Itoa(p.v.perYear))
		}
	}
	k.b.addDecidingClause(&p.provenance, stepLEZPassClosed, closed, k.dayText, last.String())
	if !closed {
		k.b.addHold(reasonPassPossible, (last + 1).Start())
	}
}

// holdForGrace holds a foreign vehicle to the end of the last day for registration. Example: seen on the 3rd with five
// days of grace, the vehicle may register until midnight on the 8th, and the hold ends when the 9th begins. The grace
// also protects vehicles below the norm, even from countries whose admitted vehicles need not register.
func (k *lezCase) holdForGrace() {
	country := k.vehicleCountry()
	if country.IsZero() || country == schemas.Belgium {
		return
	}
	f := k.duty
	if f == nil {
		f = k.cat.foreign.inForceAt(k.at)
	}
	if f == nil || f.v.grace == 0 || k.reason == "" {
		return
	}
	end := (k.day + schemas.Day(f.v.grace) + 1).Start()
	switch {
	case k.reason == reasonForeign:
		k.b.addHold(reasonForeign, end)
	case k.duty == nil: // read in its own register, below the norm
		_, registered := k.lookUpForeign(f, k.best, country, k.ref)
		k.b.addDecidingClause(&f.provenance, stepLEZRegistered, registered, (k.day + schemas.Day(f.v.grace)).String())
		if !registered {
			k.b.addHold(reasonForeignPolluting, end)
		}
	}
}

// registerIsFresh adds the clause on the age of the register copy at capture time.
func (k *lezCase) registerIsFresh(country schemas.Country) bool {
	limit := k.general.maxAge.inForceAt(k.at)
	if limit == nil {
		return true
	}
	asOf, ok := k.ref.RegisterAsOf(country)
	fresh := ok && k.at-asOf <= limit.v.age
	text := ""
	if ok {
		text = asOf.String()
	}
	k.b.addDecidingClause(&limit.provenance, stepLEZFresh, fresh, country.String(), text, limit.v.hours)
	return fresh
}

// proposeOffence sets the final outcome: warning, candidate, or held.
func (k *lezCase) proposeOffence() {
	b := k.b
	if k.warned || k.reason == reasonPolluting && k.a.phase == phaseWarning {
		// A warning is never sent on a doubtful plate or register, and there is no fine to hold.
		if why := b.holdReason(); why != "" {
			b.setOutcome(schemas.OutcomeWithheld, why)
			return
		}
		b.setOutcome(schemas.OutcomeWarning, k.reason)
		return
	}
	if k.reason != "" && !k.addAmount() {
		b.setOutcome(schemas.OutcomeWithheld, reasonNoAmount)
		return
	}
	if rep := k.cat.repeat.inForceAt(k.at); rep != nil && k.reason != "" {
		b.addInformation(&rep.provenance, stepLEZRepeat, true, rep.v.months, rep.v.perYear, rep.v.anchor)
	}
	var period [4]byte // the rule's natural period: the Brussels day
	binary.BigEndian.PutUint32(period[:], uint32(k.day))
	seen := b.identifyOffence(period[:], "", schemas.UnlimitedSpan)
	b.addClause(stepNotSeen, !seen, k.dayText)
	b.setCandidateOutcome(k.reason, seen)
}

// addAmount adds the clause on the fine; false = no amount is in force.
func (k *lezCase) addAmount() bool {
	kind := amountInfringement
	if k.reason == reasonForeign {
		kind = amountForeign
	}
	a := k.cat.amounts[kind].inForceAt(k.at)
	if a == nil {
		return false
	}
	k.b.d.AmountCents = a.v
	k.b.addDecidingClause(&a.provenance, stepLEZAmount, true, strconv.FormatInt(a.v, 10))
	return true
}

package rules

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// weigh gathers every reason to hold.
func (k *lezCase) weigh() {
	v := k.v
	if k.found && k.reason == reasonPolluting && !k.fresh(k.register) {
		v.hold(reasonRegisterStale, 0)
	}
	if k.a.assumed != nil && !k.a.assumed.verified && k.reason == reasonPolluting {
		v.hold(reasonEuroAssumed, 0)
	}
	if k.found {
		v.seen(k.general, k.vehicle.Category)
	}
	k.grace()
	v.plate(k.general)
	if k.reason == reasonPolluting {
		if k.a.doubt {
			v.hold(reasonClassUnknown, 0)
		}
		if k.a.disputed() {
			v.hold(reasonNormDisputed, 0)
		}
		k.passPossible()
	}
}

// passPossible holds a fine until the day pass that would cure the passage can no longer be bought; a warning need not wait. A
// vehicle that has had all its passes of the year cannot buy one.
func (k *lezCase) passPossible() {
	p := k.cat.dayPass.at(k.at)
	if p == nil || k.a.phase != phaseFine {
		return
	}
	last := k.day + schemas.Day(p.v.daysAfter)
	closed := p.v.fromIssue
	if !closed && p.v.perYear > 0 {
		year := schemas.DayOf(k.day.Year(), time.January, 1)
		n := k.ref.DayPasses(k.b.Plate, k.vehicleCountry(), year, year.AddMonths(12))
		if closed = n >= p.v.perYear; closed {
			k.v.cite(&p.meta, stepLEZPassYear, false, strconv.Itoa(n), strconv.Itoa(p.v.perYear))
		}
	}
	k.v.cite(&p.meta, stepLEZPassClosed, closed, k.dayText, last.String())
	if !closed {
		k.v.hold(reasonPassPossible, (last + 1).Start())
	}
}

// grace holds a foreign vehicle to the end of the last day on which it may still be registered: seen on the 3rd with five
// days of grace, it may be registered until midnight of the 8th and is looked at again when the 9th begins. That goes
// for one below the norm too, also of a country whose admitted vehicles need not register.
func (k *lezCase) grace() {
	country := k.vehicleCountry()
	if country.IsZero() || country == schemas.Belgium {
		return
	}
	f := k.duty
	if f == nil {
		f = k.cat.foreign.at(k.at)
	}
	if f == nil || f.v.grace == 0 || k.reason == "" {
		return
	}
	end := (k.day + schemas.Day(f.v.grace) + 1).Start()
	switch {
	case k.reason == reasonForeign:
		k.v.hold(reasonForeign, end)
	case k.duty == nil: // read in its own register, below the norm
		_, registered := k.registered(f, k.b, country, k.ref)
		k.v.cite(&f.meta, stepLEZRegistered, registered, (k.day + schemas.Day(f.v.grace)).String())
		if !registered {
			k.v.hold(reasonForeignPolluting, end)
		}
	}
}

// fresh adds the clause on the age of the register's copy at the time of capture.
func (k *lezCase) fresh(country schemas.Country) bool {
	limit := k.general.maxAge.at(k.at)
	if limit == nil {
		return true
	}
	asOf, ok := k.ref.RegisterAsOf(country)
	fresh := ok && k.at-asOf <= limit.v.age
	text := ""
	if ok {
		text = asOf.String()
	}
	k.v.cite(&limit.meta, stepLEZFresh, fresh, country.String(), text, limit.v.hours)
	return fresh
}

// propose ends the verdict: warning, candidate, or held.
func (k *lezCase) propose() {
	v := k.v
	if k.warned || k.reason == reasonPolluting && k.a.phase == phaseWarning {
		// Nothing may be sent on a plate or a register that is not sure, and there is no fine to wait for.
		if why := v.held(); why != "" {
			v.end(schemas.OutcomeWithheld, why)
			return
		}
		v.end(schemas.OutcomeWarning, k.reason)
		return
	}
	if k.reason != "" && !k.amount() {
		v.end(schemas.OutcomeWithheld, reasonNoAmount)
		return
	}
	if rep := k.cat.repeat.at(k.at); rep != nil && k.reason != "" {
		v.tell(&rep.meta, stepLEZRepeat, true, rep.v.months, rep.v.perYear, rep.v.anchor)
	}
	var period [4]byte // the rule's natural period: the Brussels day
	binary.BigEndian.PutUint32(period[:], uint32(k.day))
	seen := v.identify(period[:], "", schemas.WholeSpot)
	v.note(stepNotSeen, !seen, k.dayText)
	v.conclude(k.reason, seen)
}

// amount adds the clause on the fine; false = none is in force.
func (k *lezCase) amount() bool {
	kind := amountInfringement
	if k.reason == reasonForeign {
		kind = amountForeign
	}
	a := k.cat.amounts[kind].at(k.at)
	if a == nil {
		return false
	}
	k.v.d.AmountCents = a.v
	k.v.cite(&a.meta, stepLEZAmount, true, strconv.FormatInt(a.v, 10))
	return true
}

package rules

import "github.com/gvc-brussels/anpr/schemas"

// registerClauses lists the clauses on the register, for families that ask it about every vehicle.
var registerClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepRegisterKnows = registerClauses.addClause("register.knows", 1)
	stepRegisterFresh = registerClauses.addClause("register.fresh", 3)
)

// registerReasons lists the reasons to hold, for [Info].
var registerReasons = []string{reasonCountryUnknown, reasonVehicleUnknown, reasonRegisterStale}

// registerTodo says who clears them.
var registerTodo = map[string]string{
	reasonCountryUnknown: "picture",
	reasonVehicleUnknown: "vehicle",
	reasonRegisterStale:  "stale",
}

// checkRegister adds the clauses on what a register knows of the vehicle, and holds what is in doubt: no country, a
// plate that no register knows, a copy that is too old, a plate of another country, another kind of vehicle.
func (b *decisionBuilder) checkRegister(g *general) (veh schemas.Vehicle, found bool) {
	on := &b.d.On
	if on.Country.IsZero() {
		b.addHold(reasonCountryUnknown, 0)
	}
	veh, found = b.ref.Vehicle(on.Plate, on.Country, on.CapturedAt)
	b.addClause(stepRegisterKnows, found, on.Country.String())
	if _, misread := b.findInOtherRegister(g, b.ref); misread {
		b.addHold(reasonCountryDoubtful, 0)
	}
	fresh := b.registerIsFresh(g, veh.Country)
	switch {
	case found:
		b.checkVehicleKind(g, veh.Category)
	case fresh || on.Country.IsZero():
		b.addHold(reasonVehicleUnknown, 0)
	}
	return veh, found
}

// registerIsFresh adds the clause on the age of the register's copy at the time of capture, and holds on an old copy.
// own is the country of the vehicle found; zero = none was.
func (b *decisionBuilder) registerIsFresh(g *general, own schemas.Country) bool {
	country, at := own, b.d.On.CapturedAt
	if country.IsZero() {
		country = b.d.On.Country
	}
	limit := g.maxAge.inForceAt(at)
	if limit == nil || country.IsZero() {
		return true
	}
	asOf, ok := b.ref.RegisterAsOf(country)
	fresh := ok && at-asOf <= limit.v.age
	text := ""
	if ok {
		text = asOf.String()
	}
	b.addDecidingClause(&limit.provenance, stepRegisterFresh, fresh, country.String(), text, limit.v.hours)
	if ok && !fresh {
		b.addHold(reasonRegisterStale, 0)
	}
	return fresh || !ok
}

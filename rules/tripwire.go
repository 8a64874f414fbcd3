package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// reasonTripwire is the reason of a case that an open tripwire holds. pipeline/cases has the same.
const reasonTripwire = "tripwire"

// Tripwire says which jump of the offences of a camera stops issuing them. Nothing of it is law: the bounds are chosen so
// that quiet weeks trip none, see pipeline/assurance/tripwire.
type Tripwire struct {
	Window    schemas.Micros   // of log time in which the offences are counted; windows of 3 and 12 times the length are looked at too
	Vehicles  int              // fewest vehicles with an offence in the window
	Factor    int              // how many times its own history the share of offences must be
	Chance    int              // n: chance alone brings such a window at most once in 10^n
	History   schemas.Micros   // time with which a window is compared
	Plausible schemas.PerMille // highest share of passages that is plausible of a camera without a history
	Grounds   Grounds
}

// Tripwire returns the bounds for the family's offences.
func (r *CaseRules) Tripwire(f schemas.Family) Tripwire {
	v, _ := lookUp(r.wires, f, anyFamily)
	return v
}

// Bands for the bounds of tripwires.
var (
	bandWireWindow   = band{1, 5, "minutes"}
	bandWireVehicles = band{3, 50, "vehicles"}
	bandWireFactor   = band{2, 20, "times"}
	bandWireChance   = band{6, 15, "digits"}
	bandWireHistory  = band{14, 180, "days"}
	bandWireShare    = band{1, 900, "per mille"}
)

type rawTripwire struct {
	Meta      rawProvenance `yaml:",inline"`
	Family    string        `yaml:"family" subject:"yes" words:"family"`
	Window    string        `yaml:"window_minutes"`
	Vehicles  string        `yaml:"least_vehicles"`
	Factor    string        `yaml:"factor"`
	Chance    string        `yaml:"chance_digits"`
	History   string        `yaml:"history_days"`
	Plausible string        `yaml:"plausible_per_mille"`
}

func (c *checker) convertTripwire(path string, r *rawTripwire) datedValue[keyed[schemas.Family, Tripwire]] {
	m := c.checkProvenance(path, &r.Meta)
	number := func(key, s string, b band) int64 { return c.parsePlausible(path+"."+key, s, b) }
	return datedValue[keyed[schemas.Family, Tripwire]]{m, keyed[schemas.Family, Tripwire]{c.parseFamily(path, r.Family), Tripwire{
		Window:   schemas.Micros(number("window_minutes", r.Window, bandWireWindow)) * schemas.Minute,
		Vehicles: int(number("least_vehicles", r.Vehicles, bandWireVehicles)), Factor: int(number("factor", r.Factor, bandWireFactor)),
		Chance:    int(number("chance_digits", r.Chance, bandWireChance)),
		History:   schemas.Micros(number("history_days", r.History, bandWireHistory)) * 24 * schemas.Hour,
		Plausible: schemas.PerMille(number("plausible_per_mille", r.Plausible, bandWireShare)), Grounds: m.grounds(),
	}}}
}

// tripwireClauses lists the clauses of the evidence of a tripwire.
var tripwireClauses clauseList

// The clauses. Placeholders in the messages describe the arguments.
var (
	stepWireSameHour  = tripwireClauses.addClause("tripwire.same_hour", 8)
	stepWireSameKind  = tripwireClauses.addClause("tripwire.same_kind", 8)
	stepWirePlausible = tripwireClauses.addClause("tripwire.plausible", 6)
	stepWireExcess    = tripwireClauses.addClause("tripwire.excess", 7)
	stepWireChance    = tripwireClauses.addClause("tripwire.chance", 1)
)

// WireWindow is what was counted in the window that tripped a wire.
type WireWindow struct {
	Minutes  int64          // its length
	To       schemas.Micros // its last capture
	Vehicles int64          // distinct, with an offence
	Passages int64          // reads of the camera
}

func (w *WireWindow) args() []string {
	return []string{strconv.FormatInt(w.Vehicles, 10), strconv.FormatInt(w.Passages, 10), strconv.FormatInt(w.Minutes, 10), w.To.String()}
}

// WireHistory is what was counted before, at comparable hours.
type WireHistory struct {
	SameHour bool // of the same weekday about the same hour; false = of days of the same kind about the same hour
	Offences int64
	Passages int64
}

// RateEvidence explains a share of offences that is not the camera's own. The clauses do not hold.
func (t *Tripwire) RateEvidence(now *WireWindow, before *WireHistory) []schemas.Step {
	clause := stepWireSameKind
	if before.SameHour {
		clause = stepWireSameHour
	}
	return t.withChance(clause, append(now.args(), strconv.FormatInt(before.Offences, 10), strconv.FormatInt(before.Passages, 10),
		perMille(now.Vehicles, now.Passages), perMille(before.Offences, before.Passages)))
}

// PlausibleEvidence explains a share of offences that is implausible of a camera without a history.
func (t *Tripwire) PlausibleEvidence(now *WireWindow) []schemas.Step {
	return t.withChance(stepWirePlausible, append(now.args(), perMille(now.Vehicles, now.Passages), strconv.Itoa(int(t.Plausible))))
}

// ExcessEvidence explains a distribution of speeds that is not the camera's own: x of the window's vehicles exceeded what
// is allowed by the excess or more, and before y of all offences.
func (t *Tripwire) ExcessEvidence(now *WireWindow, excess schemas.Speed, x, y, all int64) []schemas.Step {
	return t.withChance(stepWireExcess, []string{
		strconv.Itoa(int(excess)), strconv.FormatInt(x, 10), strconv.FormatInt(now.Vehicles, 10), strconv.FormatInt(now.Minutes, 10), now.To.String(),
		strconv.FormatInt(y, 10), strconv.FormatInt(all, 10),
	})
}

func (t *Tripwire) withChance(c Clause, args []string) []schemas.Step {
	step := func(c Clause, args ...string) schemas.Step {
		return schemas.Step{Code: c.Key, Args: args, Basis: t.Grounds.LegalBasis, Verified: t.Grounds.Verified}
	}
	return []schemas.Step{step(c, args...), step(stepWireChance, strconv.Itoa(t.Chance))}
}

// perMille returns the share rounded to whole per mille; none of nothing is 0.
func perMille(n, of int64) string {
	if of == 0 {
		return "0"
	}
	return strconv.FormatInt((2000*n+of)/(2*of), 10)
}

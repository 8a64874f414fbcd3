package rules

import (
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// CaseRules are the catalogue values for cases, valid at one instant. No verdict of the stream depends on them. A
// CaseRules is read only.
type CaseRules struct {
	Work    CaseWork
	Holds   map[string]HoldRule // by reason, also reasons of a hold by hand
	Special []PlateSeries       // series whose drivers have a status of their own
	Probes  int                 // known answers among the items, per 10,000

	clocks  map[clockKey]ClockRule
	second  map[schemas.Family]SecondLook
	tracks  map[string]TrackRule
	choices map[choiceKey]string
	regimes map[schemas.Family]string
	wires   map[schemas.Family]Tripwire
}

// Grounds says what a value for cases rests on.
type Grounds struct {
	ValidFrom  string // day
	LegalBasis string // in every language, for [RenderBasis]
	Source     string
	Verified   bool
}

// CaseWork bounds the work of a person on a case.
type CaseWork struct {
	Settle        schemas.Micros // from a verdict to the moment of effect
	CounterWithin schemas.Micros // time in which a person may counter-decide an own verdict
	Preview       schemas.Micros // age at which the preview of a corrected plate is too old
	AgentHoldDays int            // longest hold by hand of an agent, in Brussels days
	Skips         int            // skips of a case that send it to arbitration
	MinShownMS    int64          // least time of an item on the screen before a verdict
	Grounds       Grounds
}

// Anchors of a clock.
const (
	AnchorCaptured = "captured" // the capture of the read
	AnchorTakenIn  = "taken_in" // the intake of the case
)

// ClockRule is a deadline: the end of a Brussels calendar day, counted from an anchor.
type ClockRule struct {
	Anchor       string // AnchorCaptured or AnchorTakenIn
	Months, Days int    // Days may be negative
	Grounds      Grounds
}

// Deadline returns the first instant after the last day.
func (r ClockRule) Deadline(captured, takenIn schemas.Micros) schemas.Micros {
	at := captured
	if r.Anchor == AnchorTakenIn {
		at = takenIn
	}
	return (at.Day().AddMonths(r.Months) + schemas.Day(r.Days) + 1).Start()
}

// CaseClocks are the deadlines of a family's cases.
type CaseClocks struct {
	Decide, Send, Drop ClockRule
}

// HoldEnd says what ends a hold.
type HoldEnd string

// All ends of a hold.
const (
	EndsByDate   HoldEnd = "date"   // at the hold's own date
	EndsByCopy   HoldEnd = "copy"   // with a newer copy of reference data
	EndsByKeying HoldEnd = "keying" // when two persons read the same plate
	EndsByHand   HoldEnd = "hand"   // when a supervisor has settled the doubt
)

// Copy names a copy of data from elsewhere.
type Copy string

// All copies.
const (
	CopyVehicles      Copy = "vehicles"      // register of the vehicle's country
	CopyRegistrations Copy = "registrations" // foreign vehicles registered for the zone
	CopyPasses        Copy = "passes"        // day passes
	CopyExemptions    Copy = "exemptions"
	CopyPermits       Copy = "permits" // of access zones
)

// HoldRule says what ends a hold, how long the hold may last, and what follows then.
type HoldRule struct {
	Reason         string
	Ends           HoldEnd
	Copies         []Copy // copies that could cure the hold
	LongestDays    int    // Brussels days after the day of the hold; 0 = no such bound
	AtDecideBy     bool   // the decide clock bounds the hold
	Then           string // arbitration, withdrawn or open
	WithdrawReason string // for withdrawn
	Grounds        Grounds
}

// SecondLook says when a second person looks at a verdict. A corrected plate is always looked at.
type SecondLook struct {
	NotBelgian      bool
	ConfidenceBelow schemas.PerMille // of the plate; 0 = never
	ExcessFrom      schemas.Speed    // corrected speed above the limit; 0 = never
	Tracks          []string
	Special         bool // plates of a special series
	Unverified      bool // a value of the decision is not verified
	Confirms        int  // random share of confirms, per 10,000
	Rejects         int  // random share of rejects, per 10,000
	Grounds         Grounds
}

// PlateSeries is a series of plates whose drivers have a status of their own.
type PlateSeries struct {
	Kind    string // diplomatic, royal, government, police or priority
	Country schemas.Country
	Form    *regexp.Regexp // of the canonical plate
	Grounds Grounds
}

// TrackRule is a way out of the house: the regime, and the fields that the export check demands.
type TrackRule struct {
	Track   string
	Regime  string
	Fields  []string // closed set, see [ExportFields]
	Grounds Grounds
}

// Missing returns the mandatory fields that has denies, in the order of the catalogue.
func (r TrackRule) Missing(has func(field string) bool) (out []string) {
	for _, f := range r.Fields {
		if !has(f) {
			out = append(out, f)
		}
	}
	return out
}

// anyFamily stands for the families without values of their own.
const anyFamily schemas.Family = ""

type clockKey struct {
	family schemas.Family
	clock  string
}

type choiceKey struct {
	family schemas.Family
	reason string
}

// lookUp finds a family's value, or the value for any family.
func lookUp[K comparable, V any](m map[K]V, own, shared K) (V, bool) {
	v, ok := m[own]
	if !ok {
		v, ok = m[shared]
	}
	return v, ok
}

// Clocks returns the deadlines of the family's cases.
func (r *CaseRules) Clocks(f schemas.Family) CaseClocks {
	find := func(clock string) ClockRule {
		v, _ := lookUp(r.clocks, clockKey{f, clock}, clockKey{anyFamily, clock})
		return v
	}
	return CaseClocks{find(clockDecide), find(clockSend), find(clockDrop)}
}

// SecondLook returns the triggers for the family's cases.
func (r *CaseRules) SecondLook(f schemas.Family) SecondLook {
	v, _ := lookUp(r.second, f, anyFamily)
	return v
}

// Regime returns the regime of the family's cases, "" when the catalogue names none.
func (r *CaseRules) Regime(f schemas.Family) string {
	v, _ := lookUp(r.regimes, f, anyFamily)
	return v
}

// TrackOf proposes the track for a family's case with the reason. A reason without a track gets the family's track, ""
// when there is none.
func (r *CaseRules) TrackOf(f schemas.Family, reason string) string {
	v, ok := r.choices[choiceKey{f, reason}]
	if !ok {
		v = r.choices[choiceKey{f, ""}]
	}
	return v
}

// Track returns a track's rule.
func (r *CaseRules) Track(name string) (TrackRule, bool) {
	v, ok := r.tracks[name]
	return v, ok
}

// Tracks lists the tracks by name.
func (r *CaseRules) Tracks() []TrackRule {
	out := make([]TrackRule, 0, len(r.tracks))
	for _, name := range slices.Sorted(maps.Keys(r.tracks)) {
		out = append(out, r.tracks[name])
	}
	return out
}

// builtInCasework holds the built-in catalogue's sections, for a catalogue without them.
var builtInCasework = sync.OnceValue(func() *casework {
	cat, err := Load(Brussels())
	if err != nil {
		panic("BUG: the built-in catalogue: " + err.Error())
	}
	return &cat.casework
})

// CaseRulesAt returns the values for cases in force at the instant. A catalogue without the sections gets those of the
// built-in catalogue, and one without tripwires gets its tripwires.
func (c *Catalogue) CaseRulesAt(at schemas.Micros) *CaseRules {
	w := &c.casework
	if !w.written {
		w = builtInCasework()
	}
	out := &CaseRules{
		Holds: valuesAt(w.holds, at), clocks: valuesAt(w.clocks, at), second: valuesAt(w.second, at), tracks: valuesAt(w.tracks, at), choices: valuesAt(w.choices, at),
		regimes: valuesAt(w.regimes, at),
	}
	if out.wires = valuesAt(w.wires, at); len(w.wires) == 0 {
		out.wires = valuesAt(builtInCasework().wires, at)
	}
	if e := w.work.inForceAt(at); e != nil {
		out.Work = e.v
	}
	if e := w.probes.inForceAt(at); e != nil {
		out.Probes = e.v
	}
	for i := range w.special {
		if e := &w.special[i]; e.isInForce(at) && !e.announced {
			out.Special = append(out.Special, e.v)
		}
	}
	return out
}

// valuesAt returns the values in force at the instant, by key.
func valuesAt[K comparable, V any](m map[K]datedSeries[V], at schemas.Micros) map[K]V {
	out := make(map[K]V, len(m))
	for k, s := range m {
		if e := s.inForceAt(at); e != nil {
			out[k] = e.v
		}
	}
	return out
}

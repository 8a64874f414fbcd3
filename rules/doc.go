// Package rules judges a passage: nothing, a candidate offence, or an outcome in between. The result depends only on
// the passage, one version of the reference data and one version of the catalogue. There is no clock, no randomness,
// no floating point and no map order. All rounding favours the driver. Where the facts allow two readings, the rules
// choose the reading that spares the driver, or hold the offence for a person.
//
// No legal value is a constant in this package. Norms, days, amounts, thresholds and exemptions come from the
// catalogue. The catalogue is a set of YAML files, and every value has a legal basis, a source and a time of validity.
// The time of capture selects the values, on the Brussels calendar. [Load] refuses a catalogue with a gap, an overlap,
// an unknown key or a missing source; [Check] lists all such faults with file and line.
//
// A family is one kind of finding: the low emission zone (lez*.go), speed (speed*.go), average
// speed over a section (section_control*.go), listed plates (hotlist.go).
// [Family] is the contract, families.go lists the families, and doubt.go has the shared clauses. ADD_A_FAMILY.md adds
// a family step by step.
//
//	cat, err := rules.Load(rules.Brussels())
//	engine := rules.NewEngine(cat, cameras) // for one version of the registry
//	decisions, clean := engine.Decide(nil, subject, ref)
package rules

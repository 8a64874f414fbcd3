// Package rules decides what a passage is: nothing, a candidate offence, or one of the outcomes between. It is a pure
// function of the passage, one version of the reference data and one version of the catalogue: no clock, no randomness, no
// floating point, no order of a map. Everything is rounded in the driver's favour, and where two readings of the
// facts are possible the one that spares the driver is taken, or the offence is held for a person to look.
//
// Nothing legal is a constant here. Norms, days, amounts, thresholds and exemptions are the catalogue: YAML files whose
// every value has a legal basis, a source and a time of validity, chosen by the time of capture on the Brussels calendar.
// [Load] refuses a catalogue with a gap, an overlap, an unknown key or a missing source; [Check] lists everything
// it finds, with file and line.
//
// A family is one kind of finding: the low emission zone (lez*.go), speed (speed*.go), listed plates (hotlist.go). [Family] is the contract,
// families.go the one list; doubt.go has the clauses that all share. ADD_A_FAMILY.md adds one, step by step.
//
//	cat, err := rules.Load(rules.Brussels())
//	engine := rules.NewEngine(cat, cameras) // of one version of the registry
//	decisions, clean := engine.Decide(nil, subject, ref)
package rules

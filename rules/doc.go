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
// The families are the low emission zone (lez.go), speed (speed.go) and hits on listed plates (hotlist.go). To try a change:
//
//	cat, err := rules.Load(rules.Brussels())
//	out, clears := rules.New(cat).Decide(nil, subject, ref)
package rules

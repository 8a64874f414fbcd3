// Package replay decides stored passages again under another rule catalogue or other reference data and says which candidate
// offences would be new, gone or different: what a change would have done to last month. It writes nothing.
//
// A passage does not depend on the catalogue, so passages are not formed anew: each stored passage gets its stored reads back,
// those that came before it was decided, and with them the best read and the measured speed that the pipeline saw. Both
// tables lie in the order of the plate, so two streams are merged as they come, a range of plates a worker; nothing but the
// found offences is kept in memory (about 200 bytes each). Passages whose reads name several plates lie apart and
// come in a second, sorted pass.
//
// An offence that counts once a day (LEZ) belongs to the first of its passages that closed, whatever the order in which
// they are read here: each is decided as if it was alone, and the earliest wins. Speed offences close to one another are settled
// at the end in that order too. Two passages of one class that closed at
// the very same record are told apart by their last and first record, which is the pipeline's own order unless their last
// reads came at the same microsecond of log time.
//
// With the catalogue and the reference data that the pipeline had, the difference is empty: TestReplays.
package replay

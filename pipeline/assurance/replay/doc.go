// Package replay decides stored passages again under another rule catalogue or other reference data and says which candidate
// offences would be new, gone or different: what a change would have done to last month. It writes nothing.
//
// A passage does not depend on the catalogue, so passages are not formed anew: each stored passage gets its stored reads back,
// those that came before it was decided, and with them the best read and the measured speed that the pipeline saw. Both
// tables lie in the order of the plate, so two streams are merged as they come, a range of plates a worker; nothing but the
// found offences is kept in memory (about 200 bytes each). Passages whose reads name several plates lie apart and
// come in a second, sorted pass.
//
// An offence belongs to the first of its passages that closed, whatever the order in which they are read here: each is decided as if
// it was alone, the earliest claim to an id is kept, and the claims are settled at the end in the order of the log. Of several
// passages that closed at the very same record the one whose offence is stored came first; of those without a stored offence the
// one whose last read came first.
//
// A read that is delivered again after its id was forgotten (dedup.Config.RepeatSpan, ten minutes) is stored a second time, and a merge of the
// table keeps either row: around such a read a replay may count a duplicate more or less. Offences are the same.
//
// A stored read becomes a read again in one place (readRow.fill), with everything a sighting keeps, and what the pipeline decided is
// listed in one place (group.subjectsOf). With the catalogue and the reference data that the pipeline had, the difference is empty, and
// the sealed records are the stored ones byte for byte: TestReplays, TestEveryOffenceOfATroubledDayComesOutWithTheSameIDAndSeal.
package replay

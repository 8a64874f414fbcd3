// Package replay decides stored passages again under another rule catalogue or other reference data and reports
// which candidate offences would be new, gone or different: the effect of a change on last month. Replay writes
// nothing.
//
// A passage does not depend on the catalogue, so passages are not formed anew. Each stored passage gets its stored
// reads back, without later reads, and with them the best read and the measured speed as the pipeline saw them.
// Both tables lie in the order of the plate, so two streams are merged as they come, a range of plates a worker;
// only the found offences are kept in memory (about 200 bytes each). Passages whose reads name several plates lie
// apart and come in a second, sorted pass.
//
// An offence belongs to the passage that closed first, whatever the reading order here: each passage is decided
// alone, the earliest claim to an id is kept, and the claims are resolved at the end in the order of the log.
// Among passages that closed at the very same record, the passage with the stored offence came first; among
// passages without a stored offence, the passage with the earlier last read.
//
// A read delivered again after its id was forgotten (dedup.Config.RepeatSpan, ten minutes) is stored a second
// time, and a merge of the table keeps either row: around such a read a replay may count a duplicate more or less.
// Offences are the same.
//
// readRow.fillRead alone turns a stored read into a read again, with everything a sighting keeps, and
// readGroup.subjectsOf alone lists the pipeline's decisions. With the pipeline's own catalogue and reference data
// the difference is empty, and the sealed records equal the stored records byte for byte: TestReplays,
// TestEveryOffenceOfATroubledDayComesOutWithTheSameIDAndSeal.
package replay

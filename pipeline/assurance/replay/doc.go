// Package replay decides stored passages again under another rule catalogue or other reference data. The report lists
// the candidate offences that would be new, gone or different: the effect of a change on last month. Replay writes
// nothing.
//
// # Passages
//
// A passage does not depend on the catalogue, so replay does not form passages anew. Each stored passage gets the
// stored reads back that arrived before the decision. The reads give the best read and the measured speed, as the
// pipeline saw both. Reads and passages are stored in plate order, so a worker merges two streams over a range of
// plates. Only the found offences stay in memory, at about 200 bytes each. Passages whose reads name several plates
// come in a second, sorted pass.
//
// # Order
//
// An offence belongs to the passage that closed first, in any order of reading. Replay decides each passage alone,
// keeps the earliest claim to an id, and at the end resolves the claims in log order. Several passages can close at
// the same record. The passage with the stored offence then came first; without a stored offence, the passage with
// the earlier last read.
//
// # Exactness
//
// The pipeline forgets read ids after dedup.Config.RepeatSpan, ten minutes. A read delivered again after that is
// stored twice, and a merge of the table keeps either row. Around such a read a replay may count a duplicate more or
// less. Offences are the same.
//
// Only readRow.fillRead turns a stored row into a read, with all fields that a sighting keeps. Only
// readGroup.subjectsOf lists the pipeline's decisions. With the pipeline's own catalogue and reference data the
// difference is empty, and the sealed records equal the stored records byte for byte. The proofs are TestReplays and
// TestEveryOffenceOfATroubledDayComesOutWithTheSameIDAndSeal.
package replay

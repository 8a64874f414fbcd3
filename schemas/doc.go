// Package schemas is the contract of the pipeline: the types that pass between stages, the deterministic ids, the
// closed set of reject reasons, the topic names, a description of every table's row, and the embedded ClickHouse
// migrations. The package is a leaf: it imports nothing from this module, and every other package may import it.
//
// # Units
//
// Time is [Micros]: microseconds since 1970-01-01T00:00:00Z, UTC. Legal days are [Day] in Europe/Brussels. Speed is
// [Speed]: tenths of a kilometre per hour. Confidence is per mille (0..1000). Money is euro cents. Positions are
// micro-degrees. No decision uses floating point.
//
// # Compatibility
//
// Protobuf field numbers and enum values, reason names, rule ids and table columns are only added. They are never
// reused and never change meaning. A released migration is never edited.
//
// # Glossary
//
// Each word stands for one thing, in types, files, messages and documents.
//
//	read                  one camera's report of one plate at one instant
//	record, tick          one Kafka record; a record that only moves the log clock, for idle partitions
//	upload                one HTTP request from a camera; quarantined = refused by the gateway and kept on the log
//	format                the form in which a camera maker's cameras send uploads
//	raw plate, plate      as the camera sent the plate; canonical: A-Z 0-9, with a boundary if a German plate needs one
//	alternative           another reading considered by the camera's OCR (wire name: candidate)
//	confusion class       plates that OCR takes for each other; a class always stays in one partition
//	site, lane, zone      cameras that see one passing; lane in a camera's view; police zone
//	passage               one vehicle passing one site once
//	sighting              the part of a read that a passage keeps: best (to show), measured (for the speed)
//	straggler             a read that arrives after the decision on the passage
//	late read             a read received later than the camera's allowed lateness
//	parked vehicle        a vehicle standing in view; gets one row an interval, and repeats are merged
//	merge                 a record counted on another row: a retransmission, or a repeat for a parked vehicle
//	reject, dead letter   a refused record, with a row in rejects; the copy on anpr.rejects.v1
//	redrive               putting a dead letter back on the log
//	hotlist entry, hit    a listed plate; a listed plate that was seen, exactly or through the class
//	family, rule          a kind of finding; its permanent id
//	catalogue             dated rule data: sections with values, each with legal basis and source
//	clause, trace         one question in a decision with the answer; the list of clauses
//	decision              a family's answer on a passage: outcome and reason
//	candidate, hold       an offence for an officer to decide; an offence that waits for time or a fact
//	prior offence         a standing offence that may exclude another offence by the vehicle
//	seal, chain           a hash over a decision; the sequence of a camera's seals
//	reference data        facts for the rules: cameras, registers, lists, exemptions, passes
//	snapshot              one version of the reference data
//	camera registry       all cameras; a register is the vehicles of one country
//	partition, shard      a part of the log; the state and the logic for one partition
//	generation, fenced    one assignment of the consumer group; refused because the generation is over
//	batch, block, range   records on the way into the tables; their rows as columns; their offsets [start, end)
//	plan, rewind          the range announced before the insert; the offset from which a new owner reads back
//	horizon               how far back the state of a shard reaches
//	log clock             the time according to a partition's records; only records move the log clock
//	take-over, rebuild    a partition gets a new owner; the new owner makes the state again by reading back
//	insert token          the name of a range for ClickHouse, which drops a second insert under the same name
//	linger                the time that a batch waits for more rows
//	batches row           the row that proves a range
//	loss                  records that a named person gave up, because nobody can read them
//	parked partition      a partition that stands still until a person resumes the work; other partitions go on
//	receipt, journal      a record acknowledged by a gateway; the gateway's file of receipts
//	reconciliation        the balance of log, tables and topics; residual = a difference, breach = a broken protocol
//	restore, replay       making tables again from log and backup; deciding stored passages again
//	permit, scope         the right to one query; the part of the data that the query may see
//	role, part            one job of the program; a component that starts and stops
package schemas

// Package schemas is the contract of the pipeline: the types that pass between its stages, the deterministic ids, the
// closed set of reject reasons, the topic names, one description of each table's row and the embedded ClickHouse migrations. It is a leaf:
// it imports nothing of this module, and everything else may import it.
//
// # Units
//
// Time is [Micros]: microseconds since 1970-01-01T00:00:00Z, UTC. Legal days are [Day] in Europe/Brussels. Speed is [Speed]: tenths of
// a kilometre per hour. Confidence is per mille (0..1000). Money is euro cents. Positions are micro-degrees. No floating point enters
// anything that decides.
//
// # Compatibility
//
// Protobuf field numbers and enum values, reason names, rule ids and table columns are only added, never reused or given another
// meaning. A migration that was released is never edited.
//
// # Glossary
//
// One word stands for one thing, in types, files, messages and documents.
//
//	read                  one camera's report of one plate at one instant
//	record, tick          one Kafka record; the record that moves the log clock of an idle partition
//	upload                one HTTP request of a camera; a quarantined upload is one that the gateway refused and kept on the log
//	format                a camera maker's form of an upload
//	raw plate, plate      as the camera sent it; canonical, A-Z 0-9, with a boundary where a German plate needs one
//	alternative           another reading that the camera's OCR considered (wire name: candidate)
//	confusion class       plates that OCR takes for each other; one class is in one partition
//	site, lane, zone      cameras that see one passing; lane of a view; police zone
//	passage               one vehicle passing one site once
//	sighting              what a passage keeps of one read: best (the one to show), measured (the one whose speed counts)
//	straggler             a read that arrives after its passage was decided
//	late read             a read received later than its camera's allowed lateness
//	parked vehicle        stands in view; gets a row an interval, its repeats are merged
//	merge                 a record that is counted on another row: a retransmission, or of a parked vehicle
//	reject, dead letter   a refused record (row of rejects); its copy on anpr.rejects.v1
//	redrive               putting a dead letter on the log again
//	hotlist entry, hit    a listed plate; a listed plate that was seen, exactly or through its class
//	family, rule          a kind of finding; its id for ever
//	catalogue             dated rule data: sections of values, each with legal basis and source
//	clause, trace         one question of a decision with its answer; the list of them
//	decision              a family's answer on a passage: its outcome and its reason
//	candidate, hold       an offence that an officer may decide; an offence that waits for time or a fact
//	prior offence         an offence that stands and may exclude another of the vehicle
//	seal, chain           hash over a decision; the seals of a camera in a row
//	reference data        facts that rules look up: cameras, registers, lists, exemptions, passes
//	snapshot              one version of the reference data
//	camera registry       all cameras; a register is the vehicles of one country
//	partition, shard      a part of the log; the state and the logic of one partition
//	generation, fenced    one assignment of the consumer group; refused because it is over
//	batch, block, range   records on their way into the tables; their rows as columns; their offsets [start, end)
//	plan, rewind          the range that is announced before it is inserted; the offset from which a new owner reads back
//	horizon               how far back the state of a shard reaches
//	log clock             the time that the records of a partition tell, which moves with them only
//	take-over, rebuild    a partition gets a new owner; its state is made again by reading back
//	insert token          the name of a range for ClickHouse, which drops what it has under that name
//	linger                the time that a batch waits for more rows
//	batches row           the row that proves a range
//	loss                  records that a person gave up by name, because nobody can read them
//	parked partition      a partition that stands alone until a person resumes it, while the others go on
//	receipt, journal      a record that a gateway acknowledged; its file of them
//	reconciliation        the balance of log, tables and topics; a residual is what is left over, a breach is a broken protocol
//	restore, replay       making tables again from log and backup; deciding stored passages again
//	permit, scope         the right to one query; what it may see
//	role, part            one job of the program; something that starts and stops
package schemas

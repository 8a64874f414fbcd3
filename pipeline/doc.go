// Package pipeline holds no code: it is the house. Its rooms, in the order in which data flows:
//
//	cameras --HTTP--> gateway --> anpr.reads.v1 --> ingest/source
//	                     |                               |
//	                image store                    ingest/shard  decode > normalise > dedup > rules > evidence
//	                                                     |       reference: cameras, registers, lists
//	          plan, insert, commit: ingest -->     ingest/sink --------------> anpr.rejects.v1 (dead letters)
//	                                                 |       |
//	                       ClickHouse <--------------+       +---------------> anpr.hits.v1, anpr.offences.v1
//	                           |
//	          people <--> office (API)
//
//	beside the path:  assurance: reconcile and seals (does it add up)
//	                             recovery (restore, dead letters)   replay (decide again)
//	under the path:   schemas (the contract)   platform (connections, process life, embedded engines)
//	over the path:    roles (starts and stops each job; alone wires)
//	for tests:        testkit (a real engine and broker), testkit/delivery (exactly-once delivery)
//
// An import goes down, and rooms on the same floor do not import each other: imports_test.go has a row for every room,
// with the reason.
package pipeline

// Package embedded is the broker and the database for one machine with no other software: a Kafka-protocol broker in
// this process ([StartBroker]) and the real ClickHouse engine as a child process ([StartClickHouse]). Both keep their
// data in a directory, survive kill -9, and speak the same protocols as the production systems; only addresses differ.
//
// They are for evaluation, small sites and tests. The broker is one node without replication, and what ClickHouse has
// acknowledged is in the kernel's page cache, not on the disk, unless [ClickHouseConfig.Fsync] is set; production is Apache Kafka
// and a ClickHouse server.
//
// A program that calls StartClickHouse must call [MaybeRunEngineChild] first thing in main: the engine runs in a child
// of the program's own binary.
//
// The package serves linux and darwin. Listeners are on loopback unless the caller asks for another host; the broker
// refuses any other, because it encrypts nothing.
package embedded

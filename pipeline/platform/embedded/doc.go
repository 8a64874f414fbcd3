// Package embedded provides broker and database for a single machine without other software: a Kafka-protocol
// broker in this process ([StartBroker]) and the real ClickHouse engine as a child process ([StartClickHouse]).
// Both keep their data in a directory, survive kill -9, and speak the same protocols as the production systems;
// only addresses differ.
//
// The package is for evaluation, small sites and tests. The broker has no replication, and rows acknowledged by
// ClickHouse are in the kernel's page cache, not on the disk, unless [ClickHouseConfig.Fsync] is set. Production
// means Apache Kafka and a ClickHouse server.
//
// A program that calls StartClickHouse must call [MaybeRunEngineChild] first thing in main, because the engine
// runs in a child of the program's own binary.
//
// The package serves linux and darwin. Listeners are on loopback unless the caller asks for another host. The
// broker refuses any other host, because the broker encrypts nothing.
package embedded

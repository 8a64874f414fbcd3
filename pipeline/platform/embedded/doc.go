// Package embedded runs broker and databases on a single machine without other software.
//
//   - [StartBroker] starts a Kafka-protocol broker in this process.
//   - [StartClickHouse] starts the real ClickHouse as a child process.
//   - [StartPostgres] starts the real PostgreSQL as a child process.
//
// All three keep data in a directory, survive kill -9, and speak the protocols of the production systems; only
// addresses differ.
//
// The package is for evaluation, small sites and tests. The broker has no replication. Rows acknowledged by ClickHouse
// are in the kernel's page cache, not on the disk, unless [ClickHouseConfig.Fsync] is set. Production means Apache
// Kafka and a ClickHouse server.
//
// A program that starts ClickHouse or PostgreSQL must call [MaybeRunEngineChild] first thing in main, because each
// engine runs in a child of the program's own binary.
//
// The package serves linux and darwin. Listeners are on loopback unless the caller asks for another host. Broker and
// PostgreSQL refuse any other host, because their connections are not encrypted.
package embedded

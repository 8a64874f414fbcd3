package schemas

import "github.com/cespare/xxhash/v2"

// The topics.
const (
	TopicReads     = "anpr.reads.v1"
	TopicHits      = "anpr.hits.v1"
	TopicOffences  = "anpr.offences.v1"
	TopicRejects   = "anpr.rejects.v1"
	TopicLookUpLog = "anpr.lookuplog.v1" // signed heads of the look-up log, for which the database is not to be trusted
	TopicProbe     = "anpr.probe.v1"     // records without meaning, by which gateways find out whether the broker takes any
)

// SchemaVersion is in every insert token: batches planned under different schemas are never confused.
const SchemaVersion = 1

// Partition says which partition of anpr.reads.v1 a plate belongs to: all reads of a class meet in one. Producers use
// it, and the worker counts what arrives elsewhere. partitions must be above 0. A read without a plate goes by camera.
func Partition(c Class, camera string, partitions int) int {
	if c.IsZero() {
		return int(xxhash.Sum64String(camera) % uint64(partitions))
	}
	var stack [MaxPlate]byte
	return int(xxhash.Sum64(c.AppendTo(stack[:0])) % uint64(partitions))
}

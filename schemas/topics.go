package schemas

import "github.com/cespare/xxhash/v2"

// The topics.
const (
	TopicReads     = "anpr.reads.v1"
	TopicHits      = "anpr.hits.v1"
	TopicOffences  = "anpr.offences.v1"
	TopicRejects   = "anpr.rejects.v1"
	TopicLookUpLog = "anpr.lookuplog.v1" // signed heads of the look-up log, so that nobody has to trust the database
	TopicReviews   = "anpr.reviews.v1"   // events of cases, without plates, keyed by case
	TopicProbe     = "anpr.probe.v1"     // records without meaning: gateways probe whether the broker accepts records
	TopicReference = "anpr.reference.v1" // versions of reference data, when they begin, and where each partition began with them; compacted
)

// AnnouncementLead is the least time between the announcement of a version of reference data and its instant.
const AnnouncementLead = Minute

// SchemaVersion is part of every insert token, so batches planned under different schemas are never confused.
const SchemaVersion = 1

// Partition returns the partition of anpr.reads.v1 for a plate: all reads in a class meet in one partition. Producers
// use Partition, and the worker counts reads that arrive elsewhere. A read without a plate goes by camera. partitions
// must be above 0.
func Partition(c Class, camera string, partitions int) int {
	if c.IsZero() {
		return int(xxhash.Sum64String(camera) % uint64(partitions))
	}
	var stack [MaxPlate]byte
	return int(xxhash.Sum64(c.AppendTo(stack[:0])) % uint64(partitions))
}

package query

import (
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// PartitionProgress tells how far a partition of the reads topic is stored.
type PartitionProgress struct {
	Partition int32     `ch:"kafka_partition"`
	Until     time.Time `ch:"until"` // records received earlier are stored
}

// coveredRoutes are the look-ups of reads and hits, whose answers say how complete they are.
var coveredRoutes = []access.Route{access.RouteSearch, access.RouteSearchPage, access.RouteJourney, access.RouteHits, access.RouteRetro}

// progressTable is batches without conditions on time and zone. An empty work list asks for the progress alone.
var progressTable = queriedTable{name: "batches", routes: slices.Concat(coveredRoutes, []access.Route{access.RouteWork})}

// Progresses selects the progress of every partition.
func Progresses(p access.Permit) (Statement, error) {
	b := newBuilder(p, &progressTable)
	b.addCondition("kafka_topic = {topic:String}", "topic", topic)
	return b.finishStatement(b.writeSelect("kafka_partition, max(log_clock) AS until")+" GROUP BY kafka_partition", maxPartitions)
}

// rejectedTable is rejects by time of receipt.
var rejectedTable = queriedTable{name: "rejects", time: "received_at", zone: rejectsTable.zone, routes: coveredRoutes}

// Rejected counts the cameras' records that were rejected in the window.
func Rejected(p access.Permit, cameras []string) (Statement, error) {
	b := newBuilder(p, &rejectedTable)
	b.whereCameras(cameras)
	return b.finishStatement(b.writeSelect("uniqExact(kafka_topic, kafka_partition, kafka_offset) AS count"), 1)
}

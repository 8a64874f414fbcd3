package sink

import (
	"crypto/sha256"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// payloadHead is how much of a rejected payload the table keeps; the dead-letter topic has the whole.
const payloadHead = 512

// rejectsTable holds rows of schemas/clickhouse/0007_rejects.sql, with the zone of 0017.
type rejectsTable struct {
	reason, field     lowCol
	detail, camera    strCol
	zone              lowCol
	receivedAt        fixedCol
	head              strCol
	size, sum         fixedCol
	topic             lowCol
	partition, offset fixedCol
}

func newRejects() rejectsTable {
	return rejectsTable{receivedAt: timeCol(), size: u64Col(), sum: sumCol(), partition: i32Col(), offset: i64Col()}
}

func (t *rejectsTable) input() proto.Input {
	return proto.Input{
		{Name: "reason", Data: &t.reason},
		{Name: "field", Data: &t.field},
		{Name: "detail", Data: &t.detail},
		{Name: "camera_id", Data: &t.camera},
		{Name: "zone", Data: &t.zone},
		{Name: "received_at", Data: &t.receivedAt},
		{Name: "payload_head", Data: &t.head},
		{Name: "payload_size", Data: &t.size},
		{Name: "payload_sha256", Data: &t.sum},
		{Name: "kafka_topic", Data: &t.topic},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
	}
}

// Reject adds a row of rejects. payload_sha256 is of r.Payload as given: when the gateway cut it before it reached the
// log, it is the digest of what the log has, while payload_size is that of the whole.
func (b *Block) Reject(r *ingest.Rejected) {
	t := &b.rejects
	sum := schemas.Sum(sha256.Sum256(r.Payload))
	t.reason.str(r.Err.Reason.String())
	t.field.str(r.Err.Field)
	t.detail.str(r.Err.Detail)
	t.camera.str(r.Camera)
	t.zone.str(r.Zone)
	t.receivedAt.at(r.ReceivedAt)
	t.head.bytes(r.Payload[:min(len(r.Payload), payloadHead)])
	t.size.u64(wholeSize(r))
	t.sum.sum(&sum)
	t.topic.str(r.Pos.Topic)
	t.partition.i32(r.Pos.Partition)
	t.offset.i64(r.Pos.Offset)
}

func wholeSize(r *ingest.Rejected) uint64 { return max(r.PayloadSize, uint64(len(r.Payload))) }

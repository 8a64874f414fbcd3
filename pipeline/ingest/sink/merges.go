package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// mergesTable holds rows of schemas/clickhouse/0006_merges.sql.
type mergesTable struct {
	readID, passageID      fixedCol
	kind, camera           lowCol
	capturedAt, receivedAt fixedCol
	partition, offset      fixedCol
}

func newMerges() mergesTable {
	return mergesTable{
		readID: uuidCol(), passageID: uuidCol(), capturedAt: timeCol(), receivedAt: timeCol(),
		partition: i32Col(), offset: i64Col(),
	}
}

func (t *mergesTable) input() proto.Input {
	return proto.Input{
		{Name: "read_id", Data: &t.readID},
		{Name: "passage_id", Data: &t.passageID},
		{Name: "kind", Data: &t.kind},
		{Name: "camera_id", Data: &t.camera},
		{Name: "captured_at", Data: &t.capturedAt},
		{Name: "received_at", Data: &t.receivedAt},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
	}
}

// Merge adds a row of merges: a record that has no row of reads because it repeats one.
func (b *Block) Merge(kind ingest.MergeKind, r *schemas.Read, p schemas.PassageID, pos ingest.Position) {
	t := &b.merges
	t.readID.id(&r.ID.ID)
	t.passageID.id(&p.ID)
	t.kind.str(kind.String())
	t.camera.str(r.Camera)
	t.capturedAt.at(r.CapturedAt)
	t.receivedAt.at(r.ReceivedAt)
	t.partition.i32(pos.Partition)
	t.offset.i64(pos.Offset)
}

package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// decisionsTable holds rows of schemas/clickhouse/0005_decisions.sql.
type decisionsTable struct {
	passageID                                  fixedCol
	rule, ruleVersion, family, outcome, reason lowCol
	offenceID                                  fixedCol
	plate                                      strCol
	country, camera                            lowCol
	readID, capturedAt                         fixedCol
	trace                                      strCol
	catalogue, reference                       lowCol
	partition, offset                          fixedCol
}

func newDecisions() decisionsTable {
	return decisionsTable{
		passageID: uuidCol(), offenceID: uuidCol(), readID: uuidCol(), capturedAt: timeCol(),
		partition: i32Col(), offset: i64Col(),
	}
}

func (t *decisionsTable) input() proto.Input {
	return proto.Input{
		{Name: "passage_id", Data: &t.passageID},
		{Name: "rule", Data: &t.rule},
		{Name: "rule_version", Data: &t.ruleVersion},
		{Name: "family", Data: &t.family},
		{Name: "outcome", Data: &t.outcome},
		{Name: "reason", Data: &t.reason},
		{Name: "offence_id", Data: &t.offenceID},
		{Name: "plate", Data: &t.plate},
		{Name: "country", Data: &t.country},
		{Name: "camera_id", Data: &t.camera},
		{Name: "read_id", Data: &t.readID},
		{Name: "captured_at", Data: &t.capturedAt},
		{Name: "trace", Data: &t.trace},
		{Name: "catalogue_version", Data: &t.catalogue},
		{Name: "reference_version", Data: &t.reference},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
	}
}

// Decision adds a row of decisions and, for an offence or a hold, a row of offences, which alone has the trace then. cam is the camera of the read it is
// decided on, nil when it left the registry meanwhile.
func (b *Block) Decision(d *schemas.Decision, class schemas.Class, cam *schemas.Camera, pos ingest.Position, seq uint32) {
	trace := b.trace(b.traced[:0], d.Trace)
	b.traced = trace
	status := statusOf(d.Outcome)
	if status == "" {
		b.decisions.add(d, trace, pos)
		return
	}
	b.decisions.add(d, nil, pos)
	b.offences.add(d, offenceRow{
		status: status, trace: trace, class: class, seq: seq,
		pos: pos, place: placeOf(cam, d.On.CapturedAt),
	})
}

func (t *decisionsTable) add(d *schemas.Decision, trace []byte, pos ingest.Position) {
	t.passageID.id(&d.Passage.ID)
	t.rule.str(string(d.Rule))
	t.ruleVersion.str(d.RuleVersion)
	t.family.str(string(d.Family))
	t.outcome.str(d.Outcome.String())
	t.reason.str(d.Reason)
	t.offenceID.id(&d.Offence.ID)
	t.plate.plate(d.On.Plate)
	t.country.country(d.On.Country)
	t.camera.str(d.On.Camera)
	t.readID.id(&d.On.Read.ID)
	t.capturedAt.at(d.On.CapturedAt)
	t.trace.bytes(trace)
	t.catalogue.str(d.CatalogueVersion)
	t.reference.str(d.ReferenceVersion)
	t.partition.i32(pos.Partition)
	t.offset.i64(pos.Offset)
}

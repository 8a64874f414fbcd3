package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// offencesTable holds rows of schemas/clickhouse/0004_offences.sql.
type offencesTable struct {
	id                                        fixedCol
	rule, ruleVersion, family, status, reason lowCol
	holdUntil                                 fixedCol
	plate, class                              strCol
	country                                   lowCol
	passageID, readID                         fixedCol
	camera, site, zone                        lowCol
	municipality, capturedAt, day             fixedCol
	measured, corrected, limit, amount        fixedCol
	basis                                     strCol
	verified                                  fixedCol
	trace                                     strCol
	catalogue, reference                      lowCol
	image, sealed                             strCol
	seal, prevSeal                            fixedCol
	partition, offset, seq                    fixedCol
}

func newOffences() offencesTable {
	return offencesTable{
		id: uuidCol(), holdUntil: timeCol(), passageID: uuidCol(), readID: uuidCol(), municipality: u32Col(),
		capturedAt: timeCol(), day: dateCol(), measured: i32Col(), corrected: i32Col(), limit: i32Col(),
		amount: i64Col(), verified: boolCol(), seal: sumCol(), prevSeal: sumCol(), partition: i32Col(),
		offset: i64Col(), seq: u32Col(),
	}
}

func (t *offencesTable) input() proto.Input {
	return proto.Input{
		{Name: "offence_id", Data: &t.id},
		{Name: "rule", Data: &t.rule},
		{Name: "rule_version", Data: &t.ruleVersion},
		{Name: "family", Data: &t.family},
		{Name: "status", Data: &t.status},
		{Name: "reason", Data: &t.reason},
		{Name: "hold_until", Data: &t.holdUntil},
		{Name: "plate", Data: &t.plate},
		{Name: "class", Data: &t.class},
		{Name: "country", Data: &t.country},
		{Name: "passage_id", Data: &t.passageID},
		{Name: "read_id", Data: &t.readID},
		{Name: "camera_id", Data: &t.camera},
		{Name: "site", Data: &t.site},
		{Name: "zone", Data: &t.zone},
		{Name: "municipality", Data: &t.municipality},
		{Name: "captured_at", Data: &t.capturedAt},
		{Name: "day", Data: &t.day},
		{Name: "measured_dkmh", Data: &t.measured},
		{Name: "corrected_dkmh", Data: &t.corrected},
		{Name: "limit_dkmh", Data: &t.limit},
		{Name: "amount_cents", Data: &t.amount},
		{Name: "legal_basis", Data: &t.basis},
		{Name: "verified", Data: &t.verified},
		{Name: "trace", Data: &t.trace},
		{Name: "catalogue_version", Data: &t.catalogue},
		{Name: "reference_version", Data: &t.reference},
		{Name: "image_sha256", Data: &t.image},
		{Name: "seal_sha256", Data: &t.seal},
		{Name: "prev_seal_sha256", Data: &t.prevSeal},
		{Name: "sealed", Data: &t.sealed},
		{Name: "kafka_partition", Data: &t.partition},
		{Name: "kafka_offset", Data: &t.offset},
		{Name: "seq", Data: &t.seq},
	}
}

// statusOf names the status of an offence row, or "" for the outcomes that make none.
func statusOf(o schemas.Outcome) string {
	switch o {
	case schemas.OutcomeOffence:
		return "candidate"
	case schemas.OutcomeHeld:
		return "held"
	default:
		return ""
	}
}

type offenceRow struct {
	status string
	trace  []byte
	class  schemas.Class
	place  place
	pos    ingest.Position
	seq    uint32
}

func (t *offencesTable) add(d *schemas.Decision, o offenceRow) {
	t.id.id(&d.Offence.ID)
	t.rule.str(string(d.Rule))
	t.ruleVersion.str(d.RuleVersion)
	t.family.str(string(d.Family))
	t.status.str(o.status)
	t.reason.str(d.Reason)
	t.holdUntil.at(d.HoldUntil)
	t.plate.plate(d.On.Plate)
	t.class.plate(o.class.Plate)
	t.country.country(d.On.Country)
	t.passageID.id(&d.Passage.ID)
	t.readID.id(&d.On.Read.ID)
	t.camera.str(d.On.Camera)
	t.site.str(o.place.site)
	t.zone.str(o.place.zone)
	t.municipality.u32(o.place.municipality)
	t.capturedAt.at(d.On.CapturedAt)
	t.day.i32(int32(d.On.CapturedAt.Day()))
	t.measured.i32(int32(d.Measured))
	t.corrected.i32(int32(d.Corrected))
	t.limit.i32(int32(d.Limit))
	t.amount.i64(d.AmountCents)
	t.basis.str(d.LegalBasis)
	t.verified.bool(d.Verified)
	t.trace.bytes(o.trace)
	t.catalogue.str(d.CatalogueVersion)
	t.reference.str(d.ReferenceVersion)
	t.image.digest(&d.On.Image)
	t.seal.sum(&d.Seal)
	t.prevSeal.sum(&d.PrevSeal)
	t.sealed.bytes(d.Sealed)
	t.partition.i32(o.pos.Partition)
	t.offset.i64(o.pos.Offset)
	t.seq.u32(o.seq)
}

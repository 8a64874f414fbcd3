package replay

import (
	"context"
	"fmt"
	"math"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// storedOffences holds the stored results of the time range.
type storedOffences struct {
	offences map[schemas.ID]storedOffence // captured in the time range
	places   map[evidenceOf]placed        // also places within an hour around the time range
	verdicts map[verdictKey]uint64
}

// evidenceOf is the evidence of an offence: passage, read and rule.
type evidenceOf struct {
	passage, read schemas.ID
	rule          schemas.RuleID
}

// columnPlace is the place of the pipeline's decision in log order: the record, and the number among the offences of
// the record. The order of two passages that close at the same record depends on the log clock at their last reads,
// and no table has this clock. Between two claims to an offence, the claim with a stored row came first.
type columnPlace struct {
	partition int32
	offset    int64
	seq       uint32
}

// placed is a stored offence's place and id.
type placed struct {
	columnPlace
	id schemas.ID
}

// unplaced is the seq of a claim that is not stored, behind all stored claims.
const unplaced = math.MaxUint32

type storedOffence struct {
	id, passage, read    schemas.ID
	seal, prevSeal       schemas.Sum
	rule, status, reason string
	amount               int64
	measures             []schemas.Measure
	plate                schemas.Plate
	captured             schemas.Micros
	columnPlace
}

func readStored(ctx context.Context, cfg *Config) (*storedOffences, error) {
	rows, err := readAll(ctx, cfg.Dial, `SELECT `+selectOf[schemas.OffenceRow](newStoredCols().resultColumns())+` FROM offences WHERE `+inBounds("captured_at"), cfg.boundParams(margin), newStoredCols())
	if err != nil {
		return nil, fmt.Errorf("read the stored offences: %w", err)
	}
	out := &storedOffences{
		offences: make(map[schemas.ID]storedOffence, len(rows)), places: make(map[evidenceOf]placed, len(rows)), verdicts: map[verdictKey]uint64{},
	}
	for _, r := range rows { // a row may stand twice until a merge of the table; both copies are equal
		out.places[evidenceOf{r.passage, r.read, schemas.RuleID(r.rule)}] = placed{r.columnPlace, r.id}
		if cfg.coversCapture(r.captured) {
			out.offences[r.id] = r
		}
	}
	counts, err := readAll(ctx, cfg.Dial, `SELECT rule, outcome, count() AS n FROM (SELECT DISTINCT passage_id, read_id, rule, outcome, reason FROM decisions WHERE `+
		inBounds("captured_at")+`) GROUP BY rule, outcome`, cfg.boundParams(0), newVerdictCols())
	if err != nil {
		return nil, fmt.Errorf("count the stored decisions: %w", err)
	}
	for _, c := range counts {
		out.verdicts[c.key] = c.n
	}
	return out, nil
}

func parseText(s string) (string, bool) { return s, true }

type storedCols struct {
	id, passage, read        proto.ColUUID
	rule, status, reason     *enumColumn[string]
	amount, captured, offset proto.ColInt64
	measures                 measureCols
	partition                proto.ColInt32
	seq                      proto.ColUInt32
	plate                    proto.ColStr
	seal, prevSeal           proto.ColFixedStr
}

func newStoredCols() *storedCols {
	return &storedCols{
		rule: newLow("rule", parseText), status: newLow("status", parseText), reason: newLow("reason", parseText),
		measures: newMeasureCols(),
		seal:     proto.ColFixedStr{Size: len(schemas.Sum{})}, prevSeal: proto.ColFixedStr{Size: len(schemas.Sum{})},
	}
}

func (c *storedCols) resultColumns() proto.Results {
	return proto.Results{
		{Name: "offence_id", Data: &c.id},
		{Name: "passage_id", Data: &c.passage},
		{Name: "read_id", Data: &c.read},
		c.rule.resultColumn(), c.status.resultColumn(), c.reason.resultColumn(),
		{Name: "amount_cents", Data: &c.amount},
		{Name: "measures.name", Data: c.measures.names},
		{Name: "measures.value", Data: c.measures.values},
		{Name: "measures.uncertainty", Data: c.measures.uncertainties},
		{Name: "measures.device", Data: c.measures.devices},
		{Name: "plate", Data: &c.plate},
		{Name: "captured_at" + inMicros, Data: &c.captured},
		{Name: "seal_sha256", Data: &c.seal},
		{Name: "prev_seal_sha256", Data: &c.prevSeal},
		{Name: "kafka_partition", Data: &c.partition},
		{Name: "kafka_offset", Data: &c.offset},
		{Name: "seq", Data: &c.seq},
	}
}

func (c *storedCols) appendRows(dst []storedOffence, n int) ([]storedOffence, error) {
	c.rule.readDictionary()
	c.status.readDictionary()
	c.reason.readDictionary()
	for i := range n {
		p, ok := schemas.PlateFrom(c.plate.RowBytes(i))
		if !ok {
			return nil, fmt.Errorf("offence %s: its plate is not canonical", schemas.ID(c.id[i]))
		}
		o := storedOffence{
			id: schemas.ID(c.id[i]), passage: schemas.ID(c.passage[i]), read: schemas.ID(c.read[i]), amount: c.amount[i],
			measures: c.measures.measuresAt(i), plate: p, captured: schemas.Micros(c.captured[i]),
			seal: schemas.Sum(c.seal.Row(i)), prevSeal: schemas.Sum(c.prevSeal.Row(i)), columnPlace: columnPlace{c.partition[i], c.offset[i], c.seq[i]},
		}
		var errs [3]error
		o.rule, errs[0] = c.rule.valueAt(i)
		o.status, errs[1] = c.status.valueAt(i)
		o.reason, errs[2] = c.reason.valueAt(i)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("offence %s: %w", o.id, err)
			}
		}
		dst = append(dst, o)
	}
	return dst, nil
}

// measureCols are the columns of the measures of an offence.
type measureCols struct {
	names, devices        *proto.ColArr[string]
	values, uncertainties *proto.ColArr[int64]
}

func newMeasureCols() measureCols {
	return measureCols{
		names: new(proto.ColStr).Array(), values: new(proto.ColInt64).Array(), uncertainties: new(proto.ColInt64).Array(), devices: new(proto.ColStr).Array(),
	}
}

// measuresAt returns the measures of a row.
func (c *measureCols) measuresAt(row int) []schemas.Measure {
	r := schemas.OffenceRow{
		MeasureNames: c.names.Row(row), MeasureValues: c.values.Row(row), MeasureUncertainties: c.uncertainties.Row(row), MeasureDevices: c.devices.Row(row),
	}
	return r.ListMeasures()
}

// verdictCount is a row of the table of verdicts.
type verdictCount struct {
	key verdictKey
	n   uint64
}

type verdictCols struct {
	rule, outcome *enumColumn[string]
	n             proto.ColUInt64
}

func newVerdictCols() *verdictCols {
	return &verdictCols{rule: newLow("rule", parseText), outcome: newLow("outcome", parseText)}
}

func (c *verdictCols) resultColumns() proto.Results {
	return proto.Results{c.rule.resultColumn(), c.outcome.resultColumn(), {Name: "n", Data: &c.n}}
}

func (c *verdictCols) appendRows(dst []verdictCount, n int) ([]verdictCount, error) {
	c.rule.readDictionary()
	c.outcome.readDictionary()
	for i := range n {
		rule, err := c.rule.valueAt(i)
		if err != nil {
			return nil, err
		}
		outcome, err := c.outcome.valueAt(i)
		if err != nil {
			return nil, err
		}
		dst = append(dst, verdictCount{verdictKey{schemas.RuleID(rule), outcome}, c.n[i]})
	}
	return dst, nil
}

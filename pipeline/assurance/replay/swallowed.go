package replay

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// Swallowed returns the passages that an offence had swallowed as duplicates, in the order of the log, each as a
// question to [DecideSingle]. plate is that of the offence as sealed, which all of them have.
func Swallowed(ctx context.Context, conns *Connections, q *Single, plate schemas.Plate) (out []Single, err error) {
	const most = 24 * schemas.Hour // no rule has a longer period than a day, or a span that is longer
	var rows []swallowedRow
	err = conns.use(ctx, func(conn *connection) error {
		rows, err = readRows(ctx, conn, `SELECT passage_id, read_id, toUnixTimestamp64Micro(captured_at) AS captured_at_us FROM decisions
		WHERE plate = {plate:String} AND `+inBounds("captured_at")+` AND rule = {rule:String} AND outcome = 'duplicate' AND offence_id = {id:UUID}
		ORDER BY kafka_partition, kafka_offset, captured_at, passage_id, read_id`,
			q.boundParams(most, textParam("plate", plate.String()), textParam("rule", string(q.Rule)), textParam("id", q.Offence.String())), &swallowedCols{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what offence %s had swallowed: %w", q.Offence, err)
	}
	seen := map[swallowedRow]bool{}
	for _, r := range rows { // a row may stand twice until a merge of the table
		if !seen[r] {
			out = append(out, Single{
				Offence: q.Offence, Passage: schemas.PassageID{ID: r.passage}, Read: schemas.ReadID{ID: r.read}, CapturedAt: r.captured, Rule: q.Rule, Family: q.Family, Stored: plate,
			})
		}
		seen[r] = true
	}
	return out, nil
}

type swallowedRow struct {
	passage, read schemas.ID
	captured      schemas.Micros
}

type swallowedCols struct {
	passage, read proto.ColUUID
	captured      proto.ColInt64
}

func (c *swallowedCols) resultColumns() proto.Results {
	return proto.Results{{Name: "passage_id", Data: &c.passage}, {Name: "read_id", Data: &c.read}, {Name: "captured_at_us", Data: &c.captured}}
}

func (c *swallowedCols) appendRows(dst []swallowedRow, n int) ([]swallowedRow, error) {
	for i := range n {
		dst = append(dst, swallowedRow{schemas.ID(c.passage[i]), schemas.ID(c.read[i]), schemas.Micros(c.captured[i])})
	}
	return dst, nil
}

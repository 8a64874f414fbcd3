package replay

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// kept is what the tables hold of the window.
type kept struct {
	offences map[schemas.ID]storedOffence
	verdicts map[verdictKey]uint64
}

type storedOffence struct {
	id, passage                schemas.ID
	rule, status, reason       string
	amount                     int64
	measured, corrected, limit int32
	plate                      schemas.Plate
	captured                   schemas.Micros
}

func readStored(ctx context.Context, cfg *Config) (*kept, error) {
	rows, err := all(ctx, cfg.Dial, `SELECT offence_id, passage_id, rule, status, reason, amount_cents, measured_dkmh, corrected_dkmh, limit_dkmh, plate,
		toUnixTimestamp64Micro(captured_at) AS captured FROM offences WHERE `+within("captured_at"), cfg.span(0), newStoredCols())
	if err != nil {
		return nil, fmt.Errorf("read the stored offences: %w", err)
	}
	out := &kept{offences: make(map[schemas.ID]storedOffence, len(rows)), verdicts: map[verdictKey]uint64{}}
	for _, r := range rows {
		out.offences[r.id] = r // a row that is there twice until a merge of the table is the same
	}
	counts, err := all(ctx, cfg.Dial, `SELECT rule, outcome, count() AS n FROM (SELECT DISTINCT passage_id, rule, outcome, reason FROM decisions WHERE `+
		within("captured_at")+`) GROUP BY rule, outcome`, cfg.span(0), newVerdictCols())
	if err != nil {
		return nil, fmt.Errorf("count the stored decisions: %w", err)
	}
	for _, c := range counts {
		out.verdicts[c.key] = c.n
	}
	return out, nil
}

func text(s string) (string, bool) { return s, true }

type storedCols struct {
	id, passage                proto.ColUUID
	rule, status, reason       *low[string]
	amount, captured           proto.ColInt64
	measured, corrected, limit proto.ColInt32
	plate                      proto.ColStr
}

func newStoredCols() *storedCols {
	return &storedCols{rule: newLow("rule", text), status: newLow("status", text), reason: newLow("reason", text)}
}

func (c *storedCols) results() proto.Results {
	return proto.Results{
		{Name: "offence_id", Data: &c.id},
		{Name: "passage_id", Data: &c.passage},
		c.rule.column(), c.status.column(), c.reason.column(),
		{Name: "amount_cents", Data: &c.amount},
		{Name: "measured_dkmh", Data: &c.measured},
		{Name: "corrected_dkmh", Data: &c.corrected},
		{Name: "limit_dkmh", Data: &c.limit},
		{Name: "plate", Data: &c.plate},
		{Name: "captured", Data: &c.captured},
	}
}

func (c *storedCols) appendRows(dst []storedOffence, n int) ([]storedOffence, error) {
	c.rule.prepare()
	c.status.prepare()
	c.reason.prepare()
	for i := range n {
		p, ok := schemas.PlateFrom(c.plate.RowBytes(i))
		if !ok {
			return nil, fmt.Errorf("offence %s: its plate is not canonical", schemas.ID(c.id[i]))
		}
		o := storedOffence{
			id: schemas.ID(c.id[i]), passage: schemas.ID(c.passage[i]), amount: c.amount[i], measured: c.measured[i], corrected: c.corrected[i],
			limit: c.limit[i], plate: p, captured: schemas.Micros(c.captured[i]),
		}
		var errs [3]error
		o.rule, errs[0] = c.rule.at(i)
		o.status, errs[1] = c.status.at(i)
		o.reason, errs[2] = c.reason.at(i)
		for _, err := range errs {
			if err != nil {
				return nil, fmt.Errorf("offence %s: %w", o.id, err)
			}
		}
		dst = append(dst, o)
	}
	return dst, nil
}

// verdictCount is a row of the table of verdicts.
type verdictCount struct {
	key verdictKey
	n   uint64
}

type verdictCols struct {
	rule, outcome *low[string]
	n             proto.ColUInt64
}

func newVerdictCols() *verdictCols {
	return &verdictCols{rule: newLow("rule", text), outcome: newLow("outcome", text)}
}

func (c *verdictCols) results() proto.Results {
	return proto.Results{c.rule.column(), c.outcome.column(), {Name: "n", Data: &c.n}}
}

func (c *verdictCols) appendRows(dst []verdictCount, n int) ([]verdictCount, error) {
	c.rule.prepare()
	c.outcome.prepare()
	for i := range n {
		rule, err := c.rule.at(i)
		if err != nil {
			return nil, err
		}
		outcome, err := c.outcome.at(i)
		if err != nil {
			return nil, err
		}
		dst = append(dst, verdictCount{verdictKey{schemas.RuleID(rule), outcome}, c.n[i]})
	}
	return dst, nil
}

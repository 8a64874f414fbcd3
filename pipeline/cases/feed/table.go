package feed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

// Table reads the table offences.
type Table struct{ DB driver.Conn }

// complete gives each intake what the table has under its offence and seal, and returns those without such a row.
func (t *Table) complete(ctx context.Context, in []*cases.Intake) (open []*cases.Intake, err error) {
	ids := make([]schemas.OffenceID, len(in))
	from, to := in[0].Decision.On.CapturedAt, in[0].Decision.On.CapturedAt
	for n, i := range in {
		ids[n] = i.Offence
		from, to = min(from, i.Decision.On.CapturedAt), max(to, i.Decision.On.CapturedAt)
	}
	rows, err := t.find(ctx, ids, from, to+1)
	if err != nil {
		return nil, err
	}
	for _, i := range in {
		n := slices.IndexFunc(rows, func(r evidence.Row) bool { return r.OffenceID == i.Offence && r.Seal == schemas.Digest(i.Seal[:]) })
		if n < 0 {
			open = append(open, i)
			continue
		}
		whole, err := intakeOf(&rows[n])
		if err != nil {
			open = append(open, i)
			continue
		}
		whole.Straggler = i.Straggler
		*i = whole
	}
	return open, nil
}

// find returns the rows of offences with a capture in [from, to).
func (t *Table) find(ctx context.Context, ids []schemas.OffenceID, from, to schemas.Micros) ([]evidence.Row, error) {
	list := make([]string, len(ids))
	for n, id := range ids {
		list[n] = "'" + id.String() + "'"
	}
	var rows []evidence.Row
	err := t.DB.Select(ctx, &rows, "SELECT "+strings.Join(evidence.Columns(), ", ")+" FROM offences WHERE captured_at >= "+sqlTime(from)+" AND captured_at < "+sqlTime(to)+
		" AND offence_id IN ("+strings.Join(list, ", ")+") ORDER BY offence_id, kafka_offset")
	if err != nil {
		return nil, fmt.Errorf("read offences from the table: %w", err)
	}
	return rows, nil
}

// sqlTime is an instant in SQL.
func sqlTime(at schemas.Micros) string {
	return fmt.Sprintf("fromUnixTimestamp64Micro(%d, 'UTC')", at)
}

// mixOf is the sum of [store.HourSum] over the ids of a column.
func mixOf(column string) string {
	return "groupBitXor(reinterpretAsUInt64(reverse(substring(UUIDToNum(" + column + "), 9, 8))))"
}

// countByHour counts the offences with a capture in [from, to), by hour of capture.
func (t *Table) countByHour(ctx context.Context, from, to schemas.Micros) ([]store.HourSum, error) {
	out, err := t.sumHours(ctx, "SELECT toUnixTimestamp(toStartOfHour(at)) AS hour, count(), "+mixOf("offence_id")+" FROM (SELECT offence_id, min(captured_at) AS at FROM offences WHERE captured_at >= "+
		sqlTime(from)+" AND captured_at < "+sqlTime(to)+" GROUP BY offence_id) GROUP BY hour")
	if err != nil {
		return nil, fmt.Errorf("count the offences of the table: %w", err)
	}
	return out, nil
}

// countReviews counts the distinct events recorded in [from, to) that the table reviews has, by hour.
func (t *Table) countReviews(ctx context.Context, from, to schemas.Micros) ([]store.HourSum, error) {
	out, err := t.sumHours(ctx, "SELECT toUnixTimestamp(toStartOfHour(at)) AS hour, count(), "+mixOf("event_id")+" FROM (SELECT DISTINCT event_id, recorded_at AS at FROM reviews WHERE recorded_at >= "+
		sqlTime(from)+" AND recorded_at < "+sqlTime(to)+") GROUP BY hour")
	if err != nil {
		return nil, fmt.Errorf("count the reviews: %w", err)
	}
	return out, nil
}

func (t *Table) sumHours(ctx context.Context, query string) (out []store.HourSum, err error) {
	rows, err := t.DB.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var hour uint32
		var n, mix uint64
		if err := rows.Scan(&hour, &n, &mix); err != nil {
			return nil, err
		}
		out = append(out, store.HourSum{Hour: schemas.Micros(hour) * schemas.Second, N: int64(n), Mix: int64(mix)})
	}
	return out, rows.Err()
}

// reviewsIn returns the distinct events recorded in [from, to) that the table reviews has.
func (t *Table) reviewsIn(ctx context.Context, from, to schemas.Micros) (map[schemas.ID]bool, error) {
	rows, err := t.DB.Query(ctx, "SELECT DISTINCT event_id FROM reviews WHERE recorded_at >= "+sqlTime(from)+" AND recorded_at < "+sqlTime(to))
	if err != nil {
		return nil, fmt.Errorf("list the reviews: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[schemas.ID]bool{}
	for rows.Next() {
		var id schemas.ID
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list the reviews: %w", err)
		}
		out[id] = true
	}
	return out, rows.Err()
}

// idsOf returns the distinct offences with a capture in [from, to) that were stored before the instant.
func (t *Table) idsOf(ctx context.Context, from, to schemas.Micros, stored time.Time) ([]schemas.OffenceID, error) {
	rows, err := t.DB.Query(ctx, "SELECT DISTINCT offence_id FROM offences WHERE captured_at >= "+sqlTime(from)+" AND captured_at < "+sqlTime(to)+
		" AND inserted_at < "+sqlTime(schemas.MicrosOf(stored)))
	if err != nil {
		return nil, fmt.Errorf("list the offences of the table: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []schemas.OffenceID
	for rows.Next() {
		var id schemas.OffenceID
		if err := rows.Scan(&id.ID); err != nil {
			return nil, fmt.Errorf("list the offences of the table: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// markStragglers sets Straggler of rows that were decided on a single late read: the record of that read is the record
// that the decision was made at. Every other passage closes at a later record.
func (t *Table) markStragglers(ctx context.Context, rows []evidence.Row, in []cases.Intake) error {
	if len(rows) == 0 {
		return nil
	}
	keys := make([]string, len(rows))
	for n := range rows {
		keys[n] = fmt.Sprintf("('%s', %s, '%s')", plateOf(&rows[n]), sqlTime(schemas.MicrosOf(rows[n].CapturedAt)), rows[n].ReadID)
	}
	got, err := t.DB.Query(ctx, "SELECT read_id, kafka_partition, kafka_offset FROM reads WHERE (plate, captured_at, read_id) IN ("+strings.Join(keys, ", ")+")")
	if err != nil {
		return fmt.Errorf("find the reads of offences: %w", err)
	}
	defer func() { _ = got.Close() }()
	for got.Next() {
		var id schemas.ID
		var partition int32
		var offset int64
		if err := got.Scan(&id, &partition, &offset); err != nil {
			return fmt.Errorf("find the reads of offences: %w", err)
		}
		for n := range rows {
			if rows[n].ReadID.ID == id && rows[n].Partition == partition && rows[n].Offset == offset {
				in[n].Straggler = true
			}
		}
	}
	return got.Err()
}

// plateOf returns the plate of a row for a statement; a text that is no plate is none.
func plateOf(row *evidence.Row) string {
	p, _ := schemas.PlateFrom(row.Plate)
	return p.String()
}

package sink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

var _ ingest.State = (*StoredState)(nil)

// StoredState implements [ingest.State] by queries. It is safe for concurrent use.
type StoredState struct{ conn driver.Conn }

// NewStoredState reads back through conn; the caller closes conn.
func NewStoredState(conn driver.Conn) *StoredState { return &StoredState{conn: conn} }

// Reached returns the greatest end offset in the partition's batches rows. It reads only the last row: a partition's
// ranges do not overlap, so the last range to start is the last to end. Three rules keep ranges apart: each range is
// committed as a plan under the group's fence before its rows are stored; a new owner finishes exactly the plan it
// finds; and a range set back into stored offsets is refused. Several rows with the same start, perhaps left by a
// repeat, have the same end.
func (s *StoredState) Reached(ctx context.Context, topic string, partition int32) (r ingest.StoredExtent, err error) {
	err = s.conn.QueryRow(ctx, `SELECT end_offset FROM batches WHERE kafka_topic = ? AND kafka_partition = ?
		ORDER BY kafka_topic DESC, kafka_partition DESC, start_offset DESC, end_offset DESC LIMIT 1`, topic, partition).Scan(&r.End)
	if errors.Is(err, sql.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read back the ledger of partition %d: %w", partition, err)
	}
	r.Any = true
	return r, nil
}

// Offences returns the partition's candidates and holds captured on the Brussels day since or later and decided by
// records below the offset, each once and in id order. The trace says whether a reading was certain. For an offence
// stored before the trace had this clause, certainty follows from the clauses confidence and unanimous and from a
// known country.
func (s *StoredState) Offences(ctx context.Context, partition int32, below int64, since schemas.Day) ([]schemas.PriorOffence, error) {
	rows, err := s.conn.Query(ctx, `SELECT DISTINCT toString(offence_id), toUnixTimestamp64Micro(captured_at), toString(passage_id),
		toString(read_id), toString(rule), toString(family), plate, toString(country), toString(site),
		if(position(trace, '{"code":"certain"') > 0, position(trace, '{"code":"certain","holds":true') > 0,
			position(trace, '{"code":"unanimous","holds":true') > 0 AND position(trace, '{"code":"confidence","holds":false') = 0 AND country != '') FROM offences
		WHERE kafka_partition = ? AND kafka_offset < ? AND captured_at >= fromUnixTimestamp64Micro(?, 'UTC') ORDER BY 1`,
		partition, below, int64(since.Start()))
	if err != nil {
		return nil, fmt.Errorf("read back offences of partition %d: %w", partition, err)
	}
	defer func() { _ = rows.Close() }()
	var out []schemas.PriorOffence
	for rows.Next() {
		var offence, passage, read, rule, family, plate, country, site string
		var at int64
		var certain bool
		if err := rows.Scan(&offence, &at, &passage, &read, &rule, &family, &plate, &country, &site, &certain); err != nil {
			return nil, fmt.Errorf("read back offences of partition %d: %w", partition, err)
		}
		o, err1 := schemas.ParseID(offence)
		p, err2 := schemas.ParseID(passage)
		r, err3 := schemas.ParseID(read)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("read back offences of partition %d: %w", partition, err)
		}
		e := schemas.PriorOffence{
			ID: schemas.OffenceID{ID: o}, Certain: certain, Read: schemas.ReadID{ID: r}, CapturedAt: schemas.Micros(at), Passage: schemas.PassageID{ID: p},
		}
		var ok bool
		if e.Plate, ok = schemas.PlateFrom(plate); !ok {
			return nil, fmt.Errorf("offence %s of partition %d: its plate is not canonical: %w", offence, partition, ingest.ErrStop)
		}
		e.Country, _ = schemas.CountryFrom(country)
		e.ExclusionKey = rules.ExclusionKeyOf(schemas.RuleID(rule), schemas.Family(family), e.Plate, site, e.CapturedAt)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read back offences of partition %d: %w", partition, err)
	}
	return out, nil
}

// Told returns the hits that were told at the partition's records in [from, below).
func (s *StoredState) Told(ctx context.Context, partition int32, from, below int64) ([]shard.Told, error) {
	rows, err := s.conn.Query(ctx, `SELECT DISTINCT toString(passage_id), toString(list), entry_id, toString(match) FROM hits
		WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ?`, partition, from, below)
	if err != nil {
		return nil, fmt.Errorf("read back hits of partition %d: %w", partition, err)
	}
	defer func() { _ = rows.Close() }()
	var out []shard.Told
	for rows.Next() {
		var t shard.Told
		var passage, match string
		if err := rows.Scan(&passage, &t.List, &t.Entry, &match); err != nil {
			return nil, fmt.Errorf("read back hits of partition %d: %w", partition, err)
		}
		id, err := schemas.ParseID(passage)
		if err != nil {
			return nil, fmt.Errorf("read back hits of partition %d: %w", partition, err)
		}
		t.Passage, t.Match = schemas.PassageID{ID: id}, schemas.MatchExact
		if match == schemas.MatchConfusable.String() {
			t.Match = schemas.MatchConfusable
		}
		out = append(out, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read back hits of partition %d: %w", partition, err)
	}
	return out, nil
}

package sink

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// A long history: perDay offences, hits and batches rows a day, in several partitions whose offsets grow at
// different speeds.
const (
	perDay     = 1000
	partitions = 3
	cameras    = 40
	granule    = 8192 // rows, the least that is read of a part
)

// lengthenHistory adds days [from, to) to a history from march on.
func lengthenHistory(t *testing.T, conn driver.Conn, from, to int) {
	t.Helper()
	at := fmt.Sprintf("fromUnixTimestamp64Micro(%d + toInt64(number) * %d, 'UTC')", march, int64(24*schemas.Hour)/perDay)
	numbers := fmt.Sprintf("numbers(%d, %d)", from*perDay, (to-from)*perDay)
	const place = "number % 3 AS kafka_partition, intDiv(number, 3) * 10 * pow(10, number % 3) AS kafka_offset"
	for _, sql := range []string{
		`INSERT INTO offences (offence_id, passage_id, read_id, rule, family, camera_id, captured_at, plate, seal_sha256, trace, kafka_partition, kafka_offset, seq)
			SELECT generateUUIDv4(1), generateUUIDv4(2), generateUUIDv4(3), 'bru.speed.fixed', ['lez', 'speed', 'light'][1 + sipHash64(number) % 3], 'cam' || toString(sipHash64(number) % 40), ` + at + `,
			'1ABC' || toString(100 + number % 900), SHA256(toString(number)), '[]', ` + place + `, 0 FROM ` + numbers,
		`INSERT INTO hits (hit_id, passage_id, list, entry_id, match, listed_plate, captured_at, kafka_partition, kafka_offset)
			SELECT generateUUIDv4(1), generateUUIDv4(2), 'stolen', toString(number), 'exact', '1ABC' || toString(sipHash64(number) % 100000), ` + at + `, ` + place + ` FROM ` + numbers,
		`INSERT INTO batches (kafka_topic, kafka_partition, start_offset, end_offset)
			SELECT '` + schemas.TopicReads + `', number % 3, intDiv(number, 3) * 10 * pow(10, number % 3), (intDiv(number, 3) + 1) * 10 * pow(10, number % 3) FROM ` + numbers,
	} {
		if err := conn.Exec(t.Context(), sql+" SETTINGS max_partitions_per_insert_block = 1000"); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"offences", "hits", "batches"} { // as many parts as months
		if err := conn.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
}

// rowsRead counts the rows that the server reads for what f asks.
func rowsRead(t *testing.T, f func(ctx context.Context) error) (n uint64) {
	t.Helper()
	ctx := clickhouse.Context(t.Context(), clickhouse.WithProgress(func(p *clickhouse.Progress) { n += p.Rows }))
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
	return n
}

// takeOverQueries returns every query of a take-over, and the queries from before the projections.
func takeOverQueries(s *StoredState, partition int32, days int) map[string]func(ctx context.Context) error {
	step := int64(10)
	for range partition {
		step *= 10
	}
	end := int64(days*perDay/partitions) * step
	seals := func(below int64) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			got, err := s.Seals(ctx, partition, below)
			if err == nil && len(got) != cameras {
				return fmt.Errorf("%d cameras have a seal, want %d", len(got), cameras)
			}
			return err
		}
	}
	return map[string]func(ctx context.Context) error{
		"reached": func(ctx context.Context) error {
			got, err := s.Reached(ctx, schemas.TopicReads, partition)
			if want := (ingest.StoredExtent{End: end, Any: true}); err == nil && got != want {
				return fmt.Errorf("reached %v, want %v", got, want)
			}
			return err
		},
		"losses": func(ctx context.Context) error {
			got, err := s.Losses(ctx, schemas.TopicReads, partition)
			if err == nil && len(got) != 0 {
				return fmt.Errorf("losses %v, want none", got)
			}
			return err
		},
		"seals":                   seals(end),
		"seals, batch under way":  seals(end - 200*step),
		"seals, nothing is below": func(ctx context.Context) error { _, err := s.Seals(ctx, partition, 0); return err },
		"told": func(ctx context.Context) error {
			got, err := s.Told(ctx, partition, end-100*step, end-10*step)
			if err == nil && len(got) != 90 {
				return fmt.Errorf("told %d hits, want 90", len(got))
			}
			return err
		},
		"offences": func(ctx context.Context) error {
			got, err := s.Offences(ctx, partition, end, (march + schemas.Micros(days-1)*24*schemas.Hour).Day())
			if err == nil && (len(got) < perDay/partitions || len(got) > 2*perDay/partitions+1) {
				return fmt.Errorf("%d offences of the last days, want those of one and a half", len(got))
			}
			return err
		},
		"seals by a scan": func(ctx context.Context) error {
			var seals uint64
			return s.conn.QueryRow(ctx, "SELECT count() FROM ("+strings.Replace(sealsByScan, " SETTINGS", ") SETTINGS", 1), partition, end).Scan(&seals)
		},
		"ledger by a scan": func(ctx context.Context) error {
			var reached int64
			return s.conn.QueryRow(ctx, "SELECT max(end_offset) FROM batches WHERE kafka_topic = ? AND kafka_partition = ?", schemas.TopicReads, partition).Scan(&reached)
		},
	}
}

// TestATakeoverReadsAsMuchOfALongHistoryAsOfAShortOne: ten months cost the same as one.
func TestATakeoverReadsAsMuchOfALongHistoryAsOfAShortOne(t *testing.T) {
	_, conn := newMigratedSink(t, nil)
	if err := conn.Exec(t.Context(), "ALTER TABLE hits REMOVE TTL"); err != nil { // the history may be old when the test runs
		t.Fatal(err)
	}
	s := NewStoredState(conn)
	read := map[string][2]uint64{} // of the short and the long history, the most of a partition
	lengths := [2]int{30, 300}
	for k, days := range lengths {
		lengthenHistory(t, conn, lengths[0]*k, days)
		for partition := range int32(partitions) {
			for what, ask := range takeOverQueries(s, partition, days) {
				n := read[what]
				n[k] = max(n[k], rowsRead(t, ask))
				read[what] = n
			}
		}
	}
	const months = 10
	short := func(what string) uint64 { return read[what][0] }
	for what, most := range map[string]uint64{
		"reached":                 short("reached") + granule,
		"seals":                   partitions * cameras * months,
		"seals, batch under way":  partitions*cameras*months + 3*granule,
		"seals, nothing is below": partitions * cameras * months,
		"told":                    (months + 1) * granule, // a place in each part of the year that hits are kept
		"offences":                short("offences") + granule,
	} {
		n := read[what]
		t.Logf("%-24s %7d rows of %d days, %7d of %d", what, n[0], lengths[0], n[1], lengths[1])
		if n[1] == 0 || n[1] > most {
			t.Errorf("%s: %d rows were read of %d days and %d of %d, want at most %d", what, n[0], lengths[0], n[1], lengths[1], most)
		}
	}
	if n := read["losses"]; n[1] > granule { // none was recorded
		t.Errorf("losses: %d rows were read of %d days and %d of %d, want at most %d", n[0], lengths[0], n[1], lengths[1], granule)
	}
	for _, what := range []string{"seals by a scan", "ledger by a scan"} { // else the history is too short to tell
		n := read[what]
		t.Logf("%-24s %7d rows of %d days, %7d of %d", what, n[0], lengths[0], n[1], lengths[1])
		if n[1] < 4*n[0] {
			t.Errorf("%s reads %d rows of the short and %d of the long history: the test does not see what is read", what, n[0], n[1])
		}
	}
}

// TestToldHitsAreThoseOfTheRowsAfterMergesAndDeletions: the projection behind Told follows repeated, expired and
// deleted rows.
func TestToldHitsAreThoseOfTheRowsAfterMergesAndDeletions(t *testing.T) {
	_, conn := newMigratedSink(t, nil)
	put := func(offset, passage int, at string) {
		t.Helper()
		for range 2 { // rows that a merge makes one
			if err := conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO hits (hit_id, passage_id, list, entry_id, match, listed_plate, captured_at, kafka_partition, kafka_offset)
				VALUES (toUUID('00000000-0000-0000-0000-0000000000%02d'), toUUID('00000000-0000-0000-0000-0000000001%02d'), 'stolen', 'e', 'exact', '1ABC123', %s, 1, %d)`, passage, passage, at, offset)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// So many others that the server takes the projection.
	if err := conn.Exec(t.Context(), `INSERT INTO hits (hit_id, listed_plate, captured_at, kafka_partition, kafka_offset)
		SELECT generateUUIDv4(), toString(sipHash64(number)), now64(6) - INTERVAL 1 HOUR, 0, number FROM numbers(40000)`); err != nil {
		t.Fatal(err)
	}
	put(10, 1, "now64(6) - INTERVAL 1 HOUR")
	put(11, 2, "now64(6) - INTERVAL 1 HOUR")
	put(12, 3, "now64(6) - INTERVAL 14 MONTH")
	put(20, 4, "now64(6) - INTERVAL 1 HOUR")
	s := NewStoredState(conn)
	forced := withSettings(t.Context(), clickhouse.Settings{"force_optimize_projection_name": "by_offset"})
	told := func(when string, want int) {
		t.Helper()
		for _, ctx := range []context.Context{t.Context(), forced} {
			if got, err := s.Told(ctx, 1, 10, 20); err != nil || len(got) != want {
				t.Errorf("%s: got %v, %v, want %d hits", when, got, err, want)
			}
		}
	}
	for _, sql := range []string{"OPTIMIZE TABLE hits FINAL", "ALTER TABLE hits MATERIALIZE TTL SETTINGS mutations_sync = 2"} {
		if err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	told("expired", 2)
	if err := conn.Exec(t.Context(), "ALTER TABLE hits DELETE WHERE kafka_partition = 1 AND kafka_offset >= 11 SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	told("deleted", 1)
}

package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// visibleRows polls the read table for new rows: a row's latency ends with the answer to the first SELECT with the
// row. A partition's rows are inserted in offset order, so the last seen offset marks the new rows.
type visibleRows struct {
	db    *sql
	every time.Duration
	start *dueTimes
	rows  *latencyTimes
	polls *latencyTimes // the queries' own time: the cost added by polling
	seen  atomic.Int64
	next  map[int]int64 // by partition
	buf   []byte
}

func newVisible(db *sql, every time.Duration, s *dueTimes, ends map[int]int64) *visibleRows {
	return &visibleRows{db: db, every: every, start: s, rows: newTimes(), polls: newTimes(), next: maps.Clone(ends)}
}

// pollRows polls until ctx ends and tries failed queries again: a restart of the database is latency too.
func (v *visibleRows) pollRows(ctx context.Context) {
	tick := time.NewTicker(v.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		if err := v.pollOnce(ctx); err == nil {
			v.polls.recordMicros(time.Since(began).Microseconds())
		}
	}
}

// pollOnce reads the rows that became visible and records their latency.
func (v *visibleRows) pollOnce(ctx context.Context) error {
	b, err := v.db.queryRows(ctx, v.buf[:0], v.newRowsQuery())
	v.buf = b[:0]
	if err != nil {
		return err
	}
	now := schemas.MicrosOf(time.Now())
	const row = 4 + 8 + 8 + 16
	if len(b)%row != 0 {
		return errors.New("the answer of ClickHouse is not whole rows")
	}
	for ; len(b) > 0; b = b[row:] {
		partition := int(int32(binary.LittleEndian.Uint32(b)))
		offset := int64(binary.LittleEndian.Uint64(b[4:]))
		received := schemas.Micros(binary.LittleEndian.Uint64(b[12:]))
		var id schemas.ReadID
		for i := range 8 { // a UUID is two numbers, each with its lowest byte first
			id.ID[i], id.ID[8+i] = b[20+7-i], b[28+7-i]
		}
		v.next[partition] = max(v.next[partition], offset+1)
		due, known, timed := v.start.dueOf(received, id)
		if known {
			v.seen.Add(1)
		}
		if timed {
			v.rows.recordMicros(int64(now - due))
		}
	}
	return nil
}

func (v *visibleRows) newRowsQuery() string {
	return "SELECT kafka_partition, kafka_offset, toUnixTimestamp64Micro(received_at), read_id FROM reads WHERE " + offsetCondition(v.next, "kafka_offset") +
		" FORMAT RowBinary SETTINGS max_threads = 1, use_query_condition_cache = 0, optimize_use_projections = 0, use_skip_indexes = 0, use_statistics = 0"
}

// offsetCondition returns the SQL condition for rows from each partition's given offset on.
func offsetCondition(from map[int]int64, column string) string {
	var b strings.Builder
	for i, p := range slices.Sorted(maps.Keys(from)) {
		if i > 0 {
			b.WriteString(" OR ")
		}
		fmt.Fprintf(&b, "kafka_partition = %d AND %s >= %d", p, column, from[p])
	}
	return "(" + b.String() + ")"
}

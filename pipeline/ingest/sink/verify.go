package sink

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

// A plain MergeTree writes an insert's token to its deduplication log before committing the part. A server killed
// between the two remembers the token, has lost the rows, and drops every repeat: seen once in 30 kills on the 26.7
// engine under load. (A Replicated table commits both in a single keeper step.) So a range whose insert may have met a
// dying server is looked up after the acknowledgement, and missing rows are inserted under another token. A range is
// looked up in two cases: a try broke without an answer; or the range does not follow the last range stored by this
// process, because the process before may have met the death.

// maxAttempts bounds how many tokens a table of a range may use.
const maxAttempts = 4

// lostPartCheck knows the ranges to look up.
type lostPartCheck struct {
	mu     sync.Mutex // guards the fields below
	ends   map[string]int64
	plain  bool // the tables are not replicated
	probed bool
}

func partitionKey(rg ingest.Range) string { return fmt.Sprintf("%s/%d", rg.Topic, rg.Partition) }

// continuesLast reports whether the range starts where the partition's last stored range ended.
func (v *lostPartCheck) continuesLast(rg ingest.Range) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	end, ok := v.ends[partitionKey(rg)]
	return ok && end == rg.Start
}

func (v *lostPartCheck) noteStored(rg ingest.Range) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ends == nil {
		v.ends = map[string]int64{}
	}
	v.ends[partitionKey(rg)] = rg.End
}

// canLoseParts reports whether the tables' engine has the gap. It asks the server once.
func (c *ClickHouse) canLoseParts(ctx context.Context) (bool, error) {
	c.lostParts.mu.Lock()
	plain, probed := c.lostParts.plain, c.lostParts.probed
	c.lostParts.mu.Unlock()
	if probed {
		return plain, nil
	}
	n, err := c.queryCounts(ctx, "SELECT toUInt32(0), count() FROM system.tables WHERE database = currentDatabase() AND name = '"+batchesTable+
		"' AND NOT startsWith(engine, 'Replicated') AND NOT startsWith(engine, 'Shared') AND endsWith(engine, 'MergeTree')")
	if err != nil {
		return false, err
	}
	c.lostParts.mu.Lock()
	defer c.lostParts.mu.Unlock()
	c.lostParts.plain, c.lostParts.probed = n[0] == 1, true
	return c.lostParts.plain, nil
}

// partMissing reports whether a part with rows from this table is not stored. A part is stored whole or not at all, so
// a single row from a month proves the month.
func (c *ClickHouse) partMissing(ctx context.Context, rg ingest.Range, t *tableColumns) (bool, error) {
	where := fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d", rg.Partition, rg.Start, rg.End)
	if t.name == batchesTable {
		where = fmt.Sprintf("kafka_topic = '%s' AND kafka_partition = %d AND start_offset = %d AND end_offset = %d",
			strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(rg.Topic), rg.Partition, rg.Start, rg.End)
	}
	month, want := "toUInt32(0)", map[uint32]uint64{0: 1}
	if t.monthColumn != nil {
		var first, last schemas.Micros
		want, first, last = monthsOf(t.monthColumn)
		month = "toYYYYMM(" + t.monthColumnName + ")"
		where += fmt.Sprintf(" AND %s >= fromUnixTimestamp64Micro(%d, 'UTC') AND %s <= fromUnixTimestamp64Micro(%d, 'UTC')",
			t.monthColumnName, first, t.monthColumnName, last)
	}
	have, err := c.queryCounts(ctx, "SELECT "+month+" AS m, count() FROM "+t.name+" WHERE "+where+" GROUP BY m")
	if err != nil {
		return false, fmt.Errorf("look up %s after a broken insert: %w", t.name, withStopHint(err))
	}
	for m := range maps.Keys(want) {
		if have[m] == 0 {
			return true, nil
		}
	}
	return false, nil
}

// monthsOf counts the rows of a time column by month, as toYYYYMM does, and finds the first and the last time.
func monthsOf(col *fixedCol) (months map[uint32]uint64, first, last schemas.Micros) {
	months = map[uint32]uint64{}
	for i := 0; i < len(col.buf); i += 8 {
		at := schemas.Micros(binary.LittleEndian.Uint64(col.buf[i:]))
		if i == 0 {
			first, last = at, at
		}
		first, last = min(first, at), max(last, at)
		y, m, _ := at.Time().Date()
		months[uint32(y)*100+uint32(m)]++
	}
	return months, first, last
}

// queryCounts runs a query of two columns, a UInt32 and a count.
func (c *ClickHouse) queryCounts(ctx context.Context, sql string) (map[uint32]uint64, error) {
	out := map[uint32]uint64{}
	err := c.pool.withConn(ctx, c.cfg.InsertTimeout, func(ctx context.Context, conn *ch.Client) error {
		var keys proto.ColUInt32
		var counts proto.ColUInt64
		return conn.Do(ctx, ch.Query{
			Body: sql, Result: proto.Results{{Data: &keys}, {Data: &counts}},
			OnResult: func(context.Context, proto.Block) error {
				for i, k := range keys {
					out[k] += counts[i]
				}
				return nil
			},
		})
	})
	return out, err
}

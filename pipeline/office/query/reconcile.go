package query

import (
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// LedgerPartition sums up the batches rows of one partition.
type LedgerPartition struct {
	Partition  int32  `ch:"kafka_partition" json:"kafka_partition"`
	Batches    uint64 `ch:"batches" json:"batches"`
	First      int64  `ch:"first" json:"first_offset"`
	End        int64  `ch:"end" json:"end_offset" doc:"exclusive"`
	Fetched    uint64 `ch:"fetched" json:"fetched"`
	Stored     uint64 `ch:"stored" json:"stored"`
	Merged     uint64 `ch:"merged" json:"merged"`
	Rejected   uint64 `ch:"rejected" json:"rejected"`
	Ticks      uint64 `ch:"ticks" json:"ticks"`
	Unbalanced uint64 `ch:"unbalanced" json:"unbalanced" doc:"batches whose parts do not add up to what was fetched"`
}

// LedgerFault is a gap or an overlap between two ranges of a partition.
type LedgerFault struct {
	Partition int32  `ch:"kafka_partition" json:"kafka_partition"`
	Kind      string `ch:"kind" json:"kind" enum:"gap,overlap"`
	From      int64  `ch:"lo" json:"from_offset"`
	To        int64  `ch:"hi" json:"to_offset" doc:"exclusive"`
}

// TablePartition counts the distinct offsets of one partition in the tables.
type TablePartition struct {
	Partition int32  `ch:"kafka_partition" json:"kafka_partition"`
	Stored    uint64 `ch:"stored" json:"stored"`
	Merged    uint64 `ch:"merged" json:"merged"`
	Rejected  uint64 `ch:"rejected" json:"rejected"`
	Distinct  uint64 `ch:"distinct_offsets" json:"distinct_offsets"`
}

// MaxLedgerFaults bounds the faults in one answer.
const MaxLedgerFaults = 1000

const maxPartitions = 4096

var batchesTable = queriedTable{
	name:   "batches",
	time:   "log_clock",
	routes: []access.Route{access.RouteReconcile},
}

const topic = schemas.TopicReads

// buildLedger selects the batches rows in the window; writeRanges drops repeated ranges.
func buildLedger(p access.Permit) *builder {
	b := newBuilder(p, &batchesTable)
	b.addCondition("kafka_topic = {topic:String}", "topic", topic)
	return b
}

func (b *builder) writeRanges() string {
	return b.writeSelect("*") + " ORDER BY inserted_at LIMIT 1 BY kafka_partition, start_offset, end_offset"
}

// Ledger selects the sums of the batches rows by partition.
func Ledger(p access.Permit) (Statement, error) {
	b := buildLedger(p)
	sql := `SELECT kafka_partition, count() AS batches, min(start_offset) AS first, max(end_offset) AS end, sum(l.fetched) AS fetched,
	sum(l.stored) AS stored, sum(l.merged) AS merged, sum(l.rejected) AS rejected, sum(l.ticks) AS ticks,
	countIf(l.fetched != l.stored + l.merged + l.rejected + l.ticks) AS unbalanced
FROM (` + b.writeRanges() + `) AS l GROUP BY kafka_partition ORDER BY kafka_partition`
	return b.finishStatement(sql, maxPartitions)
}

// LedgerFaults selects the gaps and overlaps between ranges.
func LedgerFaults(p access.Permit) (Statement, error) {
	b := buildLedger(p)
	b.params["limit"] = uint32(MaxLedgerFaults)
	sql := `SELECT kafka_partition, if(start_offset > reached, 'gap', 'overlap') AS kind,
	least(start_offset, reached) AS lo, if(start_offset > reached, start_offset, least(reached, end_offset)) AS hi
FROM (SELECT kafka_partition, start_offset, end_offset, row_number() OVER w AS n,
		max(end_offset) OVER (PARTITION BY kafka_partition ORDER BY start_offset, end_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
	FROM (` + b.writeRanges() + `) WINDOW w AS (PARTITION BY kafka_partition ORDER BY start_offset, end_offset))
WHERE n > 1 AND start_offset != reached ORDER BY kafka_partition, lo, hi LIMIT {limit:UInt32}`
	return b.finishStatement(sql, MaxLedgerFaults)
}

// Tables counts the offsets in reads, merges and rejects, within the covered ranges.
func Tables(p access.Permit, covered []LedgerPartition) (Statement, error) {
	b := buildLedger(p)
	parts, lo, hi := make([]int32, len(covered)), make([]int64, len(covered)), make([]int64, len(covered))
	for i, c := range covered {
		parts[i], lo[i], hi[i] = c.Partition, c.First, c.End
	}
	b.params = map[string]any{"topic": topic, "parts": parts, "lo": lo, "hi": hi}
	const within = ` WHERE has({parts:Array(Int32)}, kafka_partition)
	AND kafka_offset >= transform(kafka_partition, {parts:Array(Int32)}, {lo:Array(Int64)}, toInt64(0))
	AND kafka_offset < transform(kafka_partition, {parts:Array(Int32)}, {hi:Array(Int64)}, toInt64(0))`
	const sql = `SELECT kafka_partition, groupBitmapIf(o, src = 1) AS stored, groupBitmapIf(o, src = 2) AS merged,
	groupBitmapIf(o, src = 3) AS rejected, groupBitmap(o) AS distinct_offsets
FROM (SELECT kafka_partition, toUInt64(kafka_offset) AS o, 1 AS src FROM reads` + within + `
	UNION ALL SELECT kafka_partition, toUInt64(kafka_offset) AS o, 2 AS src FROM merges` + within + `
	UNION ALL SELECT kafka_partition, toUInt64(kafka_offset) AS o, 3 AS src FROM rejects` + within + ` AND kafka_topic = {topic:String})
GROUP BY kafka_partition ORDER BY kafka_partition`
	return b.finishStatement(sql, maxPartitions)
}

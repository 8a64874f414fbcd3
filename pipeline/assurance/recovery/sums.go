package recovery

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// TableSum sums a table up: the number of rows, and the sums of two row hashes over all columns but the times of
// ingestion. Two tables with the same TableSum hold the same rows, in any order and any parts.
type TableSum struct {
	Rows         uint64 `json:"rows"`
	Fingerprint  string `json:"sum"`
	PhysicalRows uint64 `json:"physical_rows"` // without FINAL: more than Rows when repeats are not merged yet
}

// compared lists the tables made from the log, each with the columns to leave out.
var compared = map[string]string{
	"reads": "inserted_at", "passages": "inserted_at", "hits": "inserted_at, processed_at", "offences": "inserted_at", "decisions": "inserted_at",
	"merges": "inserted_at", "rejects": "inserted_at",
}

// Tables lists the tables made from the log, batches included.
func Tables() []string {
	return append(slices.Sorted(maps.Keys(compared)), "batches")
}

// SumTables sums every table of a database over records below the given offsets. The ranges of batches depend on the
// load at the time, so the sums of batches are totals by partition.
func SumTables(ctx context.Context, conn driver.Conn, database string, below map[int32]int64) (map[string]TableSum, error) {
	out := map[string]TableSum{}
	for name, except := range compared {
		s, err := sumOf(ctx, conn, fmt.Sprintf("SELECT * EXCEPT (%s) FROM %s.%s FINAL WHERE %s", except, quoteName(database), name, belowOffsets("kafka_offset < %d", below)))
		if err != nil {
			return nil, fmt.Errorf("sum up %s.%s: %w", database, name, err)
		}
		if err := conn.QueryRow(ctx, fmt.Sprintf("SELECT count() FROM %s.%s WHERE %s", quoteName(database), name, belowOffsets("kafka_offset < %d", below))).Scan(&s.PhysicalRows); err != nil {
			return nil, fmt.Errorf("count %s.%s: %w", database, name, err)
		}
		out[name] = s
	}
	s, err := sumOf(ctx, conn, fmt.Sprintf(`SELECT kafka_topic, kafka_partition, min(start_offset), max(end_offset), sum(fetched), sum(stored), sum(merged), sum(rejected), sum(ticks),
		sum(passages), sum(hits), sum(offences) FROM %s.batches FINAL WHERE %s GROUP BY kafka_topic, kafka_partition`, quoteName(database), belowOffsets("end_offset <= %d", below)))
	if err != nil {
		return nil, fmt.Errorf("sum up %s.batches: %w", database, err)
	}
	s.PhysicalRows = s.Rows
	out["batches"] = s
	return out, nil
}

func sumOf(ctx context.Context, conn driver.Conn, rows string) (s TableSum, err error) {
	row := conn.QueryRow(ctx, "SELECT count(), sum(cityHash64(*)), sum(sipHash64(*)) FROM ("+rows+")")
	var city, sip uint64
	if err := row.Scan(&s.Rows, &city, &sip); err != nil {
		return s, err
	}
	s.Fingerprint = fmt.Sprintf("%016x%016x", city, sip)
	return s, nil
}

// belowOffsets is a condition on partition and offset, with the offset part in the format of the first parameter.
func belowOffsets(what string, below map[int32]int64) string {
	var b strings.Builder
	b.WriteString("(0")
	for _, p := range slices.Sorted(maps.Keys(below)) {
		fmt.Fprintf(&b, " OR kafka_partition = %d AND "+what, p, below[p])
	}
	return b.String() + ")"
}

func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// CompareSums prints the sums of two databases side by side and reports whether all are equal.
func CompareSums(w io.Writer, names [2]string, sums [2]map[string]TableSum) bool {
	same := true
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintf(tw, "table\trows in %s\trows in %s\tsum of all columns but ingestion time\t\n", names[0], names[1])
	for _, t := range Tables() {
		a, b := sums[0][t], sums[1][t]
		verdict := "equal"
		if a.Rows != b.Rows || a.Fingerprint != b.Fingerprint {
			verdict, same = "DIFFERENT, "+b.Fingerprint, false
		}
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%d\t%s\t%s\n", t, a.Rows, b.Rows, a.Fingerprint, verdict)
	}
	_ = tw.Flush() // to memory or a terminal
	return same
}

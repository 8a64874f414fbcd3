// One request at a time over tables that were broken: the work is in the engine, which the race detector does not see.

//go:build !race

package office

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// ledger fills partition 0 with offsets 0..9 in two batches: reads 0-4, a merge 5, rejects 6-7, ticks 8-9. Partition 1
// gets the reads 100-101.
func (d *desk) ledger() {
	read := func(partition int32, offset int64) {
		r := d.readRow("1ABC123", "BRU-1", "5339", hour)
		r["read_id"] = schemas.ID{byte(partition), byte(offset), 1}.String()
		r["kafka_partition"], r["kafka_offset"] = partition, offset
		d.insert("reads", r)
	}
	for o := range int64(5) {
		read(0, o)
	}
	read(1, 100)
	read(1, 101)
	d.insert("merges", map[string]any{"kafka_offset": int64(5), "received_at": now, "kind": "parked"})
	for o := int64(6); o < 8; o++ {
		d.insert("rejects", map[string]any{"kafka_topic": schemas.TopicReads, "kafka_offset": o, "received_at": now})
	}
	d.batch(0, 0, 6, 5, 1, 0, 0)
	d.batch(0, 6, 10, 0, 0, 2, 2)
	d.batch(1, 100, 102, 2, 0, 0, 0)
}

func (d *desk) batch(partition int32, start, end int64, parts ...uint64) {
	d.insert("batches", map[string]any{
		"kafka_topic": schemas.TopicReads, "kafka_partition": partition, "start_offset": start,
		"end_offset": end, "fetched": uint64(end - start), "stored": parts[0], "merged": parts[1], "rejected": parts[2], "ticks": parts[3],
		"log_clock": now.Add(-hour),
	})
}

func TestReconcileFindsWhatDoesNotAddUp(t *testing.T) {
	const unmerged = "SYSTEM STOP MERGES "
	for name, c := range map[string]struct {
		breakIt func(*desk)
		bad     []int32 // partitions
		faults  string
	}{
		"all is well": {func(*desk) {}, nil, ""},
		"repeats change nothing": {func(d *desk) {
			for _, table := range []string{"batches", "merges", "rejects"} {
				d.exec(unmerged + table)
			}
			d.exec("INSERT INTO reads SELECT * FROM reads")
			d.exec("INSERT INTO merges SELECT * FROM merges")
			d.exec("INSERT INTO rejects SELECT * FROM rejects")
			d.exec("INSERT INTO batches SELECT * FROM batches")
		}, nil, ""},
		"a lost read":           {func(d *desk) { d.exec("ALTER TABLE reads DELETE WHERE kafka_offset = 101 SETTINGS mutations_sync = 1") }, []int32{1}, ""},
		"a lost merge":          {func(d *desk) { d.exec("ALTER TABLE merges DELETE WHERE 1 SETTINGS mutations_sync = 1") }, []int32{0}, ""},
		"a stored reject":       {func(d *desk) { d.insert("merges", map[string]any{"kafka_offset": int64(7), "received_at": now}) }, []int32{0}, ""},
		"a row of no batch":     {func(d *desk) { d.insert("merges", map[string]any{"kafka_offset": int64(50), "received_at": now}) }, nil, ""},
		"parts that do not add": {func(d *desk) { d.batch(1, 102, 104, 0, 0, 0, 1) }, []int32{1}, ""},
		"a gap":                 {func(d *desk) { d.batch(1, 105, 106, 0, 0, 0, 1) }, nil, "gap 1 [102, 105)"},
		"an overlap":            {func(d *desk) { d.batch(0, 4, 6, 0, 0, 0, 2) }, nil, "overlap 0 [4, 6)"},
		"one range inside another": {
			func(d *desk) { d.batch(0, 1, 2, 0, 0, 0, 1) }, nil,
			"overlap 0 [1, 2)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.ledger()
			c.breakIt(d)
			a, err := d.as(access.CameraOperator).Reconcile(t.Context(), ReconcileQuery{})
			if err != nil {
				t.Fatal(err)
			}
			var bad []int32
			for _, p := range a.Partitions {
				if !p.OK {
					bad = append(bad, p.Partition)
				}
			}
			if len(bad) != len(c.bad) || (len(bad) > 0 && bad[0] != c.bad[0]) || len(a.Partitions) != 2 {
				t.Errorf("got bad partitions %v, want %v: %+v", bad, c.bad, a.Partitions)
			}
			if got := faults(a.Faults); got != c.faults {
				t.Errorf("got faults %q, want %q", got, c.faults)
			}
			if want := len(c.bad) == 0 && c.faults == ""; a.OK != want {
				t.Errorf("got ok %v, want %v", a.OK, want)
			}
			var out bytes.Buffer
			if err := PrintReconcile(&out, a); err != nil || strings.Contains(out.String(), "everything adds up") != a.OK {
				t.Errorf("printed, err %v:\n%s", err, out.String())
			}
		})
	}
}

func faults(fs []query.LedgerFault) string {
	var b bytes.Buffer
	for _, f := range fs {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Kind + " " + strconv.Itoa(int(f.Partition)) + " [" + itoa(f.From) + ", " + itoa(f.To) + ")")
	}
	return b.String()
}

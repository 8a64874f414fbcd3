package roles

import (
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// Partition 0 changed its catalogue once, 1 changed it and went back, 2 never; repeats of a row, the loss of records and another
// topic's batches change nothing.
func TestTheBatchesSayWhichCatalogueIsInUse(t *testing.T) {
	addr, db := testkit.Tables(t)
	tables := platform.ClickHouse{Addr: addr, Database: db}
	conn, err := tables.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if all, err := ReadCatalogueUse(t.Context(), tables); err != nil || len(all) != 0 {
		t.Errorf("empty tables: %v, %v", all, err)
	}
	insert := func(rows string) {
		t.Helper()
		err := conn.Exec(t.Context(), "INSERT INTO batches (kafka_topic, kafka_partition, start_offset, end_offset, lost, catalogue_version, reference_version, inserted_at) VALUES "+rows)
		if err != nil {
			t.Fatal(err)
		}
	}
	const reads = "('anpr.reads.v1', "
	insert(reads + "0, 0, 10, 0, 'old', 'r1', '2026-11-30 10:00:00'), " + reads + "0, 10, 20, 0, 'new', 'r1', '2026-11-30 10:01:00'), " +
		reads + "0, 20, 30, 0, 'new', 'r2', '2026-11-30 10:02:00'), " + reads + "0, 30, 40, 10, '', '', '2026-11-30 10:03:00'), " +
		reads + "1, 0, 5, 0, 'new', 'r1', '2026-11-30 10:00:00'), " + reads + "1, 5, 9, 0, 'old', 'r1', '2026-11-30 10:01:00'), " +
		reads + "1, 9, 12, 0, 'new', 'r2', '2026-11-30 10:04:00'), " + reads + "2, 7, 8, 0, 'new', 'r2', '2026-11-30 10:05:00'), " +
		"('other', 3, 0, 5, 0, 'old', 'r1', '2026-11-30 10:00:00')")
	insert(reads + "0, 10, 20, 0, 'new', 'r1', '2026-11-30 10:01:00')") // as a repeat that no token dropped
	all, err := ReadCatalogueUse(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	at := func(minute int) time.Time { return time.Date(2026, 11, 30, 10, minute, 0, 0, time.UTC) }
	want := []CatalogueUse{{0, "new", "r2", 10, at(1), at(2)}, {1, "new", "r2", 9, at(4), at(4)}, {2, "new", "r2", 7, at(5), at(5)}}
	for i := range want {
		if i >= len(all) || len(all) != len(want) || all[i] != want[i] {
			t.Fatalf("got %+v, want %+v", all, want)
		}
	}
	for _, c := range []struct {
		more, wanted string
		everywhere   bool
		says         string
	}{
		{"", "", true, "catalogue new is in use on 3 of 3 partitions"},
		{"", "new", true, "catalogue new is in use on 3 of 3 partitions"},
		{"", "next", false, "catalogue next is in use on 0 of 3 partitions"},
		{reads + "3, 0, 5, 0, 'old', 'r1', '2026-11-30 10:00:00')", "", false, "catalogue new is in use on 3 of 4 partitions of anpr.reads.v1\ncatalogue old is in use on 1 of 4"},
	} {
		if c.more != "" {
			insert(c.more)
			if all, err = ReadCatalogueUse(t.Context(), tables); err != nil {
				t.Fatal(err)
			}
		}
		var b strings.Builder
		everywhere := InUseEverywhere(all, c.wanted)
		if err := WriteCatalogueUse(&b, all, c.wanted); err != nil || everywhere != c.everywhere || !strings.Contains(b.String(), c.says) {
			t.Errorf("wanted %q: %t, %v; want %t and %q:\n%s", c.wanted, everywhere, err, c.everywhere, c.says, &b)
		}
	}
}

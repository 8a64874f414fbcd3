package sink

import (
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// The distinct plates are derived from reads by a view of the server. What the sink promises of reads must hold for
// them.

func TestARepeatReachesThePlatesThatAnEngineLost(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	insert := func() {
		t.Helper()
		b := newBatch(0)
		b.addOneRead(march)
		b.addOneRead(march + schemas.Hour)
		if err := b.insertInto(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	const seen = "SELECT toString(groupUniqArray((zone, plate, class))) FROM plates WHERE zone = ''"
	insert()
	want := queryValue[string](t, conn, seen)
	if want == "[]" {
		t.Fatal("the view adds no plates")
	}
	// The server died after it had stored the reads and before the view's rows: their token is known, the plates are not
	// there.
	if err := conn.Exec(t.Context(), "TRUNCATE TABLE plates"); err != nil {
		t.Fatal(err)
	}
	insert()
	if got := queryValue[string](t, conn, seen); got != want {
		t.Errorf("after the repeat: got plates %s, want %s", got, want)
	}
	if got := rowsOf(t, conn, "reads"); got != 2 {
		t.Errorf("after the repeat: got %d reads, want 2", got)
	}
}

func TestPlatesAreTheDistinctOnesOfReadsHoweverOftenTheyCome(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(0)
	for k := range 40 {
		b.addOneRead(march + schemas.Micros(k%7)*schemas.Hour)
	}
	for range 3 {
		if err := b.insertInto(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for name, sql := range map[string]string{
		"of a zone": `SELECT toString((SELECT groupArray(x) FROM (SELECT (zone, class, plate, max(last_seen)) AS x FROM plates WHERE zone != '' GROUP BY zone, class, plate ORDER BY zone, class, plate))
			= (SELECT groupArray(x) FROM (SELECT (zone, class, plate, max(toDateTime(captured_at))) AS x FROM reads GROUP BY zone, class, plate ORDER BY zone, class, plate)))`,
		"of all": `SELECT toString((SELECT groupArray(x) FROM (SELECT (class, plate, max(last_seen)) AS x FROM plates WHERE zone = '' GROUP BY class, plate ORDER BY class, plate))
			= (SELECT groupArray(x) FROM (SELECT (class, plate, max(toDateTime(captured_at))) AS x FROM reads GROUP BY class, plate ORDER BY class, plate)))`,
	} {
		if got := queryValue[string](t, conn, sql); got != "1" {
			t.Errorf("%s: the plates are not those of reads", name)
		}
	}
}

func TestAPlateGoesWhenItsLastReadDoes(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	now := schemas.MicrosOf(time.Now())
	const year = 366 * 24 * schemas.Hour
	b := newBatch(0)
	old, both := b.addOneRead(now-year-48*schemas.Hour), b.addOneRead(now-year-48*schemas.Hour)
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	later := newBatch(10)
	again := later.addOneRead(now - schemas.Hour)
	if err := conn.Exec(t.Context(), "INSERT INTO reads (read_id, zone, plate, class, captured_at) VALUES (?, '5339', ?, ?, ?)",
		again.ID.String(), both.Plate.String(), both.Plate.Class().String(), again.CapturedAt.Time()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"reads", "plates"} {
		if err := conn.Exec(t.Context(), "OPTIMIZE TABLE "+table+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
	for plate, want := range map[string]string{old.Plate.String(): "0 0", both.Plate.String(): "1 2"} {
		got := queryValue[string](t, conn, "SELECT toString((SELECT count() FROM reads WHERE plate = ?)) || ' ' || toString((SELECT count() FROM plates WHERE plate = ?))", plate, plate)
		if got != want {
			t.Errorf("%s: got reads and plates %s, want %s", plate, got, want)
		}
	}
}

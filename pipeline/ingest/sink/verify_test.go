package sink

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// loseRows deletes rows but not their token, the state a server is in that died between noting a token and storing the
// part.
func loseRows(t *testing.T, c *ClickHouse, table, where string) {
	t.Helper()
	sql := "ALTER TABLE " + c.cfg.Database + "." + table + " DELETE WHERE " + where + " SETTINGS mutations_sync = 2"
	if err := testkit.Exec(t.Context(), c.cfg.Addr, sql); err != nil {
		t.Fatal(err)
	}
}

// newProcessSink is a sink of a new process on the same tables.
func newProcessSink(t *testing.T, c *ClickHouse, m gauged) *ClickHouse {
	t.Helper()
	cfg := c.cfg
	cfg.Metrics = m.Metrics
	next, err := NewClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.Close)
	return next
}

func TestRowsLostWithTheirTokenNotedAreInsertedAgain(t *testing.T) {
	for _, table := range append(tableNames[:], batchesTable) {
		t.Run(table, func(t *testing.T) {
			c, conn := newMigratedSink(t, nil)
			first := newBatch(0)
			first.addEveryKind(march)
			if err := first.insertInto(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			want := rowsOf(t, conn, table)
			loseRows(t, c, table, "1")
			if got := rowsOf(t, conn, table); got != 0 {
				t.Fatalf("%d rows are left", got)
			}
			m := newGauged()
			next := newProcessSink(t, c, m)
			for range 2 { // the second time it is found
				again := newBatch(0)
				again.addEveryKind(march)
				if err := again.insertInto(t.Context(), next); err != nil {
					t.Fatal(err)
				}
				if got := rowsOf(t, conn, table); got != want {
					t.Fatalf("%d rows, want %d", got, want)
				}
			}
			if got := m.valueOf(t, "anpr_sink_lost_parts_total", table); got != 1 {
				t.Errorf("%v losses counted, want 1", got)
			}
		})
	}
}

func TestALostMonthIsInsertedAgain(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	build := func() *batch {
		b := newBatch(0)
		b.addOneRead(march)
		b.addOneRead(march + month)
		return b
	}
	if err := build().insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	loseRows(t, c, "reads", "toYYYYMM(captured_at) = 202604")
	if err := build().insertInto(t.Context(), newProcessSink(t, c, newGauged())); err != nil {
		t.Fatal(err)
	}
	got := queryValue[string](t, conn, "SELECT toString(arraySort(groupArray((m, n)))) FROM (SELECT toYYYYMM(captured_at) AS m, count() AS n FROM reads FINAL GROUP BY m)")
	if want := "[(202603,1),(202604,1)]"; got != want {
		t.Errorf("months %s, want %s", got, want)
	}
}

func TestARangeThatFollowsIsNotLookedUp(t *testing.T) {
	c, _ := newMigratedSink(t, nil)
	next := newProcessSink(t, c, newGauged())
	b := newBatch(0)
	b.addEveryKind(march)
	if err := b.insertInto(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	follow := newBatch(b.rg.End)
	follow.addEveryKind(march + schemas.Hour)
	if next.newInsertJob(follow.rg, &follow.t, follow.ColumnBlock).mustVerify {
		t.Error("the range that follows is looked up: every insert would pay for it")
	}
	if !next.newInsertJob(b.rg, &b.t, b.ColumnBlock).mustVerify {
		t.Error("the same range again is not looked up")
	}
	if !next.newInsertJob(ingest.Range{Topic: b.rg.Topic, Partition: 9, Start: b.rg.End, End: b.rg.End + 4}, &b.t, b.ColumnBlock).mustVerify {
		t.Error("the first range of another partition is not looked up")
	}
}

func TestABrokenTryIsLookedUp(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	first := newBatch(0)
	first.addEveryKind(march)
	if err := first.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	second := newBatch(first.rg.End)
	second.addEveryKind(march + schemas.Hour)
	broken := false
	c.inserted = func(table string) error { // the answer is lost, and the server dies with the rows of hits
		if table == "hits" && !broken {
			broken = true
			loseRows(t, c, "hits", "captured_at > toDateTime('2026-03-01 12:30:00', 'UTC')")
			return context.DeadlineExceeded
		}
		return nil
	}
	c.cfg.Breaker.MinWait, c.cfg.Breaker.MaxWait = time.Millisecond, time.Millisecond
	if err := second.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, conn, "hits"); got != 2 {
		t.Errorf("hits has %d rows, want 2", got)
	}
}

func TestMonthsAreThoseOfTheDatabase(t *testing.T) {
	col := timeCol()
	for _, text := range []string{"2026-03-31T23:59:59.999999Z", "2026-04-01T00:00:00Z", "2025-12-31T23:30:00Z", "2026-04-30T22:30:00Z"} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		col.appendTime(schemas.MicrosOf(at))
	}
	months, first, last := monthsOf(&col)
	if len(months) != 3 || months[202512] != 1 || months[202603] != 1 || months[202604] != 2 {
		t.Errorf("months %v", months)
	}
	if !strings.HasPrefix(first.String(), "2025-12-31") || !strings.HasPrefix(last.String(), "2026-04-30") {
		t.Errorf("from %s to %s", first, last)
	}
}

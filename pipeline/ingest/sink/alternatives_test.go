package sink

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// Reads that were stored under the old names of the two columns answer the same under both names after the migrations, in every part,
// also when an interrupted migration is carried out again. Worker and earlier queries go on.
func TestReadsStoredBeforeAlternativesAnswerUnderBothNames(t *testing.T) {
	c, conn := migratedTo(t, measuresVersion)
	exec := func(sql string) {
		t.Helper()
		if err := testkit.Exec(t.Context(), c.cfg.Addr, strings.ReplaceAll(sql, "%", c.cfg.Database)); err != nil {
			t.Fatal(err)
		}
	}
	var want strings.Builder
	for i, day := range []string{"2026-03-01", "2026-03-31", "2026-04-01"} { // a part each
		exec(fmt.Sprintf("INSERT INTO %%.reads (read_id, plate, captured_at, candidates, candidates_pm) VALUES (generateUUIDv4(), '1XYZ00%d', '%s 10:00:00', ['1A8C00%[1]d', 'IABC00%[1]d'], [80%[1]d, 70%[1]d])", i, day))
		fmt.Fprintf(&want, "1XYZ00%d ['1A8C00%[1]d','IABC00%[1]d'] [80%[1]d,70%[1]d];", i)
	}
	exec("INSERT INTO %.reads (read_id, plate, captured_at) VALUES (generateUUIDv4(), '1XYZ003', '2026-04-02 10:00:00')")
	want.WriteString("1XYZ003 [] [];")
	holds := func(when string, names ...string) {
		t.Helper()
		for _, n := range names {
			got := queryValue[string](t, conn, "SELECT arrayStringConcat(groupArray(line), '') FROM (SELECT plate || ' ' || toString("+n+") || ' ' || toString("+n+"_pm) || ';' AS line FROM reads WHERE startsWith(plate, '1XYZ00') ORDER BY plate)")
			if got != want.String() {
				t.Errorf("%s, %s: got %s, want %s", when, n, got, want.String())
			}
		}
	}
	holds("before", "candidates")
	for _, when := range []string{"renamed", "renamed again"} { // as when the first run died before it was written down
		applyMigrations(t, c.cfg.ClickHouse, alternativesVersion)
		holds(when, "alternatives")
		exec("ALTER TABLE %.goose_db_version DELETE WHERE version_id = 22 SETTINGS mutations_sync = 2")
	}
	for _, when := range []string{"migrated", "migrated again"} {
		if err := platform.Migrate(t.Context(), c.cfg.ClickHouse, zerolog.Nop()); err != nil {
			t.Fatal(when, ": ", err)
		}
		holds(when, "alternatives", "candidates")
		exec("ALTER TABLE %.goose_db_version DELETE WHERE version_id = 23 SETTINGS mutations_sync = 2")
	}
	b := newBatch(0)
	b.addEveryKind(march)
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	exec("OPTIMIZE TABLE %.reads FINAL")
	holds("merged", "alternatives", "candidates")
	if n := queryValue[uint64](t, conn, "SELECT count() FROM reads WHERE has(candidates, '1A8C001') AND camera_id != ''"); n != 1 {
		t.Errorf("%d reads of today's worker are found under the old name, want 1", n)
	}
	err := testkit.Exec(t.Context(), c.cfg.Addr, "INSERT INTO "+c.cfg.Database+".reads (plate, candidates) VALUES ('1ABC009', ['1A8C009'])")
	if err == nil || !strings.Contains(err.Error(), "candidates") {
		t.Errorf("an insert of an earlier worker: %v, want that it is refused", err)
	}
}

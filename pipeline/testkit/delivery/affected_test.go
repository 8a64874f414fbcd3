//go:build !kafka

package delivery

import (
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// affectedSQL says in SQL over the stored traces, written apart from package rules, which offences rest on a value.
var affectedSQL = map[string]string{
	"limit":       `camera_id = {name:String} AND arrayExists(s -> JSONExtractString(s, 'code') = 'speed.limit', JSONExtractArrayRaw(trace)) AND NOT arrayExists(s -> startsWith(JSONExtractString(s, 'code'), 'section_control.'), JSONExtractArrayRaw(trace))`,
	"zone":        `arrayExists(s -> JSONExtractString(s, 'code') IN ('zone.hours', 'lez.camera') AND JSONExtractString(s, 'args', 1) = {name:String}, JSONExtractArrayRaw(trace))`,
	"certificate": `camera_id = {name:String} AND arrayExists(s -> JSONExtractString(s, 'code') IN ('speed.certificate', 'redlight.certificate'), JSONExtractArrayRaw(trace))`,
	"clock":       `camera_id = {name:String} AND arrayExists(s -> JSONExtractString(s, 'code') = 'clock', JSONExtractArrayRaw(trace))`,
	"camera":      `camera_id = {name:String}`,
	"catalogue":   `catalogue_version = {name:String}`,
}

// camerasAsked is the number of cameras whose values are asked for.
const camerasAsked = 6

// compareAffected makes every offence of the day a case, and compares the cases that rest on values with the offences that SQL
// selects: a day of late reads, merged passages and two families.
func compareAffected(t *testing.T, j job) {
	t.Helper()
	conn, err := platform.ClickHouse{Addr: j.ClickHouse, Database: j.Database}.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var rows []evidence.Row
	if err := conn.Select(t.Context(), &rows, "SELECT "+strings.Join(evidence.Columns(), ", ")+", inserted_at FROM offences FINAL ORDER BY offence_id"); err != nil {
		t.Fatal(err)
	}
	pool, err := testkit.StartPostgres(t).Open(t.Context(), "affected", 4)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store := casestore.New(pool, casestore.Options{Policy: cases.DefaultPolicy, Depends: office.DependsOn})
	values := []string{}
	for part := range slices.Chunk(rows, 200) {
		takeInRows(t, store, part)
	}
	for i := range rows {
		if name := rows[i].Camera; len(values) < camerasAsked && !slices.Contains(values, name) {
			values = append(values, name)
		}
	}
	found := map[string]int{}
	for kind, cond := range affectedSQL {
		names := values
		if kind == "catalogue" {
			names = []string{rows[0].Catalogue}
		}
		for _, name := range names {
			var selected []struct {
				ID string `ch:"id"`
			}
			if err := conn.Select(t.Context(), &selected, "SELECT replaceAll(toString(offence_id), '-', '') AS id FROM offences FINAL WHERE "+cond, clickhouse.Named("name", name)); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, x := range selected {
				want = append(want, x.ID)
			}
			got := affectedOffences(t, store, kind+":"+name)
			slices.Sort(want)
			found[kind] += len(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s:%s: %d cases rest on it, SQL says %d", kind, name, len(got), len(want))
			}
		}
	}
	for kind := range affectedSQL {
		if found[kind] < 10 {
			t.Errorf("%d offences rest on values of the kind %s: the comparison says nothing", found[kind], kind)
		}
	}
}

// takeInRows makes cases of offences.
func takeInRows(t *testing.T, store *casestore.Store, rows []evidence.Row) {
	t.Helper()
	var in []cases.Intake
	for i := range rows {
		d, err := rows[i].Decision()
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, cases.Intake{
			Offence: d.Offence, Attempt: 1, Sealed: d.Sealed, Seal: d.Seal, Decision: d, SealHolds: true, Zone: rows[i].Zone, Site: rows[i].Site, Regime: cases.RegimeTraffic,
		})
	}
	if got, err := store.TakeIn(t.Context(), in); err != nil || got.New != len(in) {
		t.Fatalf("%+v, %v", got, err)
	}
}

// affectedOffences lists the offences of the cases that rest on a value, page by page.
func affectedOffences(t *testing.T, store *casestore.Store, value string) (out []string) {
	t.Helper()
	for after, more := "", true; more; more = after != "" {
		page, err := store.ListAffected(t.Context(), casestore.Filter{}, value, after, 97)
		if err != nil || page.Unreadable != 0 {
			t.Fatalf("%s: %d unreadable, %v", value, page.Unreadable, err)
		}
		for i := range page.Rows {
			out = append(out, strings.ReplaceAll(page.Rows[i].Case.Offence.String(), "-", ""))
		}
		after = page.Next
	}
	slices.Sort(out)
	return out
}

package seals

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// sqlComments matches the lines of a migration outside statements; a comment may hold a semicolon.
var sqlComments = regexp.MustCompile(`(?m)^--.*$`)

// measuresMigration is the migration that gives offences their measures.
const measuresMigration = "clickhouse/0021_measures.sql"

// migrateTo applies the migrations before the migration of the measures, or, with only, this migration. between runs
// before the last statement.
func migrateTo(t *testing.T, w *world, only bool, between func()) {
	t.Helper()
	names, err := fs.Glob(schemas.Migrations, "clickhouse/*.sql")
	if err != nil || !slices.Contains(names, measuresMigration) {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if only != (name == measuresMigration) || name > measuresMigration {
			continue
		}
		text, err := schemas.Migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for statement := range strings.SplitSeq(sqlComments.ReplaceAllString(string(text), ""), ";\n") {
			if strings.Trim(statement, "\n ;") == "" {
				continue
			}
			if strings.Contains(statement, "ALIAS") {
				between()
			}
			if err := w.conn.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// sealedBefore seals the decision in the form from before measures: three speeds before the amount.
func sealedBefore(t *testing.T, d *schemas.Decision, prev schemas.Sum) {
	t.Helper()
	evidence.Seal(d, prev)
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	amount := binary.BigEndian.AppendUint64(nil, uint64(d.AmountCents))
	measures := binary.BigEndian.AppendUint32(nil, uint32(len(d.Measures)))
	for _, m := range d.Measures {
		measures = append(append(measures, text(string(m.Name))...), binary.BigEndian.AppendUint64(nil, uint64(m.Value))...)
		measures = append(append(measures, make([]byte, 8)...), text(m.Device)...)
	}
	before, after, found := bytes.Cut(d.Sealed, slices.Concat(amount, measures, text(d.LegalBasis)))
	if !found {
		t.Fatal("the sealed bytes have no measures after the amount")
	}
	var speeds []byte
	for _, name := range []schemas.MeasureName{schemas.MeasuredSpeed, schemas.CorrectedSpeed, schemas.AllowedSpeed} {
		speeds = binary.BigEndian.AppendUint32(speeds, uint32(d.Measure(name)))
	}
	d.Sealed = slices.Concat([]byte{2}, before[1:], speeds, amount, text(d.LegalBasis), after)
	d.Seal = sha256.Sum256(d.Sealed)
}

// speedCase is an offence by its three speeds, 0 = none.
type speedCase struct{ measured, corrected, allowed int32 }

// storeBefore inserts rows as a release without measures does.
func (w *world) storeBefore(rows []evidence.Row, cases []speedCase) {
	w.t.Helper()
	columns := slices.DeleteFunc(evidence.Columns(), func(c string) bool { return strings.HasPrefix(c, "measures.") })
	b, err := w.conn.PrepareBatch(w.t.Context(), "INSERT INTO offences ("+strings.Join(columns, ", ")+", measured_dkmh, corrected_dkmh, limit_dkmh)")
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range rows {
		stored := slices.DeleteFunc(storedValues(&rows[i]), func(v any) bool {
			switch v.(type) {
			case []string, []int64:
				return true
			}
			return false
		})
		if err := b.Append(append(stored, cases[i].measured, cases[i].corrected, cases[i].allowed)...); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		w.t.Fatal(err)
	}
}

// Some rows were stored before the migration, others during the migration by a worker of the earlier release. After the
// migration these rows keep speeds, names and seals, and have equal measures. A second run of the migration changes
// nothing, also after newer rows have come.
func TestOffencesStoredBeforeMeasuresKeepTheirValuesAndSeals(t *testing.T) {
	addr, db := testkit.Database(t)
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: db}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w := &world{t, conn}
	migrateTo(t, w, false, func() {})

	cases := []speedCase{{710, 650, 500}, {0, 0, 0}, {1, 2147483647, -5}, {620, 0, 0}, {0, 0, 0}, {1490, 1400, 1200}}
	var rows []evidence.Row
	var prev schemas.Sum
	for i, c := range cases {
		at := schemas.MicrosOf(now.AddDate(0, -i/2, 0).Add(-time.Hour + time.Duration(i)*time.Second)) // in several parts
		d := schemas.Decision{
			Rule: "bru.speed.fixed", RuleVersion: "2017-05-01", Family: "speed", Outcome: schemas.OutcomeOffence, Reason: "prosecutor",
			On:       schemas.Sighting{Camera: "BRU-1", CapturedAt: at, ReceivedAt: at, Plate: schemas.MustPlate(fmt.Sprintf("1ABC12%d", i)), Country: schemas.Belgium, Image: schemas.Sum{byte(i + 1)}},
			Measures: schemas.SpeedMeasures(c.measured, c.corrected, c.allowed), AmountCents: 10800, LegalBasis: "RD", Verified: true,
		}
		d.Offence.ID, d.Passage.ID, d.On.Read.ID = schemas.ID{byte(i), 1}, schemas.ID{byte(i), 2}, schemas.ID{byte(i), 3}
		sealedBefore(t, &d, prev)
		prev = d.Seal
		row := rowOf(&d)
		row.Offset = int64(100 + i)
		rows = append(rows, row)
	}
	w.storeBefore(rows[:4], cases[:4])
	meanwhile := func() { w.storeBefore(rows[4:6], cases[4:6]) }

	for _, when := range []string{"migrated", "migrated again", "migrated again after newer rows", "merged"} {
		if when == "migrated again after newer rows" {
			d, err := rows[len(rows)-1].Decision()
			if err != nil {
				t.Fatal(err)
			}
			c := speedCase{900, 840, 700}
			d.Offence.ID[0], d.On.Read.ID[0], d.Measures = 99, 99, schemas.SpeedMeasures(c.measured, c.corrected, c.allowed)
			evidence.Seal(&d, d.Seal)
			row := rowOf(&d)
			row.Offset = 999
			cases, rows = append(cases, c), append(rows, row)
			w.append(rows[len(rows)-1:])
		}
		if when == "merged" {
			w.exec("OPTIMIZE TABLE offences FINAL")
		} else {
			migrateTo(t, w, true, meanwhile)
			meanwhile = func() {}
		}
		w.holds(when, rows, cases)
	}
}

// holds compares the table with the rows and their speeds.
func (w *world) holds(when string, rows []evidence.Row, cases []speedCase) {
	w.t.Helper()
	for i, c := range cases {
		var got []struct {
			Measured  int32    `ch:"measured_dkmh"`
			Corrected int32    `ch:"corrected_dkmh"`
			Limit     int32    `ch:"limit_dkmh"`
			Names     []string `ch:"measures.name"`
			Values    []int64  `ch:"measures.value"`
			Around    []int64  `ch:"measures.uncertainty"`
			Devices   []string `ch:"measures.device"`
		}
		err := w.conn.Select(w.t.Context(), &got, "SELECT measured_dkmh, corrected_dkmh, limit_dkmh, measures.name, measures.value, measures.uncertainty, measures.device FROM offences WHERE offence_id = $1 AND measured_dkmh = $2 AND limit_dkmh = $3",
			rows[i].OffenceID.String(), c.measured, c.allowed)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(got) != 1 || got[0].Measured != c.measured || got[0].Corrected != c.corrected || got[0].Limit != c.allowed ||
			!slices.Equal(got[0].Names, rows[i].MeasureNames) || !slices.Equal(got[0].Values, rows[i].MeasureValues) ||
			len(got[0].Around) != len(got[0].Names) || len(got[0].Devices) != len(got[0].Names) {
			w.t.Errorf("%s: offence %d: got %+v, want the speeds %+v", when, i, got, c)
		}
	}
	if r := w.walk(rows); !r.IsClean() || r.Rows != uint64(len(rows)) {
		w.t.Errorf("%s: the walk over the seals: %+v", when, r)
	}
}

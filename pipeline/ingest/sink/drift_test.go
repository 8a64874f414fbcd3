package sink

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// storedColumn is a column as the database has it.
type storedColumn struct {
	Table string `ch:"table"`
	Name  string `ch:"name"`
	Type  string `ch:"type"`
	Kind  string `ch:"default_kind"`
}

// tablesOf returns each table's columns after all migrations, in order. Views, column aliases and the migrations' own
// table hold no data of their own.
func tablesOf(t *testing.T) (map[string][]storedColumn, func(string, ...any) string) {
	t.Helper()
	_, conn := newMigratedSink(t, nil)
	var rows []storedColumn
	err := conn.Select(t.Context(), &rows, `SELECT table, name, type, default_kind FROM system.columns WHERE database = currentDatabase() AND table IN
		(SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT LIKE 'goose%') ORDER BY table, position`)
	if err != nil {
		t.Fatal(err)
	}
	var aliases []string
	for _, table := range schemas.Tables() {
		for _, c := range table.Columns {
			if c.Alias {
				aliases = append(aliases, table.Name+"."+c.Name)
			}
		}
	}
	out := map[string][]storedColumn{}
	for _, r := range rows {
		if r.Kind != "ALIAS" || slices.Contains(aliases, r.Table+"."+r.Name) {
			out[r.Table] = append(out[r.Table], r)
		}
	}
	return out, func(sql string, args ...any) string { return queryValue[string](t, conn, sql, args...) }
}

// The struct of a row is the table after all migrations: the same columns, in the same order, of the same types.
func TestEveryTableIsItsRowStruct(t *testing.T) {
	stored, _ := tablesOf(t)
	for _, table := range schemas.Tables() {
		var got, want []string
		for _, c := range stored[table.Name] {
			got = append(got, c.Name+" "+c.Type)
			if c.Kind == "ALIAS" {
				got[len(got)-1] += " ALIAS"
			} else if c.Kind != "" && c.Kind != "DEFAULT" {
				t.Errorf("%s.%s is %s: nobody can insert it", table.Name, c.Name, c.Kind)
			}
		}
		for _, c := range table.Columns {
			want = append(want, c.Name+" "+c.Type)
			if c.Alias {
				want[len(want)-1] += " ALIAS"
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\ntable  %s\nstruct %s", table.Name, strings.Join(got, ", "), strings.Join(want, ", "))
		}
		delete(stored, table.Name)
	}
	for name := range stored {
		t.Errorf("table %s has no row struct in schemas", name)
	}
}

// columnsNotOfARead are the columns in reads without a field in a read, with the reason.
var columnsNotOfARead = map[string]string{
	"passage_id": "of the passage the read belongs to", "site": "of the camera", "zone": "of the camera", "municipality": "of the camera",
	"kafka_partition": "where the record stands in the log", "kafka_offset": "where the record stands in the log",
}

// fieldsWithoutColumn are a read's fields without a column, with the reason.
var fieldsWithoutColumn = map[string]string{
	"Tick": "a record with it is no read and makes no row", "Quarantine": "a record with it is no read; its row is of rejects",
}

// encodedColumns returns a sum of each column of reads with one row.
func encodedColumns(r *schemas.Read) map[string]string {
	b := NewBlock(nil)
	b.AddRead(r, schemas.PassageID{}, nil, shard.Position{})
	out := map[string]string{}
	for _, c := range b.tables[tabReads].input {
		var buf proto.Buffer
		c.Data.EncodeColumn(&buf)
		out[c.Name] = fmt.Sprintf("%x", sha256.Sum256(buf.Buf))
	}
	return out
}

// otherValue gives a field of a read another value than the zero.
func otherValue(f reflect.Value) {
	switch x := f.Addr().Interface().(type) {
	case *schemas.Plate:
		*x = schemas.MustPlate("2XYZ987")
	case *schemas.Class:
		*x = schemas.MustPlate("2XYZ987").Class()
	case *schemas.Country:
		*x = schemas.Belgium
	case *schemas.ReadID:
		x.ID[3] = 9
	case *schemas.Sum:
		x[3] = 9
	case *[]schemas.Sum:
		*x = []schemas.Sum{{3}}
	case *[]schemas.Alternative:
		*x = []schemas.Alternative{{Plate: "Q", Confidence: 7}}
	case *[]schemas.Measure:
		*x = []schemas.Measure{{Name: "red_time_ms", Value: 7, Uncertainty: 3, Device: "D"}}
	case *schemas.Flags:
		*x = schemas.FlagLate | schemas.FlagLateUpload | schemas.FlagClockSuspect
	case *string:
		*x = "other"
	default:
		if f.CanInt() {
			f.SetInt(1)
		} else {
			f.SetUint(1)
		}
	}
}

// Each field of a read changes a column of reads, and each column is changed by a field, or says why not.
func TestEveryFieldOfAReadHasAColumn(t *testing.T) {
	reached := map[string]bool{}
	typ := reflect.TypeFor[schemas.Read]()
	was := encodedColumns(&schemas.Read{})
	for i := range typ.NumField() {
		name := typ.Field(i).Name
		if fieldsWithoutColumn[name] != "" {
			continue
		}
		var r schemas.Read
		otherValue(reflect.ValueOf(&r).Elem().Field(i))
		n := 0
		for column, sum := range encodedColumns(&r) {
			if sum != was[column] {
				reached[column] = true
				n++
			}
		}
		if n == 0 {
			t.Errorf("field %s of a read reaches no column of reads", name)
		}
	}
	for _, column := range schemas.ColumnNames[schemas.ReadRow](func(c schemas.Column) bool { return c.Insert }) {
		if left := columnsNotOfARead[column] != ""; reached[column] == left {
			t.Errorf("column %s: of a field of a read %t, left out with a reason %t; it must be one of both", column, reached[column], left)
		}
	}
}

// The tags name every column a plate's deletion must reach: in a database with a row of every kind, for a plate like
// no other text, exactly the tagged columns hold the plate.
func TestTheColumnsThatHoldAPlateAreThoseThatSaySo(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(0)
	marked := func() *schemas.Read {
		r := testRead(int(b.rg.End), march)
		r.SetPlate(schemas.MustPlate("9MARK77")) // its class is 9MARK77 too
		r.RawPlate, r.Alternatives = "9-MARK77", []schemas.Alternative{{Plate: "9MARK77"}}
		return r
	}
	r := marked()
	pos := b.nextPosition()
	b.t.Stored++
	b.AddRead(r, schemas.PassageIDOf(r.ID), testCamera(), pos)
	b.AddPassage(testPassage(r), testCamera(), pos)
	b.t.Passages++
	hit := testHit(r)
	hit.Entry.Plate = r.Plate
	b.AddHit(hit, r, testCamera(), pos, march)
	b.t.Hits++
	for seq, o := range []schemas.Outcome{schemas.OutcomeOffence, schemas.OutcomeExempt} {
		d := testDecision(r, o)
		d.Rule += schemas.RuleID(fmt.Sprint(".", o))
		d.Trace = append(d.Trace, schemas.Step{Code: "lists.entry", Args: []string{r.Plate.String()}})
		d.Sealed = append([]byte("\x01"), r.Plate.String()...)
		b.AddDecision(d, r.Class, testCamera(), pos, uint32(seq))
	}
	b.t.Offences++
	b.AddMerge(shard.MergeParked, r, schemas.PassageIDOf(r.ID), b.nextPosition())
	b.t.Merged++
	b.AddReject(&shard.RejectRow{Err: schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate", "%q is no plate", r.RawPlate), Camera: "9MARK77", Payload: []byte(`{"plate":"9MARK77"}`), Pos: b.nextPosition()})
	b.t.Rejected++
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range schemas.Tables() {
		for _, column := range table.Columns {
			if !strings.Contains(column.Type, "String") {
				continue
			}
			n := queryValue[uint64](t, conn, "SELECT countIf(match(replaceAll(toString("+column.Name+"), '-', ''), '9MARK77')) FROM "+table.Name)
			if n > 0 {
				got = append(got, table.Name+"."+column.Name)
			}
		}
	}
	slices.Sort(got)
	if want := schemas.PlateColumns(); !slices.Equal(got, want) {
		t.Errorf("hold the plate %v\nsay so        %v", got, want)
	}
	if !bytes.Contains(b.AppendNative(nil), []byte("9MARK77")) {
		t.Fatal("the block does not hold the plate: the test looks at nothing")
	}
}

package sink

import (
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// The row structs of schemas are the only list of columns: every insert of a batch names the columns of its struct, in
// order.
func TestEveryInsertNamesTheColumnsOfItsRowStruct(t *testing.T) {
	insertable := func(c schemas.Column) bool { return c.Insert }
	want := map[string][]string{
		"reads": schemas.ColumnNames[schemas.ReadRow](insertable), "passages": schemas.ColumnNames[schemas.PassageRow](insertable),
		"merges": schemas.ColumnNames[schemas.MergeRow](insertable), "rejects": schemas.ColumnNames[schemas.RejectRow](insertable),
		"hits": schemas.ColumnNames[schemas.HitRow](insertable), "decisions": schemas.ColumnNames[schemas.DecisionRow](insertable),
		"offences": schemas.ColumnNames[schemas.OffenceRow](insertable), "batches": schemas.ColumnNames[schemas.BatchRow](insertable),
	}
	b := NewBlock(nil)
	tables := append(b.tables[:], *newBatchesRow(ingest.Range{}, &shard.Totals{}))
	for i := range tables {
		tab := &tables[i]
		got := make([]string, len(tab.input))
		for j, c := range tab.input {
			got[j] = c.Name
		}
		if !slices.Equal(got, want[tab.name]) {
			t.Errorf("%s: got %v, want %v", tab.name, got, want[tab.name])
		}
		delete(want, tab.name)
	}
	if len(want) != 0 {
		t.Errorf("no insert for %v", want)
	}
}

func TestTypedColumnsThatAreNotThoseOfTheStructPanic(t *testing.T) {
	size, sum := u64Col(), sumCol()
	for name, columns := range map[string][]wireColumn{
		"another type": {&lowCol{}, &lowCol{}, &lowCol{}}, "too few": {&lowCol{}, &lowCol{}, &strCol{}}, "none": nil,
		"too many": append(slices.Clone([]wireColumn{&lowCol{}, &lowCol{}, &strCol{}, &strCol{}, &lowCol{}}), slices.Repeat([]wireColumn{&size, &sum}, 5)...),
	} {
		func() {
			defer func() {
				if msg, _ := recover().(string); !strings.Contains(msg, "RejectRow") {
					t.Errorf("%s: got %q, want a panic that names the struct", name, msg)
				}
			}()
			inputOf[schemas.RejectRow](columns...)
		}()
	}
}

func TestARowIsNotKeptAfterItWasAdded(t *testing.T) {
	b := NewBlock(nil)
	r := testRead(1, march)
	b.AddMerge(shard.MergeParked, r, schemas.PassageID{}, shard.Position{})
	if *b.merges.row != (schemas.MergeRow{}) {
		t.Errorf("the row still holds %+v: its texts alias the record", *b.merges.row)
	}
	if got := b.TableRows("merges"); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
}

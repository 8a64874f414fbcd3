package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// PlateMask says how a column leads to a plate, and with it what stands in its place for somebody who may not see plates.
type PlateMask string

// The masks.
const (
	MaskNone   PlateMask = ""
	MaskHide   PlateMask = "hide"   // holds a plate: empty
	MaskText   PlateMask = "mask"   // a text that names the row's plate: # in the place of the plate
	MaskName   PlateMask = "name"   // what the sender called a camera, which may be anything: empty unless it has the form of a camera id
	MaskDigest PlateMask = "digest" // names a picture of the plate, or is a hash of few enough bytes to be guessed back: empty. It holds no plate
	MaskLog    PlateMask = "log"    // what a user asked the office: shown to who may see the access log. No deletion reaches it
)

var masks = []PlateMask{MaskNone, MaskHide, MaskText, MaskName, MaskDigest, MaskLog}

// Column is one column of a table as the field of its row struct describes it.
type Column struct {
	Name   string // in the table
	Type   string // in the table, as ClickHouse writes it
	JSON   string // in the API of the office; "-" = not shown
	Plate  PlateMask
	Office bool // the office selects it
	Insert bool // the insert of a batch has it
	Alias  bool // the table computes it of other columns and stores nothing
	Field  int  // index of the field in the struct
}

// Table is one table and the columns of its row struct, in order.
type Table struct {
	Name    string
	Columns []Column
}

// Tables returns every table of the database but goose's own, in the order of their migrations.
func Tables() []Table {
	return []Table{
		{"reads", ColumnsOf[ReadRow]()},
		{"passages", ColumnsOf[PassageRow]()},
		{"hits", ColumnsOf[HitRow]()},
		{"offences", ColumnsOf[OffenceRow]()},
		{"decisions", ColumnsOf[DecisionRow]()},
		{"merges", ColumnsOf[MergeRow]()},
		{"rejects", ColumnsOf[RejectRow]()},
		{"batches", ColumnsOf[BatchRow]()},
		{"access_log", ColumnsOf[AccessLogRow]()},
		{"plates", ColumnsOf[PlateRow]()},
		{"office_lease", ColumnsOf[LeaseRow]()},
	}
}

// PlateColumns returns the columns that hold plates, as table.column, sorted: what a deletion of a plate must reach. The pictures of the
// plate are named by the columns with [MaskDigest] of the same rows.
func PlateColumns() []string {
	var out []string
	for _, t := range Tables() {
		for _, c := range t.Columns {
			if c.Plate == MaskHide || c.Plate == MaskText || c.Plate == MaskName {
				out = append(out, t.Name+"."+c.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// columnTypes gives the type of a column by the type of its field.
var columnTypes = map[reflect.Type]string{
	reflect.TypeFor[ID](): "UUID", reflect.TypeFor[ReadID](): "UUID", reflect.TypeFor[PassageID](): "UUID", reflect.TypeFor[HitID](): "UUID",
	reflect.TypeFor[OffenceID](): "UUID", reflect.TypeFor[time.Time](): "DateTime64(6, 'UTC')", reflect.TypeFor[Digest](): "String",
	reflect.TypeFor[string](): "String", reflect.TypeFor[[]byte](): "String", reflect.TypeFor[[]string](): "Array(String)",
	reflect.TypeFor[[]uint16](): "Array(UInt16)", reflect.TypeFor[[]int64](): "Array(Int64)", reflect.TypeFor[bool](): "Bool", reflect.TypeFor[uint8](): "UInt8",
	reflect.TypeFor[uint16](): "UInt16", reflect.TypeFor[uint32](): "UInt32", reflect.TypeFor[uint64](): "UInt64",
	reflect.TypeFor[int32](): "Int32", reflect.TypeFor[int64](): "Int64",
}

// ColumnsOf returns the columns of a row struct, in the order of its fields. It panics on a tag that says nothing.
func ColumnsOf[R any]() []Column {
	t := reflect.TypeFor[R]()
	out := make([]Column, t.NumField())
	for i := range out {
		out[i] = columnOf(t, i)
	}
	return out
}

func columnOf(t reflect.Type, i int) Column {
	f := t.Field(i)
	c := Column{
		Name: f.Tag.Get("ch"), Type: f.Tag.Get("type"), JSON: f.Tag.Get("json"), Plate: PlateMask(f.Tag.Get("plate")), Field: i,
		Office: f.Tag.Get("office") != "no", Alias: f.Tag.Get("alias") == "yes",
	}
	c.Insert = f.Tag.Get("insert") != "no" && !c.Alias
	if c.Type == "" {
		c.Type = columnTypes[f.Type]
	}
	if c.Name == "" || c.Type == "" || c.JSON == "" || !slices.Contains(masks, c.Plate) {
		panic(fmt.Sprintf("BUG: field %s of %s does not say its column, type, name in the API and mask", f.Name, t))
	}
	return c
}

// ColumnNames returns the names of the columns of a row struct that keep accepts, in order; nil accepts all.
func ColumnNames[R any](keep func(Column) bool) []string {
	var out []string
	for _, c := range ColumnsOf[R]() {
		if keep == nil || keep(c) {
			out = append(out, c.Name)
		}
	}
	return out
}

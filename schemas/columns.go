package schemas

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// PlateMask says how a column leads to a plate, and so what people without the right to plates see instead.
type PlateMask string

// The masks.
const (
	MaskNone   PlateMask = ""
	MaskHide   PlateMask = "hide"   // holds a plate: empty
	MaskText   PlateMask = "mask"   // text with the row's plate: # replaces the plate
	MaskName   PlateMask = "name"   // a sender's name for a camera, perhaps anything: empty unless formed like a camera id
	MaskDigest PlateMask = "digest" // a digest of the plate's picture, or a hash short enough to guess back: empty. No plate in it
	MaskLog    PlateMask = "log"    // a user's question to the office: shown to readers of the access log. No deletion reaches it
)

var masks = []PlateMask{MaskNone, MaskHide, MaskText, MaskName, MaskDigest, MaskLog}

// Column is a table column, as described by a field in a row struct.
type Column struct {
	Name   string // in the table
	Type   string // ClickHouse type
	JSON   string // in the API of the office; "-" = not shown
	Plate  PlateMask
	Office bool // selected by the office
	Insert bool // inserted with a batch
	Alias  bool // computed by the table, not stored
	Field  int  // field index in the struct
}

// Table is a table with the columns in its row struct, in order.
type Table struct {
	Name    string
	Columns []Column
}

// Tables returns every table but goose's own, in migration order.
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
		{"reviews", ColumnsOf[ReviewRow]()},
	}
}

// PlateColumns returns the columns with plates as table.column, sorted: a plate's deletion must reach them all.
// [MaskDigest] columns in the same rows name the pictures.
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

// columnTypes gives a column's type by its field's type.
var columnTypes = map[reflect.Type]string{
	reflect.TypeFor[ID](): "UUID", reflect.TypeFor[ReadID](): "UUID", reflect.TypeFor[PassageID](): "UUID", reflect.TypeFor[HitID](): "UUID",
	reflect.TypeFor[OffenceID](): "UUID", reflect.TypeFor[time.Time](): "DateTime64(6, 'UTC')", reflect.TypeFor[Digest](): "String",
	reflect.TypeFor[string](): "String", reflect.TypeFor[[]byte](): "String", reflect.TypeFor[[]string](): "Array(String)",
	reflect.TypeFor[[]uint16](): "Array(UInt16)", reflect.TypeFor[[]int64](): "Array(Int64)", reflect.TypeFor[bool](): "Bool", reflect.TypeFor[uint8](): "UInt8",
	reflect.TypeFor[uint16](): "UInt16", reflect.TypeFor[uint32](): "UInt32", reflect.TypeFor[uint64](): "UInt64",
	reflect.TypeFor[int32](): "Int32", reflect.TypeFor[int64](): "Int64",
}

// ColumnsOf returns a row struct's columns in field order. It panics on a tag without meaning.
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

// ColumnNames returns a row struct's column names accepted by keep, in order; nil accepts all.
func ColumnNames[R any](keep func(Column) bool) []string {
	var out []string
	for _, c := range ColumnsOf[R]() {
		if keep == nil || keep(c) {
			out = append(out, c.Name)
		}
	}
	return out
}

package sink

import (
	"fmt"
	"reflect"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// rowTable holds the rows for a table without its own column code: the table has few rows, so each goes through a
// struct. The columns are made once, by reflection over R, and bound to row's fields: adding a row reflects nothing
// and allocates nothing.
type rowTable[R any] struct {
	row     *R // the row to add next
	columns proto.Input
	adders  []func() // each appends a field from row to the field's column
}

// newRowTable makes R's inserted columns, in order.
func newRowTable[R any]() rowTable[R] {
	t := rowTable[R]{row: new(R)}
	fields := reflect.ValueOf(t.row).Elem()
	for _, c := range schemas.ColumnsOf[R]() {
		if !c.Insert {
			continue
		}
		col, add := bindColumn(fields.Field(c.Field).Addr().Interface(), c.Type)
		if string(col.Type()) != c.Type {
			panic(fmt.Sprintf("BUG: column %s of %T is made as %s, want %s", c.Name, *t.row, col.Type(), c.Type))
		}
		t.columns = append(t.columns, proto.InputColumn{Name: c.Name, Data: col})
		t.adders = append(t.adders, add)
	}
	return t
}

// addRow copies row to the columns and empties it, so no reference to the data remains.
func (t *rowTable[R]) addRow() {
	for _, add := range t.adders {
		add()
	}
	var none R
	*t.row = none
}

// bindColumn makes a column for the type, and a function for appending field's value.
func bindColumn(field any, typ string) (wireColumn, func()) {
	switch f := field.(type) {
	case *string:
		if typ == "String" {
			c := &strCol{}
			return c, func() { c.appendText(*f) }
		}
		c := &lowCol{}
		return c, func() { c.appendText(*f) }
	case *[]byte:
		c := &strCol{}
		return c, func() { c.appendBytes(*f) }
	case *[]string:
		c := &arrCol[*strCol]{ends: u64Col(), elem: new(strCol)}
		return c, func() {
			for _, v := range *f {
				c.elem.appendText(v)
			}
			c.endRow()
		}
	case *[]int64:
		c := &arrCol[*fixedCol]{ends: u64Col(), elem: new(i64Col())}
		return c, func() {
			for _, v := range *f {
				c.elem.appendI64(v)
			}
			c.endRow()
		}
	case *schemas.Digest:
		if typ == "String" {
			c := &strCol{}
			return c, func() { c.appendText(string(*f)) }
		}
		c := sumCol()
		return &c, func() { c.appendDigest(*f) }
	case *time.Time:
		if typ == string(proto.ColumnTypeDate32) {
			c := dateCol()
			return &c, func() { c.appendI32(int32(f.Unix() / secondsPerDay)) }
		}
		c := timeCol()
		return &c, func() { c.appendTime(schemas.MicrosOf(*f)) }
	}
	return bindFixed(field)
}

// bindFixed is bindColumn for the Go types with exactly one column type.
func bindFixed(field any) (wireColumn, func()) {
	id := uuidCol()
	switch f := field.(type) {
	case *schemas.ReadID:
		return &id, func() { id.appendID(&f.ID) }
	case *schemas.PassageID:
		return &id, func() { id.appendID(&f.ID) }
	case *schemas.HitID:
		return &id, func() { id.appendID(&f.ID) }
	case *schemas.OffenceID:
		return &id, func() { id.appendID(&f.ID) }
	case *bool:
		c := boolCol()
		return &c, func() { c.appendBool(*f) }
	case *uint8:
		c := u8Col()
		return &c, func() { c.appendU8(*f) }
	case *uint16:
		c := u16Col()
		return &c, func() { c.appendU16(*f) }
	case *uint32:
		c := u32Col()
		return &c, func() { c.appendU32(*f) }
	case *uint64:
		c := u64Col()
		return &c, func() { c.appendU64(*f) }
	case *int32:
		c := i32Col()
		return &c, func() { c.appendI32(*f) }
	case *int64:
		c := i64Col()
		return &c, func() { c.appendI64(*f) }
	}
	panic(fmt.Sprintf("BUG: no column is made of %T", field))
}

const secondsPerDay = 24 * 60 * 60

// inputOf joins a table's typed columns with the names in its row struct, the only column list. It panics when a
// column is missing, is too many or has another type.
func inputOf[R any](columns ...wireColumn) proto.Input {
	var in proto.Input
	for _, c := range schemas.ColumnsOf[R]() {
		if !c.Insert {
			continue
		}
		i := len(in)
		if i >= len(columns) || string(columns[i].Type()) != c.Type {
			panic(fmt.Sprintf("BUG: column %d of the insert of %T is not %s %s", i, *new(R), c.Name, c.Type))
		}
		in = append(in, proto.InputColumn{Name: c.Name, Data: columns[i]})
	}
	if len(in) != len(columns) {
		panic(fmt.Sprintf("BUG: %T has %d columns to insert, got %d", *new(R), len(in), len(columns)))
	}
	return in
}

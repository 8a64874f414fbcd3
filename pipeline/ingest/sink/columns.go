package sink

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// A column buffer keeps up to keepBytes over a Reset, and up to mostBytes when the batch used at least a quarter. So
// an outsized batch does not hold memory for ever, and a backlog with full batches does not grow the buffers again and
// again.
const (
	keepBytes = 2 << 20
	mostBytes = 24 << 20
)

func keepUsed(b []byte) []byte {
	if c := cap(b); c > keepBytes && (c > mostBytes || len(b) < c/4) {
		return nil
	}
	return b[:0]
}

func keepSmall[T any](s []T) []T {
	var z T
	if cap(s)*int(unsafe.Sizeof(z)) > keepBytes {
		return nil
	}
	return s[:0]
}

// wireColumn is a table column in wire form, so writing copies nothing.
type wireColumn interface {
	proto.ColInput
	Reset()
}

// fixedCol is a column with a fixed width. A caller uses the append method with the type's width.
type fixedCol struct {
	typ   proto.ColumnType
	width int
	buf   []byte
}

func (c *fixedCol) Type() proto.ColumnType       { return c.typ }
func (c *fixedCol) Rows() int                    { return len(c.buf) / c.width }
func (c *fixedCol) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buf...) }
func (c *fixedCol) Reset()                       { c.buf = keepUsed(c.buf) }

func (c *fixedCol) WriteColumn(w *proto.Writer) {
	if len(c.buf) > 0 {
		w.ChainWrite(c.buf)
	}
}

func (c *fixedCol) appendU8(v uint8)   { c.buf = append(c.buf, v) }
func (c *fixedCol) appendU16(v uint16) { c.buf = binary.LittleEndian.AppendUint16(c.buf, v) }

func (c *fixedCol) appendU32(v uint32)          { c.buf = binary.LittleEndian.AppendUint32(c.buf, v) }
func (c *fixedCol) appendI32(v int32)           { c.appendU32(uint32(v)) }
func (c *fixedCol) appendU64(v uint64)          { c.buf = binary.LittleEndian.AppendUint64(c.buf, v) }
func (c *fixedCol) appendI64(v int64)           { c.appendU64(uint64(v)) }
func (c *fixedCol) appendTime(v schemas.Micros) { c.appendU64(uint64(v)) }
func (c *fixedCol) appendSum(v *schemas.Sum)    { c.buf = append(c.buf, v[:]...) }

func (c *fixedCol) appendBool(v bool) {
	var b byte
	if v {
		b = 1
	}
	c.buf = append(c.buf, b)
}

// appendID appends a UUID. ClickHouse keeps the two halves as little-endian integers and prints them big-endian, so
// each half is swapped, and ClickHouse prints the text of schemas.ID.String.
func (c *fixedCol) appendID(v *schemas.ID) {
	c.buf = binary.LittleEndian.AppendUint64(c.buf, binary.BigEndian.Uint64(v[:8]))
	c.buf = binary.LittleEndian.AppendUint64(c.buf, binary.BigEndian.Uint64(v[8:]))
}

// appendDigest appends the digest's 32 raw bytes, with zeros for missing bytes.
func (c *fixedCol) appendDigest(d schemas.Digest) {
	if len(d) > c.width {
		panic("BUG: a digest has more bytes than its column")
	}
	c.buf = append(c.buf, d...)
	for range c.width - len(d) {
		c.buf = append(c.buf, 0)
	}
}

func uuidCol() fixedCol { return fixedCol{typ: proto.ColumnTypeUUID, width: 16} }
func timeCol() fixedCol { return fixedCol{typ: "DateTime64(6, 'UTC')", width: 8} }
func dateCol() fixedCol { return fixedCol{typ: proto.ColumnTypeDate32, width: 4} }
func u8Col() fixedCol   { return fixedCol{typ: proto.ColumnTypeUInt8, width: 1} }
func u16Col() fixedCol  { return fixedCol{typ: proto.ColumnTypeUInt16, width: 2} }
func u32Col() fixedCol  { return fixedCol{typ: proto.ColumnTypeUInt32, width: 4} }
func i32Col() fixedCol  { return fixedCol{typ: proto.ColumnTypeInt32, width: 4} }
func u64Col() fixedCol  { return fixedCol{typ: proto.ColumnTypeUInt64, width: 8} }
func i64Col() fixedCol  { return fixedCol{typ: proto.ColumnTypeInt64, width: 8} }
func boolCol() fixedCol { return fixedCol{typ: proto.ColumnTypeBool, width: 1} }
func sumCol() fixedCol  { return fixedCol{typ: "FixedString(32)", width: 32} }

// strCol is a String column: every value follows its length.
type strCol struct {
	buf  []byte
	rows int
}

func (c *strCol) Type() proto.ColumnType       { return proto.ColumnTypeString }
func (c *strCol) Rows() int                    { return c.rows }
func (c *strCol) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buf...) }
func (c *strCol) Reset()                       { c.buf, c.rows = keepUsed(c.buf), 0 }

func (c *strCol) WriteColumn(w *proto.Writer) {
	if len(c.buf) > 0 {
		w.ChainWrite(c.buf)
	}
}

func (c *strCol) appendText(v string) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.rows++
}

func (c *strCol) appendBytes(v []byte) {
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(v))), v...)
	c.rows++
}

func (c *strCol) appendPlate(p schemas.Plate) {
	c.buf = p.AppendTo(append(c.buf, byte(p.Len())))
	c.rows++
}

// appendSum appends the 32 raw bytes of a sum, or an empty value for the zero sum.
func (c *strCol) appendSum(s *schemas.Sum) {
	if s.IsZero() {
		c.appendBytes(nil)
		return
	}
	c.appendBytes(s[:])
}

// arrCol is an Array column over an element column: a row's elements are appended first, then endRow closes the row.
type arrCol[C wireColumn] struct {
	ends fixedCol
	elem C
}

func (c *arrCol[C]) Type() proto.ColumnType { return proto.ColumnTypeArray.Sub(c.elem.Type()) }
func (c *arrCol[C]) Rows() int              { return c.ends.Rows() }

func (c *arrCol[C]) EncodeColumn(b *proto.Buffer) {
	c.ends.EncodeColumn(b)
	c.elem.EncodeColumn(b)
}

func (c *arrCol[C]) WriteColumn(w *proto.Writer) {
	c.ends.WriteColumn(w)
	c.elem.WriteColumn(w)
}

func (c *arrCol[C]) Reset() {
	c.ends.Reset()
	c.elem.Reset()
}

func (c *arrCol[C]) endRow() { c.ends.appendU64(uint64(c.elem.Rows())) }

// minSlots is a lowCol's smallest hash table; a power of two.
const minSlots = 1 << 6

func slotsFor(values int) int { return max(minSlots, 1<<bits.Len(uint(4*values-1))) }

package sink

import (
	"encoding/binary"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// Constants for LowCardinality's native form: the key version, and two flags: the block carries its dictionary, and
// the dictionary replaces the former.
const (
	lowKeyVersion = 1
	lowFlags      = 1<<9 | 1<<10
)

// lowCol is a LowCardinality(String) column. Every value gets a number for all later blocks, found through an
// open-addressing hash table. A known value costs a hash and a comparison, a known number costs neither, and nothing
// is allocated. A large block is sent with the dictionary over all values and their numbers as keys; a block with too
// few rows for such a dictionary gets its own when sent. Keys are as narrow as the numbers allow (1, 2 or 4 bytes).
type lowCol struct {
	dict       strCol     // all values
	spans      []dictSpan // each value's place in dict, by number
	slots      []uint32   // number + 1; 0 is free. The length is a power of two, at least twice the value count
	generation uint32     // counts how often the values and their numbers were dropped

	keys  []byte // every row's number, width bytes each
	width int    // 1, 2 or 4; 0 means 1

	codes     [maxCodes]uint32         // number + 1 for a small code's name; 0 is not interned yet
	recent    *[recentSize]recentValue // values from the latest rows
	countries *[26 * 26]uint32         // number + 1 for a country; 0 is not interned yet

	block blockDict // the dictionary of a small block, made when the block is sent
}

// blockDict holds a single block's dictionary and keys.
type blockDict struct {
	dict strCol
	keys []byte
	at   []uint32 // key + 1 by number; 0 is not in the block yet
	met  []uint32 // numbers by key
}

// recentSize is a power of two above the number of makes, colours and formats.
const recentSize = 256

// recentValue is a short value and its number. Two words and the length hold a value up to 16 bytes completely, so a
// look-up needs neither a hash nor the dictionary.
type recentValue struct {
	a, b uint64
	n    uint32
	key  uint32 // number + 1; 0 is free
}

// wordsOf packs a value up to 16 bytes into two words; with the length they hold the value completely. From four bytes
// on it takes the first four, the last four and up to eight between, without a branch on the length.
func wordsOf(v []byte) (a, b uint64) {
	n := len(v)
	if n >= 4 {
		off := min(4, n-4)
		a = uint64(binary.LittleEndian.Uint32(v)) | uint64(binary.LittleEndian.Uint32(v[n-4:]))<<32
		return a, uint64(binary.LittleEndian.Uint32(v[off:])) | uint64(binary.LittleEndian.Uint32(v[n-4-off:]))<<32
	}
	if n > 0 {
		return uint64(v[0]) | uint64(v[n/2])<<8 | uint64(v[n-1])<<16, 0
	}
	return 0, 0
}

// maxCodes bounds the codes kept by appendCode.
const maxCodes = 16

type dictSpan struct {
	start, end uint32 // in dict.buf
	hash       uint64
}

// maxLasting and maxText bound the values that a column keeps over the blocks: their number and their bytes.
const (
	maxLasting = 1 << 16
	maxText    = 2 << 20
)

func (c *lowCol) Type() proto.ColumnType { return "LowCardinality(String)" }

func (c *lowCol) Rows() int { return len(c.keys) / max(c.width, 1) }

func (c *lowCol) Reset() {
	c.keys = keepSmall(c.keys)
	if len(c.spans) > maxLasting || len(c.dict.buf) > maxText {
		*c = lowCol{generation: c.generation + 1, keys: c.keys}
	}
	c.width = widthFor(len(c.spans))
}

func widthFor(values int) int {
	switch {
	case values <= 1<<8:
		return 1
	case values <= 1<<16:
		return 2
	}
	return 4
}

// appendCode appends the name of a small code. A code always has the same name, so the name is interned once.
func (c *lowCol) appendCode(n uint8, name string) {
	if n >= maxCodes {
		c.appendText(name)
		return
	}
	if c.codes[n] == 0 {
		c.codes[n] = c.intern(viewBytes(name)) + 1
	}
	c.appendNumber(c.codes[n] - 1)
}

func viewBytes(v string) []byte { return unsafe.Slice(unsafe.StringData(v), len(v)) }

func (c *lowCol) appendText(v string) { c.appendBytes(viewBytes(v)) }

func (c *lowCol) appendCountry(v schemas.Country) {
	a, b := uint(v[0])-'A', uint(v[1])-'A'
	if a >= 26 || b >= 26 {
		if v.IsZero() {
			c.appendBytes(nil)
		} else {
			c.appendBytes(v[:])
		}
		return
	}
	if c.countries == nil {
		c.countries = new([26 * 26]uint32)
	}
	k := &c.countries[a*26+b]
	if *k == 0 {
		*k = c.intern(v[:]) + 1
	}
	c.appendNumber(*k - 1)
}

// appendBytes appends a value. A short value is looked up among the recent ones first.
func (c *lowCol) appendBytes(v []byte) {
	if len(v) > 16 {
		c.appendNumber(c.intern(v))
		return
	}
	if c.recent == nil {
		c.recent = new([recentSize]recentValue)
	}
	a, b := wordsOf(v)
	n := uint32(len(v))
	i := ((a^b<<23^b>>41)*0x9e3779b97f4a7c15 + uint64(n)) >> 56 // two places for a value: i and i^1
	f := &c.recent[i]
	if f.a != a || f.b != b || f.n != n || f.key == 0 {
		if f.key != 0 {
			f = &c.recent[i^1]
		}
		if f.a != a || f.b != b || f.n != n || f.key == 0 {
			*f = recentValue{a: a, b: b, n: n, key: c.intern(v) + 1}
		}
	}
	c.appendNumber(f.key - 1)
}

func (c *lowCol) valueOf(number uint32) []byte {
	s := c.spans[number]
	return c.dict.buf[s.start:s.end]
}

// intern returns the number of a value, a new number for a new value. The number is valid until generation changes.
func (c *lowCol) intern(v []byte) uint32 {
	if len(c.spans)*2 >= len(c.slots) {
		c.growSlots()
	}
	h := xxhash.Sum64(v)
	mask := uint64(len(c.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		slot := c.slots[i]
		if slot == 0 {
			c.slots[i] = uint32(len(c.spans)) + 1
			return c.addValue(v, h)
		}
		if c.spans[slot-1].hash == h && string(c.valueOf(slot-1)) == string(v) {
			return slot - 1
		}
	}
}

func (c *lowCol) addValue(v []byte, h uint64) uint32 {
	number := uint32(len(c.spans))
	c.dict.appendBytes(v)
	end := uint32(len(c.dict.buf))
	c.spans = append(c.spans, dictSpan{start: end - uint32(len(v)), end: end, hash: h})
	if w := widthFor(len(c.spans)); w > max(c.width, 1) {
		c.widenKeys(w)
	}
	return number
}

func (c *lowCol) growSlots() {
	c.slots = make([]uint32, slotsFor(len(c.spans)+1))
	mask := uint64(len(c.slots) - 1)
	for k, s := range c.spans {
		i := s.hash & mask
		for c.slots[i] != 0 {
			i = (i + 1) & mask
		}
		c.slots[i] = uint32(k) + 1
	}
}

func (c *lowCol) appendNumber(number uint32) {
	c.keys = appendKey(c.keys, c.width, number)
}

func appendKey(dst []byte, width int, key uint32) []byte {
	switch width {
	case 2:
		return binary.LittleEndian.AppendUint16(dst, uint16(key))
	case 4:
		return binary.LittleEndian.AppendUint32(dst, key)
	}
	return append(dst, byte(key))
}

// numberAt returns row i's number.
func (c *lowCol) numberAt(i int) uint32 {
	switch c.width {
	case 2:
		return uint32(binary.LittleEndian.Uint16(c.keys[2*i:]))
	case 4:
		return binary.LittleEndian.Uint32(c.keys[4*i:])
	}
	return uint32(c.keys[i])
}

// widenKeys rewrites the keys in place, from the last row to the first, so no key is overwritten before it is read.
func (c *lowCol) widenKeys(width int) {
	from := max(c.width, 1)
	rows := len(c.keys) / from
	c.keys = append(c.keys, make([]byte, rows*(width-from))...)
	for i := rows - 1; i >= 0; i-- {
		if from == 1 {
			binary.LittleEndian.PutUint16(c.keys[2*i:], uint16(c.keys[i]))
			continue
		}
		binary.LittleEndian.PutUint32(c.keys[4*i:], uint32(binary.LittleEndian.Uint16(c.keys[2*i:])))
	}
	c.width = width
}

// EncodeState writes the form's version. ch-go calls it before the column.
func (c *lowCol) EncodeState(b *proto.Buffer) { b.PutInt64(lowKeyVersion) }

// wireForm returns the dictionary and the keys to send: all values, or only the block's values when the block has few
// rows beside them.
func (c *lowCol) wireForm() (dict *strCol, keys []byte, width int) {
	rows := c.Rows()
	if len(c.spans) <= rows/2 || len(c.spans) <= 16 {
		return &c.dict, c.keys, max(c.width, 1)
	}
	m := &c.block
	m.dict.Reset()
	m.keys, m.met = m.keys[:0], m.met[:0]
	if n := len(c.spans); n > len(m.at) {
		m.at = append(m.at, make([]uint32, n-len(m.at))...)
	}
	for i := range rows {
		n := c.numberAt(i)
		if m.at[n] == 0 {
			m.dict.appendBytes(c.valueOf(n))
			m.met = append(m.met, n)
			m.at[n] = uint32(len(m.met))
		}
	}
	width = widthFor(len(m.met))
	for i := range rows {
		m.keys = appendKey(m.keys, width, m.at[c.numberAt(i)]-1)
	}
	for _, n := range m.met {
		m.at[n] = 0
	}
	return &m.dict, m.keys, width
}

// writeHead writes the flags and the length of the dictionary.
func writeHead(b *proto.Buffer, dict *strCol, width int) {
	b.PutInt64(lowFlags | int64(width/2)) // 0, 1, 2: keys of 1, 2, 4 bytes
	b.PutInt64(int64(dict.rows))
}

// EncodeColumn appends the dictionary and the keys.
func (c *lowCol) EncodeColumn(b *proto.Buffer) {
	if c.Rows() == 0 {
		return
	}
	dict, keys, width := c.wireForm()
	writeHead(b, dict, width)
	dict.EncodeColumn(b)
	b.PutInt64(int64(c.Rows()))
	b.Buf = append(b.Buf, keys...)
}

// WriteColumn hands the dictionary and the keys to the writer without copying them.
func (c *lowCol) WriteColumn(w *proto.Writer) {
	if c.Rows() == 0 {
		return
	}
	dict, keys, width := c.wireForm()
	w.ChainBuffer(func(b *proto.Buffer) { writeHead(b, dict, width) })
	dict.WriteColumn(w)
	w.ChainBuffer(func(b *proto.Buffer) { b.PutInt64(int64(c.Rows())) })
	w.ChainWrite(keys)
}

package replay

import (
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
)

// enumColumn receives a LowCardinality(String) column and reads each distinct value of a block once, not each row.
type enumColumn[T any] struct {
	raw   proto.ColLowCardinalityRaw
	index proto.ColStr
	name  string
	parse func(string) (T, bool)
	dict  []T
	known []bool // a dictionary also holds values without a row in the block
}

func newLow[T any](name string, parse func(string) (T, bool)) *enumColumn[T] {
	l := &enumColumn[T]{name: name, parse: parse}
	l.raw.Index = &l.index
	return l
}

func (l *enumColumn[T]) resultColumn() proto.ResultColumn {
	return proto.ResultColumn{Name: l.name, Data: &l.raw}
}

// readDictionary reads the dictionary of the block just received.
func (l *enumColumn[T]) readDictionary() {
	l.dict, l.known = l.dict[:0], l.known[:0]
	for i := range l.index.Rows() {
		v, ok := l.parse(l.index.Row(i))
		l.dict, l.known = append(l.dict, v), append(l.known, ok)
	}
}

// valueAt returns the value of row i.
func (l *enumColumn[T]) valueAt(i int) (T, error) {
	var k int
	switch l.raw.Key {
	case proto.KeyUInt8:
		k = int(l.raw.Keys8[i])
	case proto.KeyUInt16:
		k = int(l.raw.Keys16[i])
	case proto.KeyUInt32:
		k = int(l.raw.Keys32[i])
	case proto.KeyUInt64:
		k = int(l.raw.Keys64[i])
	}
	if k < len(l.known) && l.known[k] {
		return l.dict[k], nil
	}
	var none T
	if k >= len(l.known) {
		return none, fmt.Errorf("%s: key %d of a dictionary of %d", l.name, k, len(l.known))
	}
	return none, fmt.Errorf("%s %.40q is unknown to this program", l.name, l.index.Row(k))
}

package decode

import "google.golang.org/protobuf/encoding/protowire"

// maxGroups bounds how deep unknown groups may nest.
const maxGroups = 32

// codeNesting is beside protowire's negative parse codes, which are small.
const codeNesting = -1000

// field is one field of a Protobuf message. v holds a varint, b the content of a length-delimited field.
type field struct {
	num uint64
	typ protowire.Type
	v   uint64
	b   []byte
}

// next parses the first field of b, which must not be empty, and returns its length or a negative parse code.
// Fixed-size fields and groups are skipped over: no message of ours has one.
func (f *field) next(b []byte) int {
	tag, n := varint(b)
	if n < 0 {
		return n
	}
	f.num, f.typ = tag>>3, protowire.Type(tag&7)
	if f.num == 0 || f.num > uint64(protowire.MaxValidNumber) {
		return codeFieldNumber
	}
	switch f.typ {
	case protowire.VarintType:
		v, m := varint(b[n:])
		if m < 0 {
			return m
		}
		f.v = v
		return n + m
	case protowire.BytesType:
		size, m := varint(b[n:])
		if m < 0 {
			return m
		}
		n += m
		if size > uint64(len(b)-n) {
			return codeTruncated
		}
		f.b = b[n : n+int(size) : n+int(size)]
		return n + int(size)
	case protowire.StartGroupType:
		return plus(n, skipGroup(b[n:], f.num))
	}
	return plus(n, protowire.ConsumeFieldValue(protowire.Number(f.num), f.typ, b[n:]))
}

// Parse codes of protowire, which keeps their names to itself.
var (
	codeTruncated   = func() int { _, n := protowire.ConsumeVarint(nil); return n }()
	codeFieldNumber = func() int { _, _, n := protowire.ConsumeTag([]byte{0}); return n }()
	codeEndGroup    = protowire.ConsumeFieldValue(1, protowire.EndGroupType, nil)
)

func plus(n, m int) int {
	if m < 0 {
		return m
	}
	return n + m
}

// varint parses a varint; one and two bytes, nearly all there are, without a call.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	if len(b) > 1 && b[1] < 0x80 {
		return uint64(b[0]&0x7f) | uint64(b[1])<<7, 2
	}
	return protowire.ConsumeVarint(b)
}

// skipGroup returns the length of a group's content and end tag. It does not recurse, so hostile input cannot grow the
// stack.
func skipGroup(b []byte, num uint64) int {
	var open [maxGroups]uint64
	open[0] = num
	at := 0
	for depth := 1; depth > 0; {
		tag, n := varint(b[at:])
		if n < 0 {
			return n
		}
		at += n
		num, typ := tag>>3, protowire.Type(tag&7)
		switch {
		case num == 0 || num > uint64(protowire.MaxValidNumber):
			return codeFieldNumber
		case typ == protowire.StartGroupType && depth == maxGroups:
			return codeNesting
		case typ == protowire.StartGroupType:
			open[depth] = num
			depth++
		case typ == protowire.EndGroupType && open[depth-1] != num:
			return codeEndGroup
		case typ == protowire.EndGroupType:
			depth--
		default:
			n := protowire.ConsumeFieldValue(protowire.Number(num), typ, b[at:])
			if n < 0 {
				return n
			}
			at += n
		}
	}
	return at
}

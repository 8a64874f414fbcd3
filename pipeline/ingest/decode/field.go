package decode

import (
	"encoding/binary"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxGroups bounds the nesting depth for unknown groups.
const maxGroups = 32

// codeNesting is distinct from protowire's negative parse codes, all small.
const codeNesting = -1000

// field is a field in a Protobuf message. v holds a varint, b the content of a length-delimited field.
type field struct {
	num uint64
	typ protowire.Type
	v   uint64
	b   []byte
}

// parseField parses b's first field and returns its length; b must not be empty. It checks the wire type and, for
// text, UTF-8 against the shape. A field outside the shape has number 0 afterwards. This is the hot path: a single
// call for a field, and no further call for a one-byte varint.
func (f *field) parseField(s *shape, b []byte) (int, *schemas.RejectError) {
	tag, n := uint64(b[0]), 1
	if tag >= 0x80 {
		tag, n = longVarint(b)
	}
	num := tag >> 3
	if n < 0 || num >= uint64(len(s)) || s[num].name == "" {
		return f.skipField(b)
	}
	e := &s[num]
	f.num, f.typ = num, e.typ
	if typ := protowire.Type(tag & 7); typ != e.typ {
		return 0, schemas.Rejectf(schemas.ReasonMalformed, e.name, "Protobuf: wire type %d, want %d", typ, e.typ)
	}
	m := 1
	if n < len(b) && b[n] < 0x80 {
		f.v = uint64(b[n])
	} else if f.v, m = longVarint(b[n:]); m < 0 {
		return 0, malformedField(m, e.name)
	}
	n += m
	if e.typ == protowire.VarintType {
		return n, nil
	}
	rest := b[n:]
	if f.v > uint64(len(rest)) {
		return 0, malformedField(codeTruncated, e.name)
	}
	f.b = rest[:f.v:f.v]
	if e.text && !validUTF8(f.b) {
		return 0, newReject(schemas.ReasonBadUTF8, e.name, "text is not UTF-8")
	}
	return n + int(f.v), nil
}

// skipField passes over a field outside the shape.
func (f *field) skipField(b []byte) (int, *schemas.RejectError) {
	f.num, f.typ = 0, protowire.VarintType
	tag, n := longVarint(b)
	if n >= 0 {
		switch num, typ := tag>>3, protowire.Type(tag&7); {
		case num == 0 || num > uint64(protowire.MaxValidNumber):
			n = codeFieldNumber
		case typ == protowire.StartGroupType:
			n = addLength(n, skipGroup(b[n:], num))
		default:
			n = addLength(n, protowire.ConsumeFieldValue(protowire.Number(num), typ, b[n:]))
		}
	}
	if n < 0 {
		return 0, malformedField(n, "")
	}
	return n, nil
}

func malformedField(code int, field string) *schemas.RejectError {
	if code == codeNesting {
		return schemas.Rejectf(schemas.ReasonMalformed, field, "Protobuf: unknown groups nest deeper than %d", maxGroups)
	}
	return schemas.Rejectf(schemas.ReasonMalformed, field, "Protobuf: %v", protowire.ParseError(code))
}

// validUTF8 is utf8.Valid with a shorter way for short ASCII.
func validUTF8(b []byte) bool {
	const tops = 0x8080808080808080
	n := len(b)
	if n < 8 {
		var or byte
		for _, c := range b {
			or |= c
		}
		return or < utf8.RuneSelf || utf8.Valid(b)
	}
	or := binary.LittleEndian.Uint64(b[n-8:]) // the last eight overlap the bytes before
	for i := 0; i+8 < n; i += 8 {
		or |= binary.LittleEndian.Uint64(b[i:])
	}
	return or&tops == 0 || utf8.Valid(b)
}

// Parse codes from protowire, where they are not exported.
var (
	codeTruncated   = func() int { _, n := protowire.ConsumeVarint(nil); return n }()
	codeFieldNumber = func() int { _, _, n := protowire.ConsumeTag([]byte{0}); return n }()
	codeEndGroup    = protowire.ConsumeFieldValue(1, protowire.EndGroupType, nil)
)

func addLength(n, m int) int {
	if m < 0 {
		return m
	}
	return n + m
}

// longVarint parses a varint, a two-byte varint without a call.
func longVarint(b []byte) (uint64, int) {
	if len(b) > 1 && b[1] < 0x80 && b[0] >= 0x80 {
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
		tag, n := protowire.ConsumeVarint(b[at:])
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

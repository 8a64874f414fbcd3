package decode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxDepth bounds JSON's nesting depth.
const maxDepth = 64

// scanner reads JSON by RFC 8259 from front to back. The first fault stays; afterwards every method returns zero
// values and does not advance, so callers need not check every step.
type scanner struct {
	b     []byte
	at    int
	depth int
	field string // the current field, for the fault
	fault *schemas.RejectError
}

// viewBytes views a text as bytes, for reading only.
func viewBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (s *scanner) setFault(what string) {
	if s.fault == nil {
		s.fault = schemas.Rejectf(schemas.ReasonMalformed, s.field, "JSON: %s, at byte %d", what, s.at)
	}
}

func (s *scanner) skipSpace() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peekByte skips white space and returns the next byte, 0 at the end and after a fault.
func (s *scanner) peekByte() byte {
	if s.at < len(s.b) && s.b[s.at] > ' ' && s.fault == nil {
		return s.b[s.at]
	}
	return s.peekFar()
}

func (s *scanner) peekFar() byte {
	if s.skipSpace(); s.at >= len(s.b) || s.fault != nil {
		return 0
	}
	return s.b[s.at]
}

// takeByte consumes c when c is next.
func (s *scanner) takeByte(c byte) bool {
	if s.peekByte() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) takeLiteral(word string) bool {
	if s.peekByte() == 0 || len(s.b)-s.at < len(word) || string(s.b[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) enterNesting(open byte, what string) bool {
	if !s.takeByte(open) {
		s.setFault(what)
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.setFault("nested too deep")
		return false
	}
	return true
}

// readObject reads an object. number finds a field by name, 0 for unknown; value must read the field's value. null
// leaves the field unset. A repeated field is a fault.
func (s *scanner) readObject(number func(string) int, sh *shape, value func(num int)) {
	outer := s.field
	var seen uint32 // shapes have fewer than 32 fields
	s.readMembers(func(name string) {
		num := number(name)
		if num == 0 {
			s.field = outer
			s.skipValue()
			return
		}
		s.field = sh[num].name
		if seen&(1<<num) != 0 {
			s.setFault("field given twice")
			return
		}
		seen |= 1 << num
		if s.peekByte() != 'n' || !s.takeLiteral("null") {
			value(num)
		}
		s.field = outer
	})
}

// readMembers reads an object's braces, names and commas; value must read each member's value.
func (s *scanner) readMembers(value func(name string)) {
	if !s.enterNesting('{', "want an object") {
		return
	}
	if s.takeByte('}') {
		s.depth--
		return
	}
	for {
		name := s.readText()
		if !s.takeByte(':') {
			s.setFault("want a colon")
			return
		}
		value(name)
		switch {
		case s.takeByte(','):
		case s.takeByte('}'):
			s.depth--
			return
		default:
			s.setFault("want a comma or the end of the object")
			return
		}
	}
}

// readArray reads an array; value must read each element.
func (s *scanner) readArray(value func()) {
	if !s.enterNesting('[', "want an array") {
		return
	}
	if s.takeByte(']') {
		s.depth--
		return
	}
	for {
		value()
		switch {
		case s.takeByte(','):
		case s.takeByte(']'):
			s.depth--
			return
		default:
			s.setFault("want a comma or the end of the array")
			return
		}
	}
}

// skipValue passes over any value.
func (s *scanner) skipValue() {
	switch c := s.peekByte(); {
	case c == '{':
		s.readMembers(func(string) { s.skipValue() })
	case c == '[':
		s.readArray(s.skipValue)
	case c == '"':
		s.readText()
	case c == '-' || c >= '0' && c <= '9':
		s.readNumber()
	case s.takeLiteral("true"), s.takeLiteral("false"), s.takeLiteral("null"):
	default:
		s.setFault("want a value")
	}
}

func (s *scanner) readBool() bool {
	if s.takeLiteral("true") {
		return true
	}
	if !s.takeLiteral("false") {
		s.setFault("want true or false")
	}
	return false
}

// readText reads a string. Without escapes the string aliases the input.
func (s *scanner) readText() string {
	if !s.takeByte('"') {
		s.setFault("want a string")
		return ""
	}
	start := s.at
	i := plainEnd(s.b, start)
	high := false
	for ; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			s.at = i + 1
			if high && !utf8.Valid(s.b[start:i]) {
				s.badUTF8()
				return ""
			}
			return viewText(s.b[start:i])
		case c == '\\':
			return s.readEscaped(start, i)
		case c < ' ':
			s.at = i
			s.setFault("control character in a string")
			return ""
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	s.at = len(s.b)
	s.setFault("string without end")
	return ""
}

// plainEnd passes over printable ASCII except quote and backslash, eight bytes at a time where possible.
func plainEnd(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, slash := v^(ones*'"'), v^(ones*'\\')
		// In each term a byte's top bit is set when the byte is below 0x20, a quote, a backslash, or above 0x7f. A borrow
		// can falsely mark only bytes above a true mark, and only the lowest mark is used.
		if marks := ((v - ones*' ') | (quote - ones) | (slash - ones) | v) & tops; marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
		i += 8
	}
	for i < len(b) && plainByte[b[i]] {
		i++
	}
	return i
}

var plainByte = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func (s *scanner) badUTF8() {
	if s.fault == nil {
		s.fault = newReject(schemas.ReasonBadUTF8, s.field, "text is not UTF-8")
	}
}

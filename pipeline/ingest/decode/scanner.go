package decode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxDepth bounds how deep JSON may nest.
const maxDepth = 64

// scanner reads JSON by RFC 8259 from front to back. The first fault stays; after it every method returns zero values
// and moves nothing on, so callers need not look at every step.
type scanner struct {
	b     []byte
	at    int
	depth int
	field string // the field being read, for the fault
	fault *schemas.RejectError
}

// raw views a text as bytes, for reading only.
func raw(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (s *scanner) fail(what string) {
	if s.fault == nil {
		s.fault = schemas.Rejectf(schemas.ReasonMalformed, s.field, "JSON: %s, at byte %d", what, s.at)
	}
}

func (s *scanner) space() {
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte, 0 at the end and after a fault.
func (s *scanner) peek() byte {
	if s.at < len(s.b) && s.b[s.at] > ' ' && s.fault == nil {
		return s.b[s.at]
	}
	return s.peekFar()
}

func (s *scanner) peekFar() byte {
	if s.space(); s.at >= len(s.b) || s.fault != nil {
		return 0
	}
	return s.b[s.at]
}

// take consumes c when it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) literal(word string) bool {
	if s.peek() == 0 || len(s.b)-s.at < len(word) || string(s.b[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) enter(open byte, what string) bool {
	if !s.take(open) {
		s.fail(what)
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.fail("nested too deep")
		return false
	}
	return true
}

// object reads an object. number finds a field by name, 0 being unknown; value must read the field's value. null means
// the field is not set. A field twice is a fault.
func (s *scanner) object(number func(string) int, sh *shape, value func(num int)) {
	outer := s.field
	var seen uint32 // shapes have fewer than 32 fields
	s.members(func(name string) {
		num := number(name)
		if num == 0 {
			s.field = outer
			s.skip()
			return
		}
		s.field = sh[num].name
		if seen&(1<<num) != 0 {
			s.fail("field given twice")
			return
		}
		seen |= 1 << num
		if s.peek() != 'n' || !s.literal("null") {
			value(num)
		}
		s.field = outer
	})
}

// members reads an object's braces, names and commas; value must read each member's value.
func (s *scanner) members(value func(name string)) {
	if !s.enter('{', "want an object") {
		return
	}
	if s.take('}') {
		s.depth--
		return
	}
	for {
		name := s.text()
		if !s.take(':') {
			s.fail("want a colon")
			return
		}
		value(name)
		switch {
		case s.take(','):
		case s.take('}'):
			s.depth--
			return
		default:
			s.fail("want a comma or the end of the object")
			return
		}
	}
}

// array reads an array; value must read each element.
func (s *scanner) array(value func()) {
	if !s.enter('[', "want an array") {
		return
	}
	if s.take(']') {
		s.depth--
		return
	}
	for {
		value()
		switch {
		case s.take(','):
		case s.take(']'):
			s.depth--
			return
		default:
			s.fail("want a comma or the end of the array")
			return
		}
	}
}

// skip passes over any value.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '{':
		s.members(func(string) { s.skip() })
	case c == '[':
		s.array(s.skip)
	case c == '"':
		s.text()
	case c == '-' || c >= '0' && c <= '9':
		s.number()
	case s.literal("true"), s.literal("false"), s.literal("null"):
	default:
		s.fail("want a value")
	}
}

func (s *scanner) boolean() bool {
	if s.literal("true") {
		return true
	}
	if !s.literal("false") {
		s.fail("want true or false")
	}
	return false
}

// text reads a string. Without escapes it aliases the input.
func (s *scanner) text() string {
	if !s.take('"') {
		s.fail("want a string")
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
			return text(s.b[start:i])
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			s.at = i
			s.fail("control character in a string")
			return ""
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	s.at = len(s.b)
	s.fail("string without end")
	return ""
}

// plainEnd passes over printable ASCII other than quote and backslash, eight bytes at a time while there are so many.
func plainEnd(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i+8 <= len(b) {
		v := binary.LittleEndian.Uint64(b[i:])
		quote, slash := v^(ones*'"'), v^(ones*'\\')
		// The top bit of a byte of each term is set when the byte is below 0x20, a quote, a backslash, or above 0x7f. A
		// borrow can mark a byte above a true one only, and the lowest mark is the one that is used.
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
		s.fault = reject(schemas.ReasonBadUTF8, s.field, "text is not UTF-8")
	}
}

package decode

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readEscaped reads the rest of a string begun at start with its first escape at i. This is the slow path: it allocates
// in proportion to the string's length.
func (s *scanner) readEscaped(start, i int) string {
	out := append(make([]byte, 0, 2*(i-start)+16), s.b[start:i]...)
	s.at = i
	for s.at < len(s.b) {
		switch c := s.b[s.at]; {
		case c == '"':
			s.at++
			if !utf8.Valid(out) {
				s.badUTF8()
				return ""
			}
			return viewText(out)
		case c == '\\':
			var ok bool
			if out, ok = s.decodeEscape(out); !ok {
				s.setFault("bad escape in a string")
				return ""
			}
		case c < ' ':
			s.setFault("control character in a string")
			return ""
		default:
			out = append(out, c)
			s.at++
		}
	}
	s.setFault("string without end")
	return ""
}

// simple maps the letter after a backslash to its character.
var simple = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// decodeEscape decodes an escape sequence. Half a surrogate pair alone is refused: it is no character.
func (s *scanner) decodeEscape(out []byte) ([]byte, bool) {
	rest := s.b[s.at+1:]
	if len(rest) == 0 {
		return out, false
	}
	if c := simple[rest[0]]; c != 0 {
		s.at += 2
		return append(out, c), true
	}
	r, ok := unicodeEscape(s.b[s.at:])
	if !ok {
		return out, false
	}
	s.at += 6
	if utf16.IsSurrogate(r) {
		low, ok := unicodeEscape(s.b[s.at:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return out, false
		}
		s.at += 6
	}
	return utf8.AppendRune(out, r), true
}

// unicodeEscape decodes a backslash, u and four hexadecimal digits.
func unicodeEscape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(viewText(b[2:6]), 16, 16)
	return rune(v), err == nil
}

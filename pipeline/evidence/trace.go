package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// AppendTrace appends a trace as the JSON array for the offence topic and tables. The same steps give the same bytes
// for ever. Keys stand in the order of schemas.Step, without white space. JSON's own escapes are used, and U+2028 and
// U+2029 are escaped for JavaScript. Bytes that are not UTF-8 become U+FFFD. No steps give []. AppendTrace allocates
// only when dst has no room.
func AppendTrace(dst []byte, steps []schemas.Step) []byte {
	dst = append(dst, '[')
	for i := range steps {
		s := &steps[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"code":`...)
		dst = appendQuoted(dst, s.Code)
		dst = append(dst, `,"holds":`...)
		dst = appendWord(dst, s.Holds)
		if len(s.Args) > 0 {
			dst = append(dst, `,"args":[`...)
			for j, a := range s.Args {
				if j > 0 {
					dst = append(dst, ',')
				}
				dst = appendQuoted(dst, a)
			}
			dst = append(dst, ']')
		}
		if s.Basis != "" {
			dst = append(dst, `,"basis":`...)
			dst = appendQuoted(dst, s.Basis)
		}
		dst = append(dst, `,"verified":`...)
		dst = appendWord(dst, s.Verified)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// ParseTrace reads the bytes from AppendTrace. It refuses anything after the array, and unknown keys, because a trace
// read in part would not verify. No steps give nil.
func ParseTrace(b []byte) ([]schemas.Step, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var steps []schemas.Step
	if err := d.Decode(&steps); err != nil {
		return nil, fmt.Errorf("parse trace: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse trace: more after the array")
	}
	if len(steps) == 0 {
		return nil, nil
	}
	for i := range steps {
		if len(steps[i].Args) == 0 {
			steps[i].Args = nil
		}
	}
	return steps, nil
}

func appendWord(dst []byte, v bool) []byte {
	if v {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string. A test checks that encoding/json without HTML escaping gives the same bytes.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r == '\u2028', r == '\u2029':
			dst = append(dst, `\u202`...)
			dst = append(dst, hexDigits[r&0xf])
		default:
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return append(dst, '"')
}

func appendASCII(dst []byte, c byte) []byte {
	switch {
	case c == '"', c == '\\':
		return append(dst, '\\', c)
	case c >= ' ':
		return append(dst, c)
	}
	switch c {
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

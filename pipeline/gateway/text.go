package gateway

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

var (
	xmlDeclaration = regexp.MustCompile(`^<\?xml[^>]*\?>`)
	xmlEncoding    = regexp.MustCompile(`encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)
)

// toUTF8 returns a document as UTF-8, without byte order mark, XML declaration and outer blanks. The bytes decide
// first (a mark, UTF-16 zeros), then the declaration, then the header's charset. Undecodable bytes become U+FFFD: a
// channel name in another encoding must not cost the read.
func toUTF8(b []byte, charset string) []byte {
	b = bytes.TrimLeft(b, " \t\r\n")
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		b, charset = b[3:], ""
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		b, charset = decodeText(b, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)), ""
	case len(b) > 3 && b[0] != 0 && b[1] == 0 && b[2] != 0:
		b, charset = decodeText(b, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)), ""
	case len(b) > 3 && b[0] == 0 && b[1] != 0 && b[2] == 0:
		b, charset = decodeText(b, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)), ""
	default:
		if m := xmlEncoding.FindSubmatch(xmlDeclaration.Find(b)); m != nil {
			charset = string(m[1])
		}
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	b = b[len(xmlDeclaration.Find(b)):]
	charset = strings.ToLower(strings.Trim(charset, ` "'`))
	if charset != "" && !strings.HasPrefix(charset, "utf") && charset != "us-ascii" {
		if enc, err := htmlindex.Get(charset); err == nil {
			b = decodeText(b, enc)
		}
	}
	if !utf8.Valid(b) {
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	return bytes.Trim(b, " \t\r\n\x00")
}

func decodeText(b []byte, enc encoding.Encoding) []byte {
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return b
	}
	return out
}

// toDocument returns bytes as a document for a format. ok is false if they do not begin like a document.
func toDocument(b []byte, charset string) (text []byte, ok bool) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || !strings.ContainsRune("<{[\x00\u00ef\u00fe\u00ff", rune(b[0])) { // a mark, or a zero in UTF-16
		return nil, false
	}
	text = toUTF8(b, charset)
	return text, len(text) > 0 && (text[0] == '<' || text[0] == '{' || text[0] == '[')
}

// cutText shortens s to at most n bytes, at a character's boundary.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

package gateway

import (
	"errors"
	"fmt"
	"io"
)

// Bounds of decoding. Decoders check them at work: a bound checked afterwards bounds nothing.
const (
	maxDepth    = 64
	maxNodes    = 20_000   // values in a document
	maxValues   = 250_000  // values in an upload
	maxReads    = 10_000   // events in an upload
	maxText     = 1 << 20  // bytes of a document beside the pictures
	maxRun      = 1 << 10  // base64 text from this length on is a picture
	maxProtobuf = 64 << 10 // bytes of a PlateRead
	maxParts    = 256      // parts of a multipart upload, or fields of a form
	maxHeaders  = 2_000    // headers of all parts of a multipart upload
	maxBoundary = 200      // bytes of a boundary
	maxLetters  = 16       // dead letters of an upload with separate parts; the rest shares one
	maxWord     = 256      // bytes of a text that is compared with vendor words or parsed as a number or time
)

var (
	errTooBig  = fmt.Errorf("more than %d levels or %d values", maxDepth, maxNodes)
	errTooMany = fmt.Errorf("more than %d reads, or %d values in all of them; send fewer at a time", maxReads,
		maxValues)
	errTooLong = fmt.Errorf("more than %d bytes beside its pictures; send fewer events at a time", maxText)
)

// isBound reports whether a document was refused for size, not for form.
func isBound(err error) bool {
	return errors.Is(err, errTooMany) || errors.Is(err, errTooLong)
}

// effort counts the values of an upload over all documents.
type effort struct{ values int }

// spendValue takes one value from the budget.
func (e *effort) spendValue() error {
	if e.values++; e.values > maxValues {
		return errTooMany
	}
	return nil
}

// exceedsText reports whether a document has more than maxText bytes beside pictures.
func exceedsText(b []byte) bool {
	if len(b) <= maxText {
		return false
	}
	var t plainText
	for _, c := range b {
		if t.countByte(c); t.plain > maxText {
			return true
		}
	}
	return t.plainBytes() > maxText
}

// plainText counts the bytes outside pictures.
type plainText struct{ plain, run int }

func (t *plainText) countByte(c byte) {
	if base64Byte[c] {
		t.run++
		return
	}
	t.plain, t.run = t.plainBytes()+1, 0
}

func (t *plainText) plainBytes() int {
	if t.run < maxRun {
		return t.plain + t.run
	}
	return t.plain
}

// textReader feeds the JSON decoder and stops it when a value has more text than a document may have. The decoder
// itself returns a value only after reading it to the end.
type textReader struct {
	b    []byte
	text plainText
}

// startValue begins another value.
func (t *textReader) startValue() { t.text = plainText{} }

// Read implements io.Reader.
func (t *textReader) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), 64<<10)], t.b)
	t.b = t.b[n:]
	for _, c := range p[:n] {
		t.text.countByte(c)
	}
	switch {
	case n == 0:
		return 0, io.EOF
	case t.text.plainBytes() > maxText+64<<10: // bytes read ahead may belong to the next value
		return 0, errTooLong
	}
	return n, nil
}

// base64Byte marks the bytes of base64 text, and the bytes that line breaks, JSON and UTF-16 put between them.
var base64Byte = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_\\\r\n\t \x00") {
		t[c] = true
	}
	return t
}()

// tagReader feeds the XML decoder byte by byte and stops it at a start tag with too many attributes or bytes. The
// decoder itself returns a tag only after reading it to the end.
type tagReader struct {
	b     []byte
	i     int
	tag   bool // within a tag
	first bool // at the byte after <
	quote byte
	blank bool
	marks int // blanks count 2, quotes 1: an attribute has at least 2
	bare  int // bytes within tags and without quotes
}

// Read is for the interface; the decoder uses ReadByte.
func (t *tagReader) Read(p []byte) (int, error) {
	n := copy(p, t.b[t.i:])
	if t.i += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// ReadByte implements io.ByteReader.
func (t *tagReader) ReadByte() (byte, error) {
	if t.i == len(t.b) {
		return 0, io.EOF
	}
	c := t.b[t.i]
	t.i++
	if !t.tag {
		if c == '<' {
			t.tag, t.first, t.quote, t.blank = true, true, 0, false
		}
		return c, nil
	}
	if t.first && (c == '!' || c == '?') { // a comment, a text or a declaration: a token without attributes
		t.tag = false
		return c, nil
	}
	t.first = false
	switch blank := c == ' ' || c == '\t' || c == '\r' || c == '\n'; {
	case t.quote != 0:
		if c == t.quote {
			t.quote = 0
			t.marks++
		}
	case c == '>':
		t.tag = false
	case c == '"' || c == '\'':
		t.quote = c
		t.marks++
	default:
		t.bare++
		if blank && !t.blank {
			t.marks += 2
		}
		t.blank = blank
	}
	if t.marks > 4*maxNodes || t.bare > maxText {
		return 0, errTooBig
	}
	return c, nil
}

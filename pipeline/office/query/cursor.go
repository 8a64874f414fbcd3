package query

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// Cursor marks the row before the next page. A cursor travels in a URL, so it contains a time (or a number) and the
// row's id, never a plate. A forged cursor gives no access, because the permit limits every page. The zero value is
// the first page.
type Cursor struct {
	at  int64
	key string
}

const maxCursorKey = 128

var errCursor = errors.New("is not one that this service gave: take next of the page before")

// KeyCursor returns the cursor for a list that is ordered by one key.
func KeyCursor(key string) Cursor { return Cursor{key: key} }

// Key returns the row's key; "" for the first page.
func (c Cursor) Key() string { return c.key }

// String returns the text form; "" for the zero value.
func (c Cursor) String() string {
	if c.key == "" {
		return ""
	}
	b := binary.BigEndian.AppendUint64([]byte{1}, uint64(c.at))
	return base64.RawURLEncoding.EncodeToString(append(b, c.key...))
}

// ParseCursor reads the text form.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 10 || len(b) > 9+maxCursorKey || b[0] != 1 {
		return Cursor{}, errCursor
	}
	c := Cursor{at: int64(binary.BigEndian.Uint64(b[1:9])), key: string(b[9:])}
	if c.String() != s { // the decoder skips line breaks
		return Cursor{}, errCursor
	}
	return c, nil
}

package schemas

import (
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 as a table has it: 32 raw bytes, or none. As text it is hexadecimal. It can hold other bytes too, because a stored row
// may have been altered and must still be read.
type Digest string

// DigestOf returns the digest of a sum; none for the zero sum.
func DigestOf(s Sum) Digest {
	if s.IsZero() {
		return ""
	}
	return Digest(s[:])
}

// String returns the hexadecimal form.
func (d Digest) String() string { return hex.EncodeToString([]byte(d)) }

// MarshalText implements [encoding.TextMarshaler].
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, []byte(d)), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(text []byte) error {
	raw, err := hex.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("%.80q is not hexadecimal", text)
	}
	*d = Digest(raw)
	return nil
}

// Scan implements the Scanner of database/sql: it takes the stored bytes as they are.
func (d *Digest) Scan(src any) error {
	switch v := src.(type) {
	case string:
		*d = Digest(v)
	case []byte:
		*d = Digest(v)
	default:
		return fmt.Errorf("a digest is stored as bytes, got %T", src)
	}
	return nil
}

// MarshalText implements [encoding.TextMarshaler]: the form of [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: the forms of [ParseID].
func (id *ID) UnmarshalText(text []byte) error {
	got, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = got
	return nil
}

// Scan implements the Scanner of database/sql for a column of UUIDs.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return id.UnmarshalText([]byte(v))
	case []byte:
		return id.UnmarshalText(v)
	}
	return fmt.Errorf("an id is stored as a UUID, got %T", src)
}

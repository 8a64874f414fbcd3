package schemas

import (
	"encoding/hex"
	"fmt"
)

// Digest is a stored SHA-256: 32 raw bytes, or none. The text form is hexadecimal. Other bytes fit too, because
// altered rows must stay readable.
type Digest string

// DigestOf returns a sum's digest; none for the zero sum.
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

// Scan implements the Scanner in database/sql and takes the stored bytes unchanged.
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

// Scan implements the Scanner in database/sql for UUID columns.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return id.UnmarshalText([]byte(v))
	case []byte:
		return id.UnmarshalText(v)
	}
	return fmt.Errorf("an id is stored as a UUID, got %T", src)
}

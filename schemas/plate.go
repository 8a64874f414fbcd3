package schemas

import (
	"encoding/binary"
	"fmt"
)

// MaxPlate is the longest canonical plate, in characters.
const MaxPlate = 15

// Plate is a canonical plate: A-Z and 0-9, at most [MaxPlate] characters. If letters and digits fit two German
// districts, the plate may have a boundary between district and number (the seal): a '-' behind the first to third
// letter, B-MW123 or BM-W123. A double '--' says that the district ends with a marked letter (BO--AB123 is BÖ-AB 123,
// VS--123AB the Serbian VŠ 123-AB). Without a boundary, such a plate is [Plate.Ambiguous].
//
// Plate is comparable and holds no pointer. Only pipeline/ingest/normalise and loaders for reference data make plates.
// Example: 1ABC123
type Plate struct {
	b [MaxPlate]byte
	n uint8
}

// PlateFrom makes a plate from canonical bytes. ok is false if b is empty, too long, or has other characters or a
// meaningless boundary.
func PlateFrom[B ~[]byte | ~string](b B) (p Plate, ok bool) {
	if len(b) == 0 || len(b) > MaxPlate {
		return p, false
	}
	for i := range len(b) {
		c := b[i]
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return boundedFrom(string(b))
		}
		p.b[i] = c
	}
	p.n = uint8(len(b))
	return p, true
}

// MustPlate is PlateFrom for tests and constants. MustPlate panics on other characters.
func MustPlate(s string) Plate {
	p, ok := PlateFrom(s)
	if !ok {
		panic(fmt.Sprintf("BUG: %q is not a canonical plate", s))
	}
	return p
}

// Len returns the number of characters; 0 means no plate.
func (p Plate) Len() int { return int(p.n) }

// IsZero reports whether there is no plate.
func (p Plate) IsZero() bool { return p.n == 0 }

// At returns character i; i must be below Len.
func (p Plate) At(i int) byte { return p.b[i] }

// AppendTo appends the characters.
func (p Plate) AppendTo(dst []byte) []byte { return append(dst, p.b[:p.n]...) }

// Words returns the characters as two numbers, for hashing. Equal numbers mean equal plates.
func (p *Plate) Words() (lo, hi uint64) {
	return binary.LittleEndian.Uint64(p.b[:8]), binary.LittleEndian.Uint64(p.b[MaxPlate-8:])
}

// String returns the characters.
func (p Plate) String() string { return string(p.b[:p.n]) }

// Class is a plate's confusion class. Each character is replaced by the first character in its confusion group (0 for
// O Q D, 1 for I L, 2 for Z, 5 for S, 6 for G, 8 for B), and the boundary is dropped. All OCR variants of a plate
// share the class, with or without a boundary. Made by [Plate.Class].
type Class struct{ Plate }

// classOf maps a canonical character to its class character.
var classOf = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for _, group := range []string{"0OQD", "1IL", "2Z", "5S", "6G", "8B"} {
		for _, c := range []byte(group) {
			t[c] = group[0]
		}
	}
	return t
}()

// ClassOf returns a canonical character's class character.
func ClassOf(c byte) byte { return classOf[c] }

// Class returns the plate's confusion class (DOMAIN 4.2). Class is idempotent and does not allocate.
func (p Plate) Class() Class {
	p = p.Unbounded()
	for i := range p.n {
		p.b[i] = classOf[p.b[i]]
	}
	return Class{p}
}

// ConfusionClass returns the character that stands for those which OCR takes for a canonical character, itself included.
func ConfusionClass(c byte) byte { return classOf[c] }

// Country is an ISO 3166-1 alpha-2 code; the zero value means unknown. Example: BE
type Country [2]byte

// CountryFrom reads two ASCII letters, in either case; anything else gives the unknown country and false.
func CountryFrom(s string) (Country, bool) {
	if len(s) != 2 {
		return Country{}, false
	}
	c := Country{s[0] &^ 0x20, s[1] &^ 0x20}
	if c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
		return Country{}, false
	}
	return c, true
}

// Germany is the country whose plates may have a boundary.
var Germany = Country{'D', 'E'}

// Belgium is the country whose register decides without a foreign registration.
var Belgium = Country{'B', 'E'}

// IsZero reports whether the country is unknown.
func (c Country) IsZero() bool { return c == Country{} }

// String returns the code, or "" when unknown.
func (c Country) String() string {
	if c.IsZero() {
		return ""
	}
	if a, b := int(c[0])-'A', int(c[1])-'A'; a >= 0 && a < 26 && b >= 0 && b < 26 {
		at := 2 * (a*26 + b)
		return countryCodes[at : at+2]
	}
	return string(c[:])
}

// countryCodes holds all codes in a row, so that naming a country allocates nothing.
var countryCodes = func() string {
	b := make([]byte, 0, 2*26*26)
	for a := byte('A'); a <= 'Z'; a++ {
		for c := byte('A'); c <= 'Z'; c++ {
			b = append(b, a, c)
		}
	}
	return string(b)
}()

package normalise

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gvc-brussels/anpr/schemas"
)

const field = "raw_plate"

// Read fills the plate and the class of a camera's read from its raw plate. It does not allocate for an ASCII plate that
// it accepts. Ticks and quarantined uploads have no plate and are not for it.
func Read(r *schemas.Read) *schemas.RejectError {
	p, rej := Plate(r.RawPlate)
	if rej != nil {
		return rej
	}
	r.SetPlate(p)
	return nil
}

// Plate makes the canonical plate of a raw one: upper case, letters and digits only. Compatibility forms (full width,
// superscript) count as the character they stand for, Latin letters with diacritics as their base letter (TOL for
// T\u00d6L), Cyrillic and Greek letters as the Latin letter they look like. Plate is idempotent on what it returns.
//
// It rejects with plate_unread when nothing is left or the camera sent a token for "no plate" (see unread), with bad_plate
// when another letter or digit occurs or more than schemas.MaxPlate characters are left, with too_large above
// schemas.MaxRawPlate bytes, and with bad_utf8. Details never show the plate.
func Plate(raw string) (schemas.Plate, *schemas.RejectError) {
	if len(raw) > schemas.MaxRawPlate {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonTooLarge, field, "%d bytes, at most %d allowed", len(raw), schemas.MaxRawPlate)
	}
	if p, ok := schemas.PlateFrom(raw); ok && !noPlateToken(raw) { // most cameras send it canonical
		return p, nil
	}
	var buf [schemas.MaxRawPlate]byte
	n := 0
	for i := range len(raw) {
		c := ascii[raw[i]]
		if c == other {
			return slowPlate(raw)
		}
		buf[n] = c
		if c != drop {
			n++
		}
	}
	return canonical(raw, buf[:n])
}

// What ascii says of a byte that is no letter or digit.
const (
	drop  = 0
	other = 0xff // not ASCII: the slow path
)

// ascii maps letters to upper case, digits to themselves, the rest of ASCII to drop.
var ascii = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = other
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'Z':
			t[c] = byte(c)
		case c >= 'a' && c <= 'z':
			t[c] = byte(c - 'a' + 'A')
		}
	}
	return t
}()

// canonical judges what is left of raw after cleaning.
func canonical(raw string, clean []byte) (schemas.Plate, *schemas.RejectError) {
	if len(clean) == 0 || unread(raw, clean) {
		return schemas.Plate{}, &schemas.RejectError{
			Reason: schemas.ReasonPlateUnread, Field: field, Detail: "the camera saw a vehicle and read no plate",
		}
	}
	p, ok := schemas.PlateFrom(clean)
	if !ok {
		return p, schemas.Rejectf(schemas.ReasonBadPlate, field, "%d letters and digits, at most %d allowed", len(clean), schemas.MaxPlate)
	}
	return p, nil
}

// unread reports whether the camera sent a word for "no plate": unknown and noPlate (Hikvision ISAPI; any case, spaces and
// marks within), none, and n/a. The words are matched whole. The price: a Belgian personal plate NONE, NOPLATE or UNKNOWN
// (1 to 8 characters are free, DOMAIN.md 4.1) is taken for unread; its picture still goes to the image store. NA is a
// plate, only N/A is not.
func unread(raw string, clean []byte) bool {
	return noPlateToken(clean) || string(clean) == "NA" && strings.EqualFold(strings.TrimSpace(raw), "n/a")
}

func noPlateToken[B ~[]byte | ~string](clean B) bool {
	switch string(clean) {
	case "UNKNOWN", "NOPLATE", "NONE":
		return true
	}
	return false
}

// slowPlate is Plate for texts that are not all ASCII. It may allocate.
func slowPlate(raw string) (schemas.Plate, *schemas.RejectError) {
	if !utf8.ValidString(raw) {
		return schemas.Plate{}, &schemas.RejectError{Reason: schemas.ReasonBadUTF8, Field: field, Detail: "text is not UTF-8"}
	}
	if noPlateWords[strings.TrimSpace(raw)] {
		return canonical(raw, nil)
	}
	clean := make([]byte, 0, schemas.MaxRawPlate)
	for _, r := range norm.NFKD.String(raw) {
		c, ok := latin(unicode.ToUpper(r))
		if !ok {
			return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadPlate, field, "letter or digit U+%04X has no Latin look-alike", r)
		}
		if c != drop {
			clean = append(clean, c)
		}
	}
	return canonical(raw, clean)
}

// noPlateWords are words for "no plate" in other scripts: Chinese firmware of Hikvision and Dahua.
var noPlateWords = map[string]bool{"\u65e0\u8f66\u724c": true, "\u7121\u8eca\u724c": true}

// latin maps an upper-case character of decomposed text to the plate character it stands for, or to drop. ok is false for
// a letter or number that stands for none.
func latin(r rune) (c byte, ok bool) {
	if r < utf8.RuneSelf {
		return ascii[r], true
	}
	if c, ok := lookAlike[r]; ok {
		return c, true
	}
	return drop, !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// lookAlike maps letters that are not decomposed to A-Z by Unicode: Latin letters with a stroke, and the Cyrillic and
// Greek capitals that look like a Latin one (those of the Russian, Ukrainian, Bulgarian, Serbian, Macedonian and Greek
// plates, which are chosen for it).
var lookAlike = map[rune]byte{
	'\u0110': 'D', '\u00d0': 'D', '\u0126': 'H', '\u0141': 'L', '\u00d8': 'O', '\u0166': 'T',
	'\u0410': 'A', '\u0412': 'B', '\u0415': 'E', '\u0405': 'S', '\u0406': 'I', '\u0408': 'J', '\u041a': 'K', '\u041c': 'M',
	'\u041d': 'H', '\u041e': 'O', '\u0420': 'P', '\u0421': 'C', '\u0422': 'T', '\u0423': 'Y', '\u0425': 'X',
	'\u0391': 'A', '\u0392': 'B', '\u0395': 'E', '\u0396': 'Z', '\u0397': 'H', '\u0399': 'I', '\u039a': 'K', '\u039c': 'M',
	'\u039d': 'N', '\u039f': 'O', '\u03a1': 'P', '\u03a4': 'T', '\u03a5': 'Y', '\u03a7': 'X',
}

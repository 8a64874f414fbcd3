package normalise

import (
	"strings"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

const field = "raw_plate"

// Read sets plate and class of a read from its raw plate, country and confidence. An accepted ASCII plate costs no
// allocation. Callers must not pass ticks and quarantined uploads: they have no plate.
func Read(r *schemas.Read) *schemas.RejectError {
	p, rej := PlateOf(r.RawPlate, r.Country, r.Confidence)
	if rej != nil {
		return rej
	}
	r.SetPlate(p)
	return nil
}

// Plate is PlateOf for a raw plate without country and confidence.
func Plate(raw string) (schemas.Plate, *schemas.RejectError) {
	return PlateOf(raw, schemas.Country{}, 0)
}

// PlateOf makes the canonical plate of a raw plate: upper case, letters and digits only, and a boundary where
// schemas.Plate needs it. Full-width forms count as the character they stand for. Latin letters with diacritics count
// as their base letter (TOL for T\u00d6L), Cyrillic and Greek letters as the Latin letter they look like. \u00c6,
// \u0152, \u00de and \u0132 become two letters. Separators of a closed list are dropped (see ascii and separators).
//
// PlateOf never corrects a plate, with three exceptions. The country in front of or behind the plate is dropped (see
// stripCountry). The months of a German season plate are dropped (see stripSeason). AE, OE and UE of a German district
// with an umlaut count as the umlaut (see foldUmlaut).
//
// country comes from the camera, zero when the camera gave none. Boundary and months are German: a plate known to be of
// another country keeps its characters. confidence comes from the camera, zero when the camera gave none. Only at zero
// a word for "no plate" that could be a plate counts as such a word.
//
// PlateOf rejects with plate_unread when nothing is left and for a word for "no plate". It rejects with bad_plate, and
// the raw plate is kept: for a sign of an unread character (? * _ #), because the rest would be somebody else's plate;
// for a letter or digit without a Latin form; for any other sign; and for more than schemas.MaxPlate characters. It
// rejects with too_large above schemas.MaxRawPlate bytes, and with bad_utf8. Details never show the plate. PlateOf is
// idempotent on its results.
func PlateOf(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, *schemas.RejectError) {
	if len(raw) > schemas.MaxRawPlate {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonTooLarge, field, "%d bytes, at most %d allowed", len(raw), schemas.MaxRawPlate)
	}
	german := country.IsZero() || country == schemas.Germany
	canonical := raw
	p, ok := schemas.PlateFrom(raw)
	// a scan would take the mark of an umlaut for a separator: bo--a100 is BO--A100, not BO-A100
	if !ok && strings.Contains(raw, "--") {
		canonical = strings.Map(typedToCanonical, raw)
		p, ok = schemas.PlateFrom(canonical)
	}
	// most cameras send the canonical form
	if ok && needsNoScan(canonical, german, country == schemas.Germany, confidence) {
		if !german && country != serbia {
			p = p.Unbounded()
		}
		return p, nil
	}
	var s plateScan
	if !s.scanASCII(raw) {
		if !utf8.ValidString(raw) {
			return schemas.Plate{}, &schemas.RejectError{Reason: schemas.ReasonBadUTF8, Field: field, Detail: "text is not UTF-8"}
		}
		s.scanText(raw)
	}
	if rej := s.rejectScanned(raw, confidence); rej != nil {
		return schemas.Plate{}, rej
	}
	s.stripCountry(country)
	if german {
		s.stripSeason(country == schemas.Germany)
	}
	if country == schemas.Germany {
		s.foldUmlaut()
	}
	p, ok = schemas.PlateFrom(s.chars[:s.n])
	if !ok {
		return p, schemas.Rejectf(schemas.ReasonBadPlate, field, "%d letters and digits, at most %d allowed", s.n, schemas.MaxPlate)
	}
	if !german && country != serbia {
		return p, nil
	}
	bounded := s.addBoundary(p)
	if _, marked := bounded.Boundary(); german || marked {
		return bounded, nil
	}
	return p, nil
}

var serbia = schemas.Country{'R', 'S'}

// needsNoScan reports whether a canonical text is the plate already: no word for "no plate", no months at the end, and,
// in a plate known to be German, no umlaut written with two letters.
func needsNoScan(canonical string, german, known bool, confidence schemas.PerMille) bool {
	n := len(canonical)
	switch {
	case noPlate(canonical, confidence):
		return false
	case german && n >= 7 && canonical[n-1] <= '9' && canonical[n-4] <= '1' && canonical[1] >= 'A':
		return false
	}
	return !known || n < 3 || canonical[1] != 'E' && canonical[2] != 'E' && (n < 4 || canonical[3] != 'E')
}

// rejectScanned returns the reason why the scanned text is no plate; nil when the text may be a plate.
func (s *plateScan) rejectScanned(raw string, confidence schemas.PerMille) *schemas.RejectError {
	switch {
	case s.n == 0 && s.foreign == 0, noPlate(s.chars[:s.n], confidence), s.isAbbreviation(raw), s.isForeignWord(raw),
		s.joker != 0 && isNoPlateWord(s.chars[:s.n]): // NO_READ: no plate has the sign, whatever the confidence
		return &schemas.RejectError{Reason: schemas.ReasonPlateUnread, Field: field, Detail: "the camera saw a vehicle and read no plate"}
	case s.foreign != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "letter or digit U+%04X has no Latin form; the raw plate is kept", s.foreign)
	case s.joker != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "U+%04X stands for a character that was not read; the raw plate is kept", s.joker)
	case s.bad != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "U+%04X is no character of a plate and no separator; the raw plate is kept", s.bad)
	}
	return nil
}

// typedToCanonical returns the capital of a Latin letter without diacritics, drops a space, and returns any other
// character as it is.
func typedToCanonical(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - ('a' - 'A')
	case r == ' ':
		return -1
	}
	return r
}

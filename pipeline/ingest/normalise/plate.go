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
// for a letter or digit without a Latin form; for any other sign; for more than schemas.MaxPlate characters; and for a
// German district whose umlaut came as two letters with a separator in it (TOE-LBA 918). It rejects with too_large above
// schemas.MaxRawPlate bytes, and with bad_utf8. Details never show the plate.
//
// PlateOf is idempotent on its results, with the same country and confidence. The letters and digits depend on those of
// the raw plate, and a separator only adds a boundary, or shows the country or the months. A scan reads a boundary as
// schemas.Plate writes it.
func PlateOf(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, *schemas.RejectError) {
	if len(raw) > schemas.MaxRawPlate {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonTooLarge, field, "%d bytes, at most %d allowed", len(raw), schemas.MaxRawPlate)
	}
	german := country.IsZero() || country == schemas.Germany
	// Most cameras send the canonical form. A scan reads it as well and gives the same plate, only slower.
	p, ok := schemas.PlateFrom(raw)
	if ok && needsNoScan(raw, german, country == schemas.Germany, confidence) {
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
	if noPlate(s.chars[:s.n], confidence) { // NONE BEL
		return schemas.Plate{}, unread()
	}
	if country == schemas.Germany && !s.foldUmlaut() {
		return schemas.Plate{}, schemas.Rejectf(schemas.ReasonBadPlate, field, "a separator stands inside the district that AE, OE or UE spells; the raw plate is kept")
	}
	p, ok = schemas.PlateFrom(s.chars[:s.n])
	if !ok {
		return p, schemas.Rejectf(schemas.ReasonBadPlate, field, "%d letters and digits, at most %d allowed", s.n, schemas.MaxPlate)
	}
	return keepBoundary(s.addBoundary(p), country), nil
}

var serbia = schemas.Country{'R', 'S'}

// keepBoundary returns the plate with its boundary when the country may be Germany, or Serbia and the boundary has a mark;
// without it otherwise.
func keepBoundary(p schemas.Plate, country schemas.Country) schemas.Plate {
	if country.IsZero() || country == schemas.Germany {
		return p
	}
	if _, marked := p.Boundary(); marked && country == serbia {
		return p
	}
	return p.Unbounded()
}

// needsNoScan reports whether a canonical text is the plate already: no word for "no plate", no boundary in a plate of
// another country, no months at the end, and, in a plate known to be German, no umlaut written with two letters.
func needsNoScan(canonical string, german, known bool, confidence schemas.PerMille) bool {
	n := len(canonical)
	switch {
	case noPlate(canonical, confidence):
		return false
	case !german && strings.IndexByte(canonical, '-') >= 0:
		return false
	case german && n >= 7 && canonical[n-1] <= '9' && canonical[n-4] <= '1' && canonical[1] >= 'A':
		return false
	}
	return !known || n < 3 || canonical[1] != 'E' && canonical[2] != 'E' && (n < 4 || canonical[3] != 'E')
}

func unread() *schemas.RejectError {
	return &schemas.RejectError{Reason: schemas.ReasonPlateUnread, Field: field, Detail: "the camera saw a vehicle and read no plate"}
}

// rejectScanned returns the reason why the scanned text is no plate; nil when the text may be a plate.
func (s *plateScan) rejectScanned(raw string, confidence schemas.PerMille) *schemas.RejectError {
	switch {
	case s.n == 0 && s.foreign == 0, noPlate(s.chars[:s.n], confidence), s.isAbbreviation(raw), s.isForeignWord(raw),
		s.joker != 0 && isNoPlateWord(s.chars[:s.n]): // NO_READ: no plate has the sign, whatever the confidence
		return unread()
	case s.foreign != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "letter or digit U+%04X has no Latin form; the raw plate is kept", s.foreign)
	case s.joker != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "U+%04X stands for a character that was not read; the raw plate is kept", s.joker)
	case s.bad != 0:
		return schemas.Rejectf(schemas.ReasonBadPlate, field, "U+%04X is no character of a plate and no separator; the raw plate is kept", s.bad)
	}
	return nil
}

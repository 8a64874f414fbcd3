package normalise

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// longestWord is the largest number of letters in a plate without digits: a Belgian personal plate has eight.
const longestWord = 8

// noPlate reports whether the letters and digits, in upper case, are a word for "no plate". For few vendors the words
// are known (Hikvision unknown and noPlate, Dahua unlicensed, ISS Not defined, Nedap OCR Not Read); the other words are
// likely. A word that could be a Belgian personal plate (NONE, NOPLATE, UNKNOWN) counts only when the camera sends no
// confidence. The price: from such a camera the personal plate counts as unread; raw text and picture are kept.
func noPlate[T ~[]byte | ~string](clean T, confidence schemas.PerMille) bool {
	if confidence > 0 && len(clean) <= longestWord {
		return false
	}
	return isNoPlateWord(clean) || onlyOf(clean, 'X', 3) || onlyOf(clean, '0', 1)
}

// isNoPlateWord reports whether the letters are a word of the list.
func isNoPlateWord[T ~[]byte | ~string](clean T) bool {
	switch string(clean) {
	case "NIL", "NAN", "UNKNOWN", "NOPLATE", "NOPLATES", "NONE", "NULL", "NOREAD", "NOTREAD", "ERROR", "UNREAD", "MISSING", "NODATA", "UNDEFINED", "NOTFOUND",
		"NONUMBERPLATE", "NOLICENSEPLATE", "NOLICENCEPLATE", "NOLICENSE", "NOLICENCE", "NOPLATEFOUND", "NOPLATEDETECTED", "NOPLATEREAD", "PLATENOTREAD",
		"UNREADABLE", "UNLICENSED", "UNLICENCED", "UNIDENTIFIED", "UNRECOGNIZED", "UNRECOGNISED", "NOTRECOGNIZED", "NOTRECOGNISED", "NOTDETECTED",
		"NOTDEFINED", "NOTAVAILABLE", "OCRNOTREAD", "OCRNOPLATE", "ILLEGIBLE", "ILLISIBLE", "INCONNU", "ONBEKEND", "ONLEESBAAR", "UNBEKANNT", "UNLESERLICH":
		return true
	}
	return false
}

// onlyOf reports whether the text repeats a single character at least least times.
func onlyOf[T ~[]byte | ~string](clean T, c byte, least int) bool {
	for i := range len(clean) {
		if clean[i] != c {
			return false
		}
	}
	return len(clean) >= least
}

// isAbbreviation reports whether the raw plate is n/a or N.A.: NA and N-A are plates.
func (s *plateScan) isAbbreviation(raw string) bool {
	return s.n == 2 && s.chars[0] == 'N' && s.chars[1] == 'A' && s.breaks&(1<<1) != 0 && strings.ContainsAny(raw, "/.")
}

// isForeignWord reports whether the raw plate is a word for "no plate" in another script, as Chinese firmware of
// Hikvision and Dahua sends it. The text is no plate in any case; the answer only improves the words of the reject.
func (s *plateScan) isForeignWord(raw string) bool {
	return s.foreign != 0 && noPlateWords[strings.TrimSpace(raw)]
}

var noPlateWords = map[string]bool{
	"\u65e0\u8f66\u724c": true, "\u7121\u8eca\u724c": true, // no plate
	"\u65e0\u724c\u8f66": true, "\u7121\u724c\u8eca": true, "\u65e0\u724c": true, // vehicle without a plate
	// plate not recognised, not recognised, unknown
	"\u8f66\u724c\u672a\u8bc6\u522b": true, "\u672a\u8bc6\u522b": true, "\u672a\u77e5": true, "\u8eca\u724c\u672a\u8b58\u5225": true, "\u672a\u8b58\u5225": true,
}

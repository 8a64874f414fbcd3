package normalise

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// longestWord is how many letters a plate of letters alone has at most: a Belgian personal plate has eight.
const longestWord = 8

// noPlate reports whether the letters and digits, in upper case, are a word for "no plate". Which vendor sends which is known of few (Hikvision
// unknown and noPlate, Dahua unlicensed, ISS Not defined, Nedap OCR Not Read); the rest are likely. A word that could be a Belgian
// personal plate (NONE, NOPLATE, UNKNOWN) is believed only of a camera that is not confident of it. The price: that plate counts as unread
// where a camera sends no confidence; its raw text and picture are kept.
func noPlate[T ~[]byte | ~string](clean T, confidence schemas.PerMille) bool {
	if confidence > 0 && len(clean) <= longestWord {
		return false
	}
	return isNoPlateWord(clean) || onlyOf(clean, 'X', 3) || onlyOf(clean, '0', 1)
}

// isNoPlateWord reports whether the letters are one of the words.
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

// onlyOf reports whether the text is one character, at least that often.
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

// isForeignWord reports whether the raw plate is a word for "no plate" in another script: Chinese firmware of Hikvision and Dahua. It only
// makes the words of the reject better: such a text is no plate in any case.
func (s *plateScan) isForeignWord(raw string) bool {
	return s.foreign != 0 && noPlateWords[strings.TrimSpace(raw)]
}

var noPlateWords = map[string]bool{
	"\u65e0\u8f66\u724c": true, "\u7121\u8eca\u724c": true, // no plate
	"\u65e0\u724c\u8f66": true, "\u7121\u724c\u8eca": true, "\u65e0\u724c": true, // vehicle without a plate
	"\u8f66\u724c\u672a\u8bc6\u522b": true, "\u672a\u8bc6\u522b": true, "\u672a\u77e5": true, "\u8eca\u724c\u672a\u8b58\u5225": true, "\u672a\u8b58\u5225": true, // plate not recognised, not recognised, unknown
}

package normalise

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func country(t interface{ Fatalf(string, ...any) }, s string) schemas.Country {
	if s == "" {
		return schemas.Country{}
	}
	c, ok := schemas.CountryFrom(s)
	if !ok {
		t.Fatalf("%s is no country", s)
	}
	return c
}

// canon returns the plate for a raw plate, or the reason of the reject.
func canon(t *testing.T, raw, iso string, confidence schemas.PerMille) string {
	t.Helper()
	p, rej := PlateOf(raw, country(t, iso), confidence)
	if rej != nil {
		return rej.Reason.String()
	}
	return p.String()
}

// separatorSigns is the closed list of signs that may stand between the characters of a plate.
const separatorSigns = " -./:'\"`()[]{}\u00a0\u2009\u3000\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65" +
	"\u00b4\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u3010\u3011\u300c\u300d\uff0d\uff0e\uff0f\uff1a\uff08\uff09\uff3b\uff3d\uff07\uff02\uff40\uff5b\uff5d"

func mayStandBetween(r rune) bool {
	return strings.ContainsRune(separatorSigns, r) || unicode.Is(unicode.Zs, r)
}

// A plate with a sign in place of a character is refused, unless the sign is a separator: the rest would be
// another plate.
func TestAnUnreadCharacterNeverBecomesAnotherPlate(t *testing.T) {
	for r := rune(1); r < 0x3100; r++ {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			continue
		}
		for _, raw := range []string{"1A" + string(r) + "-123", "1-AB" + string(r) + "-123", "4" + string(r) + "HVR9"} {
			p, rej := Plate(raw)
			composed := norm.NFC.String(raw) != raw // the sign is the diacritic of the letter before
			if rej == nil && !mayStandBetween(r) && !composed {
				t.Errorf("U+%04X: %q gives %s", r, raw, p)
			}
			if rej != nil && mayStandBetween(r) {
				t.Errorf("U+%04X: %q: %v", r, raw, rej)
			}
		}
	}
	for _, raw := range []string{"1-AB?-123", "1AB*123", "1ABC12?", "?ABC123", "1ABC_23", "1ABC#23", "1ABC12*", "B-M? 123"} {
		if got := canon(t, raw, "", 900); got != "bad_plate" { // the reject keeps the raw plate
			t.Errorf("%s: %s", raw, got)
		}
	}
}

func FuzzAReplacedCharacterNeverShortensAPlate(f *testing.F) {
	f.Add("1ABC123", 3, '?')
	f.Add("46HVR9", 0, '*')
	f.Add("BMW123", 2, '\u0308')
	f.Add("KAPA777", 6, '\u00bd')
	f.Fuzz(func(t *testing.T, plate string, at int, sign rune) {
		p, rej := Plate(plate)
		if rej != nil || at < 0 || at >= p.Unbounded().Len() || unicode.IsLetter(sign) || unicode.IsDigit(sign) || mayStandBetween(sign) || unicode.IsControl(sign) || unicode.Is(unicode.Cf, sign) {
			return
		}
		text := p.Unbounded().String()
		raw := text[:at] + string(sign) + text[at+1:]
		if got, rej := Plate(raw); rej == nil && norm.NFC.String(raw) == raw {
			t.Fatalf("%q gives %s", raw, got)
		}
	})
}

func TestAWordForNoPlateIsBelievedOnlyWithoutConfidence(t *testing.T) {
	for _, raw := range []string{
		"NOREAD", "NO READ", "NOT READ", "NO NUMBER PLATE", "UNREADABLE", "UNLICENSED", "unlicensed", "NULL", "N.A.", "n/a", "N/A", "XXXXXX", "XXX", "0", "0000000",
		"UNKNOWN", "unknown", "noPlate", "NONE", "--", "Not defined", "ERROR", "nil", "NaN", "\u8eca\u724c\u672a\u8b58\u5225", "\u65e0\u724c\u8f66", "\u8f66\u724c\u672a\u8bc6\u522b", "\u65e0\u8f66\u724c",
	} {
		if got := canon(t, raw, "", 0); got != "plate_unread" {
			t.Errorf("%s: %s", raw, got)
		}
	}
	// Belgian personal plates
	for _, plate := range []string{"NONE", "NOPLATE", "UNKNOWN", "NULL", "ERROR", "XXX", "NOREAD"} {
		if got := canon(t, plate, "BE", 900); got != plate {
			t.Errorf("%s with confidence: %s", plate, got)
		}
	}
	for _, raw := range []string{"UNREADABLE", "NONUMBERPLATE", "UNLICENSED"} { // longer than any plate of letters
		if got := canon(t, raw, "BE", 900); got != "plate_unread" {
			t.Errorf("%s with confidence: %s", raw, got)
		}
	}
	// a sign that no plate has
	for _, raw := range []string{"NO_READ", "NOT_READ", "NO_PLATE", "no_plate_found", "UNKNOWN*"} {
		for _, confidence := range []schemas.PerMille{0, 1, 980} {
			if got := canon(t, raw, "BE", confidence); got != "plate_unread" {
				t.Errorf("%s at %d: %s", raw, confidence, got)
			}
		}
	}
	for _, plate := range []string{"NA", "NONE1", "UNKNOWN1", "XX", "X", "N-A"} {
		if got := canon(t, plate, "", 0); got != strings.ReplaceAll(plate, "-", "") {
			t.Errorf("%s: %s", plate, got)
		}
	}
	if got := canon(t, "0-BE", "BE", 0); got != "plate_unread" { // nothing but the country stands beside the word
		t.Errorf("0-BE: %s", got)
	}
	r := schemas.Read{RawPlate: "NONE", Confidence: 800}
	if rej := Read(&r); rej != nil || r.Plate.String() != "NONE" {
		t.Errorf("a confident read NONE: %v, %s", rej, r.Plate)
	}
}

func TestTheMonthsOfAGermanSeasonPlateAreNoPartOfIt(t *testing.T) {
	f := func(raw, iso, want string) {
		t.Helper()
		if got := canon(t, raw, iso, 900); got != want {
			t.Errorf("%s of %q: %s, want %s", raw, iso, got, want)
		}
	}
	for _, months := range []string{" 04-10", " 0410", "-04-10", "/04/10", " 04/10", " 04 10", " (04-10)", "0410", " 04.10"} {
		f("KA-PA 777"+months, "DE", "KAPA777")
		f("KA-PA 777"+months, "", "KAPA777")
	}
	f("KAPA7770410", "DE", "KAPA777")
	f("KAPA7770410", "", "KAPA777")
	f("KA-PA 7 11-03", "DE", "KAPA7")
	f("KA-PA 777H 04-10", "DE", "KAPA777H")
	f("KA-PA 77E0410", "DE", "KAPA77E")
	f("B-MW 12 03-11", "DE", "B-MW12")
	f("B-MW 12 03-11", "", "B-MW12")
	f("T\u00d6L-BA 918 04-10", "DE", "TOLBA918")
	// A plate that merely ends like months.
	f("KA-PA 1210", "DE", "KAPA1210")
	f("KA-P 410", "DE", "KA-P410")
	f("KA-PA 0410", "DE", "KAPA0410")         // no number is left
	f("KA-PA 777 13-10", "DE", "KAPA7771310") // no month
	f("KA-PA 777 04-04", "DE", "KAPA7770404") // no season
	f("BP 10-112", "DE", "BP10112")           // federal police
	f("BP10112", "DE", "BP10112")
	f("BMW120410", "DE", "BMW120410") // no separator shows the months
	f("WX 10410", "PL", "WX10410")
	f("WX 10410", "", "WX10410")
	f("AB10412", "DK", "AB10412")
	f("AB 10 412", "", "AB10412")
	f("1ABC0410", "", "1ABC0410")
	f("KAPA7770410", "FR", "KAPA7770410")
}

func TestAGermanBoundaryIsKeptWhereTheRawPlateHasIt(t *testing.T) {
	f := func(raw, iso, want string) {
		t.Helper()
		if got := canon(t, raw, iso, 900); got != want {
			t.Errorf("%s of %q: %s, want %s", raw, iso, got, want)
		}
	}
	for _, between := range []string{"-", " ", "\u00b7", ".", ":", "\u2022", " - ", "\u2013"} {
		for _, iso := range []string{"DE", ""} {
			f("B"+between+"MW 123", iso, "B-MW123")
			f("BM"+between+"W 123", iso, "BM-W123")
			f("B"+between+"MW123", iso, "B-MW123")
			f("KA"+between+"PA 777", iso, "KAPA777")
		}
	}
	f("BMW 123", "DE", "BMW123")
	f("BMW123", "DE", "BMW123")
	f("bm-w 123e", "DE", "BM-W123E")
	f("B-MW123", "DE", "B-MW123")
	f("B-MW123", "AT", "BMW123")
	f("B-MW 123", "BE", "BMW123")
	f("BM W-123", "", "BM-W123")
	f("BMW-123", "BE", "BMW123")
	f("B\u00d6-AB 123", "DE", "BO--AB123")
	f("B\u00d6AB123", "DE", "BO--AB123")
	for _, typed := range []string{"BO--AB123", "bo--ab123", "Bo--Ab 123", " bo--AB 123 ", "(bo--ab.123)", "BO -- AB-123", "D BO--AB 123"} {
		f(typed, "DE", "BO--AB123")
		f(typed, "", "BO--AB123")
	}
	f("BO--A 10", "", "BO--A10")
	f("D BO--AB 77 04-10", "DE", "BO--AB77")
	f("BO---AB123", "DE", "BO-AB123") // no mark: three dashes are a separator
	f("BO-\u2013AB123", "DE", "BO-AB123")
	for _, between := range []string{"- -", " - - ", "-/-", "-.-", "- --", "-- -", "-\u00b7-"} { // nor are dashes that do not stand together
		f("BO"+between+"AB 123", "DE", "BO-AB123")
		f("BO"+between+"AB 123", "", "BO-AB123")
	}
	f("VS - - 123-AB", "RS", "VS123AB")
	f("b-mw123", "RS", "BMW123")
	f("B-MW123", "RS", "BMW123")
	f("vs--123-ab", "RS", "VS--123AB")
	f("BO\u0308-AB 123", "DE", "BO--AB123") // decomposed
	f("BO-AB 123", "DE", "BO-AB123")
	f("BOAB123", "DE", "BOAB123")
	f("BOE-AB 123", "DE", "BO--AB123")
	f("F\u00dcA 123", "DE", "FU-A123") // the umlaut says that the district goes so far
	f("TOELBA918", "DE", "TOLBA918")
	f("TOEL-BA 918", "DE", "TOLBA918")
	f("COE-AB 12", "DE", "COEAB12")
	f("UEB-AA 1", "DE", "UBAA1") // the district ends where the separator is
	for _, raw := range []string{"U-EBAA1", "UE-BAA1", "U-EB AA 1", "TOE-LBA 918", "TO-ELBA 918", "T-OELBA 918", "TO--ELBA918"} {
		f(raw, "DE", "bad_plate") // without the separator it would be \u00dcB-AA 1, or T\u00d6L-BA 918
	}
	f("U-EBAA1", "", "UEBAA1")
	f("AOE-AA 1", "DE", "AOAA1") // A\u00d6
	f("AEO-AA 1", "DE", "AEOAA1")
	f("OE-AB 12", "DE", "OEAB12")
	f("V\u0160 123-AB", "RS", "VS--123AB")
	f("V\u0160 123-AB", "", "VS--123AB")
	f("VS 123-AB", "RS", "VS123AB")
	f("\u0160A 123-AB", "RS", "SA123AB")
}

// Whatever schemas writes for a plate with a boundary, in whatever letters, is read as that plate.
func TestEveryWrittenBoundaryIsReadBack(t *testing.T) {
	marked := 0
	check := func(letters string) {
		for _, number := range []string{"1", "10", "10E", "110", "1210", "1210H"} {
			p, ok := schemas.PlateFrom(letters + number)
			if !ok {
				t.Fatalf("%s%s is no plate", letters, number)
			}
			for _, b := range p.AppendBounded(nil) {
				if _, mark := b.Boundary(); mark {
					marked++
				}
				for _, raw := range []string{b.String(), strings.ToLower(b.String())} {
					for _, iso := range []string{"", "DE"} {
						if got, rej := PlateOf(raw, country(t, iso), 0); rej != nil || got != b {
							t.Fatalf("%s of %q: %s, %v", raw, iso, got, rej)
						}
					}
					if got, rej := PlateOf(raw, country(t, "IE"), 0); rej != nil || got != p {
						t.Fatalf("%s of IE: %s, %v", raw, got, rej)
					}
				}
			}
		}
	}
	var letters func(prefix string, more int)
	letters = func(prefix string, more int) {
		if more == 0 {
			check(prefix)
			return
		}
		for c := 'A'; c <= 'Z'; c++ {
			letters(prefix+string(c), more-1)
		}
	}
	letters("", 2)
	letters("", 3)
	if marked < 100 {
		t.Errorf("%d plates with a mark: the districts are not whole", marked)
	}
}

// The letters and digits of a plate never depend on the written form of the boundary, and a written boundary is
// kept.
func TestBoundariesSurviveEveryWayOfWritingThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[A-Z]{2,5}[1-9][0-9]{0,2}`).Draw(t, "text")
		p := schemas.MustPlate(text)
		at := rapid.IntRange(1, 3).Draw(t, "at")
		between := rapid.SampledFrom([]string{"-", " ", ".", ":", "\u00b7", "  "}).Draw(t, "between")
		letters := strings.IndexAny(text, "123456789")
		if at >= letters || countryOf([]byte(text[:at])) != (schemas.Country{}) && countryOf([]byte(text[:at])) == schemas.Germany {
			return
		}
		if whole, _ := PlateOf(text, schemas.Germany, 900); whole != p {
			// an umlaut in two letters (AOEAA1 is A\u00d6-AA 1): there a separator tells more, and the table above
			// says what
			return
		}
		got, rej := PlateOf(text[:at]+between+text[at:], schemas.Germany, 900)
		if want := p.WithBoundary(at, false); rej != nil || got != want || got.Class() != p.Class() {
			t.Fatalf("%s at %d: %s %v, want %s", text, at, got, rej, want)
		}
	})
}

func TestTheCountryBesideThePlateIsNoPartOfIt(t *testing.T) {
	f := func(raw, iso, want string) {
		t.Helper()
		if got := canon(t, raw, iso, 900); got != want {
			t.Errorf("%s of %q: %s, want %s", raw, iso, got, want)
		}
	}
	for _, iso := range []string{"BE", ""} {
		f("1ABC123-BEL", iso, "1ABC123")
		f("BE 1-ABC-123", iso, "1ABC123")
		f("B 1-ABC-123", iso, "1ABC123")
		f("B/1-ABC-123", iso, "1ABC123")
		f("(be) 1-abc-123", iso, "1ABC123")
		f("1-ABC-123 B", iso, "1ABC123")
		f("898 U 6 B", iso, "898U6B") // a single letter behind a short plate belongs to the plate
	}
	f("46HVR9-NLD", "NL", "46HVR9")
	f("NL-46-HVR-9", "NL", "46HVR9")
	f("F-AB-123-CD", "FR", "AB123CD")
	f("L AB 1234", "LU", "AB1234")
	f("D B-MW 123", "DE", "B-MW123")
	f("D B-MW 123", "", "B-MW123")
	f("D KA-PA 777 04-10", "DE", "KAPA777")
	f("UA AI 1234 IK", "UA", "AI1234IK")
	f("GB AB12 CDE", "GB", "AB12CDE")
	f("UK-AB12CDE", "GB", "AB12CDE")
	f("1A2 3456 CZ", "CZ", "1A23456")
	// Part of the plate: no separator, another country, or a plate as it stands.
	f("B1ABC123", "BE", "B1ABC123")
	f("B1ABC123", "", "B1ABC123")
	f("BE1ABC123", "BE", "BE1ABC123")
	f("BE 1-ABC-123", "FR", "BE1ABC123")
	f("L-AB 1234", "DE", "L-AB1234")
	f("L-AB 1234", "", "L-AB1234")
	f("D-MW 123", "DE", "D-MW123")
	f("ACTB-00-D", "DE", "ACTB00D") // a misread 0: the rest is no German number
	f("AC-TB 00 D", "", "ACTB00D")
	f("NL-46-HVR-9", "BE", "NL46HVR9")
	f("B-AFI 123", "BE", "BAFI123")
	f("NO-NE", "BE", "NONE")
	f("B-CD1", "BE", "CD1") // BCD1 is no Belgian plate, in capitals or not
	f("b-cd1", "BE", "CD1")
	f("BE", "BE", "BE")
	f("B-B", "BE", "BB")
}

func TestPlatesOfEveryCountryHaveASeriesOfIt(t *testing.T) {
	for iso, raws := range map[string]string{
		"BE": "1-ABC-123 2-DAB-123 8-ABC-123 9-ABC-123 ABC-123 123-ABC X1111 1X111 11X11 111X1 1111X XX111 1XX11 11XX1 111XX X111X W-AAA-001 U-AAA-001 Z-AAA-001 Y-AAA-001 " +
			"O-AAA-001 M-AAA-001 Q-AAA-001 CD-1234 CD-AB-123 B-AFI-123 A-12 P-114 E-7 WX-16-ABC 12345",
		"NL": "46-HVR-9 CD-1234 CDJ-123 AA-12 AB-12-34 1-ABC-23 AB-123-C",
		"FR": "AB-123-CD W-123-AB WW-123-AB 123-ABC-75 12-CD-345 123-CMD-45 12-C-34 12-K-34 6123-4567 1234-AB-2A 123-WW-75",
		"DE": "B-MW123 KA-PA777H B-061234 KA-03123 HH-071234 HH-123A BP-10-112 THW-80123 Y-123456 X-1234 0-17-123 B-17-123 M-123",
		"LU": "AB-1234 1234 12345", "GB": "AB12CDE A123BCD ABC123A AIA-1234 123-D-456 123-AB 12345 1234-AB", "PL": "WX-12345 WPR-12AB", "RO": "B-123-ABC CJ-12-ABC",
		"ES": "1234-BCD M-1234-AB B-123456 E-1234-BCD H-1234-BCD R-1234-BCD", "IT": "AB-123-CD MI-A12345 MI-123456 ROMA-12345 EI-AB-123 CC-AB-123",
		"UA": "AA-1234-BB 12345-AB", "BG": "CA-1234-AB A-1234-AB", "RU": "A-123-BC-77 A-123-BC-777 AB-1234-77 AB-123-77", "BY": "1234-AB-7 AB-1234-7",
		"TR": "34-AB-1234 34-ABC-12 06-A-12345", "CH": "ZH-123456 GE-1", "AT": "W-12345-A W-ANDI-1 BM-123-AB", "CZ": "1A2-3456 ABC-12-34 EL-123-AB",
		"IE": "131-D-12345 12-D-1234 ZV-1234", "HR": "ZG-1234-AB ZG-123-A ZG-ZAGREB",
	} {
		c := country(t, iso)
		for raw := range strings.FieldsSeq(raws) {
			p, rej := PlateOf(raw, c, 900)
			if rej != nil {
				t.Errorf("%s %s: %v", iso, raw, rej)
				continue
			}
			if fits, known := HasShapeOf(p, c); !fits || !known {
				t.Errorf("%s %s: %s has syntaxes %v", iso, raw, p, Syntaxes(p))
			}
		}
	}
	for iso, plate := range map[string]string{"BE": "ABCDEFGH", "NL": "1ABC1234", "FR": "1ABC123X", "DE": "1ABC123", "AT": "1ABC123", "CZ": "AB123CD"} {
		if fits, known := HasShapeOf(schemas.MustPlate(plate), country(t, iso)); fits || !known {
			t.Errorf("%s as %s: fits %v, known %v", plate, iso, fits, known)
		}
	}
	if fits, known := HasShapeOf(schemas.MustPlate("1ABC123"), country(t, "US")); fits || known {
		t.Errorf("of the United States: fits %v, known %v", fits, known)
	}
}

// What PlateOf returns it returns again, for every country; and the class depends on nothing but the letters and
// digits.
func TestPlateOfIsIdempotentForEveryCountry(t *testing.T) {
	countries := []string{"", "DE", "BE", "RS", "AT", "FR"}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(
			rapid.StringMatching(`[A-ZÄÖÜŠ]{1,3}[- .]?[A-Z]{0,2}[- ]?[0-9]{1,4}[EH]?([- ]?0[1-9][-/ ]?1[0-2])?`),
			rapid.StringMatching(`(BE?|NLD?|D|F|L)?[- ][0-9A-Z]{1,3}-[0-9A-Z]{1,3}-[0-9A-Z]{1,3}`),
			rapid.String(),
		).Draw(t, "raw")
		c := country(t, rapid.SampledFrom(countries).Draw(t, "country"))
		p, rej := PlateOf(raw, c, 900)
		if rej != nil {
			return
		}
		again, rej := PlateOf(p.String(), c, 900)
		if rej != nil || again != p {
			t.Fatal(fmt.Sprintf("%q of %s gives %s, which gives %s, %v", raw, c, p, again, rej))
		}
	})
}

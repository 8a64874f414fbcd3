package normalise

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestPlateKeepsLettersAndDigitsInUpperCase(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		p, rej := Plate(raw)
		if rej != nil {
			t.Errorf("%q: %v", raw, rej)
			return
		}
		if got := p.String(); got != want {
			t.Errorf("%q: got %s, want %s", raw, got, want)
		}
	}
	f("1ABC123", "1ABC123")
	f("1-abc-123", "1ABC123")
	f(" 1.ABC/123\t", "1ABC123")
	f("\x00A1\x7f", "A1")
	f("NA", "NA")
	f("N-A", "NA")
	f("NONE1", "NONE1")
	f("UNKNOWN1", "UNKNOWN1")
	f(strings.Repeat("A", schemas.MaxPlate), strings.Repeat("A", schemas.MaxPlate))
	// Beyond ASCII.
	f("T\u00d6LBA218", "TOLBA218")
	f("to\u0308lba218", "TOLBA218")                                    // decomposed
	f("\u00c4\u00d6\u00dc \u00e9\u00e8\u00ea\u00e7\u00f1", "AOUEEECN") // umlauts, French, Spanish
	f("\u0141\u00d8\u0110\u0166\u0126\u00d0", "LODTHD")                // strokes
	f("\uff11\uff21\uff42", "1AB")                                     // full width
	f("\u00c6BLE \u0152 \u00de \u0132", "AEBLEOETHIJ")
	f("\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425", "ABEKMHOPCTYX")
	f("\u0430\u0441", "AC") // Cyrillic lower case
	f("\u0406\u0408\u0405", "IJS")
	f("\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7", "ABEZHIKMNOPTYX")
	f("\u03a8A"[2:]+"1", "A1")
	f("1\u2013ABC\u00b7123\u00a0\u200b\ufeff", "1ABC123") // dash, dot, spaces, byte order mark
	f("\u0131\u212a", "IK")                               // dotless i, Kelvin sign
}

func TestPlateRejectsWhatIsNoPlate(t *testing.T) {
	f := func(raw string, want schemas.Reason) {
		t.Helper()
		p, rej := Plate(raw)
		switch {
		case rej == nil:
			t.Errorf("%q: accepted as %s", raw, p)
		case rej.Reason != want || rej.Field != "raw_plate" || rej.Detail == "":
			t.Errorf("%q: got %v, want %s", raw, rej, want)
		case !p.IsZero():
			t.Errorf("%q: rejected with plate %s", raw, p)
		}
	}
	for _, raw := range []string{
		"", " ", "---", "?!", "unknown", "UNKNOWN", "noPlate", "no plate", "NO-PLATE", "None", "n/a", " N/A ", "\u65e0\u8f66\u724c", "\u2014", "\u00e0"[:0],
		"\u0300", "\uff35nknown",
	} {
		f(raw, schemas.ReasonPlateUnread)
	}
	f(strings.Repeat("A", schemas.MaxPlate+1), schemas.ReasonBadPlate)
	for _, raw := range []string{
		// Han
		"\u65e51ABC",
		// Cyrillic Zhe looks like no Latin letter
		"1\u0416\u04123",
		// Ukrainian Ye
		"\u0404 1234 AB",
		// Arabic-Indic digits
		"\u0661\u0662\u0663",
		// Moroccan
		"12345-\u0623-6",
		// sharp s
		"A\u00df1",
		// one sign of eighteen letters
		"\ufdfa",
		// no number or letter is invented
		"1ABC\u00bd", "1ABC\u2153", "1ABC12\u00b3", "1ABC\u2460", "1ABC\u2163", "1ABC\u2079", "1ABC12\U0001d7d9", "\U0001d4001BC",
	} {
		f(raw, schemas.ReasonBadPlate)
	}
	for _, raw := range []string{"1\U0001f170BC123", "1\u24b6BC123", "\U0001f1e7\U0001f1ea1ABC123", "1ABC\t123", "1ABC\x00123", "1ABC\u200b123", "1ABC,123", "1ABC|123", "1A\u20dd", "1ABC+12"} {
		f(raw, schemas.ReasonBadPlate)
	}
	f("A\xff1", schemas.ReasonBadUTF8)
	f(strings.Repeat(" ", schemas.MaxRawPlate)+"A", schemas.ReasonTooLarge)
}

func TestARejectedPlateIsNotShown(t *testing.T) {
	for _, raw := range []string{"1ABC123\u65e5", "1ABC123XYZXYZXYZXYZ"} {
		if _, rej := Plate(raw); rej == nil || strings.Contains(rej.Error(), "ABC") {
			t.Errorf("%q: got %v", raw, rej)
		}
	}
}

func TestReadFillsPlateAndClass(t *testing.T) {
	r := schemas.Read{RawPlate: "1-bod-123"}
	if rej := Read(&r); rej != nil {
		t.Fatal(rej)
	}
	if got, want := r.Plate.String()+" "+r.Class.String()+" "+r.RawPlate, "1BOD123 1800123 1-bod-123"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bad := schemas.Read{RawPlate: "unknown"}
	if rej := Read(&bad); rej == nil || !bad.Plate.IsZero() {
		t.Errorf("got %v, plate %s, want a rejection and no plate", rej, bad.Plate)
	}
}

func TestPlateAndReadDoNotAllocate(t *testing.T) {
	r := schemas.Read{RawPlate: "1-abc-123"}
	if n := testing.AllocsPerRun(100, func() { _ = Read(&r) }); n != 0 {
		t.Errorf("Read: %v allocations, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Plate(r.RawPlate) }); n != 0 {
		t.Errorf("Plate: %v allocations, want 0", n)
	}
}

// Normalising twice changes nothing, for a camera of any country, with a confidence or without; nor does the class of a
// class; and nothing panics.
func FuzzPlateIsIdempotent(f *testing.F) {
	for _, s := range []string{
		"1-ABC-123", "T\u00d6LBA218", "no plate", "n/a", "N-O-N-E", "\u0410\u0412", "\ufdfa", "\xff", "A\u00b2", "46HVR9-NLD", "B\u00d6 A100", "bo--a100",
		"B\u00d6A10", "U-EBAA 1", "UEB-AA 1", "TOE-LBA 918", "TOEL-BA 918 04-10", "D BO--AB 77 04-10", "V\u0160 123-AB", "KA-PA 777H 04-10", "b-mw 1210", "0-----Be",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, iso := range []string{"", "DE", "RS", "BE", "FR", "AT"} {
			for _, confidence := range []schemas.PerMille{0, 900} {
				checkIdempotent(t, raw, country(t, iso), confidence)
			}
		}
	})
}

// The same for texts made of what a plate is made of, which a fuzzer seldom hits.
func TestNormalisingDrawnPlatesTwiceChangesNothing(t *testing.T) {
	parts := []string{
		"A", "B", "D", "E", "F", "H", "M", "X", "VS", "BO", "B\u00d6", "TOE", "T\u00d6L", "UE", "AOE", "BE", "BEL", "GB", "NONE", "NO", "V\u0160",
		"0", "1", "7", "12", "04", "10", "777", "-", "--", " ", ".", "\u00b7", "/", "b", "ue", "o\u0308",
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 9).Draw(t, "parts"), "")
		iso := rapid.SampledFrom([]string{"", "DE", "RS", "BE", "FR", "AT", "GB"}).Draw(t, "country")
		checkIdempotent(t, raw, country(t, iso), rapid.SampledFrom([]schemas.PerMille{0, 900}).Draw(t, "confidence"))
	})
}

// fataler is a test or a drawn case.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkIdempotent(t fataler, raw string, country schemas.Country, confidence schemas.PerMille) {
	t.Helper()
	p, rej := PlateOf(raw, country, confidence)
	if rej != nil {
		if !utf8.ValidString(rej.Detail) || rej.Reason == schemas.ReasonNone || !p.IsZero() {
			t.Fatalf("%q of %q: %v with plate %q", raw, country, rej, p)
		}
		return
	}
	for _, typed := range []string{p.String(), strings.ToLower(p.String())} {
		if again, rej := PlateOf(typed, country, confidence); rej != nil || again != p {
			t.Fatalf("%q of %q gives %s, and %s gives %s, %v", raw, country, p, typed, again, rej)
		}
	}
	if class := p.Class(); class.Class() != class {
		t.Fatalf("class of %s is %s, whose class is %s", p, class, class.Class())
	}
}

// The fast path gives what the slow path gives.
func FuzzFastAndSlowPathAgree(f *testing.F) {
	for _, s := range []string{"1-ABC-123", "no plate", "n/a", "aZ09", "\x00\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for i := range len(raw) {
			if raw[i] >= utf8.RuneSelf {
				return
			}
		}
		if len(raw) > schemas.MaxRawPlate {
			return
		}
		fast, rejFast := Plate(raw)
		var s, fastScan plateScan
		s.scanText(raw)
		fastScan.scanASCII(raw)
		slow, rejSlow := fast, rejFast
		if s != fastScan {
			t.Fatalf("%q: fast %+v, slow %+v", raw, fastScan, s)
		}
		if fast != slow || (rejFast == nil) != (rejSlow == nil) || rejFast != nil && *rejFast != *rejSlow {
			t.Fatalf("%q: fast %s %v, slow %s %v", raw, fast, rejFast, slow, rejSlow)
		}
	})
}

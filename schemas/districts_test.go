package schemas

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func districtCodes(t *testing.T) (plain []string) {
	t.Helper()
	fold := strings.NewReplacer("Ä", "A", "Ö", "O", "Ü", "U")
	for line := range strings.Lines(germanDistrictList) {
		if !strings.HasPrefix(line, "#") {
			for c := range strings.FieldsSeq(line) {
				plain = append(plain, fold.Replace(c))
			}
		}
	}
	if len(plain) < 750 {
		t.Fatalf("%d districts", len(plain))
	}
	return plain
}

// Two districts that differ only by a last letter have two plates with the same characters, and the plates stay
// distinct.
func TestEveryPairOfGermanDistrictsIsKeptApart(t *testing.T) {
	codes := districtCodes(t)
	pairs := 0
	for _, long := range codes {
		for _, short := range codes {
			rest, ok := strings.CutPrefix(long, short)
			if !ok || len(rest) != 1 {
				continue
			}
			pairs++
			text := MustPlate(long + "A123")
			a, b := text.WithBoundary(len(short), false), text.WithBoundary(len(long), false)
			if a == b || !text.Ambiguous() || !a.Contradicts(b) || a.Class() != text.Class() || b.Class() != text.Class() {
				t.Errorf("%s and %s: %s, %s, ambiguous %v", short, long, a, b, text.Ambiguous())
			}
			if a.String() != short+"-"+rest+"A123" || b.String() != long+"-A123" || a.Unbounded() != text {
				t.Errorf("%s and %s: %s, %s", short, long, a, b)
			}
		}
	}
	if pairs < 650 {
		t.Errorf("%d pairs: the list is not whole", pairs)
	}
}

func TestABoundaryIsKeptOnlyWhereItTellsTwoVehiclesApart(t *testing.T) {
	f := func(text string, at int, umlaut bool, want string, ambiguous bool) {
		t.Helper()
		p := MustPlate(text)
		if got := p.WithBoundary(at, umlaut); got.String() != want || p.Ambiguous() != ambiguous {
			t.Errorf("%s at %d: %s, ambiguous %v; want %s, %v", text, at, got, p.Ambiguous(), want, ambiguous)
		}
	}
	f("BMW123", 1, false, "B-MW123", true)
	f("BMW123", 2, false, "BM-W123", true)
	f("BMW123", 3, false, "BMW123", true) // no letter is left
	f("HHU111E", 2, false, "HH-U111E", true)
	f("KAPA777", 2, false, "KAPA777", false)
	f("TOLBA918", 3, true, "TOLBA918", false)
	f("BOAB123", 2, false, "BO-AB123", true)
	f("BOAB123", 2, true, "BO--AB123", true)
	f("BOA123", 1, false, "B-OA123", true)
	f("BOA123", 2, true, "BO--A123", true)
	f("VS123AB", 2, true, "VS--123AB", false)
	f("VS123AB", 2, false, "VS123AB", false)
	f("BMW0123", 1, false, "BMW0123", false) // no German number
	f("BMW12345", 1, false, "BMW12345", false)
	f("1ABC123", 1, false, "1ABC123", false)
	f("ABG1234H", 2, false, "AB-G1234H", true)
	f("ABGAB1234", 3, false, "ABGAB1234", false) // nine characters
	f("A", 1, false, "A", false)
}

func TestPlateFromTakesOnlyTheCanonicalBoundary(t *testing.T) {
	for _, s := range []string{"B-MW123", "BM-W123", "BO--AB123", "BO-AB123", "VS--123AB", "A-BG1234E"} {
		p, ok := PlateFrom(s)
		if !ok || p.String() != s || p.Ambiguous() || p.Unbounded() == p {
			t.Errorf("%s: %s, %v", s, p, ok)
		}
		if q, ok := PlateFrom([]byte(s)); !ok || q != p {
			t.Errorf("%s as bytes: %s, %v", s, q, ok)
		}
	}
	for _, s := range []string{"KA-PA777", "BMW-123", "-BMW123", "B-M-W123", "B:MW123", "B--MW123", "BO---AB123", "B-", "VS-123AB", "BMW123-", "B--MW123", "b-MW123", "B-", "-", ":", "1-ABC123", "B-MW 123", "BM--W123", "BO--A--1"} {
		if p, ok := PlateFrom(s); ok || !p.IsZero() && !ok && p.String() == s {
			t.Errorf("%s: taken as %s", s, p)
		}
	}
	p := MustPlate("B-MW123")
	if n := testing.AllocsPerRun(100, func() { _ = p.Class(); _ = p.Ambiguous(); _, _ = PlateFrom("BM-W123") }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestBoundariesOfAnyPlate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([A-Z]{2,5}[1-9][0-9]{0,3}[EH]?|VS[0-9]{3}[A-Z]{2}|[A-Z0-9]{1,15})`).Draw(t, "plate")
		p, ok := PlateFrom(s)
		if !ok {
			t.Fatal(s)
		}
		bounded := p.AppendBounded(nil)
		if p.Ambiguous() != (len(bounded) > 1) {
			t.Fatalf("%s: ambiguous %v, %v", p, p.Ambiguous(), bounded)
		}
		for i, b := range bounded {
			again, ok := PlateFrom(b.String())
			if !ok || again != b || b.Unbounded() != p || b.Class() != p.Class() || b.Ambiguous() || !b.MayEqual(p) || !p.MayEqual(b) {
				t.Fatalf("%s: %s, %v", p, b, ok)
			}
			for _, c := range bounded[:i] {
				if c == b || !c.Contradicts(b) || c.MayEqual(b) {
					t.Fatalf("%s: %s and %s", p, b, c)
				}
			}
		}
	})
}

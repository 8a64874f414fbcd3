package query

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestParsePlateTakesWhatPeopleType(t *testing.T) {
	for _, c := range []struct {
		in, want string
		wide     bool
		err      string
	}{
		{"1ABC123", "1ABC123", false, ""},
		{"1-abc-123", "1ABC123", false, ""},
		{" 1 abc.123 ", "1ABC123", false, ""},
		{"", "", false, ""},
		{"1ABC*", "1ABC*", true, ""},
		{"1A?C12?", "1A?C12?", true, ""},
		{"*ABC**", "*ABC*", true, ""},
		{"AB", "AB", false, ""},
		{"AB*", "", false, "at least 3"},
		{"AB?????", "", false, "at least 3"},
		{"*", "", false, "at least 3"},
		{"- .", "", false, "no letter"},
		{"1ABC123'", "", false, "no plate has"},
		{"1ABC%", "", false, "no plate has"},
		{"1ABC_", "", false, "no plate has"},
		{`1ABC\`, "", false, "no plate has"},
		{"1ABC{p:String}", "", false, "no plate has"},
		{"1ABC--comment;", "", false, "no plate has"},
		{"TÖL-BA 918", "TOLBA918", false, ""},
		{"1日ABC123", "", false, "no plate has"},
		{"B-MW 123", "B-MW123", false, ""},
		{"bm w 123", "BM-W123", false, ""},
		{"BMW 123", "BMW123", false, ""},
		{"B-MW123", "B-MW123", false, ""},
		{"BÖ-AB 123", "BO--AB123", false, ""},
		{"KA-PA 777", "KAPA777", false, ""},
		{"B 1AGB668", "1AGB668", false, ""},
		{"1-AGB-668 BEL", "1AGB668", false, ""},
		{"B1AGB668", "B1AGB668", false, ""},
		{"NL 46-HVR-9", "46HVR9", false, ""},
		{"NONE", "NONE", false, ""},
		{"B-MW*12", "BMW*12", true, ""},
		{"1ABC\x00", "", false, "no plate has"},
		{strings.Repeat("A", 16), "", false, "15 characters"},
		{strings.Repeat("-", 65), "", false, "64 characters"},
		{"A*B*C*D*", "", false, "3 times"},
	} {
		got, err := ParsePlateFilter(c.in, false)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: got %v, want an error with %q", c.in, err, c.err)
			}
			continue
		}
		if err != nil || got.Text() != c.want || got.Wide() != c.wide {
			t.Errorf("%q: got %q wide %v err %v, want %q wide %v", c.in, got.Text(), got.Wide(), err, c.want, c.wide)
		}
	}
}

// like is the reference for LIKE: % any run, _ any character, all else itself.
func like(s, pattern string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '%' {
		return like(s, pattern[1:]) || (s != "" && like(s[1:], pattern))
	}
	return s != "" && (pattern[0] == '_' || pattern[0] == s[0]) && like(s[1:], pattern[1:])
}

// wild is the documented meaning of a pattern: ? for one character, * for any number.
func wild(s, pattern string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return wild(s, pattern[1:]) || (s != "" && wild(s[1:], pattern))
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && wild(s[1:], pattern[1:])
}

func TestThePatternMeansWhatUsersAreTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[AB0O1I8?*]{1,8}`).Draw(t, "pattern")
		plate := rapid.StringMatching(`[AB0O1I8]{1,8}`).Draw(t, "plate")
		p, err := ParsePlateFilter(text, false)
		if err != nil {
			return
		}
		if got, want := like(plate, p.likePatterns()[0]), wild(plate, p.Text()); got != want {
			t.Fatalf("%q on %q: got %v, want %v", text, plate, got, want)
		}
		c, _ := ParsePlateFilter(text, true)
		class := schemas.MustPlate(plate).Class().String()
		if wild(plate, p.Text()) && !like(class, c.likePatterns()[0]) {
			t.Fatalf("%q finds %q but not confusably", text, plate)
		}
	})
}

// A pattern means letters and digits: a German plate is found with any boundary, or none.
func TestAPatternFindsAPlateWhateverItsBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[BMWOAHUV?*]{1,5}[123?*]{1,3}`).Draw(t, "pattern")
		plate := schemas.MustPlate(rapid.SampledFrom([]string{"BMW123", "HHU111", "ABG12", "BOA123", "BOAB12", "OHA1", "VS123AB"}).Draw(t, "plate"))
		p, err := ParsePlateFilter(text, false)
		if err != nil || !p.Wide() {
			return
		}
		for _, q := range append(plate.AppendBounded(nil), plate) {
			found := slices.ContainsFunc(p.likePatterns(), func(pattern string) bool { return like(q.String(), pattern) })
			if want := wild(plate.String(), p.Text()); want && !found {
				t.Fatalf("%q on %s: not found by %q", text, q, p.likePatterns())
			}
		}
	})
	if got := mustParse(t, "1ABC*").likePatterns(); len(got) != 1 {
		t.Errorf("a Belgian pattern: %q", got)
	}
}

func TestAPlateWithoutBoundaryMeansBothGermanVehicles(t *testing.T) {
	for text, want := range map[string][]string{
		"BMW123": {"BMW123", "B-MW123", "BM-W123"}, "B-MW 123": {"B-MW123"}, "BOAB123": {"BOAB123", "BO-AB123", "BO--AB123"}, "KAPA777": {"KAPA777"}, "1ABC123": {"1ABC123"},
	} {
		if got := mustParse(t, text).plateForms(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func mustParse(t *testing.T, text string) PlateFilter {
	t.Helper()
	p, err := ParsePlateFilter(text, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestVariantsAreExactlyThePlatesOfTheClass(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	class := schemas.MustPlate("1OBC").Class()
	got := listVariants(class.String())
	want := []string{}
	for i := range len(alphabet) {
		for j := range len(alphabet) {
			for k := range len(alphabet) {
				p := schemas.MustPlate(string([]byte{alphabet[i], alphabet[j], alphabet[k], 'C'}))
				if p.Class() == class {
					want = append(want, p.String())
				}
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("got %v, want %v", got, want)
	}
	if vs := listVariants("000000"); vs != nil {
		t.Errorf("4^6 plates: got %d variants, want none", len(vs))
	}
	if vs := listVariants("00000"); len(vs) != 1024 {
		t.Errorf("4^5 plates: got %d variants, want 1024", len(vs))
	}
}

func TestCursorsSurviveTheURL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor{at: rapid.Int64().Draw(t, "at"), key: rapid.StringN(1, 30, maxCursorKey).Draw(t, "key")}
		got, err := ParseCursor(c.String())
		if err != nil || got != c || strings.ContainsAny(c.String(), "+/=&? ") {
			t.Fatalf("%+v: got %+v from %q, err %v", c, got, c.String(), err)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{at: 1, key: "abc"}.String())
	f.Add("AQAAAAAAAAAAeA")
	f.Add("!")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err == nil && s != "" && c.String() != s {
			t.Errorf("%q parses but prints as %q", s, c.String())
		}
	})
}

func BenchmarkVariants(b *testing.B) {
	for b.Loop() {
		listVariants("1ABC123")
	}
}

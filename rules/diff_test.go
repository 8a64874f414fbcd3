package rules

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/schemas"
)

// edited returns the built-in catalogue with texts of its files replaced: file, old text, new text. Each old text must stand there.
func edited(t *testing.T, edits ...[3]string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	names, err := fs.Glob(Brussels(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(Brussels(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = &fstest.MapFile{Data: b}
	}
	for _, e := range edits {
		text := string(out[e[0]].Data)
		if !strings.Contains(text, e[1]) {
			t.Fatalf("%s lacks %q", e[0], e[1])
		}
		out[e[0]].Data = []byte(strings.Replace(text, e[1], e[2], 1))
	}
	return out
}

const asOfTest = "2026-11-30"

func diffOfEdits(t *testing.T, edits ...[3]string) *Difference {
	t.Helper()
	day, err := schemas.ParseDay(asOfTest)
	if err != nil {
		t.Fatal(err)
	}
	return Diff(builtInCatalogue(), mustLoad(t, edited(t, edits...)), day)
}

// provenanceFrom is what every row of these tests needs.
const provenanceFrom = "    valid_to: open\n    legal_basis: operational\n    source: chosen\n    verified: true\n"

// An edit of every kind, what the difference is, from when, and whether it is one of the past.
func TestADifferenceSaysWhatHoldsOtherwiseAndFromWhen(t *testing.T) {
	const tariffOfOthers = "    base_cents: 5300\n    base_kmh: 10\n    per_kmh_cents: 600\n"
	rest := textBetween(t, "speed.yaml", tariffOfOthers, "  - id: pi-urban-plus")
	for name, c := range map[string]struct {
		edits []([3]string)
		want  []string // lines of the English text that must be there, in order
		count int
		past  int
	}{
		"a comment": {[]([3]string){{"speed.yaml", "# Speed offences", "# Offences of speed"}}, []string{"No value differs"}, 0, 0},
		"a row split by its subjects": {[]([3]string){{
			"speed.yaml", "surroundings: [motorway, other]\n" + tariffOfOthers + rest,
			"surroundings: [motorway]\n" + tariffOfOthers + rest + "  - id: pi-other\n    surroundings: [other]\n" + tariffOfOthers + rest,
		}}, []string{"No value differs"}, 0, 0},
		"an amount from a later day on": {
			[]([3]string){{"access.yaml", "  - kind: school\n    cents: 5800\n    valid_from: 2018-10-01\n    valid_to: open", "  - kind: school\n    cents: 6200\n    valid_from: 2027-01-01\n" + provenanceFrom + "  - kind: school\n    cents: 5800\n    valid_from: 2018-10-01\n    valid_to: 2027-01-01"}},
			[]string{"amounts at access zones (access_amounts): kind", "from 1 January 2027: amount EUR 58.00 -> EUR 62.00", "verified in the text of law no -> yes"},
			1, 0,
		},
		"an amount of the past":     {[]([3]string){{"access.yaml", "cents: 5800", "cents: 5801"}}, []string{"PAST  amounts at access zones", "from 1 January 2018: amount EUR 58.00 -> EUR 58.01"}, 1, 1},
		"a limit of one day's span": {[]([3]string){{"speed.yaml", "    kmh: 90\n    kinds: [bus]\n    valid_from: 2007-02-01", "    kmh: 80\n    kinds: [bus]\n    valid_from: 2007-02-01"}}, []string{"PAST  speed limit of the vehicle", "category M2, M3 | surroundings motorway", "from 1 February 2007 to 31 March 2018 inclusive: speed limit 90 km/h -> 80 km/h"}, 1, 1},
		"fines of a norm start later": {
			[]([3]string){{"lez_norms.yaml", "      valid_from: 2018-10-01", "      valid_from: 2018-11-01"}},
			[]string{"PAST  admission norms, fines (admission.fines)", "from 1 October 2018 to 31 October 2018 inclusive: gone: name diesel-2018"},
			2, 2,
		},
		"only the source":                         {[]([3]string){{"hotlist.yaml", "article numbers [M]", "article numbers read"}}, []string{"(only the source)"}, 1, 0},
		"only the name of the law":                {[]([3]string){{"speed.yaml", "RD 12/10/2010, annex 2", "RD of 12/10/2010, annex 2"}}, []string{"PAST", "only the cited text or day", "RD 12/10/2010, annex 2, art. 5.2 -> RD of 12/10/2010"}, 1, 1},
		"the law in Dutch alone":                  {[]([3]string){{"speed.yaml", "KB 12/10/2010, bijlage 2", "KB van 12/10/2010, bijlage 2"}}, []string{"PAST", "only the cited text or day"}, 1, 1},
		"a code that is also the word for no end": {[]([3]string){{"cases.yaml", "    then: arbitration\n", "    then: open\n"}}, []string{"PAST", "then a supervisor decides -> to be decided"}, 1, 1},
		"a row by its name":                       {[]([3]string){{"speed.yaml", "max_total_cents: 86600", "max_total_cents: 90000"}}, []string{"PAST", "highest sum EUR 866.00 -> EUR 900.00\n  legal basis: RD 19/04/2014, art. 14\n"}, 1, 1},
		"an announced amount":                     {[]([3]string){{"speed.yaml", "base_cents: 5830", "base_cents: 5840"}}, []string{"announced, not in force: base amount EUR 58.30 -> EUR 58.40"}, 1, 0},
		"a value that was not there":              {[]([3]string){{"redlight.yaml", "light_tariff:\n", "light_tariff:\n"}, {"cases.yaml", "  - family: goods\n    track: prosecutor\n", "  - family: goods\n    track: municipal\n"}}, []string{"track prosecutor -> municipal fine"}, 1, 1},
		"verified is a change that decides":       {[]([3]string){{"hotlist.yaml", "verified: false", "verified: true"}}, []string{"PAST", "verified in the text of law no -> yes"}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := diffOfEdits(t, c.edits...)
			var b strings.Builder
			if err := WriteDifference(&b, d, English, false); err != nil {
				t.Fatal(err)
			}
			rest := b.String()
			for _, w := range c.want {
				_, after, ok := strings.Cut(rest, w)
				if !ok {
					t.Fatalf("lacks %q in its place:\n%s", w, b.String())
				}
				rest = after
			}
			for i := range d.Changes {
				if g := &d.Changes[i]; !g.Added && g.OldBasis.English == "" || !g.Removed && g.NewBasis.English == "" {
					t.Errorf("a legal basis is lost: %+v", g)
				}
			}
			if len(d.Changes) != c.count || d.Past() != c.past {
				t.Errorf("%d changes, %d of the past; want %d, %d:\n%s", len(d.Changes), d.Past(), c.count, c.past, b.String())
			}
		})
	}
}

// textBetween returns the text of a built-in file after one mark and before the next.
func textBetween(t *testing.T, file, after, before string) string {
	t.Helper()
	b, err := fs.ReadFile(Brussels(), file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), after)
	text, _, found := strings.Cut(rest, before)
	if !ok || !found {
		t.Fatalf("%s: no text between %q and %q", file, after, before)
	}
	return text
}

// A change that begins on the day of the comparison is none of the past; one that began the day before is.
func TestThePastEndsBeforeTheDayOfTheComparison(t *testing.T) {
	for day, past := range map[string]int{"2026-11-29": 1, asOfTest: 0, "2026-12-01": 0} {
		d := diffOfEdits(t, [3]string{"access.yaml", "  - kind: school\n    cents: 5800\n    valid_from: 2018-10-01\n    valid_to: open", "  - kind: school\n    cents: 6200\n    valid_from: " + day + "\n" + provenanceFrom + "  - kind: school\n    cents: 5800\n    valid_from: 2018-10-01\n    valid_to: " + day})
		if len(d.Changes) != 1 || d.Changes[0].From != day || d.Past() != past {
			t.Errorf("from %s: %+v, %d of the past, want %d", day, d.Changes, d.Past(), past)
		}
	}
}

// Every field of every row that is changed, in the file as a person would, shows up as a change.
func TestNoFieldOfARowIsLeftOut(t *testing.T) {
	for _, v := range builtInCatalogue().writtenValues() {
		change := func(field string, change func(*writtenValue)) {
			next := v
			next.fields = slices.Clone(v.fields)
			change(&next)
			got := changesOfSubject([]writtenValue{v}, []writtenValue{next})
			if len(got) != 1 || len(got[0].Fields) == 0 || !slices.ContainsFunc(got[0].Fields, func(f FieldChange) bool { return f.Field == field }) {
				t.Errorf("%s: %s: the change of %s is not told: %+v", v.at, v.section, field, got)
			}
		}
		for i, f := range v.fields {
			change(f.name, func(w *writtenValue) { w.fields[i].values = []string{f.text() + "9"} })
		}
		change(fieldBasis, func(w *writtenValue) { w.basis.French += "x" })
		change(fieldSource, func(w *writtenValue) { w.source += "x" })
		change(fieldVerified, func(w *writtenValue) { w.verified += "x" })
	}
}

// On no day does one subject have two values of a section, unless a dated part of the section runs on beside its successor: only
// then can a difference name the old and the new value.
func TestASubjectHasOneValueADay(t *testing.T) {
	by := map[string][]writtenValue{}
	for _, v := range builtInCatalogue().writtenValues() {
		if !v.announced && !strings.Contains(v.section, ".") {
			key := v.section + " " + v.key()
			for _, o := range by[key] {
				if v.from < o.to && o.from < v.to {
					t.Errorf("%s and %s hold on the same days for %s: tag the field that tells them apart with subject", o.at, v.at, key)
				}
			}
			by[key] = append(by[key], v)
		}
	}
}

func TestADifferenceReadsInEveryLanguage(t *testing.T) {
	d := diffOfEdits(t,
		[3]string{"speed.yaml", "    per_kmh_cents: 1100\n    valid_from: 2017-05-01\n    valid_to: open", "    per_kmh_cents: 1100\n    valid_from: 2017-05-01\n    valid_to: 2026-07-01"},
		[3]string{"speed.yaml", "tariff:\n  - id: pi-urban\n", "tariff:\n  - id: pi-urban-2026\n    surroundings: [built_up, zone_30, school, residential]\n    base_cents: 5830\n    base_kmh: 10\n    per_kmh_cents: 1210\n    valid_from: 2026-07-01\n" + provenanceFrom + "  - id: pi-urban\n"},
		[3]string{"lez.yaml", "max_per_year: 24", "max_per_year: 30"}, [3]string{"goods.yaml", "- seconds: 60", "- seconds: 30"},
		[3]string{"cases.yaml", "    days: 10\n", "    days: 9\n"})
	for _, lang := range Langs() {
		var b strings.Builder
		if err := WriteDifference(&b, d, lang, true); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(strings.ReplaceAll(b.String(), d.Old, "OLD"), d.New, "NEW")
		file := filepath.Join("testdata", "diff", string(lang)+".golden")
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%v; got\n%s\nwant\n%s", err, got, want)
		}
	}
	text, err := json.Marshal(d)
	if err != nil || !strings.Contains(string(text), `"field":"per_kmh_cents","old":"1100","new":"1210"`) || !strings.Contains(string(text), `"past":true`) {
		t.Errorf("%v: %s", err, text)
	}
}

// A catalogue that leaves the sections of casework out decides by the built-in ones, and is compared with them.
func TestSectionsThatACatalogueLeavesToTheBuiltInOneAreCompared(t *testing.T) {
	without := edited(t)
	delete(without, "cases.yaml")
	day, err := schemas.ParseDay(asOfTest)
	if err != nil {
		t.Fatal(err)
	}
	if d := Diff(mustLoad(t, without), builtInCatalogue(), day); len(d.Changes) != 0 {
		t.Errorf("got %+v", d.Changes)
	}
	d := Diff(mustLoad(t, without), mustLoad(t, edited(t, [3]string{"cases.yaml", "    days: 10\n", "    days: 9\n"})), day)
	if len(d.Changes) != 1 || d.Changes[0].Section != "case_clocks" {
		t.Errorf("got %+v", d.Changes)
	}
}

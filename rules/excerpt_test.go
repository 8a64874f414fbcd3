package rules

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/schemas"
)

func excerptDay(t *testing.T, text string) schemas.Day {
	t.Helper()
	d, err := schemas.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An excerpt has what is in force on the day and nothing else; the first day belongs to an entry, the last does not.
func TestAnExcerptHasWhatIsInForceOnTheDay(t *testing.T) {
	const values = `# a remark
limit:
  - {name: old, valid_from: 2010-01-01, valid_to: 2020-01-01}
  - {name: now, valid_from: 2020-01-01, valid_to: 2030-01-01}
  - {name: later, valid_from: 2030-01-01, valid_to: open}
  - {name: announced, valid_from: unknown, valid_to: open}
`
	fsys := fstest.MapFS{
		"general.yaml": {Data: []byte(values)}, "first.yaml": {Data: []byte(values)}, "first_more.yaml": {Data: []byte(values)}, "firstborn.yaml": {Data: []byte(values)}, "second.yaml": {Data: []byte(values)},
	}
	for day, want := range map[string]string{"2009-12-31": "", "2010-01-01": "old", "2019-12-31": "old", "2020-01-01": "now", "2029-12-31": "now", "2030-01-01": "later", "2099-01-01": "later"} {
		got, err := Excerpt(fsys, "first", excerptDay(t, day))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"old", "now", "later", "announced"} {
			if n := strings.Count(string(got), "name: "+name); (n == 3) != (name == want) || (n == 0) != (name != want) {
				t.Errorf("%s: %d entries %s, want only %q three times:\n%s", day, n, name, want, got)
			}
		}
		for _, file := range []string{"firstborn", "second", "remark"} {
			if strings.Contains(string(got), file) {
				t.Errorf("%s: it has %s", day, file)
			}
		}
	}
}

// Every family of the region has an excerpt, and each entry in it says where it comes from.
func TestEveryFamilyHasAnExcerpt(t *testing.T) {
	for _, f := range newFamilies() {
		name := f.Info().Family
		got, err := Excerpt(Brussels(), name, excerptDay(t, "2026-11-21"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Excerpt(Brussels(), name, excerptDay(t, "2026-11-21"))
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: another excerpt the second time, %v", name, err)
		}
		if n := strings.Count(string(got), "valid_from:"); n == 0 || n != strings.Count(string(got), "legal_basis:") {
			t.Errorf("%s: %d entries, %d with a legal basis", name, n, strings.Count(string(got), "legal_basis:"))
		}
	}
}

// What a decision rests on stands in the excerpt of its family, also where a name has two words and where a family decides by
// values of another: every clause of every scenario is looked up.
func TestWhatADecisionRestsOnStandsInItsExcerpt(t *testing.T) {
	type cited struct{ basis, from string }
	files := map[cited][]string{}
	for _, v := range mustLoad(t, Brussels()).Values() {
		k := cited{v.LegalBasis.In(English), v.ValidFrom}
		files[k] = append(files[k], strings.TrimSuffix(path.Base(v.File), ".yaml"))
	}
	step := regexp.MustCompile(`^  [a-z_.]+ .* basis="(.+) \((\d{4}-\d{2}-\d{2})\)"`)
	looked := map[schemas.Family]int{}
	for _, text := range scenarioTexts(t) {
		var family schemas.Family
		for line := range strings.SplitSeq(text, "\n") {
			if !strings.HasPrefix(line, " ") { // an answer begins with its family
				word, _, _ := strings.Cut(line, " ")
				family = schemas.Family(word)
			}
			m := step.FindStringSubmatch(line)
			if m == nil || InfoOf(family) == nil {
				continue
			}
			in := files[cited{m[1], m[2]}]
			if in == nil { // reference data, or a catalogue that the scenario changed
				continue
			}
			looked[family]++
			if !slices.ContainsFunc(in, func(base string) bool { return isPartOf(base, family) }) {
				t.Errorf("%s rests on %q, which stands in %v, not in its excerpt", family, m[1], in)
			}
		}
	}
	for _, info := range Families() {
		if info.Decides() && looked[info.Family] == 0 {
			t.Errorf("no clause of %s was looked up", info.Family)
		}
	}
	t.Log(looked)
}

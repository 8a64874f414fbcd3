package rules

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestBrusselsCatalogueLoadsAndSaysWhatIsUnverified(t *testing.T) {
	cat := mustLoad(t, Brussels())
	if len(cat.Version()) != 12 || strings.Trim(cat.Version(), "0123456789abcdef") != "" {
		t.Errorf("version %q is not 12 hexadecimal digits", cat.Version())
	}
	warnings := 0
	for _, f := range Check(Brussels()) {
		if !f.Warning {
			t.Errorf("finding: %s", f)
		}
		warnings++
	}
	if got, want := len(cat.Unverified())+len(cat.Announced()), warnings; got != want {
		t.Errorf("%d unverified and announced values, %d warnings", got, want)
	}
	for _, v := range cat.Values() {
		if v.File == "" || v.Line == 0 || v.LegalBasis == (Basis{}) || v.Source == "" {
			t.Errorf("value %+v lacks its place, basis or source", v)
		}
		// DOMAIN.md: general knowledge [M] and low confidence L are never verified.
		if v.Verified && (strings.Contains(v.Source, "[M]") || strings.HasSuffix(v.Source, " L") || strings.Contains(v.Source, "F-gh")) {
			t.Errorf("%s:%d: %s is verified on the source %q", v.File, v.Line, v.Path, v.Source)
		}
	}
}

func TestVersionFollowsEveryByteAndName(t *testing.T) {
	base := mustLoad(t, Brussels()).Version()
	if got := mustLoad(t, patched(t, nil)).Version(); got != base {
		t.Errorf("same files: got %s, want %s", got, base)
	}
	for _, edit := range []string{"general.yaml: append # one more remark\n", "speed.yaml: s|base_cents: 5300|base_cents: 5301|1"} {
		if got := mustLoad(t, patched(t, []string{edit})).Version(); got == base {
			t.Errorf("%s: version did not change", edit)
		}
	}
	renamed := patched(t, nil).(patchedFS)
	renamed["z.yaml"] = renamed["speed.yaml"]
	delete(renamed, "speed.yaml")
	if got := mustLoad(t, renamed).Version(); got == base {
		t.Error("a file with another name gives the same version")
	}
}

func TestLoadSaysWhenThereIsNothingToLoad(t *testing.T) {
	for _, fsys := range []fs.FS{fstest.MapFS{}, os.DirFS(t.TempDir())} {
		if _, err := Load(fsys); err == nil || !strings.Contains(err.Error(), "no *.yaml file found") {
			t.Errorf("got %v", err)
		}
	}
	bad := fstest.MapFS{"a.yaml": {Mode: fs.ModeDir}}
	if _, err := Load(bad); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("a folder named a.yaml: got %v", err)
	}
}

func TestCheckWarnsOfAValueThatEnds(t *testing.T) {
	for _, f := range Check(patched(t, []string{"lez.yaml: s|max_per_year: 24\n    valid_from: 2022-07-15\n    valid_to: open|max_per_year: 24\n    valid_from: 2022-07-15\n    valid_to: 2027-01-01|1"})) {
		if strings.Contains(f.Text, "ends on 2027-01-01") {
			if !f.Warning || f.Line == 0 || f.File != "lez.yaml" {
				t.Errorf("got %+v, want a warning with a line", f)
			}
			return
		}
	}
	t.Error("no warning")
}

// FuzzLoad loads arbitrary catalogue files. Load accepts a file or returns findings, and never panics. Every finding
// names the file or the missing part. Every accepted value has a basis and a source.
func FuzzLoad(f *testing.F) {
	names, err := fs.Glob(Brussels(), "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(Brussels(), n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 1500)]) // small seeds: the fuzzer should mutate seeds, not shrink them
	}
	f.Add([]byte("a: &x [*x]\n"))
	f.Add([]byte("matching:\n  - exact: !!binary x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		cat, found := readCatalogue(fstest.MapFS{"a.yaml": {Data: b}})
		sound := true
		for _, x := range found {
			missing := x.File == "." && x.Text == "section missing" || strings.HasPrefix(x.Text, "file missing")
			if x.File != "a.yaml" && !missing || x.Text == "" || x.Do == "" || x.Line < 0 {
				t.Fatalf("finding says too little: %+v", x)
			}
			sound = sound && (x.Warning || missing)
		}
		for _, v := range cat.Values() {
			if sound && (strings.TrimSpace(v.LegalBasis.English) == "" || strings.TrimSpace(v.Source) == "" || v.Line == 0) {
				t.Fatalf("read without a basis or a line: %+v", v)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		mustLoad(b, Brussels())
	}
}

func TestTheFormsOfJustificationsAreDatedAndASiteMayLeaveThemOut(t *testing.T) {
	cat := mustLoad(t, Brussels())
	j := cat.Justifications(schemas.DayOf(2026, 11, 28).Start())
	if len(j.FileNumbers["judicial"]) == 0 || len(j.FileNumbers["administrative"]) == 0 || len(j.DecisionNumbers) == 0 || len(j.StopWords) < 10 {
		t.Errorf("the built-in catalogue lacks forms: %+v", j)
	}
	for _, form := range slices.Concat(j.FileNumbers["judicial"], j.FileNumbers["administrative"], j.DecisionNumbers) {
		if !hasYear(form) {
			t.Errorf("the form %s has no year: any would do", form)
		}
	}
	if j.FirstYears["judicial"] == 0 || j.FirstYears["administrative"] == 0 || j.FirstDecisionYear == 0 {
		t.Errorf("forms without a first year: %+v", j)
	}
	if early := cat.Justifications(schemas.DayOf(2017, 12, 31).Start()); len(early.FileNumbers) != 0 || len(early.StopWords) != 0 {
		t.Errorf("before the first value: got %+v", early)
	}
	without := fstest.MapFS{}
	names, _ := fs.Glob(Brussels(), "*.yaml")
	for _, name := range names {
		if name == "justification.yaml" {
			continue
		}
		b, err := fs.ReadFile(Brussels(), name)
		if err != nil {
			t.Fatal(err)
		}
		without[name] = &fstest.MapFile{Data: b}
	}
	if got := mustLoad(t, without).Justifications(schemas.DayOf(2026, 11, 28).Start()); len(got.FileNumbers) != 0 {
		t.Errorf("got %+v", got)
	}
	file := `an article, source: "x", verified: false, valid_from: 2018-01-01, valid_to: open`
	for row, want := range map[string]string{
		`forms: ["PK.9999/yyyy"], first_year: 2018`: "", `forms: ["PK.9999/9999"]`: "", `forms: ["PK.9999/yyyy"]`: "first_year", `forms: ["PK.9999/9999"], first_year: 2018`: "first_year",
		`forms: ["PK.9999/yyyy"], first_year: 18`: "first_year", `forms: ["PK.9999/yyy"], first_year: 2018`: "forms[0]",
	} {
		without["justification.yaml"] = &fstest.MapFile{Data: []byte("decision_numbers:\n  - {" + row + ", legal_basis: " + file + "}\n")}
		if _, err := Load(without); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a fault of %q", row, err, want)
		}
	}
	rows := []string{`{purpose: judicial, forms: ["PV.9999/yyyy"], first_year: 1998`, `{purpose: administrative, forms: ["PV.9999/yyyy"], first_year: 2020`}
	without["justification.yaml"] = &fstest.MapFile{Data: []byte("file_numbers:\n  - " + strings.Join(rows, ", legal_basis: "+file+"}\n  - ") + ", legal_basis: " + file + "}\n")}
	if got := mustLoad(t, without).Justifications(schemas.DayOf(2026, 11, 28).Start()).FirstYears; got["judicial"] != 1998 || got["administrative"] != 2020 {
		t.Errorf("two purposes with one form and a first year each: got %v", got)
	}
	for text, want := range map[string]bool{
		"AA.99.A9.999999/9999": true, "999": false, "*": false, "": false, " 9999": false, "br-9999": false, "9999": true,
		"AA.999999/yyyy": true, "AA.999999-yy": true, "yyyy": false, "9999/yyy": false, "9999/yyyyyy": false, "99yy/99yy": false, "9999/YYYY": true, " 9999/yyyy": false, "aa.9999/yyyy": false,
	} {
		if _, ok := parseForm(text); ok != want {
			t.Errorf("form %q: got %t", text, ok)
		}
	}
}

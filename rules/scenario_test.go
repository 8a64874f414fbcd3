package rules

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into testdata")

// TestScenarios runs testdata/*.txt; README.md describes the format. -rewrite keeps expected lines that are right,
// including patterns.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, rest, err := parseScenarios(file, string(b))
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{world: newWorld(), engine: New(mustLoad(t, Brussels()))}
	var out []string
	for i := range all {
		c := &all[i]
		got := r.run(t, c.input)
		right := scenarioMatches(got, strings.Join(c.want, "\n"))
		if !right && !*rewrite {
			t.Errorf("%s:%d: %s\ngot:\n%s\nwant:\n%s", file, c.line, strings.Join(c.input, "\n"), got, strings.Join(c.want, "\n"))
		}
		if !right {
			c.want = strings.Split(got, "\n")
		}
		out = slices.Concat(out, c.before, c.input, []string{"----"}, c.want)
	}
	if *rewrite {
		text := strings.Join(slices.Concat(out, rest), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func mustLoad(t testing.TB, fsys fs.FS) *Catalogue {
	t.Helper()
	cat, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func TestEveryScenarioCodeIsShown(t *testing.T) {
	var b strings.Builder
	files, _ := filepath.Glob("testdata/*.txt")
	for _, f := range files {
		x, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(x)
	}
	for _, c := range allClauses() {
		if slices.Contains(tripwireClauses, c) { // of many passages together: no scenario of one explains it
			continue
		}
		if !strings.Contains(b.String(), "\n  "+c.Key+" ") {
			t.Errorf("no scenario explains a case with the clause %s: add one", c.Key)
		}
	}
	cat := mustLoad(t, Brussels())
	for _, info := range Families() {
		if info.Decides() && !slices.Contains(cat.Reasons(info.Family), reasonNotApplicable) {
			t.Errorf("Reasons(%s) lacks %s", info.Family, reasonNotApplicable)
		}
		for _, reason := range info.Reasons {
			if !strings.Contains(b.String(), " "+reason+" ") {
				t.Errorf("no scenario shows the %s reason %s: add one", info.Family, reason)
			}
		}
	}
}

// patched is the built-in catalogue with lines replaced.
func patched(t testing.TB, lines []string) fs.FS { return patchCatalogue(t, Brussels(), lines) }

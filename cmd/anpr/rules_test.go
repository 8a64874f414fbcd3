// Commands one after the other: nothing runs at the same time.

//go:build !race

package main

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/cmd/catalogue"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
)

var rewriteGolden = flag.Bool("rewrite-golden", false, "write what the commands print into testdata")

// golden compares what a command printed with testdata/rules/NAME.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "rules", name)
	if *rewriteGolden {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// withAllSections adds empty sections for sections of the built-in catalogue that are newer than the test's own
// catalogue.
func withAllSections(t *testing.T, files fs.FS) fs.FS {
	out := fstest.MapFS{}
	sections := regexp.MustCompile(`(?m)^(\w+):`)
	have := map[string]bool{}
	each := func(from fs.FS, f func(name string, text []byte)) {
		names, err := fs.Glob(from, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			b, err := fs.ReadFile(from, n)
			if err != nil {
				t.Fatal(err)
			}
			f(n, b)
		}
	}
	each(files, func(name string, text []byte) {
		out[name] = &fstest.MapFile{Data: text}
		for _, m := range sections.FindAllSubmatch(text, -1) {
			have[string(m[1])] = true
		}
	})
	rest := ""
	each(rules.Brussels(), func(name string, text []byte) {
		if slices.Contains([]string{"general.yaml", "hotlist.yaml", "lez.yaml", "lez_norms.yaml", "speed.yaml", "justification.yaml"}, name) {
			return // the test's own catalogue leaves these out on purpose
		}
		for _, m := range sections.FindAllSubmatch(text, -1) {
			if !have[string(m[1])] {
				rest += string(m[1]) + ": []\n"
			}
		}
	})
	if rest != "" {
		out["rest.yaml"] = &fstest.MapFile{Data: []byte(rest)}
	}
	return out
}

func TestOutputOfTheRulesCommands(t *testing.T) {
	files, err := roles.CatalogueFiles("testdata/rules/catalogue")
	if err != nil {
		t.Fatal(err)
	}
	broken, err := roles.CatalogueFiles("testdata/rules/broken")
	if err != nil {
		t.Fatal(err)
	}
	files, broken = withAllSections(t, files), withAllSections(t, broken)
	cat, err := rules.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for name, list := range map[string]bool{"check.golden": false, "check.warnings.golden": true} {
		b.Reset()
		if err := roles.CheckCatalogue(&b, files, list); err != nil {
			t.Error(err)
		}
		golden(t, name, b.Bytes())
	}
	for name, list := range map[string]bool{"broken.golden": false, "broken.warnings.golden": true} {
		b.Reset()
		if err := roles.CheckCatalogue(&b, broken, list); err == nil || !strings.Contains(b.String(), "error: ") {
			t.Errorf("a broken catalogue passes: %v\n%s", err, &b)
		} else if _, after, _ := strings.Cut(b.String(), "error: "); strings.Contains(after, "warning") {
			t.Errorf("%s: errors do not come last:\n%s", name, &b)
		}
		golden(t, name, b.Bytes())
	}
	for _, lang := range rules.Langs() {
		b.Reset()
		if err := rules.WriteUnverified(&b, cat, lang); err != nil {
			t.Error(err)
		}
		golden(t, "unverified."+string(lang)+".golden", b.Bytes())
	}
	b.Reset()
	if n, err := roles.TestScenarios(&b, rules.Brussels(), []string{"testdata/rules/scenarios.txt"}); n != 2 || err != nil {
		t.Errorf("%d wrong, %v; want 2", n, err)
	}
	golden(t, "test.golden", b.Bytes())
}

func TestExitCodesOfRulesTest(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const world = "reference new\ncamera id=Z inside lez\n----\nok\n\n# A1: nothing known\ndecide camera=Z country=BE plate=1ABC123 at=2026-09-01T12:00:00\n----\n"
	for _, c := range []struct {
		name, text string
		code       int
		says       string
	}{
		{"right", world + "~ held !until / withheld\n", 0, ""},
		{"wrong", world + "lez clear\n", 1, "1 scenarios come out otherwise"},
		{"no dashes", "decide camera=Z\n\n", 2, ":1: command \"decide camera=Z\" without ----"},
		{"unknown key", world + "~ held\n\ndecide camera=Z colour=red plate=1ABC123 at=2026-09-01\n----\n?\n", 2, ":11: line [decide]: key colour is not known"},
		{"unknown command", "judge\n----\n?\n", 2, ":1: command \"judge\" is not known; write decide"},
		{"unknown vehicle word", "reference\nvehicle plate=1ABC123 class=4\n----\nok\n", 2, ":1: class=4 is not known"},
		{"unknown camera", "decide camera=Q plate=1ABC123\n----\nok\n", 2, ":1: camera \"Q\" does not exist"},
		{"empty", "# nothing\n", 2, ": holds no command"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := (&catalogue.TestCmd{Paths: []string{write(strings.ReplaceAll(c.name, " ", "-")+".txt", c.text)}}).Run()
			code := 0
			if own, ok := errors.AsType[*flags.ExitError](err); ok {
				code = own.Code
			}
			if code != c.code || c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("code %d, %v; want %d, %q", code, err, c.code, c.says)
			}
		})
	}
	if err := (&catalogue.TestCmd{Paths: []string{filepath.Join(dir, "none")}}).Run(); err == nil {
		t.Error("a path that is not there passes")
	}
}

// An error among a hundred warnings is repeated at the end, with its place.
func TestTheErrorThatKeepsACatalogueFromLoadingIsTheLastThingSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, rules.Brussels()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "speed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "speed.yaml"), []byte("\n\nnot_a_key: 1\n"+string(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := captured(t, "rules", "check", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if last := lines[len(lines)-1]; code != 1 || !strings.HasPrefix(last, "anpr: 1 error keeps this catalogue from loading: speed.yaml:3: ") || !strings.Contains(last, `"not_a_key"`) || len(lines) > 4 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if code, out = captured(t, "rules", "check", dir, "--warnings"); code != 1 || strings.Count(out, "warning: ") < 20 {
		t.Errorf("with --warnings: exit code %d:\n%s", code, out)
	}
}

// A folder that is no catalogue at all is named, by every command with a catalogue.
func TestAFolderWithoutACatalogueIsNamed(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "lez.txt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(empty, "absent"): "there is no such folder", file: "is a file", empty: "holds no *.yaml",
	} {
		for _, args := range [][]string{{"rules", "check", dir}, {"rules", "test", "--catalogue=" + dir, "testdata/rules/scenarios.txt"}} {
			if code, out := captured(t, args...); code != 2 || !strings.Contains(out, "catalogue "+dir) || !strings.Contains(out, want) {
				t.Errorf("%q: exit code %d, want 2 and %q:\n%s", args, code, want, out)
			}
		}
		if _, err := roles.LoadCatalogue(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a role with %s: %v", dir, err)
		}
	}
}

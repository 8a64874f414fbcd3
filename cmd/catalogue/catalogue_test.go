package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
)

// exitCode returns the code with which a command ends.
func exitCode(err error) int {
	if own, ok := errors.AsType[*flags.ExitError](err); ok {
		return own.Code
	}
	if err != nil {
		return 1
	}
	return 0
}

// noon is the moment of the comparisons: 2026-11-30 in Brussels.
var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestACatalogueIsExportedComparedAndNamed(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeSmall(t, at("small"))
	version := mustVersion(t, at("small"))
	for _, to := range []string{"copy", "copy.zip"} {
		export := ExportCmd{Catalogue: at("small"), To: at(to)}
		if err := export.Run(); err != nil {
			t.Fatal(err)
		}
		if got := mustVersion(t, at(to)); got != version {
			t.Errorf("%s: version %s, want %s", to, got, version)
		}
		if err := export.Run(); err == nil {
			t.Errorf("%s is written over", to)
		}
	}
	if err := (&ExportCmd{Catalogue: at("copy.zip"), To: at("again.zip")}).Run(); err != nil {
		t.Fatal(err)
	}
	if a, b := mustRead(t, at("copy.zip")), mustRead(t, at("again.zip")); !bytes.Equal(a, b) {
		t.Error("two archives of one catalogue differ")
	}
	text := string(mustRead(t, at("copy/goods.yaml")))
	later := strings.Replace(text, "goods_edge:\n", "goods_edge:\n  - seconds: 30\n    valid_from: 2026-12-01\n    valid_to: open\n    legal_basis: operational\n    source: chosen\n    verified: true\n", 1)
	write(t, at("copy/goods.yaml"), strings.Replace(later, "- seconds: 60\n    valid_from: 2018-01-01\n    valid_to: open", "- seconds: 60\n    valid_from: 2018-01-01\n    valid_to: 2026-12-01", 1))
	for _, c := range []struct {
		cmd  DiffCmd
		code int
		says []string
	}{
		{DiffCmd{Lang: "nl", Old: at("small"), New: at("copy.zip")}, 0, []string{"dezelfde catalogus"}},
		{DiffCmd{Lang: "nl", Old: at("copy.zip"), New: at("copy")}, 0, []string{"vanaf 1 december 2026: duur 60 s -> 30 s", "waarvan 0 in het verleden"}},
		{DiffCmd{Lang: "fr", Old: at("copy.zip"), New: at("copy"), AsOf: "2026-12-02", Colour: "always"}, 1, []string{"\x1b[31mPASSÉ\x1b[0m", "à partir du 1er décembre 2026"}},
		{DiffCmd{Lang: "en", Old: at("copy"), New: at("copy.zip"), AsOf: "2026-12-02"}, 1, []string{"PAST", "time 30 s -> 60 s"}},
		{DiffCmd{Lang: "en", Old: "built-in", New: at("none")}, 2, nil},
		{DiffCmd{Lang: "en", Old: "built-in", New: at("copy"), AsOf: "2 December"}, 2, nil},
	} {
		var b bytes.Buffer
		err := c.cmd.write(&b, noon)
		if exitCode(err) != c.code {
			t.Errorf("%+v: exit code %d (%v), want %d", c.cmd, exitCode(err), err, c.code)
		}
		for _, s := range c.says {
			if !strings.Contains(b.String(), s) {
				t.Errorf("%+v: lacks %q:\n%s", c.cmd, s, &b)
			}
		}
	}
	var b bytes.Buffer
	var d struct {
		Changes []struct {
			Section, From string
			Past          bool
			Fields        []rules.FieldChange
		}
	}
	if err := (&DiffCmd{JSON: true, Old: at("copy.zip"), New: at("copy")}).write(&b, noon); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(b.Bytes(), &d); err != nil || len(d.Changes) != 1 || d.Changes[0].Section != "goods_edge" || d.Changes[0].Past || d.Changes[0].Fields[0].New != "30" {
		t.Errorf("%v: %s", err, &b)
	}
}

// The built-in catalogue is written whole, and is the word built-in of a comparison.
func TestTheBuiltInCatalogueIsExported(t *testing.T) {
	to := filepath.Join(t.TempDir(), "all.zip")
	if err := (&ExportCmd{To: to}).Run(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (&DiffCmd{Lang: "fr", Old: "built-in", New: to}).write(&b, noon); err != nil || !strings.Contains(b.String(), "même catalogue") {
		t.Errorf("%v:\n%s", err, &b)
	}
}

// writeSmall writes a catalogue with the goods ban alone; its other sections are empty, so that it loads in no time.
func writeSmall(t *testing.T, dir string) {
	t.Helper()
	section := regexp.MustCompile(`(?m)^(\w+):`)
	names, err := fs.Glob(rules.Brussels(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rest strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(rules.Brussels(), name)
		switch {
		case err != nil:
			t.Fatal(err)
		case name == "cases.yaml": // a catalogue may lack these sections, and then all of them
		case name == "goods.yaml":
			write(t, filepath.Join(dir, name), string(text))
		default:
			for _, m := range section.FindAllSubmatch(text, -1) {
				rest.WriteString(string(m[1]) + ": []\n")
			}
		}
	}
	write(t, filepath.Join(dir, "rest.yaml"), rest.String())
}

// A directory that holds something, an archive that is none or lacks files at its root, and a file that is in it twice are refused.
func TestPlacesThatAreNoCatalogueAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"text.zip": "no archive", "full/x.yaml": "a: 1\n"} {
		write(t, filepath.Join(dir, name), text)
	}
	if _, err := roles.CatalogueFiles(filepath.Join(dir, "text.zip")); err == nil || !strings.Contains(err.Error(), "anpr rules export") {
		t.Errorf("got %v", err)
	}
	if _, err := roles.ExportCatalogue("", filepath.Join(dir, "full")); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("got %v", err)
	}
}

func mustVersion(t *testing.T, place string) string {
	t.Helper()
	c, err := roles.LoadCatalogue(place)
	if err != nil {
		t.Fatal(err)
	}
	return c.Version()
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

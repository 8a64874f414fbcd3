package catalogue

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A catalogue goes from files to an approved archive, by the commands alone.
func TestACatalogueIsSignedByTwoPeopleAndVerified(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeSmall(t, at("next"))
	signers := "signers:\n"
	for _, name := range []string{"anne", "bram"} {
		var b bytes.Buffer
		if err := (&KeyCmd{File: at(name)}).write(&b, noon); err != nil {
			t.Fatal(err)
		}
		signers += fmt.Sprintf("  - name: %s\n    keys:\n%s", name, &b)
	}
	write(t, at("signers.yaml"), signers)
	file := SignersFlag{at("signers.yaml")}
	sign := func(name, key string) (string, error) {
		var b bytes.Buffer
		err := (&SignCmd{SignersFlag: file, As: name, Key: at(key), Dir: at("next")}).write(&b, noon)
		return b.String(), err
	}
	signed := func(place string, asJSON bool) (string, int) {
		var b bytes.Buffer
		err := (&SignedCmd{SignersFlag: file, JSON: asJSON, Dir: at(place)}).write(&b, noon)
		if err != nil {
			b.WriteString(err.Error())
		}
		return b.String(), exitCode(err)
	}
	for _, step := range []struct {
		name, key, says string
		fails           bool
	}{
		{"anne", "anne", "not approved yet: signatures: signed by anne", false},
		{"bram", "anne", "is that of anne, not of bram", true},
		{"bram", "bram", "is approved by 2 people", false},
	} {
		out, err := sign(step.name, step.key)
		if err != nil {
			out += err.Error()
		}
		if (err != nil) != step.fails || !strings.Contains(out, step.says) {
			t.Errorf("%s with the key of %s: %v, lacks %q:\n%s", step.name, step.key, err, step.says, out)
		}
	}
	if err := (&ExportCmd{Catalogue: at("next"), To: at("next.zip")}).Run(); err != nil {
		t.Fatal(err)
	}
	if out, code := signed("next.zip", false); code != 0 || !strings.Contains(out, "signed by anne") || !strings.Contains(out, "signed by bram") {
		t.Errorf("the archive: exit code %d:\n%s", code, out)
	}
	if out, code := signed("next", true); code != 0 || !strings.Contains(out, `"signer": "bram"`) {
		t.Errorf("JSON: exit code %d:\n%s", code, out)
	}
	write(t, at("next/goods.yaml"), string(mustRead(t, at("next/goods.yaml")))+"# a comment\n")
	if out, code := signed("next", false); code != 1 || !strings.Contains(out, "goods.yaml was changed") {
		t.Errorf("a changed file: exit code %d:\n%s", code, out)
	}
	write(t, at("next/goods.yaml"), "goods_edge: [\n")
	if out, code := signed("next", false); code != 2 {
		t.Errorf("a file that does not load: exit code %d:\n%s", code, out)
	}
	if out, err := sign("anne", "anne"); err == nil {
		t.Errorf("a catalogue that does not load is signed: %s", out)
	}
	if out, code := signed("nowhere", false); code != 2 {
		t.Errorf("no catalogue: exit code %d:\n%s", code, out)
	}
}

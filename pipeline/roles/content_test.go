package roles

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
)

// Whoever may write to the topic can write any archive. None ends the program, fills its memory, or says two things at once.
func TestNoAnnouncedArchiveHarmsItsReader(t *testing.T) {
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(rules.Brussels(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pack := func(more func(*zip.Writer) error) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			text, err := fs.ReadFile(rules.Brussels(), name)
			if err != nil {
				t.Fatal(err)
			}
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(text); err != nil {
				t.Fatal(err)
			}
		}
		if err := more(z); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	add := func(name string, size int) func(*zip.Writer) error {
		return func(z *zip.Writer) error {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write(make([]byte, size))
			}
			return err
		}
	}
	for name, c := range map[string]struct {
		more func(*zip.Writer) error
		want string // "" = it is the catalogue
	}{
		"as exported":         {func(*zip.Writer) error { return nil }, ""},
		"a file without name": {add("", 1), "no *.yaml"},
		"a short name":        {add("x", 1), ""},
		"a file twice":        {add(names[0], 1), "twice"},
		"a bomb":              {add("bomb.yaml", maxCatalogue+1), "more than"},
		"bombs": {func(z *zip.Writer) error {
			return errors.Join(add("a.yaml", maxCatalogue)(z), add("b.yaml", maxCatalogue)(z))
		}, "more than"},
	} {
		held, signed, err := openContent(cat.Hash(), pack(c.more))
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		case c.want == "" && (err != nil || held.catalogue.Hash() != cat.Hash() || signed != 0):
			t.Errorf("%s: %d signatures, %v, want the catalogue", name, signed, err)
		}
	}
}

package roles

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// An excerpt in a bundle is of the catalogue that the office loaded, whatever happens to its files afterwards; files that
// changed before they are held are refused.
func TestTheExcerptIsOfTheCatalogueThatWasLoaded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "own")
	if _, err := ExportCatalogue("", dir); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadCatalogue(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := CatalogueFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, err := holdCatalogue(files, loaded)
	if err != nil {
		t.Fatal(err)
	}
	excerpt := func() []byte {
		t.Helper()
		text, err := rules.Excerpt(held, "redlight", schemas.DayOf(2026, 11, 1))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := excerpt()
	name := filepath.Join(dir, "redlight.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "tolerance_ms: 300", "tolerance_ms: 100", 1)
	if changed == string(text) {
		t.Fatal("the file has no such tolerance")
	}
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, excerpt()) || !bytes.Contains(before, []byte("tolerance_ms: 300")) {
		t.Error("the excerpt follows a file that changed after it was loaded")
	}
	if _, err := holdCatalogue(files, loaded); err == nil || !strings.Contains(err.Error(), "changed while they were read") {
		t.Errorf("files that are another catalogue: %v", err)
	}
}

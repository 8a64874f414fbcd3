// make test-tools runs this: a machine may lack Chromium.

//go:build programs

package roles

import (
	"os"
	"os/exec"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/evidence/dossier"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestChromiumPrintsATaggedDossier(t *testing.T) {
	path := os.Getenv("ANPR_CHROMIUM")
	if path == "" {
		var err error
		if path, err = findChromium(""); err != nil || path == "" {
			t.Fatalf("chromium is not installed (%v): Debian: apt-get install chromium; or name one in ANPR_CHROMIUM", err)
		}
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Fatal(err)
	}
	page, err := dossier.Write(&dossier.Case{CaseID: "1", Plate: "1ABC123", State: "confirmed"}, "fr", dossier.Texts{
		Step: func(string, *schemas.Step) string { return "" }, Basis: func(string, string) string { return "" }, Reason: func(_, code string) string { return code },
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := (&printer{path: path}).print(t.Context(), page, nil)
	if err != nil || len(data) < 1000 {
		t.Fatalf("got %d bytes, %v", len(data), err)
	}
}

package roles

import (
	"bytes"
	"compress/zlib"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/evidence/dossier"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestAPDFWithoutStructureIsRefused(t *testing.T) {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write([]byte("<< /Type /Catalog /StructTreeRoot 5 0 R >>"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"%PDF-1.7\n<< /StructTreeRoot 5 0 R >>":                          true,
		"%PDF-1.7\n1 0 obj stream\r\n" + packed.String() + "\nendstream": true,
		"%PDF-1.7\n1 0 obj stream\nxyz\nendstream":                       false,
		"": false, "<html>/StructTreeRoot": false,
	} {
		if err := checkTagged([]byte(text)); (err == nil) != want {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestANamedChromiumMustBeThere(t *testing.T) {
	if _, err := findChromium(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a Chromium that is not there is taken")
	}
	own := filepath.Join(t.TempDir(), "chromium")
	if err := os.WriteFile(own, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := findChromium(own)
	if err != nil || path != own {
		t.Fatalf("got %q, %v", path, err)
	}
	if _, err := (&printer{path: own}).print(t.Context(), []byte("<p>x"), nil); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a Chromium that fails: %v", err)
	}
}

// Runs where the tests of the pages run: the machine that has a Chromium says so in ANPR_CHROMIUM.
func TestChromiumPrintsATaggedDossier(t *testing.T) {
	path := os.Getenv("ANPR_CHROMIUM")
	if path == "" {
		if path, _ = findChromium(""); path == "" {
			if os.Getenv("CI") != "" {
				t.Fatal("no Chromium is on this machine, and CI must have one: install chromium, or name one in ANPR_CHROMIUM")
			}
			t.Skip("no Chromium is on this machine")
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

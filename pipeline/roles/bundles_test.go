package roles

import (
	"bytes"
	"compress/zlib"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

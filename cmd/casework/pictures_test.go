package casework

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office"
)

// captureOutput runs a function and returns what it wrote on standard output and standard error.
func captureOutput(t *testing.T, run func()) (out, errs string) {
	t.Helper()
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		files[i] = f
	}
	os.Stdout, os.Stderr = files[0], files[1]
	run()
	var texts [2]string
	for i, f := range files {
		content, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(content)
	}
	return texts[0], texts[1]
}

// serveOffice answers as an office with two items, the first of which has a damaged picture before a good one.
func serveOffice(t *testing.T) string {
	t.Helper()
	items := office.LeaseAnswer{Items: []office.Item{
		{CaseID: "c1", Version: 3, Queue: "decide", Pictures: []office.ItemPicture{{SHA256: "bad0", Kind: "scene"}, {SHA256: "good1", Kind: "plate"}}},
		{CaseID: "c2", Version: 1, Queue: "decide", Pictures: []office.ItemPicture{{SHA256: "good2", Kind: "scene"}}},
	}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case r.URL.Path == "/v1/me":
			answer = office.MeAnswer{Name: "an", MayState: []string{"traffic"}}
		case r.URL.Path == "/v1/purposes":
			answer = office.PurposeAnswer{ID: "p"}
		case r.URL.Path == "/v1/work/leases":
			answer = items
		case r.URL.Path == "/v1/cases/c1":
			answer = office.CaseAnswer{Pictures: items.Items[0].Pictures}
		case strings.Contains(r.URL.Path, "/pictures/good"):
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = io.WriteString(w, "jpeg")
			return
		default:
			w.WriteHeader(http.StatusConflict)
			answer = office.Problem{Status: http.StatusConflict, Code: "picture_damaged", Detail: "not what was sent"}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A picture that does not hold hides neither its case nor the cases behind it: else its case came first for ever.
func TestADamagedPictureHidesNoItem(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		q := &Cmd{ClientFlags: ask.ClientFlags{URL: serveOffice(t), Token: "t", JSON: asJSON}, Lang: "nl"}
		dir := filepath.Join(t.TempDir(), "look")
		var err error
		out, errs := captureOutput(t, func() { err = (&nextCmd{Queue: "decide", N: 2, Pictures: dir}).Run(t.Context(), q) })
		if err == nil || !strings.Contains(err.Error(), "1") {
			t.Errorf("got %v, want an error that counts one picture", err)
		}
		if !strings.Contains(out, "c1") || !strings.Contains(out, "c2") {
			t.Errorf("an item is not shown:\n%s", out)
		}
		if !strings.Contains(errs, "foto bad0 van dossier c1: De foto is niet meer") {
			t.Errorf("the failed picture is not named:\n%s", errs)
		}
		for _, name := range []string{"c1-plate-good1.jpg", "c2-scene-good2.jpg"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestPicturesSayInJSONWhereTheyAre(t *testing.T) {
	q := &Cmd{ClientFlags: ask.ClientFlags{URL: serveOffice(t), Token: "t", JSON: true}, Lang: "en"}
	dir := t.TempDir()
	var err error
	out, _ := captureOutput(t, func() { err = (&picturesCmd{caseArg{"c1"}, dir}).Run(t.Context(), q) })
	var got savedPictures
	if err == nil || json.Unmarshal([]byte(out), &got) != nil || got.CaseID != "c1" || len(got.Pictures) != 1 ||
		got.Pictures[0].SHA256 != "good1" || got.Pictures[0].File != filepath.Join(dir, "c1-plate-good1.jpg") {
		t.Errorf("got %s, %v", out, err)
	}
}

package bundles

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/schemas"
)

const smallBundle = "../../pipeline/evidence/bundle/testdata/small.zip"

// verifyFile runs anpr evidence verify on a file, and returns what it prints and its exit code.
func verifyFile(t *testing.T, c File) (string, int) {
	t.Helper()
	var out bytes.Buffer
	err := c.Verify(&out)
	if err == nil {
		return out.String(), 0
	}
	e, ok := errors.AsType[*flags.ExitError](err)
	if !ok {
		t.Fatalf("an error without an exit code: %v", err)
	}
	return out.String() + err.Error(), e.Code
}

func TestABundleIsVerifiedByItsFileAlone(t *testing.T) {
	said, code := verifyFile(t, File{Path: smallBundle})
	if code != 0 || !strings.Contains(said, "ok: every byte is as it was signed") || !strings.Contains(said, "compare the key") || !strings.Contains(said, "1 of them without their body") {
		t.Errorf("got %d: %s", code, said)
	}
	whole, err := os.ReadFile(smallBundle)
	if err != nil {
		t.Fatal(err)
	}
	for part, mark := range map[string]string{"dossier.nl.html": "<p>dossier", "events.jsonl": `"kind":"noted"`, "manifest.json": `"case_version"`} {
		bad := bytes.Clone(whole)
		bad[bytes.Index(bad, []byte(mark))] ^= 1
		path := filepath.Join(t.TempDir(), "case.zip")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, code := verifyFile(t, File{Path: path}); code != flags.ExitLeftOver || !strings.Contains(said, `DOES NOT HOLD: "`+part+`"`) || strings.Contains(said, "ok:") {
			t.Errorf("%s changed: got %d: %s", part, code, said)
		}
	}
	if said, code := verifyFile(t, File{Path: filepath.Join(t.TempDir(), "none.zip")}); code != flags.ExitCannotTell {
		t.Errorf("no file: got %d: %s", code, said)
	}
}

// A bundle that another key signed does not hold for who has the list of the office.
func TestABundleIsComparedWithTheListOfKeys(t *testing.T) {
	keys, err := signing.Load(t.TempDir(), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	publics, err := keys.Publics()
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(publics[0])
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "keys.jsonl")
	if err := os.WriteFile(list, line, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := verifyFile(t, File{Path: smallBundle, Keys: list}); code != flags.ExitLeftOver || !strings.Contains(said, "unknown_key") {
		t.Errorf("another key: got %d: %s", code, said)
	}
	signer, err := keys.Newest()
	if err != nil {
		t.Fatal(err)
	}
	own := makeTestBundle(t, signer)
	if said, code := verifyFile(t, File{Path: own, Keys: list}); code != flags.ExitLeftOver || strings.Contains(said, "unknown_key") {
		t.Errorf("the own key over parts that say nothing: got %d: %s", code, said)
	}
	if err := os.WriteFile(list, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := verifyFile(t, File{Path: smallBundle, Keys: list}); code != flags.ExitCannotTell {
		t.Errorf("an empty list: got %d: %s", code, said)
	}
}

// A notice of an annulment is judged by its file alone, and its changed part is named.
func TestANoticeIsVerifiedByItsFileAlone(t *testing.T) {
	keys, err := signing.Load(t.TempDir(), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := keys.Newest()
	if err != nil {
		t.Fatal(err)
	}
	m := bundle.NoticeManifest{BatchID: "b1", Number: "GV.5339.000001/2026", CaseID: "0b0e7a52-f4f0-486d-8f1f-1d2b7a3f0001", Copy: 2}
	file, err := bundle.WriteNotice(m, []bundle.Part{{Path: bundle.NoticePath, Data: []byte(`{"reason":"device_wrong"}`)}}, signer, time.Unix(0, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "notice.zip")
	for _, mark := range []string{"", `"device_wrong"`, `"copy": 2`, `"key_id"`} {
		changed, part := bytes.Clone(file), map[string]string{`"device_wrong"`: bundle.NoticePath, `"copy": 2`: bundle.ManifestPath, `"key_id"`: bundle.SignaturePath}[mark]
		if mark != "" {
			changed[bytes.Index(changed, []byte(mark))+2] ^= 1
		}
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		said, code := verifyFile(t, File{Path: path})
		if mark == "" && (code != 0 || !strings.Contains(said, "annulled: GV.5339.000001/2026") || !strings.Contains(said, "notice 2") || !strings.Contains(said, "time stamp: none: no authority is configured")) {
			t.Errorf("got %d: %s", code, said)
		}
		if mark != "" && (code != flags.ExitLeftOver || !strings.Contains(said, `DOES NOT HOLD: "`+part+`"`) || strings.Contains(said, "ok:")) {
			t.Errorf("%s changed: got %d: %s", part, code, said)
		}
	}
}

// makeTestBundle writes a bundle whose parts are none.
func makeTestBundle(t *testing.T, key bundle.Signer) string {
	t.Helper()
	parts := []bundle.Part{{Path: bundle.SealedPath, Data: []byte("x")}}
	s, err := bundle.Sign(bundle.Manifest{Seal: schemas.Digest("x")}, parts, key, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.Write(parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "own.zip")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A bundle is known by its name or its first bytes; an exported offence is none.
func TestAFileIsTakenForWhatItIs(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		want bool
	}{"case.zip": {"anything", true}, "CASE.ZIP": {"", true}, "case": {"PK\x03\x04...", true}, "offence.json": {`[{"offence_id":"x"}]`, false}, "short": {"PK", false}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := IsBundle(path); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	if IsBundle(filepath.Join(dir, "none")) || IsBundle(strings.Repeat("4", 32)) {
		t.Error("a file that is not there, or the id of an offence, is taken for a bundle")
	}
}

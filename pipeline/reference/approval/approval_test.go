package approval

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// world is a directory with content, a file of signers and their keys.
type world struct {
	t    *testing.T
	dir  string
	keys map[string]string // public keys by file name
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), keys: map[string]string{}}
	w.write("content/a.yaml", "a: 1\n")
	w.write("content/b.yaml", "b: 2\n")
	for _, name := range []string{"anne", "bram", "bram2", "stranger"} {
		public, err := MakeKey(w.path(name + ".key"))
		if err != nil {
			t.Fatal(err)
		}
		w.keys[name] = public
	}
	w.writeSigners("", "")
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// writeSigners writes the file of signers: anne, and bram with two keys. more follows the first key of bram, further the whole.
func (w *world) writeSigners(more, further string) {
	key := func(name string) string {
		return fmt.Sprintf("      - public_key: %s\n        from: 2026-01-01\n        to: 2027-01-01\n", w.keys[name])
	}
	w.write("signers.yaml", "signers:\n  - name: anne\n    keys:\n"+key("anne")+"  - name: bram\n    keys:\n"+key("bram")+more+key("bram2")+further)
}

func (w *world) signers() (*Signers, error) { return LoadSigners(w.path("signers.yaml")) }

func (w *world) content() Content {
	w.t.Helper()
	names, err := filepath.Glob(w.path("content/*.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	sums, err := SumFiles(os.DirFS(w.path("content")), names)
	if err != nil {
		w.t.Fatal(err)
	}
	return Content{Kind: "catalogue", Hash: fmt.Sprint(sums), Sums: sums}
}

func (w *world) sign(name, key string, at time.Time) error {
	w.t.Helper()
	s, err := w.signers()
	if err != nil {
		return err
	}
	_, _, err = Sign(w.path("content"), w.content(), s, name, w.path(key+".key"), at)
	return err
}

func (w *world) mustSign(name, key string) {
	w.t.Helper()
	if err := w.sign(name, key, now); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) verify(at time.Time) ([]Signed, error) {
	s, err := w.signers()
	if err != nil {
		return nil, err
	}
	return Verify(os.DirFS(w.path("content")), w.content(), s, at)
}

func TestTwoPeopleApproveAContent(t *testing.T) {
	w := newWorld(t)
	if _, err := w.verify(now); err == nil || !strings.Contains(err.Error(), "signed by nobody") {
		t.Errorf("unsigned: %v", err)
	}
	w.mustSign("anne", "anne")
	w.mustSign("anne", "anne") // again: in the place of the first
	if _, err := w.verify(now); err == nil || !strings.Contains(err.Error(), "signed by anne; two different people must sign") {
		t.Errorf("one signature: %v", err)
	}
	w.mustSign("bram", "bram2")
	got, err := w.verify(now)
	if err != nil || len(got) != 2 || got[0].Signer != "anne" || got[1].Signer != "bram" || got[1].Key != w.keys["bram2"] {
		t.Fatalf("got %v, %v", got, err)
	}
	// A key that ends later leaves the signatures made before.
	if _, err := w.verify(now.AddDate(2, 0, 0)); err != nil {
		t.Errorf("two years later: %v", err)
	}
}

// What may happen to a content that two people signed, and what the refusal names.
func TestAnApprovalThatDoesNotHoldNamesFileFaultAndCure(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		says   []string
	}{
		"a changed file":    {func(w *world) { w.write("content/b.yaml", "b: 3\n") }, []string{"signatures/anne.json", "b.yaml was changed", "after anne had signed", "sign again"}},
		"one changed byte":  {func(w *world) { w.write("content/a.yaml", "a: 1\n\n") }, []string{"a.yaml was changed"}},
		"an added file":     {func(w *world) { w.write("content/c.yaml", "c: 1\n") }, []string{"c.yaml was added"}},
		"a file taken away": {func(w *world) { w.remove("content/a.yaml") }, []string{"a.yaml was taken away"}},
		"a renamed file":    {func(w *world) { w.rename("content/a.yaml", "content/z.yaml") }, []string{"a.yaml was taken away, z.yaml was added"}},
		"a signature gone":  {func(w *world) { w.remove("content/signatures/bram.json") }, []string{"signed by anne; two different people"}},
		"a revoked key":     {func(w *world) { w.writeSigners("        revoked: 2026-12-01\n", "") }, []string{"signatures/bram.json", "was revoked on 2026-12-01", "sign again with another key"}},
		"a person gone":     {func(w *world) { w.replaceIn("signers.yaml", "name: bram", "name: bert") }, []string{"signatures/bram.json", `"bram" is not among the signers`}},
		"keys swapped":      {func(w *world) { w.swapKeys() }, []string{"is that of"}},
		"another moment":    {func(w *world) { w.replaceIn("content/signatures/anne.json", "2026-11-30T12", "2026-11-30T11") }, []string{"signatures/anne.json", "it was altered"}},
		"another name":      {func(w *world) { w.replaceIn("content/signatures/anne.json", `"anne"`, `"bram"`) }, []string{"signatures/anne.json", "a signature lies in signatures/NAME.json"}},
		"the same person twice": {func(w *world) {
			w.write("content/signatures/clara.json", strings.Replace(w.read("content/signatures/anne.json"), `"signer": "anne"`, `"signer": "clara"`, 1))
		}, []string{"signatures/clara.json", `"clara" is not among the signers`}},
		"a name claimed by another's signature": {func(w *world) {
			w.write("content/signatures/bram.json", strings.Replace(w.read("content/signatures/anne.json"), `"signer": "anne"`, `"signer": "bram"`, 1))
		}, []string{"signatures/bram.json", "is that of anne, not of bram"}},
		"another kind":     {func(w *world) { w.replaceIn("content/signatures/anne.json", `"catalogue"`, `"lists"`) }, []string{`is for a "lists"`}},
		"an unknown field": {func(w *world) { w.replaceIn("content/signatures/anne.json", `"kind"`, `"x": 1, "kind"`) }, []string{"signatures/anne.json", "is no signature"}},
		"another file":     {func(w *world) { w.write("content/signatures/notes.txt", "x") }, []string{"signatures/notes.txt", "is no signature; delete it"}},
		"a cut signature":  {func(w *world) { w.write("content/signatures/anne.json", w.read("content/signatures/anne.json")[:100]) }, []string{"signatures/anne.json", "is no signature"}},
		"one person alone": {func(w *world) { w.write("signers.yaml", "signers: []\n") }, []string{"names 0 people", "name at least two"}},
		"a key of two": {func(w *world) {
			w.writeSigners("", "  - name: clara\n    keys:\n      - {public_key: "+w.keys["anne"]+", from: 2026-01-01, to: 2027-01-01}\n")
		}, []string{"signers.yaml", `"clara"`, `a key that "anne" has too`}},
		"a key of two in capitals": {func(w *world) {
			w.writeSigners("", "  - name: clara\n    keys:\n      - {public_key: "+strings.ToUpper(w.keys["anne"])+", from: 2026-01-01, to: 2027-01-01}\n")
		}, []string{`a key that "anne" has too`}},
		"a name twice":       {func(w *world) { w.replaceIn("signers.yaml", "name: bram", "name: anne") }, []string{"stands twice"}},
		"a name in capitals": {func(w *world) { w.replaceIn("signers.yaml", "name: bram", "name: Anne") }, []string{"lower-case"}},
		"a name with a path": {func(w *world) { w.replaceIn("signers.yaml", "name: bram", "name: ../bram") }, []string{"is no name"}},
		"a key that is none": {func(w *world) { w.replaceIn("signers.yaml", w.keys["bram"], "abc") }, []string{"signers.yaml", `"bram"`, "64 hexadecimal digits"}},
		"a day that is none": {func(w *world) { w.replaceIn("signers.yaml", "to: 2027-01-01", "to: soon") }, []string{"is no day"}},
		"no first day":       {func(w *world) { w.replaceIn("signers.yaml", "        from: 2026-01-01\n", "") }, []string{"is no day"}},
		"an end before":      {func(w *world) { w.replaceIn("signers.yaml", "to: 2027-01-01", "to: 2026-01-01") }, []string{"is not after from"}},
		"an unknown word":    {func(w *world) { w.replaceIn("signers.yaml", "        from:", "        form:") }, []string{"signers.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.mustSign("anne", "anne")
			w.mustSign("bram", "bram")
			if _, err := w.verify(now); err != nil {
				t.Fatal(err)
			}
			c.change(w)
			_, err := w.verify(now)
			if err == nil {
				t.Fatal("it still holds")
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("lacks %q: %v", s, err)
				}
			}
		})
	}
}

func TestASignatureIsRefusedToWhoMayNotSign(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, key string
		at        time.Time
		says      string
	}{
		{"anne", "bram", now, "is that of bram, not of anne"},
		{"bram", "anne", now, "is that of anne, not of bram"},
		{"stranger", "stranger", now, "is not among the signers"},
		{"anne", "stranger", now, "is none of anne"},
		{"anne", "anne", now.AddDate(-1, 0, 0), "signs from 2026-01-01 to 2027-01-01"},
		{"anne", "anne", now.AddDate(1, 0, 0), "signs from 2026-01-01 to 2027-01-01"},
		{"anne", "anne", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), "signs from"},
		{"anne", "none", now, "no such file"},
	} {
		if err := w.sign(c.name, c.key, c.at); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with the key of %s at %s: %v, want %q", c.name, c.key, c.at, err, c.says)
		}
	}
	if _, err := os.Stat(w.path("content/signatures")); err == nil {
		t.Error("a refused signature leaves a file")
	}
	// The last day, and a clock that is ahead.
	if err := w.sign("anne", "anne", time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)); err != nil {
		t.Error(err)
	}
	if _, err := w.verify(now); err == nil || !strings.Contains(err.Error(), "lies ahead") {
		t.Errorf("a signature of next month: %v", err)
	}
	if err := os.Chmod(w.path("anne.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := w.sign("anne", "anne", now); err == nil || !strings.Contains(err.Error(), "may be read by others") {
		t.Errorf("a key that others read: %v", err)
	}
	if _, err := MakeKey(w.path("bram.key")); err == nil || !strings.Contains(err.Error(), "never written over") {
		t.Errorf("a key is written over: %v", err)
	}
}

// A signature that was made over a message of another form does not count, however well it verifies.
func TestEveryPartOfASignatureIsSigned(t *testing.T) {
	s := signature{Kind: "catalogue", Content: "c", Files: map[string]string{"a": "1"}, Signer: "anne", Key: "k", SignedAt: "t"}
	base := string(s.message())
	for name, change := range map[string]func(*signature){
		"kind": func(s *signature) { s.Kind = "x" }, "content": func(s *signature) { s.Content = "x" }, "signer": func(s *signature) { s.Signer = "x" },
		"key": func(s *signature) { s.Key = "x" }, "moment": func(s *signature) { s.SignedAt = "x" }, "a file": func(s *signature) { s.Files = map[string]string{"a": "2"} },
		"a line end": func(s *signature) { s.Kind, s.Content = "catalogue\"\n\"c", "" },
	} {
		other := s
		change(&other)
		if string(other.message()) == base {
			t.Errorf("%s is not signed", name)
		}
	}
}

func TestAKeyIsTheOneThatIsPrinted(t *testing.T) {
	w := newWorld(t)
	private, err := readKey(w.path("anne.key"))
	if err != nil || hex.EncodeToString(private.Public().(ed25519.PublicKey)) != w.keys["anne"] {
		t.Errorf("got %v", err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(w.path(name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	if err := os.Rename(w.path(from), w.path(to)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) replaceIn(name, old, next string) {
	w.t.Helper()
	text := w.read(name)
	if !strings.Contains(text, old) {
		w.t.Fatalf("%s lacks %q", name, old)
	}
	w.write(name, strings.Replace(text, old, next, 1))
}

// swapKeys gives each person the other's key.
func (w *world) swapKeys() {
	w.keys["anne"], w.keys["bram"] = w.keys["bram"], w.keys["anne"]
	w.writeSigners("", "")
}

package witness

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// site is a Merkle log in a directory with the site's key.
type site struct {
	t   *testing.T
	dir string
	key *access.SiteKey
}

func newSite(t *testing.T) *site {
	t.Helper()
	keys, err := access.LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, filepath.Join(t.TempDir(), "heads"), keys.Site}
}

// headOf is the n-th head in a chain.
func headOf(chain string, n int) access.Head {
	return access.Head{Seq: uint64(100 * n), Sum: sha256.Sum256(fmt.Append(nil, chain, n))}
}

// note adds heads as an office does, and returns them.
func (s *site) note(chain string, numbers ...int) (heads []access.Head) {
	s.t.Helper()
	m, err := Open(s.t.Context(), s.dir, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, n := range numbers {
		h := headOf(chain, n)
		said, err := m.Note(s.t.Context(), h)
		if err != nil || said == nil {
			s.t.Fatalf("head %d: %v, %v", n, said, err)
		}
		heads = append(heads, h)
	}
	if err := m.Close(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return heads
}

// file names the leaf file that the newest checkpoint needs.
func (s *site) file(leaves int) string {
	return filepath.Join(s.dir, "tile", "entries", "000.p", fmt.Sprint(leaves))
}

// rewrite changes a file.
func (s *site) rewrite(path string, change func(text string) string) {
	s.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(change(string(raw))), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) checkpoint() string { return filepath.Join(s.dir, "checkpoint") }

func (s *site) remove(path string) {
	s.t.Helper()
	if err := os.RemoveAll(path); err != nil {
		s.t.Fatal(err)
	}
}

func TestTheMerkleLogKeepsEveryHeadOverRestarts(t *testing.T) {
	s := newSite(t)
	want := append(s.note("a", 1, 2, 3), s.note("a", 4, 5)...)
	got, err := Heads(t.Context(), s.dir, &s.key.PublicKey)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, err %v, want %v", got, err, want)
	}
}

// Every change to the directory is found, with the leaf if there is one, and the error names the cure.
func TestEveryChangeOfTheMerkleLogIsNamedWithItsCure(t *testing.T) {
	const leaves = 5
	whole, stranger := newSite(t), newSite(t)
	whole.note("a", 1, 2, 3, 4, 5)
	stranger.note("a", 1, 2, 3, 4, 5)
	otherHead := func(s *site, key *access.SiteKey) string {
		raw, err := headOf("forged", 3).Note(key)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(raw)
	}
	own := func(s *site, n int) string {
		raw, err := headOf("a", n).Note(s.key)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(raw)
	}
	for name, c := range map[string]struct {
		change func(s *site)
		want   string
	}{
		"a number in a leaf": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string { return strings.Replace(text, "\n300\n", "\n301\n", 1) })
		}, "leaf 2"},
		"a leaf signed by another key": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string {
				return strings.Replace(text, own(s, 3), otherHead(s, stranger.key), 1)
			})
		}, "leaf 2"},
		"a leaf that the site signed for another chain": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string {
				return strings.Replace(text, own(s, 3), otherHead(s, s.key), 1)
			})
		}, "it was changed"},
		"two leaves swapped": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string {
				text = strings.Replace(text, own(s, 3), "@@", 1)
				text = strings.Replace(text, own(s, 4), own(s, 3), 1)
				return strings.Replace(text, "@@", own(s, 4), 1)
			})
		}, "it was changed"},
		"leaves cut off": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string { return text[:len(text)/2] })
		}, "read leaf 0"},
		"a leaf cut off whole": {func(s *site) {
			s.rewrite(s.file(leaves), func(text string) string {
				last := own(s, leaves)
				return text[:len(text)-len(last)-2] // the leaf with its length
			})
		}, "4 leaves"},
		"no leaves":           {func(s *site) { s.remove(filepath.Join(s.dir, "tile", "entries")) }, "read leaf 0"},
		"no checkpoint":       {func(s *site) { s.remove(s.checkpoint()) }, "has no checkpoint any more"},
		"an empty checkpoint": {func(s *site) { s.rewrite(s.checkpoint(), func(string) string { return "" }) }, "not signed by the key of this site"},
		"a size in the checkpoint": {func(s *site) {
			s.rewrite(s.checkpoint(), func(text string) string { return strings.Replace(text, "\n5\n", "\n4\n", 1) })
		}, "not signed by the key of this site"},
		"a checkpoint signed by a stranger": {func(s *site) {
			raw, err := os.ReadFile(stranger.checkpoint())
			if err != nil {
				s.t.Fatal(err)
			}
			s.rewrite(s.checkpoint(), func(string) string { return string(raw) })
		}, "not signed by the key of this site"},
		"the directory of another site": {func(s *site) {
			s.remove(s.dir)
			if err := os.CopyFS(s.dir, os.DirFS(stranger.dir)); err != nil {
				s.t.Fatal(err)
			}
		}, "not signed by the key of this site"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{t, filepath.Join(t.TempDir(), "heads"), whole.key}
			if err := os.CopyFS(s.dir, os.DirFS(whole.dir)); err != nil {
				t.Fatal(err)
			}
			c.change(s)
			heads, err := Heads(t.Context(), s.dir, &s.key.PublicKey)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), s.dir) || !strings.Contains(err.Error(), "move it aside") {
				t.Errorf("got %d heads, err %v, want %q, the directory and a cure", len(heads), err, c.want)
			}
			if strings.Contains(c.want, "checkpoint") || strings.Contains(c.want, "not signed") { // an office sees these at the start
				if _, err := Open(t.Context(), s.dir, s.key); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "move it aside") {
					t.Errorf("an office that starts: %v, want %q and a cure", err, c.want)
				}
			}
			if len(heads) != 0 {
				t.Errorf("got heads of a log that was changed: %v", heads)
			}
		})
	}
}

// A directory cannot show three changes: it was emptied, put back to an older state, or has another chain from the same
// site. Heads then gives only heads that were noted, and the office compares them with the log.
func TestAMerkleLogThatIsWholeButNotTheNewestGivesOnlyWhatWasNoted(t *testing.T) {
	s := newSite(t)
	s.note("a", 1, 2)
	older := filepath.Join(t.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	s.note("a", 3, 4)
	s.dir = older
	got, err := Heads(t.Context(), s.dir, &s.key.PublicKey)
	if want := []access.Head{headOf("a", 1), headOf("a", 2)}; err != nil || !slices.Equal(got, want) {
		t.Errorf("put back: got %v, err %v, want %v", got, err, want)
	}
	s.remove(s.dir)
	if got, err := Heads(t.Context(), s.dir, &s.key.PublicKey); err != nil || len(got) != 0 {
		t.Errorf("emptied: got %v, err %v", got, err)
	}
	want := s.note("a", 5) // a starting office begins a new log
	if got, err := Heads(t.Context(), s.dir, &s.key.PublicKey); err != nil || !slices.Equal(got, want) {
		t.Errorf("begun anew: got %v, err %v, want %v", got, err, want)
	}
}

func TestAStatementOfNobodyIsRefused(t *testing.T) {
	s, other := newSite(t), newSite(t)
	text := func(key *access.SiteKey) string {
		raw, err := headOf("a", 1).Note(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	encode := func(head string) []byte {
		raw, err := HeadStatement{Head: head}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if h, err := DecodeHeadStatement(encode(text(s.key)), &s.key.PublicKey); err != nil || h != headOf("a", 1) {
		t.Errorf("the site's own: got %v, err %v", h, err)
	}
	for name, raw := range map[string][]byte{
		"no JSON":              []byte("x"),
		"nothing":              []byte("{}"),
		"of another site":      encode(text(other.key)),
		"another number":       encode(strings.Replace(text(s.key), "\n100\n", "\n101\n", 1)),
		"another hash":         encode(strings.Replace(text(s.key), "\n100\n", "\n100\n00", 1)),
		"signature of another": encode(strings.SplitAfter(text(s.key), "\n\n")[0] + strings.SplitAfter(text(other.key), "\n\n")[1]),
	} {
		if h, err := DecodeHeadStatement(raw, &s.key.PublicKey); err == nil {
			t.Errorf("%s: got head %v", name, h)
		}
	}
}

// The directory is emptied under a running office: Note fails within a bounded time, and Close returns.
func TestAMerkleLogThatIsEmptiedUnderAnOfficeHoldsNothingUp(t *testing.T) {
	s := newSite(t)
	m, err := Open(t.Context(), s.dir, s.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Note(t.Context(), headOf("a", 1)); err != nil {
		t.Fatal(err)
	}
	s.remove(s.dir)
	if _, err := m.Note(t.Context(), headOf("a", 2)); err == nil || !strings.Contains(err.Error(), s.dir) {
		t.Errorf("got %v, want an error that names the directory", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = m.Close(soon) // must return
	want := s.note("a", 3)
	if got, err := Heads(t.Context(), s.dir, &s.key.PublicKey); err != nil || !slices.Equal(got, want) {
		t.Errorf("begun anew: got %v, err %v, want %v", got, err, want)
	}
}

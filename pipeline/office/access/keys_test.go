package access

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestAHeadIsTakenOnlyAsTheSiteSignedIt(t *testing.T) {
	k := testKeys(t)
	h := Head{Seq: 12, Sum: schemas.Sum{1}}
	raw, err := h.Note(k.Site)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenNote(raw, &k.Site.PublicKey); err != nil || got != h {
		t.Errorf("got %v, err %v", got, err)
	}
	if _, err := OpenNote(bytes.Replace(raw, []byte("12"), []byte("13"), 1), &k.Site.PublicKey); err == nil {
		t.Error("a changed head was taken")
	}
	if _, err := OpenNote(raw, &testKeys(t).Site.PublicKey); err == nil {
		t.Error("a head of another site was taken")
	}
}

func TestKeysAreMadeOnceAndKeptFromOthers(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			k, err := LoadKeys(dir)
			if err != nil {
				t.Error(err)
				return
			}
			p, err := k.OfYear(2026, true)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = k.Site.String() + p.ID
		})
	}
	all.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("offices that start at once have keys %v", ids)
	}
	for _, name := range []string{"site.key", "plates-2026.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, err %v, want 0600", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "site.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: got %v", err)
	}
}

func TestAnOfficeWithOtherKeysOfPlatesWritesNothing(t *testing.T) {
	m := &memory{}
	k := testKeys(t)
	filledLog(t, m, k, 2)
	other, err := LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	other.Site = k.Site
	if _, err := openLog(t, m, other).Grant(t.Context(), scopeOf(t, "q")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "copy its directory") {
		t.Errorf("got %v", err)
	}
	if _, err := OpenLog(t.Context(), m, testKeys(t)); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another key of the site: got %v", err)
	}
}

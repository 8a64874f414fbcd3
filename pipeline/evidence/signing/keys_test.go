package signing

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
)

var made = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

func load(t *testing.T, dir string) *Keys {
	t.Helper()
	k, err := Load(dir, made)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newest(t *testing.T, k *Keys) *Signer {
	t.Helper()
	s, err := k.Newest()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOfficesThatStartTogetherHaveOneKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			k, err := Load(dir, made)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = bundle.KeyID(newest(t, k).Public())
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Fatalf("offices have the keys %q", ids)
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2 {
		t.Fatalf("got %v, %v, want two files", names, err)
	}
	for name, mode := range map[string]os.FileMode{"bundle-0001.key": 0o600, "bundle-0001.pub": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", name, info, err, mode)
		}
	}
}

// A rotated key signs nothing more and checks what it signed; a running office takes the next one without a restart.
func TestARotationKeepsOldPublicKeys(t *testing.T) {
	dir := t.TempDir()
	running := load(t, dir)
	before := newest(t, running)
	next, err := load(t, dir).Rotate(made.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	after := newest(t, running)
	if bytes.Equal(before.Public(), after.Public()) || bundle.KeyID(after.Public()) != next.KeyID {
		t.Error("the running office signs with the old key")
	}
	if _, err := os.Stat(filepath.Join(dir, "bundle-0001.key")); !os.IsNotExist(err) {
		t.Errorf("the old seed is there: %v", err)
	}
	publics, err := running.Publics()
	if err != nil || len(publics) != 2 || publics[0].RetiredAt == "" || publics[1].RetiredAt != "" {
		t.Fatalf("got %+v, %v", publics, err)
	}
	var list bytes.Buffer
	for i := range publics {
		if err := json.NewEncoder(&list).Encode(publics[i]); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := ReadPublics(&list)
	if err != nil || len(keys) != 2 || !ed25519.Verify(keys[0], []byte("x"), before.Sign([]byte("x"))) {
		t.Errorf("the list does not check an old signature: %v", err)
	}
	if _, err := load(t, dir).Rotate(made.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if again, _ := running.Publics(); again[0] != publics[0] {
		t.Errorf("a further rotation changed the first key: %+v", again[0])
	}
}

func TestADamagedKeyIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(dir string) error
		want   string
	}{
		"open to others": {func(dir string) error { return os.Chmod(filepath.Join(dir, "bundle-0001.key"), 0o640) }, "may be read by others"},
		"cut off": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "bundle-0001.key"), []byte("ab"), 0o600)
		}, "64 hexadecimal digits"},
		"another": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "bundle-0001.key"), []byte(strings.Repeat("ab", 32)), 0o600)
		}, "is not the key of"},
		"gone": {func(dir string) error { return os.Remove(filepath.Join(dir, "bundle-0001.key")) }, "has no seed"},
	} {
		dir := t.TempDir()
		load(t, dir)
		if err := c.damage(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir, made); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAListOfKeysIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	publics, err := load(t, dir).Publics()
	if err != nil {
		t.Fatal(err)
	}
	good, err := json.Marshal(publics[0])
	if err != nil {
		t.Fatal(err)
	}
	other := publics[0]
	other.KeyID = "0000-" + other.KeyID[5:]
	bad, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"", "{", `{"key_id":"x"}`, string(good) + "\n{", string(good) + "\n" + string(bad)} {
		if keys, err := ReadPublics(strings.NewReader(list)); err == nil {
			t.Errorf("%.40q: %d keys", list, len(keys))
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory without keys is opened")
	}
}

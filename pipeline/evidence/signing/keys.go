// Package signing keeps the keys that sign evidence bundles: files in a directory beside the office, never in a
// database. The newest key signs. The public half of every key stays, because a bundle is checked years later.
//
// A key has two files: bundle-0001.key with 64 hexadecimal digits (the seed), readable by the owner alone, and
// bundle-0001.pub, one line of JSON, readable by everybody. A rotation makes the next number and deletes the seed of
// the key before.
package signing

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
)

// Public is the public half of a key, as recipients get it.
type Public struct {
	KeyID     string `json:"key_id"`
	Algorithm string `json:"algorithm"`
	PublicKey string `json:"public_key"` // 64 hexadecimal digits
	MadeAt    string `json:"made_at"`    // RFC 3339, UTC
	RetiredAt string `json:"retired_at,omitempty"`
}

// Key returns the key; the error says what is no key.
func (p *Public) Key() (ed25519.PublicKey, error) {
	raw, err := hex.DecodeString(p.PublicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.80q is no public key: 64 hexadecimal digits", p.PublicKey)
	}
	if id := bundle.KeyID(ed25519.PublicKey(raw)); id != p.KeyID {
		return nil, fmt.Errorf("the public key %s is listed under the id %.60q", id, p.KeyID)
	}
	return ed25519.PublicKey(raw), nil
}

// Keys are the keys in a directory. All offices of a database share it. Safe for concurrent use, also by several
// processes: each signature reads the newest key.
type Keys struct{ dir string }

// Load opens a directory and makes its first key when it has none.
func Load(dir string, now time.Time) (*Keys, error) {
	k := &Keys{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys of bundles: %w", err)
	}
	numbers, err := k.numbers()
	if err == nil && len(numbers) == 0 {
		err = k.make(1, now)
	}
	if err == nil {
		_, err = k.Newest()
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Open opens a directory that has keys.
func Open(dir string) (*Keys, error) {
	k := &Keys{dir: dir}
	numbers, err := k.numbers()
	if err == nil && len(numbers) == 0 {
		err = fmt.Errorf("keys of bundles: %s has none", dir)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Signer is one private key.
type Signer struct{ private ed25519.PrivateKey }

// Public returns the public half.
func (s *Signer) Public() ed25519.PublicKey {
	return slices.Clone(ed25519.PublicKey(s.private[ed25519.SeedSize:]))
}

// Sign signs bytes.
func (s *Signer) Sign(message []byte) []byte { return ed25519.Sign(s.private, message) }

// Newest returns the key that signs now.
func (k *Keys) Newest() (*Signer, error) {
	for range 2 { // a rotation may delete the seed between the two steps
		numbers, err := k.numbers()
		if err != nil {
			return nil, err
		}
		if len(numbers) == 0 {
			return nil, fmt.Errorf("keys of bundles: %s has none", k.dir)
		}
		s, err := k.read(numbers[len(numbers)-1])
		if !errors.Is(err, os.ErrNotExist) {
			return s, err
		}
	}
	return nil, fmt.Errorf("keys of bundles: the newest key of %s has no seed; put its copy back, or make the next key with anpr evidence keys --rotate", k.dir)
}

// Rotate makes the next key and deletes the seed of the one before. The public half of the one before stays, with the
// day on which it ended.
func (k *Keys) Rotate(now time.Time) (*Public, error) {
	numbers, err := k.numbers()
	if err != nil {
		return nil, err
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	if err := k.make(next, now); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if err := k.retire(n, now); err != nil {
			return nil, err
		}
	}
	return k.readPublic(next)
}

// Publics lists the public halves, the oldest first.
func (k *Keys) Publics() ([]Public, error) {
	numbers, err := k.numbers()
	if err != nil {
		return nil, err
	}
	out := []Public{}
	for _, n := range numbers {
		p, err := k.readPublic(n)
		if err != nil {
			return nil, err
		}
		out = append(out, *p)
	}
	return out, nil
}

func (k *Keys) path(n int, kind string) string {
	return filepath.Join(k.dir, fmt.Sprintf("bundle-%04d.%s", n, kind))
}

// numbers lists the numbers of the keys, in order.
func (k *Keys) numbers() ([]int, error) {
	names, err := filepath.Glob(filepath.Join(k.dir, "bundle-*.pub"))
	if err != nil {
		return nil, fmt.Errorf("keys of bundles: %w", err)
	}
	var out []int
	for _, name := range names {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(name), "bundle-%d.pub", &n); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// make writes a new key: the seed first, so that a public half always has one. When two offices make it at once, one
// file wins and both use it.
func (k *Keys) make(n int, now time.Time) error {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	if err := k.write(k.path(n, "key"), hex.EncodeToString(seed)+"\n"); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	s, err := k.read(n)
	if err != nil {
		return err
	}
	p := Public{bundle.KeyID(s.Public()), "Ed25519", hex.EncodeToString(s.Public()), now.UTC().Format(time.RFC3339), ""}
	if err := k.writePublic(n, &p); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (k *Keys) writePublic(n int, p *Public) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return k.write(k.path(n, "pub"), string(line)+"\n")
}

// write writes a file whole, in the place of none.
func (k *Keys) write(path, text string) error {
	f, err := os.CreateTemp(k.dir, ".bundle-*.new") // 0600
	if err != nil {
		return fmt.Errorf("keys of bundles: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it may be in its place already
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keys of bundles: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("keys of bundles: %w", err)
	}
	return nil
}

// retire notes the end of a key, then deletes its seed.
func (k *Keys) retire(n int, now time.Time) error {
	p, err := k.readPublic(n)
	if err != nil {
		return err
	}
	if p.RetiredAt == "" {
		p.RetiredAt = now.UTC().Format(time.RFC3339)
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		next := k.path(n, "pub.new")
		if err := os.WriteFile(next, append(line, '\n'), 0o600); err != nil {
			return fmt.Errorf("keys of bundles: %w", err)
		}
		if err := os.Rename(next, k.path(n, "pub")); err != nil {
			return fmt.Errorf("keys of bundles: %w", err)
		}
	}
	if err := os.Remove(k.path(n, "key")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keys of bundles: %w", err)
	}
	return nil
}

func (k *Keys) readPublic(n int) (*Public, error) {
	raw, err := os.ReadFile(k.path(n, "pub"))
	if err != nil {
		return nil, fmt.Errorf("keys of bundles: %w", err)
	}
	var p Public
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("keys of bundles: %s: %w", k.path(n, "pub"), err)
	}
	if _, err := p.Key(); err != nil {
		return nil, fmt.Errorf("keys of bundles: %s: %w", k.path(n, "pub"), err)
	}
	return &p, nil
}

func (k *Keys) read(n int) (*Signer, error) {
	path := k.path(n, "key")
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keys of bundles: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keys of bundles: %s may be read by others: chmod 600 %s, then make another key with anpr evidence keys --rotate", path, path)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("keys of bundles: %s must hold 64 hexadecimal digits; put its copy back", path)
	}
	s := &Signer{ed25519.NewKeyFromSeed(seed)}
	if p, err := k.readPublic(n); err == nil && p.KeyID != bundle.KeyID(s.Public()) {
		return nil, fmt.Errorf("keys of bundles: %s is not the key of %s; put its copy back", path, k.path(n, "pub"))
	}
	return s, nil
}

// ReadPublics reads a list of public halves: a JSON value each, as anpr evidence keys prints them.
func ReadPublics(r io.Reader) (out []ed25519.PublicKey, err error) {
	d := json.NewDecoder(r)
	for {
		var p Public
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF) && len(out) == 0:
			return nil, errors.New("the list of keys is empty")
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("list of keys: %w", err)
		}
		key, err := p.Key()
		if err != nil {
			return nil, fmt.Errorf("list of keys: %w", err)
		}
		out = append(out, key)
	}
}

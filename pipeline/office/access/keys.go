package access

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/gvc-brussels/anpr/schemas"
)

// keySize is the size in bytes of a plate key and of the seed for the site's key.
const keySize = 32

// siteName names the site's key in signed notes.
const siteName = "anpr-look-up-log"

const siteFile = "site.key"

// Keys are the look-up log's secrets, in a directory beside the office and never in the database. The site's Ed25519
// key signs entries and heads; each year has a plate key. All offices on a database share the directory. Keys is safe
// for concurrent use.
type Keys struct {
	Site *SiteKey
	dir  string
}

// LoadKeys reads a directory's keys, and makes missing ones, readable by the owner alone. A file that others may read
// is an error.
func LoadKeys(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keys of the look-up log: %w", err)
	}
	return readKeys(dir, true)
}

// ReadKeys reads a directory's keys; a missing site key is an error.
func ReadKeys(dir string) (*Keys, error) { return readKeys(dir, false) }

func readKeys(dir string, makeThem bool) (*Keys, error) {
	seed, err := loadKey(filepath.Join(dir, siteFile), makeThem)
	if err != nil {
		return nil, err
	}
	site, err := newSiteKey(seed)
	if err != nil {
		return nil, err
	}
	return &Keys{Site: site, dir: dir}, nil
}

// PlateKey turns plates into HMACs.
type PlateKey struct {
	ID   string // year and the first digits of the key's hash: 2026-1f2e3d4c
	Year int
	key  []byte
}

// Mark returns the HMAC-SHA-256 of a canonical plate.
func (k *PlateKey) Mark(plate string) schemas.Sum {
	h := hmac.New(sha256.New, k.key)
	_, _ = h.Write([]byte(plate)) // never fails
	return schemas.Sum(h.Sum(nil))
}

// Text writes an HMAC as the log shows it in a plate's place.
func (k *PlateKey) Text(m schemas.Sum) string { return MarkText(k.ID, m[:]) }

// MarkText writes an HMAC under a key as the log shows it in a plate's place.
func MarkText(keyID string, mark []byte) string {
	return "hmac:" + keyID + ":" + hex.EncodeToString(mark)
}

// OfYear returns a year's key. A missing key is made when makeIt is set; else the error is [os.ErrNotExist].
func (k *Keys) OfYear(year int, makeIt bool) (*PlateKey, error) {
	raw, err := loadKey(filepath.Join(k.dir, plateFile(year)), makeIt)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	return &PlateKey{ID: fmt.Sprintf("%d-%x", year, sum[:4]), Year: year, key: raw}, nil
}

func plateFile(year int) string { return fmt.Sprintf("plates-%d.key", year) }

// PlateKeys returns all plate keys, the newest first. A search for a plate tries each key.
func (k *Keys) PlateKeys() ([]*PlateKey, error) {
	names, err := filepath.Glob(filepath.Join(k.dir, "plates-*.key"))
	if err != nil {
		return nil, err
	}
	var out []*PlateKey
	for _, n := range names {
		year, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(n), "plates-"), ".key"))
		if err != nil {
			continue
		}
		key, err := k.OfYear(year, false)
		if err != nil {
			return nil, err
		}
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b *PlateKey) int { return b.Year - a.Year })
	return out, nil
}

// loadKey reads a file with 64 hexadecimal digits. When two offices make the file at once, one file wins and both use
// it.
func loadKey(path string, makeIt bool) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && makeIt {
		return makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the look-up log: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key of the look-up log: %s may be read by others: chmod 600 %s", path, path)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("key of the look-up log: %s must hold 64 hexadecimal digits; put its copy back", path)
	}
	return key, nil
}

func makeKey(path string) ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key)                                     // never fails
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*.new") // 0600
	if err != nil {
		return nil, fmt.Errorf("key of the look-up log: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it may be linked to its place already
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("key of the look-up log: %w", err)
	}
	if err := os.Link(f.Name(), path); errors.Is(err, os.ErrExist) {
		return loadKey(path, false)
	} else if err != nil {
		return nil, fmt.Errorf("key of the look-up log: %w", err)
	}
	return key, nil
}

// SiteKey signs entries, heads and breaks.
type SiteKey struct {
	PublicKey
	private ed25519.PrivateKey
	signer  note.Signer
}

// PublicKey checks signatures by a [SiteKey].
type PublicKey struct {
	key      ed25519.PublicKey
	verifier note.Verifier
	text     string
}

// Derive returns a secret of the site for one use, of 32 bytes. Every office of a site derives the same, and no secret
// tells the key or the secret of another use.
func (k *SiteKey) Derive(use string) []byte {
	h := hmac.New(sha256.New, k.private.Seed())
	h.Write([]byte("anpr/" + use))
	return h.Sum(nil)
}

func newSiteKey(seed []byte) (*SiteKey, error) {
	private := ed25519.NewKeyFromSeed(seed)
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		panic("BUG: an Ed25519 key without its public half")
	}
	text, err := note.NewEd25519VerifierKey(siteName, public)
	if err != nil {
		return nil, err
	}
	p, err := ParsePublicKey(text)
	if err != nil {
		return nil, err
	}
	_, hash, _ := strings.Cut(text, "+")
	hash, _, _ = strings.Cut(hash, "+")
	signer, err := note.NewSigner("PRIVATE+KEY+" + siteName + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	if err != nil {
		return nil, err
	}
	return &SiteKey{PublicKey: *p, private: private, signer: signer}, nil
}

// Signer returns the signer for notes.
func (k *SiteKey) Signer() note.Signer { return k.signer }

// ParsePublicKey reads a key as [PublicKey.String] writes it: anpr-look-up-log+1f2e3d4c+AbC...
func ParsePublicKey(text string) (*PublicKey, error) {
	text = strings.TrimSpace(text)
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("public key %.100q: %w", text, err)
	}
	_, raw, _ := strings.Cut(text[strings.Index(text, "+")+1:], "+")
	key, err := base64.StdEncoding.DecodeString(raw)
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("public key %.100q is not one of Ed25519", text)
	}
	return &PublicKey{key: ed25519.PublicKey(key[1:]), verifier: v, text: text}, nil
}

// String writes the key in the form for note verifiers.
func (k *PublicKey) String() string { return k.text }

// Verifier returns the verifier for notes.
func (k *PublicKey) Verifier() note.Verifier { return k.verifier }

func (k *SiteKey) signNote(text string) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, k.signer)
}

func (k *PublicKey) openNote(raw []byte) (string, error) {
	n, err := note.Open(raw, note.VerifierList(k.verifier))
	if err != nil {
		return "", fmt.Errorf("the note is not signed by the site's key: %w", err)
	}
	return n.Text, nil
}

const entryTitle = "anpr look-up log entry\n"

// signEntry signs an entry's hash.
func (k *SiteKey) signEntry(sum schemas.Sum) []byte {
	return ed25519.Sign(k.private, append([]byte(entryTitle), sum[:]...))
}

// hasSigned reports whether the signature fits the hash.
func (k *PublicKey) hasSigned(sum schemas.Sum, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(k.key, append([]byte(entryTitle), sum[:]...), signature)
}

// quoteJSON writes a text as JSON does.
func quoteJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("BUG: a text without JSON")
	}
	return string(b)
}

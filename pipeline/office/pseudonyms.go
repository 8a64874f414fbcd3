package office

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// secretSize is the pseudonym secret's size in bytes.
const secretSize = 32

// LoadSecret reads the pseudonym secret from a file with 64 hexadecimal digits. A missing file is made, readable by the
// owner alone. Offices with one file give an offence the same pseudonym. A lost file changes the pseudonyms and loses
// nothing else.
func LoadSecret(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret of pseudonyms: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("secret of pseudonyms: %s may be read by others: chmod 600 %s", path, path)
	}
	secret, err := hex.DecodeString(string(trimEnd(raw)))
	if err != nil || len(secret) != secretSize {
		return nil, fmt.Errorf("secret of pseudonyms: %s must hold 64 hexadecimal digits; remove it and a new one is made", path)
	}
	return secret, nil
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r' || b[len(b)-1] == ' ') {
		b = b[:len(b)-1]
	}
	return b
}

// makeSecret writes a new secret. When two offices start at once, one file wins and both offices use that file.
func makeSecret(path string) ([]byte, error) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("secret of pseudonyms: %w; name another file with --pseudonym-key", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".pseudonyms-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("secret of pseudonyms: %w; name another file with --pseudonym-key", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it may be linked to its place already
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("secret of pseudonyms: %w", err)
	}
	if err := os.Link(f.Name(), path); errors.Is(err, os.ErrExist) {
		return LoadSecret(path)
	} else if err != nil {
		return nil, fmt.Errorf("secret of pseudonyms: %w; name another file with --pseudonym-key", err)
	}
	return secret, nil
}

// pseudonyms replace ids and seals where plates are hidden. An id is a hash over camera, time and plate, so the plate
// could be guessed from the id. An id is enciphered, as one AES block: a pseudonym still finds the offence. A seal is
// hashed with a key.
type pseudonyms struct {
	ids     cipher.Block
	sums    []byte
	cursors cipher.AEAD
}

func newPseudonyms(secret []byte) (*pseudonyms, error) {
	if len(secret) == 0 {
		secret = make([]byte, secretSize)
		_, _ = rand.Read(secret) // never fails
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("the secret of pseudonyms has %d bytes, want %d", len(secret), secretSize)
	}
	key := hashKeyed(secret, "anpr office ids")
	ids, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(hashKeyed(secret, "anpr office cursors"))
	if err != nil {
		return nil, err
	}
	cursors, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &pseudonyms{ids: ids, sums: hashKeyed(secret, "anpr office sums"), cursors: cursors}, nil
}

func hashKeyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum(nil)
}

// sealCursor writes a cursor for a client. A cursor holds a row id, computable from a plate, so the cursor is
// enciphered. Only the same user and list can use the cursor.
func (p *pseudonyms) sealCursor(user, list string, c query.Cursor) string {
	text := c.String()
	if text == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(p.sealText(user, list, text))
}

// sealText enciphers a text for a user and a list.
func (p *pseudonyms) sealText(user, list, text string) []byte {
	nonce := make([]byte, p.cursors.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return p.cursors.Seal(nonce, nonce, []byte(text), []byte(user+"\x00"+list))
}

// openText deciphers a text for a user and a list; ok is false for a text that was enciphered for others, or changed.
func (p *pseudonyms) openText(user, list string, b []byte) (text string, ok bool) {
	n := p.cursors.NonceSize()
	if len(b) <= n {
		return "", false
	}
	out, err := p.cursors.Open(nil, b[:n], b[n:], []byte(user+"\x00"+list))
	return string(out), err == nil
}

var errCursor = errors.New("is not one that this list gave you: take next of the page before")

// openCursor reads a cursor from a client; "" is the first page.
func (p *pseudonyms) openCursor(user, list, sealed string) (query.Cursor, error) {
	if sealed == "" {
		return query.Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err == nil {
		if text, ok := p.openText(user, list, b); ok {
			return query.ParseCursor(text)
		}
	}
	return query.Cursor{}, errCursor
}

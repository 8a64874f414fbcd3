package roles

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// Verify verifies the whole look-up log against the noted heads and the heads of the witnesses; n is the number of
// compared heads. A witness that was changed or does not answer makes a log without damage an error. Damage is
// reported all the same.
func (b *LookUpBooks) Verify(ctx context.Context, noted []access.Head) (v access.Verification, n int, err error) {
	more, broken := b.Heads(ctx)
	heads := append(noted, more...)
	head, err := b.Store.Head(ctx)
	if err != nil {
		return v, 0, errors.Join(err, broken)
	}
	if v, err = access.VerifyStore(ctx, b.Store, &b.Keys.Site.PublicKey, append(heads, head)...); err != nil {
		return v, 0, errors.Join(err, broken)
	}
	if broken != nil {
		if v.OK() {
			return v, 0, fmt.Errorf("its %d entries hold by the witnesses that can be asked, but: %w", v.Entries, broken)
		}
		b.log.Warn().Err(broken).Msg("a witness cannot be asked, or was changed")
	}
	return v, len(heads), nil
}

// VerifyLookUpExport verifies an exported log without any database. Without a public key the function uses the key in
// the file, and writes a note. With a directory of keys, the heads of the Merkle log there are compared too.
func VerifyLookUpExport(ctx context.Context, path, publicKey, keyDir string, heads []access.Head, notes io.Writer) (v access.Verification, n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, 0, err
	}
	defer func() { _ = f.Close() }()
	x, err := access.ReadExport(f)
	if err != nil {
		return v, 0, fmt.Errorf("%s: %w", path, err)
	}
	if publicKey == "" {
		publicKey = x.PublicKey
		if _, err := fmt.Fprintf(notes, "the file says that it is signed by %s; compare that with the key that the office logs, or give --public-key\n", publicKey); err != nil {
			return v, 0, err
		}
	}
	key, err := access.ParsePublicKey(publicKey)
	if err != nil {
		return v, 0, err
	}
	if keyDir != "" {
		more, err := MerkleHeads(ctx, keyDir, key)
		if err != nil {
			return v, 0, err
		}
		heads = append(heads, more...)
	}
	v, err = access.VerifyStore(ctx, x, key, heads...)
	return v, len(heads), err
}

// Export writes the log to a new file, and returns the number of entries.
func (b *LookUpBooks) Export(ctx context.Context, path string) (uint64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := access.ExportLog(ctx, b.Store, &b.Keys.Site.PublicKey, f)
	return n, errors.Join(err, f.Sync(), f.Close())
}

// CloseSegment closes the damaged part of the log in the name of two persons. Their tokens stand in files and must be
// in the file of the users. CloseSegment returns the break and the entry with which the log goes on.
func (b *LookUpBooks) CloseSegment(ctx context.Context, usersFile string, tokenFiles [2]string, reason string, heads []access.Head) (br access.Break, goesOn access.Head, err error) {
	users, digest, err := readUsers(usersFile)
	if err != nil {
		return br, goesOn, err
	}
	var persons [2]*access.User
	for i, path := range tokenFiles {
		token, err := readToken(path)
		if err != nil {
			return br, goesOn, err
		}
		persons[i], _ = users.FindByToken(token)
	}
	more, err := b.Heads(ctx)
	if err != nil {
		b.log.Warn().Err(err).Msg("a witness cannot be asked; the break is made without it")
	}
	head, err := b.Store.Head(ctx)
	if err != nil {
		return br, goesOn, err
	}
	heads = append(append(heads, more...), head)
	return access.CloseSegment(ctx, b.Store, b.Keys, persons[0], persons[1], digest, reason, heads, schemas.MicrosOf(time.Now()))
}

// readUsers reads a file of users, and returns the SHA-256 of the file.
func readUsers(path string) (*access.Users, schemas.Sum, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, schemas.Sum{}, fmt.Errorf("open users: %w; give the file with --users", platform.AdviseRights(err))
	}
	users, err := access.ReadUsers(bytes.NewReader(raw))
	if err != nil {
		return nil, schemas.Sum{}, fmt.Errorf("%w; give the file with --users", err)
	}
	return users, sha256.Sum256(raw), nil
}

// readToken reads a token from a file; "-" is the standard input.
func readToken(path string) (string, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(os.Stdin, 4096))
	} else {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

package approval

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Folder is the folder of the signatures beside the content.
const Folder = "signatures"

// signatureExt ends the name of a signature's file.
const signatureExt = ".json"

// futureSlack is how far the clock of a signer may be ahead.
const futureSlack = 5 * time.Minute

// Content is what is approved: a version of one kind of reference data.
type Content struct {
	Kind string // Example: catalogue
	Hash string // SHA-256 over all of it, 64 hexadecimal digits
	// Sums holds the SHA-256 of each file by name, to say which one changed.
	Sums map[string]string
}

// SumFiles returns the sums of the named files.
func SumFiles(files fs.FS, names []string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		out[name] = hex.EncodeToString(sum[:])
	}
	return out, nil
}

// signature is the file of one person's signature.
type signature struct {
	Kind      string            `json:"kind"`
	Content   string            `json:"content"`
	Files     map[string]string `json:"files"`
	Signer    string            `json:"signer"`
	Key       string            `json:"key"`
	SignedAt  string            `json:"signed_at"` // RFC 3339, UTC
	Signature string            `json:"signature"`
}

// message returns the signed bytes: everything the file says, a line each, in a fixed order. No part holds a line end: JSON texts
// with one are quoted.
func (s *signature) message() []byte {
	var b bytes.Buffer
	b.WriteString("anpr approval 1\n")
	for _, part := range []string{s.Kind, s.Content, s.Signer, s.Key, s.SignedAt} {
		fmt.Fprintf(&b, "%q\n", part)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(&b, "%q %q\n", name, s.Files[name])
	}
	return b.Bytes()
}

// Signed is one person's signature that holds.
type Signed struct {
	Signer string    `json:"signer"`
	Key    string    `json:"key"`
	At     time.Time `json:"signed_at"`
}

// Verify returns the signatures of the content beside its files, in the order of their moments. It is an error when any of them does
// not hold, or fewer than two people signed; each line names the file, the fault and the cure. now bounds the moments that
// signatures may state.
func Verify(files fs.FS, c Content, signers *Signers, now time.Time) ([]Signed, error) {
	found, err := signaturesIn(files, c, signers, now)
	if err == nil && len(found) < 2 {
		err = fmt.Errorf("%s: signed by %s; two different people must sign: anpr rules sign", Folder, namesOf(found))
	}
	return found, err
}

// signaturesIn reads and verifies every signature.
func signaturesIn(files fs.FS, c Content, signers *Signers, now time.Time) (out []Signed, err error) {
	names, err := fs.Glob(files, Folder+"/*")
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range names {
		s, err := verifyFile(files, name, c, signers, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Signed) int { return a.At.Compare(b.At) })
	return out, errors.Join(errs...)
}

func verifyFile(files fs.FS, name string, c Content, signers *Signers, now time.Time) (Signed, error) {
	s, err := readSignature(files, name)
	if err != nil {
		return Signed{}, err
	}
	at, err := time.Parse(time.RFC3339, s.SignedAt)
	switch {
	case err != nil:
		return Signed{}, fmt.Errorf("signed_at %.40q is no moment; sign again", s.SignedAt)
	case name != Folder+"/"+s.Signer+signatureExt:
		return Signed{}, fmt.Errorf("is the signature of %q; a signature lies in %s/NAME%s, once", s.Signer, Folder, signatureExt)
	case s.Kind != c.Kind:
		return Signed{}, fmt.Errorf("is for a %q, not for a %s; delete it and sign", s.Kind, c.Kind)
	case s.Content != c.Hash || !maps.Equal(s.Files, c.Sums):
		return Signed{}, fmt.Errorf("%s after %s had signed; put it back, or let both sign again", changedFiles(s.Files, c.Sums), s.Signer)
	case at.After(now.Add(futureSlack)):
		return Signed{}, fmt.Errorf("is of %s, which lies ahead; set the clock of the machine that signs, or of this one, and sign again", s.SignedAt)
	}
	if err := signers.checkKey(s.Signer, s.Key, at); err != nil {
		return Signed{}, err
	}
	public, err := hex.DecodeString(s.Key)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return Signed{}, fmt.Errorf("key %.80q is none; sign again", s.Key)
	}
	raw, err := hex.DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(public, s.message(), raw) {
		return Signed{}, fmt.Errorf("does not verify with the key of %s: it was altered; delete it and sign again", s.Signer)
	}
	return Signed{s.Signer, s.Key, at}, nil
}

// maxSignature bounds a signature's file.
const maxSignature = 1 << 20

func readSignature(files fs.FS, name string) (*signature, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > maxSignature || filepath.Ext(name) != signatureExt {
		return nil, errors.New("is no signature; delete it")
	}
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	var s signature
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("is no signature (%w); delete it and sign again", err)
	}
	return &s, nil
}

// changedFiles names what differs between the signed files and those that are there.
func changedFiles(signed, there map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(signed)) {
		switch sum, ok := there[name]; {
		case !ok:
			parts = append(parts, name+" was taken away")
		case sum != signed[name]:
			parts = append(parts, name+" was changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if _, ok := signed[name]; !ok {
			parts = append(parts, name+" was added")
		}
	}
	if len(parts) == 0 {
		return "the content is not what was signed: it changed"
	}
	return strings.Join(parts, ", ")
}

func namesOf(all []Signed) string {
	if len(all) == 0 {
		return "nobody"
	}
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Signer
	}
	return strings.Join(names, ", ")
}

// Sign writes the signature of a person for the content of a directory, in the place of an older one by the same person. It returns
// all signatures that hold then, and the error of [Verify] about the others, which does not undo this one.
func Sign(dir string, c Content, signers *Signers, name, keyFile string, now time.Time) (held []Signed, others error, err error) {
	private, err := readKey(keyFile)
	if err != nil {
		return nil, nil, err
	}
	s := signature{
		Kind: c.Kind, Content: c.Hash, Files: c.Sums, Signer: name, SignedAt: now.UTC().Format(time.RFC3339),
		Key: hex.EncodeToString(private.Public().(ed25519.PublicKey)),
	}
	if err := signers.checkKey(name, s.Key, now); err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	s.Signature = hex.EncodeToString(ed25519.Sign(private, s.message()))
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	folder := filepath.Join(dir, Folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	path := filepath.Join(folder, name+signatureExt)
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	held, others = Verify(os.DirFS(dir), c, signers, now)
	return held, others, nil
}

// MakeKey writes a new private key, 64 hexadecimal digits that only its owner reads, and returns the public half.
func MakeKey(file string) (public string, err error) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("key: %s exists; a key is never written over: name another file", file)
	}
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(seed) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	return hex.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)), nil
}

func readKey(file string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key: %s may be read by others: whoever did can sign as you; make another with anpr rules key", file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("key: %s must hold 64 hexadecimal digits, as anpr rules key writes them", file)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

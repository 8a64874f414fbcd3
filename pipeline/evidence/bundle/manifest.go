package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Names of the parts that a bundle must have, and of those that say how it is signed.
const (
	ManifestPath  = "manifest.json"
	SignaturePath = "manifest.sig"
	StampPath     = "manifest.tst"
	SealedPath    = "sealed.bin"
	EventsPath    = "events.jsonl"
	PicturesDir   = "pictures/"
)

// Form names the form of the manifest.
const Form = "anpr-evidence-bundle/1"

// Bounds of a bundle.
const (
	MaxSize  = 192 << 20 // bytes of a whole bundle, and of a part
	maxParts = 64        // of a bundle
	// maxBatchParts is the number of parts of a batch: its bundles, lists and manifest.
	maxBatchParts = 112
	maxPath       = 100
)

// Manifest describes a case and lists the parts of its bundle.
type Manifest struct {
	Form        string         `json:"form"`
	CaseID      string         `json:"case_id"`
	CaseVersion int64          `json:"case_version"`
	OffenceID   string         `json:"offence_id"`
	State       string         `json:"state"`
	Seal        schemas.Digest `json:"seal_sha256"`        // over sealed.bin
	Head        schemas.Digest `json:"events_head_sha256"` // sum of the last event
	Absent      []Absence      `json:"absent"`
	Parts       []Entry        `json:"parts"`
}

// Absence says why a part is not in the bundle.
type Absence struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Entry is a part in the manifest.
type Entry struct {
	Path   string         `json:"path"`
	Size   int64          `json:"size"`
	SHA256 schemas.Digest `json:"sha256"`
}

// Signature is the content of manifest.sig.
type Signature struct {
	Form      string    `json:"form"`
	Algorithm string    `json:"algorithm"`
	KeyID     string    `json:"key_id"`
	PublicKey hexBytes  `json:"public_key"`
	SignedAt  time.Time `json:"signed_at"`
	Signature hexBytes  `json:"signature"`
	// Stamp is the SHA-256 of manifest.tst; empty = no authority is configured, or it did not answer.
	Stamp     schemas.Digest `json:"time_stamp_sha256,omitempty"`
	StampNote string         `json:"time_stamp"` // present, or why there is none
}

const (
	signatureForm = "anpr-evidence-signature/1"
	algorithm     = "Ed25519"
	signedTitle   = "anpr evidence bundle 1\n"
	// StampPresent is the note of a bundle with a time stamp.
	StampPresent = "present"
)

// hexBytes are bytes that JSON shows as hexadecimal digits.
type hexBytes []byte

// MarshalText writes lower-case hexadecimal digits.
func (h hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads hexadecimal digits.
func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// KeyID names a public key: the first 32 hexadecimal digits of its SHA-256, in groups of four.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	digits := hex.EncodeToString(sum[:16])
	groups := make([]string, 0, 8)
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, "-")
}

// signedAtForm writes the instant of a signature.
const signedAtForm = "2006-01-02T15:04:05.000000Z"

// bytesToSign returns the bytes under the signature. The title tells a bundle from a batch.
func bytesToSign(title string, manifest []byte, at time.Time) []byte {
	sum := sha256.Sum256(manifest)
	return append([]byte(title+at.UTC().Format(signedAtForm)+"\n"), sum[:]...)
}

// encode writes the one form of a JSON part.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decode reads a JSON part in its one form.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	again, err := encode(v)
	if err == nil && !bytes.Equal(again, b) {
		err = fmt.Errorf("the bytes are not the one form of their content; first at byte %d", max(firstDifference(b, again), 0))
	}
	return err
}

// Signer signs with the key of the office.
type Signer interface {
	// Public returns the key that checks the signatures.
	Public() ed25519.PublicKey
	// Sign signs bytes.
	Sign(message []byte) []byte
}

// Sealed is a manifest with its signature.
type Sealed struct {
	Manifest  Manifest
	Signature Signature
	manifest  []byte
}

// Sign completes the manifest with the list of parts and signs it at an instant, which is cut to microseconds. Sign
// refuses paths and sizes that [Verify] would refuse.
func Sign(m Manifest, parts []Part, key Signer, at time.Time) (*Sealed, error) {
	m.Form, m.Parts = Form, nil
	if m.Absent == nil {
		m.Absent = []Absence{}
	}
	var err error
	if m.Parts, err = listParts(parts, maxParts); err != nil {
		return nil, err
	}
	raw, err := encode(m)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return &Sealed{Manifest: m, Signature: signOver(signedTitle, raw, key, at), manifest: raw}, nil
}

// writeSigned writes a file of parts with a manifest, signed under a title and stamped. ask may be nil.
func writeSigned(title string, manifest any, parts []Part, key Signer, at time.Time, ask AskStamp) ([]byte, error) {
	raw, err := encode(manifest)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	s := &Sealed{Signature: signOver(title, raw, key, at), manifest: raw}
	return s.Write(parts, s.AddStamp(ask))
}

// signOver signs a manifest at an instant, which is cut to microseconds.
func signOver(title string, manifest []byte, key Signer, at time.Time) Signature {
	at = at.UTC().Truncate(time.Microsecond)
	return Signature{
		Form: signatureForm, Algorithm: algorithm, KeyID: KeyID(key.Public()), PublicKey: hexBytes(key.Public()), SignedAt: at,
		Signature: key.Sign(bytesToSign(title, manifest, at)), StampNote: "none: no authority is configured",
	}
}

// listParts lists parts in the order of their names. It refuses names and numbers that a verification would refuse.
func listParts(parts []Part, most int) (out []Entry, err error) {
	for i := range parts {
		p := &parts[i]
		if !isSafePath(p.Path) || p.Path == ManifestPath || p.Path == SignaturePath || p.Path == StampPath {
			return nil, fmt.Errorf("bundle: %q is no name of a part", p.Path)
		}
		sum := sha256.Sum256(p.Data)
		out = append(out, Entry{p.Path, int64(len(p.Data)), schemas.Digest(sum[:])})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(out); i++ {
		if out[i].Path == out[i-1].Path {
			return nil, fmt.Errorf("bundle: two parts are named %q", out[i].Path)
		}
	}
	if len(out) > most-3 {
		return nil, fmt.Errorf("bundle: %d parts, at most %d are possible", len(out), most-3)
	}
	return out, nil
}

// SetStamp notes the time stamp over the signature; without a token, why there is none.
func (s *Sealed) SetStamp(token []byte, why string) {
	s.Signature.Stamp, s.Signature.StampNote = "", "none: "+why
	if len(token) > 0 {
		sum := sha256.Sum256(token)
		s.Signature.Stamp, s.Signature.StampNote = schemas.Digest(sum[:]), StampPresent
	}
}

// AskStamp asks an authority for a time stamp over a signature.
type AskStamp func(signature []byte) (token []byte, err error)

// AddStamp asks for a time stamp over the signature and notes it; without a token it notes why there is none, and keeps
// nothing back. A nil ask means that no authority is configured.
func (s *Sealed) AddStamp(ask AskStamp) (token []byte) {
	if ask == nil {
		return nil
	}
	token, err := ask(s.Signature.Signature)
	if err != nil {
		token = nil
	}
	s.SetStamp(token, "the authority did not answer")
	return token
}

// Write writes the bundle of the parts that were signed. token is the time stamp; nil = none.
func (s *Sealed) Write(parts []Part, token []byte) ([]byte, error) {
	sig, err := encode(s.Signature)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	all := append(slices.Clone(parts), Part{ManifestPath, s.manifest}, Part{SignaturePath, sig})
	if len(token) > 0 {
		all = append(all, Part{StampPath, token})
	}
	sortParts(all)
	size := 0
	for i := range all {
		size += len(all[i].Data) + 2*len(all[i].Path) + localSize + centralSize
	}
	if size+endSize > MaxSize {
		return nil, fmt.Errorf("bundle: %d bytes, at most %d are possible", size, MaxSize)
	}
	return writeZip(all), nil
}

// isSafePath reports whether a path can be unpacked on every machine, and only under its directory.
func isSafePath(path string) bool {
	if path == "" || len(path) > maxPath {
		return false
	}
	for _, c := range []byte(path) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-/", rune(c)) {
			return false
		}
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
			return false
		}
	}
	return true
}

// sortParts orders parts by their paths.
func sortParts(parts []Part) []Part {
	slices.SortStableFunc(parts, func(a, b Part) int { return strings.Compare(a.Path, b.Path) })
	return parts
}

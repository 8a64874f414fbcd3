package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

// Code names a kind of finding. The set is closed.
type Code string

// All codes.
const (
	CodeNoBundle  Code = "no_bundle"   // the file cannot be taken apart
	CodeTooLarge  Code = "too_large"   // beyond MaxSize
	CodePrepended Code = "prepended"   // bytes before the beginning
	CodeTrailing  Code = "trailing"    // bytes after the end
	CodeHeader    Code = "header"      // of a part
	CodeDirectory Code = "directory"   // entry of a part, or the end record
	CodePath      Code = "path"        // unsafe, twice, or not in order
	CodeContent   Code = "content"     // not the SHA-256 of the manifest
	CodeMissing   Code = "missing"     // in the manifest and not in the file
	CodeUnlisted  Code = "unlisted"    // in the file and not in the manifest
	CodeForm      Code = "form"        // of manifest.json or manifest.sig
	CodeSignature Code = "signature"   // does not fit manifest, key or instant
	CodeKey       Code = "unknown_key" // not in the recipient's list
	CodeSeal      Code = "seal"        // sealed.bin is not under the seal
	CodeChain     Code = "chain"       // of events.jsonl
	CodePicture   Code = "picture"     // not under its own name
	CodeStamp     Code = "time_stamp"
)

// containerPart names the file itself in a finding.
const containerPart = "(the ZIP file itself)"

// Finding is a thing that does not hold. Part is the path of a part, or the file itself.
type Finding struct {
	Part   string `json:"part"`
	Code   Code   `json:"code"`
	Offset int64  `json:"offset"` // in the file; of a content, where the part begins
	What   string `json:"what"`
}

// Report is what a verification found.
type Report struct {
	Holds     bool       `json:"holds"`
	Findings  []Finding  `json:"findings"`
	Manifest  *Manifest  `json:"manifest,omitempty"`  // nil = not readable, or not signed
	Signature *Signature `json:"signature,omitempty"` // nil = not readable
	KnownKey  bool       `json:"known_key"`           // the key is in the list that the recipient gave
	Events    int        `json:"events"`
	Withheld  int        `json:"events_withheld"`
	Stamp     *Stamp     `json:"time_stamp,omitempty"`
}

// Stamp is what an RFC 3161 time stamp says.
type Stamp struct {
	At        time.Time `json:"at"`
	Authority string    `json:"authority"` // name in the certificate that signed
}

// Trust is what a recipient knows from elsewhere.
type Trust struct {
	// Keys are the public keys that the office has published; empty = every key is taken, and only named.
	Keys []ed25519.PublicKey
	// ReadStamp checks a time stamp over data. Nil = a stamp is checked by its SHA-256 alone.
	ReadStamp func(token, data []byte) (Stamp, error)
}

// verification is a Verify under way.
type verification struct {
	file  []byte
	parts []header
	r     Report
}

// Verify checks a bundle. Every byte of the file counts: a file that differs in any of them does not hold, and a finding
// names the part where it differs.
func Verify(file []byte, trust Trust) *Report {
	v := &verification{file: file}
	if v.openFile("a bundle") && len(v.parts) > 0 {
		v.checkManifest(trust)
	}
	v.r.Holds = len(v.r.Findings) == 0 && v.r.Manifest != nil
	return &v.r
}

func (v *verification) add(part string, code Code, offset int, what string) {
	v.r.Findings = append(v.r.Findings, Finding{Part: part, Code: code, Offset: int64(offset), What: what})
}

// checkPaths refuses names that are unsafe, twice there or out of order.
func (v *verification) checkPaths() {
	for i := range v.parts {
		h := &v.parts[i]
		switch {
		case !isSafePath(h.path):
			v.add(h.path, CodePath, h.offset, "the name may lead out of the directory, or not exist on some machines")
		case i > 0 && v.parts[i-1].path == h.path:
			v.add(h.path, CodePath, h.offset, "two parts have this name")
		case i > 0 && v.parts[i-1].path > h.path:
			v.add(h.path, CodePath, h.offset, "the part is not in its place in the order of names")
		}
	}
}

// find returns the part of a path; nil = none.
func (v *verification) find(path string) *header {
	i := slices.IndexFunc(v.parts, func(h header) bool { return h.path == path })
	if i < 0 {
		return nil
	}
	return &v.parts[i]
}

// content returns the bytes of a part, nil for none. A part may be cut off by a damaged end.
func (v *verification) content(h *header) []byte {
	if h == nil || h.end() > len(v.file) {
		return nil
	}
	return v.file[h.dataAt():h.end()]
}

// isFaulty reports whether a finding names the part already.
func (v *verification) isFaulty(path string) bool {
	return slices.ContainsFunc(v.r.Findings, func(f Finding) bool { return f.Part == path })
}

// isIntact reports whether the bytes of a part have the check sum in its headers.
func (v *verification) isIntact(h *header) bool { return crc32.ChecksumIEEE(v.content(h)) == h.crc }

// openFile takes the file apart; false = it is too large.
func (v *verification) openFile(what string) bool {
	v.r.Findings = []Finding{}
	if len(v.file) > MaxSize {
		v.add(containerPart, CodeTooLarge, MaxSize, fmt.Sprintf("the file has %d bytes, %s at most %d", len(v.file), what, MaxSize))
		return false
	}
	u := unpack(v.file)
	v.parts, v.r.Findings = u.parts, append(v.r.Findings, u.faults...)
	v.checkPaths()
	return true
}

// readSigned reads a manifest and checks its signature under the title; ok is false when it is not there or not signed so.
func (v *verification) readSigned(title string, manifest any, trust Trust) (sig *Signature, ok bool) {
	m, s := v.find(ManifestPath), v.find(SignaturePath)
	for path, h := range map[string]*header{ManifestPath: m, SignaturePath: s} {
		if h == nil {
			v.add(path, CodeMissing, 0, "the part is not in the file")
		}
	}
	if m == nil || s == nil {
		return nil, false
	}
	sig = &Signature{}
	if !v.readForm(s, sig) || !v.readForm(m, manifest) {
		return nil, false
	}
	v.r.Signature = sig
	return sig, v.checkSignature(s, sig, title, v.content(m), trust)
}

func (v *verification) checkForm(got, want string) {
	if got != want {
		v.add(ManifestPath, CodeForm, v.find(ManifestPath).dataAt(), "the form of the manifest is not one that this program knows")
	}
}

// checkManifest checks manifest and signature, then everything that they speak for.
func (v *verification) checkManifest(trust Trust) {
	var manifest Manifest
	sig, ok := v.readSigned(signedTitle, &manifest, trust)
	if !ok {
		return
	}
	v.r.Manifest = &manifest
	v.checkForm(manifest.Form, Form)
	v.checkParts(&manifest)
	v.checkStamp(sig, trust)
	v.checkSealed(&manifest)
	if h := v.find(EventsPath); h != nil && !v.isFaulty(EventsPath) {
		var err error
		if v.r.Events, v.r.Withheld, err = checkEvents(v.content(h), manifest.Head); err != nil {
			v.add(EventsPath, CodeChain, h.dataAt(), err.Error())
		}
	}
}

// readForm reads a JSON part, and names it when its bytes or its form do not hold.
func (v *verification) readForm(h *header, into any) bool {
	if !v.isIntact(h) {
		v.add(h.path, CodeContent, h.dataAt(), "the bytes are not those that the ZIP file's own check sum was taken of")
		return false
	}
	if err := decode(v.content(h), into); err != nil {
		v.add(h.path, CodeForm, h.dataAt(), err.Error())
		return false
	}
	return true
}

func (v *verification) checkSignature(h *header, s *Signature, title string, manifest []byte, trust Trust) bool {
	fault := func(code Code, what string) bool {
		v.add(SignaturePath, code, h.dataAt(), what)
		return false
	}
	switch {
	case s.Form != signatureForm || s.Algorithm != algorithm:
		return fault(CodeForm, "the form of the signature is not one that this program knows")
	case len(s.PublicKey) != ed25519.PublicKeySize || s.KeyID != KeyID(ed25519.PublicKey(s.PublicKey)):
		return fault(CodeSignature, "the key id is not that of the public key")
	case !ed25519.Verify(ed25519.PublicKey(s.PublicKey), bytesToSign(title, manifest, s.SignedAt), s.Signature):
		return fault(CodeSignature, "the signature is not that of this key over this manifest at this instant")
	}
	v.r.KnownKey = slices.ContainsFunc(trust.Keys, func(k ed25519.PublicKey) bool { return bytes.Equal(k, s.PublicKey) })
	if len(trust.Keys) > 0 && !v.r.KnownKey {
		v.add(SignaturePath, CodeKey, h.dataAt(), "the key "+s.KeyID+" is not in the list of keys that was given")
	}
	return true
}

// checkParts compares the parts with the manifest.
func (v *verification) checkParts(m *Manifest) {
	listed := v.checkContents(m.Parts)
	for _, path := range []string{SealedPath, EventsPath} {
		if !listed[path] {
			v.add(path, CodeMissing, 0, "every bundle has this part")
		}
	}
}

// checkContents compares the parts with a list of them, and returns the names that may be in the file.
func (v *verification) checkContents(entries []Entry) map[string]bool {
	listed := map[string]bool{ManifestPath: true, SignaturePath: true, StampPath: true}
	for i := range entries {
		e := &entries[i]
		listed[e.Path] = true
		h := v.find(e.Path)
		if h == nil {
			v.add(e.Path, CodeMissing, 0, "the manifest lists the part, and it is not in the file")
			continue
		}
		sum := sha256.Sum256(v.content(h))
		switch {
		case int64(h.size) != e.Size || schemas.Digest(sum[:]) != e.SHA256:
			v.add(e.Path, CodeContent, h.dataAt(), "the content is not the one that was signed")
		case !v.isIntact(h):
			v.add(e.Path, CodeHeader, h.offset, "the content was signed, the ZIP file's own check sum of it is another")
		}
	}
	for i := range v.parts {
		if h := &v.parts[i]; !listed[h.path] {
			v.add(h.path, CodeUnlisted, h.offset, "the part is not in the manifest: nobody signed it")
		}
	}
	return listed
}

func (v *verification) checkStamp(s *Signature, trust Trust) {
	h := v.find(StampPath)
	switch {
	case h == nil && s.Stamp == "" && strings.HasPrefix(s.StampNote, "none: "):
		return
	case h == nil:
		v.add(StampPath, CodeMissing, 0, "the signature names a time stamp, and it is not in the file")
		return
	case s.Stamp == "" || s.StampNote != StampPresent:
		v.add(StampPath, CodeUnlisted, h.offset, "the signature names no time stamp")
		return
	}
	token := v.content(h)
	if sum := sha256.Sum256(token); schemas.Digest(sum[:]) != s.Stamp {
		v.add(StampPath, CodeContent, h.dataAt(), "the time stamp is not the one that the signature names")
		return
	}
	if !v.isIntact(h) {
		v.add(StampPath, CodeHeader, h.offset, "the content is the right one, the ZIP file's own check sum of it is another")
	}
	if trust.ReadStamp == nil {
		return
	}
	stamp, err := trust.ReadStamp(token, s.Signature)
	if err != nil {
		v.add(StampPath, CodeStamp, h.dataAt(), err.Error())
		return
	}
	v.r.Stamp = &stamp
}

// checkSealed compares the sealed bytes with the seal, and each picture with its own name.
func (v *verification) checkSealed(m *Manifest) {
	if h := v.find(SealedPath); h != nil && !v.isFaulty(SealedPath) {
		sealed := v.content(h)
		if sum := sha256.Sum256(sealed); schemas.Digest(sum[:]) != m.Seal {
			v.add(SealedPath, CodeSeal, h.dataAt(), "the sealed bytes are not those under the seal of the case")
		} else if _, err := evidence.ParseSealed(sealed); err != nil {
			v.add(SealedPath, CodeSeal, h.dataAt(), err.Error())
		}
	}
	for i := range v.parts {
		p := &v.parts[i]
		name, ok := strings.CutPrefix(p.path, PicturesDir)
		if !ok || v.isFaulty(p.path) {
			continue
		}
		digits, _, _ := strings.Cut(name, ".")
		sum := sha256.Sum256(v.content(p))
		if hex.EncodeToString(sum[:]) != digits {
			v.add(p.path, CodePicture, p.dataAt(), "the picture is not the one that its name says")
		}
	}
}

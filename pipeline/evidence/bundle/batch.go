package bundle

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Names in a batch: the ZIP file with which cases are handed over. It has the byte form of a bundle.
const (
	BatchForm  = "anpr-evidence-batch/1"
	BatchPath  = "batch.json"
	CasesDir   = "cases/" // bundles, each under the id of its case
	batchTitle = "anpr evidence batch 1\n"
)

// BatchManifest lists the bundles of a batch, and its other parts: a signed manifest of manifests.
type BatchManifest struct {
	Form    string       `json:"form"`
	BatchID string       `json:"batch_id"`
	Track   string       `json:"track"`
	Cases   []BatchEntry `json:"cases"` // by number
	Parts   []Entry      `json:"parts"` // every part but manifest.json and manifest.sig, also the bundles
}

// BatchEntry is a bundle in the manifest of a batch.
type BatchEntry struct {
	Number   string         `json:"number"`
	CaseID   string         `json:"case_id"`
	Path     string         `json:"path"`
	SHA256   schemas.Digest `json:"sha256"`
	Manifest schemas.Digest `json:"manifest_sha256"` // of the bundle's own manifest.json
}

// CaseBundle is a bundle for a batch.
type CaseBundle struct {
	Number string
	CaseID string
	Data   []byte
	Sealed *Sealed // as it was signed
}

// Path returns where the bundle stands in its batch.
func (b *CaseBundle) Path() string { return CasesDir + b.CaseID + ".zip" }

// WriteBatch writes and signs a batch of bundles and other parts. ask may be nil: see [Sealed.AddStamp].
func WriteBatch(id, track string, bundles []CaseBundle, others []Part, key Signer, at time.Time, ask AskStamp) ([]byte, error) {
	m := BatchManifest{Form: BatchForm, BatchID: id, Track: track}
	parts := slices.Clone(others)
	for i := range bundles {
		b := &bundles[i]
		file, manifest := sha256.Sum256(b.Data), sha256.Sum256(b.Sealed.manifest)
		m.Cases = append(m.Cases, BatchEntry{b.Number, b.CaseID, b.Path(), schemas.Digest(file[:]), schemas.Digest(manifest[:])})
		parts = append(parts, Part{b.Path(), b.Data})
	}
	slices.SortFunc(m.Cases, func(a, b BatchEntry) int { return strings.Compare(a.Number, b.Number) })
	var err error
	if m.Parts, err = listParts(parts, maxBatchParts); err != nil {
		return nil, err
	}
	return writeSigned(batchTitle, m, parts, key, at, ask)
}

// BatchReport is what the verification of a batch found. A finding in a bundle names the bundle's path, then the part in
// it.
type BatchReport struct {
	Holds     bool           `json:"holds"`
	Findings  []Finding      `json:"findings"`
	Manifest  *BatchManifest `json:"manifest,omitempty"`
	Signature *Signature     `json:"signature,omitempty"`
	KnownKey  bool           `json:"known_key"`
	Stamp     *Stamp         `json:"time_stamp,omitempty"`
}

// IsBatch reports whether a file is meant to be a batch: it has a bundle or the list of cases as a part.
func IsBatch(file []byte) bool {
	if len(file) > MaxSize {
		return false
	}
	return slices.ContainsFunc(unpack(file).parts, func(h header) bool { return h.path == BatchPath || strings.HasPrefix(h.path, CasesDir) })
}

// VerifyBatch checks a batch: every byte of the file, the signature over the manifest, and each bundle by itself.
func VerifyBatch(file []byte, trust Trust) *BatchReport {
	v, out := &verification{file: file}, &BatchReport{}
	if v.openFile("a batch") {
		v.checkBatch(out, trust)
	}
	out.Findings, out.Signature, out.KnownKey, out.Stamp = v.r.Findings, v.r.Signature, v.r.KnownKey, v.r.Stamp
	out.Holds = len(out.Findings) == 0 && out.Manifest != nil
	return out
}

// checkBatch checks manifest and signature of a batch, then its parts and bundles.
func (v *verification) checkBatch(out *BatchReport, trust Trust) {
	var m BatchManifest
	sig, ok := v.readSigned(batchTitle, &m, trust)
	if !ok {
		return
	}
	out.Manifest = &m
	v.checkForm(m.Form, BatchForm)
	v.checkContents(m.Parts)
	v.checkStamp(sig, trust)
	for i := range m.Cases {
		v.checkCase(&m.Cases[i], trust)
	}
	if len(m.Cases) == 0 {
		v.add(ManifestPath, CodeMissing, v.find(ManifestPath).dataAt(), "the batch has no case")
	}
}

// checkCase checks one bundle of a batch.
func (v *verification) checkCase(e *BatchEntry, trust Trust) {
	h := v.find(e.Path)
	if h == nil {
		if !v.isFaulty(e.Path) {
			v.add(e.Path, CodeMissing, 0, "the manifest lists the bundle, and it is not in the file")
		}
		return
	}
	data := v.content(h)
	r := Verify(data, trust)
	for _, f := range r.Findings {
		v.add(e.Path+": "+f.Part, f.Code, h.dataAt()+int(f.Offset), f.What)
	}
	if !r.Holds {
		return
	}
	inner := &verification{file: data, parts: unpack(data).parts}
	file, manifest := sha256.Sum256(data), sha256.Sum256(inner.content(inner.find(ManifestPath)))
	if schemas.Digest(file[:]) != e.SHA256 || schemas.Digest(manifest[:]) != e.Manifest || r.Manifest.CaseID != e.CaseID {
		v.add(e.Path, CodeContent, h.dataAt(), "the bundle is another one than the batch was signed with")
	}
}

package bundle

import (
	"fmt"
	"slices"
	"time"
)

// Names in a notice: the ZIP file that tells a recipient that a case which it got is annulled. It has the byte form of a
// bundle.
const (
	NoticeForm  = "anpr-annulment-notice/1"
	NoticePath  = "annulment.json"
	noticeTitle = "anpr annulment notice 1\n"
)

// NoticeManifest names the case of a notice, and lists its parts.
type NoticeManifest struct {
	Form    string  `json:"form"`
	BatchID string  `json:"batch_id"` // in which the recipient got the case
	Number  string  `json:"number"`
	CaseID  string  `json:"case_id"`
	Copy    int     `json:"copy"` // 1, 2, ...
	Parts   []Entry `json:"parts"`
}

// WriteNotice writes and signs a notice of its parts; one of them is [NoticePath]. ask may be nil: see [Sealed.AddStamp].
func WriteNotice(m NoticeManifest, parts []Part, key Signer, at time.Time, ask AskStamp) ([]byte, error) {
	var err error
	if m.Form = NoticeForm; !slices.ContainsFunc(parts, func(p Part) bool { return p.Path == NoticePath }) {
		return nil, fmt.Errorf("notice: the part %s is missing", NoticePath)
	}
	if m.Parts, err = listParts(parts, maxParts); err != nil {
		return nil, err
	}
	return writeSigned(noticeTitle, m, parts, key, at, ask)
}

// NoticeReport is what the verification of a notice found.
type NoticeReport struct {
	Holds     bool            `json:"holds"`
	Findings  []Finding       `json:"findings"`
	Manifest  *NoticeManifest `json:"manifest,omitempty"`
	Signature *Signature      `json:"signature,omitempty"`
	KnownKey  bool            `json:"known_key"`
	Stamp     *Stamp          `json:"time_stamp,omitempty"`
}

// IsNotice reports whether a file is meant to be a notice.
func IsNotice(file []byte) bool {
	return len(file) <= MaxSize && slices.ContainsFunc(unpack(file).parts, func(h header) bool { return h.path == NoticePath })
}

// VerifyNotice checks a notice: every byte of the file, and the signature over the manifest.
func VerifyNotice(file []byte, trust Trust) *NoticeReport {
	v, out := &verification{file: file}, &NoticeReport{}
	var m NoticeManifest
	if v.openFile("a notice") {
		if sig, ok := v.readSigned(noticeTitle, &m, trust); ok {
			out.Manifest = &m
			v.checkForm(m.Form, NoticeForm)
			if !v.checkContents(m.Parts)[NoticePath] {
				v.add(NoticePath, CodeMissing, 0, "every notice has this part")
			}
			v.checkStamp(sig, trust)
		}
	}
	out.Findings, out.Signature, out.KnownKey, out.Stamp = v.r.Findings, v.r.Signature, v.r.KnownKey, v.r.Stamp
	out.Holds = len(out.Findings) == 0 && out.Manifest != nil
	return out
}

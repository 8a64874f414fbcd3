package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// EntryKind is a look-up log entry's kind. The set is closed.
type EntryKind string

// All kinds.
const (
	KindAsked     EntryKind = "asked"     // a look-up, before it is done; granted or refused
	KindDisclosed EntryKind = "disclosed" // the answer's content, before the answer is sent
	KindIdentity  EntryKind = "identity"  // a sign-in, a failed one, a step-up, a sign-out, a purpose opened or ended
	KindBreak     EntryKind = "break"     // two persons close a damaged segment; the next one begins with this entry
	KindImport    EntryKind = "import"    // the end of the import from the old log
)

// Outcomes of an entry.
const (
	Granted = "granted"
	Refused = "refused"
)

// Entry is one entry in the look-up log. The package comment describes the hash. Store and [Log] fill Seq, At, Prev,
// Sum and Signature.
type Entry struct {
	Seq           uint64         `json:"seq"`
	At            schemas.Micros `json:"at_us"` // database clock
	Kind          EntryKind      `json:"kind"`
	User          string         `json:"user,omitempty"`
	Role          string         `json:"role,omitempty"`
	Zones         string         `json:"zones,omitempty"` // the user's zones, joined by commas; empty = all
	SignIn        string         `json:"sign_in,omitempty"`
	Address       string         `json:"address,omitempty"` // the request's source
	Operation     string         `json:"operation,omitempty"`
	Purpose       string         `json:"purpose,omitempty"`
	PurposeID     string         `json:"purpose_id,omitempty"`
	Reason        string         `json:"reason,omitempty"`
	CaseRef       string         `json:"case_ref,omitempty"`
	ProsecutorRef string         `json:"prosecutor_ref,omitempty"`
	Asked         string         `json:"asked,omitempty"` // JSON; a plate stands as "hmac:<key>:<64 hexadecimal digits>"
	Outcome       string         `json:"outcome,omitempty"`
	Code          string         `json:"code,omitempty"` // only in a refusal
	Refusal       string         `json:"refusal,omitempty"`
	Of            uint64         `json:"of,omitempty"`     // in a disclosure: the question's number
	Rows          uint64         `json:"rows,omitempty"`   // only in a disclosure
	Plates        uint64         `json:"plates,omitempty"` // distinct
	KeyID         string         `json:"key_id,omitempty"` // key for the HMACs
	PlatesSum     []byte         `json:"plates_sha256,omitempty"`
	Pictures      []byte         `json:"pictures,omitempty"` // SHA-256 for each, one after the other
	TookMS        uint64         `json:"took_ms,omitempty"`
	Cut           bool           `json:"cut,omitempty"`  // the answer is a page, and there is more
	Body          string         `json:"body,omitempty"` // JSON: further content for this kind
	Prev          schemas.Sum    `json:"-"`
	Sum           schemas.Sum    `json:"-"`
	Signature     []byte         `json:"signature,omitempty"` // site's, over Sum; only in an append's newest entry

	// Unreadable names the first row value that no entry can have; no office wrote such a row. The readable fields are
	// set.
	Unreadable string `json:"unreadable,omitempty"`

	// Marks are the plates' HMACs, sorted, each once. PlatesSum covers them, and so Sum does.
	Marks []schemas.Sum `json:"-"`
	// Clear are plates from Marks in clear, in any order. Retention may delete them, so no hash covers them.
	Clear []ClearPlate `json:"-"`
}

// ClearPlate is a plate in clear from a question.
type ClearPlate struct {
	Mark  schemas.Sum
	Plate string
}

// maxSeq is the greatest number an entry can have: JavaScript counts no further.
const maxSeq = 1<<53 - 1

// version is the first text in an entry's encoding.
const version = "anpr look-up/2"

// encodeContent returns the bytes under the hash.
func (e *Entry) encodeContent() []byte {
	b := append(make([]byte, 0, 1024), e.Prev[:]...)
	b = appendText(b, version)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At))
	for _, s := range []string{
		string(e.Kind), e.User, e.Role, e.Zones, e.SignIn, e.Address, e.Operation, e.Purpose, e.PurposeID, e.Reason, e.CaseRef,
		e.ProsecutorRef, e.Asked, e.Outcome, e.Code, e.Refusal, e.KeyID, string(e.PlatesSum), string(e.Pictures), e.Body,
	} {
		b = appendText(b, s)
	}
	cut := uint64(0)
	if e.Cut {
		cut = 1
	}
	for _, n := range []uint64{e.Of, e.Rows, e.Plates, e.TookMS, cut} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// computeSum returns the value that Sum must have.
func (e *Entry) computeSum() schemas.Sum { return sha256.Sum256(e.encodeContent()) }

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// setMarks sorts the HMACs, drops repeats, and sets their count and hash.
func (e *Entry) setMarks(keyID string, marks []schemas.Sum) {
	slices.SortFunc(marks, compareSums)
	e.Marks = slices.Compact(marks)
	e.Plates = uint64(len(e.Marks))
	e.KeyID, e.PlatesSum = "", nil
	if len(e.Marks) > 0 {
		sum := sumOfMarks(e.Marks)
		e.KeyID, e.PlatesSum = keyID, sum[:]
	}
}

func compareSums(a, b schemas.Sum) int { return bytes.Compare(a[:], b[:]) }

// sumOfMarks returns the SHA-256 over a sorted list.
func sumOfMarks(marks []schemas.Sum) schemas.Sum {
	h := sha256.New()
	for i := range marks {
		_, _ = h.Write(marks[i][:]) // never fails
	}
	return schemas.Sum(h.Sum(nil))
}

// marksHold reports whether the HMACs match the entry's count and hash.
func (e *Entry) marksHold() bool {
	if uint64(len(e.Marks)) != e.Plates {
		return false
	}
	if e.Plates == 0 {
		return len(e.PlatesSum) == 0
	}
	sum := sumOfMarks(e.Marks)
	return bytes.Equal(sum[:], e.PlatesSum)
}

// makeHead returns the entry's number and hash.
func (e *Entry) makeHead() Head { return Head{e.Seq, e.Sum} }

// newAsked makes the entry for a look-up; key turns plates into HMACs.
func newAsked(u *User, a *Request, key *PlateKey) Entry {
	e := Entry{
		Kind: KindAsked, User: u.Name, Role: string(u.Role), Zones: strings.Join(u.Zones, ","), SignIn: a.SignIn, Address: a.Address,
		Operation: string(a.Route), Purpose: string(a.Purpose), PurposeID: a.PurposeID, Reason: a.Reason, CaseRef: a.CaseRef,
		ProsecutorRef: a.ProsecutorRef, Asked: a.Query, Outcome: Granted,
	}
	m := newMasker(key, a.Plates, a.Known)
	inClear := len(a.Plates) <= maxClear
	for _, p := range a.Plates {
		if p != "" && inClear {
			m.markPlate(p)
		} else if p != "" {
			m.marks = append(m.marks, key.Mark(p))
		}
	}
	e.maskTexts(m)
	e.Asked = m.maskJSON(e.Asked)
	e.Clear = m.clear
	e.setMarks(key.ID, m.marks)
	return e
}

// maskTexts replaces plates in the entry's texts.
func (e *Entry) maskTexts(m *masker) {
	for _, text := range []*string{&e.Reason, &e.CaseRef, &e.ProsecutorRef} {
		*text = m.maskText(*text)
	}
}

// maxClear bounds the plates in clear from one look-up. A longer list is in the log as HMACs alone.
const maxClear = 100

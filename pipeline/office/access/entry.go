package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Kind says what an entry of the look-up log is. The set is closed.
type Kind string

// The kinds of entry.
const (
	KindAsked     Kind = "asked"     // a look-up, before it is done; granted or refused
	KindDisclosed Kind = "disclosed" // what the answer holds, before it is sent
	KindIdentity  Kind = "identity"  // a sign-in, a failed one, a step-up, a sign-out, a purpose opened or ended
	KindBreak     Kind = "break"     // two persons close a damaged segment; the next one begins with this entry
	KindImport    Kind = "import"    // the log that was kept before this one was taken over
)

// Outcomes of an entry.
const (
	Granted = "granted"
	Refused = "refused"
)

// Entry is one entry of the look-up log. The package comment says how it is hashed. Store and [Log] fill Seq, At, Prev, Sum and Signature.
type Entry struct {
	Seq           uint64         `json:"seq"`
	At            schemas.Micros `json:"at_us"` // clock of the database
	Kind          Kind           `json:"kind"`
	User          string         `json:"user,omitempty"`
	Role          string         `json:"role,omitempty"`
	Zones         string         `json:"zones,omitempty"` // of the user, joined by commas; empty = all
	SignIn        string         `json:"sign_in,omitempty"`
	Address       string         `json:"address,omitempty"` // from which the request came
	Operation     string         `json:"operation,omitempty"`
	Purpose       string         `json:"purpose,omitempty"`
	PurposeID     string         `json:"purpose_id,omitempty"`
	Reason        string         `json:"reason,omitempty"`
	CaseRef       string         `json:"case_ref,omitempty"`
	ProsecutorRef string         `json:"prosecutor_ref,omitempty"`
	Asked         string         `json:"asked,omitempty"` // JSON; a plate stands as "hmac:<key>:<64 hexadecimal digits>"
	Outcome       string         `json:"outcome,omitempty"`
	Code          string         `json:"code,omitempty"` // of a refusal
	Refusal       string         `json:"refusal,omitempty"`
	Of            uint64         `json:"of,omitempty"`     // of a disclosure: number of the entry that asked
	Rows          uint64         `json:"rows,omitempty"`   // of a disclosure
	Plates        uint64         `json:"plates,omitempty"` // distinct
	KeyID         string         `json:"key_id,omitempty"` // of the HMACs
	PlatesSum     []byte         `json:"plates_sha256,omitempty"`
	Pictures      []byte         `json:"pictures,omitempty"` // SHA-256 of each, one after the other
	TookMS        uint64         `json:"took_ms,omitempty"`
	Cut           bool           `json:"cut,omitempty"`  // the answer is a page, and there is more
	Body          string         `json:"body,omitempty"` // JSON: what an entry of this kind says beside the fields
	Prev          schemas.Sum    `json:"-"`
	Sum           schemas.Sum    `json:"-"`
	Signature     []byte         `json:"signature,omitempty"` // of Sum, by the site's key; the newest entry of an append has one

	// Unreadable says which value of the row is none that an entry can have. No office wrote such a row; the fields that can be read are there.
	Unreadable string `json:"unreadable,omitempty"`

	// Marks are the HMACs of the plates, sorted, each once. The hash covers them by PlatesSum.
	Marks []schemas.Sum `json:"-"`
	// Clear are the plates of Marks in clear, in any order; retention may delete them, so no hash covers them.
	Clear []ClearPlate `json:"-"`
}

// ClearPlate is a plate in clear that an entry asked for.
type ClearPlate struct {
	Mark  schemas.Sum
	Plate string
}

// maxSeq is the greatest number of an entry: JavaScript counts no further.
const maxSeq = 1<<53 - 1

// version begins the encoding of an entry.
const version = "anpr look-up/2"

// encode returns the bytes that are hashed.
func (e *Entry) encode() []byte {
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

// hash returns what Sum must be.
func (e *Entry) hash() schemas.Sum { return sha256.Sum256(e.encode()) }

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// setMarks sorts the HMACs, takes out repeats and notes how many they are and their hash.
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

// marksHold reports whether the list of HMACs is what the entry says of it.
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

// head returns the entry's number and hash.
func (e *Entry) head() Head { return Head{e.Seq, e.Sum} }

// newAsked makes the entry of a look-up; keys turn plates into HMACs.
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
			m.mark(p)
		} else if p != "" {
			m.marks = append(m.marks, key.Mark(p))
		}
	}
	e.mask(m)
	e.Asked = m.maskJSON(e.Asked)
	e.Clear = m.clear
	e.setMarks(key.ID, m.marks)
	return e
}

// mask replaces plates in what the entry says in words.
func (e *Entry) mask(m *masker) {
	for _, text := range []*string{&e.Reason, &e.CaseRef, &e.ProsecutorRef} {
		*text = m.maskText(*text)
	}
}

// maxClear bounds the plates of one look-up that are kept in clear: a longer list is in the log as HMACs alone.
const maxClear = 100

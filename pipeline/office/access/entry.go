package access

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Outcomes of an entry.
const (
	Granted = "granted"
	Refused = "refused"
)

// Entry is one row of access_log. See the package comment for how it is hashed.
type Entry struct {
	Seq           uint64
	At            schemas.Micros
	User          string
	Role          string
	Zone          string // the user's zones, joined by commas; empty = all
	Action        string // the route
	Purpose       string
	Reason        string
	CaseRef       string
	ProsecutorRef string
	Query         string
	Outcome       string // Granted or Refused
	Refusal       string
	Prev, Sum     schemas.Sum
}

func newEntry(u *User, a *Ask, at schemas.Micros) Entry {
	return Entry{
		At: at, User: u.Name, Role: string(u.Role), Zone: strings.Join(u.Zones, ","), Action: string(a.Route),
		Purpose: string(a.Purpose), Reason: a.Reason, CaseRef: a.CaseRef, ProsecutorRef: a.ProsecutorRef, Query: a.Query,
		Outcome: Granted,
	}
}

// hash returns what Sum must be.
func (e *Entry) hash() schemas.Sum {
	b := append(make([]byte, 0, 1024), e.Prev[:]...)
	b = appendText(b, "access/1")
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At))
	for _, s := range []string{
		e.User, e.Role, e.Zone, e.Action, e.Purpose, e.Reason, e.CaseRef, e.ProsecutorRef, e.Query,
		e.Outcome, e.Refusal,
	} {
		b = appendText(b, s)
	}
	return sha256.Sum256(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

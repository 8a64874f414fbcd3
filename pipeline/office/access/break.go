package access

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Break closes a damaged segment. It is the body of a [KindBreak] entry, and the entry's Prev is the hash over the
// segment as found.
type Break struct {
	Persons  []string `json:"persons"`                // two names
	Users    string   `json:"users_sha256,omitempty"` // SHA-256 in hexadecimal, over the file that names them
	Reason   string   `json:"reason"`
	First    uint64   `json:"segment_first"`
	Last     uint64   `json:"segment_last"`
	FirstBad uint64   `json:"first_bad"` // 0 = this segment holds, and an earlier one was changed
	Problem  string   `json:"problem"`
	// Witnessed is the greatest number that a witness outside the database noted. The new segment begins after it, so that
	// no number is given twice.
	Witnessed uint64 `json:"witnessed,omitempty"`
	// Earlier lists the segments that were changed after a break had closed them, as found. A later change to such a
	// segment shows again.
	Earlier []Changed `json:"earlier,omitempty"`
}

// Changed is a segment that was changed after a break had closed it.
type Changed struct {
	Closing  uint64 `json:"closed_by_entry"` // number of the closing break
	FirstBad uint64 `json:"first_bad"`
	Problem  string `json:"problem"`
	SHA256   string `json:"sha256"` // over the segment as found, 64 hexadecimal digits
}

// Says tells a person which entries the break closes.
func (b *Break) Says() string {
	var parts []string
	if b.FirstBad != 0 {
		parts = append(parts, fmt.Sprintf("entries %d to %d are closed as damaged from entry %d on (%s)", b.First, b.Last, b.FirstBad, b.Problem))
	}
	for _, c := range b.Earlier {
		parts = append(parts, fmt.Sprintf("the segment before entry %d is closed again as damaged from entry %d on (%s)", c.Closing, c.FirstBad, c.Problem))
	}
	return strings.Join(parts, "; ") + "; by " + strings.Join(b.Persons, " and ") + " of the users file with SHA-256 " + b.Users
}

// Errors from [CloseSegment] that a person can mend.
var (
	ErrNotDamaged = errors.New("the look-up log holds: there is no damaged segment to close")
	ErrTwoPersons = errors.New("a damaged segment is closed by two persons of whom one is an auditor")
)

// TwoPersons checks that two users may close a damaged segment now. A token is valid here when it is valid at the
// office.
func TwoPersons(a, b *User, now schemas.Micros) error {
	for _, u := range []*User{a, b} {
		if u == nil {
			return fmt.Errorf("a token is of no user: %w", ErrTwoPersons)
		}
		if now < u.From || u.To != 0 && now >= u.To {
			return fmt.Errorf("the token of %s is not valid now: %w", u.Name, ErrTwoPersons)
		}
		if !u.TokenEnds(now) {
			return fmt.Errorf("the token of %s opens nothing, because it has no end within %d days (valid_to): %w", u.Name, MaxTokenDays, ErrTwoPersons)
		}
	}
	if a.Name == b.Name {
		return fmt.Errorf("both tokens are of %s: %w", a.Name, ErrTwoPersons)
	}
	if a.Role != Auditor && b.Role != Auditor {
		return fmt.Errorf("%s and %s are no auditors: %w", a.Name, b.Name, ErrTwoPersons)
	}
	return nil
}

// CloseSegment appends the entry that closes the damaged segment and begins the next one. It removes and changes
// nothing. users is the digest of the file that names both persons.
func CloseSegment(ctx context.Context, store EntryStore, keys *Keys, a, b *User, users schemas.Sum, reason string, witnesses []Head, now schemas.Micros) (Break, Head, error) {
	if err := TwoPersons(a, b, now); err != nil {
		return Break{}, Head{}, err
	}
	if len([]rune(strings.TrimSpace(reason))) < MinReason {
		return Break{}, Head{}, fmt.Errorf("say in at least %d characters what happened; it is logged", MinReason)
	}
	v, err := VerifyStore(ctx, store, &keys.Site.PublicKey, witnesses...)
	if err != nil {
		return Break{}, Head{}, err
	}
	if v.OK() {
		return Break{}, Head{}, ErrNotDamaged
	}
	last := v.Segments[len(v.Segments)-1]
	br := Break{Persons: []string{a.Name, b.Name}, Users: hex.EncodeToString(users[:]), Reason: BoundText(reason, MaxReason), First: last.First, Last: last.Last, FirstBad: last.FirstBad, Problem: last.Problem, Earlier: v.changed}
	for _, w := range witnesses {
		br.Witnessed = max(br.Witnessed, w.Seq)
	}
	body, err := json.Marshal(br)
	if err != nil {
		return br, Head{}, err
	}
	e := &Entry{Kind: KindBreak, User: a.Name, Role: string(a.Role), Zones: strings.Join(a.Zones, ","), Operation: "break", Reason: br.Reason, Body: string(body)}
	err = store.Append(ctx, []*Entry{e}, func(end End) error {
		if end.Newest.Seq != last.Last {
			return fmt.Errorf("an entry was added while the segment was looked at: try again")
		}
		e.Seq, e.At, e.Prev = max(end.Head.Seq, end.Newest.Seq, br.Witnessed)+1, end.Now, last.digest
		if e.Seq > maxSeq {
			return fmt.Errorf("entry %d has the greatest number there is, and none can follow it: export the log, then the owner of the tables takes that entry out, and the break says so", maxSeq)
		}
		e.Sum = e.computeSum()
		e.Signature = keys.Site.signEntry(e.Sum)
		return nil
	})
	if err != nil {
		return br, Head{}, fmt.Errorf("close the damaged segment: %w", err)
	}
	return br, e.makeHead(), nil
}

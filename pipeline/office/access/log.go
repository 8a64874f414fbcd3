package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gvc-brussels/anpr/schemas"
)

// EntryStore keeps the entries; package store keeps them in PostgreSQL. Several offices append at once.
type EntryStore interface {
	// Append adds entries in one transaction: all or none. Append calls seal with the log's end; seal sets the entries'
	// numbers, times, hashes and signature. When the log went on meanwhile, Append takes back the times from seal and
	// calls it again with the new end. After an error the entries may still be stored.
	Append(ctx context.Context, es []*Entry, seal func(End) error) error
	// Head returns the head that the next entry continues.
	Head(ctx context.Context) (Head, error)
	// Scan gives each the entries from a number on, in order, with their HMACs. each owns the entry until it returns.
	Scan(ctx context.Context, from uint64, each func(*Entry) error) error
	// RegisterKey stores a plate key's id for a year, and returns the id that was stored first for this year.
	RegisterKey(ctx context.Context, year int, id string) (string, error)
}

// End is the log's end, which an append continues.
type End struct {
	Head      Head           // the next entry continues it
	Newest    Head           // entry with the greatest number; zero in an empty log
	Signature []byte         // under Newest
	Now       schemas.Micros // database clock
}

// ErrUnavailable means that an entry could not be made durable, so the look-up must not be answered.
var ErrUnavailable = errors.New("the look-up log cannot be written, and no look-up is answered without its entry; try again")

// ErrDamaged means that the log does not end as an office left it: somebody else cut off, changed or added entries.
// Offices answer nothing until two persons close the damaged segment (anpr access-log break).
var ErrDamaged = errors.New("the look-up log is damaged: `anpr access-log verify` names the entry, `anpr access-log break` closes the damaged segment")

// maxTogether bounds the entries in one append.
const maxTogether = 256

// Log writes the look-up log. Several offices may write to one store, each with a Log. Log is safe for concurrent use.
//
// Entries that arrive during an append wait, and then go into one transaction together. So users do not queue one
// behind another, and the chain stays the same.
type Log struct {
	store   EntryStore
	keys    *Keys
	timeout time.Duration

	mu      sync.Mutex // guards the fields below
	head    Head       // newest entry that this log appended or found
	damaged error
	broken  chan struct{} // closed when the log is first found damaged
	waiting []*entering
	writing bool // a goroutine runs writeWaiting
	year    int
	key     *PlateKey // for year
}

// entering is an entry that waits to be durable.
type entering struct {
	entry Entry
	done  chan error // has room for one error
}

// OpenLog makes a log over a store. [ErrDamaged] means that the log does not end as an office left it.
func OpenLog(ctx context.Context, store EntryStore, keys *Keys) (*Log, error) {
	l := &Log{store: store, keys: keys, timeout: 5 * time.Second, broken: make(chan struct{})}
	// An append without entries reads the end under the lock.
	err := store.Append(ctx, nil, func(end End) error {
		if err := l.checkEnd(end); err != nil {
			return err
		}
		l.head = end.Head
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the end of the look-up log: %w", err)
	}
	return l, nil
}

// checkEnd returns an error unless an office left this end: the head is the newest entry, and the site's key signed it.
func (l *Log) checkEnd(end End) error {
	l.mu.Lock()
	seen := l.head.Seq
	l.mu.Unlock()
	switch {
	case end.Head.Seq < seen:
		return fmt.Errorf("it ends with entry %d and had entry %d: %w", end.Head.Seq, seen, ErrDamaged)
	case end.Head != end.Newest:
		return fmt.Errorf("its head is entry %d and its newest entry %d: %w", end.Head.Seq, end.Newest.Seq, ErrDamaged)
	case end.Head.Seq > 0 && !l.keys.Site.hasSigned(end.Newest.Sum, end.Signature):
		return fmt.Errorf("entry %d is not signed by the key of this site (%s): no office wrote it, or this office has another key than those beside it: %w", end.Newest.Seq, l.keys.Site.String(), ErrDamaged)
	}
	return nil
}

// DamageReason returns why the log appends nothing any more, or nil.
func (l *Log) DamageReason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.damaged
}

// Shut makes every later append fail. The caller has found damage that the log's end does not show.
func (l *Log) Shut(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setDamaged(why)
}

// setDamaged stores why the log appends nothing any more. The caller holds mu.
func (l *Log) setDamaged(why error) {
	l.damaged = why
	select {
	case <-l.broken:
	default:
		close(l.broken)
	}
}

// DamageFound is closed when the log is found damaged. The keeper of heads outside the database then hands over [Log.Head]
// at once.
func (l *Log) DamageFound() <-chan struct{} { return l.broken }

// Head returns the newest entry that this log knows.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// plateKey returns the present plate key. The first office in a year makes the key. An office without the year's key
// uses the newest key that both the directory and the database have.
func (l *Log) plateKey(ctx context.Context) (*PlateKey, error) {
	year := time.Now().In(schemas.Brussels()).Year()
	l.mu.Lock()
	have, key := l.year, l.key
	l.mu.Unlock()
	if have == year {
		return key, nil
	}
	for y := year; y > year-3; y-- {
		k, err := l.keys.OfYear(y, y == year)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		id, err := l.store.RegisterKey(ctx, y, k.ID)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if id != k.ID {
			continue
		}
		l.mu.Lock()
		l.year, l.key = year, k
		l.mu.Unlock()
		return k, nil
	}
	return nil, fmt.Errorf("%w: another office of this database has other keys of plates: copy its directory of keys to %s", ErrUnavailable, l.keys.dir)
}

// Grant writes the look-up as granted and returns the permit. When the error wraps [ErrUnavailable] or [ErrDamaged],
// nothing may be answered. A write that began goes on when the caller gives up.
func (l *Log) Grant(ctx context.Context, s Scope) (Permit, error) {
	if s.user == nil {
		return Permit{}, errors.New("BUG: a scope that Authorise did not make")
	}
	key, err := l.plateKey(ctx)
	if err != nil {
		return Permit{}, err
	}
	seq, err := l.appendEntry(ctx, newAsked(s.user, &s.ask, key))
	if err != nil {
		return Permit{}, err
	}
	return Permit{scope: s, seq: seq}, nil
}

// Refuse writes the look-up as refused, with the whole question, the reason and the code.
func (l *Log) Refuse(ctx context.Context, r *Refusal) (seq uint64, err error) {
	key, err := l.plateKey(ctx)
	if err != nil {
		return 0, err
	}
	ask := r.ask // a text may be the fault, for example too long
	ask.Reason, ask.CaseRef, ask.ProsecutorRef = BoundText(ask.Reason, MaxReason), BoundText(ask.CaseRef, MaxRef), BoundText(ask.ProsecutorRef, MaxRef)
	e := newAsked(r.user, &ask, key)
	e.Outcome, e.Code, e.Refusal = Refused, r.Code, BoundText(r.Detail, 2*MaxReason)
	return l.appendEntry(ctx, e)
}

// Disclosure is the content of an answer.
type Disclosure struct {
	Rows     int
	Plates   []string // canonical, in any order; repeats and empty ones are allowed
	Pictures []schemas.Sum
	Took     time.Duration
	Cut      bool // there is more
}

// Disclose writes the content of the answer to a granted look-up. The caller sends the answer only after a nil error.
func (l *Log) Disclose(ctx context.Context, p Permit, d Disclosure) error {
	if !p.Valid() {
		return errors.New("BUG: a disclosure without a permit")
	}
	key, err := l.plateKey(ctx)
	if err != nil {
		return err
	}
	e := newAsked(p.scope.user, &Request{
		Route: p.scope.ask.Route, Purpose: p.scope.ask.Purpose, PurposeID: p.scope.ask.PurposeID, SignIn: p.scope.ask.SignIn, Address: p.scope.ask.Address,
	}, key)
	e.Kind, e.Outcome, e.Of, e.Rows, e.TookMS, e.Cut = KindDisclosed, "", p.seq, uint64(max(d.Rows, 0)), uint64(max(d.Took.Milliseconds(), 0)), d.Cut
	marks, met := make([]schemas.Sum, 0, len(d.Plates)), map[string]bool{"": true}
	for _, plate := range d.Plates {
		if !met[plate] {
			met[plate] = true
			marks = append(marks, key.Mark(plate))
		}
	}
	e.setMarks(key.ID, marks)
	for i := range d.Pictures {
		e.Pictures = append(e.Pictures, d.Pictures[i][:]...)
	}
	_, err = l.appendEntry(ctx, e)
	return err
}

// Identity is a sign-in, a failed one, a step-up, a sign-out, or the opening or end of a purpose.
type Identity struct {
	// What is sign_in, sign_in_failed, step_up, sign_out, account_locked, invite_made, password_set, purpose_opened or
	// purpose_ended.
	What      string
	User      *User // nil = nobody known
	SignIn    string
	Address   string
	Purpose   Purpose
	PurposeID string
	Reason    string
	CaseRef   string
	Ref       string // of the prosecutor's decision
	Detail    map[string]any
	Plates    []string // canonical; each is a whole value in Detail
	Known     []string // texts in Detail that only look like plates
}

// LogIdentity writes i to the log, with plates masked.
func (l *Log) LogIdentity(ctx context.Context, i Identity) (uint64, error) {
	e := Entry{
		Kind: KindIdentity, SignIn: i.SignIn, Address: i.Address, Operation: BoundText(i.What, MaxRef), Purpose: string(i.Purpose), PurposeID: i.PurposeID,
		Reason: BoundText(i.Reason, MaxReason), CaseRef: BoundText(i.CaseRef, MaxRef), ProsecutorRef: BoundText(i.Ref, MaxRef),
	}
	if i.User != nil {
		e.User, e.Role, e.Zones = i.User.Name, string(i.User.Role), strings.Join(i.User.Zones, ",")
	}
	if len(i.Detail) > 0 {
		b, err := json.Marshal(i.Detail)
		if err != nil {
			return 0, fmt.Errorf("write what %s says: %w", i.What, err)
		}
		e.Body = string(b)
	}
	key, err := l.plateKey(ctx)
	if err != nil {
		return 0, err
	}
	m := newMasker(key, i.Plates, i.Known)
	e.maskTexts(m)
	e.Body = m.maskJSON(e.Body)
	e.Clear = m.clear
	e.setMarks(key.ID, m.marks)
	return l.appendEntry(ctx, e)
}

// BoundText cuts a text to the length most, as valid UTF-8 without control characters, so that an entry may have it.
func BoundText(s string, most int) string {
	out := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	return string(out[:min(len(out), most)])
}

// appendEntry waits until the entry is durable. When the caller gives up, the entry may still be written.
func (l *Log) appendEntry(ctx context.Context, e Entry) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	w := &entering{entry: e, done: make(chan error, 1)}
	l.mu.Lock()
	if err := l.damaged; err != nil {
		l.mu.Unlock()
		return 0, err
	}
	l.waiting = append(l.waiting, w)
	if !l.writing {
		l.writing = true
		go l.writeWaiting() // ends when nobody waits
	}
	l.mu.Unlock()
	select {
	case err := <-w.done:
		return w.entry.Seq, err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// writeWaiting appends the waiting entries together, until none waits.
func (l *Log) writeWaiting() {
	for {
		l.mu.Lock()
		n := min(len(l.waiting), maxTogether)
		if n == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		batch := l.waiting[:n:n]
		l.waiting = l.waiting[n:]
		l.mu.Unlock()
		err := l.commitBatch(batch)
		for _, w := range batch {
			w.done <- err
		}
	}
}

// commitBatch appends the entries in one transaction.
func (l *Log) commitBatch(batch []*entering) error {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	es := make([]*Entry, len(batch))
	for i, w := range batch {
		es[i] = &w.entry
	}
	err := l.store.Append(ctx, es, func(end End) error {
		if err := l.checkEnd(end); err != nil {
			return err
		}
		l.sealEntries(end, es)
		return nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, ErrDamaged):
		l.setDamaged(err)
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.head = es[len(es)-1].makeHead()
	return nil
}

// sealEntries sets the entries' numbers, times and hashes, and signs the last entry.
func (l *Log) sealEntries(end End, es []*Entry) {
	head := end.Head
	for _, e := range es {
		e.Seq, e.Prev = head.Seq+1, head.Sum
		if e.At == 0 {
			e.At = end.Now
		}
		e.Sum = e.computeSum()
		head = e.makeHead()
	}
	if n := len(es); n > 0 {
		es[n-1].Signature = l.keys.Site.signEntry(es[n-1].Sum)
	}
}

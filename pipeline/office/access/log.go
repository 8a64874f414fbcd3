package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gvc-brussels/anpr/schemas"
)

// Store is where the entries live. [ClickHouse] is the one in production. Insert is called by one goroutine at a time, with
// entries of consecutive numbers, and returns nil only when all of them are durable, exactly once however often the same
// entries are given, and no other entry has one of their numbers or a later one. Scan gives the entries from a number on in order of number; duplicates are given as often as they are there.
type Store interface {
	Insert(ctx context.Context, es []Entry) error
	Tail(ctx context.Context) (last Entry, count uint64, err error)
	Scan(ctx context.Context, from uint64, each func(*Entry) error) error
}

// ErrUnavailable means that an entry could not be made durable, so the look-up must not be answered.
var ErrUnavailable = errors.New("the access log cannot be written, and no look-up is answered without its entry; try again")

// ErrForked means that the table holds an entry this process did not write where its own should be: two processes write
// one log, or the table was changed. Nothing is answered until it is repaired.
var ErrForked = errors.New("the access log has two entries with one number: run one office per log, verify it and restart")

// Head is the newest entry of the log: its number and hash. The zero Head is that of an empty log.
type Head struct {
	Seq uint64
	Sum schemas.Sum
}

// Log writes the access log. It is the only writer of its table. Safe for concurrent use.
//
// Look-ups that arrive while an insert is under way wait for it and then go in together, as one insert of several entries, each
// with the hash of the one before it: many users do not queue behind each other, and the chain is the same.
type Log struct {
	store   Store
	now     func() time.Time
	timeout time.Duration

	mu      sync.Mutex // guards what follows
	head    Head
	waiting []*entering
	writing bool    // a goroutine is in write
	pending []Entry // entries whose insert failed: they may be durable or not, so they go in before any other
	forked  bool
}

// entering is an entry on its way into the log.
type entering struct {
	entry Entry
	done  chan error // of one place
}

// maxTogether bounds the entries of one insert.
const maxTogether = 256

// CutError says that a log has not as many entries as its newest one counts.
type CutError struct {
	Entries, Newest uint64
	Holds           bool // the newest entry is as it was written
}

// Error names both numbers and what to do.
func (e *CutError) Error() string {
	return fmt.Sprintf("access log has %d entries and its newest has number %d: it was changed or cut; verify and restore it", e.Entries, e.Newest)
}

// OpenLog reads the head of the log. It fails when the newest entry does not hold, or entries are missing or doubled.
func OpenLog(ctx context.Context, store Store, now func() time.Time) (*Log, error) {
	last, count, err := store.Tail(ctx)
	if err != nil {
		return nil, fmt.Errorf("read head of access log: %w", err)
	}
	if count != last.Seq {
		return nil, &CutError{Entries: count, Newest: last.Seq, Holds: last.hash() == last.Sum}
	}
	if count > 0 && last.hash() != last.Sum {
		return nil, fmt.Errorf("access log: entry %d does not hold: it was changed; verify and restore it", last.Seq)
	}
	return &Log{store: store, now: now, timeout: 5 * time.Second, head: Head{last.Seq, last.Sum}}, nil
}

// Forked reports whether the table held an entry that this process did not write where its own should be.
func (l *Log) Forked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.forked
}

// Head returns the newest durable entry.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Grant writes the look-up as granted and returns the permit for it. The error wraps ErrUnavailable or ErrForked; then
// nothing may be answered. A caller that gives up does not stop a write that began.
func (l *Log) Grant(ctx context.Context, s Scope) (Permit, error) {
	if s.user == nil {
		return Permit{}, errors.New("BUG: a scope that Authorise did not make")
	}
	e := newEntry(s.user, &s.ask, 0)
	seq, err := l.append(ctx, &e)
	if err != nil {
		return Permit{}, err
	}
	return Permit{scope: s, seq: seq}, nil
}

// Refuse writes the look-up as refused, with the reason.
func (l *Log) Refuse(ctx context.Context, r *Refusal) (seq uint64, err error) {
	e := newEntry(r.user, &r.ask, 0)
	e.Outcome, e.Refusal = Refused, r.Detail
	if r.Invalid { // the texts may be what was wrong
		e.Reason, e.CaseRef, e.ProsecutorRef = bounded(e.Reason, MaxReason), bounded(e.CaseRef, MaxRef), bounded(e.ProsecutorRef, MaxRef)
	}
	return l.append(ctx, &e)
}

// bounded makes of any text one that an entry may have.
func bounded(s string, most int) string {
	out := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	return string(out[:min(len(out), most)])
}

// append waits until the entry is durable. A caller that gives up is told so; its entry may be written all the same.
func (l *Log) append(ctx context.Context, e *Entry) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	w := &entering{entry: *e, done: make(chan error, 1)}
	l.mu.Lock()
	l.waiting = append(l.waiting, w)
	if !l.writing {
		l.writing = true
		go l.write() // ends when nobody waits
	}
	l.mu.Unlock()
	select {
	case err := <-w.done:
		return w.entry.Seq, err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// write puts in what waits, together, until nothing does.
func (l *Log) write() {
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
		err := l.commit(batch)
		for _, w := range batch {
			w.done <- err
		}
	}
}

// commit chains the entries to the head and inserts them. Only write calls it, so that entries are durable in order.
func (l *Log) commit(batch []*entering) error {
	l.mu.Lock()
	head, pending, forked := l.head, l.pending, l.forked
	l.mu.Unlock()
	if forked {
		return ErrForked
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if len(pending) > 0 {
		if err := l.insert(ctx, pending); err != nil {
			return err
		}
		last := &pending[len(pending)-1]
		head = Head{last.Seq, last.Sum}
	}
	es := make([]Entry, len(batch))
	for i, w := range batch {
		e := &w.entry
		e.Seq, e.At, e.Prev = head.Seq+1, schemas.MicrosOf(l.now()), head.Sum
		e.Sum = e.hash()
		head, es[i] = Head{e.Seq, e.Sum}, *e
	}
	return l.insert(ctx, es)
}

// insert moves the head when the entries are durable; else it keeps them as pending.
func (l *Log) insert(ctx context.Context, es []Entry) error {
	err := l.store.Insert(ctx, es)
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(err, ErrForked) {
		l.forked = true
		return err
	}
	if err != nil {
		l.pending = es
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	last := &es[len(es)-1]
	l.pending, l.head = nil, Head{last.Seq, last.Sum}
	return nil
}

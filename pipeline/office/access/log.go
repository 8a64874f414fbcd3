package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Store is where the entries live. [ClickHouse] is the one in production. Insert is called by one goroutine at a time and
// returns nil only when the entry is durable, exactly once however often the same entry is given, and no other entry has
// its number. Scan gives the entries from a number on in order of number; duplicates are given as often as they are there.
type Store interface {
	Insert(ctx context.Context, e *Entry) error
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
type Log struct {
	store   Store
	now     func() time.Time
	timeout time.Duration

	mu      sync.Mutex // guards what follows; held over the insert, so that entries are durable in order
	head    Head
	pending *Entry // an entry whose insert failed: it may be durable or not, so it goes in before any other
	forked  bool
}

// OpenLog reads the head of the log. It fails when the newest entry does not hold, or entries are missing or doubled.
func OpenLog(ctx context.Context, store Store, now func() time.Time) (*Log, error) {
	last, count, err := store.Tail(ctx)
	if err != nil {
		return nil, fmt.Errorf("read head of access log: %w", err)
	}
	if count != last.Seq {
		return nil, fmt.Errorf("access log has %d entries and its newest has number %d: it was changed or cut; verify and restore it",
			count, last.Seq)
	}
	if count > 0 && last.hash() != last.Sum {
		return nil, fmt.Errorf("access log: entry %d does not hold: it was changed; verify and restore it", last.Seq)
	}
	return &Log{store: store, now: now, timeout: 5 * time.Second, head: Head{last.Seq, last.Sum}}, nil
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
	return l.append(ctx, &e)
}

func (l *Log) append(ctx context.Context, e *Entry) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forked {
		return 0, ErrForked
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	defer cancel()
	if l.pending != nil {
		if err := l.insertLocked(ctx, l.pending); err != nil {
			return 0, err
		}
	}
	e.Seq, e.At, e.Prev = l.head.Seq+1, schemas.MicrosOf(l.now()), l.head.Sum
	e.Sum = e.hash()
	if err := l.insertLocked(ctx, e); err != nil {
		return 0, err
	}
	return e.Seq, nil
}

func (l *Log) insertLocked(ctx context.Context, e *Entry) error {
	err := l.store.Insert(ctx, e)
	if errors.Is(err, ErrForked) {
		l.forked = true
		return err
	}
	if err != nil {
		l.pending = e
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.pending, l.head = nil, Head{e.Seq, e.Sum}
	return nil
}

package ingest

import (
	"context"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// ErrStop marks an error that no retry can mend: the process must stop rather than break its promise.
var ErrStop = schemas.ErrStop

// Pending counts a batch's published messages without an acknowledgement. The zero value is ready. Add is called
// before a message is handed on, Done once when the message is acknowledged or given up. One goroutine calls Wait;
// afterwards the Pending may be used again.
type Pending struct {
	mu    sync.Mutex // guards the fields below
	n     int
	err   error
	empty chan struct{} // non-nil while a goroutine waits
}

// Add counts a message on its way.
func (p *Pending) Add() {
	p.mu.Lock()
	p.n++
	p.mu.Unlock()
}

// Done counts a message as acknowledged, or as given up with err.
func (p *Pending) Done(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n--
	if p.n < 0 {
		panic("BUG: more acknowledgements than messages")
	}
	if err != nil && p.err == nil {
		p.err = err
	}
	if p.n == 0 && p.empty != nil {
		close(p.empty)
		p.empty = nil
	}
}

// Wait returns when all messages are acknowledged, with the first error, and clears the error; or when ctx is done.
func (p *Pending) Wait(ctx context.Context) error {
	p.mu.Lock()
	if p.n > 0 {
		ch := make(chan struct{})
		p.empty = ch
		p.mu.Unlock()
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.mu.Lock()
	}
	err := p.err
	p.err = nil
	p.mu.Unlock()
	return err
}

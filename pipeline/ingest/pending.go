package ingest

import (
	"context"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// ErrStop marks an error that no retry can mend: the process must stop rather than break its promise.
var ErrStop = schemas.ErrStop

// Pending counts what a batch has published and not yet seen acknowledged. The zero value is ready. Add is called
// before a message is handed on, Done once when it is acknowledged or given up; Wait by one goroutine, after which the
// Pending may be used again.
type Pending struct {
	mu    sync.Mutex // guards what follows
	n     int
	err   error
	empty chan struct{} // non-nil while someone waits
}

// Add counts one message on its way.
func (p *Pending) Add() {
	p.mu.Lock()
	p.n++
	p.mu.Unlock()
}

// Done counts one message acknowledged, or given up with err.
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

// Wait returns when all are acknowledged, with the first error, and clears it; or when ctx is done.
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

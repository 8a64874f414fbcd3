package access

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestAFailedAppendGivesNoPermitAndNeverForksTheChain(t *testing.T) {
	boom := errors.New("connection reset")
	for name, breakStore := range map[string]func(*memory){
		"not written":                   func(m *memory) { m.before = func([]*Entry) error { return boom } },
		"written, acknowledgement lost": func(m *memory) { m.after = func() error { return boom } },
	} {
		t.Run(name, func(t *testing.T) {
			m, k := &memory{}, testKeys(t)
			l := filledLog(t, m, k, 2)
			breakStore(m)
			for range 3 {
				p, err := l.Grant(t.Context(), scopeOf(t, "q"))
				if !errors.Is(err, ErrUnavailable) || !errors.Is(err, boom) || p.Valid() {
					t.Fatalf("got permit %v, err %v, want none and ErrUnavailable", p.Valid(), err)
				}
			}
			m.before, m.after = nil, nil
			p, err := l.Grant(t.Context(), scopeOf(t, "after"))
			if err != nil || !p.Valid() {
				t.Fatalf("after the fault: %v", err)
			}
			if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Head.Seq != p.Seq() {
				t.Errorf("got %+v, seq %d, err %v", v, p.Seq(), err)
			}
			m.before = func([]*Entry) error { return boom }
			if err := l.Disclose(t.Context(), p, Disclosure{Rows: 1}); !errors.Is(err, ErrUnavailable) {
				t.Errorf("a disclosure that is not durable: got %v", err)
			}
		})
	}
}

func TestTwoLogsOfOneStoreMakeOneChain(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	logs := []*Log{openLog(t, m, k), openLog(t, m, k)}
	var wg sync.WaitGroup
	for _, l := range logs {
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if _, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if v, err := logs[0].Verify(t.Context()); err != nil || !v.OK() || v.Entries != 200 {
		t.Errorf("got %+v, err %v, want 200 entries that hold", v, err)
	}
}

// Look-ups that arrive during an append go in together, and each waits until its entry is durable.
func TestLookUpsThatWaitAreWrittenTogether(t *testing.T) {
	const waiting = 40
	m := &memory{}
	l := openLog(t, m, testKeys(t))
	scope := scopeOf(t, "q")
	appending, goOn := make(chan struct{}), make(chan struct{})
	m.before = func(es []*Entry) error {
		if es[0].Seq == 1 {
			close(appending)
			<-goOn
		}
		return nil
	}
	var wg sync.WaitGroup
	grant := func() {
		p, err := l.Grant(t.Context(), scope)
		if err != nil || !p.Valid() {
			t.Errorf("got %v, want a permit", err)
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if n := uint64(len(m.entries)); n < p.Seq() {
			t.Errorf("permit %d with %d entries durable", p.Seq(), n)
		}
	}
	if _, err := l.plateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Go(grant)
	<-appending
	for range waiting {
		wg.Go(grant)
	}
	for queued := 0; queued < waiting; {
		l.mu.Lock()
		queued = len(l.waiting)
		l.mu.Unlock()
	}
	close(goOn)
	wg.Wait()
	if !slices.Equal(m.appends, []int{1, waiting}) {
		t.Errorf("got appends of %v entries, want 1 and then the %d that waited", m.appends, waiting)
	}
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != waiting+1 {
		t.Errorf("got %+v, err %v, want %d entries that hold", v, err, waiting+1)
	}
}

func TestACancelledLookUpIsNotGranted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := openLog(t, &memory{}, testKeys(t)).Grant(ctx, scopeOf(t, "q")); err == nil || p.Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
}

func TestAForgedScopeOrPermitWritesNothing(t *testing.T) {
	l := openLog(t, &memory{}, testKeys(t))
	if p, err := l.Grant(t.Context(), Scope{}); err == nil || p.Valid() || (Permit{}).Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
	if err := l.Disclose(t.Context(), Permit{}, Disclosure{}); err == nil {
		t.Error("a disclosure without a permit was written")
	}
}

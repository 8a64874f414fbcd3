// Package accesstest gives tests permits without a database.
package accesstest

import (
	"context"
	"sync"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Memory is a look-up log in memory. The zero value is empty. Safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	entries []access.Entry
	years   sync.Map // id of the first key, by year
}

var _ access.EntryStore = (*Memory)(nil)

// Append adds entries.
func (m *Memory) Append(_ context.Context, es []*access.Entry, seal func(access.End) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var end access.End
	if n := len(m.entries); n > 0 {
		last := &m.entries[n-1]
		end.Head = access.Head{Seq: last.Seq, Sum: last.Sum}
		end.Newest, end.Signature = end.Head, last.Signature
	}
	end.Now = 1
	if err := seal(end); err != nil {
		return err
	}
	for _, e := range es {
		m.entries = append(m.entries, *e)
	}
	return nil
}

// Head returns the newest entry.
func (m *Memory) Head(context.Context) (access.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.entries); n > 0 {
		return access.Head{Seq: m.entries[n-1].Seq, Sum: m.entries[n-1].Sum}, nil
	}
	return access.Head{}, nil
}

// Scan gives each the entries from a number on.
func (m *Memory) Scan(_ context.Context, from uint64, each func(*access.Entry) error) error {
	m.mu.Lock()
	entries := append([]access.Entry{}, m.entries...)
	m.mu.Unlock()
	for i := range entries {
		if entries[i].Seq >= from {
			if err := each(&entries[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// RegisterKey stores a year's key id, and returns the first one.
func (m *Memory) RegisterKey(_ context.Context, year int, id string) (string, error) {
	first, _ := m.years.LoadOrStore(year, id)
	return first.(string), nil
}

// Permit gets a permit as every caller does: through Authorise and a log.
func Permit(t testing.TB, u *access.User, a access.Request, now schemas.Micros) access.Permit {
	t.Helper()
	s, r := access.Authorise(u, a, now)
	if r != nil {
		t.Fatalf("%s: %v", a.Route, r)
	}
	keys, err := access.LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := access.OpenLog(t.Context(), &Memory{}, keys)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Grant(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// memory is a Store in memory. Tests set the fault hooks.
type memory struct {
	mu      sync.Mutex
	entries []Entry
	head    Head
	appends []int // entries in each append
	before  func([]*Entry) error
	after   func() error // loses the acknowledgement after an append
	years   sync.Map     // id of the first key, by year
}

func (m *memory) Append(_ context.Context, es []*Entry, seal func(End) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := End{Head: m.head, Now: schemas.MicrosOf(testNow)}
	if n := len(m.entries); n > 0 {
		end.Newest, end.Signature = m.entries[n-1].makeHead(), m.entries[n-1].Signature
	}
	if err := seal(end); err != nil || len(es) == 0 {
		return err
	}
	m.appends = append(m.appends, len(es))
	if m.before != nil {
		if err := m.before(es); err != nil {
			return err
		}
	}
	for _, e := range es {
		m.entries = append(m.entries, *e)
		m.head = e.makeHead()
	}
	if m.after != nil {
		return m.after()
	}
	return nil
}

func (m *memory) Head(context.Context) (Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.head, nil
}

func (m *memory) RegisterKey(_ context.Context, year int, id string) (string, error) {
	first, _ := m.years.LoadOrStore(year, id)
	return first.(string), nil
}

func (m *memory) Scan(_ context.Context, from uint64, each func(*Entry) error) error {
	m.mu.Lock()
	entries := slices.Clone(m.entries)
	m.mu.Unlock()
	slices.SortStableFunc(entries, func(a, b Entry) int { return int(a.Seq) - int(b.Seq) })
	for i := range entries {
		if entries[i].Seq < from {
			continue
		}
		if err := each(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func openLog(t testing.TB, m *memory, k *Keys) *Log {
	t.Helper()
	l, err := OpenLog(t.Context(), m, k)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	return l
}

func scopeOf(t testing.TB, plate string) Scope {
	t.Helper()
	s, r := Authorise(&User{Name: "officer", Role: ZoneOfficer, Zones: []string{"5339"}},
		Request{
			Route: RouteSearch, Purpose: Judicial, Reason: "stolen car, rue Neuve", Query: `{"plate":` + quoteJSON(plate) + `}`, Plates: []string{plate},
			SignIn: "s1", Address: "192.0.2.7",
		}, schemas.MicrosOf(testNow))
	if r != nil {
		t.Fatalf("authorise: %v", r)
	}
	return s
}

// filledLog makes n entries: look-ups and their disclosures.
func filledLog(t testing.TB, m *memory, k *Keys, n int) *Log {
	t.Helper()
	l := openLog(t, m, k)
	for i := 0; i < n; i += 2 {
		p, err := l.Grant(t.Context(), scopeOf(t, "1ABC"+strings.Repeat("1", i/2+1)))
		if err != nil {
			t.Fatalf("grant %d: %v", i, err)
		}
		if err := l.Disclose(t.Context(), p, Disclosure{Rows: 2, Plates: []string{"1ABC123", "2XYZ999", "1ABC123"}}); err != nil {
			t.Fatalf("disclose %d: %v", i, err)
		}
	}
	return l
}

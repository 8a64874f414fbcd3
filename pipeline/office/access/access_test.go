package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// memory is a Store in memory. Its fault hooks are set by tests.
type memory struct {
	mu      sync.Mutex
	entries []Entry
	inserts []int              // entries of each
	before  func(*Entry) error // refuses an insert before it happened
	after   func(*Entry) error // loses the acknowledgement of one that happened
}

func (m *memory) Insert(_ context.Context, es []Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inserts = append(m.inserts, len(es))
	for i := range es {
		if err := m.insertLocked(&es[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) insertLocked(e *Entry) error {
	if m.before != nil {
		if err := m.before(e); err != nil {
			return err
		}
	}
	repeat := false
	for i := range m.entries {
		if m.entries[i].Seq == e.Seq && m.entries[i].Sum != e.Sum {
			return ErrForked
		}
		repeat = repeat || m.entries[i].Sum == e.Sum
	}
	if !repeat {
		m.entries = append(m.entries, *e)
	}
	if m.after != nil {
		return m.after(e)
	}
	return nil
}

func (m *memory) Tail(context.Context) (last Entry, count uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.Seq >= last.Seq {
			last = e
		}
	}
	return last, uint64(len(m.entries)), nil
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

func clock() time.Time { return testNow }

func openLog(t *testing.T, m *memory) *Log {
	t.Helper()
	l, err := OpenLog(t.Context(), m, clock)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	return l
}

func scopeOf(t *testing.T, query string) Scope {
	t.Helper()
	s, r := Authorise(&User{Name: "officer", Role: ZoneOfficer, Zones: []string{"5339"}},
		Ask{Route: RouteReads, Purpose: Judicial, Reason: "stolen car, rue Neuve", Query: query}, schemas.MicrosOf(testNow))
	if r != nil {
		t.Fatalf("authorise: %v", r)
	}
	return s
}

func filled(t *testing.T, m *memory, n int) *Log {
	t.Helper()
	l := openLog(t, m)
	for i := range n {
		if _, err := l.Grant(t.Context(), scopeOf(t, strings.Repeat("x", i))); err != nil {
			t.Fatalf("grant %d: %v", i, err)
		}
	}
	return l
}

func TestVerifyNamesTheFirstBadEntry(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(*memory)
		want   uint64
	}{
		"nothing":           {func(*memory) {}, 0},
		"edited reason":     {func(m *memory) { m.entries[3].Reason = "another reason" }, 4},
		"edited time":       {func(m *memory) { m.entries[3].At++ }, 4},
		"edited outcome":    {func(m *memory) { m.entries[0].Outcome = Refused }, 1},
		"deleted":           {func(m *memory) { m.entries = slices.Delete(m.entries, 4, 5) }, 5},
		"first deleted":     {func(m *memory) { m.entries = m.entries[1:] }, 1},
		"doubled":           {func(m *memory) { m.entries = append(m.entries, m.entries[2]) }, 3},
		"end cut":           {func(m *memory) { m.entries = m.entries[:6] }, 7},
		"all cut":           {func(m *memory) { m.entries = nil }, 1},
		"swapped numbers":   {func(m *memory) { m.entries[1].Seq, m.entries[2].Seq = 3, 2 }, 2},
		"field boundary":    {func(m *memory) { e := &m.entries[5]; e.Role += e.Zone[:1]; e.Zone = e.Zone[1:] }, 6},
		"edited and hashed": {func(m *memory) { e := &m.entries[5]; e.Reason = "another"; e.Sum = e.hash() }, 7},
		"written anew":      {func(m *memory) { rechain(m.entries, 5) }, 10},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			l := filled(t, m, 10)
			c.tamper(m)
			v, err := l.Verify(t.Context())
			if err != nil || v.FirstBad != c.want || v.OK() != (c.want == 0) {
				t.Fatalf("got first bad %d (%s), err %v, want %d", v.FirstBad, v.Problem, err, c.want)
			}
			if c.want == 0 && (v.Entries != 10 || v.Head != l.Head()) {
				t.Errorf("got %d entries, head %v, want 10 and %v", v.Entries, v.Head, l.Head())
			}
		})
	}
}

// rechain edits entry i and makes the chain consistent again: what somebody does who knows the format.
func rechain(es []Entry, i int) {
	es[i].Reason = "another reason"
	for ; i < len(es); i++ {
		if i > 0 {
			es[i].Prev = es[i-1].Sum
		}
		es[i].Sum = es[i].hash()
	}
}

func TestAWitnessFindsAChainWrittenAnewAfterARestart(t *testing.T) {
	m := &memory{}
	witness := filled(t, m, 7).Head()
	rechain(m.entries, 2)
	l := openLog(t, m)
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() {
		t.Fatalf("without a witness the table alone cannot show it: got %+v, err %v", v, err)
	}
	if v, err := l.Verify(t.Context(), witness); err != nil || v.FirstBad != 7 {
		t.Errorf("got %+v, err %v, want first bad 7", v, err)
	}
}

func TestOpenRefusesALogWhoseEndDoesNotHold(t *testing.T) {
	for name, tamper := range map[string]func(*memory){
		"newest edited":  func(m *memory) { m.entries[4].User = "somebody" },
		"middle deleted": func(m *memory) { m.entries = slices.Delete(m.entries, 2, 3) },
		"doubled":        func(m *memory) { m.entries = append(m.entries, m.entries[4]) },
	} {
		m := &memory{}
		filled(t, m, 5)
		tamper(m)
		if _, err := OpenLog(t.Context(), m, clock); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestTheChainGoesOnAfterARestart(t *testing.T) {
	m := &memory{}
	filled(t, m, 3)
	l := filled(t, m, 4)
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 7 {
		t.Errorf("got %+v, err %v, want 7 entries that hold", v, err)
	}
}

func TestAFailedInsertGivesNoPermitAndNeverForksTheChain(t *testing.T) {
	boom := errors.New("connection reset")
	for name, breakStore := range map[string]func(*memory){
		"not written":                     func(m *memory) { m.before = func(*Entry) error { return boom } },
		"written, acknowledgement lost":   func(m *memory) { m.after = func(*Entry) error { return boom } },
		"lost, and the entry lands later": func(m *memory) { m.after = func(*Entry) error { return boom } },
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			l := filled(t, m, 2)
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
			if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 4 || p.Seq() != 4 {
				t.Errorf("got %+v, seq %d, err %v, want 4 entries: two, the one that failed, the one after", v, p.Seq(), err)
			}
		})
	}
}

func TestTwoWritersStopInsteadOfForking(t *testing.T) {
	m := &memory{}
	a, b := openLog(t, m), openLog(t, m)
	if _, err := a.Grant(t.Context(), scopeOf(t, "a")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if p, err := b.Grant(t.Context(), scopeOf(t, "b")); !errors.Is(err, ErrForked) || p.Valid() {
			t.Errorf("second writer: got permit %v, err %v, want ErrForked", p.Valid(), err)
		}
	}
}

func TestConcurrentLookUpsMakeOneChain(t *testing.T) {
	m := &memory{}
	l := openLog(t, m)
	scope := scopeOf(t, "q")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, err := l.Grant(t.Context(), scope); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 400 {
		t.Errorf("got %+v, err %v, want 400 entries that hold", v, err)
	}
}

// Look-ups that come while an insert is under way go in together, and each is answered only when its own entry is durable.
func TestLookUpsThatWaitAreWrittenTogether(t *testing.T) {
	const waiting = 40
	m := &memory{}
	l := openLog(t, m)
	scope := scopeOf(t, "q")
	inserting, goOn := make(chan struct{}), make(chan struct{})
	m.before = func(e *Entry) error {
		if e.Seq == 1 {
			close(inserting)
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
	wg.Go(grant)
	<-inserting
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
	if !slices.Equal(m.inserts, []int{1, waiting}) {
		t.Errorf("got inserts of %v entries, want 1 and then the %d that waited", m.inserts, waiting)
	}
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != waiting+1 {
		t.Errorf("got %+v, err %v, want %d entries that hold", v, err, waiting+1)
	}
}

func TestAFailedInsertOfSeveralFailsEachAndGoesInFirstLater(t *testing.T) {
	m := &memory{}
	l := openLog(t, m)
	boom := errors.New("connection reset")
	fail := []*entering{{done: make(chan error, 1)}, {done: make(chan error, 1)}}
	m.after = func(*Entry) error { return boom } // the first of the two is durable, the second is not
	if err := l.commit(fail); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	m.after = nil
	p, err := l.Grant(t.Context(), scopeOf(t, "after"))
	if err != nil || p.Seq() != 3 {
		t.Fatalf("got permit %d, err %v, want number 3: after the two that failed", p.Seq(), err)
	}
	if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 3 {
		t.Errorf("got %+v, err %v, want 3 entries that hold", v, err)
	}
}

func TestACancelledLookUpIsNotGranted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := &memory{}
	if p, err := openLog(t, m).Grant(ctx, scopeOf(t, "q")); err == nil || p.Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
}

func TestAForgedScopeGivesNoPermit(t *testing.T) {
	if p, err := openLog(t, &memory{}).Grant(t.Context(), Scope{}); err == nil || p.Valid() || (Permit{}).Valid() {
		t.Errorf("got permit %v, err %v, want none", p.Valid(), err)
	}
}

// The hash of an entry is a format: verifiers outside this program depend on it.
func TestEntryHashIsTheDocumentedOne(t *testing.T) {
	e := Entry{Seq: 1, At: 1, User: "u", Role: "r", Outcome: "granted"}
	b := make([]byte, 32)
	str := func(s string) { b = append(append(b, 0, 0, 0, byte(len(s))), s...) }
	str("access/1")
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
	for _, s := range []string{"u", "r", "", "", "", "", "", "", "", "granted", ""} {
		str(s)
	}
	if got, want := e.hash(), schemas.Sum(sha256.Sum256(b)); got != want {
		t.Errorf("got %s, want %s", hex.EncodeToString(got[:]), hex.EncodeToString(want[:]))
	}
}

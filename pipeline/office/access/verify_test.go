package access

import (
	"errors"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// rechain edits entry i and makes the chain consistent again, as somebody without a key can.
func rechain(es []Entry, i int) {
	es[i].Reason = "another reason"
	for ; i < len(es); i++ {
		if i > 0 {
			es[i].Prev = es[i-1].Sum
		}
		es[i].Sum = es[i].computeSum()
	}
}

func TestVerifyNamesTheFirstBadEntry(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func(*memory)
		want   uint64
	}{
		"nothing":         {func(*memory) {}, 0},
		"edited reason":   {func(m *memory) { m.entries[2].Reason = "another reason" }, 3},
		"edited time":     {func(m *memory) { m.entries[3].At++ }, 4},
		"edited outcome":  {func(m *memory) { m.entries[0].Outcome = Refused }, 1},
		"edited address":  {func(m *memory) { m.entries[4].Address = "192.0.2.8" }, 5},
		"a plate removed": {func(m *memory) { m.entries[3].Marks = m.entries[3].Marks[1:] }, 4},
		"a plate changed": {func(m *memory) { m.entries[3].Marks = []schemas.Sum{{1}, {2}} }, 4},
		"deleted":         {func(m *memory) { m.entries = slices.Delete(m.entries, 4, 5) }, 5},
		"first deleted":   {func(m *memory) { m.entries = m.entries[1:] }, 1},
		"doubled":         {func(m *memory) { m.entries = append(m.entries, m.entries[2]) }, 3},
		"end cut":         {func(m *memory) { m.entries = m.entries[:6] }, 7},
		"end cut, and the head with it": {func(m *memory) {
			m.entries = m.entries[:6]
			m.head = m.entries[5].makeHead()
		}, 7},
		"all cut":           {func(m *memory) { m.entries, m.head = nil, Head{} }, 1},
		"swapped numbers":   {func(m *memory) { m.entries[1].Seq, m.entries[2].Seq = 3, 2 }, 2},
		"field boundary":    {func(m *memory) { e := &m.entries[4]; e.Role += e.Zones[:1]; e.Zones = e.Zones[1:] }, 5},
		"edited and hashed": {func(m *memory) { e := &m.entries[5]; e.Reason = "another"; e.Sum = e.computeSum() }, 7},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{}
			l := filledLog(t, m, testKeys(t), 10)
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

// When every place in the database has a rewritten chain, the signatures alone show it, from the first different entry.
func TestAChainWrittenAnewIsFoundWithoutAWitness(t *testing.T) {
	for from := range 9 {
		m, k := &memory{}, testKeys(t)
		filledLog(t, m, k, 10)
		rechain(m.entries, from)
		m.head = m.entries[9].makeHead()
		if v, err := VerifyStore(t.Context(), m, &k.Site.PublicKey); err != nil || v.FirstBad != uint64(from+1) {
			t.Errorf("written anew from entry %d: got %d (%s), err %v", from+1, v.FirstBad, v.Problem, err)
		}
		if _, err := OpenLog(t.Context(), m, k); !errors.Is(err, ErrDamaged) {
			t.Errorf("an office opens a log whose newest entry no office signed: %v", err)
		}
	}
}

// Somebody with the right to insert can continue the chain, but cannot sign: no office appends to such an entry.
func TestAnEntryThatNoOfficeSignedStopsTheLogAtOnce(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	l := filledLog(t, m, k, 4)
	forged := m.entries[3]
	forged.Seq, forged.Prev, forged.User = 5, m.head.Sum, "somebody"
	forged.Sum = forged.computeSum()
	m.entries, m.head = append(m.entries, forged), forged.makeHead()
	if p, err := l.Grant(t.Context(), scopeOf(t, "1ABC123")); !errors.Is(err, ErrDamaged) || p.Valid() {
		t.Fatalf("got %v, want no permit on a forged entry", err)
	}
	if v, err := l.Verify(t.Context()); err != nil || v.FirstBad != 5 {
		t.Errorf("got %+v, err %v, want entry 5", v, err)
	}
}

func TestAWitnessFindsAnEndThatWasCutWhileStopped(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	witness := filledLog(t, m, k, 8).Head()
	m.entries, m.head = m.entries[:4], m.entries[3].makeHead()
	if v, err := openLog(t, m, k).Verify(t.Context(), witness); err != nil || v.FirstBad != 5 {
		t.Errorf("got %+v, err %v, want entry 5", v, err)
	}
	filledLog(t, m, k, 6) // adds others in their place
	if v, err := openLog(t, m, k).Verify(t.Context(), witness); err != nil || v.FirstBad != 8 {
		t.Errorf("got %+v, err %v, want entry 8: not the one that was noted", v, err)
	}
}

package access

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func people() (a, b *User) {
	ends := schemas.MicrosOf(testNow) + schemas.Hour
	return &User{Name: "auditor1", Role: Auditor, To: ends}, &User{Name: "supervisor1", Role: GVCSupervisor, To: ends}
}

func TestADamagedSegmentIsClosedByTwoPersonsAndTheLogGoesOn(t *testing.T) {
	damages := map[string]func(*memory) []Head{
		"edited":  func(m *memory) []Head { m.entries[2].User = "x"; return nil },
		"deleted": func(m *memory) []Head { m.entries = slices.Delete(m.entries, 3, 4); return nil },
		"forged": func(m *memory) []Head {
			e := m.entries[7]
			e.Seq, e.Prev = 90, schemas.Sum{9}
			m.entries = append(m.entries, e)
			return nil
		},
		"all deleted": func(m *memory) []Head { m.entries = nil; return nil },
		"end cut": func(m *memory) []Head {
			w := m.head
			m.entries, m.head = m.entries[:4], m.entries[3].makeHead()
			return []Head{w}
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			m, k := &memory{}, testKeys(t)
			filledLog(t, m, k, 8)
			witnesses := append(damage(m), m.head)
			key := &k.Site.PublicKey
			before, err := VerifyStore(t.Context(), m, key, witnesses...)
			if err != nil || before.OK() {
				t.Fatalf("the damage is not found: %+v, err %v", before, err)
			}
			a, b := people()
			br, head, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "restored a wrong backup", witnesses, schemas.MicrosOf(testNow))
			if err != nil {
				t.Fatal(err)
			}
			if br.FirstBad != before.FirstBad || !slices.Equal(br.Persons, []string{"auditor1", "supervisor1"}) {
				t.Errorf("got break %+v of %+v", br, before)
			}
			l := filledLog(t, m, k, 4) // an office opens and goes on
			if l.Head().Seq != head.Seq+4 {
				t.Errorf("got head %d after the break %d", l.Head().Seq, head.Seq)
			}
			v, err := l.Verify(t.Context(), witnesses...)
			if err != nil || !v.OK() || len(v.Segments) != 2 || v.Segments[0].FirstBad != before.FirstBad || v.Segments[0].Closed == nil || v.Head != l.Head() {
				t.Fatalf("got %+v, err %v, want the rest to hold and segment 1 damaged from %d on", v, err, before.FirstBad)
			}
			// A closed segment may not change again.
			if len(m.entries) > 5 {
				m.entries[0].Reason = "changed after the break"
				if v, err := l.Verify(t.Context(), witnesses...); err != nil || v.OK() {
					t.Errorf("a change of the closed segment is not found: %+v, err %v", v, err)
				}
			}
		})
	}
}

func TestABreakNeedsTwoPersonsADamageAndTheKey(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	filledLog(t, m, k, 4)
	a, b := people()
	now := schemas.MicrosOf(testNow)
	if _, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "restored a wrong backup", nil, now); !errors.Is(err, ErrNotDamaged) {
		t.Errorf("a log that holds: got %v", err)
	}
	m.entries[1].User = "x"
	ended := *b
	ended.To = now
	other := *b
	other.Role = GVCAgent
	endless, far, early := *b, *b, *b
	endless.To = 0
	far.To = now + (MaxTokenDays+1)*24*schemas.Hour
	early.From = now + 1
	for name, c := range map[string][2]*User{
		"one person twice": {a, a}, "one of nobody": {a, nil}, "both of nobody": {nil, nil}, "no auditor": {&other, b}, "one ended": {a, &ended}, "one without an end": {a, &endless},
		"one with a far end": {&far, a}, "one not yet": {a, &early}, "both without an end": {&endless, &User{Name: "x", Role: Auditor}},
	} {
		if _, _, err := CloseSegment(t.Context(), m, k, c[0], c[1], schemas.Sum{1}, "restored a wrong backup", nil, now); !errors.Is(err, ErrTwoPersons) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "short", nil, now); err == nil {
		t.Error("a break without a reason")
	}
	// A break with another key's signature closes nothing.
	if _, _, err := CloseSegment(t.Context(), m, testKeys(t), a, b, schemas.Sum{1}, "restored a wrong backup", nil, now); err != nil {
		t.Fatal(err)
	}
	if v, err := VerifyStore(t.Context(), m, &k.Site.PublicKey); err != nil || v.FirstBad != 2 || len(v.Segments) != 1 {
		t.Errorf("got %+v, err %v, want the damage open", v, err)
	}
}

// breakingScanner is a log whose reading breaks off before an entry.
type breakingScanner struct {
	*memory
	before uint64
}

var errBrokeOff = errors.New("the connection is gone")

func (s breakingScanner) Scan(ctx context.Context, from uint64, each func(*Entry) error) error {
	return s.memory.Scan(ctx, from, func(e *Entry) error {
		if e.Seq >= s.before {
			return errBrokeOff
		}
		return each(e)
	})
}

// A log read in part is neither whole nor damaged, even with whole segments; an office opens by that.
func TestAVerificationThatBreaksOffSaysNothing(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	filledLog(t, m, k, 8)
	m.entries[2].User = "x"
	a, b := people()
	if _, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "restored a wrong backup", nil, schemas.MicrosOf(testNow)); err != nil {
		t.Fatal(err)
	}
	filledLog(t, m, k, 4)
	m.entries[len(m.entries)-2].User = "y"
	for before := uint64(1); before <= m.head.Seq; before++ {
		v, err := VerifyStore(t.Context(), breakingScanner{m, before}, &k.Site.PublicKey)
		if !errors.Is(err, errBrokeOff) || v.Entries != 0 || len(v.Segments) != 0 {
			t.Errorf("before entry %d: got %+v, err %v", before, v, err)
		}
	}
}

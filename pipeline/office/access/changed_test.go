package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// breaks closes a test's damaged log.
func (m *memory) breaks(t testing.TB, k *Keys, witnesses ...Head) Break {
	t.Helper()
	a, b := people()
	br, _, err := CloseSegment(t.Context(), m, k, a, b, schemas.Sum{1}, "an administrator changed the table", witnesses, schemas.MicrosOf(testNow))
	if err != nil {
		t.Fatalf("break: %v", err)
	}
	return br
}

// closedLog makes closed segments, each damaged once, and a last segment that holds. It returns the breaks' numbers.
func closedLog(t testing.TB, m *memory, k *Keys, closed int) (numbers []uint64) {
	t.Helper()
	for i := range closed {
		filledLog(t, m, k, 4)
		m.entries[len(m.entries)-2].User = fmt.Sprintf("changed %d", i)
		m.breaks(t, k)
		numbers = append(numbers, m.head.Seq)
	}
	filledLog(t, m, k, 4)
	return numbers
}

// segment returns where m.entries has the segment closed by the i-th break, without the break.
func (m *memory) segment(numbers []uint64, i int) (from, to int) {
	place := func(seq uint64) int { return slices.IndexFunc(m.entries, func(e Entry) bool { return e.Seq == seq }) }
	if i > 0 {
		from = place(numbers[i-1])
	}
	return from, place(numbers[i])
}

// A new change to a closed segment is found, and a later break covers the change. The office goes on, and the next
// change is found again.
func TestAChangeOfAClosedSegmentIsClosedByALaterBreak(t *testing.T) {
	changes := map[string]func(m *memory, from, to int){
		"first entry edited":     func(m *memory, from, _ int) { m.entries[from].Reason = "another" },
		"first entry deleted":    func(m *memory, from, _ int) { m.entries = slices.Delete(m.entries, from, from+1) },
		"middle entry deleted":   func(m *memory, from, _ int) { m.entries = slices.Delete(m.entries, from+2, from+3) },
		"last entry edited":      func(m *memory, _, to int) { m.entries[to-1].Reason = "another" },
		"last entry deleted":     func(m *memory, _, to int) { m.entries = slices.Delete(m.entries, to-1, to) },
		"a plate deleted":        func(m *memory, from, _ int) { m.entries[from+1].Marks = nil },
		"a signature deleted":    func(m *memory, _, to int) { m.entries[to-1].Signature = nil },
		"made unreadable":        func(m *memory, from, _ int) { m.entries[from+1].Unreadable = "at is infinity" },
		"all entries deleted":    func(m *memory, from, to int) { m.entries = slices.Delete(m.entries, from, to) },
		"its break edited":       func(m *memory, _, to int) { m.entries[to].Reason = "another" },
		"its break unsigned":     func(m *memory, _, to int) { m.entries[to].Signature = nil },
		"its break deleted":      func(m *memory, _, to int) { m.entries = slices.Delete(m.entries, to, to+1) },
		"deleted with its break": func(m *memory, from, to int) { m.entries = slices.Delete(m.entries, from, to+1) },
	}
	const closed = 3
	for name, change := range changes {
		for i, place := range []string{"first", "middle", "last"} {
			for _, newest := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s of the %s segment, newest damaged %v", name, place, newest), func(t *testing.T) {
					m, k := &memory{}, testKeys(t)
					numbers := closedLog(t, m, k, closed)
					key := &k.Site.PublicKey
					if v, err := VerifyStore(t.Context(), m, key, m.head); err != nil || !v.OK() || len(v.Segments) != closed+1 {
						t.Fatalf("before the change: %+v, err %v", v, err)
					}
					from, to := m.segment(numbers, i)
					change(m, from, to)
					if newest {
						m.entries[len(m.entries)-2].Reason = "another"
					}
					v, err := VerifyStore(t.Context(), m, key, m.head)
					if err != nil || v.OK() || v.FirstBad > numbers[i] {
						t.Fatalf("the change is not found: %+v, err %v", v, err)
					}
					br := m.breaks(t, k)
					if !strings.Contains(br.Says(), "closed") || !strings.Contains(br.Says(), v.Problem) {
						t.Errorf("the break says %q, want %q", br.Says(), v.Problem)
					}
					l := filledLog(t, m, k, 2) // an office opens and goes on
					if v, err := l.Verify(t.Context()); err != nil || !v.OK() || v.Head != l.Head() {
						t.Fatalf("after the break: %+v, err %v", v, err)
					}
					m.entries[0].Zones = "changed once more"
					if v, err := l.Verify(t.Context()); err != nil || v.OK() {
						t.Fatalf("the next change is not found: %+v, err %v", v, err)
					}
					m.breaks(t, k)
					if v, err := filledLog(t, m, k, 2).Verify(t.Context()); err != nil || !v.OK() {
						t.Errorf("after the next break: %+v, err %v", v, err)
					}
				})
			}
		}
	}
}

// A verification names the changed segment, the persons who closed it again, and the break's number. A segment in
// between that holds is not called damaged.
func TestAVerificationSaysWhichBreakCoversAChange(t *testing.T) {
	m, k := &memory{}, testKeys(t)
	numbers := closedLog(t, m, k, 2)
	m.entries[0].Reason = "another"
	br := m.breaks(t, k)
	if br.FirstBad != 0 || len(br.Earlier) != 1 || br.Earlier[0].Closing != numbers[0] || br.Earlier[0].FirstBad != 1 {
		t.Errorf("got %+v, want the segment before entry %d from entry 1 on", br, numbers[0])
	}
	v, err := VerifyStore(t.Context(), m, &k.Site.PublicKey)
	if err != nil || !v.OK() || len(v.Segments) != 4 {
		t.Fatalf("got %+v, err %v", v, err)
	}
	s := v.Segments[0]
	for _, part := range []string{fmt.Sprintf("changed after entry %d had closed it", numbers[0]), fmt.Sprintf("entry %d covers the change", m.head.Seq)} {
		if !strings.Contains(s.Problem, part) {
			t.Errorf("segment 1 says %q, want %q", s.Problem, part)
		}
	}
	if s.FirstBad != 1 || s.Closed == nil || s.Closed.Earlier == nil {
		t.Errorf("got segment 1 %+v", s)
	}
	if third := v.Segments[2]; third.FirstBad != 0 || third.Closed == nil {
		t.Errorf("the segment that holds: %+v", third)
	}
}

package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A partition with unreadable records stops right before them and keeps its place; the others are stored to their end
// meanwhile. When the loss is recorded, the partition goes on behind it under any owner. Every other record is stored
// once and judged as if the lost records had never been.
func TestAPartitionThatCannotBeReadIsParkedAndTheOthersGoOn(t *testing.T) {
	const partition = 1
	for seed := range uint64(simSeeds / 11) { // 30, four under the race detector
		rng := rand.New(rand.NewPCG(seed, 9))
		var recorded, stood bool
		var poison Loss
		m := runSim(t, seed, profile{workers: 1 + int(seed%2), members: seed%3 == 0, crash: int(seed%5) % 2 * 10}, func(m *sim) {
			m.tables.losses = map[int32][]Loss{}
			m.config = func(c *Config) { c.ParkedAsk = 500 * time.Millisecond }
			m.more = func() bool { return !recorded }
			var look func()
			look = func() {
				if c := m.log.committed[partition]; c.offset != poison.Start || !m.doneBut(partition) {
					m.s.executeAfter(20*time.Millisecond, "look", look)
					return
				}
				stood, recorded = true, true
				m.tables.losses[partition] = []Loss{poison}
				m.tables.durable[partition] = append(m.tables.durable[partition], Range{Start: poison.Start, End: poison.End})
			}
			m.s.executeAfter(time.Nanosecond, "poison", func() { // before anything is fetched: some records of the middle cannot be read, or the first
				x := &m.log.parts[partition]
				from := []int64{0, 20 + rng.Int64N(int64(len(x.offsets))-30)}[min(seed%4, 1)]
				poison = Loss{x.offsets[from], x.offsets[from+1+rng.Int64N(8)]}
				x.poison = poison
				look()
			})
		})
		x := &m.log.parts[partition]
		for i, v := range slices.Backward(x.offsets) { // the reference never sees what was given up
			if o := v; o >= poison.Start && o < poison.End {
				x.offsets, x.values = append(x.offsets[:i:i], x.offsets[i+1:]...), append(x.values[:i:i], x.values[i+1:]...)
			}
		}
		if faults := simReference(m.log).faultsOf(m); len(faults) > 0 || !stood {
			t.Errorf("seed %d, lost [%d, %d), stood %t: %s", seed, poison.Start, poison.End, stood, strings.Join(faults, "; "))
		}
	}
}

// doneBut reports whether every partition except one is stored to its end.
func (m *sim) doneBut(partition int32) bool {
	for p := range m.log.parts {
		x, c := &m.log.parts[p], m.log.committed[int32(p)]
		if n := len(x.offsets); int32(p) != partition && n > 0 && c.offset <= x.offsets[n-1] {
			return false
		}
	}
	return true
}

// Without a person nothing is skipped: a parked partition stands where it stood, however long.
func TestAParkedPartitionSkipsNothingByItself(t *testing.T) {
	var poison Loss
	over := false
	m := runSim(t, 3, profile{workers: 2}, func(m *sim) {
		m.tables.losses = map[int32][]Loss{}
		m.config = func(c *Config) { c.ParkedAsk = 5 * time.Second }
		m.poll = 5 * time.Second // hours of nothing: without it there are more steps than a run may have
		x := &m.log.parts[1]
		m.more = func() bool { return !over }
		m.s.executeAfter(time.Nanosecond, "poison", func() { poison = Loss{x.offsets[30], x.offsets[31]}; x.poison = poison })
		m.s.executeAfter(3*time.Hour, "end", func() { over = true; m.bad = append(m.bad, "time is over") })
	})
	if c := m.log.committed[1]; c.offset != poison.Start || len(m.bad) != 1 || m.took < 3*time.Hour {
		t.Errorf("committed %+v after %v with records [%d, %d) unreadable: %v", c, m.took, poison.Start, poison.End, m.bad)
	}
}

func TestLossesAreCrossed(t *testing.T) {
	plan := Plan{Version: planVersion, Start: 100, End: 100, Rewind: 40, RewindClock: 7}
	under := plan
	under.End = 130
	log := logBounds{0, 500}
	for _, c := range []struct {
		name    string
		plan    Plan
		losses  []Loss
		to      int64
		rewind  int64
		stop    string
		rereads string // parts of the horizon that are read back
	}{
		{"a loss at the next record", plan, []Loss{{100, 120}}, 120, 40, "", "[40, 100)"},
		{"two losses, one behind the other", plan, []Loss{{100, 120}, {120, 121}}, 121, 40, "", "[40, 100)"},
		{"a loss of before lies in the horizon", plan, []Loss{{50, 60}, {100, 120}}, 120, 40, "", "[40, 50) [60, 100)"},
		{"the horizon begins in a loss", plan, []Loss{{30, 60}, {100, 120}}, 120, 60, "", "[60, 100)"},
		{"a batch under way is lost with it", under, []Loss{{100, 130}}, 130, 40, "", "[40, 100)"},
		{"the loss ends within the batch under way", under, []Loss{{100, 120}}, 0, 0, "up to offset 130", ""},
		{"the loss ends beyond the log", plan, []Loss{{100, 501}}, 0, 0, "the log at 500", ""},
	} {
		over, next, err := c.plan.crossLosses(c.losses, log)
		if c.stop != "" {
			if !errors.Is(err, ErrStop) || !strings.Contains(err.Error(), c.stop) {
				t.Errorf("%s: %v, want a stop that says %q", c.name, err, c.stop)
			}
			continue
		}
		var parts []string
		for _, p := range RangesOutside(c.losses, next.Rewind, next.Start) {
			parts = append(parts, fmt.Sprintf("[%d, %d)", p.Start, p.End))
		}
		if err != nil || over.Start != 100 || over.End != c.to || next.Start != c.to || next.UnderWay() || next.Rewind != c.rewind || next.RewindClock != 7 || strings.Join(parts, " ") != c.rereads {
			t.Errorf("%s: over %+v, next %+v, rereads %v, err %v", c.name, over, next, parts, err)
		}
	}
}

// For any losses: the ranges outside them and the losses together are the whole, once.
func TestOutsideAndLossesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var losses []Loss
		at := int64(0)
		for range rapid.IntRange(0, 6).Draw(t, "losses") {
			at += int64(rapid.IntRange(0, 5).Draw(t, "gap"))
			l := Loss{at, at + int64(rapid.IntRange(1, 5).Draw(t, "length"))}
			losses, at = append(losses, l), l.End
		}
		from := int64(rapid.IntRange(0, 30).Draw(t, "from"))
		to := from + int64(rapid.IntRange(0, 30).Draw(t, "span"))
		seen := map[int64]int{}
		for _, p := range RangesOutside(losses, from, to) {
			for o := p.Start; o < p.End; o++ {
				seen[o]++
			}
		}
		for o := int64(-1); o < 70; o++ {
			lost := false
			for _, l := range losses {
				lost = lost || o >= l.Start && o < l.End
			}
			want := 0
			if o >= from && o < to && !lost {
				want = 1
			}
			if seen[o] != want {
				t.Fatalf("offset %d is read %d times, want %d", o, seen[o], want)
			}
			if next := skipLosses(losses, o); lost != (next > o) {
				t.Fatalf("beyond %d: %d, lost %t", o, next, lost)
			}
		}
	})
}

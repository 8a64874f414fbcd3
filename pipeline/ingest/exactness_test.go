package ingest

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// profiles are the faults of ECOSYSTEM.md section C.3 at level 1: each alone, then all together.
var profiles = []profile{
	{name: "none", workers: 1},
	{name: "crash at any await point (F01)", workers: 2, crash: 60},
	{name: "lost answers, late effects, partial writes (F04)", workers: 2, trouble: 12},
	{name: "inserts slower than the session timeout (F04)", workers: 2, slow: 12, crash: 400},
	{name: "zombies: stalls beyond the session timeout (F04, F05)", workers: 3, freeze: 60},
	{name: "members join and leave all the time (F05)", workers: 2, members: true},
	{name: "database down for 10 minutes (F03)", workers: 2, outage: true, crash: 1500},
	{name: "offsets with holes (F08)", workers: 2, sparse: true, crash: 100},
	{name: "records arrive during the run", workers: 2, live: true, crash: 150, trouble: 40},
	{name: "everything", workers: 3, crash: 120, freeze: 200, trouble: 30, slow: 150, members: true, live: true, sparse: true},
	{name: "everything and the outage", workers: 3, crash: 800, freeze: 900, trouble: 60, slow: 300, members: true, outage: true, live: true},
}

// seedCount is how many seeds each profile gets: ANPR_SIM_SEEDS over all profiles, simSeeds by default.
func seedCount(t *testing.T) int {
	t.Helper()
	n := simSeeds
	if s := os.Getenv("ANPR_SIM_SEEDS"); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil || v < 1 {
			t.Fatalf("ANPR_SIM_SEEDS=%q is not a number of seeds", s)
		}
		n = v
	}
	return (n + len(profiles) - 1) / len(profiles)
}

// onlySeed is the seed to replay, from ANPR_SIM_SEED; 0 = none.
func onlySeed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("ANPR_SIM_SEED")
	if s == "" {
		return 0
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("ANPR_SIM_SEED=%q is not a seed", s)
	}
	return v
}

// faultTable is where to write the table of faults, seeds and results.
var faultTable = flag.String("fault-table", "", "write the table of faults x seeds x result to this file")

// outcome sums the runs of one profile.
type outcome struct {
	seeds, bad                                              int
	steps, crashes, freezes, troubles, late, fenced, rounds int
	repeats                                                 int
	virtual                                                 time.Duration
}

func (o *outcome) addRun(m *sim, bad bool) {
	o.seeds++
	if bad {
		o.bad++
	}
	o.steps += m.s.steps
	o.crashes += m.stats.crashes
	o.freezes += m.stats.freezes
	o.troubles += m.stats.troubles
	o.late += m.stats.late
	o.fenced += m.stats.fenced
	o.rounds += m.stats.rebalances
	o.repeats += m.tables.repeats
	o.virtual += m.took
}

func TestFaultsChangeNothing(t *testing.T) {
	n, only := seedCount(t), onlySeed(t)
	var mu sync.Mutex
	results := map[string]*outcome{}
	t.Run("seeds", func(t *testing.T) {
		for i, prof := range profiles {
			t.Run(prof.name, func(t *testing.T) {
				t.Parallel()
				out := &outcome{}
				for k := range n {
					seed := uint64(i+1)*1_000_000 + uint64(k)
					if only != 0 && seed != only {
						continue
					}
					m := runSim(t, seed, prof, func(m *sim) { m.s.keep = only != 0 })
					faults := simReference(m.log).faultsOf(m)
					out.addRun(m, faults != nil)
					if faults != nil {
						t.Errorf("seed %d: %s\nreplay: ANPR_SIM_SEED=%d go test ./pipeline/ingest -run FaultsChangeNothing", seed, strings.Join(faults, "\n  "), seed)
						for _, line := range m.s.lines {
							t.Log(line)
						}
					}
				}
				mu.Lock()
				results[prof.name] = out
				mu.Unlock()
			})
		}
	})
	if only == 0 {
		checkCoverage(t, results)
	}
	writeFaultTable(t, results)
}

// checkCoverage asserts that the faults have happened: a simulation without faults proves nothing.
func checkCoverage(t *testing.T, results map[string]*outcome) {
	t.Helper()
	sum := outcome{}
	for _, o := range results {
		sum.crashes += o.crashes
		sum.freezes += o.freezes
		sum.troubles += o.troubles
		sum.late += o.late
		sum.fenced += o.fenced
		sum.rounds += o.rounds
		sum.repeats += o.repeats
	}
	enough := max(1, 20*seedCount(t)*len(profiles)/330) // of the 330 seeds of a plain run; the race detector gets fewer
	for what, v := range map[string]int{
		"crashes": sum.crashes, "freezes": sum.freezes, "troubles": sum.troubles, "late effects": sum.late, "fenced commits": sum.fenced,
		"rebalances": sum.rounds, "repeats dropped by their token": sum.repeats,
	} {
		if v < min(enough, 20) {
			t.Errorf("only %d %s over all seeds, want at least %d: too few to prove anything", v, what, min(enough, 20))
		}
	}
}

// TestTheSameSeedIsTheSameSchedule runs seeds twice and compares the hashes over all events and their times.
func TestTheSameSeedIsTheSameSchedule(t *testing.T) {
	seen := map[uint64]uint64{}
	for _, prof := range profiles {
		for seed := uint64(1); seed <= sameSeeds; seed++ {
			first := runSim(t, seed, prof, func(m *sim) { m.s.keep = true })
			second := runSim(t, seed, prof, func(m *sim) { m.s.keep = true })
			a, b := first.s.trace.Sum64(), second.s.trace.Sum64()
			if a != b {
				t.Errorf("%s, seed %d: two runs differ at %s", prof.name, seed, firstDifference(first.s.lines, second.s.lines))
			}
			seen[a]++
		}
	}
	if want := sameSeeds * len(profiles); len(seen) != want {
		t.Errorf("%d different schedules of %d seeds: the seed does not choose the schedule", len(seen), want)
	}
}

// mutants are defects which the harness must detect, each within some seeds of the provoking profile.
var mutants = []struct {
	mutation
	prof profile
}{
	{mutation{name: "commits before the insert", commitsEarly: true}, profile{workers: 2, crash: 60}},
	{mutation{name: "forgets the rewind", forgetsRewind: true}, profile{workers: 2, crash: 60}},
	{mutation{name: "does not follow the plan", forgetsPlan: true}, profile{workers: 2, crash: 60}},
	{mutation{name: "drops on a full queue", dropsWhenFull: true}, profile{workers: 1, slow: 30}},
	{mutation{name: "no fence", unfenced: true}, profile{workers: 3, freeze: 60, crash: 150}},
	{mutation{name: "token of the worker, not of the range", foreignToken: true}, profile{workers: 2, crash: 60}},
	{mutation{name: "a new token at every try", noToken: true}, profile{workers: 2, trouble: 12}},
	{mutation{name: "window of 2 tokens", window: 2}, profile{workers: 2, crash: 60, trouble: 12}},
	{mutation{name: "does not wait for the topics", unacknowledged: true}, profile{workers: 2, crash: 40}},
	{mutation{name: "rebuilds without history", forgetsHistory: true}, profile{workers: 2, crash: 60}},
}

// mutantSeeds is within how many seeds each mutant must be caught.
const mutantSeeds = 12

// TestHarnessCatchesMutants checks the harness itself: an undetected mutant would mean an unproved guarantee.
func TestHarnessCatchesMutants(t *testing.T) {
	for _, x := range mutants {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= mutantSeeds; seed++ {
				m := runSim(t, seed, x.prof, func(m *sim) { m.mut = x.mutation })
				if faults := simReference(m.log).faultsOf(m); faults != nil {
					t.Logf("caught at seed %d: %.200s", seed, strings.Join(faults, "; "))
					return
				}
			}
			t.Errorf("%d seeds gave the right result with this defect: the harness does not see it", mutantSeeds)
		})
	}
}

func writeFaultTable(t *testing.T, results map[string]*outcome) {
	t.Helper()
	if *faultTable == "" {
		return
	}
	var b strings.Builder
	b.WriteString("| fault | level | seeds | wrong results | steps | crashes | stalls | errors | late effects | commits fenced | rebalances | repeats dropped | virtual time |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range profiles {
		o := results[p.name]
		fmt.Fprintf(&b, "| %s | 1 | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %s |\n", p.name, o.seeds, o.bad, o.steps,
			o.crashes, o.freezes, o.troubles, o.late, o.fenced, o.rounds, o.repeats, o.virtual.Round(time.Second))
	}
	fmt.Fprintf(&b, "\n%s, %s/%s, %d records and %d partitions a seed.\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, simRecords, simPartitions)
	if err := os.WriteFile(*faultTable, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

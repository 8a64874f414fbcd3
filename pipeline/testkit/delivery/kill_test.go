package delivery

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// readsInLog is the size of a universe's log: large enough that no worker is out of work before the last fault.
const readsInLog = 4000

// anyStep fits every event.
func anyStep(event) bool { return true }

// vary gives the worker another size and linger of batches than its predecessor, so that a range not taken over
// from the plan would differ.
func vary(j job, rng *rand.Rand) job {
	j.BatchRows, j.Linger = 40+rng.IntN(300), time.Duration(1+rng.IntN(20))*time.Millisecond
	return j
}

// TestRandomKillsChangeNothing runs two workers on a growing log, kills either again and again at a random moment,
// and starts another instead.
func TestRandomKillsChangeNothing(t *testing.T) {
	const worlds, each = 4, 6
	t.Parallel()
	var underLoad atomic.Int64
	t.Run("worlds", func(t *testing.T) {
		for range worlds {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				u := newUniverse(t, readsInLog)
				u.fault, u.struck = "F01 worker killed at random moments, in its youth, and exactly between insert and commit", each
				underLoad.Add(u.killAtRandom(each))
				u.finish(vary(u.job, rand.New(rand.NewPCG(u.seed, 9))))
				u.verify()
			})
		}
	})
	t.Logf("%d kills while there was work", underLoad.Load())
	if n := underLoad.Load(); n < 20 && !t.Failed() {
		t.Errorf("%d kills while there was work are too few to prove anything, want 20", n)
	}
}

// killAtRandom returns how many workers it killed while there was work.
func (u *universe) killAtRandom(times int) (underLoad int64) {
	u.t.Helper()
	rng := rand.New(rand.NewPCG(u.seed, 1))
	var slots [2]*process
	for i := range slots {
		slots[i] = start(u.t, vary(u.job, rng))
	}
	for k := range times {
		u.send(rng, (float64(k)+0.5)/float64(times+1))
		ctx, cancel := context.WithTimeout(u.t.Context(), patience)
		victim := rng.IntN(len(slots))
		switch k % 4 {
		case 1: // exactly between insert and commit
			slots[victim].stop()
			j := vary(u.job, rng)
			j.Fault = fault{At: []step{afterInsert, beforeCommit}[rng.IntN(2)], Nth: 1 + rng.IntN(3), Signal: syscall.SIGKILL}
			slots[victim] = start(u.t, j)
			if u.diesAtWork(ctx, slots[victim], rng) {
				underLoad++
				cancel()
				slots[victim] = start(u.t, vary(u.job, rng))
				continue
			}
		case 3: // early: while the worker joins, or takes a partition over
			slots[victim].kill()
			slots[victim] = start(u.t, vary(u.job, rng))
			wait, done := context.WithTimeout(ctx, time.Duration(100+rng.IntN(1500))*time.Millisecond)
			slots[victim].await(wait, func(event) bool { return false })
			done()
		default:
			u.works(ctx, slots[victim], 1+rng.IntN(15), rng)
		}
		cancel()
		u.send(rng, u.share()+0.5/float64(times+1)) // work during the death
		if u.behind() {
			underLoad++
		}
		slots[victim].kill()
		if !slots[victim].killed() {
			u.t.Fatalf("kill %d: the worker had ended before: %v\n%s", k, slots[victim].err, slots[victim].log.tail())
		}
		slots[victim] = start(u.t, vary(u.job, rng))
	}
	u.send(rng, 1)
	for _, p := range slots {
		p.kill()
	}
	return underLoad
}

// diesAtWork gives the worker work until the fault has killed the worker; false when the log ended before.
func (u *universe) diesAtWork(ctx context.Context, p *process, rng *rand.Rand) bool {
	u.t.Helper()
	for {
		wait, done := context.WithTimeout(ctx, 300*time.Millisecond)
		p.await(wait, func(event) bool { return false })
		done()
		switch {
		case p.killed():
			return true
		case p.alive() != nil || ctx.Err() != nil:
			u.t.Fatalf("the worker was to die and did not: %v %v\n%s", p.err, ctx.Err(), p.log.tail())
		case !u.behind() && u.sent == len(u.records):
			return false
		case !u.behind():
			u.send(rng, u.share()+0.02)
		}
	}
}

// works returns when the worker has passed so many more steps, and sends more of the log when the worker runs out.
func (u *universe) works(ctx context.Context, p *process, steps int, rng *rand.Rand) {
	u.t.Helper()
	for steps > 0 {
		wait, done := context.WithTimeout(ctx, time.Second)
		_, ok := p.await(wait, anyStep)
		idle := wait.Err() != nil
		done()
		switch {
		case ok:
			steps--
		case !idle || ctx.Err() != nil:
			u.t.Fatalf("the worker does nothing: %v %v\n%s", p.err, ctx.Err(), p.log.tail())
		case u.sent == len(u.records):
			return
		case !u.behind():
			u.send(rng, u.share()+0.02)
		}
	}
}

// TestAKillAtAnyStepChangesNothing kills workers exactly at each step of the protocol, in the first batch, which
// finishes the predecessor's, and in a later batch.
func TestAKillAtAnyStepChangesNothing(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]fault{
		"around the plan":    {{At: beforePlan, Nth: 3}, {At: afterPlan, Nth: 2}, {At: afterPlan, Nth: 1}, {At: beforePlan, Nth: 1}},
		"around the insert":  {{At: insideInsert, Nth: 2, After: 3 * time.Millisecond}, {At: insideInsert, Nth: 1, After: time.Millisecond}, {At: afterInsert, Nth: 3}, {At: afterInsert, Nth: 1}},
		"during the rebuild": {{At: beforePlan, Nth: 4}, {At: insideRebuild, Nth: 1}, {At: insideRebuild, Nth: 2}, {At: afterInsert, Nth: 2}, {At: insideRebuild, Nth: 3}},
		"around the commit":  {{At: beforeCommit, Nth: 1}, {At: afterCommit, Nth: 1}, {At: beforeCommit, Nth: 2}, {At: afterInsert, Nth: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUniverse(t, readsInLog/2)
			u.fault, u.struck = "F01 worker killed "+name, len(faults)
			rng := rand.New(rand.NewPCG(u.seed, 2))
			for i, f := range faults {
				u.send(rng, float64(i+1)/float64(len(faults)+1))
				j := vary(u.job, rng)
				j.Fault, j.Fault.Signal = f, syscall.SIGKILL
				j.BatchRows = min(j.BatchRows, 30) // else a fast worker is through before the fault
				u.diesFed(j, rng)
			}
			u.send(rng, 1)
			u.finish(vary(u.job, rng))
			u.verify()
		})
	}
}

// diesFed is dies with more of the log sent whenever the worker has read all there is.
func (u *universe) diesFed(j job, rng *rand.Rand) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	p := start(u.t, j)
	if !u.diesAtWork(ctx, p, rng) {
		u.t.Fatalf("the log ended before the worker had passed %s %d times\n%s", j.Fault.At, j.Fault.Nth, p.log.tail())
	}
}

// dies runs a worker until the fault kills the worker.
func (u *universe) dies(j job) {
	u.t.Helper()
	p := start(u.t, j)
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	if p.await(ctx, func(event) bool { return false }); !p.killed() {
		u.t.Fatalf("a worker was to die %s, passing %d, and did not: %v\n%s", j.Fault.At, j.Fault.Nth, p.err, p.log.tail())
	}
}

// TestTheTestSeesAMissingPlan checks the tests themselves: commits without a plan must give duplicates.
func TestTheTestSeesAMissingPlan(t *testing.T) {
	t.Parallel()
	u := newUniverse(t, readsInLog/4)
	rng := rand.New(rand.NewPCG(u.seed, 3))
	u.send(rng, 1)
	u.job.Fault.Unplan = true
	j := u.job
	j.BatchRows, j.Fault.At, j.Fault.Nth, j.Fault.Signal = 150, afterInsert, 1, syscall.SIGKILL
	u.dies(j)
	j.BatchRows = 90
	u.finish(j)
	found := u.faults()
	for _, f := range found {
		t.Logf("seen, as it should be: %.150s", f)
	}
	if len(found) == 0 {
		t.Error("without plans a kill between insert and commit changed nothing: the tests do not see the plan")
	}
}

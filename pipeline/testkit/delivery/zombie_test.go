package delivery

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
)

// TestAZombieChangesNothing stops a worker in the middle of a batch until another has taken its partitions over,
// done the batch and gone on, and then wakes the worker.
func TestAZombieChangesNothing(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]step{"between plan and insert": afterPlan, "between insert and commit": afterInsert} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUniverse(t, readsInLog/2)
			u.fault, u.struck = "F04 worker stopped (SIGSTOP) "+name+" until another had its partitions, then woken", 1
			rng := rand.New(rand.NewPCG(u.seed, 4))
			u.send(rng, 0.8)
			j := u.job
			j.BatchRows, j.Fault = 60, fault{At: at, Nth: 2, Signal: syscall.SIGSTOP}
			zombie := start(t, j)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			e, ok := zombie.await(ctx, func(e event) bool { return e.step == "struck" })
			if !ok {
				t.Fatalf("the worker did not come %s: %v\n%s", at, zombie.err, zombie.log.tail())
			}
			heir := start(t, vary(u.job, rng))
			if _, ok := heir.await(ctx, func(h event) bool { return h.partition == e.partition && h.from >= e.to && h.step == afterInsert }); !ok {
				t.Fatalf("the other worker did not take the partition over: %v\n%s", heir.err, heir.log.tail())
			}
			if err := zombie.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			if at == afterPlan { // the worker goes on with the insert
				if z, ok := zombie.await(ctx, func(z event) bool { return z.partition == e.partition }); !ok || z.step != insideInsert || z.from != e.from {
					t.Errorf("the zombie woke up to %v, want to the insert of [%d, %d)", z, e.from, e.to)
				}
			}
			u.send(rng, 1)
			u.finish(vary(u.job, rng))
			zombie.stop()
			heir.stop()
			u.verify()
		})
	}
}

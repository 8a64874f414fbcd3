//go:build faults

package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// TestScaleOutAndIn goes from one worker to three and back under load, one at a time, measures the delay of hits,
// and expects exactly the results of a single undisturbed worker. A hit's latency counts from the moment when the
// read was due to be sent.
func TestScaleOutAndIn(t *testing.T) {
	alone(t)
	broker, _ := behindLinks(t)
	addr, db := testkit.Tables(t)
	u := newUniverseAt(t, readsInLog, broker, addr, db)
	u.fault = "F05 scaled out 1, 2, 3 and in 3, 2, 1 workers under load"
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	w := &team{u: u, j: u.job}
	w.j.Session = 6 * time.Second // as in production: the cost of a hand-over depends on it
	s := u.stream(ctx, 100)
	changes := []int{2, 3, 2, 1}
	// each change has its own records, however slow the machine is
	share := func(i int) int64 { return int64(len(u.records) * (i + 1) / (len(changes) + 2)) }
	s.most.Store(share(0))
	hits := u.followHits(ctx, s)
	w.grow(1)
	done := w.progress(ctx, s, "first worker", 0)
	pass(ctx, 2*time.Second)
	hits.begin() // the first hits waited for the first worker
	for i, n := range changes {
		s.most.Store(share(i + 1))
		before := u.assigned(ctx, t)
		if n > len(w.members) {
			w.grow(n)
		} else {
			w.shrink(n)
		}
		u.struck++
		u.rebalanced(ctx, t, before)
		done = w.progress(ctx, s, fmt.Sprintf("with %d workers", n), done)
		pass(ctx, longer(t, time.Second, 10*time.Second))
		hits.await(ctx, 6*(i+1)) // each change has its own hits, however fast the machine is
	}
	hits.end()
	s.finish()
	w.settle()
	u.detail = hits.report(t)
	u.verify()
}

// assigned returns the group's members by partition, as the broker knows them.
func (u *universe) assigned(ctx context.Context, t *testing.T) map[string]int {
	t.Helper()
	groups, err := adminOf(t, u.job.Kafka).DescribeGroups(ctx, u.job.Group)
	if err != nil {
		return nil
	}
	out := map[string]int{}
	for _, m := range groups[u.job.Group].Members {
		out[m.MemberID]++
	}
	return out
}

// rebalanced waits until the group has other members than before.
func (u *universe) rebalanced(ctx context.Context, t *testing.T, before map[string]int) {
	t.Helper()
	for {
		now := u.assigned(ctx, t)
		if now != nil && len(now) != len(before) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the group still has %d members", len(before))
		}
		poll(ctx)
	}
}

// TestRebalanceStorm lets a worker join or leave every two seconds, in good order or by SIGKILL.
func TestRebalanceStorm(t *testing.T) {
	alone(t)
	broker, _ := behindLinks(t)
	addr, db := testkit.Tables(t)
	u := newUniverseAt(t, readsInLog, broker, addr, db)
	storm := longer(t, 24*time.Second, 5*time.Minute)
	u.fault = fmt.Sprintf("F05 rebalance storm: a worker joins or leaves every 2 s for %v", storm)
	rng := rand.New(rand.NewPCG(u.seed, 41))
	ctx, cancel := context.WithTimeout(t.Context(), storm+3*patience)
	defer cancel()
	w := &team{u: u, j: u.job}
	w.grow(2)
	s := u.stream(ctx, int(float64(readsInLog)/storm.Seconds())+1)
	done := w.progress(ctx, s, "before the storm", 0)
	window, least := time.Now(), int64(1<<62)
	for began := time.Now(); time.Since(began) < storm; {
		switch n := len(w.members); {
		case n <= 2 || n < 4 && rng.IntN(2) == 0:
			w.grow(n + 1)
		case rng.IntN(3) == 0:
			w.members[0].kill()
			w.members = w.members[1:]
		default:
			w.shrink(n - 1)
		}
		u.struck++
		pass(ctx, 2*time.Second)
		if time.Since(window) >= max(storm/10, 12*time.Second) {
			now := w.progress(ctx, s, "in a window of the storm", done) // waits for it on a slow machine, and fails without any
			least, done, window = min(least, now-done), now, time.Now()
		}
	}
	s.finish()
	w.rest()
	u.detail = fmt.Sprintf("at least %d records committed in every window", least)
	u.verify()
}

// rest drains the log with the workers there are, starting another now and then where the broker keeps dead members.
func (w *team) rest() {
	w.u.t.Helper()
	w.u.drained(w.j.Group, func(still time.Duration) error {
		if deadKeepPartitions && still > joinAfter(len(w.members)) {
			w.grow(len(w.members) + 1)
		}
		return w.alive(still)
	})
	w.shrink(0)
}

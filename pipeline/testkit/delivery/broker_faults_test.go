//go:build kafka

package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// These tests break the shared cluster of three brokers, so they run in turn.

// brokerFault runs two workers under a steady stream while strike does something to the brokers, times times, and
// then expects everything as in an undisturbed run: whatever was acknowledged is in the tables, once, and nobody
// had to do anything.
func brokerFault(t *testing.T, name string, times int, strike func(ctx context.Context, brokers []*kafkaBroker, u *universe, i int)) {
	brokers := cluster(t)
	addr, db := testkit.Tables(t)
	u := newUniverseAt(t, readsInLog, clusterAddr(brokers), addr, db)
	u.fault = name
	u.job.Session = 4 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	s := u.stream(ctx, 50)
	w := &team{u: u, j: u.job}
	w.grow(2)
	done := w.progress(ctx, s, "before the fault", 0)
	for i := range times {
		if s.sent.Load() < int64(len(u.records)) {
			u.struck++ // under load
		}
		strike(ctx, brokers, u, i)
		done = w.progress(ctx, s, "after the fault", done)
	}
	if u.struck == 0 {
		t.Error("no fault while there was work")
	}
	s.finish()
	w.settle()
	whole(t)
	u.verify()
}

func TestClusterBrokerRestartsClean(t *testing.T) {
	brokerFault(t, "F02 broker restarted with SIGTERM, each of three in turn", clusterSize, func(_ context.Context, brokers []*kafkaBroker, _ *universe, i int) {
		brokers[i].end(t, syscall.SIGTERM)
		brokers[i].restart(t)
		whole(t)
	})
}

func TestClusterBrokerIsKilled(t *testing.T) {
	brokerFault(t, "F02 broker killed with SIGKILL, each of three in turn", clusterSize, func(_ context.Context, brokers []*kafkaBroker, _ *universe, i int) {
		brokers[i].end(t, syscall.SIGKILL)
		brokers[i].restart(t)
		whole(t)
	})
}

func TestClusterIsDown(t *testing.T) {
	down := longer(t, 8*time.Second, 2*time.Minute)
	brokerFault(t, fmt.Sprintf("F02 all three brokers killed, down for %v", down), 1, func(ctx context.Context, brokers []*kafkaBroker, _ *universe, _ int) {
		for _, b := range brokers {
			b.end(t, syscall.SIGKILL)
		}
		pass(ctx, down)
		for _, b := range brokers {
			b.restart(t)
		}
		whole(t)
	})
}

func TestClusterBrokerStandsStill(t *testing.T) {
	stand := longer(t, 7*time.Second, time.Minute)
	brokerFault(t, fmt.Sprintf("F17 the group's coordinator stopped with SIGSTOP for %v, longer than the sessions", stand), 1,
		func(ctx context.Context, brokers []*kafkaBroker, u *universe, _ int) {
			groups, err := adminOf(t, u.job.Kafka).DescribeGroups(ctx, u.job.Group)
			if err != nil {
				t.Fatal(err)
			}
			id := groups[u.job.Group].Coordinator.NodeID
			b := brokers[slices.IndexFunc(brokers, func(b *kafkaBroker) bool { return b.id == int(id) })]
			b.signal(t, syscall.SIGSTOP)
			pass(ctx, stand)
			b.signal(t, syscall.SIGCONT)
			whole(t)
		})
}

func TestClusterLeadersMove(t *testing.T) {
	seed := runSeed()
	rng := rand.New(rand.NewPCG(seed, 21))
	brokerFault(t, "F02 leaders moved, the reads' and the offsets' topic", 4, func(ctx context.Context, _ []*kafkaBroker, u *universe, _ int) {
		adm := adminOf(t, u.job.Kafka)
		for topic, n := range map[string]int{u.job.Topic: partitions, "__consumer_offsets": 3} {
			var req kadm.AlterPartitionAssignmentsReq
			var elect kadm.TopicsSet
			for p := range n {
				ids := []int32{1, 2, 3}
				rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
				req.Assign(topic, int32(p), ids)
				elect.Add(topic, int32(p))
			}
			if _, err := adm.AlterPartitionAssignments(ctx, req); err != nil {
				t.Fatalf("seed %d: new order of replicas: %v", seed, err)
			}
			poll(ctx)
			if _, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, elect); err != nil {
				t.Fatalf("seed %d: elect leaders: %v", seed, err)
			}
		}
		whole(t)
	})
}

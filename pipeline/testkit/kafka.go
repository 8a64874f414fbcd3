package testkit

import (
	"context"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// EnvKafka names a real broker for tests that can use a real broker: host:port, as deploy/kafka-test/run.sh sets
// it. Tests may delete everything on that broker.
const EnvKafka = "ANPR_TEST_KAFKA"

// RealBroker returns the address of the broker named by ANPR_TEST_KAFKA, after emptying these topics (partitions
// by name) and forgetting all consumer groups without members. ok is false when no broker is named. Packages that
// share the broker must be tested in turn (go test -p 1).
func RealBroker(tb testing.TB, topics map[string]int) (addr string, ok bool) {
	tb.Helper()
	addr = os.Getenv(EnvKafka)
	if addr == "" {
		return "", false
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		tb.Fatal("embeddedtest: ", err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	adm := kadm.NewClient(cl)
	if err := empty(ctx, adm, topics); err != nil {
		tb.Fatalf("embeddedtest: empty the topics of %s=%s: %v", EnvKafka, addr, err)
	}
	return addr, true
}

func empty(ctx context.Context, adm *kadm.Client, topics map[string]int) error {
	names := slices.Sorted(maps.Keys(topics))
	if groups, err := adm.ListGroups(ctx); err == nil {
		_, _ = adm.DeleteGroups(ctx, groups.Groups()...) // a group with members refuses and stays
	}
	if _, err := adm.DeleteTopics(ctx, names...); err != nil {
		return err
	}
	for _, name := range names {
		// A broker answers that the topic exists until the topic has been deleted.
		err := retryUntilDone(ctx, func() error {
			_, err := adm.CreateTopic(ctx, int32(topics[name]), 1, nil, name)
			return err
		})
		if err != nil {
			return err
		}
	}
	// A broker announces a partition a moment before serving the partition.
	return retryUntilDone(ctx, func() error {
		list, err := adm.ListEndOffsets(ctx, names...)
		if err != nil {
			return err
		}
		return list.Error()
	})
}

// retryUntilDone calls f until f succeeds or ctx ends, and returns the last error of f.
func retryUntilDone(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

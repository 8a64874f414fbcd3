package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
)

// TestTransactionMarkersAreReadAsRecords pins down kafka-go's reading of a log with transactions, which our
// producers never use: the markers come as records (and will be rejected as malformed), and aborted records are
// read too. Nothing stalls and every offset is accounted for, but such a producer must be kept away from the
// topic.
func TestTransactionMarkersAreReadAsRecords(t *testing.T) {
	t.Parallel()
	broker := brokerAddr(t)
	topic := fmt.Sprintf("delivery-%d-transactions", runSeed()+universes.Add(1))
	createTopics(t, broker, map[string]int{topic: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transact(ctx, t, broker, topic, "committed", kgo.TryCommit)
	transact(ctx, t, broker, topic, "aborted", kgo.TryAbort)
	transact(ctx, t, broker, topic, "last", kgo.TryCommit)
	group, err := source.Join(source.Config{Brokers: []string{broker}, Topic: topic, GroupID: topic, SessionTimeout: session, MaxWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = group.Close() }()
	s, err := group.Next(ctx)
	for err != nil && ctx.Err() == nil { // a new coordinator first loads the groups
		poll(ctx)
		s, err = group.Next(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if first, end, err := s.Bounds(ctx, 0); err != nil || first != 0 || end != 6 {
		t.Fatalf("bounds [%d, %d) %v, want [0, 6): three records and three markers", first, end, err)
	}
	for from := range int64(6) {
		got := readFrom(ctx, t, s, from, int(6-from))
		want := []string{"committed", "", "aborted", "", "last", ""}[from:]
		if !slices.Equal(got, want) {
			t.Errorf("from %d: got %q, want %q with a marker for each empty one", from, got, want)
		}
	}
}

// transact writes a record in a transaction.
func transact(ctx context.Context, t *testing.T, broker, topic, value string, end kgo.TransactionEndTry) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	err = cl.BeginTransaction()
	if err == nil {
		err = cl.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr()
	}
	if err := errors.Join(err, cl.EndTransaction(ctx, end)); err != nil {
		t.Fatalf("write %s: %v", value, err)
	}
}

// readFrom reads n records from the offset on. A marker, whose value is a version and an epoch, is shown as "".
func readFrom(ctx context.Context, t *testing.T, s ingest.Generation, from int64, n int) (out []string) {
	t.Helper()
	r, err := s.Open(ctx, 0, from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	recs := &shard.Records{}
	for recs.Len() < n {
		if err := r.Fetch(ctx, recs); err != nil {
			t.Fatalf("from %d, after %d records: %v", from, recs.Len(), err)
		}
	}
	for i := range recs.Len() {
		offset, value := recs.At(i)
		if offset != from+int64(i) {
			t.Errorf("from %d: record %d is at offset %d", from, i, offset)
		}
		if len(value) == 6 && value[0] == 0 && value[1] == 0 {
			value = nil
		}
		out = append(out, string(value))
	}
	return out
}

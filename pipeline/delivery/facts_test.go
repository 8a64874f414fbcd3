package delivery

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gvc-brussels/anpr/pipeline"
	"github.com/gvc-brussels/anpr/pipeline/source"
)

// TestTransactionMarkersNeitherStallNorCount reads a log in which a foreign producer used transactions. Their markers
// take offsets and are no records. Aborted records are read like any other: kafka-go reads uncommitted.
func TestTransactionMarkersNeitherStallNorCount(t *testing.T) {
	t.Parallel()
	broker := brokerAddr(t)
	topic := fmt.Sprintf("delivery-%d-transactions", runSeed()+universes.Add(1))
	createTopics(t, broker, map[string]int{topic: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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
	if err != nil {
		t.Fatal(err)
	}
	if first, end, err := s.Bounds(ctx, 0); err != nil || first != 0 || end != 6 {
		t.Fatalf("bounds [%d, %d) %v, want [0, 6): three records and three markers", first, end, err)
	}
	for from, want := range []string{"0 committed, 2 aborted, 4 last", "2 aborted, 4 last", "2 aborted, 4 last", "4 last", "4 last"} {
		if got := readFrom(ctx, t, s, int64(from)); got != want {
			t.Errorf("from %d: got %s, want %s", from, got, want)
		}
	}
}

// transact writes one record in a transaction of its own.
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

// readFrom reads to the record "last", and then once more at the end of the log, where only a marker follows.
func readFrom(ctx context.Context, t *testing.T, s pipeline.Session, from int64) string {
	t.Helper()
	r, err := s.Open(ctx, 0, from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	recs := &pipeline.Records{}
	out := ""
	for lastOf(recs) != "last" {
		if err := r.Fetch(ctx, recs); err != nil {
			t.Fatalf("from %d, after %d records: %v", from, recs.Len(), err)
		}
	}
	n := recs.Len()
	if err := r.Fetch(ctx, recs); err != nil || recs.Len() != n {
		t.Errorf("at the end of the log: %d more records, %v", recs.Len()-n, err)
	}
	for i := range n {
		offset, value := recs.At(i)
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%d %s", offset, value)
	}
	return out
}

func lastOf(r *pipeline.Records) string {
	if r.Len() == 0 {
		return ""
	}
	_, v := r.At(r.Len() - 1)
	return string(v)
}

package reconcile

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gvc-brussels/anpr/schemas"
)

// deleteBefore cuts off the beginning of a partition, as retention does.
func deleteBefore(t *testing.T, w *town, partition int32, offset int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var cut kadm.Offsets
	cut.AddOffset(schemas.TopicReads, partition, offset, -1)
	resp, err := kadm.NewClient(cl).DeleteRecords(t.Context(), cut)
	if err := cmp.Or(err, resp.Error()); err != nil {
		t.Fatal(err)
	}
}

func watches(t *testing.T, w *town) {
	now := w.window.To.Add(time.Minute)
	broken := w.copied(t)
	watch := func(x *town, change func(*Sources)) (*ContinuousWatch, *Metrics) {
		b := x.books()
		b.Settle = 0
		if change != nil {
			change(b)
		}
		m := NewMetrics(nil)
		return NewContinuousWatch(WatchConfig{
			Sources: *b, LookBack: now.Sub(w.window.From), Longest: 2 * time.Minute, Metrics: m, Logger: zerolog.Nop(), Now: func() time.Time { return now },
		}), m
	}
	ok, m := watch(w, nil)
	ok.RunPass(t.Context())
	if got, want := testutil.ToFloat64(m.until), float64(w.window.To.Unix()); got != want {
		t.Errorf("balanced until %v, want %v", got, want)
	}
	if n := testutil.ToFloat64(m.passes.WithLabelValues(passBalanced)); n < 3 {
		t.Errorf("%v windows balanced, want at least 3 of 2 minutes", n)
	}
	for _, k := range ResidualKinds() {
		if n := testutil.ToFloat64(m.residual.WithLabelValues(string(k))); n != 0 {
			t.Errorf("%v of %s left over, want 0", n, k)
		}
	}
	for _, x := range Breaches() {
		if n := testutil.ToFloat64(m.breaches.WithLabelValues(string(x))); n != 0 {
			t.Errorf("%v breaches %s, want 0", n, x)
		}
	}
	var part int32
	var offset int64
	w.numbers("SELECT kafka_partition, kafka_offset FROM reads ORDER BY received_at LIMIT 1 OFFSET 30", &part, &offset)
	broken.exec(fmt.Sprintf("ALTER TABLE %%s.reads DELETE WHERE kafka_partition = %d AND kafka_offset = %d SETTINGS mutations_sync = 1", part, offset))
	broken.exec(fmt.Sprintf("ALTER TABLE %%s.batches DELETE WHERE kafka_partition = %d AND start_offset <= %d AND end_offset > %d SETTINGS mutations_sync = 1", part, offset, offset))
	bad, m := watch(broken, nil)
	bad.RunPass(t.Context())
	bad.RunPass(t.Context()) // does not count again
	if n := testutil.ToFloat64(m.residual.WithLabelValues(string(RecordWithoutRow))); n != 1 {
		t.Errorf("a lost read: %v left over, want 1", n)
	}
	if n := testutil.ToFloat64(m.breaches.WithLabelValues(string(Gap))); n != 1 {
		t.Errorf("a lost batch: %v gaps, want 1", n)
	}
	late, m := watch(w, func(b *Sources) { b.Group = "nobody" })
	late.RunPass(t.Context())
	late.RunPass(t.Context())
	if got, want := testutil.ToFloat64(m.until), float64(w.window.From.Unix()); got != want {
		t.Errorf("with everything in flight: balanced until %v, want %v", got, want)
	}
	if n := testutil.ToFloat64(m.passes.WithLabelValues(passWaiting)); n != 2 || testutil.ToFloat64(m.inFlight) == 0 {
		t.Errorf("with everything in flight: %v passes waited, want 2; in flight %v, want above 0", n, testutil.ToFloat64(m.inFlight))
	}
	away, m := watch(w, func(b *Sources) { b.Receipts = []string{t.TempDir() + "/none"} })
	away.RunPass(t.Context())
	if n := testutil.ToFloat64(m.passes.WithLabelValues(passFailed)); n != 1 {
		t.Errorf("with a journal that is not there: %v passes failed, want 1", n)
	}
}

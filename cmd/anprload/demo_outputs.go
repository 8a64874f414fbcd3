package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const topicReads = schemas.TopicReads

// outputs follows the hit and offence topics as a control room would: it measures the time of a hit from the
// gateway to a subscriber, and keeps the messages for the check against the truth.
type outputs struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards the fields below
	hist    *hdrhistogram.Histogram
	got     bench.Got
	foreign map[string]bool // read ids of the published payloads, unknown to the generator
}

// leaveOut excludes foreign reads from the check against the generator's truth.
func (o *outputs) leaveOut(reads []schemas.ReadID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.foreign = map[string]bool{}
	for _, r := range reads {
		o.foreign[string(r.ID[:])] = true
	}
}

// latencies of hits, milliseconds from received by the gateway to received by the subscriber.
type latencies struct {
	n        int64
	p50, p99 float64
}

// watchOutputs starts at the present end of the topics.
func watchOutputs(ctx context.Context, k platform.Kafka) (*outputs, error) {
	admin := k.NewAdmin("anprload")
	defer admin.Close()
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &outputs{cancel: cancel, hist: hdrhistogram.New(1, 60_000_000, 3)}
	for _, topic := range []string{schemas.TopicHits, schemas.TopicOffences} {
		ends, err := admin.TopicBounds(ctx, topic)
		if err != nil {
			cancel()
			return nil, err
		}
		for p, e := range ends {
			r := kafka.NewReader(kafka.ReaderConfig{Dialer: &kafka.Dialer{Timeout: 5 * time.Second, DialFunc: k.Dialer()}, Brokers: k.Brokers(), Topic: topic, Partition: int(p), MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond})
			if err := r.SetOffset(e.End); err != nil {
				cancel()
				return nil, fmt.Errorf("follow %s: %w", topic, err)
			}
			o.wg.Go(func() { o.followTopic(run, r, topic) })
		}
	}
	return o, nil
}

func (o *outputs) followTopic(ctx context.Context, r *kafka.Reader, topic string) {
	defer func() { _ = r.Close() }()
	for {
		m, err := r.ReadMessage(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			continue // the reader reconnects
		}
		o.recordMessage(topic, m.Value, time.Now())
	}
}

func (o *outputs) recordMessage(topic string, value []byte, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if topic == schemas.TopicOffences {
		var m anprv1.Offence
		if proto.Unmarshal(value, &m) == nil && !o.foreign[string(m.GetReadId())] {
			o.got.AddOffence(&m)
		}
		return
	}
	var m anprv1.Hit
	if proto.Unmarshal(value, &m) != nil || o.foreign[string(m.GetReadId())] {
		return
	}
	o.got.AddHit(&m)
	_ = o.hist.RecordValue(max(1, now.UnixMicro()-m.GetReceivedAtUs()))
}

func (o *outputs) hitLatencies() latencies {
	o.mu.Lock()
	defer o.mu.Unlock()
	return latencies{o.hist.TotalCount(), float64(o.hist.ValueAtQuantile(50)) / 1000, float64(o.hist.ValueAtQuantile(99)) / 1000}
}

// printTruth prints and returns the comparison of the results with the generator's truth; nil without a truth.
func (o *outputs) printTruth(w io.Writer, r *bench.RunResult) *bench.TruthReport {
	if r == nil || r.Truth == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	rep := r.Truth.Compare(&o.got, 10*schemas.Second)
	_, _ = fmt.Fprintf(w, "Against the generator's truth (this run): %s\n", talliesOf(rep))
	if r.NotSent > 0 {
		_, _ = fmt.Fprintf(w, "  %d reads were due and not acknowledged when the run was cut short; they count in the truth\n", r.NotSent)
	}
	return rep
}

func talliesOf(r *bench.TruthReport) string {
	var out []string
	for _, kind := range bench.Kinds() {
		out = append(out, kind+" "+formatTally(*r.Of(kind)))
	}
	return strings.Join(out, "; ")
}

func formatTally(t bench.ResultTally) string {
	return fmt.Sprintf("%d of %d found, %d missing, %d extra", t.Found, t.Expected, t.Missing, t.Extra)
}

func (o *outputs) stopReaders() {
	o.cancel()
	o.wg.Wait()
}

package source

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestOffsetAtFindsTheFirstRecordOfATime: before all records the first, between two the later, on one that one, after
// all the end of the log.
func TestOffsetAtFindsTheFirstRecordOfATime(t *testing.T) {
	brokers := startBroker(t, 1)
	client := &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: 10 * time.Second, Transport: &kafka.Transport{}}
	base := time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)
	for i := range 5 { // one batch each
		resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{Topic: topic, Partition: 0, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(
			kafka.Record{Time: base.Add(time.Duration(i) * time.Minute), Value: kafka.NewBytes(fmt.Append(nil, i))})})
		if err != nil || resp.Error != nil {
			t.Fatalf("produce: %v %v", err, resp)
		}
	}
	g := joinGroup(t, brokers)
	defer g.Close()
	s := nextGeneration(t, g)
	for _, c := range []struct {
		after time.Duration
		want  int64
	}{{-time.Hour, 0}, {0, 0}, {time.Second, 1}, {2 * time.Minute, 2}, {3*time.Minute + time.Second, 4}, {4 * time.Minute, 4}, {5 * time.Minute, 5}} {
		if got, err := s.OffsetAt(t.Context(), 0, schemas.MicrosOf(base.Add(c.after))); err != nil || got != c.want {
			t.Errorf("%v after the first record: offset %d, %v, want %d", c.after, got, err, c.want)
		}
	}
}

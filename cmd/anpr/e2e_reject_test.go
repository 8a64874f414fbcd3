//go:build e2e

package main

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// produce writes straight to the log, past the gateway.
func (r *running) produce(t *testing.T, values ...[]byte) {
	t.Helper()
	recs := make([]kafka.Record, len(values))
	client := &kafka.Client{Addr: kafka.TCP(r.kafka), Timeout: 30 * time.Second, Transport: r.broker(t).Kafka().Transport("e2e")}
	for i, v := range values {
		recs[i] = kafka.Record{Time: time.Now(), Value: kafka.NewBytes(v)}
		resp, err := client.Produce(t.Context(), &kafka.ProduceRequest{
			Topic: schemas.TopicReads, Partition: i % 4, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs[i]),
		})
		if err != nil || resp.Error != nil {
			t.Fatalf("produce %d: %v %v", i, err, resp)
		}
	}
}

// deadLetters reads the whole dead-letter topic.
func (r *running) deadLetters(t *testing.T, want int) (out []*anprv1.Reject) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	reader := kafka.NewReader(kafka.ReaderConfig{Dialer: &kafka.Dialer{DialFunc: r.broker(t).Kafka().Dialer()}, Brokers: []string{r.kafka}, Topic: schemas.TopicRejects, Partition: 0, MaxBytes: 16 << 20, MaxWait: 100 * time.Millisecond})
	defer reader.Close()
	for len(out) < want {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			t.Fatalf("read %d of %d dead letters: %v", len(out), want, err)
		}
		var rej anprv1.Reject
		if err := proto.Unmarshal(m.Value, &rej); err != nil {
			t.Fatal(err)
		}
		out = append(out, &rej)
	}
	return out
}

func TestBadRecordsEndInTheDeadLetterTopicAndThePipelineGoesOn(t *testing.T) {
	bin, data := build(t), t.TempDir()
	r := up(t, bin, data)
	now := time.Now().UnixMicro()
	read := func(change func(*anprv1.PlateRead)) []byte {
		m := &anprv1.PlateRead{CameraId: "BRU-0001", CapturedAtUs: now, ReceivedAtUs: now, RawPlate: "1ABC123", ConfidencePm: 900}
		if change != nil {
			change(m)
		}
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	broken := bytes.Replace(read(nil), []byte("1ABC123"), []byte("1AB\xff\xfe23"), 1)
	cases := []struct {
		reason string
		value  []byte
	}{
		{"malformed", []byte{0x0a, 0x10, 0x01}},
		{"malformed", []byte("not a read at all")},
		{"malformed", nil},
		{"unknown_camera", read(func(m *anprv1.PlateRead) { m.CameraId = "BRU-9999" })},
		{"clock_behind", read(func(m *anprv1.PlateRead) { m.CapturedAtUs = 12_345 })},
		{"clock_ahead", read(func(m *anprv1.PlateRead) { m.CapturedAtUs = now + 2*86_400_000_000 })},
		{"too_large", read(func(m *anprv1.PlateRead) { m.RawPlate = strings.Repeat("A", 1<<20) })},
		{"bad_utf8", broken},
		{"missing_field", read(func(m *anprv1.PlateRead) { m.CameraId = "" })},
		{"bad_field", read(func(m *anprv1.PlateRead) { m.ConfidencePm = 1001 })},
		{"plate_unread", read(func(m *anprv1.PlateRead) { m.RawPlate, m.ConfidencePm = "unknown", 0 })},
	}
	var values [][]byte
	for _, c := range cases {
		values = append(values, c.value)
	}
	values = append(values, read(nil))
	r.produce(t, values...)
	letters := r.deadLetters(t, len(cases))
	for _, c := range cases {
		found := false
		for _, l := range letters {
			found = found || l.GetReason() == c.reason && bytes.Equal(l.GetPayload(), c.value)
		}
		if !found {
			t.Errorf("%s: %d bytes are not in the dead-letter topic with their reason", c.reason, len(c.value))
		}
	}
	r.eventually(t, "SELECT count() FROM rejects", "11")
	r.eventually(t, "SELECT count() FROM reads WHERE plate = '1ABC123'", "1")
	lookUps(t, bin, data, r)
	stopped(t, r)
}

// lookUps asks through the command line as staff do.
func lookUps(t *testing.T, bin, data string, r *running) {
	t.Helper()
	ask := func(args ...string) (string, error) {
		args = append([]string{"query", "--data", data}, args...)
		out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
		return string(out), err
	}
	why := []string{"--reason", "stolen vehicle, seen by a witness", "--case-ref", "BR.30.L1.004711/2026"}
	for _, c := range []struct {
		name, want string
		ok         bool
		args       []string
	}{
		{"no purpose", "purpose", false, append([]string{"--user", "prosecutor1", "plate", "1ABC123"}, why...)},
		{"no token", "who are you", false, append([]string{"plate", "1ABC123", "--purpose", "judicial"}, why...)},
		{"exact", "1ABC123", true, append([]string{"--user", "prosecutor1", "plate", "1ABC123", "--purpose", "judicial"}, why...)},
		{"prefix", "1ABC123", true, append([]string{"--user", "prosecutor1", "plate", "1ABC*", "--purpose", "judicial"}, why...)},
		{"camera operator", "403", false, append([]string{"--user", "operator1", "plate", "1ABC123", "--purpose", "operation"}, why...)},
		{"auditor verifies", "hold", true, append([]string{"--user", "auditor1", "access-log", "--verify", "--purpose", "operation"}, why...)},
	} {
		out, err := ask(c.args...)
		if (err == nil) != c.ok || !strings.Contains(strings.ToLower(out), strings.ToLower(c.want)) {
			t.Errorf("%s: ok %v, want %v and %q in:\n%s", c.name, err == nil, c.ok, c.want, out)
		}
	}
	if got := r.countLookUps(t, "operation = 'search' AND outcome = 'granted'"); got != 2 {
		t.Errorf("%d granted look-ups in the access log, want 2", got)
	}
	if got := r.countLookUps(t, "outcome = 'refused'"); got == 0 {
		t.Error("the refused look-up is not in the access log")
	}
}

// broker is how the test's own clients log in.
func (r *running) broker(t *testing.T) *flags.BrokerFlags {
	t.Helper()
	run, err := (&flags.DataFlags{Data: r.data}).FindRunning()
	if err != nil {
		t.Fatal(err)
	}
	var f flags.BrokerFlags
	run.FillBroker(&f)
	return &f
}

package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const testPartitions = 3

func startBroker(t *testing.T) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(testPartitions, schemas.TopicReads))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

// TestKafkaTargetFillsTheRightPartitions reads the topic back and looks at every message.
func TestKafkaTargetFillsTheRightPartitions(t *testing.T) {
	addr := startBroker(t)
	c := testCity(t, 31)
	target, err := OpenKafkaTarget(t.Context(), KafkaTargetConfig{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	res, err := Run(t.Context(), RunConfig{City: c, Traffic: TrafficConfig{Seed: 1, Rate: 5000, Noise: heavyNoise()}, Target: target, Count: n, WallClock: true})
	if err != nil {
		t.Fatal(err)
	}
	if res.Sent != n || !res.Complete() || res.Ack.Count != n || res.Bytes == 0 {
		t.Fatalf("sent %d of %d, not sent %d (%s)", res.Sent, n, res.NotSent, res.FirstFail)
	}
	ids, total := map[string]int{}, 0
	for p := range testPartitions {
		last := time.Time{}
		for _, m := range readPartition(t, addr, p) {
			total++
			if m.Time.Before(last) {
				t.Fatalf("partition %d: the times of the messages go back", p)
			}
			last = m.Time
			var r anprv1.PlateRead
			if proto.Unmarshal(m.Value, &r) != nil {
				continue
			}
			ids[string(r.ReadId)]++
			if m.Time.UnixMilli() != r.ReceivedAtUs/1000 {
				t.Fatalf("message time %v, received %v", m.Time, schemas.Micros(r.ReceivedAtUs))
			}
			class := canonicalPlate(r.RawPlate).Class()
			switch r.RawPlate {
			case "unknown", "noPlate", "NO PLATE":
				class = schemas.Class{}
			}
			if want := schemas.Partition(class, r.CameraId, testPartitions); want != p {
				t.Fatalf("a read is in partition %d, belongs to %d", p, want)
			}
		}
	}
	if total != n {
		t.Errorf("the topic holds %d messages, %d were acknowledged", total, n)
	}
	if len(ids) == 0 || uint64(len(ids)) > n-res.Truth.Retransmissions {
		t.Errorf("%d ids in %d messages with %d retransmissions", len(ids), n, res.Truth.Retransmissions)
	}
}

func readPartition(t *testing.T, addr string, p int) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", addr, schemas.TopicReads, p)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	end, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{addr}, Topic: schemas.TopicReads, Partition: p, MaxWait: 50 * time.Millisecond, MaxBytes: 1 << 20})
	defer r.Close()
	var out []kafka.Message
	for int64(len(out)) < end {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestMissingTopicIsSaid(t *testing.T) {
	_, err := OpenKafkaTarget(t.Context(), KafkaTargetConfig{Addr: startBroker(t), Topic: "no.such.topic"})
	if err == nil || !strings.Contains(err.Error(), "no.such.topic") {
		t.Errorf("got %v, want an error that names the topic", err)
	}
}

// fakeGateway answers like the gateway and remembers who posted what.
type fakeGateway struct {
	mu      sync.Mutex
	tokens  map[string]string
	seen    map[string]int
	refused int
	fails   int // the first posts to answer with 503 or 429
}

func (g *fakeGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	camera := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/cameras/"), "/reads")
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fails > 0 {
		g.fails--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests}[g.fails%2])
		return
	}
	var m anprv1.PlateRead
	switch err := proto.Unmarshal(body, &m); {
	case g.tokens[camera] == "":
		g.refuseUpload(w, http.StatusNotFound, schemas.ReasonUnknownCamera)
	case r.Header.Get("Authorization") != "Bearer "+g.tokens[camera]:
		g.refuseUpload(w, http.StatusUnauthorized, schemas.ReasonUnauthorised)
	case err != nil || m.CameraId != camera || r.Header.Get("Content-Type") != "application/x-protobuf":
		g.refuseUpload(w, http.StatusBadRequest, schemas.ReasonMalformed)
	case m.ReceivedAtUs != 0 || len(m.ReadId) != 0:
		g.refuseUpload(w, http.StatusBadRequest, schemas.ReasonBadField)
	default:
		g.seen[camera]++
	}
}

func (g *fakeGateway) refuseUpload(w http.ResponseWriter, status int, r schemas.Reason) {
	g.refused++
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"reason":"`+r.String()+`","detail":"x"}`)
}

func TestGatewayTargetPostsAsTheCamera(t *testing.T) {
	c := testCity(t, 32)
	g := &fakeGateway{tokens: c.CameraTokens(), seen: map[string]int{}, fails: 7}
	srv := httptest.NewServer(g)
	defer srv.Close()
	target, err := NewGatewayTarget(GatewayTargetConfig{URL: srv.URL, Tokens: c.CameraTokens(), Lanes: 8})
	if err != nil {
		t.Fatal(err)
	}
	const n = 2000
	res, err := Run(t.Context(), RunConfig{City: c, Traffic: TrafficConfig{Seed: 2, Rate: 2000, Noise: heavyNoise()}, Target: target, Count: n, WallClock: true})
	if err != nil {
		t.Fatal(err)
	}
	h := res.Truth
	if got, want := res.Refused["unknown_camera"], h.Rejects()[schemas.ReasonUnknownCamera]; got != want || want == 0 {
		t.Errorf("refused as unknown camera: got %d, want %d and some", got, want)
	}
	if got, want := res.Refused["malformed"], h.Rejects()[schemas.ReasonMalformed]; got != want || want == 0 {
		t.Errorf("refused as malformed: got %d, want %d and some", got, want)
	}
	if res.Sent+uint64(g.refused) != n || len(res.Refused) != 2 || res.NotSent != 0 {
		t.Errorf("sent %d, refused %v, not sent %d of %d", res.Sent, res.Refused, res.NotSent, n)
	}
	if res.Retries < 7 {
		t.Errorf("%d retries, want at least the 7 the gateway asked for", res.Retries)
	}
}

func TestGatewayAddressIsChecked(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1:8081", "ftp://x", "http://"} {
		if _, err := NewGatewayTarget(GatewayTargetConfig{URL: addr}); err == nil {
			t.Errorf("address %q is taken", addr)
		}
	}
}

// TestGatewayDownIsReported uses a listener that is closed again.
func TestGatewayDownIsReported(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	addr := srv.URL
	srv.Close()
	target, err := NewGatewayTarget(GatewayTargetConfig{URL: addr, Lanes: 2})
	if err != nil {
		t.Fatal(err)
	}
	res, err := Run(t.Context(), RunConfig{City: testCity(t, 33), Traffic: TrafficConfig{Rate: 100}, Target: target, Count: 20, Drain: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if res.NotSent != 20 || res.FirstFail == "" {
		t.Errorf("not sent %d, failure %q: want all 20 and a reason", res.NotSent, res.FirstFail)
	}
}

func TestPausesGrowAndEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	want := errors.New("enough")
	cancel(want)
	var p pauses
	for range 12 {
		if got := p.sleepNext(ctx, 0); !errors.Is(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if p.next != 2*time.Second {
		t.Errorf("after 12 tries the pause is %v, want 2s", p.next)
	}
}

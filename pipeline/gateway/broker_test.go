package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const (
	token      = "correct horse"
	partitions = 5
	sampleNow  = "2026-05-21T08:10:08Z" // two seconds after the Hikvision sample
)

type cameras map[string]*schemas.Camera

func (c cameras) Camera(id string) (*schemas.Camera, bool) { cam, ok := c[id]; return cam, ok }

// normalised is the least a normaliser does; the real one is another stage, wired by cmd.
func normalised(raw string, _ schemas.Country, _ schemas.PerMille) (schemas.Plate, error) {
	s := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(raw))
	p, ok := schemas.PlateFrom(s)
	if !ok {
		return p, schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate", "%d characters", len(s))
	}
	return p, nil
}

// rig is a gateway over HTTP with a broker of its own.
type rig struct {
	t      testing.TB
	broker *kfake.Cluster
	dir    string // of the broker
	addr   string
	url    string
	store  *images.Dir
	log    *bytes.Buffer // what the gateway logged
	now    atomic.Int64
	cams   cameras
	client *http.Client
	gate   *Gateway
}

func startBroker(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.SeedTopics(partitions, schemas.TopicReads), kfake.SeedTopics(1, schemas.TopicProbe))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	rg := &rig{t: t, dir: t.TempDir(), log: &bytes.Buffer{}, client: &http.Client{Transport: &http.Transport{}}}
	if addr, ok := testkit.RealBroker(t, map[string]int{schemas.TopicReads: partitions}); ok {
		rg.addr = addr // tests that stop the broker are not for this one
	} else {
		rg.broker = startBroker(t, kfake.DataDir(rg.dir))
		rg.addr = rg.broker.ListenAddrs()[0]
	}
	rg.set(sampleNow)
	rg.store = newStore(t)
	sum := schemas.Sum(sha(token))
	rg.cams = cameras{
		"cam-1": {ID: "cam-1", TokenSum: sum},
		"old":   {ID: "old", TokenSum: sum, ValidTo: at(t, "2026-05-01T00:00:00Z")},
		"bare":  {ID: "bare"},
		"empty": {ID: "empty", TokenSum: sha("")},
	}
	producer := NewKafkaProducer(ProducerConfig{Brokers: []string{rg.addr}})
	cfg := Config{
		Registry: func() Registry { return rg.cams }, Normalise: normalised, Producer: producer, Images: rg.store, Partitions: partitions,
		Now: func() time.Time { return time.UnixMicro(rg.now.Load()) }, Log: zerolog.New(zerolog.SyncWriter(rg.log)), ProduceTimeout: 3 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rg.gate = g
	srv := httptest.NewServer(g.Handler())
	rg.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		rg.client.CloseIdleConnections()
		if err := producer.Close(); err != nil {
			t.Error(err)
		}
	})
	return rg
}

func (rg *rig) set(now string) { rg.now.Store(int64(at(rg.t, now))) }

// reply is the answer to an upload.
type reply struct {
	code    int
	header  http.Header
	problem problem
	answer  uploadAnswer
	raw     []byte
}

// send posts to a path below /v1/cameras/ with the camera's token unless auth says otherwise.
func (rg *rig) send(path, contentType string, body []byte, auth ...string) reply {
	rg.t.Helper()
	req, err := http.NewRequestWithContext(rg.t.Context(), http.MethodPost, rg.url+"/v1/cameras/"+path, bytes.NewReader(body))
	if err != nil {
		rg.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if len(auth) > 0 {
		req.Header.Set("Authorization", auth[0])
	}
	return rg.do(req)
}

func (rg *rig) do(req *http.Request) reply {
	rg.t.Helper()
	res, err := rg.client.Do(req)
	if err != nil {
		rg.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		rg.t.Fatal(err)
	}
	out := reply{code: res.StatusCode, header: res.Header, raw: b}
	if err := json.Unmarshal(b, &out.problem); err != nil {
		rg.t.Fatalf("answer %q is no JSON: %v", b, err)
	}
	if err := json.Unmarshal(b, &out.answer); err != nil {
		rg.t.Fatalf("answer %q: %v", b, err)
	}
	return out
}

// logged returns every record on the topic, checking that each is in its partition.
func (rg *rig) logged() []*anprv1.PlateRead {
	rg.t.Helper()
	ctx, cancel := context.WithTimeout(rg.t.Context(), 10*time.Second)
	defer cancel()
	pool := &kafka.Transport{}
	defer pool.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(rg.addr), Transport: pool}
	var out []*anprv1.PlateRead
	for p := range partitions {
		out = append(out, rg.partition(ctx, client, p)...)
	}
	return out
}

func (rg *rig) partition(ctx context.Context, client *kafka.Client, p int) (out []*anprv1.PlateRead) {
	rg.t.Helper()
	for offset := int64(0); ; {
		res, err := client.Fetch(ctx, &kafka.FetchRequest{Topic: schemas.TopicReads, Partition: p, Offset: offset, MaxBytes: 8 << 20, MaxWait: time.Millisecond})
		if err != nil || res.Error != nil {
			rg.t.Fatal(err, res)
		}
		if offset == res.HighWatermark {
			return out
		}
		for {
			rec, err := res.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				rg.t.Fatal(err)
			}
			value, err := io.ReadAll(rec.Value)
			if err != nil {
				rg.t.Fatal(err)
			}
			m := &anprv1.PlateRead{}
			if err := proto.Unmarshal(value, m); err != nil {
				rg.t.Fatal(err)
			}
			var class schemas.Class
			if m.RawPlate != "" {
				plate, _ := normalised(m.RawPlate, schemas.Country{}, 0)
				class = plate.Class()
			}
			if want := schemas.Partition(class, m.CameraId, partitions); p != want {
				rg.t.Errorf("a record of %s is in partition %d, belongs to %d", m.CameraId, p, want)
			}
			if got := rec.Time.UnixMilli(); got != m.ReceivedAtUs/1000 {
				rg.t.Errorf("record time: got %d, want that of receipt %d", got, m.ReceivedAtUs/1000)
			}
			out, offset = append(out, m), rec.Offset+1
		}
	}
}

// restart starts the broker again where it was, with what it had.
func (rg *rig) restart() {
	rg.t.Helper()
	_, port, err := net.SplitHostPort(rg.addr)
	if err != nil {
		rg.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		rg.t.Fatal(err)
	}
	rg.broker = startBroker(rg.t, kfake.Ports(n), kfake.DataDir(rg.dir))
}

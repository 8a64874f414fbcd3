package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	crashTopic = "crash.v1"
	crashGroup = "workers"
)

func startBroker(t *testing.T, cfg BrokerConfig) *Broker {
	t.Helper()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	b, err := StartBroker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(addr string) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second}
}

// produce sends a record and returns its offset after the broker's acknowledgement.
func produce(ctx context.Context, addr string, partition int, value []byte) (int64, error) {
	resp, err := client(addr).Produce(ctx, &kafka.ProduceRequest{
		Topic: crashTopic, Partition: partition, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(value)}),
	})
	if err != nil {
		return 0, err
	}
	return resp.BaseOffset, resp.Error
}

// readAll returns the values of a partition by offset.
func readAll(t *testing.T, addr string, partition int) []string {
	t.Helper()
	conn, err := kafka.DialLeader(t.Context(), "tcp", addr, crashTopic, partition)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	end, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for int64(len(values)) < end {
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil { // a bound on each answer, not on the whole log
			t.Fatal(err)
		}
		batch := conn.ReadBatch(1, 16<<20)
		for {
			m, err := batch.ReadMessage()
			if err != nil {
				break
			}
			if m.Offset != int64(len(values)) {
				t.Fatalf("partition %d: offset %d follows %d records", partition, m.Offset, len(values))
			}
			values = append(values, string(m.Value))
		}
		if err := batch.Close(); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	return values
}

// commit commits an offset with metadata outside a group generation.
func commit(ctx context.Context, addr string, c kafka.OffsetCommit) error {
	resp, err := client(addr).OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: crashGroup, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{crashTopic: {c}},
	})
	if err != nil {
		return err
	}
	return resp.Topics[crashTopic][0].Error
}

func committed(t *testing.T, addr string, partition int) kafka.OffsetFetchPartition {
	t.Helper()
	resp, err := client(addr).OffsetFetch(t.Context(), &kafka.OffsetFetchRequest{
		GroupID: crashGroup, Topics: map[string][]int{crashTopic: {partition}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		t.Fatal(resp.Error)
	}
	return resp.Topics[crashTopic][0]
}

// produced records the acknowledgements of a partition before the crash.
type produced struct {
	mu     sync.Mutex
	values map[int64]string // by offset
}

// produceUntil sends to a partition until the broker is gone, and commits every tenth offset with metadata. enough is
// closed by the caller's count.
func (p *produced) produceUntil(ctx context.Context, addr string, partition int, acked func()) (last kafka.OffsetCommit) {
	for i := 0; ; i++ {
		value := fmt.Sprintf("%d-%d", partition, i)
		off, err := produce(ctx, addr, partition, []byte(value))
		if err != nil {
			return last
		}
		p.mu.Lock()
		p.values[off] = value
		p.mu.Unlock()
		if i%10 == 0 {
			c := kafka.OffsetCommit{Partition: partition, Offset: off, Metadata: fmt.Sprintf("plan/%d-%d", off, off+10)}
			if commit(ctx, addr, c) != nil {
				return last
			}
			last = c
		}
		acked()
	}
}

func TestBrokerKeepsEverythingItAcknowledgedThroughKill(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	all := [2]produced{{values: map[int64]string{}}, {values: map[int64]string{}}}
	var commits [2]kafka.OffsetCommit
	for round := range 4 {
		p := startProcess(t, "broker", dir, "127.0.0.1:0")
		addr := p.first
		for part := range all {
			checkPartition(t, addr, part, &all[part], commits[part])
		}
		enough := make(chan struct{})
		var once sync.Once
		left := make(chan struct{}, 40+rng.IntN(200))
		acked := func() {
			select {
			case left <- struct{}{}:
			default:
				once.Do(func() { close(enough) })
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		var wg sync.WaitGroup
		for part := range all {
			wg.Go(func() {
				if last := all[part].produceUntil(ctx, addr, part, acked); last.Metadata != "" {
					commits[part] = last
				}
			})
		}
		select {
		case <-enough:
		case <-ctx.Done():
			t.Fatalf("round %d: the broker did not take %d records in a minute", round, cap(left))
		}
		p.kill() // in the middle of produces and commits
		wg.Wait()
		cancel()
	}
	b := startBroker(t, BrokerConfig{DataDir: dir})
	for part := range all {
		checkPartition(t, b.Addr(), part, &all[part], commits[part])
		t.Logf("partition %d: %d records acknowledged and kept, last commit %+v", part, len(all[part].values), commits[part])
	}
}

// checkPartition compares a partition and the committed offset with the acknowledgements. A record or commit on the way
// at the broker's death may have arrived too.
func checkPartition(t *testing.T, addr string, part int, want *produced, last kafka.OffsetCommit) {
	t.Helper()
	got := readAll(t, addr, part)
	for off, v := range want.values {
		if off >= int64(len(got)) || got[off] != v {
			t.Fatalf("partition %d: acknowledged record %d (%s) is lost or changed; the partition has %d records", part, off, v, len(got))
		}
	}
	if last.Metadata == "" {
		return
	}
	c := committed(t, addr, part)
	if c.CommittedOffset < last.Offset {
		t.Fatalf("partition %d: committed offset %d, want at least the acknowledged %d", part, c.CommittedOffset, last.Offset)
	}
	if want := fmt.Sprintf("plan/%d-%d", c.CommittedOffset, c.CommittedOffset+10); c.Metadata != want {
		t.Fatalf("partition %d: metadata %q, want %q", part, c.Metadata, want)
	}
}

func TestBrokerStartsOnATornTail(t *testing.T) {
	for _, end := range []string{"killed", "closed in good order"} {
		t.Run(end, func(t *testing.T) {
			for _, cut := range []int64{1, 7, 30, 61} {
				dir := t.TempDir()
				writeTen(t, dir, end == "killed")
				segment := lastSegment(t, dir)
				st, err := os.Stat(segment)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(segment, st.Size()-cut); err != nil {
					t.Fatal(err)
				}
				b, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir})
				if err != nil {
					t.Fatalf("cut %d bytes: %v", cut, err)
				}
				got := readAll(t, b.Addr(), 0)
				if len(got) != 9 || got[8] != "record 8" {
					t.Errorf("cut %d bytes: %d records %q, want the 9 whole ones", cut, len(got), got)
				}
				off, err := produce(t.Context(), b.Addr(), 0, []byte("after"))
				if err != nil || off != 9 {
					t.Errorf("cut %d bytes: produce gave offset %d, %v, want 9", cut, off, err)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func writeTen(t *testing.T, dir string, kill bool) {
	t.Helper()
	var addr string
	var finish func()
	if kill {
		p := startProcess(t, "broker", dir, "127.0.0.1:0")
		addr, finish = p.first, p.kill
	} else {
		b, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, Topics: map[string]int{crashTopic: 1}})
		if err != nil {
			t.Fatal(err)
		}
		addr, finish = b.Addr(), func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for i := range 10 {
		if _, err := produce(t.Context(), addr, 0, fmt.Appendf(nil, "record %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	finish()
}

func lastSegment(t *testing.T, dir string) string {
	t.Helper()
	var found string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".dat") {
			if st, err := d.Info(); err == nil && st.Size() > 0 {
				found = path
			}
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("no segment file below %s: %v", dir, err)
	}
	return found
}

func TestBrokerRefusesACommitOfAStaleGeneration(t *testing.T) {
	b := startBroker(t, BrokerConfig{DataDir: t.TempDir(), Topics: map[string]int{crashTopic: 1}})
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	first := joinGroup(t, b.Addr())
	old, err := first.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	inGeneration := func(g *kafka.Generation, offset int64, metadata string) error {
		resp, err := client(b.Addr()).OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID: crashGroup, GenerationID: int(g.ID), MemberID: g.MemberID,
			Topics: map[string][]kafka.OffsetCommit{crashTopic: {{Offset: offset, Metadata: metadata}}},
		})
		if err != nil {
			return err
		}
		return resp.Topics[crashTopic][0].Error
	}
	if err := inGeneration(old, 5, "plan/5-9"); err != nil {
		t.Fatalf("commit in the current generation: %v", err)
	}
	second := joinGroup(t, b.Addr()) // rebalances: the first member's generation ends and both join the next
	var current *kafka.Generation
	var wg sync.WaitGroup
	for _, g := range []*kafka.ConsumerGroup{first, second} {
		wg.Go(func() {
			gen, err := g.Next(ctx)
			if err != nil {
				t.Errorf("join the next generation: %v", err)
				return
			}
			if g == first {
				current = gen
			}
		})
	}
	wg.Wait()
	if current == nil || current.ID <= old.ID {
		t.Fatalf("generation after the rebalance %+v, want one after %d", current, old.ID)
	}
	if err := inGeneration(old, 9, "plan/9-12"); !errors.Is(err, kafka.IllegalGeneration) {
		t.Errorf("commit of the stale generation: %v, want %v (22)", err, kafka.IllegalGeneration)
	}
	if got := committed(t, b.Addr(), 0); got.CommittedOffset != 5 || got.Metadata != "plan/5-9" {
		t.Errorf("committed %d %q, want 5 plan/5-9", got.CommittedOffset, got.Metadata)
	}
	if err := inGeneration(current, 9, "plan/9-12"); err != nil {
		t.Errorf("commit in the new generation: %v", err)
	}
	if got := committed(t, b.Addr(), 0); got.CommittedOffset != 9 || got.Metadata != "plan/9-12" {
		t.Errorf("committed %d %q, want 9 plan/9-12", got.CommittedOffset, got.Metadata)
	}
}

func joinGroup(t *testing.T, addr string) *kafka.ConsumerGroup {
	t.Helper()
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: crashGroup, Brokers: []string{addr}, Topics: []string{crashTopic},
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 100 * time.Millisecond, RebalanceTimeout: 6 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func TestBrokerTakesRecordsOfEightMebibytes(t *testing.T) {
	b := startBroker(t, BrokerConfig{DataDir: t.TempDir(), Topics: map[string]int{crashTopic: 1}})
	value := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(value) //nolint:errcheck // never fails
	if _, err := produce(t.Context(), b.Addr(), 0, value); err != nil {
		t.Fatalf("8 MiB: %v", err)
	}
	if got := readAll(t, b.Addr(), 0); len(got) != 1 || got[0] != string(value) {
		t.Error("the 8 MiB record came back changed")
	}
	if _, err := produce(t.Context(), b.Addr(), 0, make([]byte, MaxBatchBytes+1)); !errors.Is(err, kafka.MessageSizeTooLarge) {
		t.Errorf("above the limit: %v, want %v", err, kafka.MessageSizeTooLarge)
	}
}

func TestBrokerKeepsThePartitionsOfAnExistingTopic(t *testing.T) {
	dir := t.TempDir()
	partitions := func(topics map[string]int) map[string]int {
		b, err := StartBroker(BrokerConfig{Addr: "127.0.0.1:0", DataDir: dir, Topics: topics})
		if err != nil {
			t.Fatal(err)
		}
		meta, err := client(b.Addr()).Metadata(t.Context(), &kafka.MetadataRequest{})
		if err := errors.Join(err, b.Close()); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, topic := range meta.Topics {
			got[topic.Name] = len(topic.Partitions)
		}
		return got
	}
	if got, want := fmt.Sprint(partitions(map[string]int{"a": 4})), "map[a:4]"; got != want {
		t.Errorf("first start: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(partitions(map[string]int{"a": 7, "b": 2})), "map[a:4 b:2]"; got != want {
		t.Errorf("second start: %s, want %s", got, want)
	}
}

func TestBrokerSaysWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	dir := t.TempDir()
	running := startBroker(t, BrokerConfig{DataDir: filepath.Join(dir, "running")})
	_ = running
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  BrokerConfig
		want []string
	}{
		"port in use":        {BrokerConfig{Addr: l.Addr().String(), DataDir: dir}, []string{"port " + taken, "in use", FlagKafka}},
		"not loopback":       {BrokerConfig{Addr: "0.0.0.0:0", DataDir: dir}, []string{"loopback", FlagKafka}},
		"no port":            {BrokerConfig{Addr: "127.0.0.1", DataDir: dir}, []string{FlagKafka, "host:port"}},
		"bad port":           {BrokerConfig{Addr: "127.0.0.1:x", DataDir: dir}, []string{FlagKafka, "0 to 65535"}},
		"no directory":       {BrokerConfig{Addr: "127.0.0.1:0"}, []string{FlagDataDir}},
		"directory a file":   {BrokerConfig{Addr: "127.0.0.1:0", DataDir: file}, []string{file, FlagDataDir}},
		"no partitions":      {BrokerConfig{Addr: "127.0.0.1:0", DataDir: filepath.Join(dir, "n"), Topics: map[string]int{"t": 0}}, []string{"topic t", "at least 1"}},
		"directory occupied": {BrokerConfig{Addr: "127.0.0.1:0", DataDir: filepath.Join(dir, "running")}, []string{"another broker", FlagDataDir}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := StartBroker(c.cfg)
			if err == nil {
				_ = b.Close()
				t.Fatal("started, want an error")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
		})
	}
}

func TestBrokerForgetsNoRecordAndNoOffsetByAge(t *testing.T) {
	s := brokerSettings()
	for name, want := range map[string]string{"log.retention.ms": "-1", "log.retention.bytes": "-1"} {
		if s[name] != want {
			t.Errorf("%s = %s, want %s", name, s[name], want)
		}
	}
	minutes, err := time.ParseDuration(s["offsets.retention.minutes"] + "m")
	if err != nil || minutes < 9*365*24*time.Hour {
		t.Errorf("offsets are kept %v (%v), want about ten years", minutes, err)
	}
}

func TestTheBrokerAsksForAPassword(t *testing.T) {
	dir := t.TempDir()
	topics := map[string]int{crashTopic: 1}
	for life := range 2 { // a second start must not take the passwords of the first
		password := NewPassword()
		b := startBroker(t, BrokerConfig{DataDir: dir, Topics: topics, User: "anpr", Password: password})
		for name, opts := range map[string][]kgo.Opt{
			"nobody": nil, "another user": {kgo.SASL(scram.Auth{User: "root", Pass: password}.AsSha256Mechanism())},
			"a wrong password":     {kgo.SASL(scram.Auth{User: "anpr", Pass: "anpr"}.AsSha256Mechanism())},
			"the broker's default": {kgo.SASL(scram.Auth{User: "admin", Pass: "admin"}.AsSha256Mechanism())},
			"another mechanism":    {kgo.SASL(plain.Auth{User: "anpr", Pass: password}.AsMechanism())},
		} {
			cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.RequestRetries(0), kgo.RetryTimeout(time.Second))...)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			if topics, err := kadm.NewClient(cl).ListTopics(ctx); err == nil && len(topics) > 0 {
				t.Errorf("life %d: %s may list topics", life, name)
			}
			cancel()
			cl.Close()
		}
		cl, err := b.newClient(&BrokerConfig{User: "anpr", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if list, err := kadm.NewClient(cl).ListTopics(t.Context()); err != nil || !list.Has(crashTopic) {
			t.Errorf("life %d: its own user sees %v, %v", life, list.Names(), err)
		}
		cl.Close()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

//go:build soak && linux

package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// soakResult is what a soak found. Zero residual, zero duplicates, the whole truth, and memory and goroutines that
// do not grow.
type soakResult struct {
	Minutes  float64        `json:"minutes"`
	Rate     int            `json:"rate"`
	Seed     uint64         `json:"seed"`
	Faults   map[string]int `json:"faults"`
	Sent     uint64         `json:"sent"`    // acknowledged by the broker
	NotSent  uint64         `json:"notSent"` // due and not acknowledged
	Log      int64          `json:"log"`     // records of anpr.reads.v1
	Stored   uint64         `json:"stored"`
	Merged   uint64         `json:"merged"`
	Rejected uint64         `json:"rejected"`
	Ticks    uint64         `json:"ticks"`
	Residual int64          `json:"residual"`
	// without FINAL, over reads, passages, hits, offences, merges and rejects
	Duplicates uint64                       `json:"duplicates"`
	Gaps       uint64                       `json:"gaps"` // and overlaps of the ledger
	Truth      map[string]bench.ResultTally `json:"truth"`
	Processes  map[string]usage             `json:"processes"`
	// from the last fault's end and the last read sent to nothing left to do
	DrainSec float64 `json:"drainSeconds"`
}

// soak is a run: the embedded broker in this process, an engine, and workers of the real program, each behind
// links.
type soak struct {
	t       *testing.T
	rng     *rand.Rand
	rate    int
	length  time.Duration
	bin     string
	dir     string
	city    *bench.City
	broker  string
	kafka   *link
	engine  *ownEngine
	db      *link
	workers [3]*soakWorker // the first is never killed, so that its memory can be followed
	meter   *meter
	res     soakResult
}

const soakPartitions = 4

func number(t *testing.T, name string, usual int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(usual)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestSoak is `make soak`.
func TestSoak(t *testing.T) {
	seed := uint64(number(t, "ANPR_SOAK_SEED", 1))
	s := &soak{
		t: t, rng: rand.New(rand.NewPCG(seed, 81)), rate: number(t, "ANPR_SOAK_RATE", 5000),
		length: time.Duration(number(t, "ANPR_SOAK_MINUTES", 30)) * time.Minute, dir: t.TempDir(),
	}
	s.res = soakResult{Minutes: s.length.Minutes(), Rate: s.rate, Seed: seed, Faults: map[string]int{}}
	s.prepare()
	s.meter = newMeter(s)
	got := followOutputs(t.Context(), t, s.broker)
	sent, err := s.traffic()
	if err != nil {
		t.Fatal(err)
	}
	s.drain()
	s.meter.end()
	s.count()
	s.judge(sent, got)
	s.report()
}

func (s *soak) prepare() {
	var links []*link
	s.broker, links = behindLinks(s.t)
	s.kafka = links[0]
	s.engine = newEngine(s.t, filepath.Join(s.dir, "clickhouse"))
	s.db = between(s.t, "clickhouse", s.engine.addr)
	createTopics(s.t, s.broker, map[string]int{
		schemas.TopicReads: soakPartitions, schemas.TopicHits: soakPartitions, schemas.TopicOffences: soakPartitions, schemas.TopicRejects: 1,
	})
	if err := platform.Migrate(s.t.Context(), platform.ClickHouse{Addr: s.engine.addr, Database: "faults"}, zerolog.Nop()); err != nil {
		s.t.Fatal(err)
	}
	var err error
	if s.city, err = bench.NewCity(bench.CityConfig{Seed: s.res.Seed, Signs: true, At: schemas.MicrosOf(time.Now())}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.city.WriteReference(filepath.Join(s.dir, "reference")); err != nil {
		s.t.Fatal(err)
	}
	s.bin = buildProgram(s.t)
	for i := range s.workers {
		s.workers[i] = s.startWorker(i)
	}
}

// traffic sends for the length of the soak while faults happen, and returns when both have ended.
func (s *soak) traffic() (*bench.RunResult, error) {
	target, err := bench.OpenKafkaTarget(s.t.Context(), bench.KafkaTargetConfig{Addr: s.broker, Dial: directly})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), s.length-min(s.length/5, time.Minute))
	defer cancel()
	var faults sync.WaitGroup
	faults.Go(func() { s.faults(ctx) })
	res, err := bench.Run(s.t.Context(), bench.RunConfig{
		City: s.city, Target: target, WallClock: true, Duration: s.length, Drain: 2 * time.Minute,
		Traffic: bench.TrafficConfig{Seed: s.res.Seed, Rate: s.rate},
	})
	faults.Wait()
	return res, err
}

// faults does one thing after another at random until ctx ends, and leaves everything whole.
func (s *soak) faults(ctx context.Context) {
	kinds := []struct {
		name string
		do   func(context.Context)
	}{
		{"worker killed", func(context.Context) { i := 1 + s.rng.IntN(2); s.workers[i].kill(); s.workers[i] = s.startWorker(i) }},
		{"worker stopped (SIGSTOP)", func(ctx context.Context) {
			pid := s.workers[s.rng.IntN(3)].pid()
			s.signal(pid, syscall.SIGSTOP)
			pass(ctx, s.between(1, 12))
			s.signal(pid, syscall.SIGCONT)
		}},
		{"engine killed", func(context.Context) {
			s.engine.signal(s.t, syscall.SIGKILL)
			<-s.engine.Done()
			s.engine.ClickHouseEngine = startEngine(s.t, s.engine.dir, s.engine.addr, s.engine.http)
		}},
		{"engine stopped (SIGSTOP)", func(ctx context.Context) {
			s.engine.signal(s.t, syscall.SIGSTOP)
			pass(ctx, s.between(1, 8))
			s.engine.signal(s.t, syscall.SIGCONT)
		}},
		{"network to ClickHouse cut", func(ctx context.Context) { s.db.cut(); pass(ctx, s.between(1, 10)); s.db.join(s.t) }},
		{"network to Kafka cut", func(ctx context.Context) { s.kafka.cut(); pass(ctx, s.between(1, 10)); s.kafka.join(s.t) }},
		{"answers of ClickHouse lost", func(ctx context.Context) {
			s.db.poison(s.t, toxic{"reset_peer", "downstream", map[string]int{"timeout": 0}})
			pass(ctx, s.between(1, 4))
			s.db.cure(s.t.Context())
		}},
		{"network to ClickHouse slow", func(ctx context.Context) {
			s.db.poison(s.t, toxic{"latency", "downstream", map[string]int{"latency": 200, "jitter": 100}})
			pass(ctx, s.between(2, 8))
			s.db.cure(s.t.Context())
		}},
	}
	pass(ctx, 10*time.Second)
	for ctx.Err() == nil {
		k := kinds[s.rng.IntN(len(kinds))]
		s.res.Faults[k.name]++
		k.do(ctx)
		pass(ctx, s.between(4, 14))
	}
}

func (s *soak) between(from, to int) time.Duration {
	return time.Duration(from*1000+s.rng.IntN((to-from)*1000)) * time.Millisecond
}

func (s *soak) signal(pid int, sig syscall.Signal) {
	if err := syscall.Kill(pid, sig); err != nil {
		s.t.Errorf("signal %v to %d: %v", sig, pid, err)
	}
}

// drain waits until everything is committed and the last passages have closed: the log does not grow for ten seconds.
func (s *soak) drain() {
	began, quiet, last := time.Now(), time.Now(), int64(-1)
	for time.Since(quiet) < 10*time.Second {
		end, done := s.offsets()
		if end != last || done != end {
			quiet, last = time.Now(), end
		}
		if time.Since(began) > 20*time.Minute {
			s.t.Fatalf("not drained after 20 minutes: %d of %d records committed\n%s", done, end, s.workers[0].log.tail())
		}
		poll(s.t.Context())
	}
	s.res.Log, s.res.DrainSec = last, time.Since(began).Seconds()-10
}

// offsets returns the numbers of records on the log and committed.
func (s *soak) offsets() (end, done int64) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafkaTCP(s.broker), Transport: &kafka.Transport{Dial: directly}}
	var ask []kafka.OffsetRequest
	var all []int
	for p := range soakPartitions {
		ask, all = append(ask, kafka.LastOffsetOf(p)), append(all, p)
	}
	ends, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{schemas.TopicReads: ask}})
	if err != nil {
		return -1, -2
	}
	for _, p := range ends.Topics[schemas.TopicReads] {
		end += p.LastOffset
	}
	got, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: soakGroup, Topics: map[string][]int{schemas.TopicReads: all}})
	if err != nil {
		return -1, -2
	}
	for _, p := range got.Topics[schemas.TopicReads] {
		done += max(p.CommittedOffset, 0)
	}
	return end, done
}

// count reads the tables, without FINAL.
func (s *soak) count() {
	st := open(s.t, job{ClickHouse: s.engine.addr, Database: "faults"})
	r := &s.res
	st.numbers("SELECT (SELECT count() FROM reads), (SELECT count() FROM merges), (SELECT count() FROM rejects), (SELECT sum(ticks) FROM batches)",
		&r.Stored, &r.Merged, &r.Rejected, &r.Ticks)
	r.Residual = r.Log - int64(r.Stored+r.Merged+r.Rejected+r.Ticks)
	for _, table := range tables {
		var n, different uint64
		st.numbers(fmt.Sprintf("SELECT count(), uniqExact(%s) FROM %s", table.identity, table.name), &n, &different)
		r.Duplicates += n - different
	}
	st.numbers(`SELECT count() FROM (SELECT start_offset, lagInFrame(end_offset, 1, 0) OVER (PARTITION BY kafka_partition ORDER BY start_offset) AS before
		FROM batches) WHERE before != start_offset`, &r.Gaps)
}

// judge fails the test for everything wrong.
func (s *soak) judge(sent *bench.RunResult, got *outputsSeen) {
	r := &s.res
	r.Sent, r.NotSent, r.Processes = sent.Sent, sent.NotSent, s.meter.usages()
	rep := sent.Truth.Compare(got.stop(), 10*schemas.Second)
	r.Truth = rep.Tallies()
	if r.Residual != 0 || r.Duplicates != 0 || r.Gaps != 0 || r.NotSent != 0 {
		s.t.Errorf("residual %d, duplicates %d, gaps %d, not sent %d; want 0", r.Residual, r.Duplicates, r.Gaps, r.NotSent)
	}
	if !rep.Exact() {
		s.t.Errorf("not the generator's truth: %+v", r.Truth)
	}
	if w := r.Processes[immortal]; w.grows() {
		s.t.Errorf("the worker that was never killed grows: %+v", w)
	}
}

func (s *soak) report() {
	text, err := json.MarshalIndent(s.res, "", "  ")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%s", text)
	if out := os.Getenv("ANPR_SOAK_OUT"); out != "" {
		err := os.WriteFile(out, append(text, '\n'), 0o600)
		if err == nil {
			err = os.WriteFile(out+".md", []byte(s.res.table()), 0o600)
		}
		if err != nil {
			s.t.Error(err)
		}
	}
}

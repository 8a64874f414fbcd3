//go:build soak && linux

package delivery

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// soakGroup is the program's default consumer group.
const soakGroup = "anpr-ingest"

// buildProgram builds anpr as shipped.
func buildProgram(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "anpr")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", bin, "github.com/gvc-brussels/anpr/cmd/anpr")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// soakWorker is an `anpr ingest`.
type soakWorker struct {
	cmd   *exec.Cmd
	ops   string
	log   *lockedBuffer
	ended chan struct{}
}

func (s *soak) startWorker(i int) *soakWorker {
	ops, err := freeAddr()
	if err != nil {
		s.t.Fatal(err)
	}
	w := &soakWorker{ops: ops, log: &lockedBuffer{}, ended: make(chan struct{})}
	w.cmd = exec.Command(s.bin, "ingest", "--kafka-addr="+s.broker, "--clickhouse-addr="+s.db.addr(), "--clickhouse-database=faults",
		"--reference="+filepath.Join(s.dir, "reference"), "--ops-addr="+ops, "--linger=1s", "--linger-few=2s", "--log-level=warn")
	w.cmd.Stderr = w.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := w.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait()
		close(w.ended)
	}()
	s.t.Cleanup(func() {
		w.kill()
		if s.t.Failed() {
			s.t.Logf("last lines of worker %d (%d):\n%s", i, w.pid(), w.log.tail())
		}
	})
	return w
}

func (w *soakWorker) pid() int { return w.cmd.Process.Pid }

func (w *soakWorker) kill() {
	_ = w.cmd.Process.Kill()
	<-w.ended
}

// outputsSeen collects the published messages.
type outputsSeen struct {
	mu   sync.Mutex // guards got
	got  bench.Got
	stop func() *bench.Got
}

func followOutputs(ctx context.Context, t *testing.T, broker string) *outputsSeen {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.Dialer(directly), kgo.ConsumeTopics(schemas.TopicHits, schemas.TopicOffences),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	o := &outputsSeen{}
	run, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for run.Err() == nil {
			cl.PollFetches(run).EachRecord(o.take)
		}
	}()
	o.stop = func() *bench.Got {
		cancel()
		<-ended
		cl.Close()
		return &o.got
	}
	return o
}

func (o *outputsSeen) take(r *kgo.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Topic == schemas.TopicOffences {
		var m anprv1.Offence
		if proto.Unmarshal(r.Value, &m) == nil {
			o.got.AddOffence(&m)
		}
		return
	}
	var m anprv1.Hit
	if proto.Unmarshal(r.Value, &m) == nil {
		o.got.AddHit(&m)
	}
}

// The measured processes.
const (
	immortal = "worker that was never killed"
	theOther = "worker that was killed"
	theBase  = "ClickHouse engine"
	theRest  = "this test: broker, generator, proxies"
)

// usage is a process's use of a resource over the soak. Early is the median of the first quarter after the
// warm-up, late the median of the last quarter.
type usage struct {
	EarlyMB, LateMB, MostMB float64
	MBPerMinute             float64 // slope after the warm-up
	EarlyGoroutines         float64 `json:",omitempty"`
	LateGoroutines          float64 `json:",omitempty"`
	MostGoroutines          float64 `json:",omitempty"`
}

// grows allows noise: memory comes and goes with the batch under way and the state of whatever partitions are its own.
func (u usage) grows() bool {
	return u.LateMB > 1.3*u.EarlyMB+64 || u.LateGoroutines > u.EarlyGoroutines+30
}

type sample struct{ at, rss, goroutines float64 }

// meter samples processes every two seconds.
type meter struct {
	s       *soak
	began   time.Time
	stop    context.CancelFunc
	ended   chan struct{}
	samples map[string][]sample
}

func newMeter(s *soak) *meter {
	ctx, cancel := context.WithCancel(s.t.Context())
	m := &meter{s: s, began: time.Now(), stop: cancel, ended: make(chan struct{}), samples: map[string][]sample{}}
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			m.sample(ctx)
			pass(ctx, 2*time.Second)
		}
	}()
	return m
}

func (m *meter) end() {
	m.stop()
	<-m.ended
}

func (m *meter) sample(ctx context.Context) {
	m.add(immortal, m.s.workers[0].pid(), goroutines(ctx, m.s.workers[0].ops))
	m.add(theOther, m.s.workers[1].pid(), 0)
	m.add(theBase, m.s.engine.PID(), 0)
	m.add(theRest, os.Getpid(), 0)
}

func (m *meter) add(name string, pid int, goroutines float64) {
	rss := residentMB(pid)
	if rss > 0 {
		m.samples[name] = append(m.samples[name], sample{time.Since(m.began).Minutes(), rss, goroutines})
	}
}

// residentMB returns the resident memory of a process, 0 after its end.
func residentMB(pid int) float64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 64)
			return kb / 1024
		}
	}
	return 0
}

// goroutines asks a worker; 0 when a stopped worker does not answer.
func goroutines(ctx context.Context, ops string) float64 {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/metrics", nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			n, _ := strconv.ParseFloat(v, 64)
			return n
		}
	}
	return 0
}

// usages sums the samples up; the first fifth is warm-up.
func (m *meter) usages() map[string]usage {
	out := map[string]usage{}
	for name, all := range m.samples {
		warm := all[len(all)/5:]
		quarter := max(1, len(warm)/4)
		early, late := warm[:quarter], warm[len(warm)-quarter:]
		rss := func(s sample) float64 { return s.rss }
		gor := func(s sample) float64 { return s.goroutines }
		out[name] = usage{
			EarlyMB: median(early, rss), LateMB: median(late, rss), MostMB: most(warm, rss), MBPerMinute: slope(warm),
			EarlyGoroutines: median(early, gor), LateGoroutines: median(late, gor), MostGoroutines: most(warm, gor),
		}
	}
	return out
}

func median(all []sample, of func(sample) float64) float64 {
	var v []float64
	for _, s := range all {
		if x := of(s); x > 0 {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func most(all []sample, of func(sample) float64) (m float64) {
	for _, s := range all {
		m = max(m, of(s))
	}
	return m
}

// slope is the least-squares line through resident memory, MB a minute.
func slope(all []sample) float64 {
	var n, x, y, xx, xy float64
	for _, s := range all {
		n, x, y, xx, xy = n+1, x+s.at, y+s.rss, xx+s.at*s.at, xy+s.at*s.rss
	}
	if d := n*xx - x*x; d > 0 {
		return (n*xy - x*y) / d
	}
	return 0
}

// table is the result for people.
func (r *soakResult) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%g minutes at %d reads/s, seed %d: log %d = stored %d + merged %d + rejected %d + ticks %d; residual %d, duplicates %d, gaps %d; drained in %.0f s\n\n",
		r.Minutes, r.Rate, r.Seed, r.Log, r.Stored, r.Merged, r.Rejected, r.Ticks, r.Residual, r.Duplicates, r.Gaps, r.DrainSec)
	b.WriteString("| fault | times |\n|---|---|\n")
	for _, k := range sortedKeys(r.Faults) {
		fmt.Fprintf(&b, "| %s | %d |\n", k, r.Faults[k])
	}
	b.WriteString("\n| truth | expected | found | missing | extra |\n|---|---|---|---|---|\n")
	for _, k := range sortedKeys(r.Truth) {
		x := r.Truth[k]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", k, x.Expected, x.Found, x.Missing, x.Extra)
	}
	b.WriteString("\n| process | MB early | MB late | MB most | MB/minute | goroutines early | late | most |\n|---|---|---|---|---|---|---|---|\n")
	for _, k := range sortedKeys(r.Processes) {
		u := r.Processes[k]
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f |\n", k, u.EarlyMB, u.LateMB, u.MostMB, u.MBPerMinute,
			u.EarlyGoroutines, u.LateGoroutines, u.MostGoroutines)
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

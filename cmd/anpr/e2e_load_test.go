//go:build e2e && faults && linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// lockedText is output that may be read during writing.
type lockedText struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFaultsOnUpUnderLoad sends a city's traffic to `anpr up` with anprload, as a site would be tested, kills,
// stops and restarts what runs, and expects every read that was sent in the tables, once.
func TestFaultsOnUpUnderLoad(t *testing.T) {
	bin, load, data, p := build(t), buildLoad(t), t.TempDir(), choosePorts(t)
	madeUpCity(t, data)
	r := launch(t, bin, p, "up", "--data", data)
	r.says("anpr is up")
	seconds := long(40*time.Second, 3*time.Minute)
	cmd := exec.CommandContext(t.Context(), load, "--target=http://"+p["gateway-addr"], "--reference="+filepath.Join(data, "reference"),
		"--rate=150", "--duration="+seconds.String(), "--drain=5m", "--json", "--quiet")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error, 1)
	go func() { sent <- cmd.Wait() }()
	time.Sleep(4 * time.Second) // some traffic before the fault
	r.signal(r.engine(), syscall.SIGKILL)
	time.Sleep(3 * time.Second) // and between
	r.stand(r.engine(), 5*time.Second)
	r.stand(r.cmd.Process.Pid, 5*time.Second)
	r.signal(-r.cmd.Process.Pid, syscall.SIGKILL) // as a power cut
	<-r.ended
	r = launch(t, bin, p, "up", "--data", data)
	r.says("anpr is up")
	time.Sleep(3 * time.Second) // and between
	began := time.Now()
	r.signal(r.cmd.Process.Pid, syscall.SIGTERM) // a rolling restart
	r.waitEnd("SIGTERM under load", 60*time.Second)
	t.Logf("SIGTERM under load took %v (target 30 s)", time.Since(began).Round(time.Millisecond))
	if r.err != nil {
		t.Errorf("SIGTERM under load: %v\n%s", r.err, r.tail())
	}
	r = launch(t, bin, p, "up", "--data", data)
	r.says("anpr is up")
	if err := <-sent; err != nil {
		t.Fatalf("anprload: %v\n%s", err, &said)
	}
	var res bench.RunResult
	if err := json.Unmarshal(out.Bytes(), &res); err != nil {
		t.Fatalf("anprload's result: %v\n%s", err, &out)
	}
	if !res.Complete() || res.Sent == 0 {
		t.Errorf("anprload sent %d reads, %d not", res.Sent, res.NotSent)
	}
	r.holds(res.Sent)
}

// data returns the directory given to the program.
func (r *program) data() string {
	return r.cmd.Args[slices.Index(r.cmd.Args, "--data")+1]
}

func (r *program) waitEnd(what string, d time.Duration) {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(d):
		r.t.Fatalf("%s: still running after %v\n%s", what, d, r.tail())
	}
}

// holds checks the tables of a drained `anpr up`: each sent read is stored, merged or rejected, nothing is there
// twice, and the batches have no gap. An upload with a lost answer was sent again and is a merge, so there may be
// more.
func (r *program) holds(sent uint64) {
	r.t.Helper()
	old := &running{data: r.data(), sql: r.ports["clickhouse-http-addr"], log: &bytes.Buffer{}}
	total := "SELECT (SELECT count() FROM reads) + (SELECT count() FROM merges) + (SELECT count() FROM rejects)"
	last, since := "", time.Now()
	r.until("the tables do not change for ten seconds", func() bool {
		now, err := old.ask(r.t.Context(), total)
		if err != nil || now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 10*time.Second
	})
	var rows uint64
	if _, err := fmt.Sscan(last, &rows); err != nil || rows < sent {
		r.t.Errorf("%s rows in the tables (%v), %d reads were acknowledged", last, err, sent)
	}
	tablesHold(r.t, old, nil)
	if got := old.query(r.t, "SELECT sum(fetched) - sum(stored + merged + rejected + ticks) FROM batches"); got != "0" {
		r.t.Errorf("the ledger's residual is %s", got)
	}
	if got := old.query(r.t, "SELECT toInt64(sum(stored + merged + rejected)) - toInt64(("+total+")) FROM batches"); got != "0" {
		r.t.Errorf("ledger minus tables is %s", got)
	}
}

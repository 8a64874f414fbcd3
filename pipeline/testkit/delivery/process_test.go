package delivery

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for anything before it gives up.
const patience = 90 * time.Second

// event is a line of a worker.
type event struct {
	step      step
	partition int32
	from, to  int64
}

// process is a running worker process.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	events chan event // closed when the process has ended
	log    *lockedBuffer
	ended  chan struct{}
	err    error // of Wait; set before ended is closed
}

// lockedBuffer is a log that may be read during writing.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// tail returns the last 6 KB.
func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	return string(b[max(0, len(b)-6<<10):])
}

// start starts a worker process, which is killed at the end of the test if still running.
func start(t *testing.T, j job) *process {
	t.Helper()
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self), events: make(chan event, 1<<16), log: &lockedBuffer{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), envJob+"="+string(text))
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(out)
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("last lines of worker %d:\n%s", p.cmd.Process.Pid, p.log.tail())
		}
	})
	return p
}

func (p *process) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "|")
		e := event{step: step(f[0])}
		if len(f) != 4 {
			continue // the line cut by the kill
		}
		if _, err := fmt.Sscan(f[1]+" "+f[2]+" "+f[3], &e.partition, &e.from, &e.to); err != nil {
			continue
		}
		p.events <- e
	}
	p.err = p.cmd.Wait()
	close(p.ended) // first: a test that the closed events wake asks how the process ended
	close(p.events)
}

// await returns the next event that fits, and false when the process ended or ctx did.
func (p *process) await(ctx context.Context, fits func(event) bool) (event, bool) {
	for {
		select {
		case e, ok := <-p.events:
			if !ok || fits(e) {
				return e, ok
			}
		case <-ctx.Done():
			return event{}, false
		}
	}
}

// kill ends the process with SIGKILL and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

// stop lets the worker end in good order.
func (p *process) stop() {
	p.t.Helper()
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("worker %d did not stop in %v", p.cmd.Process.Pid, patience)
	}
	if p.err != nil {
		p.t.Errorf("worker %d: %v", p.cmd.Process.Pid, p.err)
	}
}

// killed reports whether the process has ended by SIGKILL.
func (p *process) killed() bool {
	select {
	case <-p.ended:
	default:
		return false
	}
	exit, ok := errors.AsType[*exec.ExitError](p.err)
	return ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// all returns the whole log.
func (l *lockedBuffer) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

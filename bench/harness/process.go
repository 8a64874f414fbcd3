package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// anprProcess is a running `anpr`.
type anprProcess struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // from Wait, set after ended

	mu   sync.Mutex // guards tail
	tail []string   // the last output lines
}

// launchProcess starts the program and keeps the last lines from standard output and error.
func launchProcess(name, bin string, args ...string) (*anprProcess, error) {
	p := &anprProcess{name: name, cmd: exec.Command(bin, args...), ended: make(chan struct{})} //nolint:gosec,noctx // our own program, ended by stop
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = p.cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.keepOutput(r)
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *anprProcess) keepOutput(r io.ReadCloser) {
	defer func() { _ = r.Close() }()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		if p.tail = append(p.tail, lines.Text()); len(p.tail) > 20 {
			p.tail = p.tail[1:]
		}
		p.mu.Unlock()
	}
}

func (p *anprProcess) lastOutput() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n")
}

// waitReady polls until ready returns true, the process ends, or two minutes have passed.
func (p *anprProcess) waitReady(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended while it started: %w\n%s", p.name, p.err, p.lastOutput())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", p.name, ctx.Err(), p.lastOutput())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// stopProcess asks the process to end and kills it after half a minute.
func (p *anprProcess) stopProcess() error {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // in case the process is stopped
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not end within 30 s of SIGTERM and was killed\n%s", p.name, p.lastOutput())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, p.err, p.lastOutput())
	}
	return nil
}

// freeAddrs returns loopback addresses without a listener.
func freeAddrs(ctx context.Context, n int) ([]string, error) {
	var out []string
	var errs []error
	for range n {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		out = append(out, ln.Addr().String())
		defer func() { errs = append(errs, ln.Close()) }() // all at the end, so that no port comes twice
	}
	return out, errors.Join(errs...)
}

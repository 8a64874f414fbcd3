package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// clockTick is the unit of CPU time in /proc/PID/stat: the kernel's USER_HZ is 100 on every platform that Go supports.
const clockTick = 10 * time.Millisecond

// cpuUsage is the CPU time of a process since its start.
type cpuUsage struct{ user, system time.Duration }

func (u cpuUsage) totalTime() time.Duration { return u.user + u.system }

// readCPU reads the CPU time of a running process with all its threads.
func readCPU(pid int) (cpuUsage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return cpuUsage{}, fmt.Errorf("CPU time of process %d (needs Linux): %w", pid, err)
	}
	_, rest, ok := bytes.Cut(text, []byte(") ")) // the name may hold anything
	f := strings.Fields(string(rest))
	if !ok || len(f) < 13 {
		return cpuUsage{}, fmt.Errorf("CPU time of process %d: %q is not understood", pid, text)
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return cpuUsage{}, fmt.Errorf("CPU time of process %d: %w", pid, err)
	}
	return cpuUsage{time.Duration(user) * clockTick, time.Duration(system) * clockTick}, nil
}

// peakMemory returns the largest resident size of a running process so far, in bytes.
func peakMemory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of process %d (needs Linux): %w", pid, err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("memory of process %d: %w", pid, err)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("memory of process %d: the kernel does not say", pid)
}

// peerProcess is a program under test. A nil process belongs to others, such as the database itself.
type peerProcess struct {
	cmd   *exec.Cmd
	log   lockedBuffer
	ended chan struct{}
	err   error // of Wait; set before ended is closed
}

// lockedBuffer keeps the last part of a program's output.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  []byte
}

// Write keeps the bytes.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if over := len(l.b) - 64<<10; over > 0 {
		l.b = append(l.b[:0], l.b[over:]...)
	}
	return len(p), nil
}

func (l *lockedBuffer) lastBytes(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b[max(0, len(l.b)-n):])
}

// startProcess starts a program with empty standard input and keeps the output.
func startProcess(env []string, name string, args ...string) (*peerProcess, error) {
	p := &peerProcess{cmd: exec.Command(name, args...), ended: make(chan struct{})} //nolint:noctx // stop and kill end it
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// endedChannel is closed when the program has ended; never for a nil process.
func (p *peerProcess) endedChannel() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.ended
}

func (p *peerProcess) failureError(what string) error {
	if p == nil {
		return errors.New(what)
	}
	return fmt.Errorf("%s: %s\n%s", p.cmd.Path, what, p.log.lastBytes(4<<10))
}

// stopProcess asks the program to end and waits; after 20 s the program is killed, which is an error.
func (p *peerProcess) stopProcess(ctx context.Context) error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return nil
	case <-time.After(20 * time.Second):
	case <-ctx.Done():
	}
	p.killProcess()
	return p.failureError("did not end when asked to and was killed")
}

// killProcess ends the program with SIGKILL and returns after its end.
func (p *peerProcess) killProcess() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.ended
}

var _ io.Writer = (*lockedBuffer)(nil)

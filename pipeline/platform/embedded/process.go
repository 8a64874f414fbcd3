package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// engineProcess is an engine in a child process, which ends with the parent. Methods are safe for concurrent use.
type engineProcess struct {
	name   string // the engine's name in messages. Example: ClickHouse
	log    string // file of the child's output
	advise func(log string) string
	logger zerolog.Logger
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	done   chan struct{} // closed when the child has ended

	mu       sync.Mutex // guards the fields below
	stopping bool
	waitErr  error // result of Wait; set before done is closed
}

// setProcessDefaults makes the data directory absolute and fills in the defaults of all engines: patience with a
// predecessor, time to start, and the writer for the progress of a download.
func setProcessDefaults(name string, dataDir *string, patience, start *time.Duration, progress *io.Writer) error {
	if *dataDir == "" {
		return fmt.Errorf("%s has no data directory; choose one with %s", name, FlagDataDir)
	}
	dir, err := filepath.Abs(*dataDir)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", *dataDir, err)
	}
	*dataDir = dir
	if *patience <= 0 {
		*patience = 10 * time.Second
	}
	if *start <= 0 {
		*start = 90 * time.Second
	}
	if *progress == nil {
		*progress = io.Discard
	}
	return nil
}

// newEngineProcess makes a process without starting it. advise finds the cure in the log of a dead engine.
func newEngineProcess(name, log string, advise func(log string) string, logger zerolog.Logger) *engineProcess {
	return &engineProcess{name: name, log: log, advise: advise, logger: logger, done: make(chan struct{})}
}

// checkChild refuses a program whose main cannot be the engine's child.
func checkChild(name string) error {
	if canBeChild.Load() {
		return nil
	}
	return fmt.Errorf("%s: this program cannot be the engine's child: call embedded.MaybeRunEngineChild first thing in main (testkit.Main in TestMain)", name)
}

// startChild starts the child and a goroutine that waits for its end.
func (p *engineProcess) startChild(argv []string, lock *os.File) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("%s: find this program's own binary: %w", p.name, err)
	}
	out, err := openLog(p.log)
	if err != nil {
		return fmt.Errorf("%s: open log: %w", p.name, err)
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(self, argv...) //nolint:noctx // outlives the context of the start; Stop ends it
	cmd.Dir, cmd.Env = filepath.Dir(p.log), childEnv()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.ExtraFiles = []*os.File{lock} // becomes lockFD
	cmd.SysProcAttr = dieWithParent(syscall.SIGKILL)
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.cmd = cmd
	started := make(chan error)
	go func() {
		// The kernel's death signal goes by thread, so the starting thread stays until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.waitForChild()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("%s: start engine child: %w", p.name, err)
	}
	return nil
}

func (p *engineProcess) waitForChild() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.waitErr = err
	unexpected := !p.stopping
	p.mu.Unlock()
	close(p.done)
	if unexpected {
		p.logger.Error().Err(err).Str("log", p.log).Msg("the " + p.name + " engine ended by itself")
	}
}

// PID returns the process id of the child.
func (p *engineProcess) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended, for whatever reason.
func (p *engineProcess) Done() <-chan struct{} { return p.done }

// Err returns nil while the engine runs and after Stop ended it in good order. Otherwise Err returns the cause,
// with the last lines of the log.
func (p *engineProcess) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping && p.waitErr == nil {
		return nil
	}
	return p.deathError(p.waitErr)
}

func (p *engineProcess) deathError(err error) error {
	if err == nil {
		err = errors.New("ended without an error")
	}
	return fmt.Errorf("the %s engine died: %w; %s\nlast lines of %s:\n%s", p.name, err, p.advise(p.log), p.log, readLogTail(p.log, 12))
}

// awaitAnswer asks until the engine answers, dies or runs out of time, or the error is a finalError. addr is the
// engine's address.
func (p *engineProcess) awaitAnswer(ctx context.Context, addr string, patience time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil || isFinal(err) {
			return err
		}
		select {
		case <-p.done:
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.deathError(p.waitErr)
		case <-ctx.Done():
			return fmt.Errorf("the %s engine did not answer on %s within %v: %w\nlast lines of %s:\n%s",
				p.name, addr, patience, err, p.log, readLogTail(p.log, 12))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stopFailedStart stops an engine that did not get ready, and returns the errors of start and stop.
func (p *engineProcess) stopFailedStart(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, p.Stop(ctx))
}

// stopPatience bounds the wait of Stop for the engine, whatever the context allows.
const stopPatience = 20 * time.Second

// Stop ends the engine. Stop closes the child's standard input and waits until the child has finished. When ctx is
// done, or after 20 s, Stop sends SIGTERM and, two seconds later, SIGKILL. The error is nil when the child ended by
// itself in time. Later calls wait and return the same error.
func (p *engineProcess) Stop(ctx context.Context) error {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	_ = p.stdin.Close() // an error means an ended child
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	select {
	case <-p.done:
		return p.Err()
	case <-ctx.Done():
	}
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGKILL} {
		_ = unix.Kill(-p.PID(), sig) // the whole process group; an ended group is as good
		select {
		case <-p.done:
			_ = unix.Kill(-p.PID(), unix.SIGKILL) // the rest of the server's process group
			return fmt.Errorf("stop %s: it did not end in time and was ended by %v: %w", p.name, sig, ctx.Err())
		case <-time.After(2 * time.Second):
		}
	}
	return fmt.Errorf("stop %s: process %d did not end on SIGKILL: %w", p.name, p.PID(), ctx.Err())
}

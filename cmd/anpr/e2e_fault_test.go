//go:build e2e && faults && linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Faults from outside on the demo and on `anpr up`, with what an operator or a hostile tester has: kill, SIGSTOP,
// iptables, a full disk. `make test-faults` runs them.

// ports are addresses chosen beforehand, so that a firewall can name them and a restart answers where the first did.
type ports map[string]string

func choosePorts(t *testing.T) ports {
	t.Helper()
	p := ports{}
	for _, flag := range []string{"gateway-addr", "office-addr", "ops-addr", "kafka-addr", "clickhouse-addr", "clickhouse-http-addr", "postgres-addr"} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p[flag] = l.Addr().String()
		_ = l.Close()
	}
	return p
}

func (p ports) args() (out []string) {
	for flag, addr := range p {
		out = append(out, "--"+flag+"="+addr)
	}
	return out
}

// program is a running anpr with its output.
type program struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *lockedText
	ended          chan struct{}
	err            error
	ports          ports
}

func launch(t *testing.T, bin string, p ports, args ...string) *program {
	t.Helper()
	r := &program{t: t, cmd: exec.Command(bin, append(args, p.args()...)...), stdout: &lockedText{}, stderr: &lockedText{}, ended: make(chan struct{}), ports: p}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stdout, r.cmd.Stderr = r.stdout, r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
		<-r.ended
	})
	return r
}

// says waits until an output has the text.
func (r *program) says(text string) {
	r.t.Helper()
	r.until("it says "+text, func() bool { return strings.Contains(r.stderr.String()+r.stdout.String(), text) })
}

func (r *program) until(what string, is func() bool) {
	r.t.Helper()
	for began := time.Now(); !is(); {
		select {
		case <-r.ended:
			r.t.Fatalf("not so: %s; it ended: %v\n%s", what, r.err, r.tail())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Since(began) > 3*time.Minute {
			r.t.Fatalf("not so after 3 minutes: %s\n%s", what, r.tail())
		}
	}
}

func (r *program) tail() string {
	text := r.stderr.String()
	return text[max(0, len(text)-4000):]
}

// engine waits for the engine's child process and returns the process id.
func (r *program) engine() (pid int) {
	r.t.Helper()
	r.until("there is an engine", func() bool {
		out, err := exec.CommandContext(r.t.Context(), "pgrep", "-P", fmt.Sprint(r.cmd.Process.Pid), "-f", "__engine").Output()
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(out), &pid)
		return err == nil
	})
	return pid
}

func (r *program) signal(pid int, sig syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		r.t.Fatalf("signal %v to %d: %v", sig, pid, err)
	}
}

// stand stops a process for a while.
func (r *program) stand(pid int, d time.Duration) {
	r.t.Helper()
	r.signal(pid, syscall.SIGSTOP)
	time.Sleep(d) // the fault is the passing of time itself
	r.signal(pid, syscall.SIGCONT)
}

// firewall drops or rejects everything on a port of the loopback for a while. The rules go whatever happens.
func (r *program) firewall(flag string, d time.Duration, target ...string) {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.ports[flag])
	if err != nil {
		r.t.Fatal(err)
	}
	ends := [][]string{{"--dport", port}, {"--sport", port}}
	rule := func(verb string, end []string) error {
		args := append(append([]string{"-w", "5", verb, "INPUT", "-i", "lo", "-p", "tcp"}, end...), append([]string{"-j"}, target...)...)
		out, err := exec.CommandContext(context.Background(), "iptables", args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("iptables %v: %w: %s", args, err, out)
		}
		return nil
	}
	for _, end := range ends {
		if err := rule("-A", end); err != nil {
			r.t.Fatal(err)
		}
		defer func() {
			if err := rule("-D", end); err != nil {
				r.t.Error(err)
			}
		}()
	}
	time.Sleep(d) // the fault is the passing of time itself
}

func needsFirewall(t *testing.T) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "iptables", "-w", "5", "-L", "INPUT", "-n").CombinedOutput(); err != nil {
		t.Fatalf("NOT RUN: iptables does not work here (%v %s): install it and run as root", err, out)
	}
}

// long is how long a cut or a stop lasts.
func long(short, full time.Duration) time.Duration {
	if os.Getenv("ANPR_FAULTS") == "full" {
		return full
	}
	return short
}

var fromOutside = []struct {
	name     string
	firewall bool
	do       func(r *program)
}{
	{"engine killed three times", false, func(r *program) {
		for range 3 {
			r.signal(r.engine(), syscall.SIGKILL)
			time.Sleep(2 * time.Second) // the next engine must have begun, and may not have finished beginning
		}
	}},
	{"engine stopped", false, func(r *program) { r.stand(r.engine(), long(8*time.Second, time.Minute)) }},
	{"program stopped", false, func(r *program) { r.stand(r.cmd.Process.Pid, long(8*time.Second, time.Minute)) }},
	{"program and engine stopped", false, func(r *program) {
		pid := r.engine()
		r.signal(pid, syscall.SIGSTOP)
		r.stand(r.cmd.Process.Pid, long(8*time.Second, time.Minute))
		r.signal(pid, syscall.SIGCONT)
	}},
	{"broker's port drops", true, func(r *program) { r.firewall("kafka-addr", long(8*time.Second, time.Minute), "DROP") }},
	{"broker's port rejects", true, func(r *program) {
		r.firewall("kafka-addr", long(8*time.Second, time.Minute), "REJECT", "--reject-with", "tcp-reset")
	}},
	{"engine's port drops", true, func(r *program) { r.firewall("clickhouse-addr", long(8*time.Second, time.Minute), "DROP") }},
	{"engine's port rejects", true, func(r *program) {
		r.firewall("clickhouse-addr", long(8*time.Second, time.Minute), "REJECT", "--reject-with", "tcp-reset")
	}},
	{"gateway's port drops", true, func(r *program) { r.firewall("gateway-addr", long(8*time.Second, time.Minute), "DROP") }},
}

// TestFaultsOnTheDemo: whatever the fault, the demo ends with every record of the log in the tables once. When the
// findings differ from the generator's truth, because reads reached the gateway after their passage had been
// decided, the demo says so with exit code 1; it never says otherwise.
func TestFaultsOnTheDemo(t *testing.T) {
	bin := buildLoad(t)
	for _, f := range fromOutside {
		t.Run(f.name, func(t *testing.T) {
			if f.firewall {
				needsFirewall(t)
			}
			r := launch(t, bin, choosePorts(t), "demo", "--seconds=20", "--json", "--data", t.TempDir())
			r.says("A seeded Brussels day")
			time.Sleep(4 * time.Second) // some traffic before the fault
			f.do(r)
			r.endsHonestly()
		})
	}
}

func TestADemoKilledGoesOnWithItsData(t *testing.T) {
	bin, data, p := buildLoad(t), t.TempDir(), choosePorts(t)
	r := launch(t, bin, p, "demo", "--seconds=20", "--json", "--data", data)
	r.says("A seeded Brussels day")
	time.Sleep(4 * time.Second) // some traffic before the fault
	r.signal(-r.cmd.Process.Pid, syscall.SIGKILL)
	<-r.ended
	launch(t, bin, p, "demo", "--seconds=5", "--json", "--data", data).endsHonestly()
}

func TestADemoOnAFullDiskGoesOnWhenThereIsRoom(t *testing.T) {
	data := t.TempDir()
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=900m"); err != nil {
		t.Fatalf("NOT RUN: a small file system cannot be mounted (%v): run as root", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(data, syscall.MNT_DETACH) })
	bin, p := buildLoad(t), choosePorts(t)
	r := launch(t, bin, p, "demo", "--seconds=20", "--json", "--data", data)
	r.says("A seeded Brussels day")
	time.Sleep(4 * time.Second) // some traffic before the fault
	ballast := filepath.Join(data, "ballast")
	if out, err := exec.CommandContext(t.Context(), "dd", "if=/dev/zero", "of="+ballast, "bs=64k").CombinedOutput(); !bytes.Contains(out, []byte("No space left")) {
		t.Fatalf("fill the disk: %v %s", err, out)
	}
	time.Sleep(long(6*time.Second, 30*time.Second)) // the fault is the passing of time itself
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	first := r.endsHonestly()
	// What was acknowledged is still there after a restart: the log has no hole where the disk was full.
	second := launch(t, bin, p, "demo", "--seconds=3", "--json", "--data", data).endsHonestly()
	if second.Produced < first.Produced {
		t.Errorf("%d records on the log after the restart, %d before", second.Produced, first.Produced)
	}
}

// tooSlow is the exit code of a demo whose every result is right on a machine that could not keep up.
const tooSlow = 4

// endsHonestly waits for the demo's end and checks the report.
func (r *program) endsHonestly() demoSummary {
	r.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(8 * time.Minute):
		r.t.Fatalf("still running after 8 minutes\n%s", r.tail())
	}
	var s demoSummary
	if err := json.Unmarshal([]byte(r.stdout.String()), &s); err != nil {
		r.t.Fatalf("no result: %v; it ended with %v\n%s", err, r.err, r.tail())
	}
	if s.Residual != 0 || s.Duplicates != 0 || s.Produced == 0 || s.Produced != s.Stored+s.Merged+s.Rejected {
		r.t.Errorf("residual %d, duplicates %d, produced %d: %s", s.Residual, s.Duplicates, s.Produced, r.stdout)
	}
	for _, kind := range []string{"hits", "lez"} {
		if s.Truth[kind].Missing > 0 {
			r.t.Errorf("%s: %+v", kind, s.Truth[kind])
		}
	}
	exit := (*exec.ExitError)(nil)
	switch {
	case r.err == nil && len(s.Problems) > 0:
		r.t.Errorf("exit code 0 with problems %q", s.Problems)
	case r.err != nil && errors.As(r.err, &exit) && exit.ExitCode() == tooSlow && len(s.Problems) == 0 && len(s.Slow) > 0:
		r.t.Logf("exact, and said that the machine was too slow: %q", s.Slow)
	case r.err != nil && (!errors.As(r.err, &exit) || exit.ExitCode() != 1 || len(s.Problems) == 0):
		r.t.Errorf("ended with %v and problems %q\n%s", r.err, s.Problems, r.tail())
	case r.err != nil:
		r.t.Logf("not the whole truth, and said so: %q", s.Problems)
	}
	return s
}

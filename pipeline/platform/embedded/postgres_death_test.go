package embedded

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// foreignServer is a PostgreSQL whose parent is another process.
type foreignServer struct {
	parent          *process
	dir, addr       string
	child, postgres int // process ids
	password        string
}

func startForeign(t *testing.T) *foreignServer {
	t.Helper()
	s := &foreignServer{dir: filepath.Join(t.TempDir(), "postgres"), password: NewPassword()}
	s.parent = startProcess(t, "postgres", s.dir, s.password)
	if _, err := fmt.Sscan(s.parent.first, &s.addr, &s.child); err != nil {
		t.Fatalf("%q: %v", s.parent.first, err)
	}
	if s.postgres = readPID(s.dir); s.postgres == 0 {
		t.Fatal("the server left no process id")
	}
	t.Cleanup(func() { // the server ends after its parent, and its own processes after a server that was killed: they write until then
		s.parent.kill()
		awaitEnd(t, s.postgres)
		err := os.RemoveAll(s.dir)
		for range 400 {
			if err == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
			err = os.RemoveAll(s.dir)
		}
		t.Error(err)
	})
	return s
}

// config is how another process starts a server on the same directory.
func (s *foreignServer) config() PostgresConfig {
	cfg := testPostgres(s.dir)
	for _, a := range PostgresAccounts() {
		cfg.Passwords[a] = s.password
	}
	return cfg
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for range 400 {
		if isGone(pid) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("process %d did not end", pid)
}

func TestPostgresEndsWithItsParentAndLosesNothing(t *testing.T) {
	for name, kill := range map[string]func(*foreignServer){
		"the program is killed":    func(s *foreignServer) { s.parent.kill() },
		"the supervisor is killed": func(s *foreignServer) { _ = unix.Kill(s.child, unix.SIGKILL) },
		"the server is killed":     func(s *foreignServer) { _ = unix.Kill(s.postgres, unix.SIGKILL) },
		"all are killed at once": func(s *foreignServer) {
			_ = unix.Kill(s.postgres, unix.SIGKILL)
			_ = unix.Kill(s.child, unix.SIGKILL)
			s.parent.kill()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startForeign(t)
			conn, err := logIn(t.Context(), s.addr, PostgresMigrator, s.password)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
				t.Fatal(err)
			}
			for n := range 20 {
				if _, err := conn.Exec(t.Context(), "INSERT INTO kept VALUES ($1)", n); err != nil {
					t.Fatal(err)
				}
			}
			kill(s)
			awaitEnd(t, s.postgres)
			awaitEnd(t, s.child)
			_ = conn.Close(t.Context())
			s.parent.kill()
			cfg := s.config()
			p := startPostgres(t, cfg)
			if got := mustAsk(t, p.Addr(), PostgresMigrator, s.password, "SELECT count(*) || '/' || sum(n) FROM kept"); got != "20/190" {
				t.Errorf("committed rows: %s, want 20/190", got)
			}
		})
	}
}

func TestPostgresEndsTheLeftoverOfItsOwnDirectoryAlone(t *testing.T) {
	leave := func() (dir string, pid int) {
		dir = filepath.Join(t.TempDir(), "postgres")
		p := startProcess(t, "leftover", dir)
		if _, err := fmt.Sscan(p.first, &pid); err != nil {
			t.Fatalf("%q: %v", p.first, err)
		}
		t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
		p.kill()
		return dir, pid
	}
	// A dead process is listed until its parent has asked for the exit code, but has no open files.
	runs := func(dir string, pid int) bool {
		lock, err := os.Stat(filepath.Join(dir, lockFile))
		if err != nil {
			t.Fatal(err)
		}
		has, _ := hasOpen(pid, lock)
		return has
	}
	dir, left := leave()
	beside, other := leave()
	if !runs(dir, left) || !runs(beside, other) {
		t.Fatal("no server stayed behind: this test tests nothing")
	}
	cfg := testPostgres(dir)
	cfg.patience = 300 * time.Millisecond
	p := startPostgres(t, cfg)
	mustAsk(t, p.Addr(), PostgresOffice, cfg.Passwords[PostgresOffice], "SELECT 1")
	if runs(dir, left) {
		t.Error("the leftover of the directory still runs")
	}
	if !runs(beside, other) {
		t.Error("the leftover of another directory was ended")
	}
}

func TestPostgresIsNotStartedTwiceOnADirectory(t *testing.T) {
	s := startForeign(t)
	cfg := s.config()
	cfg.patience = 300 * time.Millisecond
	_, err := StartPostgres(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), s.dir) || !strings.Contains(err.Error(), FlagDataDir) {
		t.Errorf("a second start: %v, want a refusal that names directory and cure", err)
	}
	if got := mustAsk(t, s.addr, PostgresOffice, s.password, "SELECT 1"); got != "1" {
		t.Errorf("the first server answers %q", got)
	}
}

func TestPostgresInstancesStandSideBySide(t *testing.T) {
	var servers []*PostgresEngine
	var configs []PostgresConfig
	for range 2 {
		cfg := testPostgres(filepath.Join(t.TempDir(), "postgres"))
		servers, configs = append(servers, startPostgres(t, cfg)), append(configs, cfg)
	}
	for i, p := range servers {
		mustAsk(t, p.Addr(), PostgresMigrator, configs[i].Passwords[PostgresMigrator], "CREATE TABLE mine (n int)")
		if _, err := ask(t, servers[1-i].Addr(), PostgresMigrator, configs[i].Passwords[PostgresMigrator], "SELECT 1"); sqlState(err) != "28P01" {
			t.Errorf("the password of one instance at the other: %v, want it refused", err)
		}
	}
	if err := servers[0].Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, servers[1].Addr(), PostgresMigrator, configs[1].Passwords[PostgresMigrator], "SELECT * FROM mine")
}

func TestPostgresNumberOfAnotherProcessStopsNoStart(t *testing.T) {
	cfg := testPostgres(filepath.Join(t.TempDir(), "postgres"))
	p := startPostgres(t, cfg)
	pid := filepath.Join(cfg.DataDir, clusterDir, pidFile)
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A process of the same user, which PostgreSQL by itself would take for a server.
	bystander := exec.CommandContext(t.Context(), "sleep", "600")
	bystander.Dir = "/"
	if os.Geteuid() == 0 {
		bystander.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: st.Sys().(*syscall.Stat_t).Uid}}
	}
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(pid, []byte(strconv.Itoa(bystander.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	p = startPostgres(t, cfg)
	mustAsk(t, p.Addr(), PostgresOffice, cfg.Passwords[PostgresOffice], "SELECT 1")
	if isGone(bystander.Process.Pid) {
		t.Error("the process that has the number by now was ended")
	}
}

func TestPostgresSaysWhatKeepsItFromStarting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	made := filepath.Join(t.TempDir(), "postgres")
	p := startPostgres(t, testPostgres(made))
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*PostgresConfig)
		want   []string
	}{
		"the port is taken":                 {func(c *PostgresConfig) { c.Addr = taken.Addr().String() }, []string{"in use", FlagPostgres}},
		"an address of the network":         {func(c *PostgresConfig) { c.Addr = "0.0.0.0:0" }, []string{"encrypts nothing", "--postgres"}},
		"no port":                           {func(c *PostgresConfig) { c.Addr = "127.0.0.1" }, []string{FlagPostgres}},
		"no directory":                      {func(c *PostgresConfig) { c.DataDir = "" }, []string{FlagDataDir}},
		"a file as directory":               {func(c *PostgresConfig) { c.DataDir = file }, []string{file, FlagDataDir}},
		"no password":                       {func(c *PostgresConfig) { delete(c.Passwords, PostgresOffice) }, []string{"anpr_office"}},
		"a database with a quote":           {func(c *PostgresConfig) { c.Database = `a"b` }, []string{"database"}},
		"programs that are not there":       {func(c *PostgresConfig) { c.Binary, c.DataDir = t.TempDir(), filepath.Join(t.TempDir(), "pg") }, []string{"initdb"}},
		"another version":                   {func(*PostgresConfig) { write(t, filepath.Join(made, clusterDir, "PG_VERSION"), "17\n") }, []string{"17", "18", FlagDataDir}},
		"the password of another directory": {func(*PostgresConfig) { write(t, filepath.Join(made, passwordFile), "wrong\n") }, []string{passwordFile, "backup"}},
		"the password file is gone":         {func(*PostgresConfig) { _ = os.Remove(filepath.Join(made, passwordFile)) }, []string{passwordFile, "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			keep := map[string][]byte{}
			for _, f := range []string{passwordFile, clusterDir + "/PG_VERSION"} {
				text, err := os.ReadFile(filepath.Join(made, f))
				if err != nil {
					t.Fatal(err)
				}
				keep[f] = text
			}
			cfg := testPostgres(made)
			c.change(&cfg)
			p, err := StartPostgres(t.Context(), cfg)
			if err == nil {
				t.Fatal(p.Stop(context.WithoutCancel(t.Context())), "it started")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v; want %q in it", err, w)
				}
			}
			for f, text := range keep {
				write(t, filepath.Join(made, f), string(text))
			}
		})
	}
	// The directory is unharmed.
	startPostgres(t, testPostgres(made))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresOnPathIsUsedOnlyInItsVersion(t *testing.T) {
	for text, want := range map[string]int{
		"postgres (PostgreSQL) 18.4": 18, "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": 15, "postgres (PostgreSQL) 19beta1": 19,
		"": 0, "postgres (PostgreSQL) devel": 0, "sh: 18.4": 0,
	} {
		if got, err := parsePostgresVersion(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testPostgres(t.TempDir())
	if _, ok := systemPostgres(t.Context(), &cfg); ok {
		t.Error("a PATH without postgres has one")
	}
	script("postgres", "echo 'postgres (PostgreSQL) 18.9'")
	if _, ok := systemPostgres(t.Context(), &cfg); ok {
		t.Error("postgres without initdb is used")
	}
	script("initdb", "exit 0")
	if got, ok := systemPostgres(t.Context(), &cfg); !ok || got != bin {
		t.Errorf("%s, %v, want %s", got, ok, bin)
	}
	script("postgres", "echo 'postgres (PostgreSQL) 17.9'")
	if _, ok := systemPostgres(t.Context(), &cfg); ok {
		t.Error("another version is used")
	}
}

package embedded

import (
	"bufio"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// roleEnv makes the test binary play another process: the tests kill it for real.
const roleEnv = childEnvPrefix + "ROLE"

func TestMain(m *testing.M) {
	MaybeRunEngineChild()
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "broker":
		playBroker()
	case "engine":
		playEngine()
	case "server":
		playServer()
	case "postgres":
		playPostgres()
	case "leftover":
		playLeftover()
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// playBroker runs a broker until killed. The first line on standard output is the address.
func playBroker() {
	b, err := StartBroker(BrokerConfig{Addr: os.Args[2], DataDir: os.Args[1], Topics: map[string]int{crashTopic: 2}})
	if err != nil {
		fail(err)
	}
	fmt.Println(b.Addr())
	select {}
}

// playEngine runs an engine until killed. The first line is the native address.
func playEngine() {
	c, err := StartClickHouse(context.Background(), testConfig(os.Args[1]))
	if err != nil {
		fail(err)
	}
	fmt.Println(c.NativeAddr())
	<-c.Done()
	fail(c.Err())
}

// playPostgres runs a PostgreSQL server until the process is killed. The first line of output is the address.
func playPostgres() {
	cfg := testPostgres(os.Args[1])
	cfg.Passwords = PostgresPasswords{}
	for _, a := range PostgresAccounts() {
		cfg.Passwords[a] = os.Args[2]
	}
	p, err := StartPostgres(context.Background(), cfg)
	if err != nil {
		fail(err)
	}
	fmt.Println(p.Addr(), p.PID())
	<-p.Done()
	fail(p.Err())
}

// playLeftover leaves a server behind that nothing ends, as on a system without a signal for the death of a parent. The
// first line of output is the process id of the server.
func playLeftover() {
	cfg := testPostgres(os.Args[1])
	p, err := StartPostgres(context.Background(), cfg)
	if err != nil {
		fail(err)
	}
	if err := p.Stop(context.Background()); err != nil {
		fail(err)
	}
	lock, err := lockDir(context.Background(), cfg.DataDir, lockFile, cfg.patience)
	if err != nil {
		fail(err)
	}
	bin, _, err := findPostgres(context.Background(), &cfg)
	if err != nil {
		fail(err)
	}
	uid, err := chooseUserID(filepath.Join(cfg.DataDir, userIDFile))
	if err != nil {
		fail(err)
	}
	child := postgresChild{Bin: bin, Dir: filepath.Join(cfg.DataDir, clusterDir), UserID: uid}
	cmd := exec.Command(filepath.Join(bin, "postgres"))
	cmd.SysProcAttr, cmd.ExtraFiles, cmd.Env = &syscall.SysProcAttr{Setpgid: true}, []*os.File{lock}, serverEnv(bin)
	dir, err := child.enter(cmd, lockFD+1)
	if err != nil {
		fail(err)
	}
	cmd.Args = append(cmd.Args, "-D", dir)
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	for readPID(cfg.DataDir) != cmd.Process.Pid {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println(cmd.Process.Pid)
	os.Exit(0)
}

// playServer stands in for the server binary, which may be missing. playServer takes a server's arguments and
// configuration file, runs the library with them, and ends on SIGTERM.
func playServer() {
	os.Unsetenv(roleEnv) //nolint:errcheck // cannot fail for a valid name
	if len(os.Args) != 3 || os.Args[1] != "server" {
		fail(fmt.Errorf("arguments %q, want server --config-file=FILE", os.Args[1:]))
	}
	conf := strings.TrimPrefix(os.Args[2], "--config-file=")
	text, err := os.ReadFile(conf)
	if err != nil {
		fail(err)
	}
	var x struct {
		Path string `xml:"path"`
		Host string `xml:"listen_host"`
		TCP  int    `xml:"tcp_port"`
		HTTP int    `xml:"http_port"`
	}
	if err := xml.Unmarshal(text, &x); err != nil {
		fail(err)
	}
	r, w, err := os.Pipe() // never closed: a server does not end with its standard input
	if err != nil {
		fail(err)
	}
	if err := unix.Dup2(int(r.Fd()), 0); err != nil {
		fail(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		w.Close()
	}()
	lib, err := EnsureEngine(context.Background(), "", io.Discard)
	if err != nil {
		fail(err)
	}
	sc := &serverConfig{DataDir: strings.TrimSuffix(x.Path, "/"+storeDir+"/"), Host: x.Host, NativePort: x.TCP, HTTPPort: x.HTTP, LogLevel: "fatal"}
	sc.BackupDir = filepath.Join(sc.DataDir, "backups")
	runLibrary(lib, confinementOf(lib, sc), engineArgs(modeLibrary, conf, sc))
}

// testConfig is an engine of the library on free ports.
func testConfig(dir string) ClickHouseConfig {
	return ClickHouseConfig{
		DataDir: dir, NativeAddr: "127.0.0.1:0", Binary: "-", MaxMemory: 2 << 30,
		Progress: os.Stderr, Users: []EngineUser{HarnessUser(localUser, "")},
	}
}

// process is the test binary in another role.
type process struct {
	cmd   *exec.Cmd
	first string // line of standard output
	once  sync.Once
}

// startProcess starts a role and waits for the first line. The process is killed at the end of the test at the
// latest.
func startProcess(t *testing.T, role string, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %v", role, err)
	}
	p.first = strings.TrimSpace(line)
	return p
}

// kill ends the process with SIGKILL and waits for the end. Safe for concurrent use.
func (p *process) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // the error says that the process was killed
	})
}

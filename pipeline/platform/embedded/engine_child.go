package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// engineArg is the hidden first argument of the engine child; the second chooses library or server.
const (
	engineArg    = "__engine"
	modeLibrary  = "library"  // followed by the library, the confinement as JSON, and the arguments of clickhouse-local
	modeServer   = "server"   // followed by the binary and the binary's arguments
	modePostgres = "postgres" // followed by a postgresChild as JSON
)

// Exit codes of the child beside the engine's.
const (
	exitUsage    = 90
	exitLibrary  = 91 // the library could not be loaded
	exitServer   = 92 // the server binary could not be started
	exitTerminal = 93 // no pseudo-terminal
	exitConfine  = 94 // the kernel did not confine the child
)

// canBeChild records that main called MaybeRunEngineChild. Without the call, a child would do the program's work again
// instead of running the engine; a test binary would run all tests.
var canBeChild atomic.Bool

// MaybeRunEngineChild runs the database engine, and does not return, in a process started as the engine's child. In any
// other process the call returns at once. Call MaybeRunEngineChild first thing in main, before flags are read.
func MaybeRunEngineChild() {
	canBeChild.Store(true)
	if len(os.Args) < 2 || os.Args[1] != engineArg {
		return
	}
	if len(os.Args) < 4 {
		exitChild(exitUsage, errors.New("the engine child is started by this program itself, not by hand"))
	}
	unix.Umask(0o077) // keeps the engine's files unreadable for other users
	switch os.Args[2] {
	case modeLibrary:
		var c confinement
		if len(os.Args) < 5 || json.Unmarshal([]byte(os.Args[4]), &c) != nil {
			exitChild(exitUsage, errors.New("the engine child is started by this program itself, not by hand"))
		}
		runLibrary(os.Args[3], c, os.Args[5:])
	case modeServer:
		runServer(os.Args[3], os.Args[4:])
	case modePostgres:
		runPostgres(os.Args[3])
	default:
		exitChild(exitUsage, fmt.Errorf("unknown engine mode %q", os.Args[2]))
	}
}

func exitChild(code int, err error) {
	fmt.Fprintln(os.Stderr, "engine child:", err)
	os.Exit(code)
}

// runLibrary loads the engine into this process, confines the process, and runs the engine until standard input ends.
func runLibrary(path string, c confinement, args []string) {
	runtime.LockOSThread() // the engine's threads descend from the locked thread
	if err := stdinAsTerminal(); err != nil {
		exitChild(exitTerminal, err)
	}
	if err := confineProcess(c); err != nil {
		exitChild(exitConfine, err)
	}
	run, err := loadEngine(path)
	if err != nil {
		exitChild(exitLibrary, err)
	}
	argv := append([]string{"clickhouse"}, args...)
	held := make([][]byte, len(argv))
	ptrs := make([]*byte, len(argv)+1) // ends with NULL, as in C
	var pin runtime.Pinner
	for i, a := range argv {
		held[i] = append([]byte(a), 0)
		pin.Pin(&held[i][0])
		ptrs[i] = &held[i][0]
	}
	pin.Pin(&ptrs[0])
	result := run(int32(len(argv)), unsafe.Pointer(&ptrs[0]))
	pin.Unpin()
	if result == nil {
		exitChild(1, errors.New("the engine stopped with an error"))
	}
	endProcess()
}

// endProcess ends the process with exit code 0 and leaves everything else to the kernel. No destructor of the library
// may run while threads of the library may be at work. os.Exit(0) would run destructors under the race detector, and
// on macOS always.
func endProcess() {
	var exit func(int32)
	if at, err := purego.Dlsym(purego.RTLD_DEFAULT, "_exit"); err == nil {
		purego.RegisterFunc(&exit, at)
		exit(0)
	}
	syscall.Exit(0)
}

// stdinAsTerminal puts a pseudo-terminal in the place of standard input, and ends the process at once when the real
// input ends. A hang-up of the terminal would first end the engine's own session, which keeps the account default shut,
// while connections are still served. Nothing is lost: every acknowledged insert is on the disk, and all writers have
// stopped before.
//
// clickhouse-local before 26.8 ends the whole process on any error in a connection's thread. A wrong password over the
// native protocol is enough, or a client that resets the connection. The engine goes on only with --interactive and a
// terminal (ClickHouse issue 115666, mended by pull request 115715).
func stdinAsTerminal() error {
	lifeline, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return fmt.Errorf("duplicate standard input: %w", err)
	}
	master, slave, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	if err := unix.Dup2(int(slave.Fd()), 0); err != nil {
		return fmt.Errorf("replace standard input: %w", err)
	}
	if err := slave.Close(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(uintptr(lifeline), "lifeline"))
		runtime.KeepAlive(master) // an earlier close would end the session
		endProcess()
	}()
	return nil
}

func loadEngine(path string) (run func(int32, unsafe.Pointer) unsafe.Pointer, err error) {
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	const name = "chdb_query_cmdline"
	if _, err := purego.Dlsym(lib, name); err != nil {
		return nil, fmt.Errorf("%s is not the engine this program was made for: %w", path, err)
	}
	purego.RegisterLibFunc(&run, lib, name)
	return run, nil
}

// childEnv returns the environment for the engine, without any variable that could be a password.
func childEnv() (out []string) {
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains([]string{"PATH", "HOME", "TMPDIR", "LANG", "TZ", "LD_LIBRARY_PATH"}, name) || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, childEnvPrefix) {
			out = append(out, e)
		}
	}
	return out
}

// childEnvPrefix begins the variables that tests set for a child.
const childEnvPrefix = "ANPR_EMBEDDED_TEST_"

// runServer runs a ClickHouse server and ends the server when our standard input ends: a server does not watch
// standard input.
func runServer(path string, args []string) {
	runtime.LockOSThread()             // the server dies with the locked thread
	cmd := exec.Command(path, args...) //nolint:noctx // lives as long as this process
	cmd.SysProcAttr = dieWithParent(syscall.SIGTERM)
	exitAfter(cmd, syscall.SIGTERM)
}

// exitAfter runs a server and exits with the server's code. When standard input ends, the server gets the signals in
// turn, with a pause after each, and last SIGKILL. The calling thread is locked to the goroutine.
func exitAfter(cmd *exec.Cmd, signals ...syscall.Signal) {
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if lock := os.NewFile(lockFD, lockFile); lock != nil {
		cmd.ExtraFiles = append([]*os.File{lock}, cmd.ExtraFiles...)
	}
	if err := cmd.Start(); err != nil {
		exitChild(exitServer, err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		for _, sig := range signals {
			_ = cmd.Process.Signal(sig)
			time.Sleep(serverPatience)
		}
		_ = cmd.Process.Kill()
	}()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(max(exit.ExitCode(), 1))
	}
	if err != nil {
		exitChild(exitServer, err)
	}
	os.Exit(0)
}

// serverPatience is the longest time from a signal to the end of a server.
const serverPatience = 15 * time.Second

package embedded

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// postgresChild describes the server to the engine child.
type postgresChild struct {
	Bin    string // directory of the binary
	Dir    string // cluster
	UserID uint32 // user id for the server; 0 = the user id of the process
}

// runPostgres runs a PostgreSQL server until standard input ends. The server then shuts down: first fast (connections
// end, then a checkpoint), later at once (the next start recovers commits). When the process is killed, the kernel
// sends the fast shutdown.
func runPostgres(text string) {
	runtime.LockOSThread() // the server dies with the locked thread
	var c postgresChild
	if json.Unmarshal([]byte(text), &c) != nil {
		exitChild(exitUsage, errors.New("the engine child is started by this program itself, not by hand"))
	}
	cmd := exec.Command(filepath.Join(c.Bin, "postgres")) //nolint:noctx // lives as long as this process
	cmd.SysProcAttr = dieWithParent(syscall.SIGINT)
	dir, err := c.enter(cmd, lockFD+1)
	if err != nil {
		exitChild(exitServer, err)
	}
	cmd.Args = append(cmd.Args, "-D", dir)
	cmd.Env = serverEnv(c.Bin)
	exitAfter(cmd, syscall.SIGINT, syscall.SIGQUIT)
}

// enter makes a command run under the user id of the server, and returns the cluster's path for the command. The
// command gets the open directory as the given descriptor, because the server may lack the right to enter the
// directories above.
func (c *postgresChild) enter(cmd *exec.Cmd, fd int) (string, error) {
	if c.UserID == 0 {
		return c.Dir, nil
	}
	d, err := os.Open(c.Dir)
	if err != nil {
		return "", err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, d)
	cmd.Dir = "/" // the present directory may be closed to the server
	runAs(cmd.SysProcAttr, c.UserID, false)
	return descriptorPath(fd, c.Dir), nil
}

// serverEnv is the environment of PostgreSQL's programs: the libraries beside them, and nothing of ours.
func serverEnv(bin string) []string {
	lib := filepath.Join(filepath.Dir(bin), "lib")
	out := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	// the downloaded server comes with libraries
	if _, err := os.Stat(filepath.Join(filepath.Dir(bin), symlinksFile)); err == nil {
		out = append(out, "LD_LIBRARY_PATH="+lib)
	}
	return out
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockPostgres takes the lock of the data directory. A killed process may leave a server behind that still holds the
// lock; lockPostgres ends such a server. A server with a living supervisor is in use, and stays.
func lockPostgres(ctx context.Context, cfg *PostgresConfig) (*os.File, error) {
	lock, err := lockDir(ctx, cfg.DataDir, lockFile, cfg.patience)
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGKILL} {
		if !errors.Is(err, errLocked) {
			break
		}
		pid := findLeftover(cfg.DataDir)
		if pid == 0 {
			break
		}
		cfg.Logger.Warn().Int("pid", pid).Str("dir", cfg.DataDir).Msg("ending a PostgreSQL server that a killed process left behind on this data directory")
		_ = unix.Kill(pid, sig) // gone already is as good
		lock, err = lockDir(ctx, cfg.DataDir, lockFile, cfg.patience)
	}
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("PostgreSQL: another server runs on %s; stop it, or choose another directory with %s: %w", cfg.DataDir, FlagDataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	return lock, nil
}

// readPID returns the process id that a server left in the cluster; 0 when there is none.
func readPID(dataDir string) int {
	text, err := os.ReadFile(filepath.Join(dataDir, clusterDir, pidFile))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return 0
	}
	return pid
}

// findLeftover returns the process id of the directory's server when the supervisor is gone, else 0. The open lock
// identifies the server. A number in a file does not suffice, because another process may have the number by now.
func findLeftover(dataDir string) int {
	pid := readPID(dataDir)
	lock, err := os.Stat(filepath.Join(dataDir, lockFile))
	if pid == 0 || err != nil {
		return 0
	}
	if has, known := hasOpen(pid, lock); !has || !known {
		return 0
	}
	parent := parentOf(pid)
	if supervised, known := hasOpen(parent, lock); parent == 0 || supervised || !known {
		return 0
	}
	return pid
}

// removeStalePID removes the process id of a dead server. PostgreSQL would refuse to start when another process has the
// number by now. The caller holds the lock of the directory, so no server of ours runs. A server started by hand is an
// error.
func (cl *postgresCluster) removeStalePID() error {
	pid := readPID(cl.cfg.DataDir)
	if pid == 0 {
		return nil
	}
	dir, err := os.Stat(cl.dir)
	if err != nil {
		return err
	}
	works, known := worksIn(pid, dir)
	switch {
	case works && pid != os.Getpid():
		return fmt.Errorf("process %d runs PostgreSQL on %s, and this program did not start it: stop it, or choose another directory with %s", pid, cl.dir, FlagDataDir)
	case !known && !isGone(pid):
		return nil // PostgreSQL looks for itself
	}
	root, err := os.OpenRoot(cl.dir)
	if err != nil {
		return err
	}
	return errors.Join(root.Remove(pidFile), root.Close())
}

func isGone(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

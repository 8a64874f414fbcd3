package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked is returned by lockDir when another process holds the lock and the patience has run out.
var errLocked = errors.New("locked by another process")

// lockDir takes the exclusive lock of a directory, a file with the given name, and waits up to patience for another
// process to let go. The kernel frees the lock at any end of the last process with the open file, so a lock is never
// stale. A child that inherits the file keeps the lock too.
func lockDir(ctx context.Context, dir, name string, patience time.Duration) (*os.File, error) {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if time.Now().After(deadline) {
			_ = f.Close()
			return nil, fmt.Errorf("%s: %w", path, errLocked)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// makePrivateDir creates a data directory, or closes an existing directory to everybody else, and proves that the
// directory can be written.
func makePrivateDir(dir string) error {
	if err := makeDir(dir, FlagDataDir); err != nil {
		return err
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("data directory %s is open to others and cannot be closed to them; make it 0700, or choose another with %s: %w", dir, FlagDataDir, err)
	}
	return nil
}

// makeDir creates a missing directory for this user alone and tests that the directory can be written. flag is the
// option for another directory.
func makeDir(dir, flag string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dirError(err, dir, flag)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err == nil {
		_, err = probe.Write(make([]byte, 4096))
		err = errors.Join(err, probe.Sync(), probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return dirError(err, dir, flag)
	}
	return nil
}

// dirError explains why a directory cannot be written.
func dirError(err error, dir, flag string) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("data directory %s: the disk is full; free space or choose another disk with %s: %w", dir, flag, err)
	case errors.Is(err, unix.EROFS), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("data directory %s cannot be written; fix its permissions or choose another with %s: %w", dir, flag, err)
	default:
		return fmt.Errorf("write to data directory %s (chosen with %s): %w", dir, flag, err)
	}
}

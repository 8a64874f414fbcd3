package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gvc-brussels/anpr/pipeline/platform/durable"
)

// Files of PostgreSQL inside the data directory, beside the files of every engine.
const (
	clusterDir   = "data"              // PostgreSQL's files, owned by the server's user
	passwordFile = "accounts.password" // for accountsAccount
	userIDFile   = "server.uid"        // user id of the server, when root starts it
	madeFile     = "made"              // exists as soon as the cluster does: a lost cluster is not made anew
	pidFile      = "postmaster.pid"    // in the cluster
)

// postgresCluster is the directory in which PostgreSQL works. The lock of the data directory is held.
type postgresCluster struct {
	cfg      *PostgresConfig
	bin      string // directory of the programs
	lock     *os.File
	dir      string
	uid      uint32 // user id for the server; 0 = the user id of the process
	password string // for accountsAccount
}

// prepare makes a missing cluster, and prepares an existing cluster for the start.
func (cl *postgresCluster) prepare(ctx context.Context) (err error) {
	if cl.uid, err = chooseUserID(filepath.Join(cl.cfg.DataDir, userIDFile)); err != nil {
		return err
	}
	version, err := os.ReadFile(filepath.Join(cl.dir, "PG_VERSION"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, gone := os.Stat(filepath.Join(cl.cfg.DataDir, madeFile)); gone == nil {
			return fmt.Errorf("%s is gone, and was there at an earlier start: is its disk mounted? Bring it back from the backup; to begin with an empty one, remove %s",
				cl.dir, filepath.Join(cl.cfg.DataDir, madeFile))
		}
		if cl.password, err = cl.readPassword(true); err != nil {
			return err
		}
		if err := cl.create(ctx); err != nil {
			return err
		}
		return cl.markMade()
	case err != nil:
		return err
	case strings.TrimSpace(string(version)) != strconv.Itoa(postgresMajor):
		return fmt.Errorf("%s was made by PostgreSQL %s, this program needs %d: restore its backup into a new directory, chosen with %s",
			cl.dir, strings.TrimSpace(string(version)), postgresMajor, FlagDataDir)
	}
	if cl.password, err = cl.readPassword(false); err != nil {
		return err
	}
	if err := errors.Join(cl.own(), cl.markMade()); err != nil {
		return err
	}
	return cl.removeStalePID()
}

// markMade records that the cluster exists.
func (cl *postgresCluster) markMade() error {
	f, err := os.OpenFile(filepath.Join(cl.cfg.DataDir, madeFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// The server's user ids come from a range that systemd leaves unused and no distribution gives to accounts.
const (
	firstUserID = 60706
	userIDs     = 478
)

// chooseUserID returns the user id for the server. 0 means the user id of the process, unless root runs the process.
// For root the server gets an id without an account and without a process, so that nobody can read the server's files
// or memory. The file keeps the id.
func chooseUserID(file string) (uint32, error) {
	if os.Geteuid() != 0 {
		return 0, nil
	}
	text, err := os.ReadFile(file)
	if err == nil {
		n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
		if err == nil && n > 0 && !hasAccount(uint32(n)) {
			return uint32(n), nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for range 10 * userIDs {
		id := firstUserID + rand.Uint32N(userIDs)
		if hasAccount(id) || isUserIDBusy(id) {
			continue
		}
		return id, os.WriteFile(file, []byte(strconv.FormatUint(uint64(id), 10)+"\n"), 0o600)
	}
	return 0, fmt.Errorf("every user id from %d to %d has an account or a process: start as another user than root", firstUserID, firstUserID+userIDs-1)
}

func hasAccount(uid uint32) bool {
	_, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	return err == nil
}

// readPassword reads the password of accountsAccount, or draws a password for a new cluster.
func (cl *postgresCluster) readPassword(draw bool) (string, error) {
	path := filepath.Join(cl.cfg.DataDir, passwordFile)
	text, err := os.ReadFile(path)
	if password := strings.TrimSpace(string(text)); err == nil && password != "" {
		return password, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if !draw {
		return "", fmt.Errorf("%s is missing: bring it back from the backup of the directory; without it nobody can log in", path)
	}
	password := NewPassword()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, durable.SyncDir(cl.cfg.DataDir)
}

// create makes the cluster beside the final place and then renames: a cluster under the final name is whole.
func (cl *postgresCluster) create(ctx context.Context) error {
	fresh := cl.dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700)); err != nil { // left by a killed start
		return err
	}
	maker := postgresChild{Bin: cl.bin, Dir: fresh}
	if cl.uid != 0 {
		uid, err := findUnprivileged()
		if err != nil {
			return err
		}
		maker.UserID = uid
		if err := os.Chown(fresh, int(uid), int(uid)); err != nil {
			return err
		}
	} else if err := checkNull(); err != nil {
		return err
	}
	began := time.Now()
	args := []string{
		"--auth=reject", "--username=postgres", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
	}
	if !cl.cfg.Fsync {
		args = append(args, "--no-sync")
	}
	if err := cl.runOnce(ctx, maker, "", "initdb", args...); err != nil {
		return err
	}
	err := cl.runOnce(ctx, maker, bootstrapSQL(cl.password), "postgres", "--single", "-j", "-c", "exit_on_error=on",
		"-c", "log_min_error_statement=panic", "-c", "dynamic_shared_memory_type=mmap", "postgres")
	if err != nil {
		return err
	}
	if err := chownTree(fresh, cl.uid); err != nil {
		return err
	}
	if err := os.Rename(fresh, cl.dir); err != nil {
		return err
	}
	cl.cfg.Logger.Info().Str("dir", cl.dir).Uint32("uid", cl.uid).Dur("took", time.Since(began)).Msg("PostgreSQL data directory made")
	return durable.SyncDir(cl.cfg.DataDir)
}

// findUnprivileged returns the user id of an account that owns nothing: initdb runs only under an id with an
// account.
func findUnprivileged() (uint32, error) {
	for _, name := range []string{"nobody", "daemon", "bin"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseUint(u.Uid, 10, 32); err == nil && n > 0 {
			return uint32(n), nil
		}
	}
	return 0, errors.New("initdb cannot run as root, and there is no account nobody, daemon or bin: make one, or start as another user than root")
}

// runOnce runs a program of PostgreSQL on a stopped cluster, and returns the program's output when the program
// fails.
func (cl *postgresCluster) runOnce(ctx context.Context, as postgresChild, input, program string, args ...string) error {
	runtime.LockOSThread() // the program dies with the locked thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, filepath.Join(cl.bin, program))
	cmd.SysProcAttr = dieWithParent(syscall.SIGKILL)
	cmd.ExtraFiles = []*os.File{cl.lock} // a surviving program keeps the lock
	dir, err := as.enter(cmd, lockFD+1)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range cmd.ExtraFiles[1:] {
			_ = f.Close()
		}
	}()
	if as.UserID != 0 && isNullClosed() {
		runAs(cmd.SysProcAttr, as.UserID, true)
	}
	// After --single the database's name comes last, and the directory anywhere before.
	cmd.Args = append(cmd.Args, args...)
	if program == "postgres" {
		cmd.Args = append(cmd.Args[:len(cmd.Args)-1], "-D", dir, args[len(args)-1])
	} else {
		cmd.Args = append(cmd.Args, "-D", dir)
	}
	var said bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = serverEnv(cl.bin), strings.NewReader(input), &said, &said
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w; it said:\n%s", program, err, lastLines(said.String(), 12))
	}
	return nil
}

// checkNull refuses a machine without a usable /dev/null.
func checkNull() error {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("initdb needs %s, which this user cannot open: as root, chmod 666 %s; %v", os.DevNull, os.DevNull, err) //nolint:errorlint // no right of the data directory is meant
	}
	return f.Close()
}

// isNullClosed reports whether other users cannot use /dev/null, to which the shell commands of initdb write. On such a
// machine initdb gets the right to open /dev/null.
func isNullClosed() bool {
	st, err := os.Stat(os.DevNull)
	return err == nil && st.Mode().Perm()&0o006 != 0o006
}

// chownTree gives a tree to a user id; 0 changes nothing.
func chownTree(dir string, uid uint32) error {
	if uid == 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(uid), int(uid))
	})
}

// own gives the cluster to the server's user. A cluster may have another owner after a restore from a backup, or when
// made before root started the server.
func (cl *postgresCluster) own() error {
	var st unix.Stat_t
	if err := unix.Stat(cl.dir, &st); err != nil {
		return err
	}
	want := cl.uid
	if want == 0 {
		want = uint32(os.Geteuid())
	}
	if st.Uid != want {
		if cl.uid == 0 {
			return fmt.Errorf("%s belongs to user id %d, and this is user id %d: start as root, or give the directory to this user", cl.dir, st.Uid, want)
		}
		if err := chownTree(cl.dir, cl.uid); err != nil {
			return err
		}
	}
	return os.Chmod(cl.dir, 0o700)
}

// adviseDir adds the way out of an error of the data directory.
func adviseDir(err error, dir string) error {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), err != nil && strings.Contains(err.Error(), "No space left on device"):
		return fmt.Errorf("data directory %s: the disk is full; free space or choose another disk with %s: %w", dir, FlagDataDir, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("data directory %s: %w; start as the user who made it, or choose another with %s", dir, err, FlagDataDir)
	default:
		return err
	}
}

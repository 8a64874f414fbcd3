package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// RunFile is the file run.json in the data directory of a running machine. The file lists the addresses and names the
// file with the passwords, which only the machine's own user can read. The file exists from the moment when everything
// answers until the stop.
type RunFile struct {
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Gateway    string    `json:"gateway,omitempty"` // addresses are host:port
	Office     string    `json:"office,omitempty"`
	Ops        string    `json:"ops,omitempty"`
	Kafka      string    `json:"kafka"`
	ClickHouse string    `json:"clickhouse"`
	HTTP       string    `json:"clickhouse_http,omitempty"`
	Database   string    `json:"database"`
	// address of the embedded PostgreSQL; the database is PostgresDatabase
	Postgres    string `json:"postgres,omitempty"`
	Receipts    string `json:"receipts,omitempty"`  // a directory
	Reference   string `json:"reference,omitempty"` // a directory
	Users       string `json:"users,omitempty"`     // the file of the office's users
	Images      string `json:"images,omitempty"`    // the image store: a directory or an address
	Credentials string `json:"credentials"`         // a file, 0600: see Secrets
}

// Secrets are the passwords of a run. Each start draws new passwords.
type Secrets struct {
	KafkaUser     string            `json:"kafka_user"`
	KafkaPassword string            `json:"kafka_password"`
	ClickHouse    Passwords         `json:"clickhouse"` // by user
	Postgres      PostgresPasswords `json:"postgres"`   // by account
}

// Names of files in a data directory.
const (
	runFile     = "run.json"
	runLock     = "run.lock"
	secretsFile = "run-secrets.json"
)

// NewSecrets draws all passwords.
func NewSecrets() *Secrets {
	return &Secrets{KafkaUser: "anpr", KafkaPassword: NewPassword(), ClickHouse: NewPasswords(), Postgres: NewPostgresPasswords()}
}

// ErrRunning means that another process runs on the data directory.
var ErrRunning = errors.New("another anpr runs on this data directory")

// ErrNotRunning means that nothing runs on the data directory.
var ErrNotRunning = errors.New("no anpr runs on this data directory")

// Claim is the right to a data directory. A single process holds the claim at a time. Any end of the process frees the
// directory.
type Claim struct {
	dir  string
	lock *os.File
}

// ClaimRun claims a data directory and removes the files of a killed predecessor.
func ClaimRun(dir string) (*Claim, error) {
	if err := makePrivateDir(dir); err != nil {
		return nil, err
	}
	lock, err := lockRun(dir, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	c := &Claim{dir, lock}
	if err := c.removeRunFiles(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return c, nil
}

// lockRun takes the lock of a directory's run, or returns ErrRunning.
func lockRun(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, runLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w; choose another with %s", dir, err, FlagDataDir)
	}
	// A process that looks for a running machine holds a shared lock for an instant, and ClaimRun waits meanwhile.
	for range 20 {
		if err = unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err == nil {
			return f, nil
		}
		if how == unix.LOCK_SH {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w (%s); stop it, or choose another directory with %s", ErrRunning, dir, FlagDataDir)
	}
	return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
}

// Publish writes the run file and the file with the secrets, for the machine's own user only.
func (c *Claim) Publish(r RunFile, s *Secrets) error {
	dir, err := filepath.Abs(c.dir)
	if err != nil {
		return fmt.Errorf("run file: %w", err)
	}
	r.PID, r.Credentials = os.Getpid(), filepath.Join(dir, secretsFile)
	if err := writeJSON(r.Credentials, s); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, runFile), r)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(path+".tmp", append(text, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (c *Claim) removeRunFiles() error {
	var errs []error
	for _, name := range []string{runFile, secretsFile, runFile + ".tmp", secretsFile + ".tmp"} {
		if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove the run file: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Close removes the run file and lets go of the directory.
func (c *Claim) Close() error { return errors.Join(c.removeRunFiles(), c.lock.Close()) }

// ReadRun returns the run file of a running process, or ErrNotRunning, also when a killed process left a run file.
func ReadRun(dir string) (*RunFile, error) {
	text, err := os.ReadFile(filepath.Join(dir, runFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s has no %s)", ErrNotRunning, dir, runFile)
	}
	if err != nil {
		return nil, fmt.Errorf("addresses of the anpr up on %s: %w; only the user who started it may read them", dir, err)
	}
	lock, err := lockRun(dir, unix.LOCK_SH)
	if err == nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%w: %s is left over from a process that was killed; start `anpr up` again", ErrNotRunning, filepath.Join(dir, runFile))
	}
	if !errors.Is(err, ErrRunning) {
		return nil, err
	}
	var r RunFile
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, runFile), err)
	}
	return &r, nil
}

// Secrets reads the passwords of the run.
func (r *RunFile) Secrets() (*Secrets, error) {
	text, err := os.ReadFile(r.Credentials)
	if err != nil {
		return nil, fmt.Errorf("passwords of the running anpr: %w; only the user who started it may read them", err)
	}
	var s Secrets
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.Credentials, err)
	}
	return &s, nil
}

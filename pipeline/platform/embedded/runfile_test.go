package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheRunFileIsThereWhileItRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := ReadRun(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("before: %v, want %v", err, ErrNotRunning)
	}
	c, err := ClaimRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ClaimRun(dir); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second one on the directory: %v, want %v and the directory", err, ErrRunning)
	}
	if _, err := ReadRun(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("while it starts: %v, want %v", err, ErrNotRunning)
	}
	secrets := NewSecrets()
	if err := c.Publish(RunFile{Kafka: "127.0.0.1:1", Database: "anpr"}, secrets); err != nil {
		t.Fatal(err)
	}
	r, err := ReadRun(dir)
	if err != nil || r.Kafka != "127.0.0.1:1" || r.PID != os.Getpid() {
		t.Fatalf("while it runs: %+v, %v", r, err)
	}
	if s, err := r.Secrets(); err != nil || s.KafkaPassword != secrets.KafkaPassword || s.ClickHouse[Office] != secrets.ClickHouse[Office] || s.ClickHouse[Office] == "" {
		t.Errorf("secrets: %+v, %v", s, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil || strings.Contains(string(text), secrets.KafkaPassword) {
		t.Errorf("run.json can be shown to others: %s, %v", text, err)
	}
	for _, name := range []string{".", runFile, secretsFile, runLock} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v; want nothing for others", name, st, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{runFile, secretsFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s outlives the run: %v", name, err)
		}
	}
}

func TestALeftOverRunFileIsKnownForWhatItIs(t *testing.T) {
	dir := t.TempDir()
	c, err := ClaimRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(RunFile{Kafka: "127.0.0.1:1"}, NewSecrets()); err != nil {
		t.Fatal(err)
	}
	if err := c.lock.Close(); err != nil { // as the kernel does when the process is killed
		t.Fatal(err)
	}
	if _, err := ReadRun(dir); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("after a kill: %v, want %v", err, ErrNotRunning)
	}
	next, err := ClaimRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, secretsFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the passwords of a killed run are kept")
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNoTwoRunsShareAPassword(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		s := NewSecrets()
		for _, p := range append([]string{s.KafkaPassword}, s.ClickHouse[Migrator], s.ClickHouse[Ingest], s.ClickHouse[Office], s.ClickHouse[Reconciler], s.ClickHouse[Backup], s.ClickHouse[Reader]) {
			if len(p) != 64 || seen[p] {
				t.Errorf("password %q is short or comes twice", p)
			}
			seen[p] = true
		}
	}
}

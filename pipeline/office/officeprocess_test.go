package office

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// envOffice carries an office process's job. The process is this test binary, started again.
const envOffice = "ANPR_OFFICE_JOB"

// officeJob configures an office process.
type officeJob struct {
	Tables, Database   string // ClickHouse address and database
	Postgres, Password string
	Keys               string // key directory, shared by all offices
	Heads              string // Merkle log directory, one for each office
	Agents             int    // agents who work on cases; 0 = the office keeps no cases
}

// merkleWitness is the witness on an office's machine.
type merkleWitness struct {
	*witness.MerkleLog
	dir string
	key *access.PublicKey
}

// Note adds a head.
func (m merkleWitness) Note(ctx context.Context, h access.Head) error {
	_, err := m.MerkleLog.Note(ctx, h)
	return err
}

// Heads reads the heads.
func (m merkleWitness) Heads(ctx context.Context) ([]access.Head, error) {
	return witness.Heads(ctx, m.dir, m.key)
}

// runOfficeProcess prints the address and serves look-ups until the process is killed or the parent is gone.
func runOfficeProcess(text string) error {
	var job officeJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		return err
	}
	ctx := context.Background()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{job.Tables}, Auth: clickhouse.Auth{Database: job.Database}, DialTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	at, err := platform.ParsePostgres(job.Postgres, job.Password)
	if err != nil {
		return err
	}
	pool, err := at.Open(ctx, "office", 6)
	if err != nil {
		return err
	}
	people, err := at.Open(ctx, "people", 8)
	if err != nil {
		return err
	}
	keys, err := access.LoadKeys(job.Keys)
	if err != nil {
		return err
	}
	merkle, err := witness.Open(ctx, job.Heads, keys.Site)
	if err != nil {
		return err
	}
	listed, err := readUsers()
	if err != nil {
		return err
	}
	casework, err := startAgentCases(ctx, at, &job)
	if err != nil {
		return err
	}
	if job.Agents > 0 {
		if listed, err = readAgents(job.Agents); err != nil {
			return err
		}
	}
	o, err := New(ctx, Config{
		Cases: casework,
		DB:    conn, Users: listed, Now: func() time.Time { return now }, Logger: zerolog.New(os.Stderr), LookUps: store.NewLookUps(pool), Keys: keys,
		People: store.NewPeople(people), Limits: makeWideLimits(), ReopenEvery: 20 * time.Millisecond, Witnesses: []Witness{merkleWitness{merkle, job.Heads, &keys.Site.PublicKey}},
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the parent
		os.Exit(1)
	}()
	return http.Serve(l, o.Handler()) //nolint:gosec // for this test alone
}

// officeProcess is a running office process.
type officeProcess struct {
	cmd   *exec.Cmd
	addr  string
	ended chan struct{}
}

// startOfficeProcess returns when the process listens. The test's end kills the process.
func startOfficeProcess(t *testing.T, job *officeJob, output io.Writer) *officeProcess {
	t.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &officeProcess{cmd: exec.Command(self), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stderr = append(os.Environ(), envOffice+"="+string(text)), output
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.cmd.StdinPipe(); err != nil { // open as long as this process lives
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_ = p.cmd.Wait() // a kill is an error
		close(p.ended)
	}()
	if err != nil {
		t.Fatalf("an office process did not start: %v", err)
	}
	p.addr = strings.TrimSpace(line)
	return p
}

// kill sends SIGKILL and returns when the process is gone.
func (p *officeProcess) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // the process may have ended
	<-p.ended
}

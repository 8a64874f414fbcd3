//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// The whole program on this machine, as a person runs it: built, started, killed with SIGKILL in the middle, started
// again on the same data.

func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "anpr")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func buildLoad(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "anprload")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../anprload").CombinedOutput(); err != nil {
		t.Fatalf("build anprload: %v\n%s", err, out)
	}
	return bin
}

// everyPort lets the system choose all ports.
var everyPort = []string{
	"--gateway-addr=127.0.0.1:0", "--office-addr=127.0.0.1:0", "--ops-addr=127.0.0.1:0", "--kafka-addr=127.0.0.1:0",
	"--clickhouse-addr=127.0.0.1:0", "--clickhouse-http-addr=127.0.0.1:0", "--postgres-addr=127.0.0.1:0",
}

// running is an `anpr up`.
type running struct {
	cmd                       *exec.Cmd
	data                      string // its data directory
	gateway, office, ops, sql string
	kafka, native             string
	log                       *bytes.Buffer
	ended                     chan error
}

var bannerLines = map[string]*regexp.Regexp{
	"gateway": regexp.MustCompile(`cameras +http://([0-9.:]+)/`), "office": regexp.MustCompile(`office +http://([0-9.:]+)/`),
	"ops": regexp.MustCompile(`metrics +http://([0-9.:]+)/`), "sql": regexp.MustCompile(`HTTP ([0-9.:]+),`),
	"kafka": regexp.MustCompile(`kafka +([0-9.:]+),`), "native": regexp.MustCompile(`clickhouse +([0-9.:]+) native`),
}

// madeUpCity gives the data directory of an `anpr up` its reference data, as `make up` does.
func madeUpCity(t *testing.T, data string) {
	t.Helper()
	if err := bench.WriteMissingCity(filepath.Join(data, "reference"), 1); err != nil {
		t.Fatal(err)
	}
}

func up(t *testing.T, bin, data string) *running {
	t.Helper()
	madeUpCity(t, data)
	r := &running{data: data, cmd: exec.Command(bin, append([]string{"up", "--data", data}, everyPort...)...), log: &bytes.Buffer{}, ended: make(chan error, 1)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stderr = r.log
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) })
	found := map[string]string{}
	lines := bufio.NewScanner(stdout)
	for len(found) < len(bannerLines) && lines.Scan() {
		for name, re := range bannerLines {
			if m := re.FindStringSubmatch(lines.Text()); m != nil {
				found[name] = m[1]
			}
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		r.ended <- r.cmd.Wait()
	}()
	if len(found) < len(bannerLines) {
		t.Fatalf("anpr up did not come up: %v\n%s", <-r.ended, r.log)
	}
	r.gateway, r.office, r.ops, r.sql = found["gateway"], found["office"], found["ops"], found["sql"]
	r.kafka, r.native = found["kafka"], found["native"]
	return r
}

// countLookUps counts the entries of the look-up log for which a condition holds.
func (r *running) countLookUps(t *testing.T, where string) (n int) {
	t.Helper()
	run, err := (&flags.DataFlags{Data: r.data}).FindRunning()
	if err != nil {
		t.Fatal(err)
	}
	p := platform.NewPostgres(run.RunFile.Postgres, embedded.PostgresDatabase, string(embedded.PostgresOffice), run.Secrets.Postgres[embedded.PostgresOffice])
	pool, err := p.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM look_ups WHERE "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// kill ends the whole process group at once, as a power cut would.
func (r *running) kill(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-r.ended; err == nil {
		t.Fatal("a killed program ended without saying so")
	}
}

func (r *running) query(t *testing.T, q string) string {
	t.Helper()
	got, err := r.ask(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: %v\n%s", q, err, r.log)
	}
	return got
}

func (r *running) ask(ctx context.Context, q string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.sql+"/?database=anpr", strings.NewReader(q))
	if err != nil {
		return "", err
	}
	secrets, err := (&embedded.RunFile{Credentials: filepath.Join(r.data, "run-secrets.json")}).Secrets()
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(string(embedded.Reader), secrets.ClickHouse[embedded.Reader])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s", body)
	}
	return strings.TrimSpace(string(body)), err
}

// eventually polls a query until the result is want.
func (r *running) eventually(t *testing.T, q, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	for {
		got, err := r.ask(ctx, q) // may fail while the engine restarts
		if err == nil && got == want {
			return
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s gives %s, want %s\n%s", q, got, want, r.log)
		}
	}
}

func token(t *testing.T, data, camera string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "reference", "secrets", "camera-tokens.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row[0] == camera {
			return row[1]
		}
	}
	t.Fatalf("no token of %s", camera)
	return ""
}

// send posts a read and returns the read id after the acknowledgement.
func (r *running) send(ctx context.Context, token, camera string, i int) (string, bool) {
	body := fmt.Sprintf(`{"camera_id":%q,"captured_at_us":%d,"raw_plate":"1ABC%03d","country":"BE","confidence_pm":950,"camera_event_id":"e2e-%d"}`,
		camera, time.Now().UnixMicro(), i%1000, i)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.gateway+"/v1/cameras/"+camera+"/reads", strings.NewReader(body))
	if err != nil {
		return "", false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	var answer struct {
		Reads []struct {
			ReadID string `json:"read_id"`
		} `json:"reads"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(resp.Body).Decode(&answer) != nil || len(answer.Reads) != 1 {
		return "", false
	}
	return answer.Reads[0].ReadID, true
}

func TestKillOfTheWholeTreeLosesAndDoublesNothing(t *testing.T) {
	bin, data := build(t), t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const camera = "BRU-0001"
	acked := map[string]bool{}
	n := 0
	for round := range 4 {
		r := up(t, bin, data)
		tok := token(t, data, camera)
		until := time.Now().Add(time.Duration(1500+rng.IntN(2500)) * time.Millisecond)
		for time.Now().Before(until) {
			if id, ok := r.send(t.Context(), tok, camera, n); ok {
				acked[id] = true
			}
			n++
		}
		if round < 3 {
			r.kill(t)
			continue
		}
		r.eventually(t, "SELECT (SELECT count() FROM reads) + (SELECT countIf(kind='parked') FROM merges)", fmt.Sprint(len(acked)))
		tablesHold(t, r, acked)
		accountsHold(t, r, bin, data, len(acked))
		stopped(t, r)
	}
	t.Logf("%d reads acknowledged over 3 kills", len(acked))
}

// tablesHold compares the tables with what the gateway acknowledged.
func tablesHold(t *testing.T, r *running, acked map[string]bool) {
	t.Helper()
	for _, c := range []struct{ table, id string }{{"reads", "read_id"}, {"passages", "passage_id"}, {"hits", "hit_id"}, {"offences", "offence_id"}} {
		if got := r.query(t, fmt.Sprintf("SELECT count() - uniqExact(%s) FROM %s", c.id, c.table)); got != "0" {
			t.Errorf("%s: %s rows beyond one per id, without FINAL", c.table, got)
		}
	}
	if got := r.query(t, "SELECT count() FROM offences WHERE SHA256(sealed) != seal_sha256"); got != "0" {
		t.Errorf("%s offences do not prove themselves", got)
	}
	stored := map[string]bool{}
	for line := range strings.SplitSeq(r.query(t, "SELECT read_id FROM reads UNION ALL SELECT read_id FROM merges"), "\n") {
		stored[line] = true
	}
	for id := range acked {
		if !stored[id] {
			t.Errorf("read %s was acknowledged and is gone", id)
		}
	}
	if got := r.query(t, `SELECT count() FROM (SELECT kafka_partition, start_offset, lagInFrame(end_offset, 1, 0) OVER (PARTITION BY kafka_partition ORDER BY start_offset) AS before FROM batches) WHERE before != start_offset`); got != "0" {
		t.Errorf("%s gaps or overlaps in the ledger", got)
	}
}

// balance is what the tests read of a report of anpr reconcile.
type balance struct {
	Verdict string
	Total   struct {
		Accepted, Log, Ticks int
		InFlight             int `json:"in_flight"`
	}
}

// askForBalance runs anpr reconcile over the whole run. The worker appends ticks all the time, and a record that is on
// the log and not yet committed is no conclusion: the command is asked again, for a minute at most.
func askForBalance(t *testing.T, bin string, args ...string) (rep balance, out []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		now := time.Now()
		window := []string{"reconcile", "--from=" + now.Add(-30*time.Minute).Format(time.RFC3339), "--to=" + now.Add(2*time.Minute).Format(time.RFC3339)}
		out, err = exec.CommandContext(t.Context(), bin, append(window, args...)...).Output()
		rep = balance{}
		if bad := json.Unmarshal(out, &rep); bad != nil {
			t.Fatalf("reconcile: %v, %v\n%s", bad, err, out)
		}
		if rep.Total.InFlight == 0 {
			return rep, out, err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return rep, out, err
		}
	}
}

// accountsHold balances the whole run from outside: records in the journal of the killed gateways are on the log
// and in the tables, and are no fewer than the answers to senders.
func accountsHold(t *testing.T, r *running, bin, data string, acked int) {
	t.Helper()
	at := []string{"--data=" + data, "--json"}
	report, out, err := askForBalance(t, bin, at...)
	if err != nil || report.Verdict != "balanced" || report.Total.Accepted < acked || report.Total.Log-report.Total.Ticks < report.Total.Accepted {
		t.Errorf("reconcile: %v, %d acknowledged by the senders' account\n%s", err, acked, out)
	}
	if out, err := exec.CommandContext(t.Context(), bin, append([]string{"reconcile", "verify"}, at...)...).CombinedOutput(); err != nil {
		t.Errorf("reconcile verify: %v\n%s", err, out)
	}
}

// stopped ends the program as Ctrl-C does and expects a clean exit.
func stopped(t *testing.T, r *running) {
	t.Helper()
	if err := syscall.Kill(r.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("Ctrl-C: %v\n%s", err, r.log)
		}
	case <-time.After(60 * time.Second):
		t.Errorf("still running a minute after Ctrl-C\n%s", r.log)
	}
}

// demoSummary is the JSON with which the demo ends.
type demoSummary struct {
	Produced         uint64                       `json:"produced"`
	Stored           uint64                       `json:"stored"`
	Merged           uint64                       `json:"merged"`
	Rejected         uint64                       `json:"rejected"`
	RejectedByReason map[string]uint64            `json:"rejected_by_reason"`
	Passages         uint64                       `json:"passages"`
	Hits             uint64                       `json:"hits"`
	Offences         map[string]uint64            `json:"offences"`
	Held             map[string]uint64            `json:"held"`
	Duplicates       uint64                       `json:"duplicates"`
	Residual         int64                        `json:"residual"`
	Problems         []string                     `json:"problems"`
	Slow             []string                     `json:"too_slow"`
	Truth            map[string]bench.ResultTally `json:"truth"`
}

func TestDemoEndsWithNumbersThatAgreeWithClickHouse(t *testing.T) {
	bin, data := build(t), t.TempDir()
	args := append([]string{"demo", "--seconds", "15", "--json", "--lang", "fr", "--data", data}, everyPort...)
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), buildLoad(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v\n%s", err, &stderr)
	}
	var s demoSummary
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		t.Fatalf("standard output is not one JSON object: %v\n%s", err, &stdout)
	}
	if s.Produced == 0 || s.Produced != s.Stored+s.Merged+s.Rejected || s.Duplicates != 0 || s.Hits == 0 || s.Offences["lez"] == 0 {
		t.Errorf("demo's numbers do not add up: %s\n%s", &stdout, &stderr)
	}
	r := up(t, bin, data)
	for table, want := range map[string]uint64{"reads": s.Stored, "merges": s.Merged, "rejects": s.Rejected, "passages": s.Passages, "hits": s.Hits} {
		if got := r.query(t, "SELECT count() FROM "+table); got != fmt.Sprint(want) {
			t.Errorf("%s has %s rows, the demo said %d", table, got, want)
		}
	}
	stopped(t, r)
	if !strings.Contains(stderr.String(), "Zone de basses") {
		t.Errorf("the explained offences are not in French:\n%s", &stderr)
	}
}

func TestSecondStartOnOnePortSaysWhichFlag(t *testing.T) {
	bin := build(t)
	r := up(t, bin, t.TempDir())
	data := t.TempDir()
	madeUpCity(t, data)
	args := append([]string{"up", "--data", data}, everyPort...)
	args = append(args, "--gateway-addr="+r.gateway)
	out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--gateway-addr") || !strings.Contains(string(out), "in use") {
		t.Errorf("port in use: %v\n%s", err, out)
	}
	stopped(t, r)
}

func TestADeadEngineIsStartedAgainAndNothingIsLost(t *testing.T) {
	bin, data := build(t), t.TempDir()
	r := up(t, bin, data)
	tok := token(t, data, "BRU-0001")
	acked := map[string]bool{}
	for i := range 600 {
		if id, ok := r.send(t.Context(), tok, "BRU-0001", i); ok {
			acked[id] = true
		}
		if i == 200 {
			killEngine(t, r)
		}
	}
	r.eventually(t, "SELECT (SELECT count() FROM reads) + (SELECT countIf(kind='parked') FROM merges)", fmt.Sprint(len(acked)))
	tablesHold(t, r, acked)
	stopped(t, r)
}

// killEngine kills the engine's child process.
func killEngine(t *testing.T, r *running) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-P", fmt.Sprint(r.cmd.Process.Pid), "-f", "__engine").Output()
	if err != nil {
		t.Fatalf("no engine among the children: %v", err)
	}
	var pid int
	if _, err := fmt.Sscan(string(out), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// TestDeadLettersAreReplayedOnce: reads of a camera nobody registered are rejected; once it is registered they are
// put on the log again, twice, and are stored once. The office has logged who asked.
func TestDeadLettersAreReplayedOnce(t *testing.T) {
	bin, data := build(t), t.TempDir()
	r := up(t, bin, data)
	now := time.Now().UnixMicro()
	const n = 5
	var values [][]byte
	for i := range n {
		b, err := proto.Marshal(&anprv1.PlateRead{
			CameraId: "BRU-9999", CapturedAtUs: now + int64(i)*1000, ReceivedAtUs: now + int64(i)*1000, RawPlate: fmt.Sprintf("1RPL%03d", i), ConfidencePm: 900,
		})
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, b)
	}
	values = append(values, values[0], []byte("not a read at all"))
	r.produce(t, values...)
	r.eventually(t, "SELECT count() FROM rejects", fmt.Sprint(n+2))
	replay := func(args ...string) (out recovery.RedriveOutcome) {
		t.Helper()
		args = append([]string{
			"--log-level", "warn", "rejects", "replay", "--data", data, "--user", "operator1", "--json", "--limit", "3",
			"--purpose", "operation", "--reason", "camera registered, change 4711",
			"--receipts", filepath.Join(data, "replay-receipts"),
		}, args...)
		text, err := exec.CommandContext(t.Context(), bin, args...).Output()
		if err != nil {
			t.Fatalf("replay: %v\n%s", err, text)
		}
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return out
	}
	register(t, filepath.Join(data, "reference", "cameras.yaml"))
	r.eventually(t, "SELECT count() FROM reads", "0")
	unknown := []string{"--reject-reason", "unknown_camera"}
	if got, want := replay(append(unknown, "--dry-run")...), (recovery.RedriveOutcome{Wanted: n + 1, Sent: n, Twice: 1}); got != want {
		t.Errorf("dry run: %+v, want %+v", got, want)
	}
	// The new version of the register is taken within seconds; until then they are rejected again, and sent again.
	stored := fmt.Sprintf("SELECT uniqExact(read_id) = %d AND count() = %d FROM reads WHERE plate LIKE '1RPL%%'", n, n)
	for deadline := time.Now().Add(time.Minute); ; {
		replay(unknown...)
		time.Sleep(time.Second)
		if got, err := r.ask(t.Context(), stored); err == nil && got == "1" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the replayed reads are not in the table: " + r.query(t, "SELECT plate, count() FROM reads GROUP BY plate"))
		}
	}
	if got := replay(unknown...); got.Sent != 0 || got.Known < n {
		t.Errorf("a replay of what is stored: %+v, want nothing sent", got)
	}
	if got, want := replay("--reject-reason", "malformed"), (recovery.RedriveOutcome{Wanted: 1, Bad: 1}); got != want {
		t.Errorf("replay of what is still malformed: %+v, want %+v", got, want)
	}
	r.eventually(t, stored, "1")
	if got := r.countLookUps(t, "operation = 'rejects' AND outcome = 'granted'"); got <= 3 {
		t.Error("the office did not log who asked for the dead letters")
	}
	stopped(t, r)
}

// register adds camera BRU-9999, a copy of BRU-0001 with another token, as an operator would: a new file in place
// of the old.
func register(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "  - id: BRU-0001\n")
	entry, _, _ := strings.Cut(rest, "  - id: ")
	lines := strings.Split(strings.TrimRight(entry, "\n"), "\n")
	for i, l := range lines {
		if strings.Contains(l, "token_sha256:") {
			lines[i] = `    token_sha256: "` + strings.Repeat("ab", 32) + `"`
		}
	}
	text := strings.TrimRight(string(b), "\n") + "\n  - id: BRU-9999\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

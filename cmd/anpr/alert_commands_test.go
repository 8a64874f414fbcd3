// Commands one after the other, against what the tests of their packages run under the race detector.

//go:build !race

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// alertCommand is a command from the alert entries of the runbook, as an operator types it on the machine of `anpr
// up`.
type alertCommand struct {
	named string   // as in the runbook, without arguments
	args  []string // OFFENCE stands for the id of a stored offence, NEWFILE for a file that is not there, TOKEN:NAME for a file with a token
	code  int      // the exit code on a machine where all is well
	says  string   // part of the output
}

var alertCommands = []alertCommand{
	{"reconcile", []string{"reconcile", "--settle=30s"}, 0, "BALANCED"},
	{"reconcile verify", []string{"reconcile", "verify", "--last=0"}, 0, "batches"},
	{"reconcile seals", []string{"reconcile", "seals"}, 0, "every offence is as it was sealed"},
	{"evidence verify", []string{"evidence", "verify", "OFFENCE"}, 0, "is what was sealed"},
	{"evidence export", []string{"evidence", "export", "OFFENCE"}, 0, `"plate"`},
	{"access-log verify", []string{"access-log", "verify"}, 0, "the chain holds"},
	{"access-log export", []string{"access-log", "export", "--out=NEWFILE"}, 0, "entries, signed by anpr-look-up-log"},
	{"access-log break", []string{
		"access-log", "break", "--token-file=TOKEN:auditor1", "--token-file=TOKEN:prosecutor1", "--reason=a restore of a wrong copy",
	}, 1, "there is no damaged segment"},
	{"migrate", []string{"migrate"}, 0, "up to date"},
	{"query access-log", []string{"query", "--user=auditor1", "access-log", "--verify"}, 0, "the chain holds"},
	{"cases", []string{"cases", "--user=supervisor1", "stats"}, 0, "QUEUE"},
	{"query rejects", []string{"query", "--user=operator1", "rejects"}, 0, "REASON"},
	{"rejects redrive", []string{
		"rejects", "redrive", "--user=operator1", "--reject-reason=unknown_camera", "--purpose=operation", "--reason=camera registered, change 4711", "--dry-run",
	}, 0, "0 dead letters"},
	{"backup", []string{"backup", "of-the-alert"}, 0, "backup of-the-alert"},
	{"rules activate", []string{"rules", "activate", "built-in", "--at=2099-01-01T00:00:00Z", "--reason=a test"}, 0, "decides from 2099-01-01T00:00:00Z on, came with release"},
	{"rules status", []string{"rules", "status"}, 0, "planned"},
	{"postgres backup", []string{"postgres", "backup", "NEWFILE"}, 0, "rows of"},
}

// notOnThisMachine lists commands of alert entries that start a role; they are not tried on the running machine.
var notOnThisMachine = []string{"gateway", "up"}

// An operator woken by an alert types the commands of its entry, on the machine of `anpr up`: with the directory
// as --data, or as ANPR_DATA.
func TestEveryCommandOfTheAlertsAnswersOnTheMachineOfUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: 3, Rate: 200, Seed: 1}, Out: &bytes.Buffer{}, Log: zerolog.Nop()}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := h.Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := h.SendTraffic(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.WaitUntilProcessed(t.Context()); err != nil {
		t.Fatal(err)
	}
	var offence string
	if err := h.Sources.DB.QueryRow(t.Context(), "SELECT toString(any(offence_id)) FROM anpr.offences").Scan(&offence); err != nil || strings.Trim(offence, "0-") == "" {
		t.Fatalf("offence %q, %v: the traffic has none, and nothing can be asked of it", offence, err)
	}
	for _, c := range alertCommands {
		for _, how := range []string{"--data", "ANPR_DATA"} {
			args := slices.Clone(c.args)
			if i := slices.Index(args, "OFFENCE"); i >= 0 {
				args[i] = offence
			}
			fillFiles(t, dir, args)
			if c.named == "backup" {
				args[1] += strings.Trim(how, "-")
			}
			t.Run(c.named+" "+how, func(t *testing.T) {
				if how == "--data" {
					args = append(args, "--data="+dir)
				} else {
					t.Setenv("ANPR_DATA", dir)
				}
				code, out := captured(t, args...)
				if code != c.code || !strings.Contains(out, c.says) {
					t.Errorf("anpr %s: exit code %d, want %d with %q:\n%s", strings.Join(args, " "), code, c.code, c.says, out)
				}
				if c.named == "evidence export" {
					exportedVerifies(t, out)
				}
			})
		}
	}
	t.Run("the continuous walk over the seals comes to an end", func(t *testing.T) { sealsAreWalked(t, h) })
}

// fillFiles puts files in the place of NEWFILE and TOKEN:NAME.
func fillFiles(t *testing.T, dir string, args []string) {
	t.Helper()
	for i, a := range args {
		if flag, ok := strings.CutSuffix(a, "NEWFILE"); ok {
			args[i] = flag + filepath.Join(t.TempDir(), "new")
		}
		flag, user, ok := strings.Cut(a, "TOKEN:")
		if !ok {
			continue
		}
		q := ask.ClientFlags{User: user, DataFlags: flags.DataFlags{Data: dir}}
		c, err := q.NewClient()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), user)
		if err := os.WriteFile(path, []byte(c.Token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args[i] = flag + path
	}
}

// exportedVerifies verifies the output of export; verify needs no database for a file.
func exportedVerifies(t *testing.T, text string) {
	t.Helper()
	var rows []evidence.Row
	if err := json.Unmarshal([]byte(text), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	file := filepath.Join(t.TempDir(), "offence.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := captured(t, "evidence", "verify", file); code != 0 {
		t.Errorf("the exported file: exit code %d\n%s", code, out)
	}
}

// sealsAreWalked runs the accounts as `anpr up` does: the walk needs rights that the account which balances must
// not have.
func sealsAreWalked(t *testing.T, h *rehearsal.Rehearsal) {
	o := platform.NewOps()
	w, err := roles.StartReconcile(t.Context(), roles.ReconcileConfig{
		Sources: h.Machine.Sources(embedded.Reconciler), Every: time.Minute, Seals: h.Machine.Engines.Tables(embedded.Seals), SealsEvery: 100 * time.Millisecond,
		Ops: o, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		all, err := o.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(m *dto.MetricFamily) bool { return m.GetName() == "anpr_seals_walked_offences" })
		if i >= 0 && all[i].GetMetric()[0].GetGauge().GetValue() > 0 {
			return
		}
	}
	t.Error("no walk over the seals came to an end within 20 s")
}

// A command in an entry of the runbook that nobody tries fails at night.
func TestEveryCommandThatAnAlertNamesIsTried(t *testing.T) {
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, alerts, ok := strings.Cut(string(text), "\n## Alerts\n")
	if !ok {
		t.Fatal("the runbook has no Alerts")
	}
	alerts, _, _ = strings.Cut(alerts, "\n## ")
	tried := slices.Concat(notOnThisMachine)
	for _, c := range alertCommands {
		tried = append(tried, c.named)
	}
	slices.SortFunc(tried, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	found := map[string]bool{}
	for _, m := range regexp.MustCompile("(?:`(?:bin/)?anpr |(?m:^    anpr ))([a-z-]+(?: [a-z-]+)?)").FindAllStringSubmatch(alerts, -1) {
		i := slices.IndexFunc(tried, func(c string) bool { return m[1] == c || strings.HasPrefix(m[1], c+" ") })
		if i < 0 {
			t.Errorf("the runbook names `anpr %s`, which has no row in alertCommands", m[1])
			continue
		}
		found[tried[i]] = true
	}
	if len(found) < 8 {
		t.Errorf("found %d commands in the alerts, want at least 8: %v", len(found), found)
	}
}

// Nothing listens, nothing is there: that says nothing about the books or the access log, and must not look as if
// it did.
func TestACheckThatCannotBeMadeAccusesNobody(t *testing.T) {
	t.Chdir(t.TempDir())
	nowhere := []string{"--clickhouse-addr=127.0.0.1:1", "--clickhouse-user=u"}
	broker := append([]string{"--kafka-addr=127.0.0.1:1", "--settle=1ms"}, nowhere...)
	absent := "--data=" + filepath.Join(t.TempDir(), "absent")
	missing := []string{"--clickhouse-password-file=" + filepath.Join(t.TempDir(), "absent")}
	keys, notAnExport := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if _, err := access.LoadKeys(keys); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(notAnExport, []byte("no export"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"reconcile", absent},
		{"reconcile", "balance", absent},
		{"reconcile", "verify", absent},
		{"reconcile", "seals", absent},
		{"access-log", "verify", absent},
		{"evidence", "verify", "00112233445566778899aabbccddeeff", absent},
		{"query", "--user=auditor1", "access-log", "--verify", "--purpose=operation", "--reason=weekly check of the log", absent},
		append([]string{"reconcile"}, broker...),
		append([]string{"reconcile", "verify"}, append(nowhere, "--kafka-addr=127.0.0.1:1")...),
		append([]string{"reconcile", "seals"}, append(nowhere, "--kafka-addr=127.0.0.1:1")...),
		{"access-log", "verify", "--postgres=postgres://u@127.0.0.1:1/anpr", "--lookup-keys=" + keys},
		{"access-log", "verify", "--postgres=postgres://u@127.0.0.1:1/anpr", "--lookup-keys=" + filepath.Join(keys, "absent")},
		{"access-log", "verify", "--postgres-password-file=" + filepath.Join(keys, "absent"), "--lookup-keys=" + keys},
		{"access-log", "verify", notAnExport},
		append([]string{"reconcile"}, missing...),
		append([]string{"evidence", "verify", "00112233445566778899aabbccddeeff"}, nowhere...),
		{"query", "--url=http://127.0.0.1:1", "--token=t", "access-log", "--verify", "--purpose=operation", "--reason=weekly check of the log"},
		{"access-log", "verify", "--seq=4"},
		{"access-log", "verify", "--seq=4", "--sha256=short"},
	} {
		if code, out := captured(t, args...); code != flags.ExitCannotTell || !strings.Contains(out, "anpr:") {
			t.Errorf("anpr %s: exit code %d, want %d and why:\n%s", strings.Join(args, " "), code, flags.ExitCannotTell, out)
		}
	}
}

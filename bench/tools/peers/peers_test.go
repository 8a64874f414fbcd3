package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestMain(m *testing.M) {
	maybeRunBroker()
	testkit.Main(m)
}

func buildAnpr(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "anpr")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/anpr")
	cmd.Dir = "../../.." // the product is a module of its own
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// TestSmallRun measures what is found on this machine, small: every system drains the log, ours exactly.
func TestSmallRun(t *testing.T) {
	t.Setenv("ANPR_BENTO", "/nowhere/bento")
	t.Setenv("ANPR_SINKER", "/nowhere/sinker")
	file := filepath.Join(t.TempDir(), "peers")
	var out, log bytes.Buffer
	if code := runCommand([]string{"--count=10000", "--vehicles=20000", "--rounds=1", "--limit=60s", "--anpr=" + buildAnpr(t), "--out=" + file}, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, log.String(), out.String())
	}
	data, err := os.ReadFile(file + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var r peersReport
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	found := map[string]*systemLine{}
	for _, l := range r.Lines {
		found[l.System] = l
	}
	for _, name := range []string{"anpr-protobuf", "anpr-json", "clickhouse-kafka-engine"} {
		l := found[name]
		if l == nil || len(l.Rounds) != 1 {
			t.Errorf("%s was not measured: %+v", name, l)
			continue
		}
		m := l.Rounds[0]
		if m.Tally.Lost+m.Tally.Duplicated+m.Tally.Wrong != 0 || m.Tally.Rows != m.Tally.Expected || m.Rows < 9_900 {
			t.Errorf("%s: %+v", name, m.Tally)
		}
		if m.PerSecond <= 0 || m.Server <= 0 || !l.InServer && (m.Client <= 0 || m.Memory <= 0) {
			t.Errorf("%s: not measured: %+v", name, m)
		}
	}
	for _, name := range []string{"bento", "clickhouse_sinker"} {
		if l := found[name]; l == nil || !strings.HasPrefix(l.Absent, "not found") {
			t.Errorf("%s: %+v, want it said not to be found", name, l)
		}
	}
	if text, err := os.ReadFile(file + ".md"); err != nil || string(text) != out.String() || !strings.Contains(out.String(), "| bento | json | not found") {
		t.Errorf("the table printed is not the one saved, or is not whole: %v\n%s", err, out.String())
	}
}

// TestTheCountSeesEveryFault: what the tallies call lost, duplicated and wrong, on tables made by hand.
func TestTheCountSeesEveryFault(t *testing.T) {
	addr, db := testkit.Database(t)
	s, err := openStore(addr, "default", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	ctx := context.Background()
	id := func(n string) string { return "toUUID('00000000-0000-0000-0000-00000000000" + n + "')" }
	const table = " (kafka_partition Int32, kafka_offset Int64, read_id UUID) ENGINE = MergeTree ORDER BY tuple()"
	must := func(q ...string) {
		t.Helper()
		if err := s.execAll(ctx, q...); err != nil {
			t.Fatal(err)
		}
	}
	must("CREATE DATABASE IF NOT EXISTS harness", "CREATE TABLE harness.log_hand (partition Int32, offset Int64, read_id UUID, text String) ENGINE = Memory",
		"INSERT INTO harness.log_hand VALUES (0, 0, "+id("1")+", 'a'), (0, 1, "+id("2")+", 'b'), (1, 0, "+id("1")+", 'a'), (1, 1, "+id("0")+", '')")
	t.Cleanup(func() { must("DROP DATABASE harness SYNC") })
	for _, name := range []string{"reads", "merges", "rejects"} {
		must("CREATE TABLE " + db + "." + name + table)
	}
	must("CREATE TABLE " + db + ".peer_reads (read_id String) ENGINE = MergeTree ORDER BY tuple()")
	ours := func(what string, want rowTally) {
		t.Helper()
		if got, err := s.countOurs(ctx, db, "hand"); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
		}
	}
	peer := func(what string, want rowTally) {
		t.Helper()
		if got, err := s.countPeer(ctx, db, "hand"); err != nil || got != want {
			t.Errorf("peer, %s: %+v, %v, want %+v", what, got, err, want)
		}
	}
	ours("nothing stored", rowTally{Expected: 4, Lost: 4})
	peer("nothing stored", rowTally{Expected: 3, Lost: 3})
	must("INSERT INTO "+db+".reads VALUES (0, 0, "+id("1")+"), (0, 1, "+id("2")+")", "INSERT INTO "+db+".merges VALUES (1, 0, "+id("1")+")",
		"INSERT INTO "+db+".rejects VALUES (1, 1, "+id("0")+")", "INSERT INTO "+db+".peer_reads VALUES ('a'), ('b'), ('a')")
	ours("all stored", rowTally{Expected: 4, Rows: 4})
	peer("all stored", rowTally{Expected: 3, Rows: 3})
	must("INSERT INTO "+db+".reads VALUES (0, 1, "+id("2")+")", "INSERT INTO "+db+".peer_reads VALUES ('b')")
	ours("one twice", rowTally{Expected: 4, Rows: 5, Duplicated: 1})
	peer("one twice", rowTally{Expected: 3, Rows: 4, Duplicated: 1})
	must("INSERT INTO "+db+".merges VALUES (7, 7, "+id("7")+")", "INSERT INTO "+db+".peer_reads VALUES ('x')")
	ours("one from nowhere", rowTally{Expected: 4, Rows: 6, Duplicated: 1, Wrong: 1})
	peer("one from nowhere", rowTally{Expected: 3, Rows: 5, Duplicated: 1, Wrong: 1})
	must("TRUNCATE TABLE "+db+".reads", "INSERT INTO "+db+".reads VALUES (0, 0, "+id("1")+"), (0, 1, "+id("3")+")")
	ours("a row under another id", rowTally{Expected: 4, Rows: 5, Wrong: 2})
}

func TestMediansAndRatios(t *testing.T) {
	r := &peersReport{}
	a, b := &system{name: "anpr-json"}, &system{name: "other"}
	for _, v := range []float64{100, 300, 200} {
		r.addMeasurement(a, &measurement{PerSecond: v, Tally: rowTally{Expected: 1, Rows: 1}})
		r.addMeasurement(b, &measurement{PerSecond: 100, Tally: rowTally{Lost: 1}})
	}
	r.computeMedians([]*system{a, b, {name: "gone", absent: "not found"}})
	if m := r.Lines[0].Median; m.PerSecond != 200 || m.Tally.Expected != 3 {
		t.Errorf("median %+v", m)
	}
	if got := r.Lines[0].Ratio["other"]; got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
	if c := r.makeChart(); c.Check() != nil || len(c.Labels) != 2 || len(c.Series) != 2 {
		t.Errorf("chart %+v, want the two systems that ran", c)
	}
	if !r.isExact() {
		t.Error("the loss of a peer is not ours")
	}
	r.Lines[0].Rounds[1].Tally.Lost = 1
	if r.isExact() {
		t.Error("a loss of ours was not seen")
	}
}

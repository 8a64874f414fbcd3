package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/bench"
)

var small = []string{"--cameras", "40", "--vehicles", "5000", "--list-entries", "200", "--quiet"}

func call(t *testing.T, args ...string) (code int, out, log string) {
	t.Helper()
	var o, l bytes.Buffer
	code = run(t.Context(), append(args, small...), &o, &l)
	return code, o.String(), l.String()
}

func TestFileLoadRepeatsAndReports(t *testing.T) {
	dir := t.TempDir()
	var files [2][]byte
	for i := range files {
		name := filepath.Join(dir, "reads")
		code, out, log := call(t, "--target", "file:"+name, "--count", "3000", "--rate", "1000", "--as-fast-as-possible", "--day", "2026-11-21",
			"--json", "--out", name+".json")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, log)
		}
		var res bench.RunResult
		if err := json.Unmarshal([]byte(out), &res); err != nil {
			t.Fatal(err)
		}
		if res.Sent != 3000 || res.OpenLoop || res.Truth.Produced != 3000 || res.Day != "2026-11-21" {
			t.Errorf("got %+v", res)
		}
		saved, err := os.ReadFile(name + ".json")
		if err != nil || string(saved) != out {
			t.Errorf("the saved result differs from the printed one (%v)", err)
		}
		if files[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(files[0]) < 3000*50 || !bytes.Equal(files[0], files[1]) {
		t.Errorf("two loads of one seed: %d and %d bytes, want the same", len(files[0]), len(files[1]))
	}
}

func TestStdoutHoldsOnlyReads(t *testing.T) {
	code, out, log := call(t, "--target", "stdout", "--format", "json", "--count", "200", "--rate", "10000", "--clean", "--day", "2026-11-21")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, log)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 200 {
		t.Errorf("%d lines, want 200", len(lines))
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Fatalf("not JSON: %s", l)
		}
	}
	for _, want := range []string{"scheduled 200", "p99.9", "produced 200", "open loop"} {
		if !strings.Contains(log, want) {
			t.Errorf("the report lacks %q: %s", want, log)
		}
	}
}

func TestReferenceIsWrittenAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ref")
	code, _, log := call(t, "--target", "none", "--reference", dir, "--write-reference", "--day", "2026-11-21")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, log)
	}
	if tokens, err := bench.ReadCameraTokens(dir); err != nil || len(tokens) != 45 {
		t.Errorf("%d tokens, %v: want those of 40 fixed and 5 temporary cameras", len(tokens), err)
	}
}

func TestWrongFlagsAreExplained(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--target", "stdout"}, 1, "--count"},
		{[]string{"--count", "1"}, 2, "--target"},
		{[]string{"--target", "stdout", "--duration", "1s", "--as-fast-as-possible"}, 1, "--count"},
		{[]string{"--target", "none"}, 1, "--write-reference"},
		{[]string{"--target", "none", "--write-reference"}, 1, "--reference"},
		{[]string{"--target", "ftp://x:1", "--count", "1"}, 1, "ftp"},
		{[]string{"--target", "kafka://nohost", "--count", "1"}, 1, "kafka://host:port"},
		{[]string{"--target", "kafka://127.0.0.1:1", "--count", "1"}, 1, "127.0.0.1:1"},
		{[]string{"--target", "stdout", "--count", "1", "--start", "now"}, 1, "--start"},
		{[]string{"--target", "stdout", "--count", "1", "--day", "tomorrow"}, 1, "--day"},
		{[]string{"--target", "stdout", "--count", "1", "--json"}, 1, "--out"},
		{[]string{"--target", "gateway", "http://127.0.0.1:1", "--count", "1", "--format", "json"}, 1, "Protobuf"},
		{[]string{"--target", "stdout", "--count", "1", "--vehicles", "3"}, 1, "3 vehicles"},
	} {
		var o, l bytes.Buffer
		if code := run(t.Context(), append(c.args, "-q"), &o, &l); code != c.code || !strings.Contains(l.String(), c.want) {
			t.Errorf("%v: exit code %d, want %d; %q must name %s", c.args, code, c.code, l.String(), c.want)
		}
	}
}

func TestGatewayThatIsDownGivesItsOwnExitCode(t *testing.T) {
	code, out, log := call(t, "--target", "gateway", "http://127.0.0.1:1", "--count", "20", "--rate", "1000", "--drain", "100ms")
	if code != 3 || !strings.Contains(out, "NOT COMPLETE") || !strings.Contains(out, "first failure") {
		t.Errorf("exit code %d, want 3: %s %s", code, out, log)
	}
}

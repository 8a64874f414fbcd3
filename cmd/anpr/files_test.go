package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
)

// Every command with --data reports that a file is no directory.
func TestADataDirectoryThatIsAFileIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	why := "--reason=a reason of ten letters"
	for _, args := range [][]string{
		{"up", "--port-base=21910"},
		{"engine", "serve", "--kafka-addr=127.0.0.1:0", "--clickhouse-addr=127.0.0.1:0", "--postgres-addr=127.0.0.1:0"},
		{"reconcile"},
		{"reconcile", "seals"},
		{"access-log", "verify"},
		{"backup", "x"},
		{"restore", "--from-log"},
		{"migrate"},
		{"evidence", "export", strings.Repeat("0", 32)},
		{"query", "--user=agent1", "decisions", "1ABC123", "--purpose=traffic", why},
	} {
		if code, out := captured(t, append(args, "--data="+file)...); code == 0 || !strings.Contains(out, file+" is a file; name a directory with --data") {
			t.Errorf("anpr %s: exit code %d\n%s", strings.Join(args, " "), code, out)
		}
	}
}

func TestAPortBaseWithoutRoomIsRefusedWithWhatIsWanted(t *testing.T) {
	for text, ok := range map[string]bool{"99999": false, "65530": false, "-1": false, "http": false, "65529": true, "28080": true, "0": true} {
		parser, err := kong.New(new(cli), kong.Name("anpr"), flags.Times())
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse([]string{"up", "--port-base=" + text})
		if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "--port-base") || !strings.Contains(err.Error(), "want a port from 1 to 65529")) {
			t.Errorf("--port-base=%s: %v", text, err)
		}
	}
}

// The README names every command, the hidden ones too: somebody must find them.
func TestTheReadmeNamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `cmd/anpr` \\|.*$").FindString(string(text))
	parser, err := kong.New(new(cli), kong.Name("anpr"), flags.Times())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range parser.Model.Children {
		if !regexp.MustCompile("[ ,]" + c.Name + "[ ,|]").MatchString(row) {
			t.Errorf("README.md, Where things are, does not name %s: %s", c.Name, row)
		}
	}
}

// A rehearsed database can be dropped; a database restored for good cannot.
func TestDropGoesWithARehearsalOnly(t *testing.T) {
	if err := (&restoreCmd{FromLog: true, Drop: true, ClickHouseFlags: flags.ClickHouseFlags{ClickhouseDatabase: "anpr"}}).Run(t.Context(), zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "--compare") {
		t.Errorf("--drop without a rehearsal: %v", err)
	}
}

// Commands that need the load generator name their new spelling and do nothing.
func TestMovedCommandsNameTheirNewSpelling(t *testing.T) {
	for old, now := range map[string]string{"demo": "anprload demo", "rehearse": "anprload rehearse", "sample": "anprload city"} {
		for _, args := range [][]string{{old}, {"--log-json", old, "--seed=2"}, {old, "--help"}} {
			if code, out := captured(t, args...); code != 2 || !strings.Contains(out, "`"+now+"`") {
				t.Errorf("anpr %s: exit code %d, want 2 and %q: %s", strings.Join(args, " "), code, now, out)
			}
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestAFileWithoutRightsNamesTheUserAndTheCure(t *testing.T) {
	denied := fmt.Errorf("reference data /srv/x: %w", &fs.PathError{Op: "open", Path: "/srv/x/cameras.yaml", Err: fs.ErrPermission})
	want := "reference data /srv/x: open /srv/x/cameras.yaml: permission denied for user " + userName() + "; make it readable: chown " + userName() + " /srv/x/cameras.yaml"
	if got := adviseRights(denied); got.Error() != want || !errors.Is(got, fs.ErrPermission) {
		t.Errorf("got %v\nwant %s", got, want)
	}
	if other := fmt.Errorf("x: %w", fs.ErrNotExist); adviseRights(other) != other { //nolint:errorlint // the same error
		t.Error("an error of another kind was changed")
	}
}

// Every command that takes --data says that a file is none.
func TestADataDirectoryThatIsAFileIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	why := "--reason=a reason of ten letters"
	for _, args := range [][]string{
		{"up", "--port-base=21910"},
		{"engine", "serve", "--kafka-addr=127.0.0.1:0", "--clickhouse-addr=127.0.0.1:0"},
		{"demo", "--port-base=21910"},
		{"reconcile"},
		{"reconcile", "seals"},
		{"access-log", "verify"},
		{"backup", "x"},
		{"restore", "--from-log"},
		{"migrate"},
		{"evidence", "export", strings.Repeat("0", 32)},
		{"query", "--user=agent1", "offences", "--purpose=traffic", why},
	} {
		if code, out := captured(t, append(args, "--data="+file)...); code == 0 || !strings.Contains(out, file+" is a file; name a directory with --data") {
			t.Errorf("anpr %s: exit code %d\n%s", strings.Join(args, " "), code, out)
		}
	}
}

func TestAPortBaseWithoutRoomIsRefusedWithWhatIsWanted(t *testing.T) {
	for text, ok := range map[string]bool{"99999": false, "65531": false, "-1": false, "http": false, "65530": true, "28080": true, "0": true} {
		parser, err := kong.New(new(cli), kong.Name("anpr"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse([]string{"up", "--port-base=" + text})
		if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "--port-base") || !strings.Contains(err.Error(), "want a port from 1 to 65530")) {
			t.Errorf("--port-base=%s: %v", text, err)
		}
	}
}

func TestOffsetsAreNamedInOrder(t *testing.T) {
	if got, want := offsetsText(map[int32]int64{10: 3, 0: 748, 2: 0}, "from"), "partition 0 from 748, partition 2 from 0, partition 10 from 3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The README names every command, the hidden ones too: somebody must find them.
func TestTheReadmeNamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `cmd/anpr` \\|.*$").FindString(string(text))
	parser, err := kong.New(new(cli), kong.Name("anpr"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range parser.Model.Children {
		if !regexp.MustCompile("[ ,]" + c.Name + "[ ,|]").MatchString(row) {
			t.Errorf("README.md, Where things are, does not name %s: %s", c.Name, row)
		}
	}
}

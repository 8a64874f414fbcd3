package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// TestTheCommandLineFitsTogether builds the parser of all commands: a flag that two embedded groups both have
// would end every command with a panic.
func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheCommandLineFitsTogether(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.Name("anpr"), flags.Times())
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"version"},
		{"up"},
		{"ingest", "--linger", "50ms"},
		{"engine", "serve", "--partitions", "2"},
		{"replay", "--from", "2026-10-01", "--to", "2026-11-01", "--catalogue", ".", "--reason", "a reason of ten letters"},
	} {
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("anpr %v: %v", args, err)
		}
	}
}

// The advice after a wrong usage is the help of the command used, however deep.
func TestWrongUsageNamesTheHelpOfItsCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--no-such-flag"}, "`anpr --help` lists"},
		{[]string{"no-such-command"}, "`anpr --help` lists"},
		{[]string{"office", "--user", "x"}, "`anpr office --help` shows"},
		{[]string{"ingest", "--linger", "soon"}, "`anpr ingest --help` shows"},
		{[]string{"query", "plate", "1ABC123", "--for-purpose", "judicial"}, "`anpr query plate --help` shows"},
		{[]string{"query"}, "`anpr query --help` lists"},
		{[]string{"reconcile", "watch", "--every", "1m"}, "`anpr reconcile watch --help` shows"},
		{[]string{"rules", "--nothing"}, "`anpr rules --help` lists"},
	} {
		parser, err := kong.New(new(cli), kong.Name("anpr"), flags.Times())
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(c.args)
		if err == nil {
			t.Errorf("anpr %v: got no error", c.args)
		} else if got := flags.AdviseUsage(err); !strings.HasPrefix(got, c.want) {
			t.Errorf("anpr %v: got %q, want %q", c.args, got, c.want)
		}
	}
}

// A given setting that does not work is named before a missing setting.
func TestTheOfficeNamesTheUsersFileThatItWasGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "absent.yaml")
	err := (&officeCmd{OfficeFlags: flags.OfficeFlags{Users: file}}).Run(t.Context(), zerolog.Nop())
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--users") || strings.Contains(err.Error(), "--reference") {
		t.Errorf("got %v, want one that names %s and --users", err, file)
	}
}

// The commands turn flags into configurations, call one thing and print: what they do stands in roles and in the packages below.
func TestTheCommandsStaySmall(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(b), "\n")
	}
	if lines == 0 || lines > 1500 {
		t.Errorf("cmd/anpr has %d lines of code, want at most 1500: move what is no flag into pipeline/roles or where it belongs", lines)
	}
}

// captured runs a command line in this process and returns exit code and output.
func captured(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = f, f
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	code = run(args)
	text, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(text)
}

// Commands one after the other: nothing runs at the same time.

//go:build !race

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/flags"
)

// settingsOf returns the environment variables that a command takes. Example: reconcile watch
func settingsOf(t *testing.T, command string) (out []string) {
	t.Helper()
	parser, err := kong.New(new(cli), kong.Name("anpr"), flags.Times())
	if err != nil {
		t.Fatal(err)
	}
	node := parser.Model.Node
	add := func(n *kong.Node) {
		for _, f := range n.Flags {
			out = append(out, f.Envs...)
		}
	}
	add(node)
	for word := range strings.FieldsSeq(command) {
		if strings.HasPrefix(word, "-") {
			break
		}
		i := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 {
			t.Fatalf("no command %q", command)
		}
		node = node.Children[i]
		add(node)
	}
	return out
}

// A setting in a unit's environment file that the command does not know has no effect, and nobody is told.
func TestEverySettingOfAnExampleIsTakenByItsCommand(t *testing.T) {
	units, err := filepath.Glob("../../deploy/systemd/anpr-*.service")
	if err != nil || len(units) < 5 {
		t.Fatalf("%d units, %v", len(units), err)
	}
	start, setting := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/anpr (.+)$`), regexp.MustCompile(`(?m)\b(ANPR_[A-Z_]+)=`)
	for _, u := range units {
		unit, err := os.ReadFile(u)
		if err != nil {
			t.Fatal(err)
		}
		role := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(u), "anpr-"), ".service")
		example, err := os.ReadFile(filepath.Join("../../deploy/env", role+".env.example"))
		if err != nil {
			t.Fatal(err)
		}
		command := string(start.FindSubmatch(unit)[1])
		known, n := settingsOf(t, command), 0
		for _, m := range setting.FindAllSubmatch(append(unit, example...), -1) {
			if n++; !slices.Contains(known, string(m[1])) {
				t.Errorf("%s and its example: `anpr %s` takes no %s", filepath.Base(u), command, m[1])
			}
		}
		if n < 5 {
			t.Errorf("%s and its example: found %d settings, want at least 5: they were not understood", filepath.Base(u), n)
		}
	}
}

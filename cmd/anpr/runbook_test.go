// Commands one after the other: nothing runs at the same time.

//go:build !race

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/flags"
)

// shellWord is a word of a command line: bare, or quoted with either quote.
var shellWord = regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`)

// wrapped is a call as another user, with the settings of a role, or in a crontab, where the output may be kept.
var wrapped = regexp.MustCompile(`(?:runuser -u anpr -- |\. /etc/anpr/\w+\.env; )anpr ([^()$]*(?:\$\([^)]*\)[^()$]*)*)`)

// commandsOf returns the calls of anpr in the code blocks of a document, as arguments; lines ending in a backslash
// go on.
func commandsOf(text string) (out [][]string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		call, ok := strings.CutPrefix(strings.TrimPrefix(line, "bin/"), "anpr ")
		if m := wrapped.FindStringSubmatch(line); m != nil {
			call, ok = m[1], true
		}
		if !ok {
			continue
		}
		var args []string
		for _, m := range shellWord.FindAllStringSubmatch(call, -1) {
			args = append(args, m[1]+m[2]+m[3])
		}
		out = append(out, args)
	}
	return out
}

// What the README and the runbook tell people to type is taken by the command line, flag by flag.
func TestEveryCommandOfTheRunbookIsTaken(t *testing.T) {
	for file, least := range map[string]int{"../../README.md": 6, "../../deploy/README.md": 12} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := commandsOf(string(text))
		if len(calls) < least {
			t.Errorf("%s: found %d calls of anpr, want at least %d: the file was not understood", file, len(calls), least)
		}
		for _, args := range calls {
			parser, err := kong.New(new(cli), kong.Name("anpr"), flags.Times())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(args); err != nil {
				t.Errorf("%s: anpr %s: %v", file, strings.Join(args, " "), err)
			}
		}
	}
	for line, want := range map[string]string{
		`(set -a; . /etc/anpr/reconcile.env; anpr reconcile)`:                                             "reconcile",
		`17 * * * *  out=$(runuser -u anpr -- anpr reconcile --data /d) || { echo "$out"; }`:              "reconcile|--data|/d",
		`40 * * * *  out=$(runuser -u anpr -- anpr backup "a-$(date +\%F)" --only b) || { echo "$out"; }`: `backup|a-$(date +\%F)|--only|b`,
	} {
		if got := commandsOf("    " + line + "\n"); len(got) != 1 || strings.Join(got[0], "|") != want {
			t.Errorf("%s: got %q, want %s", line, got, want)
		}
	}
	if got := commandsOf("text\n    bin/anpr query --reason \"a b\" \\\n      plate '1*'  # why\n    other anpr x\n"); len(got) != 1 || strings.Join(got[0], "|") != "query|--reason|a b|plate|1*" {
		t.Errorf("got %q, want the one call with its words", got)
	}
}

// Builds of the program: nothing runs at the same time.

//go:build !race

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheVersionNamesWhatAnUpgradeMustKnow(t *testing.T) {
	code, out := captured(t, "version")
	if code != 0 || !regexp.MustCompile(`^anpr \d+\.\d+\.\d+, revision \S+, go\S+, schema \d+, tables \d{4}, catalogue [0-9a-f]{12}\n$`).MatchString(out) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestTheChangelogBeginsWithTheReleaseInWork(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^## (\S+)`).FindSubmatch(text)
	if m == nil || string(m[1]) != release {
		t.Errorf("CHANGELOG.md begins with %q, the program calls itself %s", m, release)
	}
	for _, must := range []string{"Schema", "Tables", "Catalogue", "Back"} {
		if !strings.Contains(string(text), "| "+must+" |") {
			t.Errorf("CHANGELOG.md does not say what holds for %s", must)
		}
	}
}

// Every build of the program in the project includes the revision.
func TestEveryBuildOfTheProgramNamesItsRevision(t *testing.T) {
	for file, least := range map[string]int{"Makefile": 1, "deploy/Dockerfile": 1, "deploy/tools/setup.sh": 1} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "go build") && strings.Contains(line, "./cmd/anpr") {
				n++
				if !strings.Contains(line, "-X main.revision=") {
					t.Errorf("%s builds a program that does not know its revision: %s", file, line)
				}
			}
		}
		if n < least {
			t.Errorf("%s: found %d builds, want at least %d", file, n, least)
		}
	}
	bin := filepath.Join(t.TempDir(), "anpr")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-X main.revision=abc-test", "-o", bin, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), bin, "version").Output(); err != nil || !strings.Contains(string(out), ", revision abc-test, ") {
		t.Errorf("got %s, %v", out, err)
	}
}

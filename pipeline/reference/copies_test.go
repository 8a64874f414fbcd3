package reference

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func instant(t *testing.T, text string) schemas.Micros {
	t.Helper()
	at, err := readInstant(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAnAgeThatNobodyStatesIsNotKnown(t *testing.T) {
	dir := copyRegion(t)
	check := func(c rules.Copy, want string) {
		t.Helper()
		s, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		at, ok := s.CopyAsOf(c)
		if want == "" {
			if ok {
				t.Errorf("%s: got %s, want none", c, at)
			}
			return
		}
		if !ok || at != instant(t, want) {
			t.Errorf("%s: got %s %t, want %s", c, at, ok, want)
		}
	}
	check(rules.CopyPasses, "")
	check(rules.CopyRegistrations, "")
	registers := readFile(t, dir, fileRegisters)
	writeFile(t, dir, fileRegisters, registers+"copies: [{name: passes, as_of: 2026-11-25T03:00:00+01:00}]\n")
	check(rules.CopyPasses, "2026-11-25T03:00:00+01:00")
	check(rules.CopyRegistrations, "") // the passes and the registers say nothing about the registrations
}

func TestAReloadRefusesACopyThatGoesBack(t *testing.T) {
	dir := copyRegion(t)
	registers := readFile(t, dir, fileRegisters)
	state := func(line string) { writeFile(t, dir, fileRegisters, registers+line) }
	state("copies: [{name: passes, as_of: 2026-11-25}]\n")
	index := t.TempDir()
	s := newStore(t, dir, Options{IndexDir: index})
	for line, want := range map[string]string{
		"copies: [{name: passes, as_of: 2026-11-24}]\n": "the copy passes goes back from 2026-11-24T23:00:00.000000Z to 2026-11-23T23:00:00.000000Z",
		"": "no longer states the age of the copy passes",
	} {
		state(line)
		if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
	state("copies: [{name: passes, as_of: 2026-11-26}, {name: registrations, as_of: 2026-11-26}]\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Error(err)
	}
}

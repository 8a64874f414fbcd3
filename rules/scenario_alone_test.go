package rules

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Each line of the scenarios is tried by itself in an empty world: what it stands on is missing, and the answer is an error that
// says so, never a panic. The fuzzing goes on from there.
func TestALineOfAScenarioByItselfIsAnAnswer(t *testing.T) {
	engine := New(mustLoad(t, Brussels()))
	tried := 0
	for _, text := range scenarioTexts(t) {
		all, _, err := parseScenarios("text", text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			input := all[i].input
			if strings.HasPrefix(input[0], "catalogue") || strings.HasPrefix(input[0], "load") {
				continue // each loads a catalogue: TestScenarios has them
			}
			tryAlone(t, engine, input[:1])
			for _, line := range input[1:] {
				tryAlone(t, engine, []string{input[0], line})
			}
			tried += len(input)
		}
	}
	if tried < 500 {
		t.Errorf("%d lines were tried: the test checks nothing", tried)
	}
	for line, want := range map[string]string{
		"limit camera=M kmh=50 surround=built_up":  `camera "M" does not exist`,
		"decide camera=M plate=1ABC123 country=BE": `camera "M" does not exist`,
	} {
		command := []string{"reference new", line}
		if strings.HasPrefix(line, "decide") {
			command = []string{line}
		}
		if _, err := (&runner{world: newWorld(), engine: engine}).tryCommand(command); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
	}
	r := &runner{world: newWorld(), engine: engine}
	if _, err := r.tryCommand([]string{"reference new", "camera id=M speed", "limit camera=M kmh=50 surround=built_up"}); err == nil || !strings.Contains(err.Error(), "lane camera=M") {
		t.Errorf("a limit before a lane: %v", err)
	}
}

// tryAlone runs a command in an empty world; a panic fails the test.
func tryAlone(t *testing.T, engine *Engine, input []string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", strings.Join(input, "\n"), p)
		}
	}()
	_, _ = (&runner{world: newWorld(), engine: engine}).tryCommand(input)
}

func scenarioTexts(t testing.TB) (out []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario found: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// Editors of Windows end lines otherwise and begin a file with a mark: it is the same file.
func TestAScenarioFileOfWindowsIsTheSameFile(t *testing.T) {
	for _, text := range scenarioTexts(t) {
		want, _, err := parseScenarios("text", text)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := parseScenarios("text", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: it differs from the file with plain line ends", err)
		}
	}
}

// FuzzScenarios runs files of any kind: a wrong one is an error with its line, and nothing else.
func FuzzScenarios(f *testing.F) {
	for _, text := range scenarioTexts(f) {
		for n, part := range strings.Split(text, "\n\n") {
			if n%7 == 0 && len(part) < 2000 {
				f.Add(part + "\n")
			}
		}
	}
	engine := New(mustLoad(f, Brussels()))
	f.Fuzz(func(_ *testing.T, text string) {
		all, _, err := parseScenarios("fuzzed", text)
		if err != nil {
			return
		}
		r := &runner{world: newWorld(), engine: engine}
		for i := range all {
			if word, _, _ := strings.Cut(all[i].input[0], " "); word == "catalogue" || word == "load" {
				continue
			}
			_, _ = r.tryCommand(all[i].input)
		}
	})
}

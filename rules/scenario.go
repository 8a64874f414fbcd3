package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// ScenarioResult is a command in a scenario file with the wanted and the actual output.
type ScenarioResult struct {
	File  string
	ID    string // from the comment line above the command, up to the colon. Example: L23
	Line  int    // line of the command
	Input string
	Want  string
	Got   string
	Right bool
}

// scenarioCommand is a command in a scenario file.
type scenarioCommand struct {
	id     string
	line   int
	input  []string
	want   []string
	before []string // comments and empty lines above the command, unchanged
}

// parseScenarios splits a scenario file into commands; rest are the lines after the last command.
func parseScenarios(file, text string) (all []scenarioCommand, rest []string, err error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n") // as editors of Windows write
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var c scenarioCommand
	for i := 0; i < len(lines); {
		if lines[i] == "" || strings.HasPrefix(lines[i], "#") {
			if id, _, ok := strings.Cut(strings.TrimPrefix(lines[i], "# "), ":"); ok && !strings.Contains(id, " ") {
				c.id = id
			}
			c.before = append(c.before, lines[i])
			i++
			continue
		}
		c.line = i + 1
		for i < len(lines) && lines[i] != "----" && lines[i] != "" {
			c.input = append(c.input, lines[i])
			i++
		}
		if len(c.input) == 0 {
			return nil, nil, fmt.Errorf("%s:%d: ---- without a command; write the command and its input lines above it", file, c.line)
		}
		if i == len(lines) || lines[i] == "" {
			return nil, nil, fmt.Errorf("%s:%d: command %q without ----; write it below the input lines, then what is printed, then an empty line", file, c.line, c.input[0])
		}
		for i++; i < len(lines) && lines[i] != ""; i++ {
			c.want = append(c.want, lines[i])
		}
		all = append(all, c)
		c = scenarioCommand{}
	}
	return all, c.before, nil
}

// RunScenarios runs a scenario file on a catalogue. README.md in this package describes the file format. The error
// names file, line and cure for unreadable text. A command with unexpected output gives a result that is not Right.
func RunScenarios(file string, text []byte, catalogue fs.FS) ([]ScenarioResult, error) {
	all, _, err := parseScenarios(file, string(text))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: holds no command; the first line of one is a word such as decide or reference new", file)
	}
	cat, err := Load(catalogue)
	if err != nil {
		return nil, err
	}
	r := &runner{world: newWorld(), engine: New(cat), files: catalogue}
	out := make([]ScenarioResult, 0, len(all))
	for i := range all {
		c := &all[i]
		got, err := r.tryCommand(c.input)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, c.line, err)
		}
		want := strings.Join(c.want, "\n")
		out = append(out, ScenarioResult{
			File: file, ID: c.id, Line: c.line, Input: strings.Join(c.input, "\n"), Want: want, Got: got, Right: scenarioMatches(got, want),
		})
	}
	return out, nil
}

// scenarioMatches compares actual and wanted output line by line. A wanted line that begins with "~ " has alternatives
// between " / ". A printed line matches an alternative if it contains every word, and no word marked with "!".
func scenarioMatches(got, want string) bool {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return false
	}
	for i := range w {
		pattern, loose := strings.CutPrefix(w[i], "~ ")
		if !loose && g[i] != w[i] || loose && !meetsPattern(g[i], pattern) {
			return false
		}
	}
	return true
}

func meetsPattern(printed, pattern string) bool {
	for alternative := range strings.SplitSeq(pattern, " / ") {
		ok := true
		for word := range strings.FieldsSeq(alternative) {
			word, not := strings.CutPrefix(word, "!")
			ok = ok && strings.Contains(printed, word) != not
		}
		if ok {
			return true
		}
	}
	return false
}

// failer stops the reading of a scenario: a test, or a scenarioStop.
type failer interface {
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// scenarioStop is the failer outside tests. It panics with an error, and tryCommand returns the error.
type scenarioStop struct{}

type scenarioError struct{ error }

func (scenarioStop) Fatalf(format string, args ...any) {
	panic(scenarioError{fmt.Errorf(format, args...)})
}
func (scenarioStop) Fatal(args ...any) { panic(scenarioError{errors.New(fmt.Sprint(args...))}) }

// runner runs commands one after another. State (reference data, candidates) carries over.
type runner struct {
	world  *world
	engine *Engine
	files  fs.FS // catalogue files, for the commands catalogue and load; nil = the built-in catalogue
}

// tryCommand runs a command and returns unreadable input as an error.
func (r *runner) tryCommand(input []string) (printed string, err error) {
	defer func() {
		if p := recover(); p != nil {
			stop, ok := p.(scenarioError)
			if !ok {
				panic(p)
			}
			err = stop.error
		}
	}()
	return r.run(scenarioStop{}, input), nil
}

// run runs a command and returns what it prints. Tests that others keep beside the project call it by this name.
func (r *runner) run(t failer, input []string) string {
	l := parseLine(t, input[0])
	if len(l.words) == 0 {
		t.Fatalf("line %q has no command; begin it with decide, explain, render, hits, told, ripen, file, clocks, hold, reference, catalogue or load", input[0])
	}
	var out []string
	switch l.words[0] {
	case "reference":
		if l.hasWord("new") {
			r.world = newWorld()
		}
		for _, s := range input[1:] {
			r.world.addFact(t, s)
		}
		return "ok"
	case "catalogue":
		cat, err := Load(patchCatalogue(t, r.patchedCatalogue(), input[1:]))
		if err != nil {
			return err.Error()
		}
		r.engine = New(cat)
		return "ok"
	case "load":
		_, err := Load(patchCatalogue(t, r.patchedCatalogue(), input[1:]))
		return fmt.Sprint(err)
	case "decide":
		for _, s := range lineOrLines(input) {
			out = append(out, r.printDecisions(parseLine(t, s)))
		}
	case "told":
		for _, s := range lineOrLines(input) {
			out = append(out, r.printTold(parseLine(t, s)))
		}
	case "explain", "render":
		out = r.printTrace(l)
	case "hits":
		out = r.printHits(l)
	case "clocks":
		out = r.printClocks(l)
	case "hold":
		out = r.printHold(l)
	case "ripen":
		out = r.printRipe(l)
	case "file":
		out = r.printFile(l, input[1:])
	default:
		t.Fatalf("command %q is not known; write decide, explain, render, hits, told, ripen, file, clocks, hold, reference, catalogue or load", l.words[0])
	}
	return strings.Join(out, "\n")
}

func (r *runner) patchedCatalogue() fs.FS {
	if r.files == nil {
		return Brussels()
	}
	return r.files
}

// lineOrLines returns the input lines of a command, each preceded by the command line.
func lineOrLines(input []string) []string {
	if len(input) == 1 {
		return input
	}
	var out []string
	for _, s := range input[1:] {
		out = append(out, input[0]+" "+s)
	}
	return out
}

func (r *runner) printDecisions(l *line) string {
	s := r.world.makeSubject(l)
	remember := l.hasWord("remember")
	l.checkAllUsed()
	ds, clean := r.engine.Decide(nil, s, r.world)
	r.world.closePassage(s)
	var out []string
	for i := range ds {
		out = append(out, formatDecision(&ds[i]))
		if remember && (ds[i].Outcome == schemas.OutcomeOffence || ds[i].Outcome == schemas.OutcomeHeld) {
			r.world.standing.Add(ds[i].PriorOffence())
		}
	}
	for i := range clean.All {
		out = append(out, string(Families()[i].Family)+" clear")
	}
	if len(out) == 0 {
		out = []string{"nothing applies"}
	}
	return strings.Join(out, "; ")
}

func (r *runner) printTrace(l *line) []string {
	family := l.takeValue("family")
	lang := Lang(l.takeValue("lang"))
	s := r.world.makeSubject(l)
	l.checkAllUsed()
	var out []string
	for _, d := range r.engine.Explain(s, r.world) {
		if family != "" && string(d.Family) != family || family == "" && !r.world.concernsFamily(d.Family) {
			continue
		}
		if l.words[0] == "render" {
			out = append(out, Render(lang, d)...)
			continue
		}
		out = append(out, formatDecision(&d)+" basis="+RenderBasis(English, d.LegalBasis))
		out = append(out, formatSteps(d.Trace)...)
	}
	return out
}

func (r *runner) printHits(l *line) []string {
	plate, _ := schemas.PlateFrom(l.takeValue("plate"))
	read := &schemas.Read{
		RawPlate: plate.String(), Plate: plate, Class: plate.Class(), Country: l.parseCountry(), CapturedAt: l.parseTime("at"), Camera: l.takeValue("camera"),
	}
	read.ID = schemas.NewReadID(read)
	read.Confidence, read.CountryConfidence = schemas.PerMille(l.parseNumber("confidence", 950)), schemas.PerMille(l.parseNumber("country_confidence", 0))
	read.ReceivedAt = read.CapturedAt + schemas.Micros(l.parseNumber("later_s", 1))*schemas.Second
	read.Kind = parseWord(l, "kind", schemas.ParseVehicleKind)
	if l.hasWord("clock_suspect") {
		read.Flags |= schemas.FlagClockSuspect
	}
	l.checkAllUsed()
	out := []string{}
	cam := r.world.cameras[read.Camera]
	for _, h := range r.engine.Hits(nil, read, schemas.PassageIDOf(read.ID), cam, r.world) {
		out = append(out, fmt.Sprintf("%s %s/%s priority=%d", h.Match, h.Entry.List, h.Entry.ID, h.Entry.Priority))
	}
	if len(out) == 0 {
		return []string{strings.TrimSpace("none " + r.engine.explainNoCheck(read, cam, r.world))}
	}
	return out
}

// patchedFS is a catalogue in memory: contents by file name.
type patchedFS map[string][]byte

// Open implements fs.FS. A catalogue is read through ReadFile and Glob, so Open always fails.
func (m patchedFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (m patchedFS) ReadFile(name string) ([]byte, error) {
	b, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return b, nil
}

// Glob implements fs.GlobFS.
func (m patchedFS) Glob(pattern string) (names []string, err error) {
	for n := range m {
		ok, err := path.Match(pattern, n)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names, nil
}

// patchCatalogue returns a catalogue with edited files. Edits: "file: s|old|new|" (every occurrence; |1 = the first;
// old must exist), "file: append text" (\n for a line end), "file: remove", "file: write text".
func patchCatalogue(t failer, from fs.FS, lines []string) fs.FS {
	out := patchedFS{}
	names, err := fs.Glob(from, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(from, n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = b
	}
	for _, s := range lines {
		file, edit, _ := strings.Cut(s, ": ")
		edit = strings.ReplaceAll(edit, `\n`, "\n")
		var text string
		if out[file] != nil {
			text = string(out[file])
		}
		switch {
		case edit == "remove":
			delete(out, file)
			continue
		case strings.HasPrefix(edit, "append "):
			text += edit[len("append "):]
		case strings.HasPrefix(edit, "write "):
			text = edit[len("write "):]
		default:
			p := strings.Split(edit, "|")
			if len(p) != 4 || p[0] != "s" || !strings.Contains(text, p[1]) {
				t.Fatalf("edit %q does not apply", s)
			}
			n := -1
			if p[3] == "1" {
				n = 1
			}
			text = strings.Replace(text, p[1], p[2], n)
		}
		out[file] = []byte(text)
	}
	return out
}

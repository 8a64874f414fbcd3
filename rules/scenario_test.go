package rules

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gvc-brussels/anpr/schemas"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into testdata")

// TestScenarios runs testdata/*.txt: a command line with input lines below it, "----", the output, an empty line. State
// (reference data, candidates) carries over within a file. Commands: reference, catalogue, decide, explain, hits, render,
// load. Lines starting with # are comments.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScenario(t, file) })
	}
}

func runScenario(t *testing.T, file string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{world: newWorld(), engine: New(mustLoad(t, Brussels()))}
	var out strings.Builder
	lines := strings.Split(string(b), "\n")
	for i := 0; i < len(lines); {
		if lines[i] == "" || strings.HasPrefix(lines[i], "#") {
			out.WriteString(lines[i] + "\n")
			i++
			continue
		}
		start := i
		for i < len(lines) && lines[i] != "----" {
			i++
		}
		if i == len(lines) {
			t.Fatalf("%s:%d: command without ----", file, start+1)
		}
		input := lines[start:i]
		i++
		from := i
		for i < len(lines) && lines[i] != "" {
			i++
		}
		got := r.run(t, input)
		if want := strings.Join(lines[from:i], "\n"); got != want && !*rewrite {
			t.Errorf("%s:%d: %s\ngot:\n%s\nwant:\n%s", file, start+1, strings.Join(input, "\n"), got, want)
		}
		out.WriteString(strings.Join(input, "\n") + "\n----\n" + got + "\n")
	}
	if *rewrite {
		text := strings.TrimRight(out.String(), "\n") + "\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type runner struct {
	world  *world
	engine *Engine
}

func (r *runner) run(t *testing.T, input []string) string {
	l := parseLine(t, input[0])
	var out []string
	switch l.words[0] {
	case "reference":
		if l.has("new") {
			r.world = newWorld()
		}
		for _, s := range input[1:] {
			r.world.add(t, s)
		}
		return "ok"
	case "catalogue":
		cat, err := Load(patched(t, input[1:]))
		if err != nil {
			return err.Error()
		}
		r.engine = New(cat)
		return "ok"
	case "load":
		_, err := Load(patched(t, input[1:]))
		return fmt.Sprint(err)
	case "decide":
		for _, s := range lineOrLines(input) {
			out = append(out, r.decide(parseLine(t, s)))
		}
	case "explain", "render":
		out = r.explain(l)
	case "hits":
		out = r.hits(l)
	default:
		t.Fatalf("command %q is not known", l.words[0])
	}
	return strings.Join(out, "\n")
}

// lineOrLines gives a command's input lines, each with the words of the command line before it.
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

func (r *runner) decide(l *line) string {
	s := r.world.subject(l)
	remember := l.has("remember")
	l.done()
	ds, clears := r.engine.Decide(nil, s, r.world)
	var out []string
	for i := range ds {
		out = append(out, show(&ds[i]))
		if remember && (ds[i].Outcome == schemas.OutcomeOffence || ds[i].Outcome == schemas.OutcomeHeld) {
			r.world.standing.Add(schemas.Earlier{ID: ds[i].Offence, Spot: ds[i].Spot, CapturedAt: ds[i].On.CapturedAt})
		}
	}
	if clears.LEZ > 0 {
		out = append(out, "lez clear")
	}
	if clears.Speed > 0 {
		out = append(out, "speed clear")
	}
	if len(out) == 0 {
		out = []string{"nothing applies"}
	}
	return strings.Join(out, "; ")
}

func (r *runner) explain(l *line) []string {
	family := l.get("family")
	lang := Lang(l.get("lang"))
	s := r.world.subject(l)
	l.done()
	var out []string
	for _, d := range r.engine.Explain(s, r.world) {
		if family != "" && string(d.Family) != family {
			continue
		}
		if l.words[0] == "render" {
			out = append(out, Render(lang, d)...)
			continue
		}
		out = append(out, show(&d)+" basis="+d.LegalBasis)
		for _, st := range d.Trace {
			out = append(out, fmt.Sprintf("  %s %t %q basis=%q verified=%t", st.Code, st.Holds, st.Args, st.Basis, st.Verified))
		}
	}
	return out
}

func (r *runner) hits(l *line) []string {
	plate, _ := schemas.PlateFrom(l.get("plate"))
	read := &schemas.Read{
		Plate: plate, Class: plate.Class(), Country: l.country(), CapturedAt: l.time("at"), Camera: l.get("camera"),
	}
	read.ID = schemas.NewReadID(read.Camera, "", read.CapturedAt, plate.String())
	l.done()
	out := []string{}
	for _, h := range r.engine.Hits(nil, read, schemas.PassageIDOf(read.ID), r.world.cameras[read.Camera], r.world) {
		out = append(out, fmt.Sprintf("%s %s/%s priority=%d", h.Match, h.Entry.List, h.Entry.ID, h.Entry.Priority))
	}
	if len(out) == 0 {
		return []string{"none"}
	}
	return out
}

// patched is the Brussels catalogue with lines replaced: "file: s/old/new/" (every occurrence, which must exist), "file:
// append text" (\n for a line end), "file: remove", "file: write text".
func patched(t *testing.T, lines []string) fs.FS {
	out := fstest.MapFS{}
	names, err := fs.Glob(Brussels(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := fs.ReadFile(Brussels(), n)
		if err != nil {
			t.Fatal(err)
		}
		out[n] = &fstest.MapFile{Data: b}
	}
	for _, s := range lines {
		file, edit, _ := strings.Cut(s, ": ")
		edit = strings.ReplaceAll(edit, `\n`, "\n")
		var text string
		if out[file] != nil {
			text = string(out[file].Data)
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
		out[file] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func mustLoad(t testing.TB, fsys fs.FS) *Catalogue {
	t.Helper()
	cat, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func TestEveryScenarioCodeIsShown(t *testing.T) {
	var b strings.Builder
	files, _ := filepath.Glob("testdata/*.txt")
	for _, f := range files {
		x, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(x)
	}
	for _, c := range codes {
		if !strings.Contains(b.String(), "\n  "+c.key+" ") {
			t.Errorf("no scenario explains a case with the clause %s: add one", c.key)
		}
	}
	cat := mustLoad(t, Brussels())
	for i, f := range []schemas.Family{schemas.FamilyLEZ, schemas.FamilySpeed} {
		if !slices.Contains(cat.Reasons(f), reasonNotApplicable) {
			t.Errorf("Reasons(%s) lacks %s", f, reasonNotApplicable)
		}
		for _, reason := range reasons[i] {
			if !strings.Contains(b.String(), " "+reason+" ") {
				t.Errorf("no scenario shows the %s reason %s: add one", f, reason)
			}
		}
	}
}

package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/gvc-brussels/anpr/schemas"
)

// Finding is a remark on a catalogue. A finding that is no Warning refuses the catalogue.
type Finding struct {
	File    string
	Line    int    // 1-based; 0 = the whole file
	Path    string // key path in the file. Example: admission[3].valid_to
	Text    string // the fault
	Do      string // the cure
	Warning bool
}

// String formats the finding as file:line: path: text; do.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
	}
	if f.Path != "" {
		b.WriteString(": " + f.Path)
	}
	b.WriteString(": " + f.Text)
	if f.Do != "" {
		b.WriteString("; " + f.Do)
	}
	return b.String()
}

// Check reads a catalogue and lists the faults, and as warnings the unverified, announced and ending values. Findings
// are ordered by file and line.
func Check(fsys fs.FS) []Finding {
	_, found := readCatalogue(fsys)
	slices.SortStableFunc(found, func(a, b Finding) int {
		if d := strings.Compare(a.File, b.File); d != 0 {
			return d
		}
		return a.Line - b.Line
	})
	return found
}

// checker reads one file and collects findings.
type checker struct {
	file   string
	lines  map[string]int // path to line
	found  *[]Finding
	values []Value
}

func (c *checker) report(f Finding) { *c.found = append(*c.found, f) }

// addOnce reports a finding unless the line has the same finding already: a row may stand in the chains for many
// categories.
func (c *checker) addOnce(f Finding) {
	for _, g := range *c.found {
		if g.File == f.File && g.Line == f.Line && g.Path == f.Path && g.Do == f.Do {
			return
		}
	}
	c.report(f)
}

func (c *checker) errorf(path, do, format string, args ...any) {
	c.report(Finding{
		File: c.file, Line: c.lineOf(path), Path: strings.TrimPrefix(path, "$."), Text: fmt.Sprintf(format, args...), Do: do,
	})
}

// lineOf finds the line for a path, or for the nearest parent in the file.
func (c *checker) lineOf(path string) int {
	for path != "" {
		if n, ok := c.lines[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}

// Visit implements ast.Visitor: it notes the first line of every path.
func (c *checker) Visit(n ast.Node) ast.Visitor {
	path, at := n.GetPath(), n.GetToken().Position.Line
	if old, ok := c.lines[path]; !ok || at < old {
		c.lines[path] = at
	}
	return c
}

// decodeFile reads the file strictly into v. A file in another form is reported, and the result is false.
func (c *checker) decodeFile(b []byte, v any) bool {
	file, err := parser.ParseBytes(b, 0)
	if err == nil && len(file.Docs) > 1 {
		c.report(Finding{File: c.file, Text: "more than one YAML document", Do: "keep one, without a --- line"})
		return false
	}
	if err == nil {
		c.indexLines(file)
		err = decodeStrict(b, v)
	}
	if err == nil {
		return true
	}
	f := Finding{File: c.file, Text: err.Error(), Do: "correct the line; general.yaml says how values are written"}
	var ye yaml.Error
	switch {
	case errors.Is(err, io.EOF):
		f.Text, f.Do = "empty file", "remove it or write a section"
	case errors.As(err, &ye):
		f.Text = strings.ReplaceAll(ye.GetMessage(), "Go struct field .", "Go struct field document.") // its type has no name
		if tok := ye.GetToken(); tok != nil && tok.Position != nil {
			f.Line = tok.Position.Line
		}
	}
	c.report(f)
	return false
}

// decodeStrict turns a panic in the YAML library (1.19.2 panics on a tag without a value) into an error: a bad file
// must not end the process.
func decodeStrict(b []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the YAML library cannot read this file: %v", p)
		}
	}()
	return yaml.NewDecoder(strings.NewReader(string(b)), yaml.Strict()).Decode(v)
}

// indexLines notes where every key stands.
func (c *checker) indexLines(file *ast.File) {
	c.lines = map[string]int{}
	for _, d := range file.Docs {
		if d.Body != nil {
			ast.Walk(c, d.Body)
		}
	}
}

func (c *checker) parseDay(path, s string) schemas.Day {
	if s == "" {
		c.errorf(path, "write a day such as 2026-07-01", "missing")
		return 0
	}
	d, err := schemas.ParseDay(s)
	if err != nil {
		c.errorf(path, "write a day such as 2026-07-01", "%v", err)
	}
	return d
}

func (c *checker) parseBool(path, s string) bool {
	if s != "true" && s != "false" {
		c.errorf(path, "write true or false", "%q is neither true nor false", s)
	}
	return s == "true"
}

// parseWhole reads a whole number in [lo, hi].
func (c *checker) parseWhole(path, s string, lo, hi int64) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lo || n > hi {
		c.errorf(path, fmt.Sprintf("write a whole number from %d to %d", lo, hi), "%q is not one", s)
		return lo
	}
	return n
}

// oneOf reads a word from a closed set.
func (c *checker) oneOf(path, s string, words ...string) string {
	if !slices.Contains(words, s) {
		c.errorf(path, "write one of: "+strings.Join(words, ", "), "%q is not one", s)
	}
	return s
}

// parseEach converts words by parse. A word refused by parse, an empty list and a repeated word are findings.
func parseEach[T comparable](c *checker, path string, words []string, parse func(string) (T, bool)) []T {
	out := make([]T, 0, len(words))
	if len(words) == 0 {
		c.errorf(path, "write at least one word in [ ]", "missing")
	}
	for i, w := range words {
		at := path + "[" + strconv.Itoa(i) + "]"
		v, ok := parse(w)
		switch {
		case !ok:
			c.errorf(at, "correct it or leave it out", "%q is not known", w)
		case slices.Contains(out, v):
			c.errorf(at, "write it once", "%q is written twice", w)
		default:
			out = append(out, v)
		}
	}
	return out
}

func (c *checker) checkID(path, id string) {
	if id == "" {
		c.errorf(path+".id", "give the value a name of its own", "missing")
	}
}

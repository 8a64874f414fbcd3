package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxProblems bounds the problems kept for a file; More tells that there are more.
const maxProblems = 20

// Problem is a fault in a file. It never holds a plate, a token, a reason or a case reference, so it may be logged.
type Problem struct {
	File   string // relative to the directory. Example: lists/stolen.csv
	Line   int    // 1-based; 0 = the file as a whole
	Field  string // column or YAML path; "" = the line as a whole. Example: cameras[3].lanes[0].number
	Detail string // the fault and the cure
}

// String formats the problem as "file:line: field f: detail".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString("field ")
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	b.WriteString(p.Detail)
	return b.String()
}

// Error says that the directory's content was refused. Every other error in this package is about reading.
type Error struct {
	Problems []Problem // in order of file and line, at most 20 of a file
	More     bool      // a file was given up after 20 problems
}

// Error lists the problems, a line each.
func (e *Error) Error() string {
	var b strings.Builder
	if len(e.Problems) > 1 {
		fmt.Fprintf(&b, "%d problems:\n", len(e.Problems))
	}
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	if e.More {
		b.WriteString("\nand more in the files with " + strconv.Itoa(maxProblems) + " problems: correct these and load again")
	}
	return b.String()
}

// problems collects a file's faults.
type problems struct {
	file string
	list []Problem
}

func (p *problems) addProblem(line int, field, detail string) {
	if !p.isFull() {
		p.list = append(p.list, Problem{File: p.file, Line: line, Field: field, Detail: detail})
	}
}

func (p *problems) addProblemf(line int, field, format string, args ...any) {
	p.addProblem(line, field, fmt.Sprintf(format, args...))
}

// isFull reports that the rest of the file need not be checked.
func (p *problems) isFull() bool { return len(p.list) >= maxProblems }

// collectProblems adds a file's problems to e.
func (e *Error) collectProblems(p *problems) {
	slices.SortStableFunc(p.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	e.Problems = append(e.Problems, p.list...)
	e.More = e.More || p.isFull()
}

// namesFile reports whether a file has a problem.
func (e *Error) namesFile(file string) bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.File == file })
}

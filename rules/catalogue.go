package rules

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
)

//go:embed catalog/brussels/*.yaml
var catalogs embed.FS

// Brussels returns the built-in catalogue for the Brussels-Capital Region.
func Brussels() fs.FS {
	sub, err := fs.Sub(catalogs, "catalog/brussels")
	if err != nil {
		panic("BUG: embedded catalogue: " + err.Error())
	}
	return sub
}

// Value is a dated catalogue value, with its place and its basis.
type Value struct {
	File       string
	Line       int
	Path       string // Example: tariff[0]
	ValidFrom  string // day, or "unknown" for an announced value
	ValidTo    string // first day it no longer holds, or "open"
	LegalBasis Basis
	Source     string
	Verified   bool
	Announced  bool // listed, decides nothing
}

// Catalogue is a loaded version of the rules, immutable and safe for concurrent use.
type Catalogue struct {
	version  string
	hash     string
	values   []Value
	general  general
	justify  justifications
	casework casework
	families []Family // in the order of families.go
	written  []writtenSection
}

// Version names the content: the first 12 hexadecimal digits of a SHA-256 over all files and their names.
func (c *Catalogue) Version() string { return c.version }

// Hash names the content in full: the SHA-256 whose first digits are the version.
func (c *Catalogue) Hash() string { return c.hash }

// Values lists every value, ordered by file and line. The caller may change the slice.
func (c *Catalogue) Values() []Value { return slices.Clone(c.values) }

// Unverified lists values in force that nobody has confirmed in the law yet.
func (c *Catalogue) Unverified() []Value {
	var out []Value
	for _, v := range c.values {
		if !v.Verified && !v.Announced {
			out = append(out, v)
		}
	}
	return out
}

// Announced lists values written down and not in force.
func (c *Catalogue) Announced() []Value {
	var out []Value
	for _, v := range c.values {
		if v.Announced {
			out = append(out, v)
		}
	}
	return out
}

// Load reads all *.yaml files at the root of fsys into a catalogue. Any fault refuses the whole catalogue: the error
// has a line per finding, with file, line and cure.
func Load(fsys fs.FS) (*Catalogue, error) {
	cat, found := readCatalogue(fsys)
	var errs []error
	for _, f := range found {
		if !f.Warning {
			errs = append(errs, errors.New(f.String()))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("load catalogue: %w", errors.Join(errs...))
	}
	return cat, nil
}

// reader gathers the sections over the files.
type reader struct {
	found    []Finding
	cat      Catalogue
	sections Sections
	seen     map[string]string // section to file
	files    map[string]bool
	skip     bool // a file could not be read: missing sections are not reported
}

// newReader makes a reader for a new catalogue and declares the sections of all families.
func newReader() *reader {
	rd := &reader{seen: map[string]string{}, files: map[string]bool{}}
	rd.sections.general = &rd.cat.general
	rd.cat.general.loadSections(&rd.sections)
	rd.cat.justify.loadSection(&rd.sections)
	rd.cat.casework.loadSections(&rd.sections)
	rd.cat.families = newFamilies()
	for _, f := range rd.cat.families {
		f.Load(&rd.sections)
	}
	return rd
}

func readCatalogue(fsys fs.FS) (*Catalogue, []Finding) {
	rd := newReader()
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil || len(names) == 0 {
		rd.found = append(rd.found, Finding{File: ".", Text: "no *.yaml file found", Do: "name the folder that holds the catalogue"})
		return &rd.cat, rd.found
	}
	sum := sha256.New()
	for _, name := range names {
		rd.files[name] = true
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			rd.found = append(rd.found, Finding{File: name, Text: err.Error(), Do: "make the file readable"})
			continue
		}
		head := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
		head = binary.BigEndian.AppendUint64(append(head, name...), uint64(len(b)))
		sum.Write(head)
		sum.Write(b)
		rd.readFile(name, b)
	}
	rd.cat.hash = hex.EncodeToString(sum.Sum(nil))
	rd.cat.version = rd.cat.hash[:12]
	rd.completeCatalogue()
	return &rd.cat, rd.found
}

func (rd *reader) readFile(name string, b []byte) {
	c := &checker{file: name, found: &rd.found}
	doc := reflect.New(rd.sections.documentType())
	if !c.decodeFile(b, doc.Interface()) {
		rd.skip = true
		return
	}
	for i := range rd.sections.all {
		d := &rd.sections.all[i]
		raw := doc.Elem().Field(i)
		switch other := rd.seen[d.name]; {
		case raw.IsNil():
		case other != "":
			c.errorf("$."+d.name, "keep the section in one file", "also in %s", other)
		default:
			rd.seen[d.name] = c.file
			d.convert(c, raw)
			rd.cat.written = append(rd.cat.written, writtenSection{d.name, raw})
		}
	}
	slices.SortStableFunc(c.values, func(a, b Value) int { return a.Line - b.Line })
	rd.cat.values = append(rd.cat.values, c.values...)
}

// completeCatalogue chains the sections, reports missing sections and adds the warnings.
func (rd *reader) completeCatalogue() {
	c := &checker{found: &rd.found}
	if !rd.skip {
		rd.reportMissing(c)
	}
	for _, chain := range rd.sections.chains {
		chain(c)
	}
	for _, v := range rd.cat.values {
		rd.warnUnverified(v)
	}
}

// reportMissing reports the sections absent from every file. When the built-in catalogue's file for a section is
// absent too, the finding names the file.
func (rd *reader) reportMissing(c *checker) {
	lost := map[string][]string{}
	var order []string
	for i := range rd.sections.all {
		s := rd.sections.all[i].name
		if rd.seen[s] != "" || rd.sections.all[i].optional {
			continue
		}
		file := builtInFile(s)
		if rd.files[file] {
			c.report(Finding{File: ".", Path: s, Text: "section missing", Do: "write it, or [] when there is nothing in it; the built-in catalogue has it in " + file})
			continue
		}
		if lost[file] == nil {
			order = append(order, file)
		}
		lost[file] = append(lost[file], s)
	}
	for _, file := range order {
		c.report(Finding{
			File: file, Text: "file missing, with the sections " + strings.Join(lost[file], ", "),
			Do: "put it back, or write the sections in another file",
		})
	}
}

// builtInFile names the built-in catalogue's file for a section.
func builtInFile(section string) string {
	names, _ := fs.Glob(Brussels(), "*.yaml") // the pattern is sound
	for _, n := range names {
		if b, err := fs.ReadFile(Brussels(), n); err == nil && bytes.Contains(b, []byte("\n"+section+":")) {
			return n
		}
	}
	return "."
}

func (rd *reader) warnUnverified(v Value) {
	f := Finding{File: v.File, Line: v.Line, Path: v.Path, Warning: true}
	switch {
	case v.Announced:
		f.Text, f.Do = "announced, not in force", "when it enters into force: remove status, write valid_from, close the value before it"
	case !v.Verified:
		f.Text, f.Do = "not verified: "+v.Source, v.LegalBasis.toVerify()
	default:
		return
	}
	rd.found = append(rd.found, f)
}

package rules

import (
	"reflect"
	"strconv"
	"strings"
)

// Sections is where the families declare the sections of the catalogue that are theirs. A section stands in one file, and every section
// that is declared must stand in one.
type Sections struct {
	general *general
	all     []section
	chains  []func(c *checker)
}

// section is one list of the catalogue.
type section struct {
	name     string
	optional bool         // a catalogue may be without it
	rows     reflect.Type // slice of what a row looks like in the file
	convert  func(c *checker, rows reflect.Value)
}

// declareSection says that the catalogue has a section of rows R, each of which convert makes a dated value of. The values are there when the
// functions of onLoaded run.
func declareSection[R, T any](s *Sections, name string, convert func(c *checker, path string, r *R) datedValue[T]) *[]datedValue[T] {
	values := new([]datedValue[T])
	s.all = append(s.all, section{name: name, rows: reflect.TypeFor[[]R](), convert: func(c *checker, rows reflect.Value) {
		raw := rows.Interface().([]R)
		for i := range raw {
			*values = append(*values, convert(c, "$."+name+"["+strconv.Itoa(i)+"]", &raw[i]))
		}
	}})
	return values
}

// onLoaded adds a function that chains values when all files have been read.
func (s *Sections) onLoaded(chain func(c *checker)) { s.chains = append(s.chains, chain) }

// declareSeries declares a section that is one series of values.
func declareSeries[R, T any](s *Sections, name string, convert func(c *checker, path string, r *R) datedValue[T], into *datedSeries[T]) {
	values := declareSection(s, name, convert)
	s.onLoaded(func(c *checker) { *into = chainValues(c, name, *values) })
}

// documentType is the type of a file: any of the sections.
func (s *Sections) documentType() reflect.Type {
	fields := make([]reflect.StructField, len(s.all))
	for i := range s.all {
		d := &s.all[i]
		fields[i] = reflect.StructField{Name: goName(d.name), Type: d.rows, Tag: reflect.StructTag(`yaml:"` + d.name + `"`)}
	}
	return reflect.StructOf(fields)
}

// goName writes a name of a section as a field of a struct: one_offence as OneOffence.
func goName(section string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(section, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

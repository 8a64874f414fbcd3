package rules

import (
	"reflect"
	"strconv"
	"strings"
)

// Sections collects the catalogue sections that the families declare. Every declared section must be in the catalogue,
// in exactly one file, unless the section is optional.
type Sections struct {
	general *general
	speed   *speedRules // of the family speed, once it has loaded
	all     []section
	chains  []func(c *checker)
}

// section is a list in the catalogue.
type section struct {
	name     string
	optional bool         // a catalogue may lack the section
	rows     reflect.Type // slice of the row type in the file
	convert  func(c *checker, rows reflect.Value)
}

// declareSection declares a catalogue section with rows R. convert turns each row into a dated value. The returned
// values are complete when the functions from onLoaded run.
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

// onLoaded adds a function that chains values after all files are read.
func (s *Sections) onLoaded(chain func(c *checker)) { s.chains = append(s.chains, chain) }

// declareSeries declares a section that forms a single series of values.
func declareSeries[R, T any](s *Sections, name string, convert func(c *checker, path string, r *R) datedValue[T], into *datedSeries[T]) {
	values := declareSection(s, name, convert)
	s.onLoaded(func(c *checker) { *into = chainValues(c, name, *values) })
}

// documentType returns the struct type for a file, with one field for each section.
func (s *Sections) documentType() reflect.Type {
	fields := make([]reflect.StructField, len(s.all))
	for i := range s.all {
		d := &s.all[i]
		fields[i] = reflect.StructField{Name: goName(d.name), Type: d.rows, Tag: reflect.StructTag(`yaml:"` + d.name + `"`)}
	}
	return reflect.StructOf(fields)
}

// goName turns a section name into a Go field name: one_offence becomes OneOffence.
func goName(section string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(section, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

package rules

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// writtenSection is a section as its file has it. rows is a slice of the row type.
type writtenSection struct {
	name string
	rows reflect.Value
}

// writtenField is one field of a row as written, by the field's name in the file. words is the group of messages in which a
// code of the field has its word; empty = the code itself is shown.
type writtenField struct {
	name, words string
	values      []string // a list has several
}

func (f writtenField) text() string { return strings.Join(f.values, ", ") }

// writtenValue is one row, or the dated part of a row, for one subject.
type writtenValue struct {
	section   string         // with the part: admission.fines
	subject   []writtenField // what the value is about
	fields    []writtenField // what it says
	from, to  string         // days as written; "open" and "unknown" sort after every day
	basis     Basis
	source    string
	verified  string
	announced bool
	at        string // file:line
}

// key names the subject.
func (v *writtenValue) key() string {
	var b strings.Builder
	for _, f := range v.subject {
		b.WriteString(f.name + "=" + f.text() + " ")
	}
	return b.String()
}

// same reports whether two values say the same, wherever they stand and whenever they end.
func (v *writtenValue) same(o *writtenValue) bool {
	return v.from == o.from && v.basis == o.basis && v.source == o.source && v.verified == o.verified && v.announced == o.announced &&
		slices.EqualFunc(v.fields, o.fields, func(a, b writtenField) bool { return slices.Equal(a.values, b.values) })
}

// id returns the row's own name, or "".
func (v *writtenValue) id() string {
	for _, f := range v.fields {
		if f.name == "id" {
			return f.text()
		}
	}
	return ""
}

// writtenValues lists the values of all sections, in the order of the families' declarations, one for each subject of a row: a
// row for three surroundings is three values. A catalogue that leaves the sections of casework to the built-in catalogue gets
// them from there, because that is what decides.
func (c *Catalogue) writtenValues() (out []writtenValue) {
	declared := newReader().sections.all
	for i := range declared {
		from := c
		if declared[i].optional && !c.casework.written {
			from = builtInCatalogue()
		}
		out = append(out, bySubject(from.valuesOfSection(declared[i].name))...)
	}
	return out
}

// builtInCatalogue is the built-in catalogue, loaded once.
var builtInCatalogue = sync.OnceValue(func() *Catalogue {
	c, err := Load(Brussels())
	if err != nil {
		panic("BUG: built-in catalogue: " + err.Error())
	}
	return c
})

func (c *Catalogue) valuesOfSection(name string) (out []writtenValue) {
	i := slices.IndexFunc(c.written, func(s writtenSection) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	places := map[string]string{}
	for _, v := range c.values {
		places[v.Path] = v.File + ":" + strconv.Itoa(v.Line)
	}
	for k := range c.written[i].rows.Len() {
		out = append(out, valuesOfRow(name, c.written[i].rows.Index(k), places, fmt.Sprintf("%s[%d]", name, k))...)
	}
	return out
}

// bySubject returns the values with one subject each.
func bySubject(all []writtenValue) (out []writtenValue) {
	for _, v := range all {
		for _, s := range eachSubject(v.subject) {
			v.subject = s
			out = append(out, v)
		}
	}
	return out
}

// valuesOfRow returns the row itself, then its dated parts, with all their subjects.
func valuesOfRow(section string, row reflect.Value, places map[string]string, path string) (out []writtenValue) {
	v := writtenValue{section: section, at: places[path]}
	parts := map[string]*rawProvenance{}
	var order []string
	v.readRow(row, func(f writtenField, isSubject bool) {
		if isSubject {
			v.subject = append(v.subject, f)
		} else {
			v.fields = append(v.fields, f)
		}
	}, func(name string, p *rawProvenance) {
		parts[name], order = p, append(order, name)
	})
	out = append(out, v)
	for _, name := range order {
		part := writtenValue{section: section + "." + name, at: places[path+"."+name], subject: v.subject}
		if id := v.id(); id != "" {
			part.fields = []writtenField{{name: "id", values: []string{id}}}
		}
		part.readProvenance(parts[name])
		part.announced = part.announced || v.announced
		out = append(out, part)
	}
	return out
}

// readRow hands every field of the row to one of the functions; the row's own provenance is kept in v.
func (v *writtenValue) readRow(row reflect.Value, field func(writtenField, bool), part func(string, *rawProvenance)) {
	for i := range row.NumField() {
		sf, f := row.Type().Field(i), row.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch x := f.Interface().(type) {
		case rawProvenance:
			v.readProvenance(&x)
		case *rawProvenance:
			if x != nil {
				part(name, x)
			}
		case []string:
			field(writtenField{name, sf.Tag.Get("words"), x}, sf.Tag.Get("subject") != "")
		default:
			if f.Kind() == reflect.Struct {
				v.readRow(f, field, part)
				continue
			}
			text := fmt.Sprint(x)
			if f.Kind() == reflect.Int && f.IsZero() {
				text = ""
			}
			field(writtenField{name, sf.Tag.Get("words"), []string{text}}, sf.Tag.Get("subject") != "")
		}
	}
}

func (v *writtenValue) readProvenance(r *rawProvenance) {
	v.from, v.to, v.basis, v.source, v.verified = r.ValidFrom, r.ValidTo, r.LegalBasis, r.Source, r.Verified
	v.announced = r.Status == "announced"
}

// eachSubject returns every combination of the fields' values. An empty list stands for itself.
func eachSubject(fields []writtenField) [][]writtenField {
	out := [][]writtenField{nil}
	for _, f := range fields {
		values := f.values
		if len(values) == 0 {
			values = []string{""}
		}
		var next [][]writtenField
		for _, head := range out {
			for _, value := range values {
				next = append(next, append(slices.Clone(head), writtenField{f.name, f.words, []string{value}}))
			}
		}
		out = next
	}
	return out
}

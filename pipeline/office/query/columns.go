package query

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// identifierForm matches a column name, or a Nested column: two names with a dot.
var identifierForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`)

// identifierOf turns a column name from a tag in schemas into SQL text, and panics on any other form. No other
// function turns a string into a fragment.
func identifierOf(name string) fragment {
	if !identifierForm.MatchString(name) {
		panic("BUG: no column is called " + name)
	}
	return fragment(name)
}

// columnsOf returns the table's columns that an answer may show, each with a mask for users without the right to
// plates. A column in others replaces the table's column with the same name.
func columnsOf[R any](others ...column) []column {
	var out []column
	for _, c := range schemas.ColumnsOf[R]() {
		name := identifierOf(c.Name)
		switch i := slices.IndexFunc(others, func(o column) bool { return o.name == name }); {
		case i >= 0:
			out = append(out, others[i])
		case c.Office:
			out = append(out, column{name: name, plate: maskOf(c)})
		}
	}
	return out
}

// maskOf returns the expression that replaces a column for users without the right to plates; "" = the column is
// harmless.
func maskOf(c schemas.Column) fragment {
	name := identifierOf(c.Name)
	switch c.Plate {
	case schemas.MaskHide, schemas.MaskDigest:
		if strings.HasPrefix(c.Type, "Array(") {
			return "emptyArrayString()"
		}
		return "''"
	case schemas.MaskNone, schemas.MaskLog:
		return ""
	case schemas.MaskText:
		return "replaceAll(" + name + ", plate, '#')"
	case schemas.MaskName:
		return "if(match(" + name + ", '^[A-Za-z0-9._-]{1,64}$'), " + name + ", '')"
	}
	panic("BUG: no text stands in the place of a column that is marked " + string(c.Plate))
}

// storedColumns returns every stored column without masks, for verification inside the office.
func storedColumns[R any]() []column {
	var out []column
	for _, c := range schemas.ColumnsOf[R]() {
		if c.Insert {
			out = append(out, column{name: identifierOf(c.Name)})
		}
	}
	return out
}

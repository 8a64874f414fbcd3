package query

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// identifierForm is the form of a column, or of a column of a Nested: two names with a dot.
var identifierForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`)

// identifierOf turns the name of a column, as a tag of schemas has it, into SQL text. It is the only way from a string to a fragment, and
// gives an identifier or panics.
func identifierOf(name string) fragment {
	if !identifierForm.MatchString(name) {
		panic("BUG: no column is called " + name)
	}
	return fragment(name)
}

// columnsOf makes the columns of a table that an answer may show, each with what stands in its place for somebody who may not see plates.
// A column of the same name in others replaces one.
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

// maskOf returns what stands in the place of a column where plates are not shown; "" when the column is harmless.
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

// storedColumns makes the columns of a table as the insert of a batch has them, none replaced: for verification inside the office.
func storedColumns[R any]() []column {
	var out []column
	for _, c := range schemas.ColumnsOf[R]() {
		if c.Insert {
			out = append(out, column{name: identifierOf(c.Name)})
		}
	}
	return out
}

package handover

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/gvc-brussels/anpr/schemas"
)

// Schema is a JSON Schema (draft 2020-12). Immutable, safe for concurrent use.
type Schema struct{ compiled *jsonschema.Schema }

// The schemas of this release.
var (
	BatchSchema     = mustCompile("batch")
	AnswerSchema    = mustCompile("answer")
	AnnulmentSchema = mustCompile("annulment")
)

func mustCompile(name string) *Schema {
	raw, err := schemas.HandoverSchemas.ReadFile("handover/" + name + ".schema.json")
	var doc any
	if err == nil {
		doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	}
	c := jsonschema.NewCompiler()
	if err == nil {
		err = c.AddResource(name, doc)
	}
	var s *jsonschema.Schema
	if err == nil {
		s, err = c.Compile(name)
	}
	if err != nil {
		panic("BUG: schema " + name + ": " + err.Error())
	}
	return &Schema{s}
}

// Fault is a place in a file that does not fit the schema.
type Fault struct {
	Path string // as cases[3].plate; "" = the whole file
	What string
}

// Error implements error. It repeats no value of the file, because that may be a plate.
func (f Fault) Error() string { return f.Path + " " + f.What }

// Check returns every place of a JSON file that does not fit.
func (s *Schema) Check(file []byte) []Fault {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		return []Fault{{"", "the file is no JSON, or goes on after its end"}}
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](s.compiled.Validate(v))
	if !ok {
		return nil
	}
	return faultsOf(invalid)
}

// faultsOf lists the faults at the ends of a tree of errors. The texts of the library repeat values; these do not.
func faultsOf(e *jsonschema.ValidationError) (out []Fault) {
	for _, cause := range e.Causes {
		out = append(out, faultsOf(cause)...)
	}
	if len(e.Causes) > 0 {
		return out
	}
	path := pathOf(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			out = append(out, Fault{strings.TrimPrefix(path+"."+name, "."), "is missing"})
		}
		return out
	case *kind.AdditionalProperties:
		return []Fault{{path, "has a field that the schema does not know"}}
	case *kind.Type:
		return []Fault{{path, "must be of the type " + strings.Join(k.Want, " or ")}}
	case *kind.Const:
		return []Fault{{path, fmt.Sprintf("must be %v", k.Want)}}
	case *kind.Enum:
		return []Fault{{path, fmt.Sprintf("must be one of %v", k.Want)}}
	case *kind.Pattern:
		return []Fault{{path, "does not have the form " + k.Want}}
	case *kind.MinLength, *kind.MaxLength:
		return []Fault{{path, "is too short or too long"}}
	case *kind.MinItems, *kind.MaxItems:
		return []Fault{{path, "has too few or too many items"}}
	case *kind.Minimum, *kind.Maximum:
		return []Fault{{path, "is out of its bounds"}}
	}
	return []Fault{{path, "does not fit the schema: " + strings.Join(e.ErrorKind.KeywordPath(), ", ")}}
}

// pathOf writes a place as cases[3].plate.
func pathOf(place []string) string {
	var b strings.Builder
	for _, p := range place {
		if _, err := strconv.Atoi(p); err == nil {
			b.WriteString("[" + p + "]")
			continue
		}
		b.WriteString("." + p)
	}
	return strings.TrimPrefix(b.String(), ".")
}

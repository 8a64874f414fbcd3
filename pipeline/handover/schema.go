package handover

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Schema is a JSON Schema (draft 2020-12) of the keywords that ours use; a schema with another keyword is refused when it
// is read, so that nothing of it is passed over. Immutable, safe for concurrent use.
type Schema struct {
	root *node
}

// node is one schema object.
type node struct {
	Schema      string           `json:"$schema"`
	ID          string           `json:"$id"`
	Ref         string           `json:"$ref"`
	Defs        map[string]*node `json:"$defs"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Type        string           `json:"type"`
	Enum        []string         `json:"enum"`
	Const       *string          `json:"const"`
	Pattern     string           `json:"pattern"`
	MinLength   *int             `json:"minLength"`
	MaxLength   *int             `json:"maxLength"`
	Minimum     *int64           `json:"minimum"`
	Maximum     *int64           `json:"maximum"`
	MinItems    *int             `json:"minItems"`
	MaxItems    *int             `json:"maxItems"`
	Items       *node            `json:"items"`
	Required    []string         `json:"required"`
	Properties  map[string]*node `json:"properties"`
	Additional  *bool            `json:"additionalProperties"`
	AllOf       []*node          `json:"allOf"`
	If          *node            `json:"if"`
	Then        *node            `json:"then"`

	pattern *regexp.Regexp
}

// The schemas of this release.
var (
	BatchSchema     = mustLoad("batch")
	AnswerSchema    = mustLoad("answer")
	AnnulmentSchema = mustLoad("annulment")
)

func mustLoad(name string) *Schema {
	raw, err := schemas.HandoverSchemas.ReadFile("handover/" + name + ".schema.json")
	if err == nil {
		var s *Schema
		if s, err = ParseSchema(raw); err == nil {
			return s
		}
	}
	panic("BUG: schema " + name + ": " + err.Error())
}

// ParseSchema reads a schema.
func ParseSchema(raw []byte) (*Schema, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	s := &Schema{root: new(node)}
	if err := d.Decode(s.root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return s, s.prepare(s.root)
}

// prepare compiles the patterns and resolves the references under a node.
func (s *Schema) prepare(n *node) (err error) {
	if n == nil {
		return nil
	}
	if n.Ref != "" {
		if name, ok := strings.CutPrefix(n.Ref, "#/$defs/"); !ok || s.root.Defs[name] == nil {
			return fmt.Errorf("schema: %q refers to nothing", n.Ref)
		}
	}
	if !slices.Contains([]string{"", "object", "array", "string", "integer"}, n.Type) {
		return fmt.Errorf("schema: the type %q is none of those that ours use", n.Type)
	}
	if n.pattern, err = regexp.Compile(n.Pattern); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	under := slices.Concat([]*node{n.Items, n.If, n.Then}, n.AllOf)
	for _, m := range []map[string]*node{n.Defs, n.Properties} {
		for _, sub := range m {
			under = append(under, sub)
		}
	}
	for _, sub := range under {
		if err := s.prepare(sub); err != nil {
			return err
		}
	}
	return nil
}

// Fault is a place in a file that does not fit the schema.
type Fault struct {
	Path string // as cases[3].plate
	What string
}

// Error implements error. It repeats no value of the file, because that may be a plate.
func (f Fault) Error() string { return strings.TrimPrefix(f.Path, ".") + " " + f.What }

// Check returns every place of a JSON file that does not fit.
func (s *Schema) Check(file []byte) []Fault {
	d := json.NewDecoder(bytes.NewReader(file))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return []Fault{{"", "is no JSON"}}
	}
	if _, err := d.Token(); err != io.EOF {
		return []Fault{{"", "goes on after its end"}}
	}
	c := &checking{schema: s}
	c.check(s.root, "", v)
	return c.faults
}

type checking struct {
	schema *Schema
	faults []Fault
}

func (c *checking) add(path, format string, args ...any) {
	c.faults = append(c.faults, Fault{path, fmt.Sprintf(format, args...)})
}

func (c *checking) check(n *node, path string, v any) {
	if n.Ref != "" {
		c.check(c.schema.root.Defs[strings.TrimPrefix(n.Ref, "#/$defs/")], path, v)
	}
	if n.Type != "" && n.Type != typeOf(v) {
		c.add(path, "must be of the type %s", n.Type)
		return
	}
	switch x := v.(type) {
	case map[string]any:
		c.checkObject(n, path, x)
	case []any:
		if n.MinItems != nil && len(x) < *n.MinItems || n.MaxItems != nil && len(x) > *n.MaxItems {
			c.add(path, "has %d items", len(x))
		}
		for i := range x {
			if n.Items != nil {
				c.check(n.Items, fmt.Sprintf("%s[%d]", path, i), x[i])
			}
		}
	case string:
		c.checkText(n, path, x)
	case json.Number:
		i, err := x.Int64()
		if err != nil || n.Minimum != nil && i < *n.Minimum || n.Maximum != nil && i > *n.Maximum {
			c.add(path, "is out of its bounds")
		}
	}
	for _, sub := range n.AllOf {
		c.check(sub, path, v)
	}
	if n.If != nil && n.Then != nil {
		test := &checking{schema: c.schema}
		if test.check(n.If, path, v); len(test.faults) == 0 {
			c.check(n.Then, path, v)
		}
	}
}

func (c *checking) checkObject(n *node, path string, x map[string]any) {
	for _, name := range n.Required {
		if _, ok := x[name]; !ok {
			c.add(path+"."+name, "is missing")
		}
	}
	names := make([]string, 0, len(x))
	for name := range x {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		sub := n.Properties[name]
		switch {
		case sub != nil:
			c.check(sub, path+"."+name, x[name])
		case n.Additional != nil && !*n.Additional:
			c.add(path, "has a field that the schema does not know")
		}
	}
}

func (c *checking) checkText(n *node, path, x string) {
	length := utf8.RuneCountInString(x)
	switch {
	case n.Const != nil && x != *n.Const:
		c.add(path, "must be %q", *n.Const)
	case n.Enum != nil && !slices.Contains(n.Enum, x):
		c.add(path, "must be one of %v", n.Enum)
	case n.MinLength != nil && length < *n.MinLength || n.MaxLength != nil && length > *n.MaxLength:
		c.add(path, "has %d characters", length)
	case n.Pattern != "" && !n.pattern.MatchString(x):
		c.add(path, "does not have the form %s", n.Pattern)
	}
}

// typeOf names the type of a decoded value.
func typeOf(v any) string {
	switch x := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case json.Number:
		if _, err := x.Int64(); err == nil {
			return "integer"
		}
	}
	return "something else"
}

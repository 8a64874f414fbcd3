package reference

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gvc-brussels/anpr/schemas"
)

// yamlMap is a mapping in a YAML file. Keys are taken one by one; checkKeys reports the keys never taken. All methods
// report problems with line and path and return the zero value.
type yamlMap struct {
	p     *problems
	path  string // "" for the file
	line  int
	keys  map[string]yamlEntry
	taken []string
}

type yamlEntry struct {
	node ast.Node
	line int // line of the key
}

// yamlRoot parses a file with a single mapping as its document; nil for any other file.
func yamlRoot(b []byte, p *problems) *yamlMap {
	tokens := lexer.Tokenize(string(b))
	if line := tooDeep(tokens); line > 0 {
		p.addProblemf(line, "", "nests deeper than %d; the files need 6", maxDepth)
		return nil
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil && ye.GetToken().Position != nil {
			p.addProblem(ye.GetToken().Position.Line, "", "is not YAML: "+ye.GetMessage())
		} else {
			p.addProblem(0, "", "is not YAML; check indentation and quotes")
		}
		return nil
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		p.addProblemf(0, "", "has %d YAML documents; write one mapping", len(f.Docs))
		return nil
	}
	return newYAMLMap(f.Docs[0].Body, "", p)
}

// maxDepth bounds the nesting: the parser's time grows with the square of the depth.
const maxDepth = 32

// tooDeep returns the line where brackets, a single line's openings or the indentation nest too deep; 0 when none do.
func tooDeep(tokens token.Tokens) int {
	open, opened, line := 0, 0, 0
	for _, t := range tokens {
		first := t.Position.Line != line
		if first {
			line, opened = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open = max(0, open-1)
		case token.SequenceEntryType, token.MappingKeyType:
			opened++
		default: // no nesting
		}
		if open > maxDepth || opened > maxDepth || (first && t.Position.Column > 8*maxDepth) {
			return max(line, 1)
		}
	}
	return 0
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func newYAMLMap(n ast.Node, path string, p *problems) *yamlMap {
	m := &yamlMap{p: p, path: path, line: lineOf(n), keys: make(map[string]yamlEntry)}
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		p.addProblem(m.line, path, "is not a mapping; write key: value")
		return nil
	}
	if len(values) > 0 {
		m.line = lineOf(values[0].Key)
	}
	for _, v := range values {
		key := v.Key.GetToken()
		if key == nil {
			p.addProblem(lineOf(v), path, "has a key that is no word")
			continue
		}
		if _, twice := m.keys[key.Value]; twice {
			p.addProblem(lineOf(v.Key), m.joinPath(fmt.Sprintf("%.40q", key.Value)), "is there twice; keep one")
		}
		m.keys[key.Value] = yamlEntry{v.Value, lineOf(v.Key)}
	}
	return m
}

func (m *yamlMap) joinPath(key string) string {
	if m.path == "" {
		return key
	}
	return m.path + "." + key
}

// takeKey takes a key; the node is nil when the key is absent or empty.
func (m *yamlMap) takeKey(key string) (n ast.Node, line int) {
	if !slices.Contains(m.taken, key) {
		m.taken = append(m.taken, key)
	}
	e, ok := m.keys[key]
	if !ok {
		return nil, m.line
	}
	if _, null := e.node.(*ast.NullNode); null || e.node == nil {
		return nil, e.line
	}
	return e.node, lineOf(e.node)
}

func (m *yamlMap) addProblem(line int, key string, err error) {
	m.p.addProblem(line, m.joinPath(key), err.Error())
}

// scalarText returns a plain value's text, as written.
func scalarText(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	default:
		return "", errors.New("is not a plain value; anchors, aliases, tags and nested values are not accepted here")
	}
}

// yamlValue takes a required key.
func yamlValue[T any](m *yamlMap, key string, read func(string) (T, error)) (v T) {
	n, line := m.takeKey(key)
	if n == nil {
		m.addProblem(line, key, errEmpty)
		return v
	}
	s, err := scalarText(n)
	if err == nil {
		v, err = read(s)
	}
	if err != nil {
		m.addProblem(line, key, err)
	}
	return v
}

// yamlOptional is yamlValue with other for an absent or empty key.
func yamlOptional[T any](m *yamlMap, key string, other T, read func(string) (T, error)) T {
	if n, _ := m.takeKey(key); n != nil {
		return yamlValue(m, key, read)
	}
	return other
}

// eachElement calls f with every list element; an absent list is empty.
func (m *yamlMap) eachElement(key string, f func(n ast.Node, path string)) {
	n, line := m.takeKey(key)
	if n == nil {
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		m.addProblem(line, key, errors.New("is not a list; write [a, b] or lines that begin with a dash"))
		return
	}
	for i, v := range seq.Values {
		if m.p.isFull() {
			return
		}
		f(v, m.joinPath(key)+"["+strconv.Itoa(i)+"]")
	}
}

// eachMapping calls f with every element in a list of mappings, and then checks that f took all keys.
func (m *yamlMap) eachMapping(key string, f func(*yamlMap)) {
	m.eachElement(key, func(n ast.Node, path string) {
		if e := newYAMLMap(n, path, m.p); e != nil {
			f(e)
			e.checkKeys()
		}
	})
}

// checkKeys reports the keys never taken: a misspelt key would otherwise be a silent default.
func (m *yamlMap) checkKeys() {
	for _, k := range slices.Sorted(maps.Keys(m.keys)) {
		if !slices.Contains(m.taken, k) {
			m.p.addProblemf(m.keys[k].line, m.joinPath(fmt.Sprintf("%.40q", k)), "is not known here; the keys are %v", m.taken)
		}
	}
}

// readPeriod reads valid_from and valid_to.
func (m *yamlMap) readPeriod(mustBegin, mustEnd bool) (from, to schemas.Micros) {
	before := len(m.p.list)
	if mustBegin {
		from = yamlValue(m, "valid_from", readInstant)
	} else {
		from = yamlOptional(m, "valid_from", 0, readInstant)
	}
	if mustEnd {
		to = yamlValue(m, "valid_to", readInstant)
	} else {
		to = yamlOptional(m, "valid_to", 0, readInstant)
	}
	if err := checkOrder(from, to); err != nil && len(m.p.list) == before {
		_, line := m.takeKey("valid_to")
		m.addProblem(line, "valid_to", err)
	}
	return from, to
}

// Readers for scalars, beside those in values.go.

func readInt(lo, hi int) func(string) (int, error) {
	return func(s string) (int, error) { return readInteger(s, lo, hi) }
}

func readIdent(s string) (string, error) { return s, checkIdent(s) }

func readText(s string) (string, error) {
	if s == "" {
		return s, errEmpty
	}
	return s, checkText(s)
}

func readBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%.40q is neither true nor false", s)
	}
}

// readSpan reads a duration above 0 and up to 31 days.
func readSpan(s string) (schemas.Micros, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > 31*24*time.Hour {
		return 0, fmt.Errorf("%.40q is not a duration above 0 and up to 744h; write 90s, 5m or 24h", s)
	}
	return schemas.Span(d), nil
}

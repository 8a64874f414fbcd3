package gateway

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// node is an element of a document, XML or JSON alike. An XML attribute is a child named @name. A JSON array repeats
// its name, so an array with one element equals the element. null and an empty list give no node, but nulls and lists
// remember their names.
type node struct {
	name string
	text string
	kids []*node

	nulls, lists []string // names whose value was JSON's null, or an empty list
}

// childNamed returns the first child with the name, or nil. Calls on nil are allowed.
func (n *node) childNamed(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if sameName(k.name, name) {
			return k
		}
	}
	return nil
}

// descend descends by names, or gives nil.
func (n *node) descend(path ...string) *node {
	for _, name := range path {
		n = n.childNamed(name)
	}
	return n
}

// childrenNamed returns every child with the name.
func (n *node) childrenNamed(name string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.kids {
		if sameName(k.name, name) {
			out = append(out, k)
		}
	}
	return out
}

// findFirst returns the first element with the name at any depth, n included, or nil.
func (n *node) findFirst(name string) *node {
	if n == nil || sameName(n.name, name) {
		return n
	}
	for _, k := range n.kids {
		if found := k.findFirst(name); found != nil {
			return found
		}
	}
	return nil
}

// findAll returns the elements with the name at any depth, n included. It does not search inside a found element.
func (n *node) findAll(name string) (found []*node) {
	if n == nil || sameName(n.name, name) {
		if n != nil {
			found = append(found, n)
		}
		return found
	}
	for _, k := range n.kids {
		found = append(found, k.findAll(name)...)
	}
	return found
}

// hasField reports whether a child has the name, empty and null included. Absent and empty differ: without the field a
// message does not belong to the format.
func (n *node) hasField(name string) bool {
	return n.childNamed(name) != nil || n != nil &&
		slices.ContainsFunc(n.nulls, func(s string) bool { return sameName(s, name) })
}

// textAt returns the text at a path, or "". An object with its text in "#text" counts as the text.
func (n *node) textAt(path ...string) string {
	n = n.descend(path...)
	if n == nil {
		return ""
	}
	if n.text == "" {
		if t := n.childNamed("#text"); t != nil {
			return t.text
		}
	}
	return n.text
}

// firstText returns the first non-empty text among the named children.
func (n *node) firstText(names ...string) string {
	for _, name := range names {
		if s := n.textAt(name); s != "" {
			return s
		}
	}
	return ""
}

// holdsFields reports whether a named element holds text only further below: a structure in the place of a text. XML
// attributes count if their name means a value.
func (n *node) holdsFields(names ...string) bool {
	for _, name := range names {
		for _, e := range n.childrenNamed(name) {
			if e.textAt() == "" && slices.ContainsFunc(e.kids, (*node).holdsText) {
				return true
			}
		}
	}
	return false
}

func (n *node) holdsText() bool {
	attribute := strings.HasPrefix(n.name, "@")
	if n.text != "" && (!attribute || slices.Contains([]string{"value", "text", "plate", "number"}, foldWord(n.name))) {
		return true
	}
	return slices.ContainsFunc(n.kids, (*node).holdsText)
}

// sameName compares names without regard to ASCII case, underscores, dashes and @.
func sameName(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && isSkippedInName(a[i]) {
			i++
		}
		for j < len(b) && isSkippedInName(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lowerASCII(a[i]) != lowerASCII(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func isSkippedInName(c byte) bool { return c == '_' || c == '-' || c == '@' }

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// parseXML reads the elements in UTF-8 text: one, or several in a row, each with or without a declaration. Common
// faults in firmware are forgiven: undeclared prefixes, bare ampersands, missing inner end tags, and rubbish behind an
// element. An element without an end is an error; the elements before it are returned with the error.
func parseXML(b []byte, e *effort) (roots []*node, err error) {
	if exceedsText(b) {
		return nil, errTooLong
	}
	d := xml.NewDecoder(&tagReader{b: b})
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // converted before
	var stack []*node
	var texts [][]byte // texts of the elements on the stack
	count := 0
	for {
		tok, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(roots) == 0:
			return nil, errors.New("no element")
		case errors.Is(err, io.EOF):
			return roots, nil
		case err != nil && len(roots) > 0 && !isBound(err) &&
			!beginsElement(b[min(int(d.InputOffset()), len(b)):], len(stack)):
			return roots, nil
		case err != nil:
			return roots, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local}
			for _, a := range t.Attr {
				n.kids = append(n.kids, &node{name: "@" + a.Name.Local, text: strings.TrimSpace(a.Value)})
			}
			if count += 1 + len(t.Attr); count > maxNodes || len(stack) == maxDepth {
				return roots, errTooBig
			}
			for range 1 + len(t.Attr) {
				if err := e.spendValue(); err != nil {
					return roots, err
				}
			}
			if len(stack) > 0 {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			}
			stack, texts = append(stack, n), append(texts, nil)
		case xml.CharData:
			if i := len(stack) - 1; i >= 0 {
				texts[i] = append(texts[i], t...)
			}
		case xml.EndElement:
			i := len(stack) - 1
			n := stack[i]
			n.text = string(bytes.TrimSpace(texts[i]))
			if stack, texts = stack[:i], texts[:i]; i == 0 {
				roots = append(roots, n)
			}
		}
	}
}

// beginsElement reports whether unreadable bytes after an element are another element: they are text, and an element
// is open or begins there. Picture bytes are not.
func beginsElement(rest []byte, open int) bool {
	return !bytes.ContainsAny(rest, "\x00\uFFFD") && (open > 0 || elementStart.Match(rest))
}

var elementStart = regexp.MustCompile(`<[A-Za-z]`)

// splitJSON separates JSON values, and the elements of arrays, up to the bound for an upload.
func splitJSON(b []byte) (out [][]byte, err error) {
	if b[0] == '{' && json.Valid(b) {
		return [][]byte{b}, nil // most uploads: nothing is copied
	}
	in := &textReader{b: b}
	d := json.NewDecoder(in)
	for {
		if lead := bytes.TrimLeft(b[d.InputOffset():], " \t\r\n"); len(lead) > 0 && lead[0] == '[' {
			out, err = splitArray(d, in, out)
		} else {
			out, err = splitValue(d, in, out)
		}
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func splitValue(d *json.Decoder, in *textReader, out [][]byte) ([][]byte, error) {
	if len(out) == maxReads {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return out, err
		}
		return nil, errTooMany
	}
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return out, err
	}
	in.startValue()
	return append(out, raw), nil
}

func splitArray(d *json.Decoder, in *textReader, out [][]byte) ([][]byte, error) {
	if _, err := d.Token(); err != nil { // the bracket
		return nil, err
	}
	if !d.More() {
		return nil, errors.New("the array is empty")
	}
	for d.More() {
		if len(out) == maxReads {
			return nil, errTooMany
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, unexpectedEnd(err)
		}
		in.startValue()
		out = append(out, raw)
	}
	_, err := d.Token() // the bracket
	return out, unexpectedEnd(err)
}

// unexpectedEnd replaces an end of input inside a value by io.ErrUnexpectedEOF.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseJSON reads one JSON value.
func parseJSON(b []byte, e *effort) (*node, error) {
	if exceedsText(b) {
		return nil, errTooLong
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	p := jsonParser{decoder: d, effort: e}
	root := &node{}
	if err := p.addValue(root, "", 0); err != nil {
		return nil, err
	}
	if len(root.kids) == 0 {
		return root, nil // null
	}
	return root.kids[0], nil
}

type jsonParser struct {
	decoder *json.Decoder
	effort  *effort
	count   int
}

// addValue adds the next value to the parent under the name; an array adds every element.
func (p *jsonParser) addValue(parent *node, name string, depth int) error {
	tok, err := p.decoder.Token()
	if err != nil {
		return err
	}
	if p.count++; p.count > maxNodes || depth > maxDepth {
		return errTooBig
	}
	if err := p.effort.spendValue(); err != nil {
		return err
	}
	n := &node{name: name}
	switch t := tok.(type) {
	case nil:
		parent.nulls = append(parent.nulls, name)
		return nil
	case string:
		n.text = strings.TrimSpace(t)
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = strconv.FormatBool(t)
	case json.Delim:
		if t == '[' {
			return p.addArray(parent, name, depth)
		}
		if err := p.addMembers(n, depth); err != nil {
			return err
		}
	}
	parent.kids = append(parent.kids, n)
	return nil
}

func (p *jsonParser) addArray(parent *node, name string, depth int) error {
	if !p.decoder.More() {
		parent.lists = append(parent.lists, name)
	}
	for p.decoder.More() {
		if err := p.addValue(parent, name, depth+1); err != nil {
			return err
		}
	}
	_, err := p.decoder.Token() // the bracket
	return err
}

func (p *jsonParser) addMembers(n *node, depth int) error {
	for p.decoder.More() {
		tok, err := p.decoder.Token()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			panic("BUG: the decoder gave a key that is no string")
		}
		if err := p.addValue(n, key, depth+1); err != nil {
			return err
		}
	}
	_, err := p.decoder.Token() // the brace
	return err
}

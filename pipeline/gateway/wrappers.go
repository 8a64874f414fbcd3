package gateway

import "slices"

// maxWrap is how many levels a relay, a broker or an envelope may put around a message.
const maxWrap = 8

// unwrap finds a vendor's messages below what relays, brokers and envelopes put around them: the topmost elements that
// known takes for a message. Nothing below a message is looked at, so a message that holds another stays one. Without
// any, it returns root, which then answers for itself.
func unwrap(root *node, known func(*node) bool) []*node {
	var out []*node
	var descend func(n *node, depth int)
	descend = func(n *node, depth int) {
		if known(n) {
			out = append(out, n)
			return
		}
		if depth == maxWrap {
			return
		}
		for _, k := range n.kids {
			if len(k.kids) > 0 {
				descend(k, depth+1)
			}
		}
	}
	descend(root, 0)
	if len(out) == 0 {
		return []*node{root}
	}
	return out
}

// hasAny reports whether the element has a child of one of these names, be it empty, but not null.
func (n *node) hasAny(names ...string) bool {
	for _, name := range names {
		if n.child(name) != nil {
			return true
		}
	}
	return false
}

// emptyList reports whether the element has a list of that name without an element.
func (n *node) emptyList(name string) bool {
	return n != nil && slices.ContainsFunc(n.lists, func(s string) bool { return sameName(s, name) })
}

// says reports whether the element names one of these fields at all, with a value, empty or null. What a message does not
// name was not looked for: that is another thing than a field that says nothing.
func (n *node) says(names ...string) bool {
	for _, name := range names {
		if n.has(name) || n.emptyList(name) {
			return true
		}
	}
	return false
}

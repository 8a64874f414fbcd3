package gateway

import "slices"

// maxEnvelopes is how many levels a relay, a broker or an envelope may put around a message.
const maxEnvelopes = 8

// unwrapMessages finds a vendor's messages below what relays, brokers and envelopes put around them: the topmost elements that
// known takes for a message. Nothing below a message is looked at, so a message that holds another stays one. Without
// any, it returns root, which then answers for itself.
func unwrapMessages(root *node, known func(*node) bool) []*node {
	var out []*node
	var descend func(n *node, depth int)
	descend = func(n *node, depth int) {
		if known(n) {
			out = append(out, n)
			return
		}
		if depth == maxEnvelopes {
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

// hasAnyChild reports whether the element has a child of one of these names, be it empty, but not null.
func (n *node) hasAnyChild(names ...string) bool {
	for _, name := range names {
		if n.childNamed(name) != nil {
			return true
		}
	}
	return false
}

// hasEmptyList reports whether the element has a list of that name without an element.
func (n *node) hasEmptyList(name string) bool {
	return n != nil && slices.ContainsFunc(n.lists, func(s string) bool { return sameName(s, name) })
}

// mentionsAny reports whether the element names one of these fields at all, with a value, empty or null. What a message does not
// name was not looked for: that is another thing than a field that says nothing.
func (n *node) mentionsAny(names ...string) bool {
	for _, name := range names {
		if n.hasField(name) || n.hasEmptyList(name) {
			return true
		}
	}
	return false
}

package gateway

import "slices"

// maxEnvelopes is how many levels a relay, a broker or an envelope may put around a message.
const maxEnvelopes = 8

// unwrapMessages finds a vendor's messages inside the envelopes of relays and brokers: the topmost elements accepted
// by known. The search ends at a message, so a message inside a message is not split off. Without a message the root
// is returned and answers for itself.
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

// hasAnyChild reports whether the element has a child with any of the names, empty ones included, null excluded.
func (n *node) hasAnyChild(names ...string) bool {
	for _, name := range names {
		if n.childNamed(name) != nil {
			return true
		}
	}
	return false
}

// hasEmptyList reports whether the element has an empty list under the name.
func (n *node) hasEmptyList(name string) bool {
	return n != nil && slices.ContainsFunc(n.lists, func(s string) bool { return sameName(s, name) })
}

// mentionsAny reports whether the element mentions any of the names: with a value, empty, or null. An absent field was
// not looked for; an empty field was looked for without result.
func (n *node) mentionsAny(names ...string) bool {
	for _, name := range names {
		if n.hasField(name) || n.hasEmptyList(name) {
			return true
		}
	}
	return false
}

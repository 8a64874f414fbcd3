package reference

import "runtime"

// arena is memory outside the garbage collector: the collector neither scans it nor counts it for its next goal. The
// contents may hold no pointers.
type arena struct {
	b    []byte
	free func([]byte)
	end  runtime.Cleanup
	tied bool
}

// freeWith frees the memory when owner is no longer referenced. Every reader of the memory keeps the owner alive.
func freeWith[T any](owner *T, m *arena) {
	if m.free != nil && len(m.b) > 0 {
		m.end, m.tied = runtime.AddCleanup(owner, m.free, m.b), true
	}
}

// freeNow frees the memory now. Nothing may refer to it.
func (m *arena) freeNow() {
	if m.tied {
		m.end.Stop()
	}
	if m.free != nil && len(m.b) > 0 {
		m.free(m.b)
	}
	*m = arena{}
}

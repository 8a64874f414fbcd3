package reference

import "runtime"

// arena is memory outside the garbage collector: it is neither scanned nor counted when the collector sets its next goal.
// Its contents may hold no pointers.
type arena struct {
	b    []byte
	free func([]byte)
	end  runtime.Cleanup
	tied bool
}

// freeWith gives the memory back when owner is no longer referred to. Whoever reads the memory keeps the owner alive.
func freeWith[T any](owner *T, m *arena) {
	if m.free != nil && len(m.b) > 0 {
		m.end, m.tied = runtime.AddCleanup(owner, m.free, m.b), true
	}
}

// freeNow gives the memory back now. Nothing may refer to it.
func (m *arena) freeNow() {
	if m.tied {
		m.end.Stop()
	}
	if m.free != nil && len(m.b) > 0 {
		m.free(m.b)
	}
	*m = arena{}
}

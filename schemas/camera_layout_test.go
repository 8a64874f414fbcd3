package schemas

import (
	"testing"
	"unsafe"
)

func TestACameraBeginsAtACacheLine(t *testing.T) {
	if n := unsafe.Sizeof(Camera{}); n != 256 {
		t.Errorf("a Camera has %d bytes, want 256: a size of the allocator that is whole cache lines", n)
	}
	if n := unsafe.Offsetof(Camera{}.Site); n != 64 {
		t.Errorf("the first cache line ends with the field at %d, want 64", n)
	}
}

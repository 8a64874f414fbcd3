//go:build unix

package reference

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

func unmapMemory(b []byte) { _ = unix.Munmap(b) } // fails only for memory which is not mapped

// newArena returns n zero bytes, on 2 MB pages where the kernel has them: a random look-up then seldom misses the TLB
// too.
func newArena(n int) (*arena, error) {
	if n == 0 {
		return &arena{}, nil
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes: %w", n, err)
	}
	if n >= 2*hugePage {
		adviseHugePages(b)
	}
	return &arena{b: b, free: unmapMemory}, nil
}

// adviseHugePages asks for 2 MB pages for the whole pages in b. Refused advice costs only speed.
func adviseHugePages(b []byte) {
	skip := int((hugePage - uintptr(unsafe.Pointer(unsafe.SliceData(b)))%hugePage) % hugePage)
	whole := (len(b) - skip) / hugePage * hugePage
	if whole > 0 {
		_ = unix.Madvise(b[skip:skip+whole], adviceHugePage)
	}
}

// mapFile maps a whole file for reading.
func mapFile(f *os.File, size int) (*arena, error) {
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	return &arena{b: b, free: unmapMemory}, nil
}

package dedup

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// adviseHugePages asks the kernel for 2 MB pages behind a big table without pointers, before first use. Random reads
// then rarely miss the TLB. Without huge pages, only speed is lost.
func adviseHugePages[T any](s []T) {
	var z T
	size := uintptr(len(s)) * unsafe.Sizeof(z)
	if size < 2*hugePage {
		return
	}
	first := unsafe.SliceData(s)
	skip := (hugePage - uintptr(unsafe.Pointer(first))%hugePage) % hugePage
	whole := (size - skip) / hugePage * hugePage
	b := unsafe.Slice((*byte)(unsafe.Pointer(first)), size)[skip : skip+whole]
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // advice only
}

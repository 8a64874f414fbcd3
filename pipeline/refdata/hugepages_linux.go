package refdata

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// adviseHugePages asks for 2 MB pages behind a big table that is read at random, before it is first touched: a look-up
// then rarely misses the TLB too. It is advice: where the kernel does not take it, nothing but speed is lost.
func adviseHugePages(slots []vehicleRecord) {
	size := uintptr(len(slots)) * unsafe.Sizeof(vehicleRecord{})
	if size < 2*hugePage {
		return
	}
	first := unsafe.SliceData(slots)
	skip := (hugePage - uintptr(unsafe.Pointer(first))%hugePage) % hugePage
	whole := (size - skip) / hugePage * hugePage
	b := unsafe.Slice((*byte)(unsafe.Pointer(first)), size)[skip : skip+whole]
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // advice only
}

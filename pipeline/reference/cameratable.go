package reference

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// cameraTable finds the cameras in a registry version, by id and by number. A slot holds most ids whole, so a look-up
// costs one cache miss instead of a walk through a map, the entry and the id. It is built once a version and
// immutable.
type cameraTable struct {
	slots    []cameraSlot // open addressing, at most half full; the length is a power of two
	byNumber []*schemas.Camera
}

// cameraSlot is a camera. An id longer than the field is compared in the entry.
type cameraSlot struct {
	cam *schemas.Camera // nil = free
	n   uint8           // bytes of the id
	id  [23]byte
}

func newCameraTable(cameras []*schemas.Camera) cameraTable {
	size, most := 2, uint32(0)
	for size < 2*len(cameras) {
		size *= 2
	}
	for _, c := range cameras {
		most = max(most, c.Number)
	}
	t := cameraTable{slots: make([]cameraSlot, size), byNumber: make([]*schemas.Camera, most+1)}
	for _, c := range cameras {
		s := t.slotOf(c.ID)
		s.cam, s.n = c, uint8(len(c.ID))
		copy(s.id[:], c.ID)
		t.byNumber[c.Number] = c
	}
	return t
}

// slotOf returns the camera's slot, or the free slot for it.
func (t *cameraTable) slotOf(id string) *cameraSlot {
	mask := uint64(len(t.slots) - 1)
	for i := cameraHash(id) & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.cam == nil || s.hasID(id) {
			return s
		}
	}
}

func (s *cameraSlot) hasID(id string) bool {
	if int(s.n) != len(id) {
		return false
	}
	if len(id) <= len(s.id) {
		return string(s.id[:s.n]) == id
	}
	return s.cam.ID == id
}

// cameraHash mixes an id's first eight and last eight bytes; in a short id they overlap.
func cameraHash(id string) uint64 {
	b := unsafe.Slice(unsafe.StringData(id), len(id))
	var first, last uint64
	if n := len(b); n >= 8 {
		first, last = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	} else {
		for _, c := range b {
			last = last<<8 | uint64(c)
		}
	}
	h, l := bits.Mul64(first^0x9e3779b97f4a7c15, last^0xbf58476d1ce4e5b9)
	return h ^ l
}

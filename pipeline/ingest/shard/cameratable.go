package shard

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// cameraTable keeps what admission asks of the cameras that were met, one cache line each, so that a read costs one cache
// miss there, and one that can be had ahead, instead of a walk through a map, the registry's entry and its id. It belongs
// to one version of the registry, by name: to keep the registry itself would keep an old one in memory while a partition
// is idle. It holds at most the cameras of the registry.
type cameraTable struct {
	version string
	slots   []cameraSlot // open addressing, at most half full; the length is a power of two
	n       int
	numbers []*schemas.Camera // by number; nil = not met
}

// cameraSlot is one camera. An id that is longer than id is compared in the registry's entry. number is that of the passages' memory.
type cameraSlot struct {
	cam      *schemas.Camera // nil = free
	site     uint64
	from, to schemas.Micros // validity, as in Camera
	lateness schemas.Micros // allowed
	number   int32
	n        uint8 // bytes of the id
	id       [19]byte
}

var _ [64]byte = [unsafe.Sizeof(cameraSlot{})]byte{}

const cameraSlotsStart = 256

// resetFor makes the table one of this version.
func (t *cameraTable) resetFor(version string) {
	if t.slots == nil || t.version != version {
		*t = cameraTable{version: version, slots: make([]cameraSlot, cameraSlotsStart)}
	}
}

func newCameraSlot(c *schemas.Camera, number int32) *cameraSlot {
	s := &cameraSlot{cam: c, number: number, site: c.SiteHash, from: c.ValidFrom, to: c.ValidTo, lateness: c.AllowedLateness, n: uint8(len(c.ID))}
	copy(s.id[:], c.ID)
	return s
}

// slotOf returns where the camera is, or the free slot where it belongs.
func (t *cameraTable) slotOf(hash uint64, id string) *cameraSlot {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.cam == nil || s.is(id) {
			return s
		}
	}
}

func (s *cameraSlot) is(id string) bool {
	if int(s.n) != len(id) {
		return false
	}
	if len(id) <= len(s.id) {
		return string(s.id[:s.n]) == id
	}
	return s.cam.ID == id
}

// add puts a camera into a free slot and returns where it is then.
func (t *cameraTable) add(s *cameraSlot, hash uint64, c *schemas.Camera, number int32) *cameraSlot {
	*s = *newCameraSlot(c, number)
	if n := int(number) + 1; n > len(t.numbers) {
		t.numbers = append(t.numbers, make([]*schemas.Camera, n-len(t.numbers))...)
	}
	t.numbers[number] = c
	if t.n++; 2*t.n <= len(t.slots) {
		return s
	}
	old := t.slots
	t.slots = make([]cameraSlot, 2*len(old))
	for i := range old {
		if o := &old[i]; o.cam != nil {
			*t.slotOf(cameraHash(o.cam.ID), o.cam.ID) = *o
		}
	}
	return t.slotOf(hash, c.ID)
}

// lookup finds a camera of the versions in use by its id, which may alias a record, and the id's hash; nil when there is none.
func (s *Shard) lookup(id string, hash uint64) *cameraSlot {
	at := s.cameras.slotOf(hash, id)
	if at.cam != nil {
		return at
	}
	if len(id) > schemas.MaxCameraID {
		return nil
	}
	c, ok := s.versions.Reference.Camera(id)
	if !ok || c.ID != id { // one camera has one name: table and sink rely on it
		return nil
	}
	return s.cameras.add(at, hash, c, s.passages.Camera(id))
}

// camera finds a camera of the versions in use by its id.
func (s *Shard) camera(id string) (*schemas.Camera, bool) {
	if at := s.lookup(id, cameraHash(id)); at != nil {
		return at.cam, true
	}
	return nil, false
}

// numbered finds a camera of the versions in use by its number, or else by its id.
func (s *Shard) numbered(number int32, id string) (*schemas.Camera, bool) {
	if t := &s.cameras; int(number) < len(t.numbers) && t.numbers[number] != nil {
		return t.numbers[number], true
	}
	return s.camera(id)
}

// prefetch loads the slot a look-up begins at. The result has no meaning.
func (t *cameraTable) prefetch(hash uint64) uint64 { return t.slots[hash&uint64(len(t.slots)-1)].site }

// cameraHash mixes the first eight and the last eight bytes of an id; they overlap in a short one.
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

package pipeline

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// cameraSlots is a power of two above the number of cameras of a large country.
const cameraSlots = 1 << 14

// cameraCache keeps the cameras that were asked for, so that a look-up by id is one hash of a few bytes and one
// comparison. It belongs to one version of the registry, by name: to keep the registry itself would keep an old one in
// memory while a partition is idle.
type cameraCache struct {
	version string
	slots   []*schemas.Camera
}

// of makes the cache one of this version.
func (c *cameraCache) of(version string) {
	switch {
	case c.slots == nil:
		c.slots = make([]*schemas.Camera, cameraSlots)
	case c.version != version:
		clear(c.slots)
	}
	c.version = version
}

// camera finds a camera in the registry of the world in use; the id may alias a record.
func (s *Shard) camera(id string) (*schemas.Camera, bool) {
	p := &s.cameras.slots[cameraHash(id)&(cameraSlots-1)]
	if c := *p; c != nil && c.ID == id {
		return c, true
	}
	c, ok := s.world.Registry.Camera(id)
	if ok {
		*p = c
	}
	return c, ok
}

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

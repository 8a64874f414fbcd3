package sink

import (
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// places are the columns that say where a row was made: the camera, and what the registry says of it at the time of capture.
type places struct {
	camera, site, zone lowCol
	municipality       fixedCol

	known []known // by index in the registry
	block uint32  // counts the blocks that these columns were used for
}

// known is where a camera's names stand in the dictionaries of one block. A registry entry is immutable, so one that was met
// in this block needs no look-up, and its strings are not read.
type known struct {
	cam                uintptr // of the entry, which lives as long as the block's world; not a pointer, or old registries would be kept
	block              uint32
	camera, site, zone uint32
	loaned             bool // then the zone depends on the time
}

// maxKnown bounds the indexes that known takes.
const maxKnown = 1 << 16

func newPlaces() places { return places{municipality: u32Col(), block: 1} }

func (p *places) cameraCol() proto.InputColumn {
	return proto.InputColumn{Name: "camera_id", Data: &p.camera}
}

func (p *places) siteCol() proto.InputColumn { return proto.InputColumn{Name: "site", Data: &p.site} }

func (p *places) zoneCol() proto.InputColumn { return proto.InputColumn{Name: "zone", Data: &p.zone} }

func (p *places) municipalityCol() proto.InputColumn {
	return proto.InputColumn{Name: "municipality", Data: &p.municipality}
}

// forget is for a block that begins anew.
func (p *places) forget() {
	if p.block++; p.block == 0 { // after 4 billion blocks
		clear(p.known)
		p.block = 1
	}
}

// add appends the camera of that id, and cam, its entry, which is nil when it left the registry: then the rest is empty.
func (p *places) add(id []byte, cam *schemas.Camera, at schemas.Micros) {
	if cam == nil {
		p.camera.bytes(id)
		p.site.bytes(nil)
		p.zone.bytes(nil)
		p.municipality.u32(0)
		return
	}
	p.municipality.u32(cam.Municipality)
	if int(cam.Index) < len(p.known) {
		if k := &p.known[cam.Index]; k.block == p.block && k.cam == uintptr(unsafe.Pointer(cam)) {
			p.camera.append(k.camera)
			p.site.append(k.site)
			if !k.loaned {
				p.zone.append(k.zone)
				return
			}
			p.zone.str(cam.ZoneAt(at))
			return
		}
	}
	p.meet(id, cam, at)
}

// touch loads what add is going to need of the cameras, for many in a loop: their cache misses overlap. It changes nothing.
//
//go:noinline
func (p *places) touch(cams []*schemas.Camera) (loaded uint64) {
	for _, c := range cams {
		if int(c.Index) >= len(p.known) {
			continue
		}
		if k := &p.known[c.Index]; k.block != p.block && len(c.Site) > 0 { // its names are going to be read
			loaded += uint64(c.Site[0])
		}
	}
	return loaded
}

// meet is add for a camera that is new to the block.
func (p *places) meet(id []byte, cam *schemas.Camera, at schemas.Micros) {
	p.camera.append(p.camera.key(id)) // too many to be among those met lately
	p.site.append(p.site.key(view(cam.Site)))
	p.zone.str(cam.ZoneAt(at))
	if cam.Index >= maxKnown {
		return
	}
	if n := int(cam.Index) + 1; n > len(p.known) {
		p.known = append(p.known, make([]known, n-len(p.known))...)
	}
	p.known[cam.Index] = known{
		cam: uintptr(unsafe.Pointer(cam)), block: p.block, camera: p.camera.last, site: p.site.last, zone: p.zone.last, loaned: len(cam.Loans) > 0,
	}
}

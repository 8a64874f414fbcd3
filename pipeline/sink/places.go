package sink

import (
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// places are the columns that say where a row was made: the camera, and what the registry says of it at the time of capture.
type places struct {
	camera, site, zone lowCol
	municipality       fixedCol

	known []known // by index in the registry
}

// known is where a camera's names stand in the dictionaries of this block. A registry entry is immutable, so one that was met
// in this block needs no look-up.
type known struct {
	cam                *schemas.Camera
	camera, site, zone uint32
}

// maxKnown bounds the indexes that known takes.
const maxKnown = 1 << 16

func newPlaces() places { return places{municipality: u32Col()} }

func (p *places) cameraCol() proto.InputColumn {
	return proto.InputColumn{Name: "camera_id", Data: &p.camera}
}

func (p *places) siteCol() proto.InputColumn { return proto.InputColumn{Name: "site", Data: &p.site} }

func (p *places) zoneCol() proto.InputColumn { return proto.InputColumn{Name: "zone", Data: &p.zone} }

func (p *places) municipalityCol() proto.InputColumn {
	return proto.InputColumn{Name: "municipality", Data: &p.municipality}
}

// forget is for a block that begins anew: cameras of an old registry must not be kept.
func (p *places) forget() { clear(p.known) }

// add appends the camera of that id, and cam, which is nil when it left the registry: then the rest is empty.
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
		if k := &p.known[cam.Index]; k.cam == cam && string(id) == cam.ID {
			p.camera.append(k.camera)
			p.site.append(k.site)
			if len(cam.Loans) == 0 {
				p.zone.append(k.zone)
				return
			}
			p.zone.str(cam.ZoneAt(at))
			return
		}
	}
	p.meet(id, cam, at)
}

// meet is add for a camera that is new to the block.
func (p *places) meet(id []byte, cam *schemas.Camera, at schemas.Micros) {
	p.camera.bytes(id)
	p.site.str(cam.Site)
	p.zone.str(cam.ZoneAt(at))
	if cam.Index >= maxKnown || string(id) != cam.ID {
		return
	}
	if n := int(cam.Index) + 1; n > len(p.known) {
		p.known = append(p.known, make([]known, n-len(p.known))...)
	}
	p.known[cam.Index] = known{cam: cam, camera: p.camera.last, site: p.site.last, zone: p.zone.last}
}

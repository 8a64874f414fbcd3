package sink

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// places are the columns that say where a row was made: the camera, and what the registry says of it at the time of capture.
type places struct {
	camera, site, zone lowCol
	municipality       fixedCol

	known []known // by camera number, of one version of the reference data
}

// known is where a camera's names stand in the dictionaries. A registry entry is immutable, so one that was met costs no look-up, and its
// strings are not read.
type known struct {
	camera, site, zone uint32 // numbers
	municipality       uint32
	era                uint32 // of the numbers; 0 = not met
	loaned             bool   // then the zone depends on the time
}

// maxKnown bounds the numbers that known takes.
const maxKnown = 1 << 16

func newPlaces() places { return places{municipality: u32Col()} }

// add appends the camera of that id, and cam, its entry, which is nil when it left the registry: then the rest is empty.
func (p *places) add(id string, cam *schemas.Camera, at schemas.Micros) {
	if cam == nil {
		p.camera.str(id)
		p.site.bytes(nil)
		p.zone.bytes(nil)
		p.municipality.u32(0)
		return
	}
	if int(cam.Number) >= len(p.known) {
		p.meet(id, cam, at)
		return
	}
	k := &p.known[cam.Number]
	if k.era != p.era() {
		p.meet(id, cam, at)
		return
	}
	p.municipality.u32(k.municipality)
	p.camera.append(k.camera)
	p.site.append(k.site)
	if !k.loaned {
		p.zone.append(k.zone)
		return
	}
	p.zone.str(cam.ZoneAt(at))
}

// era changes when numbers of names were forgotten. It is never that of a free place of known.
func (p *places) era() uint32 { return 1 + p.camera.era + p.site.era + p.zone.era }

// prefetchReads loads memory that add is going to need for the rows, many in a loop, so that their cache misses overlap. It changes nothing.
//
//go:noinline
func (p *places) prefetchReads(rows []shard.ReadRow) (loaded uint64) {
	for i := range rows {
		if n := int(rows[i].Camera.Number); n < len(p.known) {
			loaded += uint64(p.known[n].era)
		}
	}
	return loaded
}

// prefetchPassages is prefetchReads for passages.
//
//go:noinline
func (p *places) prefetchPassages(rows []shard.PassageRow) (loaded uint64) {
	for i := range rows {
		if c := rows[i].Camera; c != nil && int(c.Number) < len(p.known) {
			loaded += uint64(p.known[c.Number].era)
		}
	}
	return loaded
}

// meet is add for a camera that was not met since its registry came into use.
func (p *places) meet(id string, cam *schemas.Camera, at schemas.Micros) {
	k := known{
		era: p.era(), municipality: cam.Municipality, loaned: len(cam.Loans) > 0,
		camera: p.camera.number(view(id)), site: p.site.number(view(cam.Site)), zone: p.zone.number(view(cam.ZoneAt(at))),
	}
	p.camera.append(k.camera)
	p.site.append(k.site)
	p.zone.append(k.zone)
	p.municipality.u32(cam.Municipality)
	if cam.Number == 0 || cam.Number >= maxKnown { // 0: nobody numbered it
		return
	}
	if n := int(cam.Number) + 1; n > len(p.known) {
		p.known = append(p.known, make([]known, n-len(p.known))...)
	}
	p.known[cam.Number] = k
}

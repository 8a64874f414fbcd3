package sink

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// cameraColumns are the columns for the camera, and for its site, zone and municipality at the time of capture.
type cameraColumns struct {
	camera, site, zone lowCol
	municipality       fixedCol

	keysByNumber []cameraKeys // by camera number, for a single reference data version
}

// cameraKeys are the dictionary numbers for a camera's names. A registry entry is immutable, so a known camera costs
// no look-up, and its strings are not read.
type cameraKeys struct {
	camera, site, zone uint32 // dictionary numbers
	municipality       uint32
	generation         uint32 // of the dictionaries when the numbers were made; 0 = unknown camera
	loaned             bool   // the zone depends on the capture time
}

// maxCameraKeys bounds the camera numbers whose keys are kept.
const maxCameraKeys = 1 << 16

func newCameraColumns() cameraColumns { return cameraColumns{municipality: u32Col()} }

// appendCamera appends the camera id and the site, zone and municipality. These are empty when cam, the entry, is nil
// because the camera left the registry.
func (p *cameraColumns) appendCamera(id string, cam *schemas.Camera, at schemas.Micros) {
	if cam == nil {
		p.camera.appendText(id)
		p.site.appendBytes(nil)
		p.zone.appendBytes(nil)
		p.municipality.appendU32(0)
		return
	}
	if int(cam.Number) >= len(p.keysByNumber) {
		p.learnCamera(id, cam, at)
		return
	}
	k := &p.keysByNumber[cam.Number]
	if k.generation != p.dictGeneration() {
		p.learnCamera(id, cam, at)
		return
	}
	p.municipality.appendU32(k.municipality)
	p.camera.appendNumber(k.camera)
	p.site.appendNumber(k.site)
	if !k.loaned {
		p.zone.appendNumber(k.zone)
		return
	}
	p.zone.appendText(cam.ZoneAt(at))
}

// dictGeneration changes when a dictionary drops its numbers. It is never 0, the value for an unknown camera.
func (p *cameraColumns) dictGeneration() uint32 {
	return 1 + p.camera.generation + p.site.generation + p.zone.generation
}

// prefetchReads loads the memory needed by appendCamera for the rows, all in a single loop, so the cache misses
// overlap. It changes nothing.
//
//go:noinline
func (p *cameraColumns) prefetchReads(rows []shard.ReadRow) (loaded uint64) {
	for i := range rows {
		if n := int(rows[i].Camera.Number); n < len(p.keysByNumber) {
			loaded += uint64(p.keysByNumber[n].generation)
		}
	}
	return loaded
}

// prefetchPassages does the same for passage rows.
//
//go:noinline
func (p *cameraColumns) prefetchPassages(rows []shard.PassageRow) (loaded uint64) {
	for i := range rows {
		if c := rows[i].Camera; c != nil && int(c.Number) < len(p.keysByNumber) {
			loaded += uint64(p.keysByNumber[c.Number].generation)
		}
	}
	return loaded
}

// learnCamera appends a camera without known keys in this reference data version, and keeps the keys.
func (p *cameraColumns) learnCamera(id string, cam *schemas.Camera, at schemas.Micros) {
	k := cameraKeys{
		generation: p.dictGeneration(), municipality: cam.Municipality, loaned: len(cam.Loans) > 0,
		camera: p.camera.intern(viewBytes(id)), site: p.site.intern(viewBytes(cam.Site)), zone: p.zone.intern(viewBytes(cam.ZoneAt(at))),
	}
	p.camera.appendNumber(k.camera)
	p.site.appendNumber(k.site)
	p.zone.appendNumber(k.zone)
	p.municipality.appendU32(cam.Municipality)
	if cam.Number == 0 || cam.Number >= maxCameraKeys { // 0: a camera without a number
		return
	}
	if n := int(cam.Number) + 1; n > len(p.keysByNumber) {
		p.keysByNumber = append(p.keysByNumber, make([]cameraKeys, n-len(p.keysByNumber))...)
	}
	p.keysByNumber[cam.Number] = k
}

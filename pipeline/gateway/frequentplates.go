package gateway

import (
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// frequentPlates watches for plates sent by one camera more often than any vehicle can pass. Causes are an unknown
// vendor word for "no plate", a sign or parked vehicle in view, or a camera in test. The watch finds new such words by
// itself. The reads are kept and marked, never refused: the operator decides. Safe for concurrent use.
//
// It counts appearances. A plate seen again within appearanceGap, without another plate on the lane in between, is the
// same vehicle still in view. For every camera it remembers the most frequent plates, by the space-saving algorithm. A
// newcomer begins with the count of the plate it replaces, and less takes this error off before the comparison with
// maxAppearances. So no plate is accused for reads of others. The counts restart every hour, and a restart forgets
// them.
type frequentPlates struct {
	mu   sync.Mutex // guards the fields below
	cams map[string]*cameraPlates
}

const (
	maxPlateCounters = 64 // remembered for a camera
	appearanceGap    = 10 * schemas.Second
	maxCountedDelay  = 10 * schemas.Minute // a read with more delay is from a backlog of many hours
	maxAppearances   = 60                  // within an hour: no vehicle goes round a block faster
)

// cameraPlates counts the plates of a camera.
type cameraPlates struct {
	hour     schemas.Micros // hour being counted
	plates   []plateCounter
	last     [schemas.MaxLane + 1]schemas.Plate // latest plate on each lane
	reported schemas.Micros                     // when the log last named the camera
}

type plateCounter struct {
	plate       schemas.Plate
	seen        schemas.Micros // capture of the latest appearance
	count, less int            // appearances, and the share perhaps due to another plate
}

// countAppearance counts an acknowledged read and reports whether the plate comes too often. report asks the caller to
// name the camera in the log, at most once an hour.
func (o *frequentPlates) countAppearance(camera string, plate schemas.Plate, lane uint32, captured,
	received schemas.Micros,
) (tooOften, report bool) {
	if late := received - captured; late > maxCountedDelay || lane > schemas.MaxLane {
		return false, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cams == nil {
		o.cams = map[string]*cameraPlates{}
	}
	k := o.cams[camera]
	if k == nil {
		k = &cameraPlates{}
		o.cams[camera] = k
	}
	if hour := received / schemas.Hour; hour != k.hour {
		k.hour, k.plates = hour, k.plates[:0]
	}
	e := k.counterOf(plate)
	alone := k.last[lane] == plate
	k.last[lane] = plate
	if apart := captured - e.seen; e.count == e.less || apart != 0 && !alone || apart > appearanceGap ||
		apart < -appearanceGap {
		e.count++
		e.seen = captured
	}
	if e.count-e.less < maxAppearances {
		return false, false
	}
	report = k.reported == 0 || received-k.reported >= schemas.Hour
	if report {
		k.reported = received
	}
	return true, report
}

// counterOf returns the counter of a plate, or takes over the smallest counter.
func (k *cameraPlates) counterOf(plate schemas.Plate) *plateCounter {
	least := 0
	for i := range k.plates {
		if k.plates[i].plate == plate {
			return &k.plates[i]
		}
		if k.plates[i].count < k.plates[least].count {
			least = i
		}
	}
	if len(k.plates) < maxPlateCounters {
		k.plates = append(k.plates, plateCounter{plate: plate})
		return &k.plates[len(k.plates)-1]
	}
	e := &k.plates[least]
	*e = plateCounter{plate: plate, count: e.count, less: e.count}
	return e
}

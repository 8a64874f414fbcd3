package gateway

import (
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// frequentPlates watches for plates that one camera sends more often than any vehicle can pass it: a word of the vendor for "no
// plate" that nobody knew, a sign or a parked vehicle in view, a camera in test. It finds the next such word by itself.
// The reads are kept and noted, never refused for it: the operator decides. Safe for concurrent use.
//
// It counts appearances: a plate that comes again within oftenApart, with no other plate of the lane in between, is the
// same vehicle in view. Of each camera it remembers the plates that come most (the space-saving algorithm: what replaces
// another begins with its count, as an error that is taken off again before the bar is applied, so a plate is never
// accused for the reads of others). The counts begin anew every hour. It is forgotten at a restart.
type frequentPlates struct {
	mu   sync.Mutex // guards what follows
	cams map[string]*cameraPlates
}

const (
	maxPlateCounters = 64 // remembered of one camera
	appearanceGap    = 10 * schemas.Second
	maxCountedDelay  = 10 * schemas.Minute // beyond it a read is part of a backlog: many hours of it may come within one
	maxAppearances   = 60                  // appearances within an hour: one a minute, and no vehicle goes round a block faster
)

// cameraPlates is what is known of one camera.
type cameraPlates struct {
	hour     schemas.Micros // that is counted
	plates   []plateCounter
	last     [schemas.MaxLane + 1]schemas.Plate // the latest plate of each lane
	reported schemas.Micros                     // when the log last named the camera
}

type plateCounter struct {
	plate       schemas.Plate
	seen        schemas.Micros // capture of the latest appearance
	count, less int            // appearances, and how many of them may be another plate's
}

// countAppearance counts an acknowledged read and reports whether its plate comes too often. report says that the log is to name
// the camera: once an hour.
func (o *frequentPlates) countAppearance(camera string, plate schemas.Plate, lane uint32, captured, received schemas.Micros) (tooOften, report bool) {
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
	if apart := captured - e.seen; e.count == e.less || apart != 0 && !alone || apart > appearanceGap || apart < -appearanceGap {
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

// counterOf finds the counter of a plate, or takes over the one that counts least.
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

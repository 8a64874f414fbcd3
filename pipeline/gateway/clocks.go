package gateway

import (
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// clockWatch watches the clocks of the cameras. The gateway does this and not the pipeline, because it sees all reads of a
// camera in the order of receipt, while a partition sees a few of them an hour; and what it finds travels on the record, so
// that a replay finds the same. What it knows is forgotten at a restart, which makes it lenient for a minute, not wrong.
//
// A read that arrives late was either kept in a buffer or stamped by a clock that is behind. A buffer explains it when
// the camera was silent since the capture (the link was down); then its backlog drains: the delay changes faster than time
// passes. A clock that is behind explains a late read of a camera that was heard in the meantime, and a delay that stays
// the same. Reads that the camera itself declares late are only judged where they were captured after receipt. A time that
// cannot be at all is replaced before (stamp.capture). Safe for concurrent use.
type clockWatch struct {
	mu   sync.Mutex // guards what follows
	cams map[string]*cameraClock

	reported map[string]schemas.Micros // when the log last named a camera
}

// cameraClock is what is known of one camera. Times are of receipt.
type cameraClock struct {
	heard           schemas.Micros // last receipt; 0 = none since the start
	silent, resumed schemas.Micros // the latest silence; silent 0 = since before the start
	draining        bool           // a backlog of that silence may still come
	drained         schemas.Micros // last sign of the backlog of that silence
	backlog         schemas.Micros // first receipt of the present run of late reads, 0 = none
	delay           schemas.Micros // of that read
	late            int            // late reads of the run
}

const (
	clockAheadOf = 2 * schemas.Second  // a capture this much after receipt: ahead, whatever else
	clockFresh   = 30 * schemas.Second // a read not later than this is live: no link is that slow for long
	clockProof   = schemas.Minute      // how long a delay must stay the same before the clock is blamed
	clockReads   = 10                  // and over how many reads
	clockDrained = 10 * schemas.Minute // without a late read a backlog is over
)

// isSuspect judges a read captured and received then, which the camera declared late or not. It changes nothing: the read
// may have to be sent again.
func (c *clockWatch) isSuspect(camera string, captured, received schemas.Micros, declared bool) bool {
	delay := received - captured
	switch {
	case delay < -clockAheadOf:
		return true
	case delay <= clockFresh, declared:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.cams[camera]
	if k == nil {
		return false // first read since the start: it may come from a buffer
	}
	silent, resumed, draining := k.silent, k.resumed, k.draining
	if received-k.heard > clockFresh {
		silent, resumed, draining = k.heard, received, true
	}
	if !draining || captured < silent-clockFresh || captured > resumed+clockFresh {
		return true // it was heard since then: this does not come from a buffer
	}
	elapsed := received - k.backlog
	if k.backlog == 0 || elapsed < clockProof || k.late < clockReads {
		return false
	}
	change := max(delay-k.delay, k.delay-delay)
	return change < elapsed/2 // a buffer would drain
}

// recordRead remembers an acknowledged read.
func (c *clockWatch) recordRead(camera string, captured, received schemas.Micros) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cams == nil {
		c.cams = map[string]*cameraClock{}
	}
	k := c.cams[camera]
	if k == nil {
		k = &cameraClock{resumed: received, heard: received, draining: true}
		c.cams[camera] = k
	}
	if received-k.heard > clockFresh {
		k.silent, k.resumed, k.drained, k.draining = k.heard, received, received, true
	}
	k.heard = max(k.heard, received)
	delay := received - captured
	switch {
	case delay <= clockFresh: // live: whatever is late beside it has another cause
		k.backlog, k.late = 0, 0
		if k.silent == 0 || received-k.drained > clockDrained {
			k.draining = false
		}
	case k.backlog == 0:
		k.backlog, k.delay, k.late, k.drained = received, delay, 1, received
	default:
		k.late++
		k.drained = received
	}
}

// claimReport says whether a suspicion of the camera is to be logged: one an hour at most.
func (c *clockWatch) claimReport(camera string, received schemas.Micros) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reported == nil {
		c.reported = map[string]schemas.Micros{}
	}
	if last, ok := c.reported[camera]; ok && received-last < schemas.Hour {
		return false
	}
	c.reported[camera] = received
	return true
}

// recordClocks remembers the reads of an upload that the broker has, and tells the operator of clocks not to be trusted.
func (g *Gateway) recordClocks(u *upload, events []*CameraEvent) {
	for _, ev := range events {
		if ev.Err != nil || ev.Ignored != "" || ev.joined {
			continue
		}
		stated := schemas.Micros(ev.Read.CapturedAtUs)
		switch {
		case ev.timeless:
			g.reportTimeless(u, ev)
			continue
		case !ev.Read.LateUpload:
			g.clocks.recordRead(ev.camera.ID, stated, u.received)
		}
		if ev.Read.ClockSuspect && g.clocks.claimReport(ev.camera.ID, u.received) {
			g.log.Warn().Str("camera", ev.camera.ID).Stringer("clock_says", stated).Stringer("received", u.received).
				Msg("the camera's clock is not to be trusted: its reads are kept, offences on them are held; repair its time synchronisation")
		}
	}
}

// reportTimeless tells the operator of a camera that says no time, or one that cannot be.
func (g *Gateway) reportTimeless(u *upload, ev *CameraEvent) {
	if !g.clocks.claimReport(ev.camera.ID, u.received) {
		return
	}
	said := "nothing"
	if ev.stated.zone != zoneNone {
		said = ev.stated.instant().String()
	}
	g.log.Warn().Str("camera", ev.camera.ID).Str("said", said).
		Msg("the camera says no time of capture that can be: its reads count at the time of receipt, offences on them are held; set its clock")
}

// markFrequentPlates marks the reads of a plate that the camera sends too often, and names the camera to the operator. The log
// holds no plate: the read id leads to it, for who may look it up.
func (g *Gateway) markFrequentPlates(u *upload, events []*CameraEvent) {
	for _, ev := range events {
		if ev.Err != nil || ev.Ignored != "" || ev.joined {
			continue
		}
		r := ev.Read
		often, report := g.frequent.countAppearance(ev.camera.ID, ev.plate, r.Lane, schemas.Micros(r.CapturedAtUs), u.received)
		if !often {
			continue
		}
		ev.addNotice(NoticeOften)
		if report {
			g.log.Warn().Str("camera", ev.camera.ID).Stringer("read_id", schemas.ReadID{ID: schemas.ID(r.ReadId)}).Int("times_an_hour", maxAppearances).
				Msg("the camera sends one plate more often than a vehicle can pass: look at this read; it may be a word for no plate, or a sign or parked vehicle in view")
		}
	}
}

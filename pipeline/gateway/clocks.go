package gateway

import (
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// clockWatch watches the clocks of cameras. The gateway watches, not the pipeline: the gateway sees all reads of a
// camera in order of receipt, a partition only a few an hour. Findings travel on the record, so a replay finds the
// same. A restart forgets all, and makes the watch lenient for a minute, not wrong.
//
// A late read has two explanations: a buffer, or a clock that is behind. A buffer explains it when the camera was
// silent since the capture, because the link was down. The backlog then drains: the delay changes faster than time
// passes. A slow clock explains a late read of a camera heard in the meantime, and a constant delay. Reads declared
// late by the camera are judged only when captured after receipt. finishRead has replaced impossible times before.
// Safe for concurrent use.
type clockWatch struct {
	mu   sync.Mutex // guards the fields below
	cams map[string]*cameraClock

	reported map[string]schemas.Micros // when the log last named a camera
}

// cameraClock holds the knowledge about one camera. Times are receipts.
type cameraClock struct {
	heard           schemas.Micros // last receipt; 0 = none since the start
	silent, resumed schemas.Micros // the latest silence; silent 0 = since before the start
	draining        bool           // more backlog from the latest silence may come
	drained         schemas.Micros // last sign of backlog from the latest silence
	backlog         schemas.Micros // first receipt in the present run of late reads, 0 = none
	delay           schemas.Micros // delay of the read at backlog
	late            int            // late reads in the run
}

const (
	clockAheadOf = 2 * schemas.Second  // a capture this much after receipt is ahead in any case
	clockFresh   = 30 * schemas.Second // a read with at most this delay is live: no link is slow for longer
	clockProof   = schemas.Minute      // how long a delay must stay the same before the clock is blamed
	clockReads   = 10                  // and over how many reads
	clockDrained = 10 * schemas.Minute // without a late read a backlog is over
)

// isSuspect judges the clock behind a read; declared means that the camera called the read late. Nothing is recorded
// here, because the camera may have to repeat the upload.
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
		return false // first read since the start: perhaps from a buffer
	}
	silent, resumed, draining := k.silent, k.resumed, k.draining
	if received-k.heard > clockFresh {
		silent, resumed, draining = k.heard, received, true
	}
	if !draining || captured < silent-clockFresh || captured > resumed+clockFresh {
		return true // heard in the meantime: not from a buffer
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
	case delay <= clockFresh: // live: a late read beside it has another cause
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

// claimReport reports whether to log a suspicion about the camera, at most once an hour.
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

// recordClocks records acknowledged reads of an upload, and names untrustworthy clocks to the operator.
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

// reportTimeless names a camera without a time, or with an impossible time, to the operator.
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

// markFrequentPlates marks reads of a plate sent too often, and names the camera to the operator. The log holds no
// plate: an authorised person finds it by the read id.
func (g *Gateway) markFrequentPlates(u *upload, events []*CameraEvent) {
	for _, ev := range events {
		if ev.Err != nil || ev.Ignored != "" || ev.joined {
			continue
		}
		r := ev.Read
		often, report := g.frequent.countAppearance(ev.camera.ID, ev.plate, r.Lane, schemas.Micros(r.CapturedAtUs),
			u.received)
		if !often {
			continue
		}
		ev.addNotice(NoticeOften)
		if report {
			g.log.Warn().Str("camera", ev.camera.ID).Stringer("read_id", schemas.ReadID{ID: schemas.ID(r.ReadId)}).
				Int("times_an_hour", maxAppearances).
				Msg("the camera sends one plate more often than a vehicle can pass: look at this read; it may be a word for no plate, or a sign or parked vehicle in view")
		}
	}
}

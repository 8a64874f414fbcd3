package bench

import "github.com/gvc-brussels/anpr/schemas"

// Shares per hundred: a second camera at the site also sees the vehicle; a single camera sees the vehicle twice.
const (
	seesToo = 85
	twice   = 6
)

// onePassage is the longest time between two reads of a passage. The backlog of a temporary camera holds the traffic up
// and may part a passing in two.
const onePassage = 10 * schemas.Second

// unknownCameras is the number of senders without a registry entry.
const unknownCameras = 5

// passing is a vehicle at a site until its last read is sent.
type passing struct {
	vehicle  uint32
	left     uint16 // reads still to come
	parked   bool
	unclean  bool           // a read was confused or without country
	hits     uint64         // two bits per list entry of the class: met exactly, met by confusion
	last     schemas.Micros // capture time of the accepted read before, the time for hits
	best     plannedRead    // the surest accepted read
	measured plannedRead    // the slowest accepted read with a speed
	accepted bool
	timed    bool
	tied     bool           // another accepted read is as sure as the best
	inZone   schemas.Micros // capture time of an accepted read whose camera and lane decide for the zone; 0 = none
}

// Next fills the event with the next read.
func (t *Traffic) Next(ev *Event) {
	*ev = Event{Index: t.clock.n, Due: t.clock.nextDue(), Received: t.clock.trafficTime(), t: t}
	ev.read = t.nextRead(ev.Received)
	s := &ev.read
	if s.captured == 0 {
		s.captured = ev.Received - 80*schemas.Millisecond - schemas.Micros(t.r.Int64N(int64(1200*schemas.Millisecond)))
	}
	if s.kind == Clean && s.repeats == 0 {
		t.addNoise(s, ev.Received)
	} else if s.kind == Clean || s.kind == ParkedRepeat {
		t.addPicture(s)
	}
	ev.Kind = s.kind
	t.truth.countRead(s)
	if s.kind != Retransmission {
		t.recordSent(s)
	}
	t.clock.advanceRead()
}

// nextRead returns the next planned read: from the burst, or from the entry of the queue that is due first.
func (t *Traffic) nextRead(received schemas.Micros) plannedRead {
	for {
		if t.sent < len(t.burst) {
			t.sent++
			return t.burst[t.sent-1]
		}
		t.burst, t.sent = t.burst[:0], 0
		w := t.q.popWaiting()
		t.at = w.at
		switch w.kind {
		case waitCar:
			if s, ok := t.passSite(w.ref, received); ok {
				return s
			}
		case waitRead:
			s := *t.queuedReads.cellAt(w.ref)
			t.queuedReads.freeCell(w.ref)
			return s
		case waitRepeat:
			return t.repeatParked(w.ref)
		case waitCamera:
			l := &t.links[w.ref]
			l.down = false
			t.burst = append(t.burst, l.backlog...)
			l.backlog = l.backlog[:0]
		}
	}
}

// passSite lets a car pass its site, returns the first read and queues the others. ok is false when a temporary camera
// without a link keeps the read.
func (t *Traffic) passSite(i uint32, received schemas.Micros) (first plannedRead, ok bool) {
	c := &t.cars[i]
	v := &t.city.vehicles[c.vehicle]
	s := &t.city.sites[c.site]
	first = plannedRead{plate: v.plate, vehicle: c.vehicle}
	if v.flags&lookalike != 0 {
		t.truth.addVisit(c.vehicle, t.city.cameras[s.cameras[0]].Site, received)
	}
	if t.city.cameras[s.cameras[0]].Kind == schemas.CameraTemporary {
		first.passing = t.passings.addCell(passing{vehicle: c.vehicle, left: 1})
		t.aimCamera(&first, s.cameras[0], 0)
		t.driveOn(i, 0)
		return first, t.viaLink(&first, received)
	}
	if v.listed == 0 && t.drawChance(t.noise.Parked) {
		stay := t.parkInView(&first, s)
		t.driveOn(i, stay)
		return first, true
	}
	p := t.passings.addCell(passing{vehicle: c.vehicle})
	first.passing = p
	true0 := t.drawSpeed(s)
	t.aimCamera(&first, s.cameras[0], true0)
	t.drawLight(&first)
	seen := uint16(1)
	wait := int64(0)
	for _, cam := range s.cameras[1:] {
		if t.r.IntN(100) < seesToo {
			wait += int64(200*schemas.Millisecond) + t.r.Int64N(int64(800*schemas.Millisecond))
			t.queueRead(&first, cam, true0, wait)
			seen++
		}
	}
	if len(s.cameras) == 1 && t.r.IntN(100) < twice {
		second := true0
		if true0 != 0 {
			second = true0 + 1 + t.r.IntN(10) - 11*t.r.IntN(2)
		}
		t.queueRead(&first, s.cameras[0], second, int64(300*schemas.Millisecond)+t.r.Int64N(int64(600*schemas.Millisecond)))
		seen++
	}
	t.passings.cellAt(p).left = seen
	t.driveOn(i, 0)
	return first, true
}

// queueRead queues another read in the same passing.
func (t *Traffic) queueRead(first *plannedRead, camera uint16, speed int, wait int64) {
	s := plannedRead{plate: first.plate, vehicle: first.vehicle, passing: first.passing}
	t.aimCamera(&s, camera, speed)
	t.q.pushWaiting(waiting{t.at + wait, waitRead, t.queuedReads.addCell(s)})
}

// aimCamera fills in the fields that camera and lane give: speed, sequence number, random bits, confidence.
func (t *Traffic) aimCamera(s *plannedRead, camera uint16, speed int) {
	cam := &t.city.cameras[camera]
	lane := t.pickLane(cam, s.vehicle)
	s.camera, s.lane, s.direction = camera, lane.Number, lane.Direction
	if cam.Purposes.Has(purposeSpeed) {
		s.speed = uint16(max(speed, 0))
	}
	s.seq = t.nextSequence(camera)
	s.randomBits = t.r.Uint32()
	s.confidence = uint16(880 + t.r.IntN(120))
	s.noCountry = t.drawChance(t.noise.NoCountry)
}

func (t *Traffic) nextSequence(camera uint16) uint32 {
	t.seqs[camera]++
	return t.seqs[camera]
}

func (t *Traffic) drawChance(perMillion int) bool { return int(t.r.Uint32N(million)) < perMillion }

// drawSpeed draws the true speed at a measuring site, in tenths of km/h; 0 elsewhere. About 1 % of the speeds exceed
// the limit by more than the margin, 0.05 % lie at its edge.
func (t *Traffic) drawSpeed(s *site) int {
	cam := &t.city.cameras[s.cameras[0]]
	if !cam.Purposes.Has(purposeSpeed) {
		return 0
	}
	limit := int(cam.Lanes[0].Limits[0].Limit)
	edge := limit + 70 // the lowest speed for an offence
	if limit+10 > 940 {
		edge = ((limit+10)*100 + 93) / 94
	}
	switch n := t.r.IntN(2000); {
	case n < 20:
		return edge + t.r.IntN(60) + t.r.IntN(2)*t.r.IntN(300)
	case n == 20:
		return edge - t.r.IntN(2)
	default:
		return min(limit*6/10+t.r.IntN(limit/4+1)+t.r.IntN(limit/4+1), edge-1)
	}
}

// parkInView leaves the vehicle in the view of the site's first camera and returns the length of the stay.
func (t *Traffic) parkInView(first *plannedRead, s *site) (stay int64) {
	stay = int64(10*schemas.Second) + t.r.Int64N(t.noise.ParkedFor.Microseconds()-int64(10*schemas.Second)+1)
	repeats := uint16(max(stay/int64(4*schemas.Second), 1))
	first.passing = t.passings.addCell(passing{vehicle: first.vehicle, left: repeats + 1, parked: true})
	t.aimCamera(first, s.cameras[0], 0)
	first.repeats = repeats
	t.q.pushWaiting(waiting{t.at + t.drawRepeatGap(), waitRepeat, t.queuedReads.addCell(*first)})
	return stay
}

func (t *Traffic) drawRepeatGap() int64 {
	return int64(2*schemas.Second) + t.r.Int64N(int64(4*schemas.Second))
}

// repeatParked returns a parked vehicle's next read.
func (t *Traffic) repeatParked(ref uint32) plannedRead {
	cell := t.queuedReads.cellAt(ref)
	cell.seq = t.nextSequence(cell.camera)
	cell.randomBits = t.r.Uint32()
	cell.confidence = uint16(880 + t.r.IntN(120))
	cell.captured = 0
	cell.kind = ParkedRepeat
	cell.shot = nil
	cell.repeats--
	s := *cell
	if s.repeats == 0 {
		t.queuedReads.freeCell(ref)
	} else {
		t.q.pushWaiting(waiting{t.at + t.drawRepeatGap(), waitRepeat, ref})
	}
	return s
}

// viaLink reports whether the read of a temporary camera goes out now; else the camera keeps the read until its link is
// back.
func (t *Traffic) viaLink(s *plannedRead, received schemas.Micros) bool {
	l := &t.links[s.camera]
	if !l.down {
		if !t.drawChance(t.noise.Outage) {
			return true
		}
		l.down = true
		t.q.pushWaiting(waiting{t.at + int64(schemas.Second) + t.r.Int64N(t.noise.OutageFor.Microseconds()), waitCamera, uint32(s.camera)})
	}
	s.captured = received - 80*schemas.Millisecond
	s.late = true
	l.backlog = append(l.backlog, *s)
	if len(l.backlog) >= maxBacklog {
		t.burst = append(t.burst, l.backlog...)
		l.backlog = l.backlog[:0]
	}
	return false
}

// cumulativeShares adds the fault shares up, in kind order.
func (d *Noise) cumulativeShares() (l [ClockLost + 1]uint32) {
	sum := 0
	for k, share := range [...]int{
		Confused: d.Confused, Unreadable: d.Unreadable, Malformed: d.Malformed, UnknownCamera: d.UnknownCamera,
		ExpiredCamera: d.ExpiredCamera, ClockAhead: d.ClockAhead, ClockLost: d.ClockLost,
	} {
		sum += share
		l[k] = uint32(sum)
	}
	return l
}

// addNoise draws the fault of a read and, for an accepted read, a retransmission with the same pictures.
func (t *Traffic) addNoise(s *plannedRead, received schemas.Micros) {
	n := t.r.Uint32N(million)
	for k := Confused; k <= ClockLost; k++ {
		if n < t.noiseBounds[k] {
			t.applyFault(s, k, received)
			break
		}
	}
	t.addPicture(s)
	if rejects[s.kind] == schemas.ReasonNone && t.drawChance(t.noise.Retransmitted) {
		again := *s
		again.kind = Retransmission
		wait := int64(schemas.Second) + t.r.Int64N(int64(19*schemas.Second))
		t.q.pushWaiting(waiting{t.at + wait, waitRead, t.queuedReads.addCell(again)})
	}
}

func (t *Traffic) applyFault(s *plannedRead, k Kind, received schemas.Micros) {
	switch k {
	case Confused:
		p, ok := misreadPlate(s.plate, s.randomBits)
		if !ok {
			return
		}
		confidence := uint16(500 + t.r.IntN(360))
		if signStandsApart(p, countries[t.city.vehicles[s.vehicle].country]) {
			return
		}
		s.plate, s.confidence = p, confidence
	case Unreadable:
		s.confidence = 0 // a confident camera means the letters it sends: NOPLATE can be a plate
	case UnknownCamera:
		s.camera = uint16(len(t.city.cameras) + t.r.IntN(unknownCameras))
		s.seq = t.nextSequence(s.camera)
	case ExpiredCamera:
		s.camera = t.city.expired[t.r.IntN(len(t.city.expired))]
		s.seq = t.nextSequence(s.camera)
	case ClockAhead:
		s.captured = received + 27*schemas.Hour + schemas.Micros(t.r.Int64N(int64(110*schemas.Minute)))
	case ClockLost:
		s.captured = schemas.Second + schemas.Micros(t.r.Int64N(int64(300*schemas.Second)))
	default: // the picture itself is unchanged
	}
	s.kind = k
}

package bench

import "github.com/gvc-brussels/anpr/schemas"

// How often a second camera of a site also sees a vehicle, and a single camera sees it twice: per hundred.
const (
	seesToo = 85
	twice   = 6
)

// onePassage is how far apart in time two reads of a vehicle at a site may be captured and still be one passage. A backlog that a temporary
// camera sends holds the traffic up, and may part a passing in two.
const onePassage = 10 * schemas.Second

// unknownCameras is how many cameras send without being in the registry.
const unknownCameras = 5

// passing is one vehicle at one site until its last read is sent.
type passing struct {
	vehicle  uint32
	left     uint16 // reads still to come
	parked   bool
	unclean  bool           // a read of it was confused or without country
	hits     uint64         // two bits per list entry of the class: met exactly, met by confusion
	last     schemas.Micros // capture time of the accepted read before, which hits are of
	best     shot           // the surest accepted read
	measured shot           // the slowest accepted read with a speed
	accepted bool
	timed    bool
	inZone   schemas.Micros // capture time of an accepted read whose camera and lane decide for the zone; 0 = none
}

// Next fills the event with the next read.
func (t *Traffic) Next(ev *Event) {
	*ev = Event{Index: t.clock.n, Due: t.clock.due(), Received: t.clock.now(), t: t}
	ev.shot = t.next(ev.Received)
	s := &ev.shot
	if s.captured == 0 {
		s.captured = ev.Received - 80*schemas.Millisecond - schemas.Micros(t.r.Int64N(int64(1200*schemas.Millisecond)))
	}
	if s.kind == Clean && s.repeats == 0 {
		t.soil(s, ev.Received)
	}
	ev.Kind = s.kind
	t.truth.count(s)
	if s.kind != Retransmission {
		t.settle(s)
	}
	t.clock.tick()
}

// next takes the next shot: of a burst, or of what waits longest.
func (t *Traffic) next(received schemas.Micros) shot {
	for {
		if t.sent < len(t.burst) {
			t.sent++
			return t.burst[t.sent-1]
		}
		t.burst, t.sent = t.burst[:0], 0
		w := t.q.pop()
		t.at = w.at
		switch w.kind {
		case waitCar:
			if s, ok := t.pass(w.ref, received); ok {
				return s
			}
		case waitShot:
			s := *t.shots.at(w.ref)
			t.shots.release(w.ref)
			return s
		case waitRepeat:
			return t.repeat(w.ref)
		case waitCamera:
			l := &t.links[w.ref]
			l.down = false
			t.burst = append(t.burst, l.backlog...)
			l.backlog = l.backlog[:0]
		}
	}
}

// pass lets a car pass its site. It returns the first read and queues the others; ok is false when a temporary camera
// without link keeps the read.
func (t *Traffic) pass(i uint32, received schemas.Micros) (first shot, ok bool) {
	c := &t.cars[i]
	v := &t.city.vehicles[c.vehicle]
	s := &t.city.sites[c.site]
	first = shot{plate: v.plate, vehicle: c.vehicle}
	if v.flags&lookalike != 0 {
		t.truth.visited(c.vehicle, t.city.cameras[s.cameras[0]].Site, received)
	}
	if t.city.cameras[s.cameras[0]].Kind == schemas.CameraTemporary {
		first.passing = t.passings.add(passing{vehicle: c.vehicle, left: 1})
		t.aim(&first, s.cameras[0], 0)
		t.drive(i, 0)
		return first, t.viaLink(&first, received)
	}
	if v.listed == 0 && t.chance(t.noise.Parked) {
		stay := t.park(&first, s)
		t.drive(i, stay)
		return first, true
	}
	p := t.passings.add(passing{vehicle: c.vehicle})
	first.passing = p
	true0 := t.drawSpeed(s)
	t.aim(&first, s.cameras[0], true0)
	seen := uint16(1)
	wait := int64(0)
	for _, cam := range s.cameras[1:] {
		if t.r.IntN(100) < seesToo {
			wait += int64(200*schemas.Millisecond) + t.r.Int64N(int64(800*schemas.Millisecond))
			t.later(&first, cam, true0, wait)
			seen++
		}
	}
	if len(s.cameras) == 1 && t.r.IntN(100) < twice {
		second := true0
		if true0 != 0 {
			second = true0 + 1 + t.r.IntN(10) - 11*t.r.IntN(2)
		}
		t.later(&first, s.cameras[0], second, int64(300*schemas.Millisecond)+t.r.Int64N(int64(600*schemas.Millisecond)))
		seen++
	}
	t.passings.at(p).left = seen
	t.drive(i, 0)
	return first, true
}

// later queues another read of the same passing.
func (t *Traffic) later(first *shot, camera uint16, speed int, wait int64) {
	s := shot{plate: first.plate, vehicle: first.vehicle, passing: first.passing}
	t.aim(&s, camera, speed)
	t.q.push(waiting{t.at + wait, waitShot, t.shots.add(s)})
}

// aim makes the shot one of a camera.
func (t *Traffic) aim(s *shot, camera uint16, speed int) {
	cam := &t.city.cameras[camera]
	lane := &cam.Lanes[t.r.IntN(len(cam.Lanes))]
	s.camera, s.lane, s.direction = camera, lane.Number, lane.Direction
	if cam.Purposes.Has(purposeSpeed) {
		s.speed = uint16(max(speed, 0))
	}
	s.seq = t.count(camera)
	s.salt = t.r.Uint32()
	s.sure = uint16(880 + t.r.IntN(120))
	s.noCountry = t.chance(t.noise.NoCountry)
}

func (t *Traffic) count(camera uint16) uint32 {
	t.seqs[camera]++
	return t.seqs[camera]
}

func (t *Traffic) chance(perMillion int) bool { return int(t.r.Uint32N(million)) < perMillion }

// drawSpeed draws the true speed at a site that measures, in tenths of km/h; 0 elsewhere. About one in a hundred is beyond
// what the margin forgives, one in two thousand is right at its edge.
func (t *Traffic) drawSpeed(s *site) int {
	cam := &t.city.cameras[s.cameras[0]]
	if !cam.Purposes.Has(purposeSpeed) {
		return 0
	}
	limit := int(cam.Lanes[0].Limits[0].Limit)
	edge := limit + 70 // the first speed that leads to an offence
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

// park leaves the vehicle in view of the site's first camera and returns for how long.
func (t *Traffic) park(first *shot, s *site) (stay int64) {
	stay = int64(10*schemas.Second) + t.r.Int64N(t.noise.ParkedFor.Microseconds()-int64(10*schemas.Second)+1)
	repeats := uint16(max(stay/int64(4*schemas.Second), 1))
	first.passing = t.passings.add(passing{vehicle: first.vehicle, left: repeats + 1, parked: true})
	t.aim(first, s.cameras[0], 0)
	first.repeats = repeats
	t.q.push(waiting{t.at + t.gap(), waitRepeat, t.shots.add(*first)})
	return stay
}

func (t *Traffic) gap() int64 {
	return int64(2*schemas.Second) + t.r.Int64N(int64(4*schemas.Second))
}

// repeat is the next read of a parked vehicle.
func (t *Traffic) repeat(ref uint32) shot {
	cell := t.shots.at(ref)
	cell.seq = t.count(cell.camera)
	cell.salt = t.r.Uint32()
	cell.sure = uint16(880 + t.r.IntN(120))
	cell.captured = 0
	cell.kind = ParkedRepeat
	cell.repeats--
	s := *cell
	if s.repeats == 0 {
		t.shots.release(ref)
	} else {
		t.q.push(waiting{t.at + t.gap(), waitRepeat, ref})
	}
	return s
}

// viaLink hands a temporary camera's read on, or keeps it while its link is down.
func (t *Traffic) viaLink(s *shot, received schemas.Micros) bool {
	l := &t.links[s.camera]
	if !l.down {
		if !t.chance(t.noise.Outage) {
			return true
		}
		l.down = true
		t.q.push(waiting{t.at + int64(schemas.Second) + t.r.Int64N(t.noise.OutageFor.Microseconds()), waitCamera, uint32(s.camera)})
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

// ladder adds the shares of a read's faults up, in the order of the kinds.
func (d *Noise) ladder() (l [ClockLost + 1]uint32) {
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

// soil draws what is wrong with a read and, when it will be accepted, whether it is sent again.
func (t *Traffic) soil(s *shot, received schemas.Micros) {
	n := t.r.Uint32N(million)
	for k := Confused; k <= ClockLost; k++ {
		if n < t.noiseBounds[k] {
			t.spoil(s, k, received)
			break
		}
	}
	if rejects[s.kind] == schemas.ReasonNone && t.chance(t.noise.Retransmitted) {
		again := *s
		again.kind = Retransmission
		wait := int64(schemas.Second) + t.r.Int64N(int64(19*schemas.Second))
		t.q.push(waiting{t.at + wait, waitShot, t.shots.add(again)})
	}
}

func (t *Traffic) spoil(s *shot, k Kind, received schemas.Micros) {
	switch k {
	case Confused:
		p, ok := misread(s.plate, s.salt)
		if !ok {
			return
		}
		s.plate = p
		s.sure = uint16(500 + t.r.IntN(360))
	case Unreadable:
		s.sure = 0 // a confident camera means the letters it sends: NOPLATE can be a plate
	case UnknownCamera:
		s.camera = uint16(len(t.city.cameras) + t.r.IntN(unknownCameras))
		s.seq = t.count(s.camera)
	case ExpiredCamera:
		s.camera = t.city.expired[t.r.IntN(len(t.city.expired))]
		s.seq = t.count(s.camera)
	case ClockAhead:
		s.captured = received + 27*schemas.Hour + schemas.Micros(t.r.Int64N(int64(110*schemas.Minute)))
	case ClockLost:
		s.captured = schemas.Second + schemas.Micros(t.r.Int64N(int64(300*schemas.Second)))
	default: // nothing of the shot itself is changed
	}
	s.kind = k
}

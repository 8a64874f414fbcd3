package pipeline

import (
	"github.com/gvc-brussels/anpr/pipeline/decode"
	"github.com/gvc-brussels/anpr/pipeline/dedup"
	"github.com/gvc-brussels/anpr/pipeline/normalise"
	"github.com/gvc-brussels/anpr/schemas"
)

// groupSize is how many records are worked on together: enough for their cache misses to overlap, few enough for their
// reads to stay in the nearest caches.
const groupSize = dedup.TouchMost

// group holds the records that are worked on together: first all are decoded and checked, which needs no state, then what
// they will need is touched, then they change the state one after the other, in the order of the log.
type group struct {
	items   [groupSize]item
	classes []schemas.Class
	sites   []uint64
	ids     []schemas.ReadID
	plates  []schemas.Plate
	touched uint64 // keeps the loads alive
}

// item is one record.
type item struct {
	offset int64
	value  []byte
	read   schemas.Read
	cam    *schemas.Camera      // of an admitted read
	err    *schemas.RejectError // of a record that is rejected
	known  bool                 // the rejected record says its camera and its time
}

// Process takes the records [from, to) of recs into the batch; it uses none of them afterwards. A nil batch rebuilds state:
// nothing is written or published. How the records are cut into calls changes no result.
func (s *Shard) Process(b *Batch, w World, recs *Records, from, to int) {
	s.out, s.world = b, w
	s.cameras.of(w.Registry.Version())
	for from < to {
		n := min(to-from, groupSize)
		for i := range n {
			it := &s.group.items[i]
			it.offset, it.value = recs.At(from + i)
			s.prepare(it)
		}
		s.touch(s.group.items[:n])
		for i := range n {
			s.apply(&s.group.items[i])
		}
		from += n
	}
	s.out, s.world = nil, World{}
}

// prepare does what needs no state.
func (s *Shard) prepare(it *item) {
	r := &it.read
	it.cam, it.known = nil, false
	if it.err = decode.Record(r, it.value); it.err != nil || r.Tick > 0 || r.Quarantine != nil {
		return
	}
	it.cam, it.err = s.admit(r)
	it.known = true
}

// admit checks what a read must satisfy beyond its form: a plate, a plausible clock, a registered camera.
func (s *Shard) admit(r *schemas.Read) (*schemas.Camera, *schemas.RejectError) {
	if err := normalise.Read(r); err != nil {
		return nil, err
	}
	if err := decode.CheckClock(r, s.cfg.ClockAhead, s.cfg.ClockBack); err != nil {
		return nil, err
	}
	cam, ok := s.camera(r.Camera)
	if !ok {
		return nil, schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "not in the camera registry; register it, then replay the dead letter")
	}
	if !cam.ValidAt(r.CapturedAt) {
		return nil, schemas.Rejectf(schemas.ReasonCameraExpired, "captured_at", "the registry entry does not cover the capture time; correct its validity, then replay the dead letter")
	}
	if r.ReceivedAt-r.CapturedAt > cam.AllowedLateness {
		r.Flags |= schemas.FlagLate
		if cam.Kind == schemas.CameraFixed && r.Flags&schemas.FlagLateUpload == 0 {
			r.Flags |= schemas.FlagClockSuspect // late on a wire and not said to come from a buffer: its clock, for all we know
		}
	}
	if schemas.Partition(r.Class, r.Camera, s.cfg.Partitions) != int(s.cfg.Partition) {
		r.Flags |= schemas.FlagMisrouted
	}
	return cam, nil
}

// touch loads what apply is going to need. It changes nothing.
func (s *Shard) touch(items []item) {
	if len(items) < 8 || s.untouched { // a trickle: nothing to overlap
		return
	}
	g := s.group
	g.classes, g.sites, g.ids = g.classes[:0], g.sites[:0], g.ids[:0]
	until := s.clock
	for i := range items {
		it := &items[i]
		if it.cam == nil {
			continue
		}
		g.classes = append(g.classes, it.read.Class)
		g.sites = append(g.sites, it.cam.SiteHash)
		g.ids = append(g.ids, it.read.ID)
		until = max(until, it.read.ReceivedAt)
	}
	g.touched += s.window.Touch(g.ids) + s.passages.Touch(g.classes, g.sites)
	var loaded uint64
	g.plates, loaded = s.passages.TouchDue(g.plates[:0], min(until, s.clock+clockStep))
	g.touched += loaded
	if t, ok := s.world.Registry.(Toucher); ok && s.out != nil {
		g.touched += t.TouchEntries(g.classes) + t.TouchVehicles(g.plates)
	}
}

// apply changes the state by one record.
func (s *Shard) apply(it *item) {
	r := &it.read
	s.pos.Offset, s.seq = it.offset, 0
	s.marks.note(it.offset, s.clock)
	if s.out != nil {
		s.out.Totals.Fetched++
	}
	switch {
	case it.err != nil:
		rej := Rejected{Err: it.err, Payload: it.value, PayloadSize: uint64(len(it.value))}
		if it.known {
			rej.Camera, rej.ReceivedAt = r.Camera, r.ReceivedAt
		}
		s.reject(&rej)
	case r.Tick > 0:
		if s.out != nil {
			s.out.Totals.Ticks++
		}
		s.advance(r.Tick)
	case r.Quarantine != nil:
		q := r.Quarantine
		s.reject(&Rejected{
			Err:    &schemas.RejectError{Reason: q.Reason, Field: q.Field, Detail: q.Detail},
			Camera: r.Camera, ReceivedAt: r.ReceivedAt, Payload: q.Payload, PayloadSize: q.PayloadSize, Upload: true,
		})
	default:
		s.take(r, it.cam)
	}
}

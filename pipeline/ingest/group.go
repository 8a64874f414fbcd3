package ingest

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/decode"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
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
	cams    []*schemas.Camera
	touched uint64 // keeps the loads alive
}

// item is one record.
type item struct {
	offset int64
	value  []byte
	read   schemas.Read
	hash   uint64               // of the camera's id
	cam    *schemas.Camera      // of an admitted read
	from   dedup.Origin         // its camera and site
	err    *schemas.RejectError // of a record that is rejected
	reader bool                 // the record is a camera's read, so far as it could be decoded
}

// Process takes the records [from, to) of recs into the batch; it uses none of them afterwards. A nil batch rebuilds state:
// nothing is written or published. How the records are cut into calls changes no result.
func (s *Shard) Process(b *Batch, w World, recs *Records, from, to int) {
	s.out, s.world = b, w
	version := w.Registry.Version()
	s.cameras.of(version)
	if b != nil {
		b.Block.Registry(version)
		if v := w.versions(); v != s.matched {
			s.matched, s.stale, s.told = v, true, nil
		}
	}
	for from < to {
		items := s.group.items[:min(to-from, groupSize)]
		for i := range items {
			items[i].offset, items[i].value = recs.At(from + i)
		}
		s.prepare(items)
		s.touch(items)
		for i := range items {
			s.apply(&items[i])
		}
		from += len(items)
	}
	s.out, s.world = nil, World{}
}

// prepare does what needs no state.
func (s *Shard) prepare(items []item) {
	for i := range items {
		it := &items[i]
		r := &it.read
		it.cam, it.reader = nil, false
		if it.err = decode.Record(r, it.value); it.err != nil || r.Tick > 0 || r.Quarantine != nil {
			continue
		}
		it.reader = true
		it.hash = cameraHash(r.Camera)
		it.err = s.check(r)
	}
	for i := range items {
		if items[i].reader {
			s.group.touched += s.cameras.touch(items[i].hash)
		}
	}
	for i := range items {
		if it := &items[i]; it.reader && it.err == nil {
			it.err = s.admit(it)
		}
	}
}

// check says what is wrong with a read, beyond its form, that can be said without its camera.
func (s *Shard) check(r *schemas.Read) *schemas.RejectError {
	if err := normalise.Read(r); err != nil {
		return err
	}
	if err := decode.CheckClock(r, s.cfg.ClockAhead, s.cfg.ClockBack); err != nil {
		return err
	}
	if schemas.Partition(r.Class, r.Camera, s.cfg.Partitions) != int(s.cfg.Partition) {
		r.Flags |= schemas.FlagMisrouted
	}
	return nil
}

// admit finds the camera of a read, which must be registered at the time.
func (s *Shard) admit(it *item) *schemas.RejectError {
	r := &it.read
	c := s.lookup(r.Camera, it.hash)
	if c == nil {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "not in the camera registry; register it, then replay the dead letter")
	}
	if r.CapturedAt < c.from || c.to != 0 && r.CapturedAt >= c.to {
		return schemas.Rejectf(schemas.ReasonCameraExpired, "captured_at", "the registry entry does not cover the capture time; correct its validity, then replay the dead letter")
	}
	if r.ReceivedAt-r.CapturedAt > c.lateness {
		r.Flags |= schemas.FlagLate
		if c.cam.Kind == schemas.CameraFixed && r.Flags&schemas.FlagLateUpload == 0 {
			r.Flags |= schemas.FlagClockSuspect // late on a wire and not said to come from a buffer: its clock, for all we know
		}
	}
	it.cam, it.from = c.cam, dedup.Origin{Site: c.site, Camera: c.number}
	return nil
}

// touch loads what apply is going to need. It changes nothing.
func (s *Shard) touch(items []item) {
	if len(items) < 8 || s.untouched { // a trickle: nothing to overlap
		return
	}
	g := s.group
	g.classes, g.sites, g.ids, g.cams = g.classes[:0], g.sites[:0], g.ids[:0], g.cams[:0]
	for i := range items {
		it := &items[i]
		if it.cam == nil {
			continue
		}
		g.classes = append(g.classes, it.read.Class)
		g.sites = append(g.sites, it.from.Site)
		g.ids = append(g.ids, it.read.ID)
		g.cams = append(g.cams, it.cam)
	}
	g.touched += s.window.Touch(g.ids) + s.passages.Touch(g.classes, g.sites)
	if s.out == nil { // while state is rebuilt no rule runs and nothing is written
		return
	}
	g.touched += touchCameras(g.cams)
	s.touchBlock(g.cams, nil)
	if t, ok := s.world.Registry.(Toucher); ok {
		g.touched += t.TouchEntries(g.classes)
	}
}

// touchClosing loads what deciding these passages is going to need.
func (s *Shard) touchClosing(closing []dedup.Closing) {
	if s.out == nil {
		return
	}
	g := s.group
	g.cams, g.plates = g.cams[:0], g.plates[:0]
	for _, p := range closing {
		g.plates = append(g.plates, p.Plate)
		if n := s.cameras.numbers; int(p.Camera) < len(n) && n[p.Camera] != nil {
			g.cams = append(g.cams, n[p.Camera])
		}
	}
	g.touched += touchCameras(g.cams)
	s.touchBlock(nil, g.cams)
	if t, ok := s.world.Registry.(Toucher); ok {
		g.touched += t.TouchVehicles(g.plates)
	}
}

// blockToucher is what a [Block] may implement as well, as [Toucher]: for rows of reads and of passages of these cameras.
type blockToucher interface {
	TouchCameras(reads, passages []*schemas.Camera) uint64
}

func (s *Shard) touchBlock(reads, passages []*schemas.Camera) {
	if t, ok := s.out.Block.(blockToucher); ok {
		s.group.touched += t.TouchCameras(reads, passages)
	}
}

// touchCameras loads what the rules and the sink ask of cameras: the entry, then its lanes, then their limits.
//
//go:noinline
func touchCameras(cams []*schemas.Camera) (loaded uint64) {
	for _, c := range cams {
		loaded += c.SiteHash + uint64(len(c.Lanes))
	}
	for _, c := range cams {
		if len(c.Lanes) > 0 {
			loaded += uint64(len(c.Lanes[0].Limits)) + uint64(len(c.Lanes[len(c.Lanes)-1].Limits))
		}
	}
	for _, c := range cams {
		if len(c.Lanes) > 0 && len(c.Lanes[0].Limits) > 0 {
			loaded += uint64(c.Lanes[0].Limits[0].Limit)
		}
	}
	return loaded
}

// apply changes the state by one record.
func (s *Shard) apply(it *item) {
	r := &it.read
	s.pos.Offset, s.seq = it.offset, 0
	s.marks.note(it.offset, &s.clock)
	if s.out != nil {
		s.out.Totals.Fetched++
	}
	switch {
	case it.err != nil:
		rej := Rejected{Err: it.err, Payload: it.value, PayloadSize: uint64(len(it.value))}
		if it.reader {
			rej.Camera, rej.ReceivedAt = r.Camera, r.ReceivedAt
		}
		s.reject(&rej)
	case r.Tick > 0:
		if s.out != nil {
			s.out.Totals.Ticks++
		}
		if r.Format == schemas.FormatDoubt {
			s.doubt(r)
			return
		}
		s.advance(r.Tick, tickReach)
	case r.Quarantine != nil:
		q := r.Quarantine
		s.reject(&Rejected{
			Err:    &schemas.RejectError{Reason: q.Reason, Field: q.Field, Detail: q.Detail},
			Camera: r.Camera, ReceivedAt: r.ReceivedAt, Payload: q.Payload, PayloadSize: q.PayloadSize, Upload: true,
		})
	default:
		s.take(r, it.cam, it.from)
	}
}

package gateway

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// misreads watches for two reads of one lane within a moment whose plates differ as two readings of one plate do, but not within a confusion
// class: a camera that reads V once and B once has seen one vehicle, and which plate it has nobody knows. The two reads are in different
// partitions, so no shard sees both. The gateway sees all reads of a camera, and says so on the log: a doubt to the partition of each, after
// the read itself. What it knows is a few reads a site, and forgotten at a restart. Safe for concurrent use.
type misreads struct {
	mu    sync.Mutex // guards what follows
	sites map[uint64]*recentReads
}

// recentReads are the latest reads of a site, in a ring.
type recentReads struct {
	reads [maxRecentReads]recentRead
	next  int
}

type recentRead struct {
	plate     schemas.Plate
	class     schemas.Class
	camera    string
	captured  schemas.Micros
	lane      uint32
	direction anprv1.Direction
	doubted   bool // its passage has its doubt
}

const (
	maxRecentReads = 16
	misreadSpan    = 2 * schemas.Second // a vehicle is read twice within it
)

// mayBeSameVehicle reports whether two reads of a site may be of one vehicle, by place and time. What a camera does not say does not tell them
// apart. Another camera of the site sees the vehicle from the other side.
func (a *recentRead) mayBeSameVehicle(b *recentRead) bool {
	if d := a.captured - b.captured; d > misreadSpan || d < -misreadSpan {
		return false
	}
	if a.lane != 0 && b.lane != 0 && a.lane != b.lane {
		return false
	}
	unknown := anprv1.Direction_DIRECTION_UNSPECIFIED
	return a.camera != b.camera || a.direction == b.direction || a.direction == unknown || b.direction == unknown
}

// findDoubts remembers a read that the log has and returns the reads to be doubted, itself included. They are until doubt says that the log
// has that too: the camera is told to send again what could not be written.
func (m *misreads) findDoubts(site uint64, r recentRead, near func(a, b schemas.Plate) bool) (doubts []recentRead) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sites == nil {
		m.sites = map[uint64]*recentReads{}
	}
	at := m.sites[site]
	if at == nil {
		at = &recentReads{}
		m.sites[site] = at
	}
	self := false
	for i := range at.reads {
		o := &at.reads[i]
		if o.plate.IsZero() || !r.mayBeSameVehicle(o) {
			continue
		}
		if o.plate == r.plate {
			r.doubted = r.doubted || o.doubted // of one passage, which has it
		}
		if o.class != r.class && near(o.plate, r.plate) {
			self = true
			if !o.doubted {
				doubts = append(doubts, *o)
			}
		}
	}
	if self && !r.doubted {
		doubts = append(doubts, r)
	}
	at.reads[at.next%maxRecentReads] = r
	at.next++
	return doubts
}

// markDoubted remembers that the log has the doubts.
func (m *misreads) markDoubted(site uint64, doubts []recentRead) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.sites[site]
	for i := range at.reads {
		for k := range doubts {
			if o, d := &at.reads[i], &doubts[k]; o.plate == d.plate && o.mayBeSameVehicle(d) {
				o.doubted = true
			}
		}
	}
}

// produceDoubts looks for near misreads among the reads of an upload that the broker has and those before, and puts the doubts on the log.
// False = answered, the log did not take them.
func (g *Gateway) produceDoubts(u *upload, events []*CameraEvent) bool {
	if g.cfg.NearMisread == nil {
		return true
	}
	for _, ev := range events {
		if ev.Err != nil || ev.Ignored != "" || ev.isUnread() {
			continue
		}
		r := ev.Read
		doubts := g.misreads.findDoubts(ev.camera.SiteHash, recentRead{
			plate: ev.plate, class: ev.class, camera: ev.camera.ID, captured: schemas.Micros(r.CapturedAtUs), lane: r.Lane, direction: r.Direction,
		}, g.cfg.NearMisread)
		if len(doubts) == 0 {
			continue
		}
		records := make([]Record, len(doubts))
		for i := range doubts {
			records[i] = g.buildDoubt(u, &doubts[i])
		}
		if !g.produceRecords(u, records) {
			return false
		}
		g.misreads.markDoubted(ev.camera.SiteHash, doubts)
		g.cfg.Metrics.Doubts.Add(float64(len(doubts)))
	}
	return true
}

// buildDoubt makes the record that doubts a read: a tick that names it.
func (g *Gateway) buildDoubt(u *upload, d *recentRead) Record {
	value, err := proto.Marshal(&anprv1.PlateRead{
		CameraId: d.camera, RawPlate: d.plate.String(), CapturedAtUs: int64(d.captured), ReceivedAtUs: int64(u.received),
		Format: schemas.FormatDoubt, Tick: &anprv1.Tick{AtUs: int64(u.received)},
	})
	if err != nil {
		panic("BUG: a doubt cannot be encoded")
	}
	return Record{
		Key: d.class.AppendTo(nil), Value: value, Time: u.received.Time(), Camera: d.camera,
		Partition: schemas.Partition(d.class, d.camera, g.cfg.Partitions), Internal: true,
	}
}

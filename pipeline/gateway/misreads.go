package gateway

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// misreads watches for two reads on a lane within a moment whose plates differ like two readings of one plate, but not
// within a confusion class. A camera that reads V once and B once saw one vehicle, and nobody knows the true plate.
// The two reads lie in different partitions, so no shard sees both. The gateway sees all reads of a camera and puts a
// doubt on the log: to the partition of each read, after the read itself. The memory is a few reads a site, and a
// restart forgets it. Safe for concurrent use.
type misreads struct {
	mu    sync.Mutex // guards the fields below
	sites map[uint64]*recentReads
}

// recentReads is a ring with the latest reads at a site.
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
	doubted   bool // the log has a doubt for the passage
}

const (
	maxRecentReads = 16
	misreadSpan    = 2 * schemas.Second // a vehicle is read twice within this time
)

// mayBeSameVehicle reports whether two reads at a site may show one vehicle, by place and time. An unknown value tells
// nothing apart. Another camera at the site sees the vehicle from the other side.
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

// findDoubts remembers an acknowledged read and returns the reads to be doubted, the new read included. It returns
// them again until markDoubted, because the camera repeats an upload whose doubts were not written.
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
			r.doubted = r.doubted || o.doubted // both reads belong to one passage with a doubt
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

// markDoubted records that the log has the doubts.
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

// produceDoubts looks for near misreads between an upload's acknowledged reads and earlier reads, and puts doubts on
// the log. It reports false after answering that the log did not take them.
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
			plate: ev.plate, class: ev.class, camera: ev.camera.ID, captured: schemas.Micros(r.CapturedAtUs),
			lane: r.Lane, direction: r.Direction,
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

// buildDoubt makes the record that doubts a read: a tick naming the read.
func (g *Gateway) buildDoubt(u *upload, d *recentRead) Record {
	value, err := proto.Marshal(&anprv1.PlateRead{
		CameraId: d.camera, RawPlate: d.plate.String(), CapturedAtUs: int64(d.captured),
		ReceivedAtUs: int64(u.received),
		Format:       schemas.FormatDoubt, Tick: &anprv1.Tick{AtUs: int64(u.received)},
	})
	if err != nil {
		panic("BUG: a doubt cannot be encoded")
	}
	return Record{
		Key: d.class.AppendTo(nil), Value: value, Time: u.received.Time(), Camera: d.camera,
		Partition: schemas.Partition(d.class, d.camera, g.cfg.Partitions), Internal: true,
	}
}

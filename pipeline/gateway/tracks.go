package gateway

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// tracks joins the messages in which a vendor tells of one vehicle, where one of them has the plate and another the speed
// and only the camera's id of the track says that they belong together. Neither message is changed: the two of them make
// one more read, the plate's with the speed in it, whichever came second, so its id is the same in either order and at
// every delivery, and the passage takes the speed from it.
//
// It is a memory of one minute, as long as a passage can still be completed, and of trackMost vehicles of a camera. It is
// forgotten at a restart, and no other gateway has it: the speed of a vehicle whose two messages were parted so is not
// known, as if the camera had not measured; that is counted where the memory still holds the speed. A camera that can send
// plate and speed in one message should. Safe for concurrent use.
type tracks struct {
	mu      sync.Mutex // guards what follows
	cams    map[string]*cameraTracks
	missing func() // is called for each speed that no plate came for
}

// cameraTracks are the latest tracks of one camera; ring holds their keys in the order in which they began.
type cameraTracks struct {
	byID map[string]*track
	ring [trackMost]string
	next int
}

// track is what was heard of one vehicle.
type track struct {
	begun  schemas.Micros // receipt of its first message
	read   *anprv1.PlateRead
	cam    *schemas.Camera
	when   stamp
	named  schemas.Plate
	class  schemas.Class
	speed  uint32 // tenths of km/h; 0 = none came
	unread bool   // the camera read no plate: a speed has nothing to belong to
}

const (
	trackKept = schemas.Minute
	trackMost = 128
)

// complete returns the events of an upload with the reads that became whole by them: one in the place of a speed whose
// plate is known, one more behind a plate whose speed is known. camera is that of the address, device what the upload says
// of its sender beside its events.
func (t *tracks) complete(camera, device string, received schemas.Micros, events []*Parsed) []*Parsed {
	out := events
	for i, p := range events {
		if p.track == "" || p.Err != nil && p.Err.Reason != schemas.ReasonPlateUnread {
			continue
		}
		whole := t.join(camera, device+"/"+p.track, received, p)
		switch {
		case whole == nil:
		case p.Ignored != "":
			whole.raw = p.raw
			out[i] = whole
		default:
			out = append(out, whole)
		}
	}
	return out
}

// join remembers an event, and returns the read that it makes whole, or nil.
func (t *tracks) join(camera, id string, received schemas.Micros, p *Parsed) *Parsed {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.track(camera, id, received)
	switch {
	case p.Ignored != "":
		k.speed = p.trackSpeed
	case p.Err != nil:
		k.unread = true
		return nil
	default:
		k.read, k.cam, k.when = proto.CloneOf(p.Read), p.cam, p.when
		k.named, k.class = p.named, p.class
	}
	if k.read == nil || k.speed == 0 || k.read.SpeedDkmh > 0 {
		return nil
	}
	whole := &Parsed{Read: proto.CloneOf(k.read), cam: k.cam, when: k.when, named: k.named, class: k.class, joined: true}
	whole.Read.SpeedDkmh, whole.Read.ReceivedAtUs = k.speed, int64(received)
	whole.identify()
	return whole
}

// track returns the memory of a track, a new one when the camera's counter has come round.
func (t *tracks) track(camera, id string, received schemas.Micros) *track {
	if t.cams == nil {
		t.cams = map[string]*cameraTracks{}
	}
	c := t.cams[camera]
	if c == nil {
		c = &cameraTracks{byID: map[string]*track{}}
		t.cams[camera] = c
	}
	if k := c.byID[id]; k != nil {
		if received-k.begun <= trackKept {
			return k
		}
		t.forget(k)
		*k = track{begun: received}
		return k
	}
	if old := c.ring[c.next]; old != "" {
		t.forget(c.byID[old])
		delete(c.byID, old)
	}
	k := &track{begun: received}
	c.byID[id], c.ring[c.next] = k, id
	c.next = (c.next + 1) % trackMost
	return k
}

func (t *tracks) forget(k *track) {
	if k.speed > 0 && k.read == nil && !k.unread && t.missing != nil {
		t.missing()
	}
}

package gateway

import (
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// trackMemory joins messages about one vehicle: one message has the plate, another the speed, and only the camera's
// track id connects them. Neither message is changed. The two give a further read, the plate's with the speed,
// whichever came second. The read's id is the same in either order and at every delivery, and the passage takes the
// speed from it.
//
// The memory lasts one minute, as long as a passage can still be completed, for maxTracks vehicles of a camera. A
// restart forgets it, and no other gateway has it. If the two messages are parted so, the speed is unknown, as if not
// measured; a speed still in memory is then counted as unjoined. A camera able to send plate and speed in one message
// should. Safe for concurrent use.
type trackMemory struct {
	mu       sync.Mutex // guards the fields below
	cams     map[string]*cameraTracks
	unjoined func() // called for every speed without a plate
}

// cameraTracks are the latest tracks of a camera; ring holds their keys in order of beginning.
type cameraTracks struct {
	byID map[string]*vehicleTrack
	ring [maxTracks]string
	next int
}

// vehicleTrack is the knowledge about one vehicle.
type vehicleTrack struct {
	begun  schemas.Micros // receipt of the first message
	read   *anprv1.PlateRead
	camera *schemas.Camera
	stated statedTime
	plate  schemas.Plate
	class  schemas.Class
	speed  uint32 // tenths of km/h; 0 = none came
	unread bool   // the camera read no plate: a speed has nothing to belong to
}

const (
	trackLifetime = schemas.Minute
	maxTracks     = 128
)

// completeReads returns the events of an upload with the reads completed by them. A completed read replaces a speed
// whose plate is known, and follows a plate whose speed is known. camera is the camera at the address; device names
// the sender beside the events.
func (t *trackMemory) completeReads(camera, device string, received schemas.Micros,
	events []*CameraEvent,
) []*CameraEvent {
	out := events
	for i, ev := range events {
		if ev.track == "" || ev.Err != nil && ev.Err.Reason != schemas.ReasonPlateUnread {
			continue
		}
		whole := t.joinMessages(camera, device+"/"+ev.track, received, ev)
		switch {
		case whole == nil:
		case ev.Ignored != "":
			whole.part = ev.part
			out[i] = whole
		default:
			out = append(out, whole)
		}
	}
	return out
}

// joinMessages remembers an event, and returns the read completed by it, or nil.
func (t *trackMemory) joinMessages(camera, id string, received schemas.Micros, ev *CameraEvent) *CameraEvent {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.findTrack(camera, id, received)
	switch {
	case ev.Ignored != "":
		k.speed = ev.trackSpeed
	case ev.Err != nil:
		k.unread = true
		return nil
	default:
		k.read, k.camera, k.stated = proto.CloneOf(ev.Read), ev.camera, ev.stated
		k.plate, k.class = ev.plate, ev.class
	}
	if k.read == nil || k.speed == 0 || k.read.SpeedDkmh > 0 {
		return nil
	}
	whole := &CameraEvent{
		Read: proto.CloneOf(k.read), camera: k.camera, stated: k.stated, plate: k.plate, class: k.class,
		joined: true,
	}
	whole.Read.SpeedDkmh, whole.Read.ReceivedAtUs = k.speed, int64(received)
	whole.setReadID()
	return whole
}

// findTrack returns the memory of a track, a fresh one if the camera's counter came round.
func (t *trackMemory) findTrack(camera, id string, received schemas.Micros) *vehicleTrack {
	if t.cams == nil {
		t.cams = map[string]*cameraTracks{}
	}
	c := t.cams[camera]
	if c == nil {
		c = &cameraTracks{byID: map[string]*vehicleTrack{}}
		t.cams[camera] = c
	}
	if k := c.byID[id]; k != nil {
		if received-k.begun <= trackLifetime {
			return k
		}
		t.countUnjoined(k)
		*k = vehicleTrack{begun: received}
		return k
	}
	if old := c.ring[c.next]; old != "" {
		t.countUnjoined(c.byID[old])
		delete(c.byID, old)
	}
	k := &vehicleTrack{begun: received}
	c.byID[id], c.ring[c.next] = k, id
	c.next = (c.next + 1) % maxTracks
	return k
}

func (t *trackMemory) countUnjoined(k *vehicleTrack) {
	if k.speed > 0 && k.read == nil && !k.unread && t.unjoined != nil {
		t.unjoined()
	}
}

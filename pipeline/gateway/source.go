package gateway

import (
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// eventSource is the device named by a message as the event's origin: a recorder's channel, a camera's number. One
// address may stand for several devices. Place, limit, zone and certificate belong to the camera, not to the address.
// So a message is routed by source to the registered camera.
type eventSource struct{ key, id string }

// addSource notes a device named by the message. A format calls it for every such name at the vendor; empty ids are
// skipped.
func (ev *CameraEvent) addSource(key, id string) {
	if id != "" && len(ev.sources) < maxSourceNames {
		ev.sources = append(ev.sources, eventSource{key, cutText(id, schemas.MaxEventID)})
	}
}

// maxSourceNames bounds the source names in a message.
const maxSourceNames = 8

// routeSource finds an event's camera behind the address of the upload. Only cameras placed behind the address by the
// registry can be found: a token never writes for another camera.
func (g *Gateway) routeSource(u *upload, ev *CameraEvent) *schemas.RejectError {
	at := u.cam.Accepts()
	f := findFormat(u.path)
	ev.addSource(f.serialHeader, u.r.Header.Get(f.serialHeader))
	if id := ev.Read.CameraId; id != "" && id != u.cam.ID { // canonical reads name the camera itself
		cam, ok := g.cfg.Registry().Camera(id)
		if !ok || cam.Accepts().Behind != u.cam.ID {
			return schemas.Rejectf(schemas.ReasonBadField, "camera_id",
				"is neither the camera of the address nor behind it; leave it out, or register the camera with behind: %s", u.cam.ID)
		}
		ev.camera = cam
		return nil
	}
	ev.camera = u.cam
	if at.Sources == nil || ev.Read.CameraId != "" {
		return nil
	}
	if len(ev.sources) == 0 {
		if f.canonical {
			return nil // software could name the camera, and did not
		}
		return schemas.Rejectf(schemas.ReasonMissingField, "source_id",
			"the registry tells the cameras of this address apart by source_id, and the message names no source; let the device send its channel or camera number")
	}
	found := ""
	for _, s := range ev.sources {
		id, ok := at.Sources[s.id]
		if ok && found != "" && id != found {
			return schemas.Rejectf(schemas.ReasonBadField, s.key,
				"%.64q is a source_id of %s, and another of the message is one of %s; give each to one camera", s.id, id, found)
		}
		if ok {
			found = id
		}
	}
	if found == "" {
		s := ev.sources[0]
		return schemas.Rejectf(schemas.ReasonBadField, s.key,
			"%.64q is no source_id at the address of %s; register it, with behind: %s if it is another camera", s.id, u.cam.ID, u.cam.ID)
	}
	cam, ok := g.cfg.Registry().Camera(found)
	if !ok {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id",
			"the registry was changed meanwhile; send it again")
	}
	ev.camera = cam
	return nil
}

// sourceMemory remembers the first source names of cameras without source ids. Safe for concurrent use.
type sourceMemory struct {
	mu    sync.Mutex // guards the fields below
	first map[string][]eventSource
	told  map[string]bool // cameras the log has named
}

// compareSources reports whether an event comes from another source than the camera's first since the start. tell asks
// for a log message, once a camera. Sources differ if they have a key in common with different ids.
func (s *sourceMemory) compareSources(camera string, of []eventSource) (other, tell bool) {
	if len(of) == 0 {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first, s.told = map[string][]eventSource{}, map[string]bool{}
	}
	first, ok := s.first[camera]
	if !ok {
		s.first[camera] = slices.Clone(of)
		return false, false
	}
	for _, a := range first {
		for _, b := range of {
			other = other || a.key == b.key && a.id != b.id
		}
	}
	tell = other && !s.told[camera]
	if tell {
		s.told[camera] = true
	}
	return other, tell
}

// markSecondSource marks a read from a second source at an address without source ids.
func (g *Gateway) markSecondSource(u *upload, ev *CameraEvent) {
	if u.cam.Accepts().Sources != nil {
		return
	}
	other, tell := g.sources.compareSources(u.cam.ID, ev.sources)
	if other {
		ev.addNotice(NoticeSource)
	}
	if tell {
		g.log.Warn().Str("camera", u.cam.ID).Str("names", ev.sources[0].key).
			Msg("messages of several devices come to the address of one camera, and all count as its own: register each with source_id, and behind for those that share the address")
	}
}

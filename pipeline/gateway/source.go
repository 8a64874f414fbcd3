package gateway

import (
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// A source is the device a message names as where its event comes from: the channel of a recorder, the number of a
// camera. One address may stand for several of them, and place, limit, zone and certificate are those of the camera,
// not of the address. So a message is routed by its source to the camera that the registry has for it.
type eventSource struct{ key, id string }

// addSource notes what a message names as its source. An adapter calls it for each name that its vendor has; empty ones
// count for nothing.
func (ev *CameraEvent) addSource(key, id string) {
	if id != "" && len(ev.sources) < maxSourceNames {
		ev.sources = append(ev.sources, eventSource{key, cutText(id, schemas.MaxEventID)})
	}
}

// maxSourceNames bounds the names of a source in one message.
const maxSourceNames = 8

// routeSource finds the camera of an event at the address of a camera. Only cameras that the registry places behind that
// address can be found: a token never writes for another camera.
func (g *Gateway) routeSource(u *upload, ev *CameraEvent) *schemas.RejectError {
	at := u.cam.Accepts()
	f := findFormat(u.path)
	ev.addSource(f.serialHeader, u.r.Header.Get(f.serialHeader))
	if id := ev.Read.CameraId; id != "" && id != u.cam.ID { // canonical reads name the camera itself
		cam, ok := g.cfg.Registry().Camera(id)
		if !ok || cam.Accepts().Behind != u.cam.ID {
			return schemas.Rejectf(schemas.ReasonBadField, "camera_id", "is neither the camera of the address nor behind it; leave it out, or register the camera with behind: %s", u.cam.ID)
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
			return nil // it could name its camera, and left it out
		}
		return schemas.Rejectf(schemas.ReasonMissingField, "source_id", "the registry tells the cameras of this address apart by source_id, and the message names no source; let the device send its channel or camera number")
	}
	found := ""
	for _, s := range ev.sources {
		id, ok := at.Sources[s.id]
		if ok && found != "" && id != found {
			return schemas.Rejectf(schemas.ReasonBadField, s.key, "%.64q is a source_id of %s, and another of the message is one of %s; give each to one camera", s.id, id, found)
		}
		if ok {
			found = id
		}
	}
	if found == "" {
		s := ev.sources[0]
		return schemas.Rejectf(schemas.ReasonBadField, s.key, "%.64q is no source_id at the address of %s; register it, with behind: %s if it is another camera", s.id, u.cam.ID, u.cam.ID)
	}
	cam, ok := g.cfg.Registry().Camera(found)
	if !ok {
		return schemas.Rejectf(schemas.ReasonUnknownCamera, "camera_id", "the registry was changed meanwhile; send it again")
	}
	ev.camera = cam
	return nil
}

// sourceMemory remembers what cameras without source ids were called first. Safe for concurrent use.
type sourceMemory struct {
	mu    sync.Mutex // guards what follows
	first map[string][]eventSource
	told  map[string]bool // cameras the log has named
}

// compareSources reports whether an event comes from another source than the camera's first since the start, and whether the
// log is to say so: once a camera. Sources differ when they have a name in common and mean different things by it.
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

// markSecondSource notes a read of a second source at an address whose cameras have no source ids.
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

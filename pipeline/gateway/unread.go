package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// finishUnread gives an event with an unread plate the camera and time by which it is counted once. An event that
// cannot be routed to a camera is refused like a read.
func (g *Gateway) finishUnread(u *upload, ev *CameraEvent) {
	if rej := g.routeSource(u, ev); rej != nil {
		ev.Err = rej
		return
	}
	ev.Read.RawPlate = ""
	ev.Read.CameraId, ev.Read.ReceivedAtUs = ev.camera.ID, int64(u.received)
	if ev.stated.zone == zoneNone { // some formats stop at the plate: the bytes sent tell events apart
		ev.Read.CameraEventId = hex.EncodeToString(hashPart(u.body, ev.part))
	}
}

// hashPart hashes the event's part of the upload, or the whole body without a part.
func hashPart(body, part []byte) []byte {
	if part == nil {
		part = body
	}
	sum := sha256.Sum256(part)
	return sum[:]
}

// countUnread counts a vehicle with an unread plate, at most once.
func (g *Gateway) countUnread(ev *CameraEvent, format string) {
	if g.unread.addID(schemas.ID(ev.Read.ReadId)) {
		return
	}
	g.cfg.Metrics.Unread.WithLabelValues(format, ev.camera.ID).Inc()
	if len(ev.Read.ImageSha256) > 0 {
		g.cfg.Log.Info().Str("camera", ev.camera.ID).Stringer("captured_at", ev.stated.instant()).Hex("image_sha256",
			ev.Read.ImageSha256).
			Msg("a vehicle passed whose plate the camera did not read; its picture is in the image store")
	}
}

// recentIDs is a set of the latest ids, so that repetitions are counted once. Safe for concurrent use.
type recentIDs struct {
	mu    sync.Mutex // guards the fields below
	known map[schemas.ID]struct{}
	ring  []schemas.ID
	next  int
}

const maxRecentIDs = 1 << 15 // half an hour of unread plates at eighteen a second

// addID remembers the id, and reports whether it was there already.
func (s *recentIDs) addID(id schemas.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[id]; ok {
		return true
	}
	if s.known == nil {
		s.known = map[schemas.ID]struct{}{}
	}
	if len(s.ring) < maxRecentIDs {
		s.ring = append(s.ring, id)
	} else {
		delete(s.known, s.ring[s.next])
		s.ring[s.next] = id
		s.next = (s.next + 1) % maxRecentIDs
	}
	s.known[id] = struct{}{}
	return false
}

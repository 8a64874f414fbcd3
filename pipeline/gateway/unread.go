package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// finishUnread gives an event of an unread plate its camera and time, by which it is counted once. When it cannot be taken
// for its camera it is refused like a read.
func (g *Gateway) finishUnread(u *upload, p *Parsed) {
	if rej := g.routeSource(u, p); rej != nil {
		p.Err = rej
		return
	}
	p.Read.RawPlate = ""
	p.Read.CameraId, p.Read.ReceivedAtUs = p.cam.ID, int64(u.received)
	if p.when.zone == zoneNone { // some formats stop at the plate: what was sent is what tells it from others
		p.Read.CameraEventId = hex.EncodeToString(sumOf(u.body, p.raw))
	}
}

// sumOf hashes the part of an upload, or all of it when there is none.
func sumOf(body, part []byte) []byte {
	if part == nil {
		part = body
	}
	sum := sha256.Sum256(part)
	return sum[:]
}

// countUnread counts a vehicle whose plate was not read, unless it was counted already.
func (g *Gateway) countUnread(p *Parsed, format string) {
	if g.unread.seen(schemas.ID(p.Read.ReadId)) {
		return
	}
	g.cfg.Metrics.Unread.WithLabelValues(format, p.cam.ID).Inc()
	if len(p.Read.ImageSha256) > 0 {
		g.cfg.Log.Info().Str("camera", p.cam.ID).Stringer("captured_at", p.when.device()).Hex("image_sha256", p.Read.ImageSha256).
			Msg("a vehicle passed whose plate the camera did not read; its picture is in the image store")
	}
}

// recentIDs is a set of the last ids, for what is counted once however often it is sent. Safe for concurrent use.
type recentIDs struct {
	mu    sync.Mutex // guards what follows
	known map[schemas.ID]struct{}
	ring  []schemas.ID
	next  int
}

const maxRecentIDs = 1 << 15 // half an hour of unread plates at eighteen a second

// seen reports whether the id is one of the last, and remembers it.
func (s *recentIDs) seen(id schemas.ID) bool {
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

package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

// Prefetching loads memory that is going to be needed, for many keys in a loop with nothing else in it: cache misses that do not depend on
// each other overlap, where the same look-ups one by one wait for each. It changes no row, only the time: 0.6 to 0.7 of 6.3 us a read.

// prefetchLeast is how many records are worth it: a trickle has nothing to overlap.
const prefetchLeast = 8

// prefetchLists are the keys of a chunk or of closed passages.
type prefetchLists struct {
	classes []schemas.Class
	sites   []uint64
	ids     []schemas.ReadID
	plates  []schemas.Plate
	cams    []*schemas.Camera
	loaded  uint64 // keeps the loads alive
}

// prefetchChunk loads memory that apply is going to need.
func (s *Shard) prefetchChunk(records []chunkRecord) {
	if len(records) < prefetchLeast || s.cfg.NoPrefetch {
		return
	}
	g := &s.chunk.prefetchLists
	g.classes, g.sites, g.ids, g.cams = g.classes[:0], g.sites[:0], g.ids[:0], g.cams[:0]
	for i := range records {
		it := &records[i]
		if it.cam == nil {
			continue
		}
		g.classes = append(g.classes, it.read.Class)
		g.sites = append(g.sites, it.from.Site)
		g.ids = append(g.ids, it.read.ID)
		g.cams = append(g.cams, it.cam)
	}
	g.loaded += s.window.Prefetch(g.ids) + s.passages.Prefetch(g.classes, g.sites)
	if s.emit == nil { // while state is rebuilt no rule runs
		return
	}
	g.loaded += prefetchCameras(g.cams)
	s.versions.Reference.Prefetch(g.classes, nil)
}

// prefetchClosed loads memory that deciding the passages is going to need.
func (s *Shard) prefetchClosed(closed []dedup.Closed) {
	if len(closed) < prefetchLeast || s.cfg.NoPrefetch {
		return
	}
	g := &s.chunk.prefetchLists
	g.cams, g.plates = g.cams[:0], g.plates[:0]
	for i := range closed {
		g.plates = append(g.plates, closed[i].Best.Plate)
		if c, ok := s.versions.Reference.CameraNumbered(closed[i].BestCamera); ok {
			g.cams = append(g.cams, c)
		}
	}
	g.loaded += prefetchCameras(g.cams)
	s.versions.Reference.Prefetch(nil, g.plates)
}

// prefetchCameras loads what the rules and the sink ask of cameras: the entry, then its lanes, then their limits.
//
//go:noinline
func prefetchCameras(cams []*schemas.Camera) (loaded uint64) {
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

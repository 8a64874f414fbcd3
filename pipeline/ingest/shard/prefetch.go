package shard

import (
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

// Prefetching loads memory before its use, for many keys in a loop without other work. Independent cache misses
// overlap, while single look-ups would wait for each miss. Rows do not change, only time: 0.6 to 0.7 us per read (6.3
// us in all).

// prefetchLeast is the smallest number of records worth prefetching. Fewer records have nothing to overlap.
const prefetchLeast = 8

// prefetchLists are the keys to prefetch, for a chunk or for closed passages.
type prefetchLists struct {
	classes []schemas.Class
	sites   []uint64
	ids     []schemas.ReadID
	plates  []schemas.Plate
	cams    []*schemas.Camera
	loaded  uint64 // keeps the loads alive
}

// prefetchChunk loads the memory for applying the chunk.
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

// prefetchClosed loads the memory for deciding the passages.
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

// prefetchCameras loads camera data for rules and sink: the entry, then the lanes, then their limits.
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

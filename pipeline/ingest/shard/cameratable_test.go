package shard

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestCameraTableAnswersAsTheRegistry(t *testing.T) {
	r := newTestReference()
	r.version = "1"
	clear(r.cams)
	ids := []string{"c", strings.Repeat("x", 18), strings.Repeat("x", 19), strings.Repeat("x", 20), strings.Repeat("x", schemas.MaxCameraID)}
	for i := range 3000 { // of one length and with the same ends: their hashes may be equal, they are not
		ids = append(ids, fmt.Sprintf("BRU-0001-%04d-12345678", i))
	}
	for i, id := range ids {
		r.cams[id] = &schemas.Camera{ID: id, SiteHash: uint64(i), ValidFrom: schemas.Micros(i), AllowedLateness: schemas.Second}
	}
	s := New(Config{Topic: "t", Partitions: 1}, Rewind{})
	s.versions = &Versions{Reference: r}
	for range 2 {
		s.cameras.resetFor(r.version)
		for i, id := range ids {
			at := s.lookup(id, cameraHash(id))
			if at == nil || at.cam != r.cams[id] || at.site != uint64(i) || at.from != schemas.Micros(i) || at.lateness != schemas.Second {
				t.Fatalf("camera %q: got %+v", id, at)
			}
			if c, ok := s.numbered(at.number, id); !ok || c != r.cams[id] {
				t.Fatalf("camera %q by its number %d: got %+v", id, at.number, c)
			}
		}
	}
	if r.asked != len(ids) {
		t.Errorf("the registry was asked %d times for %d cameras", r.asked, len(ids))
	}
	for _, id := range []string{"", "cc", strings.Repeat("y", 24), strings.Repeat("x", schemas.MaxCameraID+1)} {
		if c, ok := s.camera(id); ok {
			t.Errorf("camera %q: got %+v, want none", id, c)
		}
	}
	r.version, r.cams["c"] = "2", &schemas.Camera{ID: "c", SiteHash: 99}
	s.cameras.resetFor(r.version)
	if at := s.lookup("c", cameraHash("c")); at == nil || at.site != 99 {
		t.Errorf("after a new version: got %+v, want the new entry", at)
	}
	if c, ok := s.numbered(s.passages.Camera(ids[1]), ids[1]); !ok || c != r.cams[ids[1]] {
		t.Errorf("after a new version, a camera that was not met in it: got %+v", c)
	}
}

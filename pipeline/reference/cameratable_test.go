package reference

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestTheCameraTableFindsEveryCameraAndNoOther(t *testing.T) {
	ids := []string{"c", strings.Repeat("x", 22), strings.Repeat("x", 23), strings.Repeat("x", 24), strings.Repeat("x", schemas.MaxCameraID)}
	for i := range 3000 { // equal lengths and ends: the hashes may be equal, the ids are not
		ids = append(ids, fmt.Sprintf("BRU-0001-%04d-12345678", i))
	}
	r := &cameraRegistry{}
	for _, id := range ids {
		r.all = append(r.all, &schemas.Camera{ID: id})
	}
	r.assignNumbers(newNumbers())
	s := &Snapshot{cameras: r}
	for i, id := range ids {
		c, ok := s.Camera(id)
		if !ok || c != r.all[i] || int(c.Number) != i+1 {
			t.Fatalf("camera %q: got %+v", id, c)
		}
		if by, ok := s.CameraNumbered(c.Number); !ok || by != c || s.CameraName(c.Number) != id {
			t.Fatalf("camera %q by its number %d: got %+v", id, c.Number, by)
		}
	}
	for _, id := range []string{"", "cc", strings.Repeat("y", 24), strings.Repeat("x", 25), strings.Repeat("x", schemas.MaxCameraID+1)} {
		if c, ok := s.Camera(id); ok {
			t.Errorf("camera %q: got %+v, want none", id, c)
		}
	}
	for _, number := range []uint32{0, uint32(len(ids) + 1), 1 << 31} {
		if c, ok := s.CameraNumbered(number); ok {
			t.Errorf("camera number %d: got %+v, want none", number, c)
		}
	}
	if s.CameraName(0) != "" {
		t.Error("number 0 has a name")
	}
	if _, ok := (&Snapshot{cameras: &cameraRegistry{table: newCameraTable(nil)}}).Camera("c"); ok {
		t.Error("a camera in an empty registry")
	}
}

// A camera keeps its number over reloads, whatever cameras come and go, and its name is known for ever.
func TestACameraKeepsItsNumberOverReloads(t *testing.T) {
	n := newNumbers()
	var last *Snapshot
	numbers := map[string]uint32{}
	for version, ids := range [][]string{{"b", "d"}, {"a", "b", "d"}, {"a", "c"}, {}, {"b", "c", "d", "e"}} {
		r := &cameraRegistry{}
		for _, id := range ids {
			r.all = append(r.all, &schemas.Camera{ID: id, Site: fmt.Sprint(version)})
		}
		r.assignNumbers(n)
		before := last
		last = &Snapshot{cameras: r}
		for _, id := range ids {
			c, ok := last.Camera(id)
			if !ok || c.Site != fmt.Sprint(version) {
				t.Fatalf("version %d: camera %q is %+v", version, id, c)
			}
			if had, known := numbers[id]; known && had != c.Number || !known && int(c.Number) != len(numbers)+1 {
				t.Errorf("version %d: camera %q has number %d, had %d of %d", version, id, c.Number, had, len(numbers))
			}
			numbers[id] = c.Number
		}
		for id, number := range numbers {
			_, there := last.CameraNumbered(number)
			if _, want := last.Camera(id); there != want || last.CameraName(number) != id {
				t.Errorf("version %d: number %d of %q: there %v, name %q", version, number, id, there, last.CameraName(number))
			}
		}
		if before != nil && len(before.cameras.names) > len(last.cameras.names) {
			t.Errorf("version %d: names were forgotten", version)
		}
	}
	if len(numbers) != 5 {
		t.Errorf("%d cameras have numbers, want 5", len(numbers))
	}
}

package reference

import "github.com/gvc-brussels/anpr/schemas"

// numbers gives each camera a number when it is first loaded. The number is the camera's over every reload. It is changed by one load at a
// time; snapshots read only the names there were when they were loaded.
type numbers struct {
	byID  map[string]uint32
	names []string // by number; 0 is no camera
}

func newNumbers() *numbers { return &numbers{byID: map[string]uint32{}, names: make([]string, 1)} }

// assign sets the numbers of cameras that nobody shares yet. New ones come in the order given.
func (n *numbers) assign(cameras []*schemas.Camera) {
	for _, c := range cameras {
		number, known := n.byID[c.ID]
		if !known {
			number = uint32(len(n.names))
			n.byID[c.ID] = number
			n.names = append(n.names, c.ID)
		}
		c.Number = number
	}
}

package reference

import "github.com/gvc-brussels/anpr/schemas"

// numbers gives each camera a number at its first load. The camera keeps the number over every reload. Only one load
// at a time changes numbers; a snapshot reads only the names present at its load.
type numbers struct {
	byID  map[string]uint32
	names []string // by number; 0 is no camera
}

func newNumbers() *numbers { return &numbers{byID: map[string]uint32{}, names: make([]string, 1)} }

// assign sets the numbers of cameras which no other goroutine shares yet. New cameras are numbered in the given order.
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

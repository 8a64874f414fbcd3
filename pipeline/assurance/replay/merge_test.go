package replay

import (
	"math/rand/v2"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestTheFirstMeasurementThatCameLateIsJudged, in whatever order the reads come back, and only for a passage
// without a measurement.
func TestTheFirstMeasurementThatCameLateIsJudged(t *testing.T) {
	plate := schemas.MustPlate("1ABC123")
	read := func(offset int64, speed schemas.Speed, text string) readRow {
		return readRow{id: schemas.ID{byte(offset)}, passage: schemas.ID{1}, offset: offset, plate: schemas.MustPlate(text), speed: speed}
	}
	for _, c := range []struct {
		name  string
		reads []readRow
		want  int64 // offset of the judged read; 0 = none
	}{
		{"none came late", []readRow{read(3, 0, "1ABC123"), read(9, 700, "1ABC123")}, 0},
		{"two came late", []readRow{read(3, 0, "1ABC123"), read(14, 700, "1ABC123"), read(12, 800, "1ABC123")}, 12},
		{"at the record that closed it", []readRow{read(3, 0, "1ABC123"), read(10, 700, "1ABC123")}, 10},
		{"late and without a speed", []readRow{read(3, 0, "1ABC123"), read(12, 0, "1ABC123")}, 0},
		{"the passage had one", []readRow{read(3, 500, "1ABC123"), read(12, 800, "1ABC123")}, 0},
		// and held, for the passage then names two
		{"of another plate", []readRow{read(3, 0, "1ABC123"), read(12, 800, "1A8C123")}, 12},
	} {
		for seed := range uint64(6) {
			var g readGroup
			g.addPassage(&passageRow{id: schemas.ID{1}, plate: plate, closed: 10, variants: 1})
			order := rand.New(rand.NewPCG(seed, 1)).Perm(len(c.reads))
			for _, i := range order {
				g.takeRead(&c.reads[i])
			}
			var got int64
			for i := range g.late {
				if l := &g.late[i]; g.wasJudged(l) {
					got += l.offset
					if n := g.countVariants(l); (n > 1) != (l.passage.Best.Plate != plate) {
						t.Errorf("%s: %d variants", c.name, n)
					}
				}
			}
			if got != c.want {
				t.Errorf("%s, order %v: judged at %d, want %d", c.name, order, got, c.want)
			}
		}
	}
}

package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// TestAPairIsDecidedOnceWhenTheLaterPassageCloses: whichever of two passages was captured first, closes first or
// closes at the same record, and also when more passages close at one record than are decided together.
func TestAPairIsDecidedOnceWhenTheLaterPassageCloses(t *testing.T) {
	const near, far = "front", "mobile-00"
	late := func(m *anprv1.PlateRead) { m.LateUpload = true }
	s := simStart + schemas.Minute
	read := func(camera string, captured, received schemas.Micros) *anprv1.PlateRead {
		return camRead(camera, "1KLM453", s+captured*schemas.Second, s+received*schemas.Second, late)
	}
	for _, c := range []struct {
		name  string
		reads []*anprv1.PlateRead
		pairs int
	}{
		{"two sites, one record closes both", []*anprv1.PlateRead{read(near, 0, 0), read(far, 1, 1)}, 1},
		{"two sites, the other order", []*anprv1.PlateRead{read(far, 0, 0), read(near, 1, 1)}, 1},
		{"the entry closes after the exit", []*anprv1.PlateRead{read(near, 0, 0), read(far, -3600, 6)}, 1},
		{"one site twice", []*anprv1.PlateRead{read(near, 0, 0), read(near, 8, 8)}, 0},
		{"three sites", []*anprv1.PlateRead{read(near, 0, 0), read(far, 6, 6), read("mobile-01", 12, 12)}, 2},
		{"the same read again after the window", []*anprv1.PlateRead{read(near, 0, 0), read(far, 1, 1), read(near, 9, 9), read(near, 18, 18), read(near, 27, 27), read(far, 1, 31)}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			block, _ := oneShard(t, encodeReads(c.reads))
			if n := countPairs(t, block); n != c.pairs {
				t.Errorf("%d pairs, want %d: %s", n, c.pairs, strings.Join(block.rows["decisions"], "\n"))
			}
		})
	}
	var many []*anprv1.PlateRead
	for i := range 100 {
		plate := fmt.Sprintf("1KLM%03d", 222+i)
		for _, camera := range []string{near, far} {
			many = append(many, camRead(camera, plate, s, s))
		}
	}
	block, _ := oneShard(t, encodeReads(many))
	if n := countPairs(t, block); n != 100 {
		t.Errorf("%d pairs of 100 vehicles at two sites", n)
	}
}

// countPairs counts the held pairs, of which none stands twice.
func countPairs(t *testing.T, b *simBlock) (n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range b.rows["offences"] {
		if f := strings.Fields(r); f[1] == string(sitePairsInfo.Rule) {
			if n++; seen[f[0]] {
				t.Errorf("%s stands twice", f[0])
			}
			seen[f[0]] = true
		}
	}
	return n
}

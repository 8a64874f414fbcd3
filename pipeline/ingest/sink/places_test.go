package sink

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// Every row has its camera's names, over many blocks: with versions in which a camera has another site, beginning
// loans, names dropped for being too many, and cameras without a number.
func TestPlacesAreThoseOfTheCamera(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	var registries [3][]schemas.Camera
	for r := range registries {
		registries[r] = make([]schemas.Camera, 400)
		for i := range registries[r] {
			c := schemas.Camera{Number: uint32(i + 1), Municipality: 21001 + uint32(r), ID: fmt.Sprintf("c%d", i), Site: fmt.Sprintf("s%d", i/2+r), Zone: fmt.Sprintf("53%d", i%7)}
			if i%10 == 0 {
				c.Loans = []schemas.Loan{{Zone: "lent", ValidFrom: march, ValidTo: march + month}}
			}
			if i%13 == 0 {
				c.Number = 0
			}
			registries[r][i] = c
		}
	}
	p := newCameraColumns()
	for block := range 12 {
		var cameras, sites, zones []string
		cams := registries[block/2%len(registries)]
		if block%2 == 0 {
			clear(p.keysByNumber) // another version
		}
		for range 1 + rng.IntN(2000) {
			cam, at := &cams[rng.IntN(len(cams))], march+schemas.Micros(rng.Int64N(int64(2*month)))
			if rng.IntN(20) == 0 {
				p.appendCamera(cam.ID, nil, at)
				cameras, sites, zones = append(cameras, cam.ID), append(sites, ""), append(zones, "")
				continue
			}
			p.prefetchReads([]shard.ReadRow{{Camera: cam}})
			p.prefetchPassages([]shard.PassageRow{{}, {Camera: cam}})
			p.appendCamera(cam.ID, cam, at)
			cameras, sites, zones = append(cameras, cam.ID), append(sites, cam.Site), append(zones, cam.ZoneAt(at))
		}
		if block == 5 {
			for i := range maxLasting + 1 {
				id := fmt.Sprintf("a camera that left %d", i)
				p.appendCamera(id, nil, march)
				cameras, sites, zones = append(cameras, id), append(sites, ""), append(zones, "")
			}
		}
		for _, c := range []struct {
			col  *lowCol
			want []string
		}{{&p.camera, cameras}, {&p.site, sites}, {&p.zone, zones}} {
			if got := decodeLow(t, c.col); !slices.Equal(got, c.want) {
				t.Fatalf("block %d: got %.200q, want %.200q", block, got, c.want)
			}
		}
		era := p.dictGeneration()
		for _, c := range []wireColumn{&p.camera, &p.site, &p.zone, &p.municipality} {
			c.Reset()
		}
		if got := p.dictGeneration() != era; got != (block == 5) {
			t.Errorf("block %d: names forgotten: %v", block, got)
		}
	}
}

// In another version a camera may have another site, zone and municipality.
func TestACameraMayChangeWithTheVersion(t *testing.T) {
	b := NewBlock(nil)
	cam := &schemas.Camera{ID: "c1", Number: 1, Site: "s1", Zone: "5339", Municipality: 21001}
	r, pos := testRead(1, march), newBatch(0).nextPosition()
	for i, version := range []string{"1", "1", "2"} {
		if version == "2" {
			*cam = schemas.Camera{ID: "c1", Number: 1, Site: "s2", Zone: "5340", Municipality: 21002}
		}
		b.Reset()
		b.useVersion(version)
		r.Camera = cam.ID
		b.AddRead(r, schemas.PassageID{}, cam, pos)
		b.AddPassage(&schemas.Passage{Best: schemas.Sighting{Camera: cam.ID, CapturedAt: march}}, cam, pos)
		for _, p := range []*cameraColumns{&b.reads.cameraColumns, &b.passages.cameraColumns} {
			got := []string{decodeLow(t, &p.camera)[0], decodeLow(t, &p.site)[0], decodeLow(t, &p.zone)[0]}
			if want := []string{cam.ID, cam.Site, cam.Zone}; !slices.Equal(got, want) {
				t.Errorf("block %d: got %v, want %v", i, got, want)
			}
		}
	}
}

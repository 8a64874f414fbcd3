package shard

import (
	"maps"
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// testReference is reference data: a site of two fixed cameras, a polluting car, a listed plate.
type testReference struct {
	version string
	cams    map[string]*schemas.Camera
	entry   schemas.ListEntry
}

func newTestReference() *testReference {
	from, _ := schemas.ParseDay("2015-01-01")
	lane := schemas.Lane{Limits: []schemas.SpeedLimit{{Limit: 500, Surround: "built_up", LegalBasis: "test", Verified: true}}}
	r := &testReference{version: "test", cams: map[string]*schemas.Camera{}}
	add := func(id, site string, hash uint64, kind schemas.CameraKind, lateness schemas.Micros) {
		r.cams[id] = &schemas.Camera{
			ID: id, Number: uint32(len(r.cams) + 1), Site: site, SiteHash: hash, Kind: kind, InsideLEZ: true, AllowedLateness: lateness,
			Purposes: 0b111, Lanes: []schemas.Lane{lane},
			Certificates: []schemas.Certificate{{Serial: "x", Approval: "y", ValidFrom: from.Start(), ValidTo: from.AddMonths(600).Start()}},
		}
	}
	add("front", "s", 7, schemas.CameraFixed, schemas.Minute)
	add("rear", "s", 7, schemas.CameraFixed, schemas.Minute)
	r.entry = schemas.ListEntry{List: "stolen", ID: "1", Plate: schemas.MustPlate("1ABC128"), Reason: "theft", Confusable: true}
	return r
}

func (r *testReference) Version() string { return r.version }
func (r *testReference) Camera(id string) (*schemas.Camera, bool) {
	c, ok := r.cams[id]
	return c, ok
}

func (r *testReference) CameraNumbered(number uint32) (*schemas.Camera, bool) {
	for _, c := range r.cams {
		if c.Number == number {
			return c, true
		}
	}
	return nil, false
}

func (r *testReference) CameraName(number uint32) string {
	c, _ := r.CameraNumbered(number)
	return c.ID
}

func (r *testReference) Vehicle(p schemas.Plate, _ schemas.Country, _ schemas.Micros) (schemas.Vehicle, bool) {
	v := schemas.Vehicle{Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Petrol, Euro: schemas.Euro6}
	if p.At(p.Len()-1) == '1' {
		v.Fuel, v.Euro = schemas.Diesel, schemas.Euro4
	}
	return v, true
}

func (r *testReference) RegisterAsOf(schemas.Country) (schemas.Micros, bool) { return 1 << 60, true }

func (r *testReference) CopyAsOf(rules.Copy) (schemas.Micros, bool) { return 1 << 60, true }

func (r *testReference) Standing(schemas.Plate, schemas.Country) (schemas.Standing, bool) {
	return schemas.Standing{}, false
}

func (r *testReference) Permit(schemas.Plate, schemas.Country, string, schemas.Micros) (schemas.Permit, bool) {
	return schemas.Permit{}, false
}

func (r *testReference) Exemption(schemas.Plate, schemas.Country, schemas.Family, schemas.Day) (schemas.Exemption, bool) {
	return schemas.Exemption{}, false
}

func (r *testReference) DayPass(schemas.Plate, schemas.Country, schemas.Day) (schemas.DayPass, bool) {
	return schemas.DayPass{}, false
}

func (r *testReference) DayPasses(schemas.Plate, schemas.Country, schemas.Day, schemas.Day) int {
	return 0
}

func (r *testReference) Registration(schemas.Plate, schemas.Country, schemas.Day) (schemas.Registration, bool) {
	return schemas.Registration{}, false
}

func (r *testReference) Prefetch([]schemas.Class, []schemas.Plate) {}

func (r *testReference) Entries(dst []*schemas.ListEntry, c schemas.Class, _ schemas.Micros) []*schemas.ListEntry {
	if c == r.entry.Plate.Class() {
		dst = append(dst, &r.entry)
	}
	return dst
}

// testCatalogue is the catalogue in force.
var testCatalogue = sync.OnceValue(func() *rules.Catalogue {
	c, err := rules.Load(rules.Brussels())
	if err != nil {
		panic(err)
	}
	return c
})

// newTestVersions are the versions of new reference data, with an engine that is compiled for its cameras.
func newTestVersions(version string) *Versions {
	r := newTestReference()
	r.version = version
	return &Versions{r, rules.NewEngine(testCatalogue(), slices.Collect(maps.Values(r.cams)))}
}

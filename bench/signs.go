package bench

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// The access zones of a city with signs.
const (
	zoneCentre = "CENTRE" // pedestrian, at every hour
	zoneCanal  = "CANAL"  // no goods vehicles above 3.5 t, at every hour
)

// madeUpBasis stands where a real registry cites a regulation.
const madeUpBasis = `{nl: "verzonnen stad, geen rechtswaarde", fr: "ville inventée, sans valeur juridique", en: "generated city, no legal value"}`

// residentsOneIn is the share of Belgian vehicles that may enter the pedestrian zone.
const residentsOneIn = 12

// sitesASign is the number of sites in town, with one fixed camera each, to one sign of a kind.
const sitesASign = 25

// putSigns gives some sites in town, with one fixed camera each, a light, an entry of the pedestrian zone, a reserved lane
// or a sign C23; every city with enough sites has each.
func (c *City) putSigns(r *rand.Rand) {
	var free []*schemas.Camera
	for i := range c.sites {
		s := &c.sites[i]
		cam := &c.cameras[s.cameras[0]]
		if !s.motorway && len(s.cameras) == 1 && cam.Kind == schemas.CameraFixed && cam.ValidTo == 0 && len(s.roads) > 0 {
			free = append(free, cam)
		}
	}
	r.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	take := func(fits func(*schemas.Camera) bool) *schemas.Camera {
		for i, cam := range free {
			if fits(cam) {
				free = slices.Delete(free, i, i+1)
				return cam
			}
		}
		return nil
	}
	anywhere := func(*schemas.Camera) bool { return true }
	for range max(1, len(free)/sitesASign) {
		for _, kind := range [...]schemas.CameraPurpose{purposeReservedLane, purposeRedLight, purposeGoods, purposeAccess} {
			fits := anywhere
			switch kind {
			case purposeReservedLane:
				fits = func(cam *schemas.Camera) bool { return len(cam.Lanes) > 1 }
			case purposeRedLight: // no lapsed device
				fits = func(cam *schemas.Camera) bool {
					return len(cam.Certificates) == 0 || cam.CertificateAt(c.day.Start()) != nil
				}
			}
			if cam := take(fits); cam != nil {
				c.putSign(r, cam, kind)
			}
		}
	}
}

func (c *City) putSign(r *rand.Rand, cam *schemas.Camera, kind schemas.CameraPurpose) {
	cam.Purposes |= kind
	switch {
	case kind == purposeRedLight && len(cam.Certificates) == 0:
		cam.Certificates = c.drawCertificates(r, cam.Number-1, false)
	case kind == purposeReservedLane:
		cam.Lanes[0].Reserved = []schemas.ReservedLane{{
			Sign: schemas.SignF17, Use: schemas.LaneBus, TurnAllowed: r.IntN(4) == 0, ValidFrom: schemas.DayOf(2021, 1, 1).Start(),
		}}
	}
}

// heedsSign reports whether a car on its way keeps out of a site: who may not enter the pedestrian zone does, but for one
// in forty.
func (t *Traffic) heedsSign(c *car, site uint16) bool {
	cam := &t.city.cameras[t.city.sites[site].cameras[0]]
	return cam.Purposes.Has(purposeAccess) && !t.city.residesInCentre(c.vehicle) && t.r.IntN(40) != 0
}

// pickLane picks a lane of a camera. One driver in ten who happens upon a reserved lane, and may not use it, does.
func (t *Traffic) pickLane(cam *schemas.Camera, vehicle uint32) *schemas.Lane {
	lane := &cam.Lanes[t.r.IntN(len(cam.Lanes))]
	if len(lane.Reserved) > 0 && !t.city.vehicles[vehicle].isBus() && t.r.IntN(10) != 0 {
		lane = &cam.Lanes[1]
	}
	return lane
}

// isBus reports whether a vehicle carries passengers in more than eight seats.
func (v *vehicle) isBus() bool { return v.category == schemas.M2 || v.category == schemas.M3 }

// residesInCentre reports whether a vehicle has a permit for the pedestrian zone.
func (c *City) residesInCentre(vehicle uint32) bool {
	return c.cfg.Signs && vehicle%residentsOneIn == 0 && c.vehicles[vehicle].country == belgium
}

// drawLight draws how long a light had been red, or amber, at the measured read of a passing.
func (t *Traffic) drawLight(s *plannedRead) {
	if !t.city.cameras[s.camera].Purposes.Has(purposeRedLight) {
		return
	}
	switch n := t.r.IntN(1000); {
	case n < 3:
		s.red = uint16(1 + t.r.IntN(redTolerance+lightUncertainty)) // within what is taken off
	case n < 5:
		s.red = uint16(redTolerance + lightUncertainty + t.r.IntN(2)) // at its edge
	case n < 35:
		s.red = uint16(redTolerance + lightUncertainty + 1 + t.r.IntN(6_000))
	case n < 43:
		s.amber = uint16(1 + t.r.IntN(2*(amberTolerance+lightUncertainty)))
	}
}

// lightMeasure returns the measure of a read at a light; ok is false at green and elsewhere.
func (s *plannedRead) lightMeasure() (name schemas.MeasureName, milliseconds uint16, ok bool) {
	switch {
	case s.red != 0:
		return schemas.RedTime, s.red, true
	case s.amber != 0:
		return schemas.AmberTime, s.amber, true
	default:
		return "", 0, false
	}
}

// writeZones writes access_zones.yaml.
func (c *City) writeZones(w *bufio.Writer) {
	fmt.Fprintln(w, "access_zones:")
	for _, z := range []struct {
		id, kind, nl, fr, more string
		purpose                schemas.CameraPurpose
	}{
		{zoneCentre, schemas.ZonePedestrian.String(), "Voetgangerszone", "Zone piétonne", "", purposeAccess},
		{zoneCanal, schemas.ZoneGoods.String(), "Kanaaloever", "Bord du canal", "    above_kg: 3500\n", purposeGoods},
	} {
		var entries []string
		for i := range c.cameras {
			if c.cameras[i].Purposes.Has(z.purpose) {
				entries = append(entries, fmt.Sprintf("{camera: %s}", c.cameras[i].ID))
			}
		}
		if entries == nil {
			continue
		}
		fmt.Fprintf(w, "  - id: %s\n    kind: %s\n    name: {nl: %s, fr: %s}\n%s    entries: [%s]\n", z.id, z.kind, z.nl, z.fr, z.more, strings.Join(entries, ", "))
		fmt.Fprintf(w, "    valid_from: 2021-01-01\n    legal_basis: %s\n", madeUpBasis)
	}
}

// writePermits writes permits.csv: the residents of the pedestrian zone.
func (c *City) writePermits(w *bufio.Writer) {
	fmt.Fprintln(w, "plate,zone,reason,valid_from,valid_to")
	if !c.hasSigns(purposeAccess) {
		return
	}
	for i := range c.vehicles {
		if c.residesInCentre(uint32(i)) {
			fmt.Fprintf(w, "%s,%s,resident,2021-01-01,\n", c.vehicles[i].plate, zoneCentre)
		}
	}
}

// hasSigns reports whether a camera has the purpose.
func (c *City) hasSigns(p schemas.CameraPurpose) bool {
	for i := range c.cameras {
		if c.cameras[i].Purposes.Has(p) {
			return true
		}
	}
	return false
}

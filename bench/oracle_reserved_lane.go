package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindReservedLane    = "reserved_lane"
	purposeReservedLane = schemas.CameraPurpose(1 << 7)
)

// reservedLaneOracle keeps the passings in a lane for buses by what the register does not say is a bus.
type reservedLaneOracle struct {
	used []*ExpectedRead
	may  map[schemas.ReadID]bool // in the lane, in a passing whose best read is not sure
}

func (*reservedLaneOracle) kindName() string { return kindReservedLane }
func (*reservedLaneOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeReservedLane, "reserved_lane"
}

// addRead implements [oracle].
func (o *reservedLaneOracle) addRead(t *Traffic, _ *passing, s *plannedRead) {
	if t.city.usesBusLane(s) {
		o.may[t.expectedRead(s).Read] = true
	}
}

// usesBusLane reports whether a read is of a vehicle in a reserved lane that no register knows as a bus, under the plate
// and country that were read.
func (c *City) usesBusLane(s *plannedRead) bool {
	cam, v := &c.cameras[s.camera], &c.vehicles[s.vehicle]
	lane := cam.Lane(s.lane, s.direction)
	if !cam.Purposes.Has(purposeReservedLane) || lane == nil || len(lane.Reserved) == 0 {
		return false
	}
	return !v.isBus() || !v.hasRegister() || v.flags&inRegister == 0 || s.plate != v.plate || s.noCountry
}

// expectResults implements [oracle]. A read that must have a row and reads that may stay apart: of a sure passing no
// read but the best has a row.
func (o *reservedLaneOracle) expectResults(t *Traffic, p *passing) {
	if t.city.usesBusLane(&p.best) && p.isSure(&t.city.vehicles[p.vehicle]) {
		x := t.expectedRead(&p.best)
		delete(o.may, x.Read)
		o.used = append(o.used, &x)
	}
}

// compareResults implements [oracle].
func (o *reservedLaneOracle) compareResults(h *Truth, r *TruthReport, got *Got, window schemas.Micros) {
	h.compareReads(r, kindReservedLane, o.used, o.may, got, window)
}

package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindAccess    = "access"
	purposeAccess = schemas.CameraPurpose(1 << 6)
)

// accessOracle keeps the days on which a vehicle without a permit entered the pedestrian zone, which is barred at every
// hour.
type accessOracle struct {
	days dayRows
}

func (*accessOracle) kindName() string                               { return kindAccess }
func (*accessOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeAccess, "access" }
func (*accessOracle) addRead(*Traffic, *passing, *plannedRead)       {}

// expectResults implements [oracle]. An entry has a site of its own, with one camera.
func (o *accessOracle) expectResults(t *Traffic, p *passing) {
	s := &p.best
	if !t.city.cameras[s.camera].Purposes.Has(purposeAccess) {
		return
	}
	sure := p.isSure(&t.city.vehicles[p.vehicle])
	if t.city.residesInCentre(p.vehicle) && sure {
		return
	}
	o.days.add(p.vehicle, s.captured, sure)
}

// compareResults implements [oracle].
func (o *accessOracle) compareResults(h *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	o.days.compare(h, r, kindAccess, got)
}

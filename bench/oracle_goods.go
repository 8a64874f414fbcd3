package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindGoods    = "goods"
	purposeGoods = schemas.CameraPurpose(1 << 8)
)

// goodsOracle keeps the days on which a lorry passed a sign C23 with 3.5 t. A van (N1) is never above it, a lorry (N2,
// N3) always; of a vehicle that no register has, the camera says whether it is a lorry.
type goodsOracle struct {
	days dayRows
}

func (*goodsOracle) kindName() string                               { return kindGoods }
func (*goodsOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeGoods, "goods" }
func (*goodsOracle) addRead(*Traffic, *passing, *plannedRead)       {}

// expectResults implements [oracle].
func (o *goodsOracle) expectResults(t *Traffic, p *passing) {
	s, v := &p.best, &t.city.vehicles[p.vehicle]
	if !t.city.cameras[s.camera].Purposes.Has(purposeGoods) {
		return
	}
	sure := p.isSure(v)
	if lorry := v.category == schemas.N2 || v.category == schemas.N3; lorry || !sure {
		o.days.add(p.vehicle, s.captured, sure)
	}
}

// compareResults implements [oracle].
func (o *goodsOracle) compareResults(h *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	o.days.compare(h, r, kindGoods, got)
}

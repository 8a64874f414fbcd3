package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindGoods    = "goods"
	purposeGoods = schemas.CameraPurpose(1 << 8)
)

// goodsOracle expects no finding: the generated city bars no street to goods vehicles.
type goodsOracle struct{}

func (goodsOracle) kindName() string                               { return kindGoods }
func (goodsOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeGoods, "goods" }
func (goodsOracle) addRead(*Traffic, *passing, *plannedRead)       {}
func (goodsOracle) expectResults(*Traffic, *passing)               {}

// compareResults implements [oracle].
func (goodsOracle) compareResults(_ *Truth, r *TruthReport, got *Got, _ schemas.Micros) {
	for _, x := range got.offences {
		r.Of(kindGoods).Extra += boolToInt(x.family == kindGoods)
	}
}

package bench

import "github.com/gvc-brussels/anpr/schemas"

const (
	kindRedLight    = "redlight"
	purposeRedLight = schemas.CameraPurpose(1 << 5)
)

// What is taken off a time into red and into amber for the driver, in milliseconds. See light_limits in
// rules/catalog/brussels/redlight.yaml.
const (
	redTolerance   = 300
	amberTolerance = 1000
)

// redLightOracle keeps the passings of a stop line at red or amber: red a candidate, amber a held row.
type redLightOracle struct {
	passed []*ExpectedRead
}

func (*redLightOracle) kindName() string { return kindRedLight }
func (*redLightOracle) cameraPurpose() (schemas.CameraPurpose, string) {
	return purposeRedLight, "redlight"
}
func (*redLightOracle) expectResults(*Traffic, *passing) {}

// addRead implements [oracle]. One read of a passing has a measure.
func (o *redLightOracle) addRead(t *Traffic, _ *passing, s *plannedRead) {
	if t.city.passedLight(s) {
		x := t.expectedRead(s)
		o.passed = append(o.passed, &x)
	}
}

// passedLight reports whether a read must become a row: beyond what is taken off, by a device with a certificate.
func (c *City) passedLight(s *plannedRead) bool {
	late := s.red > redTolerance+lightUncertainty || s.amber > amberTolerance+lightUncertainty
	return late && c.cameras[s.camera].CertificateAt(s.captured) != nil
}

// compareResults implements [oracle].
func (o *redLightOracle) compareResults(h *Truth, r *TruthReport, got *Got, window schemas.Micros) {
	h.compareReads(r, kindRedLight, o.passed, nil, got, window)
}

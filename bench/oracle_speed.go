package bench

import (
	"github.com/gvc-brussels/anpr/schemas"
)

const (
	kindSpeed    = "speed"
	purposeSpeed = schemas.CameraPurpose(1 << 1)
)

// speedOracle keeps the measurements above the limit.
type speedOracle struct {
	excesses []ExpectedSpeed
}

// ExpectedSpeed is a measurement beyond the offence threshold. Speeds in tenths of km/h.
type ExpectedSpeed struct {
	ExpectedRead
	Measured, Corrected, Limit schemas.Speed
}

// Speeds returns the expected speed offences of the passings whose last read was sent.
func (h *Truth) Speeds() []ExpectedSpeed { return oracleIn[*speedOracle](h).excesses }

func (*speedOracle) kindName() string                               { return kindSpeed }
func (*speedOracle) cameraPurpose() (schemas.CameraPurpose, string) { return purposeSpeed, "speed" }
func (*speedOracle) addRead(*Traffic, *passing, *plannedRead)       {}

// expectResults implements [oracle].
func (o *speedOracle) expectResults(t *Traffic, p *passing) {
	if !p.timed || p.parked {
		return
	}
	s := &p.measured
	cam := &t.city.cameras[s.camera]
	t.truth.Measured += uint64(boolToInt(cam.CertificateAt(s.captured) != nil))
	corrected, limit, is := judgeSpeed(cam, s, t.city.vehicles[p.vehicle].category)
	if !is {
		return
	}
	o.excesses = append(o.excesses, ExpectedSpeed{t.expectedRead(s), schemas.Speed(s.speed), corrected, limit})
}

// subtractMargin takes the technical margin off a measured speed: 6 km/h up to 100 km/h, 6 per cent above (RD
// 12/10/2010, annex 2, art. 5.2), and rounds down to whole km/h, for the driver. Tenths of km/h.
func subtractMargin(measured schemas.Speed) schemas.Speed {
	c := measured - 60
	if measured > 1000 {
		c = measured * 94 / 100
	}
	return max(c, 0) / 10 * 10
}

// heavyLimit is the motorway limit for vehicles above 3.5 t (road code art. 11.2). Coaches may drive 100 when belts,
// limiter and sign allow, and no register tells: an excess over 90 is a held row. An excess by a lorry or coach
// without a register entry, seen as such by the camera, is a held row too.
const heavyLimit = schemas.Speed(900)

// limitFor returns the limit of a vehicle category in a lane at a time, 0 when no limit is known.
func limitFor(cam *schemas.Camera, lane uint8, d schemas.Direction, at schemas.Micros, c schemas.Category) schemas.Speed {
	limit, surround := limitAt(cam, lane, d, at)
	heavy := c == schemas.N2 || c == schemas.N3 || c == schemas.M2 || c == schemas.M3
	if heavy && surround == "motorway" {
		limit = min(limit, heavyLimit)
	}
	return limit
}

// limitAt returns a lane's limit at a time, with the surroundings; 0 when no limit is known.
func limitAt(cam *schemas.Camera, lane uint8, d schemas.Direction, at schemas.Micros) (schemas.Speed, string) {
	l := cam.Lane(lane, d)
	if l == nil {
		return 0, ""
	}
	for i := range l.Limits {
		if x := &l.Limits[i]; at >= x.ValidFrom && (x.ValidTo == 0 || at < x.ValidTo) {
			return x.Limit, x.Surround
		}
	}
	return 0, ""
}

// judgeSpeed returns the corrected speed and the limit of a measurement, and whether an offence must follow.
func judgeSpeed(cam *schemas.Camera, s *plannedRead, c schemas.Category) (corrected, limit schemas.Speed, is bool) {
	if !cam.Purposes.Has(purposeSpeed) || s.speed == 0 || cam.CertificateAt(s.captured) == nil {
		return 0, 0, false
	}
	limit = limitFor(cam, s.lane, s.direction, s.captured, c)
	corrected = subtractMargin(schemas.Speed(s.speed))
	return corrected, limit, limit != 0 && corrected > limit
}

// compareResults implements [oracle].
func (o *speedOracle) compareResults(h *Truth, r *TruthReport, got *Got, window schemas.Micros) {
	all := make([]*ExpectedRead, len(o.excesses))
	for i := range o.excesses {
		all[i] = &o.excesses[i].ExpectedRead
	}
	h.compareReads(r, kindSpeed, all, nil, got, window)
}

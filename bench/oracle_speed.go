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
	Read                       schemas.ReadID
	Camera                     string
	Class                      schemas.Class
	At                         schemas.Micros
	Measured, Corrected, Limit schemas.Speed
	vehicle                    uint32
	plate                      schemas.Plate // as read
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
	ev := Event{Kind: s.kind, read: *s, t: t}
	o.excesses = append(o.excesses, ExpectedSpeed{ev.ReadID(), cam.ID, s.plate.Class(), s.captured, schemas.Speed(s.speed), corrected, limit, p.vehicle, s.plate})
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
	speeds := map[schemas.ReadID]bool{}
	for _, x := range got.offences {
		if x.family == kindSpeed {
			speeds[x.read] = true
		}
	}
	o.compareSpeeds(h, r, speeds, window)
}

// oneOffence is the longest time between a plate's excesses at a site for a single offence. See one_offence in
// rules/catalog/brussels/speed.yaml.
const oneOffence = schemas.Minute

// compareSpeeds compares the reads with a speed offence with the excesses. A plate's excesses nearer than oneOffence
// must give exactly one offence; the pipeline's order decides on which read. Excesses by two plates in a class must
// give an offence each. An excess possibly driven by a lookalike is optional.
func (o *speedOracle) compareSpeeds(h *Truth, r *TruthReport, got map[schemas.ReadID]bool, window schemas.Micros) {
	at := map[meetingPoint][]*ExpectedSpeed{}
	for i := range o.excesses {
		x := &o.excesses[i]
		site, _ := h.city.SiteOf(x.Camera)
		at[meetingPoint{x.Class, site}] = append(at[meetingPoint{x.Class, site}], x)
	}
	for place, all := range at {
		var found []*ExpectedSpeed
		for _, x := range all {
			if got[x.Read] {
				found = append(found, x)
			}
		}
		near := func(x *ExpectedSpeed) (n int) {
			for _, f := range found {
				n += boolToInt(f.plate == x.plate && max(f.At, x.At)-min(f.At, x.At) < oneOffence)
			}
			return n
		}
		for _, x := range all {
			n := near(x)
			switch {
			case !got[x.Read] && (n > 0 || h.isMistakable(x, place, window)):
				r.Of(kindSpeed).Optional++
			default:
				r.Of(kindSpeed).addExpected(got[x.Read])
			}
			if got[x.Read] && n > 1 {
				r.Of(kindSpeed).Extra++
			}
			delete(got, x.Read)
		}
	}
	r.Of(kindSpeed).Extra += len(got)
}

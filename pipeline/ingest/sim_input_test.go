package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func tickRecord(at schemas.Micros) []byte {
	b, err := proto.Marshal(&anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: int64(at)}})
	if err != nil {
		panic(err)
	}
	return b
}

func markRecord(at schemas.Micros) []byte {
	b, err := proto.Marshal(&anprv1.PlateRead{Format: schemas.FormatMark, Tick: &anprv1.Tick{AtUs: int64(at)}})
	if err != nil {
		panic(err)
	}
	return b
}

// simRegistry is reference data: one site of two fixed cameras and one with a temporary one, a polluting car, a listed
// plate.
type simRegistry struct {
	cams  map[string]*schemas.Camera
	entry schemas.ListEntry
}

func newSimRegistry() *simRegistry {
	from, _ := schemas.ParseDay("2015-01-01")
	lane := schemas.Lane{Limits: []schemas.SpeedLimit{{Limit: 500, Surround: "built_up", LegalBasis: "test", Verified: true}}}
	r := &simRegistry{cams: map[string]*schemas.Camera{}}
	add := func(id, site string, hash uint64, kind schemas.CameraKind, lateness schemas.Micros) {
		r.cams[id] = &schemas.Camera{
			ID: id, Number: uint32(len(r.cams) + 1), Site: site, SiteHash: hash, Kind: kind, InsideLEZ: true, AllowedLateness: lateness,
			Purposes: 0b111, Lanes: []schemas.Lane{lane},
			Certificates: []schemas.Certificate{{Serial: "x", Approval: "y", ValidFrom: from.Start(), ValidTo: from.AddMonths(600).Start()}},
		}
	}
	add("front", "s", 7, schemas.CameraFixed, schemas.Minute)
	add("rear", "s", 7, schemas.CameraFixed, schemas.Minute)
	for i := range 48 {
		add(fmt.Sprintf("mobile-%02d", i), fmt.Sprint("m", i), uint64(100+i), schemas.CameraTemporary, 24*schemas.Hour)
	}
	r.entry = schemas.ListEntry{List: "stolen", ID: "1", Plate: schemas.MustPlate("1ABC128"), Reason: "theft", Confusable: true}
	return r
}

func (r *simRegistry) Version() string { return "sim" }
func (r *simRegistry) Camera(id string) (*schemas.Camera, bool) {
	c, ok := r.cams[id]
	return c, ok
}

func (r *simRegistry) CameraNumbered(number uint32) (*schemas.Camera, bool) {
	for _, c := range r.cams {
		if c.Number == number {
			return c, true
		}
	}
	return nil, false
}

func (r *simRegistry) CameraName(number uint32) string {
	c, _ := r.CameraNumbered(number)
	return c.ID
}

func (r *simRegistry) Vehicle(p schemas.Plate, _ schemas.Country, _ schemas.Micros) (schemas.Vehicle, bool) {
	v := schemas.Vehicle{Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Petrol, Euro: schemas.Euro6}
	if p.At(p.Len()-1) == '1' {
		v.Fuel, v.Euro = schemas.Diesel, schemas.Euro4
	}
	return v, true
}
func (r *simRegistry) RegisterAsOf(schemas.Country) (schemas.Micros, bool) { return 1 << 60, true }

func (r *simRegistry) CopyAsOf(rules.Copy) (schemas.Micros, bool) { return 1 << 60, true }

func (r *simRegistry) Standing(schemas.Plate, schemas.Country) (schemas.Standing, bool) {
	return schemas.Standing{}, false
}

func (r *simRegistry) Permit(schemas.Plate, schemas.Country, string, schemas.Micros) (schemas.Permit, bool) {
	return schemas.Permit{}, false
}

func (r *simRegistry) Exemption(schemas.Plate, schemas.Country, schemas.Family, schemas.Day) (schemas.Exemption, bool) {
	return schemas.Exemption{}, false
}

func (r *simRegistry) DayPass(schemas.Plate, schemas.Country, schemas.Day) (schemas.DayPass, bool) {
	return schemas.DayPass{}, false
}

func (r *simRegistry) DayPasses(schemas.Plate, schemas.Country, schemas.Day, schemas.Day) int {
	return 0
}

func (r *simRegistry) Registration(schemas.Plate, schemas.Country, schemas.Day) (schemas.Registration, bool) {
	return schemas.Registration{}, false
}

func (r *simRegistry) Prefetch([]schemas.Class, []schemas.Plate) {}

func (r *simRegistry) Entries(dst []*schemas.ListEntry, c schemas.Class, _ schemas.Micros) []*schemas.ListEntry {
	if c == r.entry.Plate.Class() {
		dst = append(dst, &r.entry)
	}
	return dst
}

const (
	simPartitions = 3
	simRecords    = 700
)

// simStart is the log time at which every simulated log begins: three minutes before midnight in Brussels, so that a
// day changes on the way.
var simStart = schemas.MicrosOf(time.Date(2026, 11, 20, 22, 57, 0, 0, time.UTC))

// simInput is a seeded log: passings with several reads, misreadings, retransmissions at once and from another
// partition's neighbourhood, reads out of order, quiet minutes, a parked car, a temporary camera's backlog of hours,
// cameras and gateways with wrong clocks, and records without a read. Ticks at the end close everything open.
type simInput struct {
	log    *simLog
	rng    *rand.Rand
	sparse bool
	steady bool
	clock  schemas.Micros
	n      int
	most   int // records; simRecords unless a test needs a longer log
	sent   []*anprv1.PlateRead
	ended  bool
}

func newSimInput(seed uint64, prof profile) *simInput {
	return &simInput{log: newSimLog(simPartitions), rng: rand.New(rand.NewPCG(seed, 1)), sparse: prof.sparse, steady: prof.steady, clock: simStart, most: simRecords}
}

func (in *simInput) isExhausted() bool { return in.ended }

func (in *simInput) appendAll() {
	for in.appendSome() {
	}
}

// appendSome appends a handful of records and reports whether there are more. The log does not depend on when it is called.
func (in *simInput) appendSome() bool {
	for range 23 {
		if in.n == in.most {
			in.endInput()
			return false
		}
		in.appendOne()
	}
	return true
}

var simPlates = []string{"1ABC128", "1ABC12B", "1ABC121", "2XYZ001", "2XYZOO1", "1AAA111", "1KLM453", "1PQR777", "1TTT221", "2CDE904"}

func (in *simInput) appendOne() {
	rng := in.rng
	in.n++
	in.clock += schemas.Micros(rng.IntN(900)) * schemas.Millisecond
	m := &anprv1.PlateRead{
		CameraId: []string{"front", "rear"}[rng.IntN(2)], CapturedAtUs: int64(in.clock) - int64(rng.IntN(3_000_000)), ReceivedAtUs: int64(in.clock),
		RawPlate: simPlates[rng.IntN(len(simPlates))], Country: "BE", ConfidencePm: uint32(800 + rng.IntN(200)), CountryConfidencePm: 990,
		SpeedDkmh: uint32(400 + rng.IntN(250)), CameraEventId: fmt.Sprint(in.n), Lane: 1,
	}
	if !in.steady && rng.IntN(90) == 0 { // nothing for a while: longer than a read may move the clock
		in.clock += schemas.Micros(4+rng.IntN(1800)) * schemas.Second
		m.CapturedAtUs, m.ReceivedAtUs = int64(in.clock), int64(in.clock)
	}
	if rng.IntN(3) > 0 { // some messages say what the vehicle looks like
		m.VehicleKind, m.Make, m.Colour = anprv1.VehicleKind(rng.IntN(6)), []string{"", "Fiat", "DAF"}[rng.IntN(3)], []string{"", "red"}[rng.IntN(2)]
		m.ImageSha256 = bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, 32)
	}
	switch rng.IntN(20) {
	case 0:
		m.CameraId = "nobody"
	case 1:
		m.CapturedAtUs = 1
	case 2, 3, 4:
		if k := len(in.sent); k > 20 { // the same event again
			m = proto.Clone(in.sent[k-1-rng.IntN(20)]).(*anprv1.PlateRead)
			m.ReceivedAtUs = int64(in.clock)
		}
	case 5, 6: // hours late
		m.CameraId, m.LateUpload = fmt.Sprintf("mobile-%02d", rng.IntN(48)), true
		m.CapturedAtUs -= int64(rng.IntN(6)) * int64(schemas.Hour)
	case 7, 8: // stands in view
		m.CameraId, m.RawPlate, m.SpeedDkmh = "front", "1PRK999", 0
	case 9:
		m.CapturedAtUs = int64(in.clock) + int64(rng.IntN(5_000_000)) // a clock that is ahead
	case 10: // a gateway whose clock is wrong, by a minute to months, back or ahead
		m.ReceivedAtUs += int64(1-2*rng.IntN(2)) << (26 + rng.IntN(18))
	}
	in.sent = append(in.sent, m)
	value, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	if rng.IntN(40) == 0 {
		value = value[:len(value)/2]
	}
	p, _ := schemas.PlateFrom(m.GetRawPlate())
	in.appendRecord(int32(schemas.Partition(p.Class(), "", simPartitions)), value)
}

func (in *simInput) appendRecord(p int32, value []byte) {
	skip := int64(0)
	if in.sparse && in.rng.IntN(12) == 0 {
		skip = int64(1 + in.rng.IntN(30))
	}
	in.log.clock = in.clock
	in.log.appendRecord(p, value, skip)
}

func (in *simInput) endInput() {
	if in.ended {
		return
	}
	in.ended = true
	for p := range int32(simPartitions) {
		in.appendRecord(p, tickRecord(in.clock+30*schemas.Second))
		in.appendRecord(p, tickRecord(in.clock+60*schemas.Second))
	}
}

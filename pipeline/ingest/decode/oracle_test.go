package decode

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// The oracle says the slow and obvious way what a decoded message is worth: generated code plus checks written from the
// contract, sharing nothing with the package.

var errOracle = errors.New("oracle rejects")

func refuseRecord(what string) error { return fmt.Errorf("%w: %s", errOracle, what) }

// knownAsUnknown reports whether unknown fields hold a number the message knows: it had another wire type.
func knownAsUnknown(m proto.Message) bool {
	r := m.ProtoReflect()
	for b := []byte(r.GetUnknown()); len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return true
		}
		if r.Descriptor().Fields().ByNumber(num) != nil {
			return true
		}
		b = b[n:]
	}
	return false
}

func oracleProtobuf(b []byte) (*schemas.Read, error) {
	if len(b) == 0 {
		return nil, refuseRecord("empty")
	}
	var m anprv1.PlateRead
	if err := proto.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	all := []proto.Message{&m}
	for _, x := range m.Measures {
		all = append(all, x)
	}
	for _, c := range m.Candidates {
		all = append(all, c)
	}
	if m.Quarantine != nil {
		all = append(all, m.Quarantine)
	}
	if m.Tick != nil {
		all = append(all, m.Tick)
	}
	if slices.ContainsFunc(all, knownAsUnknown) {
		return nil, refuseRecord("wire type")
	}
	return oracleMessage(&m)
}

func logTime(us int64) bool { return us >= 1577836800000000 && us < 4102444800000000 }

func oracleMessage(m *anprv1.PlateRead) (*schemas.Read, error) {
	if len(m.Candidates) > 32 {
		return nil, refuseRecord("candidates")
	}
	if len(m.MoreImagesSha256) > 8 || slices.ContainsFunc(m.MoreImagesSha256, func(sum []byte) bool { return len(sum) != 32 }) {
		return nil, refuseRecord("more_images_sha256")
	}
	if len(m.Measures) > 8 {
		return nil, refuseRecord("measures")
	}
	if m.Tick != nil {
		doubt := m.Format == "near_misread"
		ok := m.Quarantine == nil && len(m.ReadId) == 0 && logTime(m.Tick.AtUs) && (m.ReceivedAtUs == 0 || logTime(m.ReceivedAtUs))
		if doubt {
			ok = ok && m.CameraId != "" && len(m.CameraId) <= 64 && m.RawPlate != "" && len(m.RawPlate) <= 64 && m.CapturedAtUs != 0 && m.ReceivedAtUs != 0
		} else {
			ok = ok && m.CameraId == "" && m.RawPlate == ""
		}
		if !ok {
			return nil, refuseRecord("tick")
		}
		r := &schemas.Read{Tick: schemas.Micros(m.Tick.AtUs), ReceivedAt: schemas.Micros(m.ReceivedAtUs)}
		if doubt {
			r.Format, r.Camera, r.RawPlate, r.CapturedAt = m.Format, m.CameraId, m.RawPlate, schemas.Micros(m.CapturedAtUs)
		}
		return r, nil
	}
	if err := oracleBounds(m); err != nil {
		return nil, err
	}
	r := &schemas.Read{
		Camera: m.CameraId, EventID: m.CameraEventId, CapturedAt: schemas.Micros(m.CapturedAtUs),
		ReceivedAt: schemas.Micros(m.ReceivedAtUs), RawPlate: m.RawPlate, CountryConfidence: schemas.PerMille(m.CountryConfidencePm),
		Confidence: schemas.PerMille(m.ConfidencePm), Lane: uint8(m.Lane), Speed: schemas.Speed(m.SpeedDkmh),
		Format: m.Format, Make: m.Make, Colour: m.Colour, ImageKinds: m.ImageKinds,
	}
	r.Country, _ = schemas.CountryFrom(m.Country)
	if _, known := anprv1.Direction_name[int32(m.Direction)]; known {
		r.Direction = schemas.Direction(m.Direction)
	}
	if _, known := anprv1.VehicleKind_name[int32(m.VehicleKind)]; known {
		r.Kind = schemas.VehicleKind(m.VehicleKind)
	}
	copy(r.Image[:], m.ImageSha256)
	for _, sum := range m.MoreImagesSha256 {
		r.MoreImages = append(r.MoreImages, schemas.Sum(sum))
	}
	if m.LateUpload {
		r.Flags = schemas.FlagLateUpload
	}
	if m.ClockSuspect {
		r.Flags |= schemas.FlagClockSuspect
	}
	if err := oracleMeasures(m, r); err != nil {
		return nil, err
	}
	for _, c := range m.Candidates {
		r.Alternatives = append(r.Alternatives, schemas.Alternative{Plate: c.Plate, Confidence: schemas.PerMille(c.ConfidencePm)})
	}
	return r, oracleIdentity(m, r)
}

// oracleMeasures keeps one measure a name, in the order of names.
func oracleMeasures(m *anprv1.PlateRead, r *schemas.Read) error {
	most := map[string]int64{"red_time_ms": 86_400_000, "amber_time_ms": 86_400_000, "length_m": 100, "mass_kg": 200_000}
	byName := map[string]schemas.Measure{}
	for _, x := range m.Measures {
		band, known := most[x.Name]
		if !regexp.MustCompile(`^[a-z0-9_]{1,32}$`).MatchString(x.Name) || slices.Contains([]string{"measured_speed_dkmh", "corrected_speed_dkmh", "limit_dkmh"}, x.Name) ||
			x.Uncertainty < 0 || len(x.Device) > 64 || known && (x.Value < 0 || x.Value > band || x.Uncertainty > band) {
			return refuseRecord("measure")
		}
		got := schemas.Measure{Name: schemas.MeasureName(x.Name), Value: x.Value, Uncertainty: x.Uncertainty, Device: x.Device}
		if other, there := byName[x.Name]; there && other != got {
			return refuseRecord("measure twice")
		}
		byName[x.Name] = got
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		r.Measures = append(r.Measures, byName[name])
	}
	return nil
}

func oracleIdentity(m *anprv1.PlateRead, r *schemas.Read) error {
	q := m.Quarantine
	switch {
	case len(m.ReadId) == 16:
		r.ID = schemas.ReadID{ID: schemas.ID(m.ReadId)}
	case q == nil:
		r.ID = schemas.NewReadID(r)
	}
	if q == nil {
		if m.CameraId == "" || m.RawPlate == "" || m.CapturedAtUs == 0 {
			return refuseRecord("missing")
		}
		return nil
	}
	reason, ok := schemas.ParseReason(q.Reason)
	if !ok || len(q.Field) > 64 || len(q.Detail) > 1024 || len(q.ContentType) > 256 {
		return refuseRecord("quarantine")
	}
	r.Quarantine = &schemas.Quarantine{
		Reason: reason, Field: q.Field, Detail: q.Detail, Payload: q.Payload, PayloadSize: q.PayloadSize, ContentType: q.ContentType,
	}
	return nil
}

func oracleBounds(m *anprv1.PlateRead) error {
	bad := len(m.CameraId) > 64 || len(m.RawPlate) > 64 || len(m.Country) > 64 || len(m.CameraEventId) > 128 ||
		len(m.Format) > 64 || len(m.Make) > 64 || len(m.Colour) > 64 || len(m.ImageKinds) > 64 ||
		len(m.ReadId) != 0 && len(m.ReadId) != 16 || len(m.ImageSha256) != 0 && len(m.ImageSha256) != 32 ||
		m.CountryConfidencePm > 1000 || m.ConfidencePm > 1000 || m.Lane > 32 || m.SpeedDkmh > 4000 || !logTime(m.ReceivedAtUs)
	for _, c := range m.Candidates {
		bad = bad || len(c.Plate) > 64 || c.ConfidencePm > 1000
	}
	if bad {
		return refuseRecord("bounds")
	}
	return nil
}

// sameRead compares every field of two reads; a nil and an empty slice are the same.
func sameRead(a, b *schemas.Read) error {
	x, y := *a, *b
	if !slices.Equal(x.Alternatives, y.Alternatives) {
		return fmt.Errorf("alternatives %v, want %v", x.Alternatives, y.Alternatives)
	}
	if !slices.Equal(x.Measures, y.Measures) {
		return fmt.Errorf("measures %v, want %v", x.Measures, y.Measures)
	}
	x.Measures, y.Measures = nil, nil
	if !slices.Equal(x.MoreImages, y.MoreImages) {
		return fmt.Errorf("further pictures %x, want %x", x.MoreImages, y.MoreImages)
	}
	if (x.Quarantine == nil) != (y.Quarantine == nil) {
		return fmt.Errorf("quarantine %v, want %v", x.Quarantine, y.Quarantine)
	}
	if x.Quarantine != nil {
		if g, w := fmt.Sprintf("%#v %q", *x.Quarantine, x.Quarantine.Payload), fmt.Sprintf("%#v %q", *y.Quarantine, y.Quarantine.Payload); len(x.Quarantine.Payload) != len(y.Quarantine.Payload) || g != w && len(x.Quarantine.Payload) > 0 {
			return fmt.Errorf("quarantine %s, want %s", g, w)
		}
	}
	x.MoreImages, y.MoreImages = nil, nil
	x.Alternatives, y.Alternatives, x.Quarantine, y.Quarantine = nil, nil, nil, nil
	if g, w := fmt.Sprintf("%#v", x), fmt.Sprintf("%#v", y); g != w {
		return fmt.Errorf("read %s, want %s", g, w)
	}
	return nil
}

package decode

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// jsonOddities are small JSON records at the edges of the grammar; each is compared with protojson by the fuzz target.
var jsonOddities = func() []string {
	const head, tail = `{"camera_id":"c1","rawPlate":"1ABC123","receivedAtUs":"1795269600000000",`, `}`
	var out []string
	for _, s := range []string{
		`"captured_at_us":1795269600000000`, `"capturedAtUs":"1795269600000000"`, `"capturedAtUs":1.7952696e15`, `"capturedAtUs":"1.7952696e15"`,
		`"capturedAtUs":17952696e8`, `"capturedAtUs":17952696000000000e-1`, `"capturedAtUs":1.5`, `"capturedAtUs":" 1"`, `"capturedAtUs":"0x1"`,
		`"capturedAtUs":-1`, `"capturedAtUs":-9223372036854775808`, `"capturedAtUs":9223372036854775808`, `"capturedAtUs":01`, `"capturedAtUs":1e`,
		`"capturedAtUs":1,"lane":null`, `"capturedAtUs":1,"lane":-0`, `"capturedAtUs":1,"lane":0e99999999999`, `"capturedAtUs":1,"lane":1e99999999999`,
		`"capturedAtUs":1,"lane":4294967297`, `"capturedAtUs":1,"lane":33`, `"capturedAtUs":1,"lane":10.5e-1`, `"capturedAtUs":1,"lane":20e-1`, "\"capturedAtUs\":1,\"make\":\"\\n\xff\"", `"capturedAtUs":1,"captured_at_us":2`, `"capturedAtUs":1,"captured_at_us":null`,
		`"capturedAtUs":1,"direction":"DIRECTION_DEPARTING"`, `"capturedAtUs":1,"direction":2`, `"capturedAtUs":1,"direction":99`, `"capturedAtUs":1,"direction":-2`,
		`"capturedAtUs":1,"direction":"DIRECTION_SIDEWAYS"`, `"capturedAtUs":1,"direction":"2"`, `"capturedAtUs":1,"vehicleKind":5e0`, `"capturedAtUs":1,"vehicleKind":true`,
		`"capturedAtUs":1,"readId":"q6urq6urq6urq6urq6urqw=="`, `"capturedAtUs":1,"readId":"q6urq6urq6urq6urq6urqw"`, `"capturedAtUs":1,"readId":"q6urq6urq6urq6urq6urq-_"`,
		`"capturedAtUs":1,"readId":"q6ur\nq6urq6urq6urq6urqw=="`, `"capturedAtUs":1,"readId":"abcd"`, `"capturedAtUs":1,"readId":"?"`, `"capturedAtUs":1,"readId":7`,
		`"capturedAtUs":1,"make":"a\u00e9\/\b\f\n\r\t\"\\"`, `"capturedAtUs":1,"make":"\ud83d\ude97"`, `"capturedAtUs":1,"make":"\ud83d"`, `"capturedAtUs":1,"make":"\ude97\ud83d"`,
		`"capturedAtUs":1,"make":"\u00g0"`, `"capturedAtUs":1,"make":"\x41"`, "\"capturedAtUs\":1,\"make\":\"a\tb\"", "\"capturedAtUs\":1,\"make\":\"\xff\"", `"capturedAtUs":1,"make":7`,
		`"capturedAtUs":1,"candidates":[]`, `"capturedAtUs":1,"candidates":[{"plate":"A","confidencePm":9}]`, `"capturedAtUs":1,"candidates":[null]`, `"capturedAtUs":1,"candidates":null`,
		`"capturedAtUs":1,"candidates":{}`, `"capturedAtUs":1,"candidates":[{},]`, `"capturedAtUs":1,"moreImagesSha256":["AA==","AA"]`, `"capturedAtUs":1,"moreImagesSha256":["A"]`,
		`"capturedAtUs":1,"future":{"a":[1,2.5e-3,{"b":null}],"c":"\u0041"}`, `"capturedAtUs":1,"measures":[{"name":"red_time_ms","value":"12"},{"name":"mass_kg","value":7,"uncertainty":1,"device":"d"}]`,
		`"capturedAtUs":1,"measures":[null]`, `"capturedAtUs":1,"measures":[]`, `"capturedAtUs":1,"measures":[{"name":"red_time_ms","value":1.5}]`, `"capturedAtUs":1,"measures":[{"name":"red_time_ms","value":-1}]`,
		`"capturedAtUs":1,"measures":[{"name":"red_time_ms"},{"name":"red_time_ms","value":0}]`, `"capturedAtUs":1,"measures":[{"name":"a"},{"name":"a","value":1}]`, `"capturedAtUs":1,"measures":{"name":"a"}`, `"capturedAtUs":1,"future":[1,]`, `"capturedAtUs":1,"future":tru`, `"capturedAtUs":1,"lateUpload":true`,
		`"capturedAtUs":1,"lateUpload":"true"`, `"capturedAtUs":1,"lateUpload":false,`, `"capturedAtUs":1,"c\u006flour":"red"`, `"capturedAtUs":1,"quarantine":null`, `"capturedAtUs":1,"tick":{}`,
	} {
		out = append(out, head+s+tail)
	}
	return append(out, `{}`, `{`, `{"tick":{"atUs":1795269600000000}} x`, " \t\r\n{\"tick\":{\"at_us\":\"1795269600000000\"}}\n", `{"tick":{"atUs":1795269600000000},}`)
}()

func TestJSONOdditiesAreReadAsProtojsonReadsThem(t *testing.T) {
	for _, s := range jsonOddities {
		checkJSON(t, []byte(s))
	}
}

func measuredReadWith(t *testing.T, ms ...*anprv1.Measure) []byte {
	return fullReadWith(t, func(m *anprv1.PlateRead) { m.Measures = ms })
}

// The measures of a read come in the order of their names, a repeated one once, one of a newer program too.
func TestMeasuresAreOrderedAndUnknownOnesKept(t *testing.T) {
	want := []schemas.Measure{
		{Name: "mass_kg", Value: 3500}, {Name: "new_thing_x", Value: -1 << 40}, {Name: "red_time_ms", Value: 1234, Uncertainty: 20, Device: "RLC-7"},
	}
	for _, b := range [][]byte{marshalMessage(t, measuredRead()), marshalJSON(t, measuredRead(), true), marshalJSON(t, measuredRead(), false)} {
		r := schemas.Read{Measures: make([]schemas.Measure, 3)}
		if rej := Record(&r, b); rej != nil || !slices.Equal(r.Measures, want) {
			t.Errorf("%v, rejection %v, want %v", r.Measures, rej, want)
		}
	}
}

func TestRecordReadsEveryField(t *testing.T) {
	want := schemas.Read{
		ID: schemas.ReadID{ID: schemas.ID(bytes.Repeat([]byte{0xab}, 16))}, Camera: "BXL-LEZ-0417", EventID: "8f14e45f-ceea-467f-a1d3-0c4a6a1b2c3d",
		CapturedAt: capturedAt, ReceivedAt: receivedAt, RawPlate: "1-ABC-123", Country: schemas.Belgium, CountryConfidence: 990, Confidence: 925,
		Lane: 2, Direction: schemas.Approaching, Speed: 505, Kind: schemas.KindCar, Image: schemas.Sum(bytes.Repeat([]byte{0xcd}, 32)),
		Format: "hikvision", Make: "Citro\u00ebn", Colour: "white", Flags: schemas.FlagLateUpload,
		Alternatives: []schemas.Alternative{{Plate: "1A8C123", Confidence: 610}, {Plate: "IABC123", Confidence: 420}},
		MoreImages:   []schemas.Sum{schemas.Sum(bytes.Repeat([]byte{0xef}, 32))}, ImageKinds: "scene,plate",
	}
	for _, b := range [][]byte{marshalMessage(t, fullRead()), marshalJSON(t, fullRead(), true), marshalJSON(t, fullRead(), false)} {
		r := schemas.Read{Plate: schemas.MustPlate("OLD"), Flags: schemas.FlagMisrouted, Alternatives: []schemas.Alternative{{Plate: "OLD"}}, MoreImages: make([]schemas.Sum, 3)}
		if rej := Record(&r, b); rej != nil {
			t.Fatal(rej)
		}
		if err := sameRead(&r, &want); err != nil {
			t.Error(err)
		}
	}
}

func TestRecordReadsATickAndAQuarantinedUpload(t *testing.T) {
	var r schemas.Read
	for _, b := range [][]byte{marshalMessage(t, tickRecord()), marshalJSON(t, tickRecord(), false)} {
		if rej := Record(&r, b); rej != nil || r.Tick != receivedAt || r.Quarantine != nil {
			t.Errorf("tick: got %v %v, want %d", r.Tick, rej, receivedAt)
		}
	}
	for _, b := range [][]byte{marshalMessage(t, refusedUpload()), marshalJSON(t, refusedUpload(), false)} {
		rej := Record(&r, b)
		if rej != nil || r.Quarantine == nil {
			t.Fatalf("quarantine: got %v", rej)
		}
		q := r.Quarantine
		if q.Reason != schemas.ReasonUnknownCamera || q.Field != "camera_id" || string(q.Payload) != "<xml/>" || q.PayloadSize != 6 || r.Camera != "c9" || r.Tick != 0 {
			t.Errorf("quarantine: got %+v of %s", q, r.Camera)
		}
	}
}

func TestATickIsNothingButATick(t *testing.T) {
	m := fullRead()
	m.CameraId, m.RawPlate, m.ReadId, m.Tick = "", "", nil, &anprv1.Tick{AtUs: receivedAt}
	var r schemas.Read
	if rej := Record(&r, marshalMessage(t, m)); rej != nil {
		t.Fatal(rej)
	}
	if err := sameRead(&r, &schemas.Read{Tick: receivedAt, ReceivedAt: receivedAt}); err != nil {
		t.Error(err)
	}
}

func TestRecordDerivesAMissingReadID(t *testing.T) {
	var r schemas.Read
	m := leastRead()
	if rej := Record(&r, marshalMessage(t, m)); rej != nil {
		t.Fatal(rej)
	}
	if got, want := r.ID, schemas.NewReadID(&schemas.Read{Camera: "c1", CapturedAt: capturedAt, RawPlate: "1ABC123"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	m = fullRead()
	m.ReadId = nil
	if rej := Record(&r, marshalMessage(t, m)); rej != nil {
		t.Fatal(rej)
	}
	want := schemas.NewReadID(&schemas.Read{
		Camera: "BXL-LEZ-0417", EventID: "8f14e45f-ceea-467f-a1d3-0c4a6a1b2c3d", CapturedAt: capturedAt, RawPlate: "1-ABC-123", Country: schemas.Belgium,
		CountryConfidence: 990, Confidence: 925, Lane: 2, Direction: schemas.Approaching, Speed: 505, Kind: schemas.KindCar, Make: "Citro\u00ebn",
		Colour: "white", Image: r.Image, MoreImages: r.MoreImages, Alternatives: []schemas.Alternative{{Plate: "1A8C123", Confidence: 610}, {Plate: "IABC123", Confidence: 420}},
	})
	if r.ID != want {
		t.Errorf("with everything said: got %s, want %s", r.ID, want)
	}
}

// The records of testdata carry the id that the gateway gave them.
func TestADerivedReadIDIsTheOneThatTheGatewayGives(t *testing.T) {
	for i, b := range realRecords(t) {
		var with, without schemas.Read
		var m anprv1.PlateRead
		if proto.Unmarshal(b, &m) != nil {
			continue // the same as JSON
		}
		if rej := Record(&with, b); rej != nil {
			t.Fatal(i, rej)
		}
		m.ReadId = nil
		if rej := Record(&without, marshalMessage(t, &m)); rej != nil {
			t.Fatal(i, rej)
		}
		if with.ID != without.ID || with.ID.IsZero() {
			t.Errorf("record %d: derived %s, the gateway gave %s", i, without.ID, with.ID)
		}
	}
}

type rejection struct {
	claim  string
	record []byte
	reason schemas.Reason
	field  string
}

func checkRejections(t *testing.T, tests []rejection) {
	t.Helper()
	for _, tt := range tests {
		var r schemas.Read
		rej := Record(&r, tt.record)
		switch {
		case rej == nil:
			t.Errorf("%s: accepted", tt.claim)
		case rej.Reason != tt.reason || rej.Field != tt.field || rej.Detail == "":
			t.Errorf("%s: got %v, want %s of %q", tt.claim, rej, tt.reason, tt.field)
		case strings.Contains(rej.Detail, "ABC"):
			t.Errorf("%s: detail %q shows the plate", tt.claim, rej.Detail)
		}
	}
}

// fullReadWith is the full read, changed.
func fullReadWith(t *testing.T, change func(*anprv1.PlateRead)) []byte {
	m := fullRead()
	change(m)
	return marshalMessage(t, m)
}

func TestRecordRejectsWhatIsNoRecord(t *testing.T) {
	checkRejections(t, []rejection{
		{"empty", nil, schemas.ReasonMalformed, ""},
		{"not a message", []byte("hello"), schemas.ReasonMalformed, "camera_event_id"},
		{"no camera", fullReadWith(t, func(m *anprv1.PlateRead) { m.CameraId = "" }), schemas.ReasonMissingField, "camera_id"},
		{"no plate", fullReadWith(t, func(m *anprv1.PlateRead) { m.RawPlate = "" }), schemas.ReasonMissingField, "raw_plate"},
		{"no capture", fullReadWith(t, func(m *anprv1.PlateRead) { m.CapturedAtUs = 0 }), schemas.ReasonMissingField, "captured_at_us"},
		{"no receipt", fullReadWith(t, func(m *anprv1.PlateRead) { m.ReceivedAtUs = 0 }), schemas.ReasonMissingField, "received_at_us"},
		{"tick and read", fullReadWith(t, func(m *anprv1.PlateRead) { m.Tick = &anprv1.Tick{AtUs: receivedAt} }), schemas.ReasonBadField, "tick"},
		{"tick without time", marshalMessage(t, &anprv1.PlateRead{Tick: &anprv1.Tick{}}), schemas.ReasonMissingField, "tick.at_us"},
		{"tick in seconds", marshalMessage(t, &anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: 1795269600}}), schemas.ReasonBadField, "tick.at_us"},
		{"quarantine without reason", fullReadWith(t, func(m *anprv1.PlateRead) { m.Quarantine = &anprv1.Quarantine{} }), schemas.ReasonMissingField, "quarantine.reason"},
		{"quarantine for a new reason", fullReadWith(t, func(m *anprv1.PlateRead) { m.Quarantine = &anprv1.Quarantine{Reason: "full_moon"} }), schemas.ReasonBadField, "quarantine.reason"},
		{"camera not UTF-8", []byte("\x12\x02\xff\xfe"), schemas.ReasonBadUTF8, "camera_id"},
		{"JSON plate not UTF-8", []byte("{\"rawPlate\":\"\xff\"}"), schemas.ReasonBadUTF8, "raw_plate"},
		{"camera as number", []byte{fCamera << 3, 7}, schemas.ReasonMalformed, "camera_id"},
		{"camera as number in JSON", []byte(`{"camera_id":7}`), schemas.ReasonMalformed, "camera_id"},
		{"deep groups", []byte(strings.Repeat("\xc3\x02", 40)), schemas.ReasonMalformed, ""},
		{"deep JSON", deepJSON(65), schemas.ReasonMalformed, ""},
	})
}

func TestRecordRejectsFieldsOutOfBounds(t *testing.T) {
	long := strings.Repeat("x", 129)
	checkRejections(t, []rejection{
		{"half JSON", []byte(`{"lane":1`), schemas.ReasonMalformed, ""},
		{"receipt in 1970", fullReadWith(t, func(m *anprv1.PlateRead) { m.ReceivedAtUs = 1795269600 }), schemas.ReasonBadField, "received_at_us"},
		{"receipt in 2100", fullReadWith(t, func(m *anprv1.PlateRead) { m.ReceivedAtUs = 4102444800000000 }), schemas.ReasonBadField, "received_at_us"},
		{"short read id", fullReadWith(t, func(m *anprv1.PlateRead) { m.ReadId = m.ReadId[:15] }), schemas.ReasonBadField, "read_id"},
		{"long image sum", fullReadWith(t, func(m *anprv1.PlateRead) { m.ImageSha256 = make([]byte, 33) }), schemas.ReasonBadField, "image_sha256"},
		{"short sum of a further picture", fullReadWith(t, func(m *anprv1.PlateRead) { m.MoreImagesSha256 = append(m.MoreImagesSha256, make([]byte, 31)) }), schemas.ReasonBadField, "more_images_sha256"},
		{"empty sum of a further picture", fullReadWith(t, func(m *anprv1.PlateRead) { m.MoreImagesSha256 = [][]byte{nil} }), schemas.ReasonBadField, "more_images_sha256"},
		{"roles too long", fullReadWith(t, func(m *anprv1.PlateRead) { m.ImageKinds = strings.Repeat("s", 65) }), schemas.ReasonTooLarge, "image_kinds"},
		{"nine further pictures", fullReadWith(t, func(m *anprv1.PlateRead) { m.MoreImagesSha256 = slices.Repeat([][]byte{make([]byte, 32)}, 9) }), schemas.ReasonTooLarge, "more_images_sha256"},
		{"nine measures", measuredReadWith(t, slices.Repeat([]*anprv1.Measure{{Name: "mass_kg", Value: 1}}, 9)...), schemas.ReasonTooLarge, "measures"},
		{"measure without a name", measuredReadWith(t, &anprv1.Measure{Value: 1}), schemas.ReasonMissingField, "measures.name"},
		{"name with a capital", measuredReadWith(t, &anprv1.Measure{Name: "Red_time_ms"}), schemas.ReasonBadField, "measures.name"},
		{"name of 33 bytes", measuredReadWith(t, &anprv1.Measure{Name: long[:33]}), schemas.ReasonBadField, "measures.name"},
		{"speed among the measures", measuredReadWith(t, &anprv1.Measure{Name: "measured_speed_dkmh", Value: 1}), schemas.ReasonBadField, "measures.name"},
		{"limit among the measures", measuredReadWith(t, &anprv1.Measure{Name: "limit_dkmh", Value: 1}), schemas.ReasonBadField, "measures.name"},
		{"negative value", measuredReadWith(t, &anprv1.Measure{Name: "red_time_ms", Value: -1}), schemas.ReasonBadField, "measures.value"},
		{"value beyond its band", measuredReadWith(t, &anprv1.Measure{Name: "red_time_ms", Value: 86_400_001}), schemas.ReasonBadField, "measures.value"},
		{"uncertainty beyond its band", measuredReadWith(t, &anprv1.Measure{Name: "mass_kg", Uncertainty: 200_001}), schemas.ReasonBadField, "measures.uncertainty"},
		{"negative uncertainty", measuredReadWith(t, &anprv1.Measure{Name: "new_thing_x", Uncertainty: -1}), schemas.ReasonBadField, "measures.uncertainty"},
		{"long device", measuredReadWith(t, &anprv1.Measure{Name: "mass_kg", Device: long[:65]}), schemas.ReasonTooLarge, "measures.device"},
		{"one name, two values", measuredReadWith(t, &anprv1.Measure{Name: "mass_kg", Value: 1}, &anprv1.Measure{Name: "mass_kg", Value: 2}), schemas.ReasonBadField, "measures.name"},
		{"one name, two devices", measuredReadWith(t, &anprv1.Measure{Name: "mass_kg", Device: "a"}, &anprv1.Measure{Name: "mass_kg", Device: "b"}), schemas.ReasonBadField, "measures.name"},
		{"confidence 1001", fullReadWith(t, func(m *anprv1.PlateRead) { m.ConfidencePm = 1001 }), schemas.ReasonBadField, "confidence_pm"},
		{"country confidence 1001", fullReadWith(t, func(m *anprv1.PlateRead) { m.CountryConfidencePm = 1001 }), schemas.ReasonBadField, "country_confidence_pm"},
		{"lane 33", fullReadWith(t, func(m *anprv1.PlateRead) { m.Lane = 33 }), schemas.ReasonBadField, "lane"},
		{"lane 256", fullReadWith(t, func(m *anprv1.PlateRead) { m.Lane = 256 }), schemas.ReasonBadField, "lane"},
		{"speed 400.1", fullReadWith(t, func(m *anprv1.PlateRead) { m.SpeedDkmh = 4001 }), schemas.ReasonBadField, "speed_dkmh"},
		{"long camera", fullReadWith(t, func(m *anprv1.PlateRead) { m.CameraId = long[:65] }), schemas.ReasonTooLarge, "camera_id"},
		{"long plate", fullReadWith(t, func(m *anprv1.PlateRead) { m.RawPlate = long[:65] }), schemas.ReasonTooLarge, "raw_plate"},
		{"long event id", fullReadWith(t, func(m *anprv1.PlateRead) { m.CameraEventId = long }), schemas.ReasonTooLarge, "camera_event_id"},
		{"long country", fullReadWith(t, func(m *anprv1.PlateRead) { m.Country = long }), schemas.ReasonTooLarge, "country"},
		{"long format", fullReadWith(t, func(m *anprv1.PlateRead) { m.Format = long }), schemas.ReasonTooLarge, "format"},
		{"long make", fullReadWith(t, func(m *anprv1.PlateRead) { m.Make = long }), schemas.ReasonTooLarge, "make"},
		{"long colour", fullReadWith(t, func(m *anprv1.PlateRead) { m.Colour = long }), schemas.ReasonTooLarge, "colour"},
		{"33 candidates", fullReadWith(t, func(m *anprv1.PlateRead) { m.Candidates = make([]*anprv1.Candidate, 33) }), schemas.ReasonTooLarge, "candidates"},
		{"long candidate", fullReadWith(t, func(m *anprv1.PlateRead) { m.Candidates[0].Plate = long }), schemas.ReasonTooLarge, "candidates.plate"},
		{"sure candidate", fullReadWith(t, func(m *anprv1.PlateRead) { m.Candidates[1].ConfidencePm = 65536 + 500 }), schemas.ReasonBadField, "candidates.confidence_pm"},
	})
}

// deepJSON is the plainest read with an unknown field, nested so that the whole is depth deep.
func deepJSON(depth int) []byte {
	return []byte(`{"cameraId":"c1","rawPlate":"A","capturedAtUs":1,"receivedAtUs":1795269600000000,"future":` +
		strings.Repeat(`[`, depth-1) + strings.Repeat(`]`, depth-1) + `}`)
}

// wideJSON is the plainest read with an unknown field of many values side by side.
func wideJSON(value string) []byte {
	return []byte(`{"cameraId":"c1","rawPlate":"A","capturedAtUs":1,"receivedAtUs":1795269600000000,"future":[` +
		strings.Repeat(value+",", 200) + `null]}`)
}

func TestRecordAcceptsFieldsAtTheirBounds(t *testing.T) {
	m := fullRead()
	m.CameraId, m.RawPlate, m.CameraEventId = strings.Repeat("c", 64), strings.Repeat("p", 64), strings.Repeat("e", 128)
	m.Make, m.Colour, m.Format, m.Country = strings.Repeat("m", 64), strings.Repeat("r", 64), strings.Repeat("f", 64), strings.Repeat("b", 64)
	m.Lane, m.SpeedDkmh, m.ConfidencePm, m.CountryConfidencePm, m.Candidates = 32, 4000, 1000, 1000, nil
	for range schemas.MaxAlternatives {
		m.Candidates = append(m.Candidates, &anprv1.Candidate{Plate: strings.Repeat("p", 64), ConfidencePm: 1000})
	}
	for _, b := range [][]byte{marshalMessage(t, m), marshalJSON(t, m, false), deepJSON(64), wideJSON(`{}`), wideJSON(`[]`), wideJSON(`{"a":[1]}`)} {
		var r schemas.Read
		if rej := Record(&r, b); rej != nil {
			t.Error(rej)
		}
	}
}

func TestAQuarantinedUploadNeedsNoCamera(t *testing.T) {
	m := refusedUpload()
	m.CameraId = ""
	var r schemas.Read
	if rej := Record(&r, marshalMessage(t, m)); rej != nil {
		t.Error(rej)
	}
	m.ReceivedAtUs = 0
	if rej := Record(&r, marshalMessage(t, m)); rej == nil || rej.Field != "received_at_us" {
		t.Errorf("without receipt: got %v", rej)
	}
}

func TestARejectedRecordKeepsCameraAndReceipt(t *testing.T) {
	m := fullRead()
	m.Lane = 99
	for _, b := range [][]byte{marshalMessage(t, m), marshalJSON(t, m, false), append(marshalMessage(t, m), 0xff)} {
		var r schemas.Read
		if rej := Record(&r, b); rej == nil {
			t.Fatal("accepted")
		}
		if r.Camera != m.CameraId || r.ReceivedAt != receivedAt || r.RawPlate != "" {
			t.Errorf("got camera %q, received %d, plate %q", r.Camera, r.ReceivedAt, r.RawPlate)
		}
	}
}

func TestValuesOfNewerProducersBecomeUnknown(t *testing.T) {
	m := fullRead()
	m.Direction, m.VehicleKind, m.Country = 77, 256, "B1"
	b := protowire.AppendBytes(protowire.AppendTag(marshalMessage(t, m), 900, protowire.BytesType), []byte("new"))
	var r schemas.Read
	if rej := Record(&r, b); rej != nil {
		t.Fatal(rej)
	}
	if r.Direction != schemas.DirectionUnknown || r.Kind != schemas.KindUnknown || !r.Country.IsZero() {
		t.Errorf("got %s %s %s, want unknown all three", r.Direction, r.Kind, r.Country)
	}
}

func TestTheLastOfARepeatedFieldWins(t *testing.T) {
	first, second := fullRead(), leastRead()
	first.CameraId = strings.Repeat("x", 200) // out of bounds, but not the one that counts
	var r schemas.Read
	if rej := Record(&r, append(marshalMessage(t, first), marshalMessage(t, second)...)); rej != nil {
		t.Fatal(rej)
	}
	if got, want := r.Camera+" "+r.RawPlate+" "+r.Format, "c1 1ABC123 hikvision"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	for _, b := range [][]byte{marshalMessage(t, fullRead()), marshalMessage(t, leastRead()), marshalMessage(t, tickRecord()), marshalJSON(t, fullRead(), false)} {
		r := schemas.Read{Alternatives: make([]schemas.Alternative, 0, 4)}
		n := testing.AllocsPerRun(200, func() {
			if rej := Record(&r, b); rej != nil {
				t.Fatal(rej)
			}
		})
		if n != 0 {
			t.Errorf("%.20q...: %v allocations, want 0", b, n)
		}
	}
}

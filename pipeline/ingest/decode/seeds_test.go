package decode

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

const (
	capturedAt = 1795269600_123456 // 2026-11-21T14:00:00.123456Z
	receivedAt = capturedAt + 350_000
)

// fullRead is a read with every field set, as made by the gateway from a Hikvision event.
func fullRead() *anprv1.PlateRead {
	return &anprv1.PlateRead{
		ReadId: bytes.Repeat([]byte{0xab}, 16), CameraId: "BXL-LEZ-0417", CapturedAtUs: capturedAt, ReceivedAtUs: receivedAt,
		RawPlate: "1-ABC-123", Country: "BE", CountryConfidencePm: 990, ConfidencePm: 925, Lane: 2,
		Direction: anprv1.Direction_DIRECTION_APPROACHING, SpeedDkmh: 505, VehicleKind: anprv1.VehicleKind_VEHICLE_KIND_CAR,
		CameraEventId: "8f14e45f-ceea-467f-a1d3-0c4a6a1b2c3d", ImageSha256: bytes.Repeat([]byte{0xcd}, 32),
		Candidates: []*anprv1.Candidate{{Plate: "1A8C123", ConfidencePm: 610}, {Plate: "IABC123", ConfidencePm: 420}},
		LateUpload: true, Format: "hikvision", Make: "Citro\u00ebn", Colour: "white",
		MoreImagesSha256: [][]byte{bytes.Repeat([]byte{0xef}, 32)}, ImageKinds: "scene,plate",
	}
}

// measuredRead is a read with further measurements, out of order and one of them twice.
func measuredRead() *anprv1.PlateRead {
	m := fullRead()
	m.Measures = []*anprv1.Measure{
		{Name: "red_time_ms", Value: 1234, Uncertainty: 20, Device: "RLC-7"},
		{Name: "mass_kg", Value: 3500},
		{Name: "new_thing_x", Value: -1 << 40},
		{Name: "mass_kg", Value: 3500},
	}
	return m
}

// leastRead is the least a camera may send.
func leastRead() *anprv1.PlateRead {
	return &anprv1.PlateRead{CameraId: "c1", RawPlate: "1ABC123", CapturedAtUs: capturedAt, ReceivedAtUs: receivedAt}
}

func refusedUpload() *anprv1.PlateRead {
	return &anprv1.PlateRead{CameraId: "c9", ReceivedAtUs: receivedAt, Quarantine: &anprv1.Quarantine{
		Reason: "unknown_camera", Field: "camera_id", Detail: "not in the registry", Payload: []byte("<xml/>"),
		PayloadSize: 6, ContentType: "application/xml",
	}}
}

func tickRecord() *anprv1.PlateRead { return &anprv1.PlateRead{Tick: &anprv1.Tick{AtUs: receivedAt}} }

func seedMessages() []*anprv1.PlateRead {
	return []*anprv1.PlateRead{fullRead(), measuredRead(), leastRead(), refusedUpload(), tickRecord()}
}

// realRecords are the gateway's records for the camera makers' published payloads, as Protobuf and as JSON;
// TestTheSeedsOfTheDecoderAreTheRecordsOfOurPayloads in pipeline/gateway writes the file.
func realRecords(tb testing.TB) (out [][]byte) {
	tb.Helper()
	text, err := os.ReadFile("testdata/records.hex")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(text)) {
		b, err := hex.DecodeString(line)
		if err != nil {
			tb.Fatal(err)
		}
		var m anprv1.PlateRead
		if err := proto.Unmarshal(b, &m); err != nil {
			tb.Fatal(err)
		}
		out = append(out, b, marshalJSON(tb, &m, false))
	}
	if len(out) == 0 {
		tb.Fatal("no records")
	}
	return out
}

func marshalMessage(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func marshalJSON(tb testing.TB, m proto.Message, snake bool) []byte {
	tb.Helper()
	b, err := protojson.MarshalOptions{UseProtoNames: snake}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

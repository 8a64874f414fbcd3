package decode

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func benchRecord(b *testing.B, rec []byte) {
	r := schemas.Read{Alternatives: make([]schemas.Alternative, 0, 8)}
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	for b.Loop() {
		if rej := Record(&r, rec); rej != nil {
			b.Fatal(rej)
		}
	}
}

// usualRead is the read of a camera that reports no alternatives.
func usualRead() *anprv1.PlateRead {
	m := fullRead()
	m.Candidates, m.MoreImagesSha256, m.Make, m.Colour, m.LateUpload = nil, nil, "", "", false
	return m
}

// compactJSON is protojson without the blanks it scatters on purpose.
func compactJSON(tb testing.TB, m proto.Message) []byte {
	var out bytes.Buffer
	if err := json.Compact(&out, marshalJSON(tb, m, false)); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkRecord(b *testing.B) {
	noID := fullRead()
	noID.ReadId = nil
	b.Run("protobuf/usual", func(b *testing.B) { benchRecord(b, marshalMessage(b, usualRead())) })
	b.Run("protobuf/full", func(b *testing.B) { benchRecord(b, marshalMessage(b, fullRead())) })
	b.Run("protobuf/derived-id", func(b *testing.B) { benchRecord(b, marshalMessage(b, noID)) })
	b.Run("protobuf/tick", func(b *testing.B) { benchRecord(b, marshalMessage(b, tickRecord())) })
	b.Run("json/usual", func(b *testing.B) { benchRecord(b, compactJSON(b, usualRead())) })
	b.Run("json/full", func(b *testing.B) { benchRecord(b, compactJSON(b, fullRead())) })
}

// BenchmarkGeneral is the decoder for what the fast paths leave, on the same bytes.
func BenchmarkGeneral(b *testing.B) {
	run := func(name string, rec []byte, isJSON bool) {
		b.Run(name, func(b *testing.B) {
			r := schemas.Read{Alternatives: make([]schemas.Alternative, 0, 8)}
			b.SetBytes(int64(len(rec)))
			b.ReportAllocs()
			for b.Loop() {
				if rej := decodeGeneral(&r, rec, isJSON); rej != nil {
					b.Fatal(rej)
				}
			}
		})
	}
	run("protobuf/usual", marshalMessage(b, usualRead()), false)
	run("protobuf/full", marshalMessage(b, fullRead()), false)
	run("json/usual", compactJSON(b, usualRead()), true)
	run("json/full", compactJSON(b, fullRead()), true)
}

// plainRead is the read as one would write it down for encoding/json; the package's json names, quoted numbers and
// base64 included. Nothing is checked.
type plainRead struct {
	ReadID           []byte            `json:"readId"`
	CameraID         string            `json:"cameraId"`
	CapturedAtUs     int64             `json:"capturedAtUs,string"`
	ReceivedAtUs     int64             `json:"receivedAtUs,string"`
	RawPlate         string            `json:"rawPlate"`
	Country          string            `json:"country"`
	CountryPM        uint32            `json:"countryConfidencePm"`
	PM               uint32            `json:"confidencePm"`
	Lane             uint32            `json:"lane"`
	Direction        string            `json:"direction"`
	SpeedDkmh        uint32            `json:"speedDkmh"`
	VehicleKind      string            `json:"vehicleKind"`
	CameraEventID    string            `json:"cameraEventId"`
	ImageSha256      []byte            `json:"imageSha256"`
	Candidates       []alternativeJSON `json:"candidates"`
	LateUpload       bool              `json:"lateUpload"`
	Format           string            `json:"format"`
	Make             string            `json:"make"`
	Colour           string            `json:"colour"`
	MoreImagesSha256 [][]byte          `json:"moreImagesSha256"`
}

type alternativeJSON struct {
	Plate string `json:"plate"`
	PM    uint32 `json:"confidencePm"`
}

// BenchmarkPeers decodes the same bytes with generated code and the standard library, without any check of the
// contract.
func BenchmarkPeers(b *testing.B) {
	for _, x := range []struct {
		name string
		m    *anprv1.PlateRead
	}{{"usual", usualRead()}, {"full", fullRead()}} {
		bin, js := marshalMessage(b, x.m), compactJSON(b, x.m)
		benchPeer(b, "proto.Unmarshal/"+x.name, bin, func() error {
			var m anprv1.PlateRead
			return proto.Unmarshal(bin, &m)
		})
		var reused anprv1.PlateRead
		benchPeer(b, "proto.Unmarshal-reused/"+x.name, bin, func() error {
			reused.Reset()
			return proto.Unmarshal(bin, &reused)
		})
		benchPeer(b, "protojson/"+x.name, js, func() error {
			var m anprv1.PlateRead
			return protojson.Unmarshal(js, &m)
		})
		benchPeer(b, "encoding-json/"+x.name, js, func() error {
			var m plainRead
			return json.Unmarshal(js, &m)
		})
		benchPeer(b, "json.Valid/"+x.name, js, func() error {
			if !json.Valid(js) {
				return errOracle
			}
			return nil
		})
	}
}

func benchPeer(b *testing.B, name string, rec []byte, decode func() error) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(rec)))
		b.ReportAllocs()
		for b.Loop() {
			if err := decode(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package decode

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func benchRecord(b *testing.B, rec []byte) {
	r := schemas.Read{Candidates: make([]schemas.Candidate, 0, 8)}
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	for b.Loop() {
		if rej := Record(&r, rec); rej != nil {
			b.Fatal(rej)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	noID := full()
	noID.ReadId = nil
	usual := full() // of a camera that reports no alternatives
	usual.Candidates, usual.MoreImagesSha256, usual.Make, usual.Colour, usual.LateUpload = nil, nil, "", "", false
	b.Run("protobuf/full", func(b *testing.B) { benchRecord(b, marshal(b, full())) })
	b.Run("protobuf/usual", func(b *testing.B) { benchRecord(b, marshal(b, usual)) })
	b.Run("protobuf/derived-id", func(b *testing.B) { benchRecord(b, marshal(b, noID)) })
	b.Run("protobuf/tick", func(b *testing.B) { benchRecord(b, marshal(b, ticking())) })
	b.Run("json/full", func(b *testing.B) { benchRecord(b, marshalJSON(b, full(), false)) })
}

// The generated code on the same bytes, without any check.
func BenchmarkGenerated(b *testing.B) {
	bin, js := marshal(b, full()), marshalJSON(b, full(), false)
	b.Run("proto.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(bin)))
		b.ReportAllocs()
		var m anprv1.PlateRead
		for b.Loop() {
			m.Reset()
			if err := proto.Unmarshal(bin, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protojson.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(js)))
		b.ReportAllocs()
		var m anprv1.PlateRead
		for b.Loop() {
			m.Reset()
			if err := protojson.Unmarshal(js, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

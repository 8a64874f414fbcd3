package shard

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// cleanReads encodes reads of compliant vehicles below the limit, ms apart, each a passage of its own.
func cleanReads(tb testing.TB, n int, ms int64) *Records {
	tb.Helper()
	start := int64(1_795_000_000_000_000)
	out := &Records{}
	for i := range n {
		at := start + int64(i)*ms*1000
		plate := fmt.Sprintf("%d%c%c%c%03d", 1+i%7, 'A'+byte(i/7%26), 'A'+byte(i/182%26), 'E', i%10*100+2)
		id := schemas.NewReadID(&schemas.Read{Camera: "front", CapturedAt: schemas.Micros(at), RawPlate: plate})
		b, err := proto.Marshal(&anprv1.PlateRead{
			ReadId: id.ID[:], CameraId: "front", CapturedAtUs: at, ReceivedAtUs: at + 50_000, RawPlate: plate, Country: "BE",
			CountryConfidencePm: 990, ConfidencePm: 950, Lane: 1, Direction: anprv1.Direction_DIRECTION_APPROACHING, SpeedDkmh: 430,
			VehicleKind: anprv1.VehicleKind_VEHICLE_KIND_CAR, Format: "canonical",
		})
		if err != nil {
			tb.Fatal(err)
		}
		out.Append(int64(i), b)
	}
	return out
}

func TestCleanReadDoesNotAllocate(t *testing.T) {
	reads := cleanReads(t, 20_000, 5)
	s := New(Config{Topic: "t", Partitions: 1}, Rewind{})
	v, tally, rows := newTestVersions("1"), NewTally(), 0
	count := func(piece *Rows) { rows += piece.Len() }
	i := 0
	step := func() {
		s.Process(v, reads, i, i+ChunkSize, &tally, count)
		i += ChunkSize
	}
	for i < 16_000 { // 80 s of log: passages are created and dropped at the same pace, the maps have grown
		step()
	}
	if n := testing.AllocsPerRun(3000/ChunkSize, step); n != 0 {
		t.Errorf("%d clean reads cost %v allocations from decode to decision", ChunkSize, n)
	}
	if tally.Stored != uint64(i) || tally.Passages == 0 || tally.Offences != 0 || !tally.Balanced() || rows != int(tally.Stored+tally.Passages) {
		t.Errorf("totals %+v, %d rows: want all stored, passages decided, none an offence", tally.Totals, rows)
	}
}

// Every piece names the versions of its batch: whoever takes it keeps what it knows of cameras by them.
func TestAPieceNamesItsVersions(t *testing.T) {
	s := New(Config{Topic: "t", Partition: 3, Partitions: 1}, Rewind{})
	reads, tally := cleanReads(t, 3, 2), NewTally()
	for i, version := range []string{"1", "2", "2"} {
		v := newTestVersions(version)
		pieces := 0
		s.Process(v, reads, i, i+1, &tally, func(rows *Rows) {
			if pieces++; rows.Versions != v || rows.Topic != "t" || rows.Partition != 3 {
				t.Errorf("record %d: a piece of %s/%d under %+v", i, rows.Topic, rows.Partition, rows.Versions)
			}
		})
		if pieces != 1 {
			t.Errorf("record %d made %d pieces, want 1", i, pieces)
		}
	}
	s.Process(newTestVersions("3"), reads, 0, 1, nil, nil) // a rebuild hands nothing on
}

// BenchmarkShard is decode + normalise + dedup + all rules of one clean read, without the column encoding.
func BenchmarkShard(b *testing.B) {
	reads := cleanReads(b, 1<<17, 2)
	v := newTestVersions("3")
	b.ReportAllocs()
	var s *Shard
	var tally Tally
	for n, i := 0, 0; n < b.N; n += ChunkSize {
		if n == 0 || i == reads.Len() {
			b.StopTimer()
			i = 0
			s, tally = New(Config{Topic: "t", Partitions: 1}, Rewind{}), NewTally()
			b.StartTimer()
		}
		s.Process(v, reads, i, i+ChunkSize, &tally, func(*Rows) {})
		i += ChunkSize
	}
}

package ingest

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// discard is a block that keeps nothing.
type discard struct {
	rows     int
	registry string
}

func (d *discard) Registry(v string)                                                { d.registry = v }
func (d *discard) Reset()                                                           { d.rows = 0 }
func (d *discard) Rows() int                                                        { return d.rows }
func (d *discard) Read(*schemas.Read, schemas.PassageID, *schemas.Camera, Position) { d.rows++ }
func (d *discard) Passage(*schemas.Passage, *schemas.Camera, Position)              { d.rows++ }
func (d *discard) Merge(MergeKind, *schemas.Read, schemas.PassageID, Position)      { d.rows++ }
func (d *discard) Reject(*Rejected)                                                 { d.rows++ }
func (d *discard) Hit(*schemas.Hit, *schemas.Read, *schemas.Camera, Position, schemas.Micros) {
	d.rows++
}

func (d *discard) Decision(*schemas.Decision, schemas.Class, *schemas.Camera, Position, uint32) {
	d.rows++
}

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
	s := NewShard(ShardConfig{Topic: "t", Partitions: 1, Dedup: dedup.Config{}, Now: func() schemas.Micros { return 0 }}, 0, 0)
	w := simWorldOf(newSimRegistry())
	b := newBatch(&discard{})
	i := 0
	step := func() {
		s.Process(b, w, reads, i, i+groupSize)
		i += groupSize
	}
	for i < 16_000 { // 80 s of log: passages are created and dropped at the same pace, the maps have grown
		step()
	}
	if n := testing.AllocsPerRun(3000/groupSize, step); n != 0 {
		t.Errorf("%d clean reads cost %v allocations from decode to decision", groupSize, n)
	}
	if b.Totals.Stored != uint64(i) || b.Totals.Passages == 0 || b.Totals.Offences != 0 || !b.balanced() {
		t.Errorf("totals %+v: want all stored, passages decided, none an offence", b.Totals)
	}
}

// The block is told whose cameras its rows have, at every batch and when that changes: it keeps what it knows of them by their index.
func TestABlockIsToldTheRegistry(t *testing.T) {
	shard, block := NewShard(ShardConfig{Topic: "t", Partitions: 1, Now: func() schemas.Micros { return 0 }}, 0, 0), &discard{}
	reads := cleanReads(t, 3, 2)
	for i, version := range []string{"1", "2", "2"} {
		w := World{&countedRegistry{simRegistry: newSimRegistry(), version: version}, simEngine()}
		shard.Process(newBatch(block), w, reads, i, i+1)
		if block.registry != version {
			t.Errorf("batch %d: the block was told %q, want %q", i, block.registry, version)
		}
		block.registry = ""
	}
	shard.Process(nil, World{newSimRegistry(), simEngine()}, reads, 0, 1) // a rebuild has no block
}

// BenchmarkShard is decode + normalise + dedup + all rules of one clean read, without the column encoding.
func BenchmarkShard(b *testing.B) {
	reads := cleanReads(b, 1<<17, 2)
	w := simWorldOf(newSimRegistry())
	b.ReportAllocs()
	for n, i := 0, 0; n < b.N; n += groupSize {
		if n == 0 || i == reads.Len() {
			b.StopTimer()
			i = 0
			shard = NewShard(ShardConfig{Topic: "t", Partitions: 1, Now: func() schemas.Micros { return 0 }}, 0, 0)
			batch = newBatch(&discard{})
			b.StartTimer()
		}
		shard.Process(batch, w, reads, i, i+groupSize)
		i += groupSize
	}
}

var (
	shard *Shard
	batch *Batch
)

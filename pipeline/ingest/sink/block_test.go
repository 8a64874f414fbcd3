package sink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestAddingARowAllocatesNothing(t *testing.T) {
	const rows = 500
	cam := testCamera()
	reads := make([]*schemas.Read, rows)
	passages := make([]*schemas.Passage, rows)
	hits := make([]*schemas.Hit, rows)
	for i := range reads {
		reads[i] = testRead(i, march+schemas.Micros(i)*schemas.Second)
		passages[i], hits[i] = testPassage(reads[i]), testHit(reads[i])
	}
	if len(reads[0].Alternatives) == 0 {
		t.Fatal("the read must have alternatives")
	}
	b := NewBlock(nil)
	pos := shard.Position{Topic: schemas.TopicReads, Partition: 1}
	for name, add := range map[string]func(i int){
		"Read":    func(i int) { b.AddRead(reads[i], passages[i].ID, cam, pos) },
		"Passage": func(i int) { b.AddPassage(passages[i], cam, pos) },
		"Hit":     func(i int) { b.AddHit(hits[i], reads[i], cam, pos, march) },
		"Merge":   func(i int) { b.AddMerge(shard.MergeRetransmission, reads[i], passages[i].ID, pos) },
	} {
		fill := func() {
			b.Reset()
			for i := range rows {
				add(i)
			}
		}
		fill() // grow the buffers
		if got := testing.AllocsPerRun(20, fill); got != 0 {
			t.Errorf("%s: %v allocations for %d rows, want 0", name, got, rows)
		}
	}
}

func TestReadDoesNotKeepItsStrings(t *testing.T) {
	raw := []byte("1-ABC-001")
	r := testRead(1, march)
	r.RawPlate = string(raw)
	b := NewBlock(nil)
	b.AddRead(r, schemas.PassageID{}, testCamera(), shard.Position{})
	first := b.AppendNative(nil)
	*r = schemas.Read{} // the record's buffer is reused
	if got := b.AppendNative(nil); !bytes.Equal(got, first) {
		t.Error("the block changed with the read")
	}
}

func TestDecisionsOfOtherOutcomesMakeNoOffence(t *testing.T) {
	for _, o := range schemas.Outcomes() {
		b := NewBlock(nil)
		r := testRead(1, march)
		b.AddDecision(testDecision(r, o), r.Class, nil, shard.Position{}, 0)
		want := 0
		if o == schemas.OutcomeOffence || o == schemas.OutcomeHeld {
			want = 1
		}
		if got := b.TableRows("offences"); got != want {
			t.Errorf("%s makes %d rows of offences, want %d", o, got, want)
		}
		if got := b.TableRows("decisions"); got != 1 {
			t.Errorf("%s makes %d rows of decisions, want 1", o, got)
		}
		if trace := string(textColumn(b, "decisions", "trace").buf[1:]); (trace == "") != (want == 1) {
			t.Errorf("%s: the trace in decisions is %q; that of an offence or a hold stands in offences alone", o, trace)
		}
	}
}

// textColumn returns a column of texts of a table of the block.
func textColumn(b *ColumnBlock, table, name string) *strCol {
	for i := range b.tables {
		for _, c := range b.tables[i].input {
			if b.tables[i].name == table && c.Name == name {
				return c.Data.(*strCol)
			}
		}
	}
	panic("no column " + name + " in " + table)
}

func TestTokenIsOfRangeTableAndSchemaOnly(t *testing.T) {
	rg := ingest.Range{Topic: "anpr.reads.v1", Partition: 7, Start: 1200, End: 1300}
	if got, want := insertToken(rg, "reads", 1), "anpr.reads.v1/7/1200-1300/reads/v1"; got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	if got, want := insertToken(rg, "reads", 2), "anpr.reads.v1/7/1200-1300/reads/v1/2"; got != want {
		t.Errorf("token of the second life %s, want %s", got, want)
	}
}

var (
	makes   = []string{"Volkswagen", "Peugeot", "Renault", "BMW", "Mercedes-Benz", "Citro\u00ebn", "Opel", "Ford", "Audi", "Toyota", "Fiat", "Kia", "Volvo", "\u0160koda", "Dacia", "Tesla"}
	colours = []string{"black", "grey", "white", "blue", "red", "silver", "green", "brown"}
)

// benchReads are 16,384 reads of 500 cameras, with makes and colours as on a street, and ids and pictures that do not
// compress.
func benchReads() ([]*schemas.Read, []*schemas.Camera) {
	reads := make([]*schemas.Read, 16384)
	rnd := rand.New(rand.NewPCG(1, 2))
	cams := make([]*schemas.Camera, 500)
	for i := range cams {
		cams[i] = testCamera()
		cams[i].Number = uint32(i + 1)
		cams[i].ID, cams[i].Site = "camera-"+string(rune('A'+i%26))+string(rune('A'+i/26)), "site-"+string(rune('A'+i%26))+string(rune('A'+i/52))
	}
	for i := range reads {
		reads[i] = testRead(i, march+schemas.Micros(i)*1000)
		reads[i].Camera = cams[i%len(cams)].ID
		reads[i].Alternatives, reads[i].Flags = reads[i].Alternatives[:0], 0
		reads[i].RawPlate = fmt.Sprintf("%d%c%c%c%03d", 1+rnd.IntN(2), 'A'+rune(rnd.IntN(26)), 'A'+rune(rnd.IntN(26)), 'A'+rune(rnd.IntN(26)), rnd.IntN(1000))
		reads[i].Plate = schemas.MustPlate(reads[i].RawPlate)
		reads[i].Class = reads[i].Plate.Class()
		for j := 0; j < len(reads[i].Image); j += 8 {
			binary.LittleEndian.PutUint64(reads[i].Image[j:], rnd.Uint64())
		}
		reads[i].Direction = schemas.Direction(i % 3)
		reads[i].Kind = schemas.VehicleKind(i % 6)
		reads[i].Make, reads[i].Colour = makes[i*7%len(makes)], colours[i*5%len(colours)]
		if i%10 == 0 {
			reads[i].Country = schemas.Country{'A' + byte(i/10%4), 'T'}
		}
	}
	return reads, cams
}

func BenchmarkRead(b *testing.B) {
	reads, cams := benchReads()
	blk := NewBlock(nil)
	pos := shard.Position{Topic: schemas.TopicReads, Partition: 1}
	p := schemas.PassageIDOf(reads[0].ID)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%16384 == 0 {
				blk.Reset()
			}
			blk.AddRead(reads[i%len(reads)], p, cams[i%len(reads)%len(cams)], pos)
		}
	})
	b.Run("append and encode", func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		blk.Reset()
		for i := 0; b.Loop(); i++ {
			blk.AddRead(reads[i%len(reads)], p, cams[i%len(reads)%len(cams)], pos)
			if i%16384 == 16383 {
				dst = blk.AppendNative(dst[:0])
				blk.Reset()
			}
		}
		b.ReportMetric(float64(len(dst))/16384, "wire-B/row")
	})
}

// BenchmarkPassage appends passages, one column set after another.
func BenchmarkPassage(b *testing.B) {
	reads, cams := benchReads()
	passages := make([]*schemas.Passage, len(reads))
	for i, r := range reads {
		passages[i] = testPassage(r)
	}
	blk := NewBlock(nil)
	pos := shard.Position{Topic: schemas.TopicReads, Partition: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%16384 == 0 {
			blk.Reset()
		}
		blk.AddPassage(passages[i%len(reads)], cams[i%len(reads)%len(cams)], pos)
	}
}

// BenchmarkInsert is a single insert for a batch with its batches row, on the real engine.
func BenchmarkInsert(b *testing.B) {
	c, _ := newMigratedSink(b, nil)
	for _, rows := range []int{50, 5000, 50000} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			start := int64(rows) << 32
			for b.Loop() {
				b.StopTimer()
				blk := newBatch(start)
				for i := range rows {
					blk.addOneRead(march + schemas.Micros(i)*1000)
				}
				start = blk.rg.End
				b.StartTimer()
				if err := blk.insertInto(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
		})
	}
}

package sink

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// rowOf is the row of reads as one hands it to clickhouse-go: a value a column, in the order of the table.
func rowOf(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos shard.Position) []any {
	plates, pm := make([]string, len(r.Alternatives)), make([]uint16, len(r.Alternatives))
	for i := range r.Alternatives {
		plates[i], pm[i] = r.Alternatives[i].Plate, uint16(r.Alternatives[i].Confidence)
	}
	var x schemas.OffenceRow
	x.SetMeasures(r.Measures)
	more := make([]string, len(r.MoreImages))
	for i := range r.MoreImages {
		more[i] = string(r.MoreImages[i][:])
	}
	return []any{
		uuidOf(r.ID.ID), uuidOf(p.ID), r.Camera, cam.Site, cam.ZoneAt(r.CapturedAt), cam.Municipality,
		r.CapturedAt.Time(), r.ReceivedAt.Time(), r.Plate.String(), r.Class.String(), r.RawPlate, r.Country.String(),
		uint16(r.CountryConfidence), uint16(r.Confidence), r.Lane, r.Direction.String(), int32(r.Speed), r.Kind.String(),
		r.Make, r.Colour, r.Format, r.EventID, string(r.Image[:]), more, r.ImageKinds, plates, pm, x.MeasureNames, x.MeasureValues, x.MeasureUncertainties, x.MeasureDevices,
		r.Flags&schemas.FlagLate != 0, r.Flags&schemas.FlagLateUpload != 0, r.Flags&schemas.FlagClockSuspect != 0, pos.Partition, pos.Offset,
	}
}

// uuidOf is the id in the type the driver likes best.
func uuidOf(id schemas.ID) any {
	c := chproto.ColUUID{[16]byte(id)}
	return c[0]
}

// driverBlock is a block of clickhouse-go for the table of reads.
func driverBlock(tb testing.TB) *proto.Block {
	tb.Helper()
	out := proto.NewBlock()
	reads := newReads()
	for _, c := range reads.insertColumns() {
		if err := out.AddColumn(c.Name, driver.Type(c.Data.Type())); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// The row handed to clickhouse-go must be the one we encode, or the comparison is of two things: both blocks are read
// back.
func TestBothClientsEncodeTheSameRow(t *testing.T) {
	reads, cams := benchReads()
	ours, theirs := NewBlock(nil), driverBlock(t)
	pos := shard.Position{Topic: schemas.TopicReads, Partition: 3, Offset: 77}
	for i, r := range reads[:300] {
		p := schemas.PassageIDOf(r.ID)
		ours.AddRead(r, p, cams[i], pos)
		if err := theirs.Append(rowOf(r, p, cams[i], pos)...); err != nil {
			t.Fatal(err)
		}
	}
	var buf chproto.Buffer
	if err := theirs.Encode(&buf, chproto.Version); err != nil {
		t.Fatal(err)
	}
	got, want := decodeBlock(t, ours.AppendNative(nil)), decodeBlock(t, buf.Buf)
	for i, c := range want.Columns {
		if got.Columns[i].Rows() != 300 || c.Rows() != 300 {
			t.Fatalf("%s: %d and %d rows, want 300", c.Name(), got.Columns[i].Rows(), c.Rows())
		}
		for row := range c.Rows() {
			if g, w := got.Columns[i].Row(row, false), c.Row(row, false); !reflect.DeepEqual(g, w) {
				t.Fatalf("%s, row %d: ours %v, clickhouse-go's %v", c.Name(), row, g, w)
			}
		}
	}
}

// decodeBlock reads a block back with clickhouse-go.
func decodeBlock(t *testing.T, native []byte) *proto.Block {
	t.Helper()
	b := proto.NewBlock()
	if err := b.Decode(chproto.NewReader(bytes.NewReader(native)), chproto.Version); err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkClients encodes the same reads by our columns and by clickhouse-go's rows, and ours with each compression.
// Every number is per row, of blocks of 16,384.
func BenchmarkClients(b *testing.B) {
	const rows = 16384
	reads, cams := benchReads()
	pos := shard.Position{Topic: schemas.TopicReads, Partition: 1}
	for _, x := range []struct {
		name   string
		method compress.Method
	}{{"ours", compress.None}, {"ours-lz4", compress.LZ4}, {"ours-zstd", compress.ZSTD}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			blk, w := NewBlock(nil), compress.NewWriter(compress.LevelZero, x.method)
			var dst []byte
			size := 0
			for i := 0; b.Loop(); i++ {
				r := reads[i%len(reads)]
				blk.AddRead(r, schemas.PassageIDOf(r.ID), cams[i%len(reads)%len(cams)], pos)
				if i%rows < rows-1 {
					continue
				}
				dst = blk.AppendNative(dst[:0])
				blk.Reset()
				size = len(dst)
				if x.method != compress.None {
					size = compressedSize(b, w, dst)
				}
			}
			b.ReportMetric(float64(size)/rows, "wire-B/row")
		})
	}
	b.Run("clickhouse-go-rows", func(b *testing.B) {
		b.ReportAllocs()
		blk := driverBlock(b)
		var buf chproto.Buffer
		for i := 0; b.Loop(); i++ {
			r := reads[i%len(reads)]
			if err := blk.Append(rowOf(r, schemas.PassageIDOf(r.ID), cams[i%len(reads)%len(cams)], pos)...); err != nil {
				b.Fatal(err)
			}
			if i%rows < rows-1 {
				continue
			}
			buf.Reset()
			if err := blk.Encode(&buf, chproto.Version); err != nil {
				b.Fatal(err)
			}
			blk = driverBlock(b) // the driver makes one a batch
		}
		b.ReportMetric(float64(len(buf.Buf))/rows, "wire-B/row")
	})
}

// compressedSize compresses in the chunks that the writers use and returns the size.
func compressedSize(b *testing.B, w *compress.Writer, data []byte) (size int) {
	b.Helper()
	const chunk = 1 << 20
	for len(data) > 0 {
		n := min(chunk, len(data))
		if err := w.Compress(data[:n]); err != nil {
			b.Fatal(err)
		}
		size += len(w.Data)
		data = data[n:]
	}
	return size
}

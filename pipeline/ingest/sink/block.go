package sink

import (
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

var _ ingest.Block = (*ColumnBlock)(nil)

// A block's tables, in insert order. The batches row follows them.
const (
	tabReads = iota
	tabPassages
	tabMerges
	tabRejects
	tabHits
	tabDecisions
	tabOffences
	tabCount
)

// batchesTable is written last, by itself: its row proves the range.
const batchesTable = "batches"

var tableNames = [tabCount]string{"reads", "passages", "merges", "rejects", "hits", "decisions", "offences"}

// ColumnBlock implements [ingest.Block]: a set of reused column buffers for every table, in the wire form for
// ClickHouse's native protocol. Adding a read allocates nothing once the buffers have grown. A block is used by one
// goroutine at a time.
type ColumnBlock struct {
	now    func() schemas.Micros // stamps hits with their processing time
	traced []byte                // the current decision's encoded trace
	texts  plateTexts

	measures schemas.OffenceRow // the four columns of measures are memory for the measures of the current row

	version string // reference data version in use; the kept camera keys are valid for it only
	loaded  uint64 // keeps the compiler from dropping prefetch loads

	reads     readsTable
	passages  passagesTable
	merges    rowTable[schemas.MergeRow]
	rejects   rowTable[schemas.RejectRow]
	hits      rowTable[schemas.HitRow]
	decisions rowTable[schemas.DecisionRow]
	offences  rowTable[schemas.OffenceRow]

	tables [tabCount]tableColumns
}

// tableColumns holds a table's columns and insert statement.
type tableColumns struct {
	name            string
	query           string
	input           proto.Input
	monthColumn     *fixedCol // the time column whose month is the table partition; nil when the table has one partition
	monthColumnName string    // monthColumn's name

	isShort    func() bool // reports whether no row has a value in the sparse columns; nil = the table has none
	shortQuery string      // the statement without the sparse columns, which the server fills with their default
	short      proto.Input
}

// sentForm returns the statement and the columns that the block needs.
func (t *tableColumns) sentForm() (query string, input proto.Input) {
	if t.isShort != nil && t.isShort() {
		return t.shortQuery, t.short
	}
	return t.query, t.input
}

// setSparse names columns that are not sent when isShort reports that they say nothing.
func (t *tableColumns) setSparse(isShort func() bool, names ...string) {
	for _, c := range t.input {
		if !slices.Contains(names, c.Name) {
			t.short = append(t.short, c)
		}
	}
	if len(t.short)+len(names) != len(t.input) {
		panic(fmt.Sprintf("BUG: table %s has not all of the columns %v", t.name, names))
	}
	t.isShort, t.shortQuery = isShort, t.short.Into(t.name)
}

// NewBlock makes an empty block. now stamps hits with their processing time; nil means this machine's clock.
func NewBlock(now func() schemas.Micros) *ColumnBlock {
	if now == nil {
		now = func() schemas.Micros { return schemas.MicrosOf(time.Now()) }
	}
	b := &ColumnBlock{
		now: now, reads: newReads(), passages: newPassages(), merges: newRowTable[schemas.MergeRow](),
		rejects: newRowTable[schemas.RejectRow](), hits: newRowTable[schemas.HitRow](),
		decisions: newRowTable[schemas.DecisionRow](), offences: newRowTable[schemas.OffenceRow](),
	}
	inputs := [tabCount]proto.Input{
		tabReads: b.reads.insertColumns(), tabPassages: b.passages.insertColumns(), tabMerges: b.merges.columns,
		tabRejects: b.rejects.columns, tabHits: b.hits.columns, tabDecisions: b.decisions.columns,
		tabOffences: b.offences.columns,
	}
	for i, in := range inputs {
		b.tables[i] = tableColumns{name: tableNames[i], query: in.Into(tableNames[i]), input: in}
	}
	for i, col := range map[int]string{
		tabReads: "captured_at", tabPassages: "first_at", tabMerges: "received_at",
		tabHits: "captured_at", tabDecisions: "captured_at", tabOffences: "captured_at",
	} {
		b.tables[i].partitionedBy(col)
	}
	b.tables[tabReads].setSparse(func() bool { return !b.reads.detailed }, "more_images_sha256", "image_kinds",
		"measures.name", "measures.value", "measures.uncertainty", "measures.device")
	return b
}

func (t *tableColumns) partitionedBy(name string) {
	for _, c := range t.input {
		if c.Name == name {
			t.monthColumn, t.monthColumnName = c.Data.(*fixedCol), name
			return
		}
	}
	panic("BUG: table " + t.name + " has no column " + name)
}

func (t *tableColumns) rowCount() int { return t.input[0].Data.Rows() }

// checkColumns panics when a column misses a row. Such a block is a defect in this package, and no retry mends it.
func (t *tableColumns) checkColumns() {
	for _, c := range t.input {
		if got, want := c.Data.Rows(), t.rowCount(); got != want {
			panic(fmt.Sprintf("BUG: table %s: column %s has %d rows, want %d", t.name, c.Name, got, want))
		}
	}
}

func (t *tableColumns) resetColumns() {
	for _, c := range t.input {
		c.Data.(wireColumn).Reset()
	}
}

// Reset empties the block. Each buffer is kept up to a bound.
func (b *ColumnBlock) Reset() {
	for i := range b.tables {
		b.tables[i].resetColumns()
	}
	b.reads.detailed = false
}

// Append adds the rows to the column buffers. A camera's dictionary keys are kept from block to block; a new reference
// data version clears them, because a camera may have another site, zone or municipality there.
func (b *ColumnBlock) Append(rows *shard.Rows) {
	b.useVersion(rows.Versions.Reference.Version())
	b.loaded += b.reads.prefetchReads(rows.Reads)
	for i := range rows.Reads {
		r := &rows.Reads[i]
		b.AddRead(r.Read, r.Passage, r.Camera, rows.At(r.Offset))
	}
	b.loaded += b.passages.prefetchPassages(rows.Passages)
	for i := range rows.Passages {
		p := &rows.Passages[i]
		b.AddPassage(p.Passage, p.Camera, rows.At(p.Offset))
	}
	for i := range rows.Merges {
		m := &rows.Merges[i]
		b.AddMerge(m.Kind, m.Read, m.Passage, rows.At(m.Offset))
	}
	for i := range rows.Rejects {
		b.AddReject(&rows.Rejects[i])
	}
	if len(rows.Hits) > 0 {
		processed := b.now()
		for i := range rows.Hits {
			h := &rows.Hits[i]
			b.AddHit(h.Hit, h.Read, h.Camera, rows.At(h.Offset), processed)
		}
	}
	for i := range rows.Decisions {
		d := &rows.Decisions[i]
		b.AddDecision(d.Decision, d.Class, d.Camera, rows.At(d.Offset), d.Seq)
	}
}

// useVersion sets the reference data version for the rows after it. A new version clears the camera keys, because a
// camera may have another site, zone or municipality there.
func (b *ColumnBlock) useVersion(version string) {
	if b.version != version {
		b.version = version
		clear(b.reads.keysByNumber)
		clear(b.passages.keysByNumber)
	}
}

// Rows returns the row count over all tables.
func (b *ColumnBlock) Rows() int {
	n := 0
	for i := range b.tables {
		n += b.tables[i].rowCount()
	}
	return n
}

// TableRows returns a table's row count by table name; 0 for an unknown table.
func (b *ColumnBlock) TableRows(name string) int {
	for i := range b.tables {
		if b.tables[i].name == name {
			return b.tables[i].rowCount()
		}
	}
	return 0
}

// AppendNative appends the native-protocol form for every table with rows: the bytes sent by Insert. It measures the
// encoding cost without a server.
func (b *ColumnBlock) AppendNative(dst []byte) []byte {
	buf := proto.Buffer{Buf: dst}
	for i := range b.tables {
		t := &b.tables[i]
		if t.rowCount() == 0 {
			continue
		}
		t.checkColumns()
		_, input := t.sentForm()
		blk := proto.Block{Columns: len(input), Rows: t.rowCount(), Info: proto.BlockInfo{BucketNum: -1}}
		if err := blk.EncodeBlock(&buf, proto.Version, input); err != nil {
			panic("BUG: encode " + t.name + ": " + err.Error())
		}
	}
	return buf.Buf
}

// location is the entry of a camera in the registry at the time of a capture; zero when the camera left the registry.
type location struct {
	site, zone   string
	municipality uint32
}

func locationOf(cam *schemas.Camera, at schemas.Micros) location {
	if cam == nil {
		return location{}
	}
	return location{site: cam.Site, zone: cam.ZoneAt(at), municipality: cam.Municipality}
}

package sink

import (
	"encoding/json"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/schemas"
)

var _ ingest.Block = (*Block)(nil)

// TraceJSON appends a decision's trace as the JSON that is stored and published. It must be safe for concurrent use.
type TraceJSON func(dst []byte, steps []schemas.Step) []byte

// plainTrace is the default: the JSON tags of schemas.Step.
func plainTrace(dst []byte, steps []schemas.Step) []byte {
	if len(steps) == 0 {
		return append(dst, "[]"...)
	}
	b, err := json.Marshal(steps)
	if err != nil {
		panic("BUG: a trace is strings and booleans and must marshal: " + err.Error())
	}
	return append(dst, b...)
}

// The tables of a block, in the order they are inserted; the ledger follows them.
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

// ledgerTable is written last, by itself.
const ledgerTable = "batches"

var tableNames = [tabCount]string{"reads", "passages", "merges", "rejects", "hits", "decisions", "offences"}

// Block implements [ingest.Block]: one set of reused column buffers a table, in the wire form of ClickHouse's native
// protocol. Adding a read allocates nothing once the buffers have grown. A Block is used by one goroutine at a time.
type Block struct {
	trace  TraceJSON
	traced []byte // of the decision at hand
	texts  plateTexts

	registry string // version of the registry that known is of

	reads     readsTable
	passages  passagesTable
	merges    rowTable[schemas.MergeRow]
	rejects   rowTable[schemas.RejectRow]
	hits      rowTable[schemas.HitRow]
	decisions rowTable[schemas.DecisionRow]
	offences  rowTable[schemas.OffenceRow]

	tables [tabCount]table
}

// table is what an insert needs of one table's columns.
type table struct {
	name     string
	query    string
	input    proto.Input
	months   *fixedCol // the time column whose month is the table partition; nil when the table has one partition
	monthsOf string    // its name
}

// NewBlock makes an empty block. A nil trace means plain JSON of the steps.
func NewBlock(trace TraceJSON) *Block {
	if trace == nil {
		trace = plainTrace
	}
	b := &Block{
		trace: trace, reads: newReads(), passages: newPassages(), merges: newRowTable[schemas.MergeRow](),
		rejects: newRowTable[schemas.RejectRow](), hits: newRowTable[schemas.HitRow](),
		decisions: newRowTable[schemas.DecisionRow](), offences: newRowTable[schemas.OffenceRow](),
	}
	inputs := [tabCount]proto.Input{
		tabReads: b.reads.input(), tabPassages: b.passages.input(), tabMerges: b.merges.columns,
		tabRejects: b.rejects.columns, tabHits: b.hits.columns, tabDecisions: b.decisions.columns,
		tabOffences: b.offences.columns,
	}
	for i, in := range inputs {
		b.tables[i] = table{name: tableNames[i], query: in.Into(tableNames[i]), input: in}
	}
	for i, col := range map[int]string{
		tabReads: "captured_at", tabPassages: "first_at", tabMerges: "received_at",
		tabHits: "captured_at", tabDecisions: "captured_at", tabOffences: "captured_at",
	} {
		b.tables[i].partitionedBy(col)
	}
	return b
}

func (t *table) partitionedBy(name string) {
	for _, c := range t.input {
		if c.Name == name {
			t.months, t.monthsOf = c.Data.(*fixedCol), name
			return
		}
	}
	panic("BUG: table " + t.name + " has no column " + name)
}

func (t *table) rows() int { return t.input[0].Data.Rows() }

// check panics when a column misses a row: a block in that state is a defect of this package, and no retry mends it.
func (t *table) check() {
	for _, c := range t.input {
		if got, want := c.Data.Rows(), t.rows(); got != want {
			panic(fmt.Sprintf("BUG: table %s: column %s has %d rows, want %d", t.name, c.Name, got, want))
		}
	}
}

func (t *table) reset() {
	for _, c := range t.input {
		c.Data.(column).Reset()
	}
}

// Reset empties the block. Buffers are kept up to a bound each.
func (b *Block) Reset() {
	for i := range b.tables {
		b.tables[i].reset()
	}
}

// Registry implements [ingest.Block]. What is known of cameras outlives the block, but not their registry: another one's entry may lie
// where the garbage collector freed this one's.
func (b *Block) Registry(version string) {
	if b.registry != version {
		b.registry = version
		clear(b.reads.known)
		clear(b.passages.known)
	}
}

// Rows returns the number of rows over all tables.
func (b *Block) Rows() int {
	n := 0
	for i := range b.tables {
		n += b.tables[i].rows()
	}
	return n
}

// TableRows returns the number of rows of one table by its name; 0 for a table the block does not have.
func (b *Block) TableRows(name string) int {
	for i := range b.tables {
		if b.tables[i].name == name {
			return b.tables[i].rows()
		}
	}
	return 0
}

// AppendNative appends the native-protocol form of every table that has rows. It is what Insert sends, for measuring the
// cost of encoding without a server.
func (b *Block) AppendNative(dst []byte) []byte {
	buf := proto.Buffer{Buf: dst}
	for i := range b.tables {
		t := &b.tables[i]
		if t.rows() == 0 {
			continue
		}
		t.check()
		blk := proto.Block{Columns: len(t.input), Rows: t.rows(), Info: proto.BlockInfo{BucketNum: -1}}
		if err := blk.EncodeBlock(&buf, proto.Version, t.input); err != nil {
			panic("BUG: encode " + t.name + ": " + err.Error())
		}
	}
	return buf.Buf
}

// place is what the registry says of a camera at the time of a capture; zero when the camera left the registry.
type place struct {
	site, zone   string
	municipality uint32
}

func placeOf(cam *schemas.Camera, at schemas.Micros) place {
	if cam == nil {
		return place{}
	}
	return place{site: cam.Site, zone: cam.ZoneAt(at), municipality: cam.Municipality}
}

package sink

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// march is 2026-03-01T12:00:00Z.
const march = schemas.Micros(1772366400 * 1_000_000)

const month = 31 * 24 * schemas.Hour

func testCamera() *schemas.Camera {
	return &schemas.Camera{
		ID: "cam-001", Site: "wetstraat", Zone: "5339", Municipality: 21004,
		Loans: []schemas.Loan{{Zone: "5340", ValidFrom: march + month, ValidTo: march + 2*month}},
	}
}

// testRead is the read of offset i, captured at the given time; every field is set.
func testRead(i int, at schemas.Micros) *schemas.Read {
	p := schemas.MustPlate(fmt.Sprintf("1ABC%03d", i%1000))
	r := &schemas.Read{
		Camera: "cam-001", EventID: fmt.Sprintf("event-%d", i), CapturedAt: at, ReceivedAt: at + schemas.Second,
		RawPlate: "1-ABC-" + p.String()[4:], Country: schemas.Belgium, CountryConfidence: 990, Confidence: 955, Lane: 2,
		Direction: schemas.Departing, Speed: 505, Kind: schemas.KindVan, Format: "canonical", Make: "Citro\u00ebn", Colour: "red",
		Image:      schemas.Sum{0: byte(i), 31: 7},
		MoreImages: []schemas.Sum{{0: 1, 31: 8}, {0: 2, 31: 9}}, ImageKinds: "scene,plate,other",
		Alternatives: []schemas.Alternative{{Plate: "1A8C001", Confidence: 800}, {Plate: "IABC001", Confidence: 700}},
		Measures:     []schemas.Measure{{Name: "mass_kg", Value: 3500}, {Name: "red_time_ms", Value: 1234, Uncertainty: 20, Device: "RLC-7"}},
		Flags:        schemas.FlagLate, Plate: p, Class: p.Class(),
	}
	r.ID = schemas.NewReadID(r)
	return r
}

func testEntry() *schemas.ListEntry {
	return &schemas.ListEntry{
		List: "stolen", ID: "S-17", Plate: schemas.MustPlate("1ABC001"), Reason: "theft", CaseRef: "BR.11.22",
		Priority: 90, Audience: []string{"5339", "5340"}, Confusable: true,
	}
}

func testHit(r *schemas.Read) *schemas.Hit {
	p := schemas.PassageIDOf(r.ID)
	return &schemas.Hit{
		ID: schemas.NewHitID("stolen", "S-17", p, schemas.MatchConfusable), Passage: p,
		Match: schemas.MatchConfusable, Entry: testEntry(), ReferenceVersion: "3f9c2a10d4b7",
	}
}

func sightingOf(r *schemas.Read) schemas.Sighting {
	return schemas.Sighting{
		Read: r.ID, Camera: r.Camera, CapturedAt: r.CapturedAt, ReceivedAt: r.ReceivedAt,
		Plate: r.Plate, Country: r.Country, Confidence: r.Confidence, Speed: r.Speed, Kind: r.Kind, Make: r.Make, Colour: r.Colour, Image: r.Image,
	}
}

func testPassage(r *schemas.Read) *schemas.Passage {
	return &schemas.Passage{
		ID: schemas.PassageIDOf(r.ID), Class: r.Class, First: r.CapturedAt, Last: r.CapturedAt + schemas.Second,
		Reads: 2, Merged: 3, Variants: 1, Best: sightingOf(r), Measured: sightingOf(r),
	}
}

func testDecision(r *schemas.Read, o schemas.Outcome) *schemas.Decision {
	p := schemas.PassageIDOf(r.ID)
	return &schemas.Decision{
		Rule: "bru.speed.fixed", RuleVersion: "2026-01-01", Family: "speed", Outcome: o,
		Reason: "above_limit", Passage: p, On: sightingOf(r), Offence: schemas.NewOffenceID("bru.speed.fixed", r.Plate, r.Country, p.ID[:]),
		Measures: schemas.SpeedMeasures(620, 560, 500), AmountCents: 5300, LegalBasis: "RD 1975-12-01 art. 11", Verified: true,
		Trace:            []schemas.Step{{Code: "speed.limit", Holds: true, Args: []string{"50"}, Basis: "art. 11", Verified: true}},
		CatalogueVersion: "cat-1", ReferenceVersion: "ref-1",
		Seal: schemas.Sum{1, byte(r.CapturedAt / schemas.Second)}, PrevSeal: schemas.Sum{2}, Sealed: []byte("sealed\x00bytes"),
	}
}

// batch builds a block and its totals row by row.
type batch struct {
	*ColumnBlock
	rg ingest.Range
	t  shard.Totals
}

func newBatch(start int64) *batch {
	return &batch{
		ColumnBlock: NewBlock(nil), rg: ingest.Range{Topic: schemas.TopicReads, Partition: 3, Start: start, End: start},
		t: shard.Totals{Clock: march, CatalogueVersion: "cat-1", ReferenceVersion: "ref-1"},
	}
}

func (b *batch) nextPosition() shard.Position {
	pos := shard.Position{Topic: b.rg.Topic, Partition: b.rg.Partition, Offset: b.rg.End}
	b.rg.End++
	b.t.Fetched++
	return pos
}

func (b *batch) addOneRead(at schemas.Micros) *schemas.Read {
	pos := b.nextPosition()
	r := testRead(int(pos.Offset), at)
	b.ColumnBlock.AddRead(r, schemas.PassageIDOf(r.ID), testCamera(), pos)
	b.t.Stored++
	return r
}

// addEveryKind adds one record of every kind: a stored read with a hit, a passage and an offence, a held and an exempt decision,
// a merge, a reject and a tick.
func (b *batch) addEveryKind(at schemas.Micros) *schemas.Read {
	r := b.addOneRead(at)
	pos := shard.Position{Topic: b.rg.Topic, Partition: b.rg.Partition, Offset: b.rg.End - 1}
	b.AddHit(testHit(r), r, testCamera(), pos, at+2*schemas.Second)
	b.AddPassage(testPassage(r), testCamera(), pos)
	for seq, o := range []schemas.Outcome{schemas.OutcomeOffence, schemas.OutcomeExempt} {
		d := testDecision(r, o)
		d.Rule += schemas.RuleID(fmt.Sprint(".", o)) // two rules: rows of one rule and passage replace one another
		b.AddDecision(d, r.Class, testCamera(), pos, uint32(seq))
	}
	b.AddMerge(shard.MergeParked, r, schemas.PassageIDOf(r.ID), b.nextPosition())
	b.AddReject(&shard.RejectRow{
		Err: schemas.Rejectf(schemas.ReasonBadPlate, "raw_plate", "no plate"), Camera: "cam-001",
		ReceivedAt: at, Payload: []byte("payload"), Pos: b.nextPosition(),
	})
	b.nextPosition() // a tick
	b.t.Merged++
	b.t.Rejected++
	b.t.Ticks++
	b.t.Hits++
	b.t.Passages++
	b.t.Offences++
	return r
}

func (b *batch) insertInto(ctx context.Context, c *ClickHouse) error {
	return c.Insert(ctx, b.rg, &b.t, b.ColumnBlock)
}

// newMigratedSink returns a sink and a query connection on a database of this test with all tables.
func newMigratedSink(tb testing.TB, change func(*Config)) (*ClickHouse, driver.Conn) {
	tb.Helper()
	addr, db := testkit.Tables(tb)
	cfg := Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}
	if change != nil {
		change(&cfg)
	}
	ctx := tb.Context()
	c, err := NewClickHouse(ctx, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	conn, err := cfg.Open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c, conn
}

func queryValue[T any](tb testing.TB, conn driver.Conn, sql string, args ...any) T {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var v T
	if err := conn.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
	return v
}

func rowsOf(tb testing.TB, conn driver.Conn, table string) uint64 {
	tb.Helper()
	return queryValue[uint64](tb, conn, "SELECT count() FROM "+table)
}

package replay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/ClickHouse/ch-go"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// someRead is a read with every field of a sighting set.
func someRead(rng *rand.Rand, i int) *schemas.Read {
	at := schemas.Micros(1795000000+i) * schemas.Second
	r := &schemas.Read{
		Camera: fmt.Sprintf("cam-%d", rng.IntN(5)+1), CapturedAt: at, ReceivedAt: at + schemas.Micros(rng.IntN(1e9)+1), RawPlate: "x", Country: schemas.Belgium,
		CountryConfidence: schemas.PerMille(rng.IntN(1000) + 1), Confidence: schemas.PerMille(rng.IntN(1000) + 1), Lane: uint8(rng.IntN(5) + 1),
		Direction: schemas.Approaching, Speed: schemas.Speed(rng.IntN(2000) + 1), Kind: schemas.KindTruck, Make: "Volvo", Colour: "red",
		Flags: schemas.FlagLate | schemas.FlagClockSuspect, Image: schemas.Sum{byte(i), byte(i >> 8), 1},
	}
	r.SetPlate(schemas.MustPlate(fmt.Sprintf("1%c%c%c%03d", 'A'+rng.IntN(26), 'A'+rng.IntN(26), 'A'+rng.IntN(26), rng.IntN(1000))))
	if i%3 > 0 {
		r.Measures = []schemas.Measure{{Name: schemas.VehicleMass, Value: 3500 + int64(i)}, {Name: "new_thing_x", Value: -1}, {Name: schemas.RedTime, Value: int64(i), Uncertainty: 20, Device: "RLC-7"}}[i%2:]
	}
	if i%3 > 1 {
		r.MoreImages, r.ImageKinds = make([]schemas.Sum, 2), "scene,plate,second"
	}
	r.EventID = fmt.Sprint(i)
	r.ID = schemas.NewReadID(r)
	return r
}

// TestAStoredReadIsThePipelinesRead: the rules see the same read from the log and from the table, field by field,
// also in future fields of a sighting.
func TestAStoredReadIsThePipelinesRead(t *testing.T) {
	addr, db := testkit.Tables(t)
	cfg := sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}
	tables, err := sink.NewClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	const n = 300
	rng := rand.New(rand.NewPCG(20261128, 1))
	block := sink.NewBlock(nil)
	want := map[schemas.ReadID]schemas.Passage{}
	cameras := map[string]*schemas.Camera{}
	for i := range 5 {
		c := &schemas.Camera{ID: fmt.Sprintf("cam-%d", i+1), Number: uint32(i + 1), Site: "s"}
		cameras[c.ID] = c
	}
	for i := range n {
		r := someRead(rng, i)
		p := dedup.PassageOfRead(r, schemas.PassageIDOf(r.ID))
		for _, s := range []schemas.Sighting{p.Best, p.Measured} {
			for f := range reflect.ValueOf(s).NumField() {
				if reflect.ValueOf(s).Field(f).IsZero() {
					t.Fatalf("the read leaves %s empty: it is not tested", reflect.TypeOf(s).Field(f).Name)
				}
			}
		}
		want[r.ID] = p
		block.AddRead(r, p.ID, cameras[r.Camera], shard.Position{Topic: schemas.TopicReads, Offset: int64(i)})
	}
	rg := ingest.Range{Topic: schemas.TopicReads, End: n}
	if err := tables.Insert(t.Context(), rg, &shard.Totals{Fetched: n, Stored: n}, block); err != nil {
		t.Fatal(err)
	}
	rows, err := readAll(t.Context(), func(ctx context.Context) (*ch.Client, error) { return cfg.DialNative(ctx) }, "SELECT "+readSelect+" FROM reads", nil, newReadCols())
	if err != nil || len(rows) != n {
		t.Fatalf("%d rows, want %d: %v", len(rows), n, err)
	}
	var r schemas.Read
	for i := range rows {
		rows[i].fillRead(&r)
		if got, want := dedup.PassageOfRead(&r, schemas.PassageID{ID: rows[i].passage}), want[r.ID]; !reflect.DeepEqual(got, want) {
			t.Fatalf("read back:\n%+v\nwant\n%+v", got, want)
		}
	}
}

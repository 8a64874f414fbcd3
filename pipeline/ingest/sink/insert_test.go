package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestInsertStoresWhatTheBlockHolds(t *testing.T) {
	for _, compression := range []platform.Compression{platform.CompressionOff, platform.CompressionLZ4} {
		t.Run(compression.String(), func(t *testing.T) {
			c, conn := newMigratedSink(t, func(cfg *Config) { cfg.Compression = compression })
			b := newBatch(100)
			r := b.addEveryKind(march)
			if err := b.insertInto(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			is := func(sql, want string) {
				t.Helper()
				if got := queryValue[string](t, conn, sql); got != want {
					t.Errorf("%s\n got %s\nwant %s", sql, got, want)
				}
			}
			d := testDecision(r, schemas.OutcomeOffence)
			p := schemas.PassageIDOf(r.ID)
			is("SELECT toString(read_id) || ' ' || toString(passage_id) FROM reads", r.ID.String()+" "+p.String())
			is(`SELECT toString((camera_id, site, zone, municipality, captured_at, received_at, plate, class, raw_plate, country, country_confidence,
				confidence, lane, direction, speed_dkmh, kind, make, colour, format, event_id, hex(image_sha256), alternatives, alternatives_pm, late, late_upload, clock_suspect, kafka_partition, kafka_offset)) FROM reads`,
				`('cam-001','wetstraat','5339',21004,'2026-03-01 12:00:00.000000','2026-03-01 12:00:01.000000','1ABC100','1A8C100','1-ABC-100','BE',990,955,2,'departing',505,'van','Citroën','red','canonical','event-100','64000000000000000000000000000000000000000000000000000000000000`+
					`07',['1A8C001','IABC001'],[800,700],true,false,false,3,100)`)
			is("SELECT arrayStringConcat(arrayMap(x -> hex(substring(x, 1, 1)) || hex(substring(x, 32, 1)), more_images_sha256), ' ') || ' ' || image_kinds FROM reads", "0108 0209 scene,plate,other")
			is("SELECT toString((measures.name, measures.value, measures.uncertainty, measures.device)) FROM reads", "(['mass_kg','red_time_ms'],[3500,1234],[0,20],['','RLC-7'])")
			is(`SELECT toString((toString(passage_id) = '`+p.String()+`', plate, class, country, site, camera_id, zone, municipality, first_at, last_at, toString(best_read_id) = '`+r.ID.String()+`',
				best_confidence, speed_dkmh, kind, make, colour, hex(substring(image_sha256, 1, 1)), reads, merged, variants, parked, kafka_partition, kafka_offset)) FROM passages`,
				`(1,'1ABC100','1A8C100','BE','wetstraat','cam-001','5339',21004,'2026-03-01 12:00:00.000000','2026-03-01 12:00:01.000000',1,955,505,'van','Citroën','red','64',2,3,1,false,3,100)`)
			is(`SELECT toString((toString(hit_id) = '`+testHit(r).ID.String()+`', list, entry_id, listed_plate, match, reason, case_ref, priority, audience, plate, raw_plate, camera_id, site, zone, municipality, captured_at, received_at, confidence, late, reference_version, processed_at)) FROM hits`,
				`(1,'stolen','S-17','1ABC001','confusable','theft','BR.11.22',90,['5339','5340'],'1ABC100','1-ABC-100','cam-001','wetstraat','5339',21004,'2026-03-01 12:00:00.000000','2026-03-01 12:00:01.000000',955,true,'3f9c2a10d4b7','2026-03-01 12:00:02.000000')`)
			is(`SELECT toString((toString(offence_id) = '`+d.Offence.String()+`', rule, rule_version, family, status, reason, hold_until, plate, class, country, camera_id, site, zone, municipality, captured_at, day, measured_dkmh, corrected_dkmh, limit_dkmh, amount_cents, legal_basis, verified, catalogue_version, reference_version, hex(substring(seal_sha256, 1, 1)), hex(substring(prev_seal_sha256, 1, 1)), kafka_partition, kafka_offset, seq)) FROM offences`,
				`(1,'bru.speed.fixed.offence','2026-01-01','speed','candidate','above_limit','1970-01-01 00:00:00.000000','1ABC100','1A8C100','BE','cam-001','wetstraat','5339',21004,'2026-03-01 12:00:00.000000','2026-03-01',620,560,500,5300,'RD 1975-12-01 art. 11',true,'cat-1','ref-1','01','02',3,100,0)`)
			is("SELECT sealed FROM offences", string(d.Sealed))
			is("SELECT trace FROM offences", string(evidence.AppendTrace(nil, d.Trace)))
			is("SELECT arrayStringConcat(arraySort(groupArray(outcome)), ' ') FROM decisions", "exempt offence")
			is("SELECT toString((kind, camera_id, captured_at, received_at, kafka_partition, kafka_offset)) FROM merges",
				`('parked','cam-001','2026-03-01 12:00:00.000000','2026-03-01 12:00:01.000000',3,101)`)
			is("SELECT toString((reason, field, detail, camera_id, received_at, payload_head, payload_size, lower(hex(payload_sha256)), kafka_topic, kafka_partition, kafka_offset)) FROM rejects",
				`('bad_plate','raw_plate','no plate','cam-001','2026-03-01 12:00:00.000000','payload',7,'239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5','anpr.reads.v1',3,102)`)
			is("SELECT toString((kafka_topic, kafka_partition, start_offset, end_offset, fetched, stored, merged, rejected, ticks, passages, hits, offences, log_clock, catalogue_version, reference_version)) FROM batches",
				`('anpr.reads.v1',3,100,104,4,1,1,1,1,1,1,1,'2026-03-01 12:00:00.000000','cat-1','ref-1')`)
			is("SELECT toString(min(inserted_at) > '2020-01-01 00:00:00') FROM reads", "1")
		})
	}
}

func TestALoanedCameraIsOfTheBorrowersZone(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(0)
	b.addOneRead(march + month + schemas.Hour)
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, want := queryValue[string](t, conn, "SELECT toString(zone) FROM reads"), "5340"; got != want {
		t.Errorf("zone = %s, want %s", got, want)
	}
}

func TestARangeInsertedConcurrentlyCountsOnce(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	var wg sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() {
			b := newBatch(0) // each owner rebuilds the range for itself
			for k := range 50 {
				b.addEveryKind(march + schemas.Micros(k)*schemas.Second)
			}
			errs[i] = b.insertInto(t.Context(), c)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]uint64{
		"reads": 50, "passages": 50, "merges": 50, "rejects": 50, "hits": 50,
		"decisions": 100, "offences": 50, "batches": 1,
	} {
		if got := rowsOf(t, conn, table); got != want {
			t.Errorf("%s has %d rows without FINAL, want %d", table, got, want)
		}
	}
}

func TestTokensWorkPerTablePartition(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	perMonth := func() string {
		return queryValue[string](t, conn, "SELECT toString(arraySort(groupArray((m, n)))) FROM (SELECT toYYYYMM(captured_at) AS m, count() AS n FROM reads GROUP BY m)")
	}
	rg := ingest.Range{Topic: schemas.TopicReads, Partition: 1, Start: 0, End: 10}
	insert := func(times ...schemas.Micros) {
		t.Helper()
		b := NewBlock(nil)
		for i, at := range times {
			r := testRead(i, at)
			b.AddRead(r, schemas.PassageIDOf(r.ID), testCamera(), shard.Position{Topic: rg.Topic, Partition: rg.Partition, Offset: int64(i)})
		}
		if err := c.Insert(t.Context(), rg, &shard.Totals{Fetched: uint64(len(times)), Stored: uint64(len(times))}, b); err != nil {
			t.Fatal(err)
		}
	}
	april := march + month
	steps := []struct {
		name  string
		times []schemas.Micros
		want  string
	}{
		{"one month", []schemas.Micros{march, march + 1, march + 2}, "[(202603,3)]"},
		{"the same token with two months keeps the new month only", []schemas.Micros{march, april, march + 1, april + 1, march + 2}, "[(202603,3),(202604,2)]"},
		{"again, nothing", []schemas.Micros{march, april, march + 1, april + 1, march + 2}, "[(202603,3),(202604,2)]"},
		{"again in another order of months, nothing", []schemas.Micros{april, april + 1, march, march + 1, march + 2}, "[(202603,3),(202604,2)]"},
	}
	for _, s := range steps {
		insert(s.times...)
		if got := perMonth(); got != s.want {
			t.Fatalf("%s: %s, want %s", s.name, got, s.want)
		}
	}
}

func TestALargeBlockStaysOnePart(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	const rows = 1_200_000 // above the server's default of 1,048,449 rows a block
	b := newBatch(0)
	r := testRead(0, march)
	for range rows {
		b.AddMerge(shard.MergeParked, r, schemas.PassageID{}, b.nextPosition())
	}
	b.t.Merged = rows
	for range 2 {
		if err := b.insertInto(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := rowsOf(t, conn, "merges"); got != rows {
		t.Errorf("%d rows, want %d", got, rows)
	}
	if got := queryValue[uint64](t, conn, "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'merges' AND level = 0"); got != 1 {
		t.Errorf("the block became %d parts, want 1", got)
	}
}

var errCrash = errors.New("crash")

func TestARangeInterruptedBetweenTablesIsCompletedOnce(t *testing.T) {
	for stopAfter := range 8 {
		t.Run(fmt.Sprintf("after %d tables", stopAfter), func(t *testing.T) {
			c, conn := newMigratedSink(t, func(cfg *Config) { cfg.Parallel = 1 })
			var done int
			c.inserted = func(string) error {
				done++
				if done > stopAfter {
					return fmt.Errorf("%w: %w", errCrash, ingest.ErrStop)
				}
				return nil
			}
			first := newBatch(0)
			first.addEveryKind(march)
			if err := first.insertInto(t.Context(), c); !errors.Is(err, errCrash) {
				t.Fatalf("error %v, want the crash", err)
			}
			if got := rowsOf(t, conn, "batches"); stopAfter < 7 && got != 0 {
				t.Fatalf("the ledger has %d rows before the other tables are complete", got)
			}
			c.inserted = nil
			again := newBatch(0) // the next owner of the partition
			again.addEveryKind(march)
			if err := again.insertInto(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			for table, want := range map[string]uint64{
				"reads": 1, "passages": 1, "merges": 1, "rejects": 1, "hits": 1,
				"decisions": 2, "offences": 1, "batches": 1,
			} {
				if got := rowsOf(t, conn, table); got != want {
					t.Errorf("%s has %d rows, want %d", table, got, want)
				}
			}
		})
	}
}

func TestInsertRefusesABooksImbalance(t *testing.T) {
	c := &ClickHouse{}
	c.cfg.EnsureDefaults()
	for name, change := range map[string]func(*batch){
		"a record unaccounted for":    func(b *batch) { b.t.Fetched++ },
		"more records than offsets":   func(b *batch) { b.rg.End = b.rg.Start + 1 },
		"a read that is not in it":    func(b *batch) { b.t.Stored++; b.t.Ticks-- },
		"a hit that is not in it":     func(b *batch) { b.t.Hits++ },
		"a passage that is not in it": func(b *batch) { b.t.Passages++ },
		"an offence too many":         func(b *batch) { b.t.Offences-- },
	} {
		b := newBatch(0)
		b.addEveryKind(march)
		change(b)
		if err := b.insertInto(context.Background(), c); !errors.Is(err, ingest.ErrStop) {
			t.Errorf("%s: error %v, want one that stops", name, err)
		}
	}
}

func TestAnEmptyRangeOfTicksWritesTheLedgerAlone(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(5)
	b.nextPosition()
	b.nextPosition()
	b.t.Ticks = 2
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, want := queryValue[string](t, conn, "SELECT toString((start_offset, end_offset, ticks)) FROM batches"), "(5,7,2)"; got != want {
		t.Errorf("ledger %s, want %s", got, want)
	}
	if got := rowsOf(t, conn, "reads"); got != 0 {
		t.Errorf("reads has %d rows, want 0", got)
	}
}

// writtenByPeople are the columns in batches written by RecordLoss and by no batch.
var writtenByPeople = []string{"lost", "loss_reason", "loss_by"}

func TestEveryColumnOfEveryTableIsWritten(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(0)
	tables := []*tableColumns{newBatchesRow(b.rg, &b.t)}
	for i := range b.tables {
		tables = append(tables, &b.tables[i])
	}
	for _, tab := range tables {
		rows, err := conn.Query(t.Context(), "SELECT name, type FROM system.columns WHERE database = ? AND table = ? AND (default_kind = '' OR name LIKE 'measures.%')",
			c.cfg.Database, tab.name)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]string{}
		for _, in := range tab.input {
			have[in.Name] = string(in.Data.Type())
		}
		for rows.Next() {
			var name, typ string
			if err := rows.Scan(&name, &typ); err != nil {
				t.Fatal(err)
			}
			if got := have[name]; got != typ && (tab.name != batchesTable || !slices.Contains(writtenByPeople, name)) {
				t.Errorf("%s.%s is sent as %q, want %s", tab.name, name, got, typ)
			}
			delete(have, name)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if len(have) > 0 {
			t.Errorf("%s has no columns %v", tab.name, have)
		}
	}
}

// TestPassagesOfCamerasThatLeftTheRegistryKeepTheirNames: without an entry nothing may be remembered from one row for
// the next.
func TestPassagesOfCamerasThatLeftTheRegistryKeepTheirNames(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(0)
	for i, id := range []string{"gone-1", "gone-2", "gone-1", "gone-3"} {
		r := testRead(i, march)
		p := &schemas.Passage{ID: schemas.PassageIDOf(r.ID), Class: r.Class, First: march, Last: march, Reads: 1, Variants: 1}
		p.Best = schemas.Sighting{Read: r.ID, Camera: id, CapturedAt: march, Plate: r.Plate}
		b.AddPassage(p, nil, b.nextPosition())
		b.t.Passages++
		b.t.Ticks++
	}
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, want := queryValue[string](t, conn, "SELECT arrayStringConcat(arraySort(groupArray(toString(camera_id))), ' ') FROM passages"), "gone-1 gone-1 gone-2 gone-3"; got != want {
		t.Errorf("cameras %s, want %s", got, want)
	}
}

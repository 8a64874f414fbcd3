package seals

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func connect(t *testing.T) driver.Conn {
	t.Helper()
	addr, db := testkit.Tables(t)
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: db}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// chains makes sealed offences: two partitions, two cameras, three offences each. The same record closes the last two.
func chains() []evidence.Row {
	var out []evidence.Row
	for partition := range int32(2) {
		var chain evidence.Chain
		for c, camera := range []string{"BRU-1", "BRU-2"} {
			for i := range 3 {
				n := byte(1 + int(partition)*100 + c*10 + i)
				at := schemas.MicrosOf(now.Add(-time.Hour + time.Duration(n)*time.Second))
				d := schemas.Decision{
					Rule: "fed.speed.spot", RuleVersion: "2017-05-01", Family: "speed", Outcome: schemas.OutcomeOffence, Reason: "over_limit",
					On:       schemas.Sighting{Camera: camera, CapturedAt: at, ReceivedAt: at, Plate: schemas.MustPlate("1ABC12" + string('0'+rune(i))), Country: schemas.Belgium, Image: schemas.Sum{n}},
					Measures: schemas.SpeedMeasures(710, 650, 500), AmountCents: 10800, LegalBasis: "RD", Verified: true,
					Trace: []schemas.Step{{Code: "speed.over", Holds: true, Args: []string{"15"}, Verified: true}}, CatalogueVersion: "9c1a", ReferenceVersion: "3f9c",
				}
				d.Offence.ID, d.Passage.ID, d.On.Read.ID = schemas.ID{n, 1}, schemas.ID{n, 2}, schemas.ID{n, 3}
				chain.Next(&d)
				row := rowOf(&d)
				row.Partition, row.Offset, row.Seq = partition, int64(100+10*c+min(i, 1)), uint32(i)
				out = append(out, row)
			}
		}
	}
	return out
}

func rowOf(d *schemas.Decision) evidence.Row {
	row := evidence.Row{
		OffenceID: d.Offence, Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Status: "candidate", Reason: d.Reason,
		HoldUntil: d.HoldUntil.Time(), Plate: d.On.Plate.String(), Class: d.On.Plate.Class().String(), Country: d.On.Country.String(),
		PassageID: d.Passage, ReadID: d.On.Read, Camera: d.On.Camera, Site: "S1", Zone: "5339", Municipality: 21004,
		CapturedAt: d.On.CapturedAt.Time(), Day: d.On.CapturedAt.Local(),
		Amount: d.AmountCents, LegalBasis: d.LegalBasis, Verified: d.Verified, Trace: string(evidence.AppendTrace(nil, d.Trace)), Catalogue: d.CatalogueVersion,
		Reference: d.ReferenceVersion, Image: schemas.Digest(d.On.Image[:]), Seal: schemas.Digest(d.Seal[:]), PrevSeal: schemas.Digest(d.PrevSeal[:]), Sealed: string(d.Sealed),
	}
	(*schemas.OffenceRow)(&row).SetMeasures(d.Measures)
	return row
}

// sealAnew changes a row and makes the sealed bytes fit, as anybody with the right to write the table can.
func sealAnew(row evidence.Row, prev schemas.Digest, change func(*schemas.Decision)) evidence.Row {
	d, err := row.Decision()
	if err != nil {
		panic(err)
	}
	change(&d)
	var p schemas.Sum
	copy(p[:], prev)
	evidence.Seal(&d, p)
	out := rowOf(&d)
	out.Partition, out.Offset, out.Seq = row.Partition, row.Offset, row.Seq
	return out
}

type world struct {
	t    *testing.T
	conn driver.Conn
}

func (w *world) exec(sql string) {
	w.t.Helper()
	if err := w.conn.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) store(rows []evidence.Row) {
	w.t.Helper()
	w.exec("TRUNCATE TABLE offences")
	w.append(rows)
}

// append adds rows to the table.
func (w *world) append(rows []evidence.Row) {
	w.t.Helper()
	ctx := clickhouse.Context(w.t.Context(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "insert_deduplication_token": w.t.Name() + time.Now().String()}))
	b, err := w.conn.PrepareBatch(ctx, "INSERT INTO offences ("+strings.Join(evidence.Columns(), ", ")+")")
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range rows {
		if err := b.Append(storedValues(&rows[i])...); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		w.t.Fatal(err)
	}
}

// storedValues are the columns of a row as the driver takes them.
func storedValues(row *evidence.Row) []any {
	var out []any
	v := reflect.ValueOf(*row)
	for _, c := range schemas.ColumnsOf[evidence.Row]() {
		if !c.Insert {
			continue
		}
		switch x := v.Field(c.Field).Interface().(type) {
		case schemas.Digest:
			out = append(out, string(x))
		default:
			out = append(out, x)
		}
	}
	return out
}

// walk walks with the topic of the rows, an hour after everything was written.
func (w *world) walk(published []evidence.Row) *SealReport {
	w.t.Helper()
	walker := Walker{DB: w.conn, Now: func() time.Time { return time.Now().Add(time.Hour) }, Topic: func(_ context.Context, visit func(schemas.ID, schemas.Sum, time.Time)) (time.Time, error) {
		for i := range published {
			var seal schemas.Sum
			copy(seal[:], published[i].Seal)
			visit(published[i].OffenceID.ID, seal, now)
		}
		return time.Time{}, nil
	}}
	r, err := walker.Walk(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// alter gives a column of a row another value.
func alter(row *evidence.Row, column string) {
	switch column {
	case "offence_id", "passage_id", "read_id":
		*map[string]*schemas.ID{"offence_id": &row.OffenceID.ID, "passage_id": &row.PassageID.ID, "read_id": &row.ReadID.ID}[column] = schemas.ID{0xee, 7}
	case "captured_at":
		row.CapturedAt = row.CapturedAt.Add(time.Minute)
	case "hold_until":
		row.HoldUntil = now
	case "day":
		row.Day = row.Day.AddDate(0, 0, 1)
	case "municipality":
		row.Municipality++
	case "measures.name":
		row.MeasureNames = []string{"red_time_ms", row.MeasureNames[1], row.MeasureNames[2]}
	case "measures.value":
		row.MeasureValues = []int64{row.MeasureValues[0] + 1, row.MeasureValues[1], row.MeasureValues[2]}
	case "measures.uncertainty":
		row.MeasureUncertainties = []int64{0, 1, 0}
	case "measures.device":
		row.MeasureDevices = []string{"", "", "OTHER"}
	case "amount_cents":
		row.Amount = 999999
	case "verified":
		row.Verified = !row.Verified
	case "kafka_partition":
		row.Partition = 7
	case "kafka_offset":
		row.Offset++
	case "seq":
		row.Seq += 100
	case "image_sha256", "seal_sha256", "prev_seal_sha256":
		*map[string]*schemas.Digest{"image_sha256": &row.Image, "seal_sha256": &row.Seal, "prev_seal_sha256": &row.PrevSeal}[column] = schemas.Digest(strings.Repeat("\x77", 32))
	case "sealed":
		row.Sealed += "x"
	case "trace":
		row.Trace = "[]"
	default:
		*map[string]*string{
			"rule": &row.Rule, "rule_version": &row.RuleVersion, "family": &row.Family, "status": &row.Status, "reason": &row.Reason, "plate": &row.Plate,
			"class": &row.Class, "country": &row.Country, "camera_id": &row.Camera, "site": &row.Site, "zone": &row.Zone, "legal_basis": &row.LegalBasis,
			"catalogue_version": &row.Catalogue, "reference_version": &row.Reference,
		}[column] = "OTHER"
	}
}

func TestEveryAlteredColumnOfAnOffenceIsFound(t *testing.T) {
	w := &world{t, connect(t)}
	rows := chains()
	w.store(rows)
	w.exec("INSERT INTO reads (read_id, plate, captured_at, camera_id, site, zone, municipality, kafka_partition) SELECT read_id, plate, captured_at, camera_id, site, zone, municipality, kafka_partition FROM offences")
	w.exec("INSERT INTO decisions (offence_id, passage_id, rule, outcome, plate, captured_at, kafka_partition, kafka_offset) SELECT offence_id, passage_id, rule, 'offence', plate, captured_at, kafka_partition, kafka_offset FROM offences")
	if r := w.walk(rows); !r.IsClean() || r.Rows != 12 || r.Cameras != 4 || r.Published != 12 {
		t.Fatalf("nothing altered: got %+v", r)
	}
	for _, column := range evidence.Columns() {
		changed := slices.Clone(rows)
		alter(&changed[1], column)
		w.store(changed)
		if r := w.walk(rows); r.IsClean() {
			t.Errorf("%s altered: not found", column)
		} else if !slices.Contains(evidence.Unsealed(), column) && (r.ByKind[Altered] != 1 || !slices.Contains(r.Faults[slices.IndexFunc(r.Faults, func(f Fault) bool { return f.Kind == Altered })].Columns, column)) {
			t.Errorf("%s altered: got %+v", column, r)
		}
	}
}

func TestRemovedAddedAndResealedOffencesAreFound(t *testing.T) {
	w := &world{t, connect(t)}
	rows := chains()
	cheaper := func(d *schemas.Decision) { d.AmountCents = 1 }
	resealed := slices.Clone(rows) // the whole chain of a camera, from its first row on
	prev := schemas.Digest("")
	for i := range 3 {
		resealed[i] = sealAnew(rows[i], prev, cheaper)
		prev = resealed[i].Seal
	}
	added := sealAnew(rows[2], rows[2].Seal, func(d *schemas.Decision) { d.Offence.ID = schemas.ID{0xee, 9} })
	added.Seq = 9
	one := slices.Clone(rows)
	one[1] = sealAnew(rows[1], rows[0].Seal, cheaper)
	for name, c := range map[string]struct {
		stored []evidence.Row
		want   map[FaultKind]uint64
	}{
		"one from the middle is gone":   {slices.Delete(slices.Clone(rows), 1, 2), map[FaultKind]uint64{Chain: 1, Removed: 1}},
		"the last of a camera is gone":  {slices.Delete(slices.Clone(rows), 2, 3), map[FaultKind]uint64{Removed: 1}},
		"one is added at the end":       {append(slices.Clone(rows), added), map[FaultKind]uint64{Unpublished: 1}},
		"one is sealed anew":            {one, map[FaultKind]uint64{Chain: 1, Unpublished: 1, Removed: 1}},
		"a whole chain is sealed anew":  {resealed, map[FaultKind]uint64{Unpublished: 3, Removed: 3}},
		"the table is empty":            {nil, map[FaultKind]uint64{Removed: 12}},
		"rows are there a second time":  {append(slices.Clone(rows), rows...), map[FaultKind]uint64{}},
		"nothing is wrong with the lot": {rows, map[FaultKind]uint64{}},
	} {
		w.exec("SYSTEM STOP MERGES offences")
		w.store(c.stored)
		r := w.walk(rows)
		for _, k := range FaultKinds() {
			if r.ByKind[k] != c.want[k] {
				t.Errorf("%s: %d %s, want %d: %+v", name, r.ByKind[k], k, c.want[k], r.Faults)
			}
		}
	}
}

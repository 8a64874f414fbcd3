package sink

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// sealed is one offence of the state tests.
type sealed struct {
	camera    string
	partition int32
	offset    int64
	seq       uint32
	at        schemas.Micros
	seal      byte
	outcome   schemas.Outcome
}

func storeSealed(t *testing.T, c *ClickHouse, all []sealed) []schemas.PriorOffence {
	t.Helper()
	var out []schemas.PriorOffence
	for i, s := range all {
		r := testRead(i, s.at)
		d := testDecision(r, s.outcome)
		d.On.Camera, d.Seal = s.camera, schemas.Sum{s.seal}
		b := NewBlock(nil)
		b.AddDecision(d, r.Class, testCamera(), shard.Position{Topic: schemas.TopicReads, Partition: s.partition, Offset: s.offset}, s.seq)
		e := d.PriorOffence()
		e.ExclusionKey = rules.ExclusionKeyOf(d.Rule, d.Family, d.On.Plate, testCamera().Site, d.On.CapturedAt)
		out = append(out, e)
		rg := ingest.Range{Topic: schemas.TopicReads, Partition: s.partition, Start: int64(i) * 10, End: int64(i)*10 + 1}
		if err := c.Insert(t.Context(), rg, &shard.Totals{Fetched: 1, Ticks: 1, Offences: 1}, b); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestStateIsOfThePartitionBelowTheOffset(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	day := march.Day()
	stored := storeSealed(t, c, []sealed{
		{camera: "a", partition: 1, offset: 10, seq: 0, at: march, seal: 1, outcome: schemas.OutcomeOffence},
		{camera: "a", partition: 1, offset: 10, seq: 1, at: march, seal: 2, outcome: schemas.OutcomeHeld}, // same record, later decision
		{camera: "a", partition: 1, offset: 9, seq: 7, at: march + schemas.Hour, seal: 3, outcome: schemas.OutcomeOffence},
		{camera: "b", partition: 1, offset: 5, seq: 2, at: day.Start() - 1, seal: 4, outcome: schemas.OutcomeOffence}, // the day before
		{camera: "b", partition: 2, offset: 50, seq: 3, at: march, seal: 5, outcome: schemas.OutcomeOffence},          // another partition
		{camera: "a", partition: 1, offset: 11, seq: 4, at: march, seal: 6, outcome: schemas.OutcomeOffence},          // not below
		{camera: "c", partition: 1, offset: 3, seq: 0, at: day.Start(), seal: 7, outcome: schemas.OutcomeOffence},     // first instant of the day
	})
	s := NewStoredState(conn)
	got, err := s.Offences(t.Context(), 1, 11, day)
	if err != nil {
		t.Fatal(err)
	}
	want := []schemas.PriorOffence{stored[0], stored[1], stored[2], stored[6]}
	for _, x := range [][]schemas.PriorOffence{got, want} {
		slices.SortFunc(x, func(a, b schemas.PriorOffence) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	}
	if !slices.Equal(got, want) {
		t.Errorf("offences %v, want %v", got, want)
	}
	seals, err := s.Seals(t.Context(), 1, 11)
	if err != nil {
		t.Fatal(err)
	}
	wantSeals := map[string]schemas.Sum{"a": {2}, "b": {4}, "c": {7}}
	if !maps.Equal(seals, wantSeals) {
		t.Errorf("seals %v, want %v", seals, wantSeals)
	}
}

// TestAnOffenceComesBackAsItStood: whoever takes a partition over compares new offences with exactly what the owner
// before compared them with, also with those stored when ids named the confusion class and the trace did not say
// whether the reading was certain.
func TestAnOffenceComesBackAsItStood(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	clause := func(code string, holds bool) schemas.Step {
		return schemas.Step{Code: code, Holds: holds, Verified: true}
	}
	old := func(confident, unanimous bool) []schemas.Step {
		return []schemas.Step{clause("confidence", confident), clause("unanimous", unanimous)}
	}
	want := map[schemas.OffenceID]schemas.PriorOffence{}
	for i, x := range []struct {
		family  schemas.Family
		country schemas.Country
		trace   []schemas.Step
		certain bool
		oldID   bool
	}{
		{"speed", schemas.Belgium, append(old(true, true), clause("certain", true)), true, false},
		{"lez", schemas.Belgium, append(old(true, true), clause("certain", true)), true, false},
		{"lez", schemas.Belgium, append(old(true, true), clause("certain", false)), false, false}, // its country is in doubt
		{"lez", schemas.Country{}, append(old(true, true), clause("certain", false)), false, false},
		{"lez", schemas.Belgium, old(true, true), true, true},
		{"speed", schemas.Belgium, old(true, true), true, true},
		{"lez", schemas.Belgium, old(false, true), false, true},
		{"lez", schemas.Belgium, old(true, false), false, true},
		{"lez", schemas.Country{}, old(true, true), false, true},
	} {
		r := testRead(i, march+schemas.Micros(i)*schemas.Minute)
		d := testDecision(r, schemas.OutcomeOffence)
		d.Family, d.On.Country, d.Trace, d.Certain = x.family, x.country, x.trace, x.certain
		d.Offence = schemas.NewOffenceID(d.Rule, r.Plate, x.country, r.ID.ID[:])
		if x.oldID {
			d.Offence.ID = schemas.ID{0xfe, byte(i)}
		}
		d.ExclusionKey = rules.ExclusionKeyOf(d.Rule, d.Family, r.Plate, testCamera().Site, d.On.CapturedAt)
		want[d.Offence] = d.PriorOffence()
		b := NewBlock(nil)
		b.AddDecision(d, r.Class, testCamera(), shard.Position{Topic: schemas.TopicReads, Partition: 1, Offset: int64(i)}, 0)
		rg := ingest.Range{Topic: schemas.TopicReads, Partition: 1, Start: int64(i), End: int64(i) + 1}
		if err := c.Insert(t.Context(), rg, &shard.Totals{Fetched: 1, Ticks: 1, Offences: 1}, b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := NewStoredState(conn).Offences(t.Context(), 1, 1000, march.Day())
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d offences, want %d: %v", len(got), len(want), err)
	}
	for _, e := range got {
		if e != want[e.ID] {
			t.Errorf("got  %+v\nwant %+v", e, want[e.ID])
		}
	}
}

func TestMigrateTwiceIsMigratingOnce(t *testing.T) {
	addr := testkit.ClickHouse(t).NativeAddr()
	cfg := Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: "made by-migrate`"}}
	t.Cleanup(func() {
		if err := testkit.Exec(t.Context(), addr, "DROP DATABASE IF EXISTS "+platform.QuoteName(cfg.Database)); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	for range 2 {
		if err := platform.Migrate(t.Context(), cfg.ClickHouse, zerolog.Nop()); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, table := range append(tableNames[:], batchesTable, "access_log") {
		if got := rowsOf(t, conn, table); got != 0 {
			t.Errorf("%s has %d rows", table, got)
		}
	}
}

func TestMigrateSaysThatTheServerDoesNotAnswer(t *testing.T) {
	p := newProxy(t, "127.0.0.1:1", nil)
	p.refuse.Store(true)
	err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: p.address()}, zerolog.Nop())
	if err == nil || !strings.Contains(err.Error(), "does not answer at "+p.address()) {
		t.Errorf("error %v, want one that names the address", err)
	}
}

func TestCheckWindowRefusesATableThatForgets(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	db := c.cfg.Database
	if err := CheckWindow(t.Context(), conn, db, MinWindow); err != nil {
		t.Fatalf("freshly migrated: %v", err)
	}
	alter := func(sql string) {
		t.Helper()
		if err := testkit.Exec(t.Context(), c.cfg.Addr, strings.ReplaceAll(sql, "%", db)); err != nil {
			t.Fatal(err)
		}
	}
	alter("ALTER TABLE %.hits MODIFY SETTING non_replicated_deduplication_window = 9999")
	err := CheckWindow(t.Context(), conn, db, MinWindow)
	if !errors.Is(err, ingest.ErrStop) || !strings.Contains(err.Error(), ".`hits` MODIFY SETTING non_replicated_deduplication_window = 10000") {
		t.Fatalf("error %v, want the statement for hits", err)
	}
	_, statement, _ := strings.Cut(err.Error(), "run ")
	statement, _, _ = strings.Cut(statement, ": stop")
	alter(statement)
	if err := CheckWindow(t.Context(), conn, db, MinWindow); err != nil {
		t.Fatalf("after the statement it gave: %v", err)
	}
	alter("ALTER TABLE %.merges RESET SETTING non_replicated_deduplication_window")
	if err := CheckWindow(t.Context(), conn, db, MinWindow); !errors.Is(err, ingest.ErrStop) {
		t.Errorf("error %v, want the server's default to be refused", err)
	}
	alter("DROP TABLE %.merges SYNC")
	if err := CheckWindow(t.Context(), conn, db, MinWindow); !errors.Is(err, ingest.ErrStop) || !strings.Contains(err.Error(), "anpr migrate") {
		t.Errorf("error %v, want one for the missing table", err)
	}
}

func TestWindowSettingFollowsTheEngine(t *testing.T) {
	for engine, want := range map[string]string{
		"ReplacingMergeTree":           "non_replicated_deduplication_window",
		"MergeTree":                    "non_replicated_deduplication_window",
		"ReplicatedReplacingMergeTree": "replicated_deduplication_window",
		"SharedMergeTree":              "replicated_deduplication_window",
	} {
		if got, _, err := windowSetting(engine); got != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", engine, got, err, want)
		}
	}
	if _, _, err := windowSetting("Distributed"); !errors.Is(err, ingest.ErrStop) {
		t.Errorf("Distributed: error %v, want one that stops", err)
	}
	full := "ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY a SETTINGS replicated_deduplication_window = 7, non_replicated_deduplication_window = 10000, index_granularity = 8192"
	for name, want := range map[string]uint64{"non_replicated_deduplication_window": 10000, "replicated_deduplication_window": 7} {
		if got, ok := settingIn(full, name); !ok || got != want {
			t.Errorf("%s = %d, %v, want %d", name, got, ok, want)
		}
	}
	if _, ok := settingIn(full, "deduplication_window"); ok {
		t.Error("part of a setting's name was taken for it")
	}
}

func TestToldHitsAreOfThePartitionAndTheRecords(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	b := newBatch(100)
	var want []shard.Told
	for i := range int64(6) {
		r := testRead(int(i), march+schemas.Micros(i)*schemas.Second)
		h := testHit(r)
		if i == 2 {
			h.Match = schemas.MatchExact
		}
		pos := shard.Position{Topic: schemas.TopicReads, Partition: 3, Offset: 100 + i}
		b.AddHit(h, r, testCamera(), pos, march)
		b.t.Fetched++
		b.t.Ticks++
		b.t.Hits++
		b.rg.End = pos.Offset + 1
		if i >= 1 && i < 5 {
			want = append(want, shard.Told{Passage: h.Passage, List: h.Entry.List, Entry: h.Entry.ID, Match: h.Match})
		}
	}
	if err := b.insertInto(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got, err := NewStoredState(conn).Told(t.Context(), 3, 101, 105)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range [][]shard.Told{got, want} {
		slices.SortFunc(x, func(a, b shard.Told) int { return strings.Compare(a.Passage.String(), b.Passage.String()) })
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if other, err := NewStoredState(conn).Told(t.Context(), 2, 0, 1000); err != nil || len(other) != 0 {
		t.Errorf("partition 2: %v %v, want none", other, err)
	}
}

package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestRestore rehearses: traffic through the whole program with a backup in its middle, then every way back.
func TestRestore(t *testing.T) {
	var out bytes.Buffer
	h := &Rehearsal{Config: Config{Seconds: 10, Rate: 150, Seed: 1}, Out: &out, Log: zerolog.Nop()}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := h.Start(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Run("refuses beside live workers", func(t *testing.T) {
		err := h.again(t, "anpr_live", func(c *roles.RestoreConfig) { c.Compare = "" })
		if err == nil || !strings.Contains(err.Error(), "members") {
			t.Errorf("got %v, want it to say that the group has members", err)
		}
	})
	if err := h.Run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if n := strings.Count(out.String(), "equal"); n != 2*len(recovery.Tables()) {
		t.Errorf("%d tables are equal, want twice %d:\n%s", n, len(recovery.Tables()), &out)
	}
	for table, sum := range sumsOf(t, h, "anpr") {
		if sum.Rows == 0 {
			t.Errorf("%s has no rows: nothing was compared", table)
		}
	}
	t.Run("an interrupted restore goes on", func(t *testing.T) { interrupted(t, h) })
	t.Run("truncated tables", func(t *testing.T) {
		for _, table := range recovery.Tables() {
			h.exec(t, "TRUNCATE TABLE anpr_from_log."+table)
		}
		if err := h.again(t, "anpr_from_log", func(*roles.RestoreConfig) {}); err != nil {
			t.Errorf("tables that may still know the insert tokens: %v", err)
		}
	})
	t.Run("tables with rows", func(t *testing.T) {
		for _, change := range []func(*roles.RestoreConfig){func(*roles.RestoreConfig) {}, func(c *roles.RestoreConfig) { c.FromBackup = BackupName }} {
			if err := h.again(t, "anpr_from_log", change); !errors.Is(err, recovery.ErrNotEmpty) {
				t.Errorf("got %v, want %v", err, recovery.ErrNotEmpty)
			}
		}
	})
	t.Run("differences are found", func(t *testing.T) { differences(t, h) })
	t.Run("a rehearsal leaves no second copy when it is told so", func(t *testing.T) { dropped(t, h) })
	t.Run("the access log", func(t *testing.T) { accessLogComesBack(t, h) })
	t.Run("the accounts of the rebuilt tables balance", func(t *testing.T) {
		books := h.Machine.Sources(embedded.Backup)
		books.Tables.Database = "anpr_from_backup"
		b, err := roles.OpenSources(books)
		if err != nil {
			t.Fatal(err)
		}
		defer roles.CloseSources(b)
		now := time.Now().Truncate(time.Minute)
		a, err := b.WatchProtocol(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.CheckSince(t.Context(), time.Time{}); err != nil || len(v.Violations) > 0 || v.Batches == 0 {
			t.Errorf("verified: %+v, %v", v, err)
		}
		if n, err := reconcile.ReadNote(t.Context(), b.DB, ""); err != nil || len(n.Rebuilt) != 4 || len(n.Cut) == 0 {
			t.Errorf("note %+v, %v: want the offsets that were rebuilt, and the backup's cut", n, err)
		}
		r, err := b.Reconcile(t.Context(), reconcile.TimeRange{From: now.Add(-20 * time.Minute), To: now.Add(time.Minute)}, reconcile.GroupBy{})
		if err != nil || r.Conclusion != reconcile.Balanced || r.Total.Stored == 0 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// again restores with nothing printed.
func (h *Rehearsal) again(t *testing.T, database string, change func(*roles.RestoreConfig)) error {
	t.Helper()
	quiet := *h
	quiet.Out = &bytes.Buffer{}
	return quiet.RestoreTables(t.Context(), database, change)
}

func (h *Rehearsal) exec(t *testing.T, sql string) {
	t.Helper()
	if err := h.Sources.DB.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// interrupted breaks a restore off in the middle and starts it again.
func interrupted(t *testing.T, h *Rehearsal) {
	c := h.RestoreConfig("anpr_interrupted")
	c.BatchRows = 20
	r, err := roles.OpenRestore(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // as soon as something is committed
		defer cancel()
		for ctx.Err() == nil {
			commits, err := h.Sources.Log.Commits(ctx, r.Group(), "anpr.reads.v1", []int32{0, 1, 2, 3})
			if err == nil && slices.ContainsFunc([]int32{0, 1, 2, 3}, func(p int32) bool { return commits[p].Offset > 0 }) {
				return
			}
		}
	}()
	if err := r.Run(ctx, &bytes.Buffer{}); err == nil {
		t.Fatal("the restore was done before it could be broken off: give it more to do")
	}
	var out bytes.Buffer
	next, err := roles.OpenRestore(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	if err := next.Run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("going on: %v\n%s", err, &out)
	}
}

// sumsOf sums up a database.
func sumsOf(t *testing.T, h *Rehearsal, database string) map[string]recovery.TableSum {
	t.Helper()
	ends := map[int32]int64{}
	for p := range int32(4) {
		ends[p] = 1 << 40
	}
	s, err := recovery.SumTables(t.Context(), h.Sources.DB, database, ends)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// differences changes the rebuilt tables in small ways.
func differences(t *testing.T, h *Rehearsal) {
	sums := func() map[string]recovery.TableSum { return sumsOf(t, h, "anpr_from_log") }
	for table, sql := range map[string]string{
		"reads":     "ALTER TABLE anpr_from_log.reads UPDATE confidence = confidence + 1 WHERE read_id IN (SELECT read_id FROM anpr_from_log.reads LIMIT 1)",
		"hits":      "ALTER TABLE anpr_from_log.hits DELETE WHERE hit_id IN (SELECT hit_id FROM anpr_from_log.hits LIMIT 1)",
		"decisions": "ALTER TABLE anpr_from_log.decisions UPDATE trace = concat(trace, ' ') WHERE 1",
		"merges":    "INSERT INTO anpr_from_log.merges (kafka_partition, kafka_offset, received_at) VALUES (0, 999999, now())",
	} {
		before := sums()
		h.exec(t, sql+map[bool]string{true: " SETTINGS mutations_sync = 2"}[strings.HasPrefix(sql, "ALTER")])
		var out bytes.Buffer
		if recovery.CompareSums(&out, [2]string{"a", "b"}, [2]map[string]recovery.TableSum{before, sums()}) || strings.Count(out.String(), "DIFFERENT") != 1 ||
			!strings.Contains(out.String(), "\n"+table) {
			t.Errorf("after %s:\n%s", sql, &out)
		}
	}
	h.exec(t, "INSERT INTO anpr_from_log.reads SELECT * REPLACE (now() AS inserted_at) FROM anpr_from_log.reads LIMIT 5")
	before := sums()
	h.exec(t, "OPTIMIZE TABLE anpr_from_log.reads FINAL")
	if !recovery.CompareSums(&bytes.Buffer{}, [2]string{"a", "b"}, [2]map[string]recovery.TableSum{before, sums()}) {
		t.Error("repeated rows and times of ingestion are no difference")
	}
}

// dropped rehearses with --drop: also a rehearsal that finds differences leaves nothing.
func dropped(t *testing.T, h *Rehearsal) {
	for _, drop := range []bool{true, false} {
		if err := h.again(t, "anpr_dropped", func(c *roles.RestoreConfig) { c.Drop = drop }); err != nil {
			t.Fatal(err)
		}
		var n uint64
		if err := h.Sources.DB.QueryRow(t.Context(), "SELECT count() FROM system.databases WHERE name = 'anpr_dropped'").Scan(&n); err != nil || (n == 0) != drop {
			t.Errorf("--drop %t: %d databases are left, %v", drop, n, err)
		}
	}
}

// accessLogComesBack backs the access log up alone and restores it as the runbook says.
func accessLogComesBack(t *testing.T, h *Rehearsal) {
	row := "INSERT INTO anpr.access_log (seq, user, entry_sha256) VALUES "
	h.exec(t, row+"(1, 'agent1', unhex(repeat('ab', 32)))")
	st := &recovery.BackupStore{Conn: h.Sources.DB, Disk: "backups", Database: "anpr"}
	if err := st.BackupTable(t.Context(), "access_log", "access-1", ""); err != nil {
		t.Fatal(err)
	}
	h.exec(t, row+"(2, 'agent2', unhex(repeat('cd', 32)))")
	if err := st.BackupTable(t.Context(), "access_log", "access-2", "access-1"); err != nil {
		t.Fatal(err)
	}
	if err := st.BackupTable(t.Context(), "access_log", "access-2", ""); !errors.Is(err, recovery.ErrTaken) || !strings.Contains(err.Error(), "access-2") || strings.Contains(err.Error(), "code:") {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := st.BackupTable(t.Context(), "access_log", "access-3", "access-0"); !errors.Is(err, recovery.ErrNoBackup) || !strings.Contains(err.Error(), "access-0") || !strings.Contains(err.Error(), "--base") {
		t.Errorf("a base that is not there: %v", err)
	}
	trial := recovery.BackupStore{Conn: h.Sources.DB, Disk: "backups", Database: "anpr_mistyped"}
	if _, err := trial.Restore(t.Context(), "2026-11-52", "anpr"); !errors.Is(err, recovery.ErrNoBackup) || !strings.Contains(err.Error(), "2026-11-52") {
		t.Errorf("a backup that is not there: %v", err)
	}
	h.exec(t, "TRUNCATE TABLE anpr.access_log")
	h.exec(t, "RESTORE TABLE anpr.access_log FROM Disk('backups', 'access-2')")
	var n, last uint64
	if err := h.Sources.DB.QueryRow(t.Context(), "SELECT count(), max(seq) FROM anpr.access_log").Scan(&n, &last); err != nil || n != 2 || last != 2 {
		t.Errorf("%d entries up to %d, %v; want both", n, last, err)
	}
	if err := st.BackupTable(t.Context(), "access_log", "../../elsewhere", ""); err == nil {
		t.Error("a backup's name may leave its disk")
	}
}

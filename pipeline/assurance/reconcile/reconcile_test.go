package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func reconcile(t testing.TB, b *Sources, w TimeRange, by GroupBy) *AccountReport {
	t.Helper()
	r, err := b.Reconcile(t.Context(), w, by)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(t testing.TB, r *AccountReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReconcile runs a town through the real pipeline and then plants every kind of fault in copies of the tables.
func TestReconcile(t *testing.T) {
	parallel(t)
	w := newTown(t, 900)
	w.work(nil)
	t.Run("balances", func(t *testing.T) { balances(t, w) })
	t.Run("finds", func(t *testing.T) { findsWhatIsPlanted(t, w) })
	t.Run("repeats change nothing", func(t *testing.T) { countsRepeatsOnce(t, w) })
	t.Run("in flight", func(t *testing.T) { tellsLagFromLoss(t, w) })
	t.Run("journals", func(t *testing.T) { journals(t, w) })
	t.Run("cases", func(t *testing.T) { offencesCasesAndReviewsBalance(t, w) })
	t.Run("watch", func(t *testing.T) { watches(t, w) })
	t.Run("retention", func(t *testing.T) { retention(t, w) }) // cuts the log: last
}

// countsRepeatsOnce: a second copy of a row changes nothing, and each row counts once, for any cut of the time range.
func countsRepeatsOnce(t *testing.T, w *town) {
	c := w.copied(t)
	for _, table := range []string{"reads", "merges", "rejects", "hits", "offences"} {
		c.exec("SYSTEM STOP MERGES %s." + table)
		c.exec("INSERT INTO %[1]s." + table + " SELECT * FROM %[1]s." + table)
	}
	for _, most := range []int64{0, 400, 50} {
		b := c.books()
		b.MaxRecords = most
		if r := reconcile(t, b, w.window, GroupBy{}); r.Conclusion != Balanced || r.Repeated != r.Total.Stored+r.Total.Merged+r.Total.Rejected {
			t.Errorf("with every row twice, %d records at a time (0 = the default): %s", most, text(t, r))
		}
	}
}

func balances(t *testing.T, w *town) {
	r := reconcile(t, w.books(), w.window, GroupBy{Camera: true, Minute: true})
	n := r.Total
	if r.Conclusion != Balanced || n.Accepted != 900 || n.Log != 900 || n.Stored+n.Merged+n.Rejected != 900 || n.Unreceipted != 0 ||
		n.Merged == 0 || n.Rejected == 0 || r.Repeated != 0 {
		t.Errorf("an undisturbed town: %s", text(t, r))
	}
	var sum AccountCounts
	cameras, minutes := map[string]bool{}, map[time.Time]bool{}
	for _, row := range r.Rows {
		sum.addCounts(&row.AccountCounts)
		cameras[row.Camera], minutes[*row.Minute] = true, true
		if row.Log != row.Stored+row.Merged+row.Rejected || row.Accepted != row.Log {
			t.Errorf("camera %s, minute %s does not balance: %+v", row.Camera, row.Minute, row.AccountCounts)
		}
	}
	if sum != n || len(cameras) < 10 || len(minutes) < 5 {
		t.Errorf("rows sum up to %+v over %d cameras and %d minutes, want %+v", sum, len(cameras), len(minutes), n)
	}
	for _, o := range r.Outputs {
		if o.Table == 0 || o.Table != o.Topic {
			t.Errorf("output %+v: want both the same and not 0", o)
		}
	}
	// The same in small slices and in parts of the time range.
	small := w.books()
	small.MaxRecords = 50
	middle := w.window.From.Add(2 * time.Minute)
	if a, b := reconcile(t, small, TimeRange{w.window.From, middle}, GroupBy{}).Total, reconcile(t, small, TimeRange{middle, w.window.To}, GroupBy{}).Total; a.Log == 0 || b.Log == 0 || a.Log+b.Log != 900 {
		t.Errorf("two parts of the window hold %d and %d records, want 900 together", a.Log, b.Log)
	}
	if r := reconcile(t, small, w.window, GroupBy{}); r.Conclusion != Balanced || r.Total != n {
		t.Errorf("in small pieces: %s", text(t, r))
	}
}

// planted is a fault with the expected report.
type planted struct {
	sql  []string
	kind ResidualKind
	n    uint64
}

func findsWhatIsPlanted(t *testing.T, w *town) {
	var part int32
	var offset int64
	var camera, id string
	w.numbers("SELECT kafka_partition, kafka_offset, toString(camera_id), toString(read_id) FROM reads ORDER BY kafka_partition, kafka_offset LIMIT 1 OFFSET 20", &part, &offset, &camera, &id)
	at := fmt.Sprintf("kafka_partition = %d AND kafka_offset = %d", part, offset)
	const sync = " SETTINGS mutations_sync = 1"
	for name, c := range map[string]planted{
		"a lost read":              {[]string{"ALTER TABLE %s.reads DELETE WHERE " + at + sync}, RecordWithoutRow, 1},
		"all merges lost":          {[]string{"ALTER TABLE %s.merges DELETE WHERE 1" + sync}, RecordWithoutRow, 0},
		"a read in two tables":     {[]string{"INSERT INTO %[1]s.merges (kafka_partition, kafka_offset, received_at) SELECT kafka_partition, kafka_offset, received_at FROM %[1]s.reads WHERE " + at}, RecordInTwo, 1},
		"a hit nobody published":   {[]string{"INSERT INTO %[1]s.hits SELECT * REPLACE (generateUUIDv4() AS hit_id) FROM %[1]s.hits LIMIT 1"}, HitUnpublished, 1},
		"a lost hit":               {[]string{"ALTER TABLE %[1]s.hits DELETE WHERE hit_id IN (SELECT hit_id FROM %[1]s.hits ORDER BY hit_id LIMIT 1)" + sync}, HitUnstored, 1},
		"an offence not published": {[]string{"INSERT INTO %[1]s.offences SELECT * REPLACE (generateUUIDv4() AS offence_id) FROM %[1]s.offences ORDER BY kafka_offset LIMIT 1"}, OffUnpublished, 1},
		"a lost offence":           {[]string{"ALTER TABLE %[1]s.offences DELETE WHERE offence_id IN (SELECT offence_id FROM %[1]s.offences ORDER BY kafka_offset, offence_id LIMIT 1)" + sync}, OffUnstored, 1},
		"a stored reject": {[]string{
			"INSERT INTO %[1]s.rejects (kafka_topic, kafka_partition, kafka_offset, reason) SELECT 'anpr.reads.v1', kafka_partition, kafka_offset, 'malformed' FROM %[1]s.reads WHERE " + at,
			"ALTER TABLE %[1]s.reads DELETE WHERE " + at + sync,
		}, RejUnpublished, 1},
	} {
		t.Run(name, func(t *testing.T) {
			broken := w.copied(t)
			for _, sql := range c.sql {
				if !strings.Contains(sql, "%[1]s") {
					sql = strings.Replace(sql, "%s", "%[1]s", 1)
				}
				broken.exec(sql)
			}
			r := reconcile(t, broken.books(), w.window, GroupBy{})
			want := c.n
			if want == 0 {
				var merges uint64
				w.numbers("SELECT count() FROM merges", &merges)
				want = merges
			}
			if r.Conclusion != Residual || r.ByKind[c.kind] != want || len(r.ByKind) != 1 {
				t.Errorf("want %d of %s and nothing else: %s", want, c.kind, text(t, r))
			}
			if c.kind == RecordWithoutRow && want == 1 && !slices.ContainsFunc(r.Residual, func(it Item) bool {
				return it.Camera == camera && it.Partition == part && slices.Equal(it.Offsets, []int64{offset}) && slices.Equal(it.IDs, []string{id})
			}) {
				t.Errorf("want camera %s, partition %d, offset %d and id %s named: %s", camera, part, offset, id, text(t, r))
			}
		})
	}
	t.Run("a lost reject", func(t *testing.T) {
		broken := w.copied(t)
		broken.exec("ALTER TABLE %[1]s.rejects DELETE WHERE (kafka_partition, kafka_offset) IN (SELECT kafka_partition, kafka_offset FROM %[1]s.rejects ORDER BY 1, 2 LIMIT 1)" + sync)
		if r := reconcile(t, broken.books(), w.window, GroupBy{}); r.Conclusion != Residual || r.ByKind[RecordWithoutRow] != 1 || r.ByKind[RejUnstored] != 1 {
			t.Errorf("want a record without row and a dead letter without row: %s", text(t, r))
		}
	})
	t.Run("a row of a tick", func(t *testing.T) {
		broken := w.copied(t)
		p, o, at := aTick(t, w)
		broken.exec(fmt.Sprintf("INSERT INTO %%[1]s.merges (kafka_partition, kafka_offset, received_at) VALUES (%d, %d, now())", p, o))
		minute := TimeRange{at.Truncate(time.Minute), at.Truncate(time.Minute).Add(time.Minute)}
		if r := reconcile(t, broken.books(), minute, GroupBy{}); r.Conclusion != Residual || r.ByKind[RowWithoutRecord] != 1 {
			t.Errorf("want a row without record: %s", text(t, r))
		}
		if r := reconcile(t, w.books(), minute, GroupBy{}); r.Conclusion != Balanced || r.Total.Ticks == 0 {
			t.Errorf("unbroken, want ticks and balance: %s", text(t, r))
		}
	})
}

// aTick finds a tick on the log.
func aTick(t *testing.T, w *town) (partition int32, offset int64, at time.Time) {
	t.Helper()
	parts := []int32{0, 1, 2}
	bounds, err := w.log.Bounds(t.Context(), "anpr.reads.v1", parts)
	if err != nil {
		t.Fatal(err)
	}
	partition = -1
	for _, p := range parts {
		err := w.log.readRange(t.Context(), offsetRange{"anpr.reads.v1", p, 0, bounds[p].End}, func(r *LogRecord) error {
			if readHead(r.Value).tick {
				partition, offset, at = p, r.Offset, r.Time
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if partition < 0 {
		t.Fatal("no tick on the log: passages of the town's last seconds stay open")
	}
	return partition, offset, at
}

func tellsLagFromLoss(t *testing.T, w *town) {
	b := w.books()
	b.Group, b.Settle = "nobody", 0
	r := reconcile(t, b, w.window, GroupBy{})
	if r.Conclusion != CannotTell || r.Total.InFlight != 900 || len(r.ByKind) != 0 || len(r.InFlight) != partitions || r.Total.Residual != 0 {
		t.Errorf("a group that never committed: want everything in flight and nothing lost: %s", text(t, r))
	}
	var records int64
	for _, l := range r.InFlight {
		records += l.Records
	}
	if records != 900 {
		t.Errorf("the partitions' lags sum up to %d, want 900", records)
	}
}

func journals(t *testing.T, w *town) {
	plant := func(r ...JournalReceipt) string {
		dir := t.TempDir()
		j, err := OpenJournal(JournalConfig{Dir: dir, Now: func() time.Time { return w.window.From }})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(r); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	at := w.window.From.Add(time.Minute + time.Second)
	for name, r := range map[string]JournalReceipt{
		"beyond the end of the log": {1, 1 << 40, "lost-cam", at, 1},
		"another record":            {1, 3, "lost-cam", at, 1},
	} {
		b := w.books()
		b.Receipts = append(b.Receipts, plant(r))
		rep := reconcile(t, b, w.window, GroupBy{})
		if rep.Conclusion != Residual || rep.ByKind[NotOnLog] != 1 || rep.Residual[0].Camera != "lost-cam" || rep.Residual[0].Offsets[0] != r.Offset {
			t.Errorf("%s: want one accepted record that is not on the log: %s", name, text(t, rep))
		}
	}
	b := w.books()
	b.Receipts = []string{plant(JournalReceipt{Partition: 7, At: at})}
	if _, err := b.Reconcile(t.Context(), w.window, GroupBy{}); err == nil || !strings.Contains(err.Error(), "partition 7") {
		t.Errorf("receipts of another Kafka: got %v, want an error that says so", err)
	}
	b.Receipts = []string{w.receipts, w.receipts}
	if r := reconcile(t, b, w.window, GroupBy{}); r.Conclusion != Balanced || r.Total.Accepted != 900 {
		t.Errorf("a journal given twice counts once: %s", text(t, r))
	}
	b.Receipts = nil
	if r := reconcile(t, b, w.window, GroupBy{}); r.Conclusion != CannotTell || len(r.Cannot) != 1 {
		t.Errorf("without a journal: want cannot tell: %s", text(t, r))
	}
	b.Receipts = []string{plant()}
	if r := reconcile(t, b, w.window, GroupBy{}); r.Conclusion != Balanced || r.Total.Unreceipted != 900 {
		t.Errorf("a journal without receipts: want balance and 900 without receipt: %s", text(t, r))
	}
	if _, err := w.books().Reconcile(t.Context(), TimeRange{w.window.From.Add(time.Second), w.window.To}, GroupBy{}); err == nil {
		t.Error("a window of half minutes was taken")
	}
}

func retention(t *testing.T, w *town) {
	deleteBefore(t, w, 1, 20)
	r := reconcile(t, w.books(), w.window, GroupBy{})
	if r.Conclusion != CannotTell || len(r.ByKind) != 0 || r.Total.Accepted >= 900 || !strings.Contains(strings.Join(r.Cannot, "\n"), "partition 1") {
		t.Errorf("with offsets below 20 of partition 1 cut off: want cannot tell, and nothing lost: %s", text(t, r))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.books().Reconcile(ctx, w.window, GroupBy{}); err == nil {
		t.Error("a cancelled reconciliation gave a result")
	}
}

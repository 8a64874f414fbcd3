package sink

import (
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// A loss is a single range in the batches rows, however often it is recorded, and the stored extent reaches its end;
// batches are no losses.
func TestALossIsRecordedOnceAndReadBack(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	s := NewStoredState(conn)
	b := NewBlock(nil)
	if err := c.Insert(t.Context(), ingest.Range{Topic: schemas.TopicReads, Partition: 1, Start: 0, End: 10}, &shard.Totals{Fetched: 1, Ticks: 1, Clock: march}, b); err != nil {
		t.Fatal(err)
	}
	loss := &ingest.RecordedLoss{Partition: 1, Loss: ingest.Loss{Start: 10, End: 15}, Reason: "a test says so", By: "me"}
	for range 3 {
		if err := s.RecordLoss(t.Context(), schemas.TopicReads, loss); err != nil {
			t.Fatal(err)
		}
	}
	other := *loss
	other.By, other.End = "somebody else", 20
	if err := s.RecordLoss(t.Context(), schemas.TopicReads, &other); err == nil || !strings.Contains(err.Error(), "me recorded the loss of [10, 15) at the same time: a test says so") {
		t.Errorf("a second person: %v, want that the first is named", err)
	}
	for partition, want := range map[int32][]ingest.Loss{0: nil, 1: {{Start: 10, End: 15}}, 2: nil} {
		if got, err := s.Losses(t.Context(), schemas.TopicReads, partition); err != nil || !slices.Equal(got, want) {
			t.Errorf("partition %d: %v %v, want %v", partition, got, err, want)
		}
	}
	if got, err := s.Losses(t.Context(), "another", 1); err != nil || got != nil {
		t.Errorf("another topic: %v %v", got, err)
	}
	if r, err := s.Reached(t.Context(), schemas.TopicReads, 1); err != nil || r != (ingest.StoredExtent{End: 15, Any: true}) {
		t.Errorf("reached %+v %v, want the end of the loss", r, err)
	}
	var rows, lost uint64
	var clock int64
	if err := conn.QueryRow(t.Context(), "SELECT count(), sum(lost), max(toUnixTimestamp64Micro(log_clock)) FROM batches WHERE lost > 0").Scan(&rows, &lost, &clock); err != nil || rows != 1 || lost != 5 || clock != int64(march) {
		t.Errorf("%d rows, %d lost, clock %d, %v; want one row of 5 with the clock of the batch before", rows, lost, clock, err)
	}
}

// A database with a later migration but without an earlier one, for example from another branch, gets the earlier one.
func TestAMigrationThatIsMissingIsMadeUpFor(t *testing.T) {
	c, conn := newMigratedSink(t, nil)
	count := func() (n uint64) {
		if err := conn.QueryRow(t.Context(), "SELECT count() FROM goose_db_version WHERE version_id = 19").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := conn.Exec(t.Context(), "ALTER TABLE goose_db_version DELETE WHERE version_id = 19 SETTINGS mutations_sync = 1"); err != nil || count() != 0 {
		t.Fatal("nothing is missing: ", err)
	}
	if err := platform.Migrate(t.Context(), c.cfg.ClickHouse, zerolog.Nop()); err != nil || count() != 1 {
		t.Errorf("%v; the migration is noted %d times, want once", err, count())
	}
}

package sink

import (
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// checkBalance compares the range's totals with its length and with the block's rows: every record counts once, and
// the batches row may claim only rows present in the block. An imbalance would be a lost or an invented record, so
// nothing is written and the error wraps ingest.ErrStop.
func checkBalance(rg ingest.Range, t *shard.Totals, b *ColumnBlock) error {
	if sum := t.Stored + t.Merged + t.Rejected + t.Ticks; sum != t.Fetched {
		return fmt.Errorf("range %s/%d/%d-%d: fetched %d but stored %d + merged %d + rejected %d + ticks %d = %d; nothing was written: %w",
			rg.Topic, rg.Partition, rg.Start, rg.End, t.Fetched, t.Stored, t.Merged, t.Rejected, t.Ticks, sum, ingest.ErrStop)
	}
	if span := rg.End - rg.Start; span < 0 || t.Fetched > uint64(span) {
		return fmt.Errorf("range %s/%d/%d-%d: holds at most %d records but %d were fetched; nothing was written: %w",
			rg.Topic, rg.Partition, rg.Start, rg.End, max(span, 0), t.Fetched, ingest.ErrStop)
	}
	for _, c := range []struct {
		tab  int
		want uint64
	}{
		{tabReads, t.Stored},
		{tabMerges, t.Merged},
		{tabRejects, t.Rejected},
		{tabPassages, t.Passages},
		{tabHits, t.Hits},
		{tabOffences, t.Offences},
	} {
		if got := uint64(b.tables[c.tab].rowCount()); got != c.want {
			return fmt.Errorf("range %s/%d/%d-%d: table %s has %d rows but the ledger says %d; nothing was written: %w",
				rg.Topic, rg.Partition, rg.Start, rg.End, b.tables[c.tab].name, got, c.want, ingest.ErrStop)
		}
	}
	return nil
}

package sink

import (
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// batchesTable holds one row of schemas/clickhouse/0008_batches.sql, the ledger.
type batchesTable struct {
	topic                                                        lowCol
	partition, start, end                                        fixedCol
	fetched, stored, merged, rejected, ticks, passages, hits, of fixedCol
	clock                                                        fixedCol
	catalogue, reference                                         lowCol
}

func newBatches() *batchesTable {
	return &batchesTable{
		partition: i32Col(), start: i64Col(), end: i64Col(), fetched: u64Col(), stored: u64Col(), merged: u64Col(),
		rejected: u64Col(), ticks: u64Col(), passages: u64Col(), hits: u64Col(), of: u64Col(), clock: timeCol(),
	}
}

func (b *batchesTable) input() proto.Input {
	return proto.Input{
		{Name: "kafka_topic", Data: &b.topic},
		{Name: "kafka_partition", Data: &b.partition},
		{Name: "start_offset", Data: &b.start},
		{Name: "end_offset", Data: &b.end},
		{Name: "fetched", Data: &b.fetched},
		{Name: "stored", Data: &b.stored},
		{Name: "merged", Data: &b.merged},
		{Name: "rejected", Data: &b.rejected},
		{Name: "ticks", Data: &b.ticks},
		{Name: "passages", Data: &b.passages},
		{Name: "hits", Data: &b.hits},
		{Name: "offences", Data: &b.of},
		{Name: "log_clock", Data: &b.clock},
		{Name: "catalogue_version", Data: &b.catalogue},
		{Name: "reference_version", Data: &b.reference},
	}
}

// ledger makes the one-row table of a range.
func ledger(rg ingest.Range, t *ingest.Totals) *table {
	b := newBatches()
	b.topic.str(rg.Topic)
	b.partition.i32(rg.Partition)
	b.start.i64(rg.Start)
	b.end.i64(rg.End)
	b.fetched.u64(t.Fetched)
	b.stored.u64(t.Stored)
	b.merged.u64(t.Merged)
	b.rejected.u64(t.Rejected)
	b.ticks.u64(t.Ticks)
	b.passages.u64(t.Passages)
	b.hits.u64(t.Hits)
	b.of.u64(t.Offences)
	b.clock.at(t.Clock)
	b.catalogue.str(t.CatalogueVersion)
	b.reference.str(t.ReferenceVersion)
	in := b.input()
	return &table{name: ledgerTable, query: in.Into(ledgerTable), input: in}
}

// balance checks that every record of the range is accounted for and that the block holds the rows the ledger will say
// it holds. An imbalance would be a lost or invented record, so the process stops instead of writing it.
func balance(rg ingest.Range, t *ingest.Totals, b *Block) error {
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
		if got := uint64(b.tables[c.tab].rows()); got != c.want {
			return fmt.Errorf("range %s/%d/%d-%d: table %s has %d rows but the ledger says %d; nothing was written: %w",
				rg.Topic, rg.Partition, rg.Start, rg.End, b.tables[c.tab].name, got, c.want, ingest.ErrStop)
		}
	}
	return nil
}

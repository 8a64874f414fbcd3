package ingest

import "testing"

// TestReadyToHandOverDecisionTable: 100 rows are few, 1000 fill a batch.
func TestReadyToHandOverDecisionTable(t *testing.T) {
	c := Config{FewRows: 100, BatchRows: 1000}
	for _, x := range []struct {
		name    string
		fetched uint64
		rows    int
		backlog int64
		elapsed lingerStage
		want    bool
	}{
		{"nothing was fetched, however long ago", 0, 0, 0, fullLinger, false},
		{"nothing was fetched and the log is long", 0, 0, 5000, fullLinger, false},
		{"many rows, no linger passed", 500, 500, 0, noLinger, false},
		{"records that made no row, no linger passed", 5, 0, 0, noLinger, false},
		{"few rows after the short linger", 99, 99, 0, shortLinger, false},
		{"just enough rows after the short linger", 100, 100, 0, shortLinger, true},
		{"few rows after the linger of small batches", 1, 1, 0, fewLinger, true},
		{"ticks alone after the linger of small batches", 3, 0, 0, fewLinger, true},
		{"many rows and the log can fill the batch", 400, 400, 600, shortLinger, false},
		{"many rows and the log is one record short of filling it", 400, 400, 599, shortLinger, true},
		{"few rows, the log can fill the batch", 50, 50, 950, fewLinger, false},
		{"few rows, the log is one record short of filling it", 50, 50, 949, fewLinger, true},
		{"few rows, after the short linger, the log is short", 50, 50, 1, shortLinger, false},
		{"the log can fill the batch, after the longest linger", 400, 400, 1 << 40, fullLinger, true},
		{"one row after the longest linger", 1, 1, 1 << 40, fullLinger, true},
		{"a full batch after the short linger", 1000, 1000, 1, shortLinger, false},
	} {
		w := &partitionWorker{partition: partition{cfg: &c, nextOffset: 7, logEnd: 7 + x.backlog}}
		b := &batchBuilder{w: w, batch: newBatch(&discard{rows: x.rows}, nil), elapsed: x.elapsed}
		b.batch.Fetched = x.fetched
		if got := b.readyToHandOver(); got != x.want {
			t.Errorf("%s: ready %v, want %v", x.name, got, x.want)
		}
	}
}

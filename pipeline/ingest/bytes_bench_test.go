package ingest_test

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
)

// BenchmarkBytes counts a read's bytes on the wire from Kafka and on the wire to ClickHouse, over all tables in a
// batch. Run a fixed number of times (-benchtime 30000x) the counts are the same on every machine: bench/budget.yaml
// holds them.
func BenchmarkBytes(b *testing.B) {
	w := makeEngineWorld(b)
	e := newEngine(w, 0, 1, sink.NewBlock(nil))
	e.log = w.partitionLogs(b, 1)[0]
	var in, out int
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(b.N-done, 1000, e.log.recordsLeft())
		recs, from := e.log.nextRecord()
		n = min(n, recs.Len()-from)
		for i := from; i < from+n; i++ {
			_, value := recs.At(i)
			in += len(value)
		}
		e.processRecords(n)
		e.log.lapWhenDone()
		done += n
		rows := e.batch.Block.Rows()
		e.encodeBatch()
		if out += len(e.wire); rows == 0 {
			b.Fatal("a batch of reads made no rows")
		}
	}
	b.ReportMetric(float64(in)/float64(b.N), "wire-B/read")
	b.ReportMetric(float64(out)/float64(b.N), "native-B/read")
}

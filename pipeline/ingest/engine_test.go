package ingest_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/schemas"
)

// TestGroupsAndTouchingChangeNoByte sends the same traffic through three shards with the real reference data and the
// real columns: in groups with everything touched ahead, in calls cut anywhere, and record by record with nothing
// touched. What goes to ClickHouse is the same to the byte.
func TestGroupsAndTouchingChangeNoByte(t *testing.T) {
	t.Setenv("ANPR_BENCH_VEHICLES", "")
	w := makeEngineWorld(t)
	log := w.partitionLogs(t, 1)[0]
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	block := func() *sink.ColumnBlock { return sink.NewBlock(func() schemas.Micros { return 0 }) }
	grouped, cut, single := newEngine(w, 0, 1, block()), newEngine(w, 0, 1, block()), newEngine(w, 0, 1, block(), withoutPrefetch)
	rows := 0
	for range 2 { // the second lap closes what the first began
		for _, recs := range log.chunks {
			n := recs.Len()
			grouped.batch.Process(grouped.shard, w.versions, recs, 0, n)
			for i := range n {
				single.batch.Process(single.shard, w.versions, recs, i, i+1)
			}
			for from := 0; from < n; {
				to := min(n, from+1+rng.IntN(100))
				cut.batch.Process(cut.shard, w.versions, recs, from, to)
				from = to
			}
			rows += grouped.batch.Block.Rows()
			for _, e := range []*engine{grouped, cut, single} {
				e.encodeBatch()
			}
			if !bytes.Equal(grouped.wire, single.wire) || !bytes.Equal(cut.wire, single.wire) {
				t.Fatalf("after %d rows: %d bytes in groups, %d cut anywhere, %d one by one, and they differ", rows, len(grouped.wire), len(cut.wire), len(single.wire))
			}
		}
		log.startLap()
	}
	if s := single.total; s != grouped.total || s != cut.total || s.Passages == 0 || s.Hits == 0 || s.Offences == 0 {
		t.Errorf("in groups %+v, cut anywhere %+v, one by one %+v: want them equal and nothing 0", grouped.total, cut.total, s)
	}
}

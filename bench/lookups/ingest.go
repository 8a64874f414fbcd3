package lookups

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/schemas"
)

// Ingest stores current reads through the real sink, like a worker: a batch for each partition every Linger, with
// passages, hits and batches row. The database sees a pipeline's load; broker and rules are left out.
type Ingest struct {
	Sink       sink.Config
	City       *bench.City
	Rate       int           // reads a second
	Partitions int           // default 1, as in bench/budget.yaml
	Linger     time.Duration // default 100 ms
	Seed       uint64
}

// IngestResult counts the stored rows.
type IngestResult struct {
	Rows    uint64        `json:"rows"`
	Inserts uint64        `json:"inserts"` // batches, each for several tables
	Took    time.Duration `json:"took"`
	Behind  time.Duration `json:"behind"` // how late the last batch was stored
}

// Run stores until ctx ends, at the rate: batch i is due at the start plus i x Linger, however long earlier batches
// took. Calls with different Seeds store different reads.
func (g Ingest) Run(ctx context.Context) (res IngestResult, err error) {
	if g.Partitions == 0 {
		g.Partitions = 1
	}
	if g.Linger == 0 {
		g.Linger = 100 * time.Millisecond
	}
	out, err := sink.NewClickHouse(ctx, g.Sink)
	if err != nil {
		return res, err
	}
	defer out.Close()
	batches := make([]chan []bench.Stored, g.Partitions)
	began := time.Now()
	results := make([]IngestResult, g.Partitions)
	group, gctx := errgroup.WithContext(ctx)
	for p := range batches {
		batches[p] = make(chan []bench.Stored, 8)
		group.Go(func() error {
			var err error
			results[p], err = g.insertPartition(gctx, out, p, began, batches[p])
			return err
		})
	}
	group.Go(func() error { return g.dealBatches(gctx, batches) })
	err = group.Wait()
	for _, r := range results {
		res.Rows += r.Rows
		res.Inserts += r.Inserts
		res.Behind = max(res.Behind, r.Behind)
	}
	res.Took = time.Since(began)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // the caller ended the load
	}
	return res, err
}

var errDone = errors.New("enough")

// dealBatches makes reads and gives each partition the batch of each Linger.
func (g Ingest) dealBatches(ctx context.Context, batches []chan []bench.Stored) error {
	defer func() {
		for _, c := range batches {
			close(c)
		}
	}()
	per := max(g.Rate*int(g.Linger/time.Millisecond)/1000/len(batches), 1)
	rows := uint64(min(max(60*g.Rate, 50_000), 1_000_000)) // about a minute's worth: made before the first is stored
	for seed := g.Seed; ; seed++ {
		year, err := g.City.Year(bench.YearConfig{Seed: seed, End: schemas.MicrosOf(time.Now()) + 24*schemas.Hour, Days: 1, Rows: rows})
		if err != nil {
			return err
		}
		part := make([][]bench.Stored, len(batches))
		var stop error
		year.Day(0, func(s *bench.Stored) {
			if stop != nil {
				return
			}
			p := schemas.Partition(s.Class, s.Camera, len(batches))
			kept := *s
			kept.Hits = append([]schemas.Hit(nil), s.Hits...)
			kept.Alternatives = append([]schemas.Alternative(nil), s.Alternatives...)
			if part[p] = append(part[p], kept); len(part[p]) < per {
				return
			}
			select {
			case batches[p] <- part[p]:
				part[p] = nil
			case <-ctx.Done():
				stop = errDone
			}
		})
		if stop != nil {
			return nil
		}
	}
}

// insertPartition inserts a partition's batches when due.
func (g Ingest) insertPartition(ctx context.Context, out *sink.ClickHouse, p int, began time.Time, batches <-chan []bench.Stored) (res IngestResult, err error) {
	number := int32(Partition + 1 + p)
	offset, err := g.endOffset(ctx, number)
	if err != nil {
		return res, err
	}
	block := sink.NewBlock(nil)
	for i := 1; ; i++ {
		due := began.Add(time.Duration(i) * g.Linger)
		wait := time.NewTimer(time.Until(due))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return res, ctx.Err()
		}
		reads, ok := <-batches
		if !ok {
			return res, ctx.Err()
		}
		rg := ingest.Range{Topic: schemas.TopicReads, Partition: number, Start: offset, End: offset + int64(len(reads))}
		tot := fillBlock(block, rg, reads, due)
		if err := out.Insert(context.WithoutCancel(ctx), rg, &tot, block); err != nil { // a batch already begun is completed
			return res, err
		}
		offset = rg.End
		res.Rows += tot.Stored
		res.Inserts++
		res.Behind = time.Since(due)
	}
}

// endOffset returns where an earlier run of the partition ended.
func (g Ingest) endOffset(ctx context.Context, partition int32) (end int64, err error) {
	conn, err := g.Sink.Open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	row := conn.QueryRow(ctx, "SELECT max(end_offset) FROM batches WHERE kafka_topic = ? AND kafka_partition = ?", schemas.TopicReads, partition)
	if err := row.Scan(&end); err != nil {
		return 0, fmt.Errorf("read where partition %d ends: %w", partition, err)
	}
	return end, nil
}

// fillBlock puts the reads into the block as captured just before due.
func fillBlock(b *sink.ColumnBlock, rg ingest.Range, reads []bench.Stored, due time.Time) (tot shard.Totals) {
	b.Reset()
	pos := shard.Position{Topic: rg.Topic, Partition: rg.Partition, Offset: rg.Start}
	for i := range reads {
		s := &reads[i]
		s.ReceivedAt = schemas.MicrosOf(due)
		s.CapturedAt = s.ReceivedAt - 300*schemas.Millisecond - schemas.Micros(i)
		b.AddRead(&s.Read, s.Passage, s.From, pos)
		best := schemas.Sighting{
			Read: s.ID, Camera: s.Camera, CapturedAt: s.CapturedAt, ReceivedAt: s.ReceivedAt, Plate: s.Plate,
			Country: s.Country, Confidence: s.Confidence, Lane: s.Lane, Direction: s.Direction, Kind: s.Kind, Speed: s.Speed, Make: s.Make, Colour: s.Colour, Image: s.Image,
		}
		if s.Passage == schemas.PassageIDOf(s.ID) {
			b.AddPassage(&schemas.Passage{ID: s.Passage, Class: s.Class, First: s.CapturedAt, Last: s.CapturedAt, Reads: 1, Variants: 1, Best: best}, s.From, pos)
			tot.Passages++
		}
		for k := range s.Hits {
			b.AddHit(&s.Hits[k], &s.Read, s.From, pos, s.ReceivedAt)
			tot.Hits++
		}
		pos.Offset++
	}
	tot.Stored = uint64(len(reads))
	tot.Fetched, tot.Clock, tot.CatalogueVersion, tot.ReferenceVersion = tot.Stored, schemas.MicrosOf(due), "bench", "generated"
	return tot
}

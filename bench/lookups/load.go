package lookups

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// Partition is the loaded rows' partition in anpr.reads.v1: beyond any topic's partitions.
const Partition = 1_000_000

// RowBytes is a read's disk space with all derived rows, rounded up; a load reckons its space with RowBytes. Measured:
// bench/results/2026-11-25-lookups.md.
const RowBytes = 108

// ErrNoSpace means that the server's disk has too little room; the text says how much is needed.
var ErrNoSpace = errors.New("not enough space on the disk of ClickHouse")

// LoadConfig says what to load and where to. Sink.Addr and Year must be set.
type LoadConfig struct {
	Sink     sink.Config // the server; a missing database is created
	Year     *bench.Year
	Reserve  uint64    // bytes that must stay free on the server's disk; 0 = none
	Unmerged bool      // leave the parts to background merges; otherwise each full month becomes a single part
	Progress io.Writer // told how far the load is; nil discards. A terminal gets a bar
	Logger   zerolog.Logger
}

// LoadResult is a load's result.
type LoadResult struct {
	Rows   uint64 // in the tables now
	Loaded uint64 // by this call; the others existed before
	Took   time.Duration
}

// loader is a running load.
type loader struct {
	cfg   LoadConfig
	year  *bench.Year
	mark  string // this year's, in the batches rows
	conn  driver.Conn
	sink  *sink.ClickHouse
	told  loadProgress
	ready chan filledDay
	free  chan *sink.ColumnBlock
}

// filledDay is a day on its way to the server.
type filledDay struct {
	day   int
	block *sink.ColumnBlock
	rg    ingest.Range
	tot   shard.Totals
}

// Days returns the number of loaded days in the year, counted from the first, in a database with a begun load.
func Days(ctx context.Context, c sink.Config, y *bench.Year) (int, error) {
	c.EnsureDefaults()
	conn, err := openConn(c)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	l := &loader{cfg: LoadConfig{Sink: c}, year: y, conn: conn, mark: yearMark(y)}
	return l.firstMissingDay(ctx)
}

// yearMark names a year in the ledger.
func yearMark(y *bench.Year) string {
	c := y.Config()
	return fmt.Sprintf("year/%d/%d/%d/%d", c.Seed, c.Rows, c.Days, y.Start(0))
}

// Load migrates the database, checks the disk and loads the missing days of the year. It returns when every row is
// stored and, unless Unmerged, each month with loaded rows is a single part. Load keeps two days in memory: about 600
// MB at a million reads a day. Errors name the day; ErrNoSpace is returned before anything is loaded.
func Load(ctx context.Context, cfg LoadConfig) (LoadResult, error) {
	cfg.Sink.EnsureDefaults()
	cfg.Sink.InsertTimeout = max(cfg.Sink.InsertTimeout, 10*time.Minute)
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	if err := platform.Migrate(ctx, cfg.Sink.ClickHouse, cfg.Logger); err != nil {
		return LoadResult{}, err
	}
	conn, err := openConn(cfg.Sink)
	if err != nil {
		return LoadResult{}, err
	}
	defer func() { _ = conn.Close() }()
	out, err := sink.NewClickHouse(ctx, cfg.Sink)
	if err != nil {
		return LoadResult{}, err
	}
	defer out.Close()
	l := &loader{cfg: cfg, year: cfg.Year, conn: conn, sink: out, ready: make(chan filledDay), free: make(chan *sink.ColumnBlock, 2)}
	l.mark = yearMark(l.year)
	return l.loadMissing(ctx)
}

func (l *loader) loadMissing(ctx context.Context) (LoadResult, error) {
	began := time.Now()
	day, err := l.firstMissingDay(ctx)
	if err != nil {
		return LoadResult{}, err
	}
	rows, had := l.year.Config().Rows, l.year.First(day)
	if err := l.checkSpace(ctx, rows-had); err != nil {
		return LoadResult{}, err
	}
	if l.told, err = newProgress(l.cfg.Progress, had, rows); err != nil {
		return LoadResult{}, err
	}
	if err := l.holdMerges(ctx); err != nil {
		return LoadResult{}, err
	}
	err = l.loadDays(ctx, day)
	err = errors.Join(err, l.releaseMerges(context.WithoutCancel(ctx)))
	l.told.endBar(err == nil)
	if err != nil {
		return LoadResult{}, err
	}
	return LoadResult{Rows: rows, Loaded: rows - had, Took: time.Since(began)}, nil
}

// openConn connects for statements as long as a month's merge.
func openConn(c sink.Config) (driver.Conn, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: strings.Split(c.Addr, ","), TLS: c.TLS, Auth: clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password},
		ReadTimeout: 2 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("open clickhouse: %w", err)
	}
	return conn, nil
}

// firstMissingDay returns the first day that is not in the ledger.
func (l *loader) firstMissingDay(ctx context.Context) (day int, err error) {
	var end int64
	var others uint64
	row := l.conn.QueryRow(ctx, "SELECT max(end_offset), countIf(catalogue_version != ?) FROM batches WHERE kafka_topic = ? AND kafka_partition = ?",
		l.mark, schemas.TopicReads, int32(Partition))
	if err := row.Scan(&end, &others); err != nil {
		return 0, fmt.Errorf("read what is loaded: %w", err)
	}
	if others > 0 {
		return 0, fmt.Errorf("database %s holds another year than %s: take an empty one", l.cfg.Sink.Database, l.mark)
	}
	days := l.year.Config().Days
	for day < days && l.year.First(day+1) <= uint64(end) {
		day++
	}
	return day, nil
}

// checkSpace compares the rows' space, merges included, with the server's free space.
func (l *loader) checkSpace(ctx context.Context, rows uint64) error {
	var free uint64
	if err := l.conn.QueryRow(ctx, "SELECT min(free_space) FROM system.disks").Scan(&free); err != nil {
		return fmt.Errorf("ask for the free space: %w", err)
	}
	month := min(rows, l.year.Config().Rows*31/uint64(l.year.Config().Days)) // twice on disk while being merged
	need := (rows+month)*RowBytes + l.cfg.Reserve
	if rows > 0 && free < need {
		return fmt.Errorf("%w: %d rows and a reserve of %.1f GB need %.1f GB, %.1f GB are free: load fewer rows or make room",
			ErrNoSpace, rows, inGigabytes(l.cfg.Reserve), inGigabytes(need), inGigabytes(free))
	}
	return nil
}

func inGigabytes(n uint64) float64 { return float64(n) / 1e9 }

// loadDays makes a day while the day before is being inserted.
func (l *loader) loadDays(ctx context.Context, from int) error {
	ctx, cancel := context.WithCancel(ctx)
	made := make(chan struct{})
	go func() {
		defer close(made)
		defer close(l.ready)
		for range cap(l.free) {
			l.free <- sink.NewBlock(nil)
		}
		for day := from; day < l.year.Config().Days; day++ {
			select {
			case b := <-l.free:
				l.ready <- l.fillDay(day, b)
			case <-ctx.Done():
				return
			}
		}
	}()
	err := l.insertDays(ctx)
	cancel()
	for range l.ready { // lets the maker end
	}
	<-made
	return err
}

func (l *loader) fillDay(day int, b *sink.ColumnBlock) filledDay {
	f := filledDay{day: day, block: b, rg: ingest.Range{
		Topic: schemas.TopicReads, Partition: Partition, Start: int64(l.year.First(day)), End: int64(l.year.First(day + 1)),
	}}
	pos := shard.Position{Topic: f.rg.Topic, Partition: Partition, Offset: f.rg.Start}
	b.Reset()
	l.year.Day(day, func(s *bench.Stored) {
		b.AddRead(&s.Read, s.Passage, s.From, pos)
		for i := range s.Hits {
			b.AddHit(&s.Hits[i], &s.Read, s.From, pos, s.ReceivedAt)
			f.tot.Hits++
		}
		pos.Offset++
		f.tot.Clock = max(f.tot.Clock, s.ReceivedAt)
	})
	f.tot.Stored = uint64(pos.Offset - f.rg.Start)
	f.tot.Fetched, f.tot.CatalogueVersion, f.tot.ReferenceVersion = f.tot.Stored, l.mark, "generated"
	return f
}

// holdMerges keeps background merges from the loaded parts, so that each row is merged once and not several times.
// Small parts, such as a pipeline makes meanwhile, are still merged. A killed load leaves the setting behind; the next
// load resets it.
func (l *loader) holdMerges(ctx context.Context) error {
	if l.cfg.Unmerged {
		return nil
	}
	if err := l.conn.Exec(ctx, "ALTER TABLE reads MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 20000000"); err != nil {
		return fmt.Errorf("hold merges: %w", err)
	}
	return nil
}

func (l *loader) releaseMerges(ctx context.Context) error {
	if l.cfg.Unmerged {
		return nil
	}
	if err := l.conn.Exec(ctx, "ALTER TABLE reads RESET SETTING max_bytes_to_merge_at_max_space_in_pool"); err != nil {
		return fmt.Errorf("let merges go on: %w; run ALTER TABLE reads RESET SETTING max_bytes_to_merge_at_max_space_in_pool", err)
	}
	return nil
}

// insertDays stores the days as they come; a month that is full is merged while the next is loaded.
func (l *loader) insertDays(ctx context.Context) error {
	month := ""
	merges := errgroup.Group{}
	merges.SetLimit(1)
	for f := range l.ready {
		m := l.year.Start(f.day).Time().Format("200601")
		if full := month; m != month && month != "" {
			merges.Go(func() error { return l.mergeMonth(ctx, full) })
		}
		month = m
		if err := l.sink.Insert(ctx, f.rg, &f.tot, f.block); err != nil {
			_ = merges.Wait() // the load ends with the insert's error
			return fmt.Errorf("load %s: %w", l.year.Start(f.day).Day(), err)
		}
		l.told.setRows(uint64(f.rg.End))
		l.free <- f.block
	}
	if err := errors.Join(merges.Wait(), ctx.Err()); err != nil {
		return err
	}
	for day := range l.year.Config().Days { // also what an earlier load had no time to merge
		if m := l.year.Start(day).Time().Format("200601"); m != month || day == 0 {
			month = m
			if err := l.mergeMonth(ctx, month); err != nil {
				return err
			}
		}
	}
	if l.cfg.Unmerged {
		return nil
	}
	// Plate parts older than a day become a single part (schemas/clickhouse/0012), and nearly a whole year is older.
	if err := l.conn.Exec(ctx, "OPTIMIZE TABLE plates FINAL SETTINGS optimize_skip_merged_partitions = 1"); err != nil {
		return fmt.Errorf("merge plates: %w", err)
	}
	return nil
}

// mergeMonth makes a single part from a month in every loaded table.
func (l *loader) mergeMonth(ctx context.Context, month string) error {
	if l.cfg.Unmerged {
		return nil
	}
	for _, table := range []string{"reads", "hits"} {
		if err := l.conn.Exec(ctx, "OPTIMIZE TABLE "+table+" PARTITION "+month+" FINAL SETTINGS optimize_skip_merged_partitions = 1"); err != nil {
			return fmt.Errorf("merge %s of %s: %w", month, table, err)
		}
	}
	return nil
}

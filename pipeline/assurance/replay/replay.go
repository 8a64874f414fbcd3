package replay

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ClickHouse/ch-go/proto"
	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config selects stored passages, and the rules and reference data that decide them again. Dial, Engine, Registry, From
// and To are required.
type Config struct {
	Dial     DialNative
	Engine   *rules.Engine         // decides by the catalogue to try
	Registry CameraRegistry        // reference data to decide with
	From, To schemas.Micros        // capture time [From, To); whole Brussels days, because some offences count by day
	Workers  int                   // plate ranges at the same time; default: the number of cores
	Examples int                   // differences to explain, at most
	Progress func(done, of uint64) // passages; called from several goroutines, may be nil

	of, done atomic.Uint64
}

func (c *Config) reportProgress(n uint64) {
	done := c.done.Add(n)
	if c.Progress != nil {
		c.Progress(min(done, c.of.Load()), c.of.Load())
	}
}

func (c *Config) checkConfig() error {
	switch {
	case c.Dial == nil || c.Engine == nil || c.Registry == nil:
		return errors.New("BUG: a replay without connection, engine or registry")
	case c.To <= c.From:
		return fmt.Errorf("nothing lies between %s and %s", c.From, c.To)
	case c.From != c.From.Day().Start() || c.To != c.To.Day().Start():
		return fmt.Errorf("%s to %s are not whole Brussels days: a zone offence counts once a day, so a part of one cannot be compared", c.From, c.To)
	}
	return nil
}

// coversCapture reports whether a capture lies in the time range.
func (c *Config) coversCapture(captured schemas.Micros) bool {
	return captured >= c.From && captured < c.To
}

// margin is the time by which a passage and its reads may lie outside the time range, when the decisive read lies
// inside.
const margin = schemas.Hour

// boundParams returns the bounds of a query as parameters.
func (c *Config) boundParams(around schemas.Micros, more ...proto.Parameter) []proto.Parameter {
	number := func(key string, v schemas.Micros) proto.Parameter {
		return proto.Parameter{Key: key, Value: "'" + strconv.FormatInt(int64(v), 10) + "'"}
	}
	return append([]proto.Parameter{number("from", c.From-around), number("to", c.To+around)}, more...)
}

// inBounds bounds a DateTime64(6) column by the parameters of span.
func inBounds(column string) string {
	return column + " >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND " + column + " < fromUnixTimestamp64Micro({to:Int64}, 'UTC')"
}

// alike selects the passages of the first pass: all stored reads name the plate of the best read.
const (
	alike = "NOT parked AND variants <= 1"
	mixed = "NOT parked AND variants > 1"
)

// Run replays and writes nothing. An error leaves no result.
func Run(ctx context.Context, cfg *Config) (*Comparison, error) {
	if err := cfg.checkConfig(); err != nil {
		return nil, err
	}
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	stored, err := readStored(ctx, cfg)
	if err != nil {
		return nil, err
	}
	ranges, err := plateRanges(ctx, cfg)
	if err != nil {
		return nil, err
	}
	total, err := replayRanges(ctx, cfg, stored, ranges)
	if err != nil {
		return nil, err
	}
	total.resolveExclusions()
	rep := compareStored(cfg, total, stored)
	if err := rep.explainDifferences(ctx, cfg, total, stored); err != nil {
		return nil, err
	}
	return rep, nil
}

// plates is a range of plates [from, to); to empty = to the end. The zero value with mixed is the second pass.
type plates struct {
	from, to string
	mixed    bool
}

// rangesPerWorker lets the workers end at about the same time.
const rangesPerWorker = 8

// plateRanges cuts the plates into ranges of about as many passages, by a sample.
func plateRanges(ctx context.Context, cfg *Config) ([]plates, error) {
	cols := &weightCols{}
	sample, err := readAll(ctx, cfg.Dial, `SELECT plate, count() AS n FROM passages WHERE `+inBounds("first_at")+` AND cityHash64(plate) % 500 = 0 GROUP BY plate ORDER BY plate`,
		cfg.boundParams(margin), cols)
	if err != nil {
		return nil, fmt.Errorf("sample the plates: %w", err)
	}
	count, err := readAll(ctx, cfg.Dial, `SELECT '' AS plate, count() AS n FROM passages WHERE `+inBounds("first_at")+` AND NOT parked`, cfg.boundParams(margin), &weightCols{})
	if err != nil {
		return nil, fmt.Errorf("count the passages: %w", err)
	}
	cfg.of.Store(count[0].n)
	var sum uint64
	for _, s := range sample {
		sum += s.n
	}
	out := []plates{{mixed: true}, {}} // the sorted pass first, because sorting takes longest to begin
	var seen uint64
	part := max(sum/uint64(rangesPerWorker*cfg.Workers), 1)
	for _, s := range sample {
		if seen += s.n; seen >= part && s.plate > out[len(out)-1].from {
			out[len(out)-1].to = s.plate
			out = append(out, plates{from: s.plate})
			seen = 0
		}
	}
	return out, nil
}

// replayRanges gives the ranges to the workers and adds up the results.
func replayRanges(ctx context.Context, cfg *Config, stored *storedOffences, ranges []plates) (*worker, error) {
	g, ctx := errgroup.WithContext(ctx)
	todo := make(chan plates, len(ranges))
	for _, r := range ranges {
		todo <- r
	}
	close(todo)
	total := newWorker(cfg, stored)
	var mu sync.Mutex
	for range min(cfg.Workers, len(ranges)) {
		g.Go(func() error {
			w := newWorker(cfg, stored)
			for r := range todo {
				if err := w.replayRange(ctx, r); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.addResults(w)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return total, nil
}

// replayRange decides the passages of a range.
func (w *worker) replayRange(ctx context.Context, r plates) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var passages *feed[passageRow]
	var reads *feed[readRow]
	o := byPlate
	if r.mixed {
		o = byID
		which := `FROM passages WHERE ` + inBounds("first_at") + ` AND ` + mixed
		passages = startFeed(ctx, w.cfg.Dial, `SELECT `+passageSelect+` `+which+` ORDER BY toString(passage_id)`, w.cfg.boundParams(margin), &passageCols{})
		reads = startFeed(ctx, w.cfg.Dial, `SELECT `+readSelect+` FROM reads WHERE `+inBounds("captured_at")+` AND passage_id IN (SELECT passage_id `+which+`) ORDER BY toString(passage_id)`,
			w.cfg.boundParams(2*margin), newReadCols())
	} else {
		bounds := []proto.Parameter{{Key: "lo", Value: "'" + r.from + "'"}, {Key: "hi", Value: "'" + r.to + "'"}}
		some := ` AND plate >= {lo:String} `
		if r.to != "" {
			some += `AND plate < {hi:String} `
		}
		passages = startFeed(ctx, w.cfg.Dial, `SELECT `+passageSelect+` FROM passages WHERE `+inBounds("first_at")+` AND `+alike+some+`ORDER BY plate`, w.cfg.boundParams(margin, bounds...), &passageCols{})
		reads = startFeed(ctx, w.cfg.Dial, `SELECT `+readSelect+` FROM reads WHERE `+inBounds("captured_at")+some+`ORDER BY plate`, w.cfg.boundParams(2*margin, bounds...), newReadCols())
	}
	w.mergeStreams(passages, reads, o)
	w.reportProgress()
	if err := errors.Join(passages.err, reads.err); err != nil {
		return fmt.Errorf("read the plates from %q to %q: %w", r.from, r.to, err)
	}
	return ctx.Err()
}

// weight is the number of passages with a plate in the sample.
type weight struct {
	plate string
	n     uint64
}

type weightCols struct {
	plate proto.ColStr
	n     proto.ColUInt64
}

func (c *weightCols) resultColumns() proto.Results {
	return proto.Results{{Name: "plate", Data: &c.plate}, {Name: "n", Data: &c.n}}
}

func (c *weightCols) appendRows(dst []weight, n int) ([]weight, error) {
	for i := range n {
		dst = append(dst, weight{c.plate.Row(i), c.n[i]})
	}
	return dst, nil
}

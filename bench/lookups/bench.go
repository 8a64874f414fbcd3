package lookups

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// Config says what is measured. Conn, City and Year must be set, and the year loaded (Load).
type Config struct {
	Conn     driver.Conn       // to the database with the year
	Postgres platform.Postgres // of the look-up log
	City     *bench.City
	Year     *bench.Year
	Days     int // loaded days, counted from the year's first; default all
	Users    int // most users asking at once; default 50
	Seed     uint64
}

// Bench is an office over the tables, with users who ask questions. Close ends the office.
type Bench struct {
	cfg     Config
	url     string
	stop    func()
	http    *http.Client
	users   []account
	plates  []schemas.Plate
	cameras []schemas.Camera
}

// Open starts the office.
func Open(ctx context.Context, cfg Config) (*Bench, error) {
	if cfg.Users == 0 {
		cfg.Users = 50
	}
	if cfg.Days == 0 {
		cfg.Days = cfg.Year.Config().Days
	}
	b := &Bench{cfg: cfg, users: makeAccounts(cfg.Users), plates: cfg.Year.Sample(cfg.Seed, 20_000)}
	byID := map[string]*schemas.Camera{}
	for i := range cfg.City.Cameras() {
		c := &cfg.City.Cameras()[i]
		byID[c.ID] = c
		if c.ValidAt(cfg.Year.Start(cfg.Year.Config().Days)) {
			b.cameras = append(b.cameras, *c)
		}
	}
	for _, z := range zones { // a zone officer asks for a camera of his zone
		found := false
		for i := range b.cameras {
			found = found || b.cameras[i].Zone == z
		}
		if !found {
			return nil, fmt.Errorf("the city has no camera in zone %s: give it more cameras", z)
		}
	}
	var err error
	b.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: cfg.Users + 1}, Timeout: time.Minute}
	b.url, b.stop, err = serveOffice(ctx, &cfg, b.users, func(id string) *schemas.Camera { return byID[id] })
	return b, err
}

// Close stops the office.
func (b *Bench) Close() {
	b.stop()
	b.http.CloseIdleConnections()
}

// Phase is one measurement: so many users for so long.
type Phase struct {
	Name     string
	Users    int
	Think    time.Duration // mean time to think; 0 = none
	Duration time.Duration
	AtLeast  int  // questions of each user that are asked although the time is up
	Plates   bool // only the searches by plate that target T8 is about
}

// KindResult is the latency for a kind of question, in microseconds from request to decoded answer.
type KindResult struct {
	Kind   string `json:"kind"`
	Asked  int64  `json:"asked"`
	Failed int64  `json:"failed"`
	Rows   int64  `json:"rows"` // over all answers
	P50    int64  `json:"p50_us"`
	P95    int64  `json:"p95_us"`
	P99    int64  `json:"p99_us"`
	Max    int64  `json:"max_us"`
}

// PhaseResult is a phase's result. The first entry in Kinds sums all kinds, the second the five kinds in target T8.
type PhaseResult struct {
	Phase Phase        `json:"phase"`
	Kinds []KindResult `json:"kinds"`
	Error string       `json:"error,omitempty"` // the first
}

// kindTally counts a kind in a phase.
type kindTally struct {
	h            *hdrhistogram.Histogram
	failed, rows int64
}

func newTally() *kindTally {
	return &kindTally{h: hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)}
}

func (t *kindTally) mergeFrom(o *kindTally) {
	t.h.Merge(o.h)
	t.failed += o.failed
	t.rows += o.rows
}

func (t *kindTally) kindResult(name string) KindResult {
	return KindResult{
		Kind: name, Asked: t.h.TotalCount(), Failed: t.failed, Rows: t.rows,
		P50: t.h.ValueAtQuantile(50), P95: t.h.ValueAtQuantile(95), P99: t.h.ValueAtQuantile(99), Max: t.h.Max(),
	}
}

// t8 is how many of the kinds target T8 is about.
const t8 = 5

// Run measures a phase. A failed answer counts as failed, and its time counts too.
func (b *Bench) Run(ctx context.Context, ph Phase) (PhaseResult, error) {
	if ph.Users > len(b.users) {
		return PhaseResult{}, fmt.Errorf("%d users: the bench was opened with %d", ph.Users, len(b.users))
	}
	ctx, cancel := context.WithTimeout(ctx, ph.Duration)
	defer cancel()
	var (
		mu    sync.Mutex // guards the fields below
		sums  = make([]*kindTally, len(kinds))
		first error
		wg    sync.WaitGroup
	)
	for i := range sums {
		sums[i] = newTally()
	}
	for i := range ph.Users {
		wg.Go(func() {
			u := &user{Bench: b, account: b.users[i], r: rand.New(rand.NewPCG(b.cfg.Seed, uint64(i)))} //nolint:gosec // repeatable on purpose
			mine, err := u.askUntilDone(ctx, ph, i)
			mu.Lock()
			defer mu.Unlock()
			first = errors.Join(first, err)
			for k := range mine {
				sums[k].mergeFrom(mine[k])
			}
		})
	}
	wg.Wait()
	out := PhaseResult{Phase: ph}
	all, five := newTally(), newTally()
	for k, t := range sums {
		all.mergeFrom(t)
		if k < t8 {
			five.mergeFrom(t)
		}
	}
	out.Kinds = append(out.Kinds, all.kindResult("all"), five.kindResult("plate search (T8)"))
	for k, t := range sums {
		if t.h.TotalCount() > 0 {
			out.Kinds = append(out.Kinds, t.kindResult(kinds[k].name))
		}
	}
	if first != nil {
		out.Error = first.Error()
	}
	return out, nil
}

// askUntilDone thinks and asks until the time is up and the least number of questions is asked. Each user begins with another kind.
func (u *user) askUntilDone(ctx context.Context, ph Phase, first int) (out []*kindTally, err error) {
	out = make([]*kindTally, len(kinds))
	for i := range out {
		out[i] = newTally()
	}
	asked := len(kinds)
	if ph.Plates {
		asked = t8
	}
	for n := first; ; n++ {
		if ph.Think > 0 {
			wait := time.NewTimer(ph.Think/2 + time.Duration(u.r.Int64N(int64(ph.Think))))
			select {
			case <-wait.C:
			case <-ctx.Done():
				wait.Stop()
			}
		}
		if ctx.Err() != nil && n-first >= ph.AtLeast {
			return out, err
		}
		k := n % asked
		began := time.Now()
		rows, failed := kinds[k].ask(context.WithoutCancel(ctx), u) // a question already begun is counted
		_ = out[k].h.RecordValue(max(time.Since(began).Microseconds(), 1))
		out[k].rows += int64(rows)
		if failed != nil {
			out[k].failed++
			if err == nil {
				err = fmt.Errorf("%s: %w", kinds[k].name, failed)
			}
		}
	}
}

package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Percentiles of a latency, in microseconds. There is no mean on purpose.
type Percentiles struct {
	Count   int64 `json:"count"`
	P50     int64 `json:"p50_us"`
	P90     int64 `json:"p90_us"`
	P99     int64 `json:"p99_us"`
	P999    int64 `json:"p99_9_us"`
	Max     int64 `json:"max_us"`
	Clamped int64 `json:"clamped"` // values above a minute, counted as a minute
	// Curve is the whole distribution, for plots: per cent of the values, and the latency they stay below.
	Curve [][2]float64 `json:"curve,omitempty"`
}

// curveAt are the points on a Curve, per cent.
var curveAt = []float64{
	0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96.25, 97.5, 98.125, 98.75, 99, 99.375, 99.5, 99.6875, 99.75,
	99.9, 99.95, 99.975, 99.99, 99.995, 99.999, 100,
}

// PercentilesOf reads a histogram of microseconds, clamped values counted apart.
func PercentilesOf(h *hdrhistogram.Histogram, clamped int64) Percentiles {
	p := Percentiles{
		Count: h.TotalCount(), P50: h.ValueAtQuantile(50), P90: h.ValueAtQuantile(90), P99: h.ValueAtQuantile(99),
		P999: h.ValueAtQuantile(99.9), Max: h.Max(), Clamped: clamped,
	}
	if p.Count == 0 {
		return p
	}
	for i, v := range h.ValueAtPercentilesSlice(curveAt) {
		p.Curve = append(p.Curve, [2]float64{curveAt[i], float64(v)})
	}
	return p
}

// latency is a histogram: 1 us to 60 s, three digits.
type latency struct {
	h       *hdrhistogram.Histogram
	clamped int64
}

const longest = int64(60 * time.Second / time.Microsecond)

func newLatency() *latency { return &latency{h: hdrhistogram.New(1, longest, 3)} }

func (l *latency) recordDuration(d time.Duration) {
	us := max(d.Microseconds(), 1)
	if us > longest {
		us = longest
		l.clamped++
	}
	_ = l.h.RecordValue(us) // within the bounds: cannot be refused
}

func (l *latency) mergeFrom(o *latency) {
	l.h.Merge(o.h)
	l.clamped += o.clamped
}

func (l *latency) readPercentiles() Percentiles {
	return PercentilesOf(l.h, l.clamped)
}

// RunResult counts and times a run. Scheduled = Sent + the Refused + NotSent.
type RunResult struct {
	CitySeed    uint64 `json:"city_seed"`
	TrafficSeed uint64 `json:"traffic_seed"`
	Day         string `json:"day"`
	Start       string `json:"start"` // when the traffic starts, RFC 3339
	Rate        int    `json:"rate"`
	Compress    int    `json:"compress"`
	HurryPct    int    `json:"hurry_pct"` // see Traffic.Hurry
	Noise       Noise  `json:"dirt"`

	OpenLoop  bool              `json:"open_loop"` // false: latency counts from the hand-over
	Elapsed   time.Duration     `json:"elapsed_ns"`
	Warmup    time.Duration     `json:"warmup_ns"` // left out from Ack and Dispatch
	Scheduled uint64            `json:"scheduled"` // due reads
	Sent      uint64            `json:"sent"`      // acknowledged
	Refused   map[string]uint64 `json:"refused,omitempty"`
	NotSent   uint64            `json:"not_sent"` // due, and neither acknowledged nor refused
	Buffered  uint64            `json:"buffered"` // uploads sent more than 5 s after they were due, as from the camera's buffer: late, and not lost
	Overdue   uint64            `json:"overdue"`  // handed over more than 10 ms after they were due, because InFlight reads were on their way or the generator was behind
	Retries   uint64            `json:"retries"`
	Bytes     uint64            `json:"bytes"`

	Ack       Percentiles `json:"ack"`      // due to acknowledged
	Dispatch  Percentiles `json:"dispatch"` // due to handed over: the generator's own share of Ack
	FirstFail string      `json:"first_failure,omitempty"`

	Truth     *Truth            `json:"truth"`
	Rejects   map[string]uint64 `json:"truth_rejects"`
	TruthHits int               `json:"truth_hits"`
	TruthSpd  int               `json:"truth_speed_offences"`
	TruthLEZ  int               `json:"truth_lez_rows"`
	TruthMay  int               `json:"truth_lez_rows_optional"`
}

// Complete reports whether every due read was acknowledged or refused. Only then does the truth match the sent reads.
func (r *RunResult) Complete() bool { return r.NotSent == 0 }

func (r *run) makeResult() *RunResult {
	t := r.traffic
	p := r.Progress
	res := &RunResult{
		CitySeed: r.City.cfg.Seed, TrafficSeed: t.cfg.Seed, Day: r.City.day.String(), Start: t.cfg.Start.String(),
		Rate: t.cfg.Rate, Compress: t.cfg.Compress, HurryPct: t.Hurry(), Noise: t.noise, OpenLoop: !r.FullSpeed, Warmup: r.Warmup,
		Elapsed: time.Since(r.began), Sent: p.Sent.Load(), Overdue: p.Overdue.Load(), Buffered: p.Buffered.Load(), Bytes: p.Bytes.Load(),
		Dispatch: r.dispatchLatency.readPercentiles(), Refused: map[string]uint64{}, Rejects: map[string]uint64{}, Truth: t.truth,
	}
	ack := newLatency()
	refused := uint64(0)
	for _, l := range r.senders {
		ack.mergeFrom(l.latency)
		res.Retries += l.retries
		for reason, n := range l.refused {
			res.Refused[reason.String()] += n
			refused += n
		}
	}
	res.Ack = ack.readPercentiles()
	res.Scheduled = r.countScheduled()
	res.NotSent = res.Scheduled - res.Sent - refused
	if r.err != nil {
		res.FirstFail = r.err.Error()
	}
	for reason, n := range t.truth.Rejects() {
		res.Rejects[reason.String()] = n
	}
	res.TruthHits, res.TruthSpd = len(t.truth.Hits()), len(t.truth.Speeds())
	for _, x := range t.truth.LEZ() {
		res.TruthLEZ += boolToInt(x.Must)
		res.TruthMay += boolToInt(!x.Must)
	}
	return res
}

// countScheduled counts the due reads: the whole run's, or up to now when the run was stopped early.
func (r *run) countScheduled() uint64 {
	n, d := r.scheduleLimit()
	handed := r.Progress.Handed.Load()
	if handed == n || r.FullSpeed {
		return handed
	}
	until := min(d, r.ended)
	c := r.traffic.clock // a copy: goes on from the first read not handed over
	for c.n < n && c.nextDue() < until {
		c.advanceRead()
	}
	return max(c.n, handed)
}

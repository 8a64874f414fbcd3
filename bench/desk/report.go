package desk

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// The two variants of a measurement.
const (
	Reference = "no ingest"
	Ingesting = "ingest"
)

// The limits for 25 agents while 7,000 reads/s are ingested, as 95 of 100 must hold them.
const (
	KeyToNextLimit = 100 * time.Millisecond
	VerdictLimit   = 150 * time.Millisecond
)

// IngestedRound is what was ingested beside a round.
type IngestedRound struct {
	Rate    float64 `json:"reads_per_second"` // acknowledged by the broker
	Overdue uint64  `json:"overdue"`          // handed over late by the generator
	Lag     int64   `json:"lag"`              // records not processed when the round ended
}

// Report is everything measured by a single call.
type Report struct {
	At       string        `json:"at"`
	Machine  string        `json:"machine"`
	Revision string        `json:"revision"`
	Agents   int           `json:"agents"`
	Think    time.Duration `json:"think"`
	Length   time.Duration `json:"length"` // of a round
	Rate     int           `json:"rate"`   // reads a second asked for

	Rounds   []Round                `json:"-"`
	Variants map[string]RoundResult `json:"variants"` // over all rounds
	Ratios   map[string]RatioResult `json:"ratios"`   // by latency
	Ingested []IngestedRound        `json:"ingested,omitempty"`
	Kept     Kept                   `json:"kept"`
}

// RatioResult is a latency with ingest over the same without.
type RatioResult struct {
	P50    float64   `json:"p50"`
	P95    float64   `json:"p95"`
	Rounds []float64 `json:"rounds"` // p95 of a round with ingest over that of the round without before it
}

// latencies are the measured latencies, in the order of the report.
var latencies = []struct {
	name  string
	of    func(*RoundResult) Latency
	limit time.Duration // of p95 while reads are ingested; 0 = none
}{
	{"key to next item", func(r *RoundResult) Latency { return r.KeyToNext }, KeyToNextLimit},
	{"verdict acknowledged", func(r *RoundResult) Latency { return r.Verdict }, VerdictLimit},
	{"item fetched, with pictures", func(r *RoundResult) Latency { return r.Fetched }, 0},
	{"lease", func(r *RoundResult) Latency { return r.Lease }, 0},
	{"picture", func(r *RoundResult) Latency { return r.Picture }, 0},
}

// Summarise sums the rounds up by variant, and compares the variants.
func (r *Report) Summarise() {
	sums := map[string]*tally{}
	for i := range r.Rounds {
		if sums[r.Rounds[i].Variant] == nil {
			sums[r.Rounds[i].Variant] = newTally()
		}
		sums[r.Rounds[i].Variant].addTally(r.Rounds[i].tally)
	}
	r.Variants, r.Ratios = map[string]RoundResult{}, map[string]RatioResult{}
	for name, t := range sums {
		r.Variants[name] = t.sumUp()
	}
	with, without := r.Variants[Ingesting], r.Variants[Reference]
	for _, l := range latencies {
		a, b := l.of(&with), l.of(&without)
		if a.N == 0 || b.N == 0 {
			continue
		}
		out := RatioResult{P50: divideTimes(a.P50, b.P50), P95: divideTimes(a.P95, b.P95)}
		var before *Round
		for i := range r.Rounds {
			if round := &r.Rounds[i]; round.Variant == Reference {
				before = round
			} else if before != nil {
				out.Rounds = append(out.Rounds, divideTimes(l.of(&round.RoundResult).P95, l.of(&before.RoundResult).P95))
			}
		}
		r.Ratios[l.name] = out
	}
}

func divideTimes(a, b int64) float64 { return float64(a) / float64(max(b, 1)) }

// Acknowledged is the number of verdicts that the office acknowledged in all rounds.
func (r *Report) Acknowledged() (n int64) {
	for i := range r.Rounds {
		n += r.Rounds[i].Acknowledged()
	}
	return n
}

// Fault says what is wrong with the verdicts themselves; "" = every acknowledged verdict is kept, and no case has two.
func (r *Report) Fault() string {
	unheard := int64(0)
	for i := range r.Rounds {
		unheard += r.Rounds[i].Errors["verdict: no answer"]
	}
	told := r.Acknowledged()
	switch {
	case r.Kept.Twice > 0:
		return fmt.Sprintf("%d cases have two first verdicts", r.Kept.Twice)
	case r.Kept.Verdicts < told, r.Kept.Verdicts > told+unheard:
		return fmt.Sprintf("the office acknowledged %d verdicts and left %d without an answer; the database keeps %d", told, unheard, r.Kept.Verdicts)
	}
	return ""
}

// Print prints the report as text.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	measured := 0 // rounds without the warm-up
	for i := range r.Rounds {
		if v := r.Rounds[i].Variant; v == Reference || v == Ingesting {
			measured++
		}
	}
	fmt.Fprintf(t, "%s; commit %s; %s\n%d agents, %s an item, %d rounds of %s, %d reads/s beside every second one\n", r.Machine, r.Revision, r.At, r.Agents, r.Think, measured, r.Length, r.Rate)
	fmt.Fprintf(t, "\nlatency, ms\tvariant\tn\tp50\tp95\tp99\tmax\tp50 ratio\tp95 ratio\tlimit of p95\t\n")
	for _, l := range latencies {
		for _, variant := range []string{Reference, Ingesting} {
			v, ok := r.Variants[variant]
			if !ok {
				continue
			}
			x, ratios, limit := l.of(&v), "\t", ""
			if c, ok := r.Ratios[l.name]; ok && variant == Ingesting {
				ratios = fmt.Sprintf("%.2f\t%.2f", c.P50, c.P95)
			}
			if l.limit > 0 && variant == Ingesting {
				limit = fmt.Sprintf("%d: %s", l.limit.Milliseconds(), judgeLimit(x.P95, l.limit))
			}
			fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%s\t\n", l.name, variant, x.N, toMillis(x.P50), toMillis(x.P95), toMillis(x.P99), toMillis(x.Max), ratios, limit)
		}
	}
	for _, l := range latencies[:2] {
		fmt.Fprintf(t, "\n%s: p95 with ingest over without, round by round: %.2f", l.name, r.Ratios[l.name].Rounds)
	}
	fmt.Fprintln(t)
	for i, g := range r.Ingested {
		fmt.Fprintf(t, "ingested beside round %d: %.0f reads/s, %d handed over late, %d not processed at its end\n", 2*i+2, g.Rate, g.Overdue, g.Lag)
	}
	for _, variant := range slices.Sorted(maps.Keys(r.Variants)) {
		v := r.Variants[variant]
		fmt.Fprintf(t, "%s: decided %v, failed requests %v\n", variant, v.Decided, v.Errors)
	}
	fmt.Fprintf(t, "acknowledged %d verdicts; the database keeps %d, on %d cases and known answers; decided twice: %d\n", r.Acknowledged(), r.Kept.Verdicts, r.Kept.Cases, r.Kept.Twice)
	if f := r.Fault(); f != "" {
		fmt.Fprintln(t, "FAULT:", f)
	}
	return t.Flush()
}

func judgeLimit(us int64, limit time.Duration) string {
	if us <= limit.Microseconds() {
		return "met"
	}
	return "not met"
}

func toMillis(us int64) float64 { return float64(us) / 1000 }

// Save writes the report as JSON.
func (r *Report) Save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644) //nolint:gosec // a result, not a secret
}

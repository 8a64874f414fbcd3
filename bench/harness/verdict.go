package harness

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// BudgetRow is a measured value beside its budget.
type BudgetRow struct {
	Case     string  `json:"case"`
	Stage    string  `json:"stage"`
	What     string  `json:"what"` // the quantile, or the count
	Measured float64 `json:"measured"`
	Budget   float64 `json:"budget"` // margin included
	Least    bool    `json:"at_least,omitempty"`
	Unit     string  `json:"unit"`
	OK       bool    `json:"ok"`
	Note     string  `json:"note,omitempty"`
}

// judgeReport compares a case's report with its budget. An unintended overload fails the case as such: its latencies
// describe a queue.
func (c *Case) judgeReport(r *RunReport, margin float64) []BudgetRow {
	rows := c.exactRows(r)
	switch {
	case c.Overload:
		return append(rows, c.overloadRow(r))
	case c.Stall > 0:
		return append(rows, c.stallRows(r)...)
	}
	rows = append(rows, c.notOverloaded(r, margin))
	for _, stage := range Order {
		q, ok := c.Limits[stage]
		if !ok {
			continue
		}
		x, measured := r.Stages[stage]
		if !measured || x.Count == 0 {
			rows = append(rows, BudgetRow{Case: c.Name, Stage: stage, What: "count", Budget: 1, Least: true, Note: "nothing was measured"})
			continue
		}
		for _, l := range []struct {
			name  string
			us    int64
			limit float64
		}{{"p50", x.P50, q.P50}, {"p90", x.P90, q.P90}, {"p99", x.P99, q.P99}, {"p99.9", x.P999, q.P999}, {"max", x.Max, q.Max}} {
			if l.limit > 0 {
				ms := float64(l.us) / 1000
				rows = append(rows, BudgetRow{Case: c.Name, Stage: stage, What: l.name, Measured: ms, Budget: l.limit * margin, Unit: "ms", OK: ms <= l.limit*margin, Note: sampleNote(l.name, x.Count)})
			}
		}
	}
	return rows
}

// sampleNote names the number of values when fewer than ten lie beyond the quantile, else "".
func sampleNote(quantile string, count int64) string {
	if beyond := map[string]float64{"p99": 0.01, "p99.9": 0.001}[quantile] * float64(count); beyond > 0 && beyond < 10 {
		return fmt.Sprintf("of %d values", count)
	}
	return ""
}

// exactRows returns the rows that are the same on every machine, without a margin.
func (c *Case) exactRows(r *RunReport) []BudgetRow {
	none := func(stage, what string, n int64) BudgetRow {
		return BudgetRow{Case: c.Name, Stage: stage, What: what, Measured: float64(n), Unit: "", OK: n == 0}
	}
	t := r.Truth.Sum()
	rows := []BudgetRow{
		none("truth", "missing", int64(t.Missing)), none("truth", "extra", int64(t.Extra)),
		none("load", "not sent", int64(r.Load.NotSent)),
	}
	if r.Truth.Of("hits").Expected == 0 {
		rows = append(rows, BudgetRow{Case: c.Name, Stage: "truth", What: "expected", Budget: 1, Least: true, Note: "the load held nothing to find"})
	}
	if a := r.Accounts; a != nil {
		lost := none("rows", "lost", a.Lost())
		lost.OK = a.Lost() == 0
		rows = append(rows, lost, none("rows", "duplicated", a.Duplicates))
	}
	if r.Problem != "" {
		rows = append(rows, BudgetRow{Case: c.Name, Stage: "harness", What: "observed", Budget: 1, Least: true, Note: r.Problem})
	}
	return rows
}

// overduePct returns the share of reads with a late hand-over, per cent.
func overduePct(r *bench.RunResult) float64 {
	return 100 * float64(r.Overdue) / math.Max(float64(r.Scheduled), 1)
}

// lagLimit returns the lag from which the pipeline does not keep up: a second of reads. Fetches, batches and ticks
// explain less.
func (c *Case) lagLimit() float64 { return float64(c.Rate) }

// lagAtEnd returns the least lag in the schedule's last three seconds.
func lagAtEnd(r *RunReport, until time.Duration) float64 {
	least, found := math.MaxInt64, false
	for _, s := range r.Samples {
		if s.Second >= until.Seconds()-3 && s.Second <= until.Seconds() {
			least, found = min(least, int(s.Lag)), true
		}
	}
	if !found {
		return 0
	}
	return float64(least)
}

func (c *Case) notOverloaded(r *RunReport, margin float64) BudgetRow {
	lag := lagAtEnd(r, c.Warmup+c.Measure)
	row := BudgetRow{Case: c.Name, Stage: "load", What: "lag at end", Measured: lag, Budget: c.lagLimit() * margin, Unit: "records"}
	row.OK = lag <= row.Budget
	if !row.OK {
		row.Note = "OVERLOADED: the pipeline does not keep up at this rate, all latencies are those of the backlog"
	}
	if late := overduePct(r.Load); late > 1 {
		row.Note += fmt.Sprintf("%.1f %% of the reads were handed over late: the generator shares the machine", late)
	}
	return row
}

// overloadRow requires that an overload shows, as overdue reads or as a sampled lag.
func (c *Case) overloadRow(r *RunReport) BudgetRow {
	lag := math.Max(float64(r.MaxLag), 0)
	return BudgetRow{
		Case: c.Name, Stage: "load", What: "announced", Measured: lag + float64(r.Load.Overdue), Budget: c.lagLimit(), Least: true, Unit: "records",
		OK:   lag+float64(r.Load.Overdue) >= c.lagLimit(),
		Note: fmt.Sprintf("largest lag %d, overdue %d (%.1f %%); visible p99 %.0f ms", r.MaxLag, r.Load.Overdue, overduePct(r.Load), float64(r.Stages[StageVisible].P99)/1000),
	}
}

// stallRows requires that a stop with length S shows. Reads due during the stop wait at least until its end, evenly
// from S down to 0. The slowest 1 % among a window W's reads fall due in the stop's first W/100. So p99 is at least S
// - W/100 on any machine, if no read is left out or timed from its sending; a slower machine only adds.
func (c *Case) stallRows(r *RunReport) []BudgetRow {
	bound := (c.Stall - c.Measure/100).Seconds() * 1000 * 0.98 // the share of reads in the stop is a few per mille off
	var rows []BudgetRow
	for _, stage := range []string{"kafka_wait", "stored", StageVisible} {
		ms := float64(r.Stages[stage].P99) / 1000
		rows = append(rows, BudgetRow{Case: c.Name, Stage: stage, What: "p99", Measured: ms, Budget: bound, Least: true, Unit: "ms", OK: ms >= bound, Note: fmt.Sprintf("the worker was stopped for %v", c.Stall)})
	}
	return rows
}

// WriteRows prints a table.
func WriteRows(w io.Writer, rows []BudgetRow) {
	_, _ = fmt.Fprintf(w, "%-14s %-18s %-12s %12s %14s  %s\n", "case", "stage", "what", "measured", "budget", "verdict")
	for _, r := range rows {
		verdict, sign := "ok", "<="
		if !r.OK {
			verdict = "BEYOND BUDGET"
		}
		if r.Least {
			sign = ">="
		}
		if r.Note != "" {
			verdict += "  (" + r.Note + ")"
		}
		_, _ = fmt.Fprintf(w, "%-14s %-18s %-12s %12s %14s  %s\n", r.Case, r.Stage, r.What, formatNumber(r.Measured, r.Unit), sign+" "+formatNumber(r.Budget, r.Unit), verdict)
	}
}

func formatNumber(v float64, unit string) string {
	switch {
	case unit == "ms":
		return fmt.Sprintf("%.2f ms", v)
	case v == math.Trunc(v):
		return fmt.Sprintf("%.0f %s", v, unit)
	default:
		return fmt.Sprintf("%.2f %s", v, unit)
	}
}

// Failed returns the rows beyond budget.
func Failed(rows []BudgetRow) []BudgetRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r BudgetRow) bool { return r.OK })
}

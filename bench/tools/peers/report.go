package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
)

// measurement describes a drain of the log. CPU is user and system time between the opening of the gate and the last
// visible row, divided by the rows. Whole is the CPU time of the process from start to end.
type measurement struct {
	Rows         uint64   `json:"rows"`
	Wall         float64  `json:"wall_s"`
	PerSecond    float64  `json:"rows_per_s"`
	Client       float64  `json:"client_cpu_us_per_row"`
	ClientSystem float64  `json:"client_system_us_per_row"`
	Server       float64  `json:"server_cpu_us_per_row"`
	Broker       float64  `json:"broker_cpu_us_per_row"`
	Whole        float64  `json:"client_cpu_whole_process_s"`
	Memory       int64    `json:"client_peak_rss_bytes"`
	Tally        rowTally `json:"tally"`

	Tables map[string]uint64 `json:"rows_by_table,omitempty"` // of our "batches" a row is a batch
	Events map[string]uint64 `json:"server_events,omitempty"` // how far the database's own counters moved
}

// String returns the measurement in a line.
func (m *measurement) String() string {
	return fmt.Sprintf("%7.0f rows/s  %6.2f s  client %5.2f us/row (system %4.2f)  server %5.2f  broker %4.2f  %4d MiB  lost %d  duplicated %d",
		m.PerSecond, m.Wall, m.Client, m.ClientSystem, m.Server, m.Broker, m.Memory>>20, m.Tally.Lost, m.Tally.Duplicated)
}

// systemLine is a system over all rounds.
type systemLine struct {
	System   string         `json:"system"`
	Log      string         `json:"log"`
	Does     string         `json:"does"`
	Absent   string         `json:"absent,omitempty"`
	InServer bool           `json:"in_server,omitempty"`
	Median   *measurement   `json:"median,omitempty"` // each number by itself; the tallies are summed
	Rounds   []*measurement `json:"rounds,omitempty"`
	// Ratio is rows/s over the rows/s of the reference system in the same round; median of the rounds.
	Ratio map[string]float64 `json:"rows_per_s_ratio_to,omitempty"`
}

// peersReport is the result of a run.
type peersReport struct {
	At      time.Time     `json:"at"`
	Machine string        `json:"machine"`
	Engine  string        `json:"clickhouse"`
	Command []string      `json:"command"`
	Data    string        `json:"data"` // place of the tables
	Count   int           `json:"records"`
	Lines   []*systemLine `json:"systems"`
}

func newReport(h *harness) *peersReport {
	return &peersReport{
		At: h.day.UTC(), Machine: fmt.Sprintf("%d CPUs shared by everything, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Engine: h.engine.Version() + " (" + h.engine.Kind() + ")", Command: os.Args[1:],
		Data: bench.FileSystem(h.dir), Count: h.Count,
	}
}

func (r *peersReport) addMeasurement(s *system, m *measurement) {
	for _, l := range r.Lines {
		if l.System == s.name {
			l.Rounds = append(l.Rounds, m)
			return
		}
	}
	r.Lines = append(r.Lines, &systemLine{System: s.name, Log: s.form, Does: s.does, InServer: s.inServer, Rounds: []*measurement{m}})
}

// computeMedians computes medians and ratios, and adds the absent systems.
func (r *peersReport) computeMedians(list []*system) {
	for _, l := range r.Lines {
		l.Median = medianOf(l.Rounds)
		l.Ratio = map[string]float64{}
		for _, other := range r.Lines {
			if other == l || len(other.Rounds) != len(l.Rounds) {
				continue
			}
			var ratios []float64
			for i := range l.Rounds {
				ratios = append(ratios, l.Rounds[i].PerSecond/other.Rounds[i].PerSecond)
			}
			l.Ratio[other.System] = median(ratios)
		}
	}
	for _, s := range list {
		if s.absent != "" {
			r.Lines = append(r.Lines, &systemLine{System: s.name, Log: s.form, Does: s.does, Absent: s.absent})
		}
	}
}

func medianOf(rounds []*measurement) *measurement {
	of := func(f func(*measurement) float64) float64 {
		v := make([]float64, len(rounds))
		for i, m := range rounds {
			v[i] = f(m)
		}
		return median(v)
	}
	out := &measurement{
		Rows: rounds[0].Rows, Wall: of(func(m *measurement) float64 { return m.Wall }), PerSecond: of(func(m *measurement) float64 { return m.PerSecond }),
		Client: of(func(m *measurement) float64 { return m.Client }), ClientSystem: of(func(m *measurement) float64 { return m.ClientSystem }),
		Server: of(func(m *measurement) float64 { return m.Server }), Broker: of(func(m *measurement) float64 { return m.Broker }),
		Whole: of(func(m *measurement) float64 { return m.Whole }), Memory: int64(of(func(m *measurement) float64 { return float64(m.Memory) })),
	}
	for _, m := range rounds {
		out.Tally.Expected += m.Tally.Expected
		out.Tally.Rows += m.Tally.Rows
		out.Tally.Lost += m.Tally.Lost
		out.Tally.Duplicated += m.Tally.Duplicated
		out.Tally.Wrong += m.Tally.Wrong
	}
	return out
}

// median returns the median, always a measured value: of an even number of values the lower middle value.
func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[(len(v)-1)/2]
}

// isExact reports whether nothing of ours was lost, duplicated or wrong in any round.
func (r *peersReport) isExact() bool {
	for _, l := range r.Lines {
		if !strings.HasPrefix(l.System, "anpr-") {
			continue
		}
		for _, m := range l.Rounds {
			if t := m.Tally; t.Lost+t.Duplicated+t.Wrong > 0 || t.Rows != t.Expected {
				return false
			}
		}
	}
	return true
}

// writeResult prints the table and saves both forms.
func (r *peersReport) writeResult(out io.Writer, file string) error {
	text := r.renderMarkdown()
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if file == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	if err := r.drawChart(file + ".svg"); err != nil {
		return err
	}
	return saveResult(file, append(data, '\n'), text)
}

// saveResult writes both forms of a result.
func saveResult(file string, data []byte, text string) error {
	for name, content := range map[string][]byte{file + ".json": data, file + ".md": []byte(text)} {
		if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // a report, meant to be read
			return fmt.Errorf("save the result: %w", err)
		}
	}
	return nil
}

func (r *peersReport) renderMarkdown() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("Peers on the same log: %d records, %s, ClickHouse %s on %s, %s.", r.Count, r.Machine, r.Engine, r.Data, r.At.Format("2006-01-02 15:04 MST"))
	p("Command: `bin/peers %s`. Medians of the rounds; CPU in us a row from the opening of the log to the last visible row.", strings.Join(r.Command, " "))
	p("")
	p("| system | log | rows/s | wall s | client CPU | of it system | server CPU | broker CPU | peak RSS MiB | lost | duplicated | rounds |")
	p("|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, l := range r.Lines {
		if l.Absent != "" {
			p("| %s | %s | %s | | | | | | | | | 0 |", l.System, l.Log, l.Absent)
			continue
		}
		m := l.Median
		client, system, memory := fmt.Sprintf("%.2f", m.Client), fmt.Sprintf("%.2f", m.ClientSystem), strconv.FormatInt(m.Memory>>20, 10)
		if l.InServer {
			client, system, memory = "in server", "", "in server"
		}
		p("| %s | %s | %.0f | %.2f | %s | %s | %.2f | %.2f | %s | %d of %d | %d | %d |", l.System, l.Log, m.PerSecond, m.Wall, client, system, m.Server,
			m.Broker, memory, m.Tally.Lost, m.Tally.Expected, m.Tally.Duplicated, len(l.Rounds))
	}
	p("")
	for _, l := range r.Lines {
		p("- **%s**: %s.", l.System, l.Does)
	}
	p("")
	for _, l := range r.Lines {
		for _, other := range r.Lines {
			if ratio, ok := l.Ratio[other.System]; ok && strings.HasPrefix(l.System, "anpr-") {
				p("- %s / %s = %.2f x rows/s in the same round", l.System, other.System, ratio)
			}
		}
	}
	return b.String()
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gvc-brussels/anpr/bench/harness"
	"github.com/gvc-brussels/anpr/bench/tools/plot"
)

type plotCmd struct {
	In      []string `arg:"" type:"existingfile" help:"Charts as JSON (bench/tools/plot/chart.go), one SVG each. With --budget: an outcome saved by anprload budget --out, an SVG of the distributions and one of the seconds for each case."`
	Out     string   `default:"." type:"path" help:"Directory of the SVGs; the names are those of the inputs."`
	Plan    bool     `name:"budget" xor:"kind" help:"The inputs are outcomes of anprload budget."`
	Scaling bool     `xor:"kind" help:"The inputs are what go test ./pipeline/ingest -bench Engine/all prints: reads a second over shards."`
}

// Run draws every input.
func (c *plotCmd) Run(_ context.Context, log io.Writer) error {
	for _, name := range c.In {
		data, err := os.ReadFile(name) //nolint:gosec // the user names the file
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		base := filepath.Base(name[:len(name)-len(filepath.Ext(name))])
		charts, err := c.makeCharts(base, data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for base, chart := range charts {
			if err := c.drawChart(filepath.Join(c.Out, base+".svg"), chart); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(log, filepath.Join(c.Out, base+".svg"))
		}
	}
	return nil
}

// makeCharts makes the charts of an input, by the name of the SVG.
func (c *plotCmd) makeCharts(base string, data []byte) (map[string]*plot.Chart, error) {
	var one *plot.Chart
	var err error
	switch {
	case c.Plan:
		var o harness.SavedRun
		err := json.Unmarshal(data, &o)
		return outcomeCharts(base, &o), err
	case c.Scaling:
		one, err = scalingChart(data)
	default:
		one, err = plot.Read(bytes.NewReader(data))
	}
	return map[string]*plot.Chart{base: one}, err
}

func (c *plotCmd) drawChart(name string, chart *plot.Chart) error {
	var svg bytes.Buffer
	if err := chart.SVG(&svg); err != nil {
		return err
	}
	if err := os.WriteFile(name, svg.Bytes(), 0o644); err != nil { //nolint:gosec // a picture, meant to be seen
		return fmt.Errorf("save the plot: %w", err)
	}
	return nil
}

// drawn are the stages of a distribution plot; the others are shorter than a line is wide.
var drawn = []string{harness.StageHit, "kafka_wait", "linger", "insert", harness.StageVisible, harness.StageAck}

// outcomeCharts makes the charts of each case: the distribution of the stages, and the seconds.
func outcomeCharts(base string, o *harness.SavedRun) map[string]*plot.Chart {
	out := map[string]*plot.Chart{}
	for name, r := range o.Cases {
		if c := distributionChart(fmt.Sprintf("Latency at %d reads/s, from when a read was due (%s)", r.Load.Rate, name), r); len(c.Series) > 0 {
			out[base+"-"+name+"-latency"] = c
		}
		if len(r.Samples) > 2 {
			out[base+"-"+name+"-seconds"] = secondsChart(fmt.Sprintf("%d reads/s second by second (%s)", r.Load.Rate, name), r)
		}
	}
	return out
}

func distributionChart(title string, r *harness.RunReport) *plot.Chart {
	c := &plot.Chart{Title: title, Kind: "percentiles", X: "per cent of the reads (hits) below", Y: "ms", LogY: true}
	for _, stage := range drawn {
		x, ok := r.Stages[stage]
		if !ok || x.Count < 100 {
			continue
		}
		s := plot.ChartSeries{Name: stage}
		for _, p := range x.Curve {
			if x.Count > 0 && (100-p[0])/100*float64(x.Count) < 1 {
				break // beyond the last value
			}
			s.Points = append(s.Points, [2]float64{p[0], p[1] / 1000})
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func secondsChart(title string, r *harness.RunReport) *plot.Chart {
	c := &plot.Chart{Title: title, Kind: "line", X: "s", Y: "reads/s; records behind"}
	sent, visible, lag := plot.ChartSeries{Name: "acknowledged by Kafka"}, plot.ChartSeries{Name: "become visible"}, plot.ChartSeries{Name: "on the log, not committed", Dashed: true}
	for pair := range slices.Values(samplePairs(r.Samples)) {
		a, b := pair[0], pair[1]
		d := b.Second - a.Second
		sent.Points = append(sent.Points, [2]float64{b.Second, float64(b.Sent-a.Sent) / d})
		visible.Points = append(visible.Points, [2]float64{b.Second, float64(b.Visible-a.Visible) / d})
		lag.Points = append(lag.Points, [2]float64{b.Second, float64(b.Lag)})
	}
	c.Series = []plot.ChartSeries{sent, visible, lag}
	return c
}

// samplePairs are neighbours in time.
func samplePairs(s []harness.SecondSample) (out [][2]harness.SecondSample) {
	for i := 1; i < len(s); i++ {
		if s[i].Second > s[i-1].Second {
			out = append(out, [2]harness.SecondSample{s[i-1], s[i]})
		}
	}
	return out
}

package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/bench/tools/plot"
)

// makeChart returns the result as bars: CPU of client and server for a row of each system. Both count: the server may
// spend the time that the client saves.
func (r *peersReport) makeChart() *plot.Chart {
	c := &plot.Chart{Title: "CPU for a row, from Kafka to ClickHouse (ours with all rules)", Kind: "bar", X: "system", Y: "us a row"}
	client, server := plot.ChartSeries{Name: "client"}, plot.ChartSeries{Name: "ClickHouse"}
	for _, l := range r.Lines {
		if l.Median == nil {
			continue
		}
		c.Labels = append(c.Labels, fmt.Sprintf("%s\n%.0f rows/s", l.System, l.Median.PerSecond))
		of := l.Median.Client
		if l.InServer {
			of = 0
		}
		client.Values, server.Values = append(client.Values, of), append(server.Values, l.Median.Server)
	}
	c.Series = []plot.ChartSeries{client, server}
	return c
}

// drawChart saves the chart as SVG.
func (r *peersReport) drawChart(file string) error {
	c := r.makeChart()
	if len(c.Labels) == 0 {
		return nil
	}
	var svg bytes.Buffer
	if err := c.SVG(&svg); err != nil {
		return fmt.Errorf("draw the result: %w", err)
	}
	if err := os.WriteFile(file, svg.Bytes(), 0o644); err != nil { //nolint:gosec // a report, meant to be read
		return fmt.Errorf("save the chart: %w", err)
	}
	return nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/bench/tools/plot"
	"github.com/gvc-brussels/anpr/bench/tools/regress"
)

// scalingChart draws the output of go test -bench Engine/all: reads a second over shards at once, beside as many
// times a single shard.
func scalingChart(output []byte) (*plot.Chart, error) {
	results, err := regress.Parse(bytes.NewReader(output))
	if err != nil {
		return nil, fmt.Errorf("parse benchmarks: %w", err)
	}
	runs := map[int][]float64{} // reads a second by shards; a benchmark may have run several times
	for _, r := range results {
		shards := 1
		if n, ok := strings.CutPrefix(r.Name, "Engine/all/shards="); ok {
			if shards, err = strconv.Atoi(n); err != nil {
				return nil, fmt.Errorf("benchmark %s: shards: %w", r.Name, err)
			}
		} else if r.Name != "Engine/all" {
			continue
		}
		if ns := r.Metrics["ns/op"]; ns > 0 {
			runs[shards] = append(runs[shards], 1e9/ns)
		}
	}
	if len(runs[1]) == 0 || len(runs) < 2 {
		return nil, errors.New("no benchmarks Engine/all and Engine/all/shards=N: save what go test ./pipeline/ingest -bench Engine/all prints")
	}
	one := regress.Median(runs[1])
	measured, ideal := plot.ChartSeries{Name: "measured, median"}, plot.ChartSeries{Name: "as many times one shard", Dashed: true}
	var shards []int
	for n := range runs {
		shards = append(shards, n)
	}
	slices.Sort(shards)
	for _, n := range shards {
		measured.Points = append(measured.Points, [2]float64{float64(n), regress.Median(runs[n])})
		ideal.Points = append(ideal.Points, [2]float64{float64(n), float64(n) * one})
	}
	return &plot.Chart{
		Title: "The engine alone: reads a second over shards, each on a core of its own", Kind: "line", X: "shards", Y: "reads/s",
		Series: []plot.ChartSeries{measured, ideal},
	}, nil
}

package main

import (
	"strings"
	"testing"
)

func TestScalingIsDrawnFromBenchmarkOutput(t *testing.T) {
	const out = `goos: linux
BenchmarkEngine/all-2         1000  2000 ns/op
BenchmarkEngine/all-2         1000  4000 ns/op
BenchmarkEngine/all-2         1000  1000 ns/op
BenchmarkEngine/all/untouched-2         1000  9000 ns/op
BenchmarkEngine/all/shards=2-2         1000  1250 ns/op
PASS
`
	c, err := scalingChart([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	want := [][2][2]float64{{{1, 500_000}, {2, 800_000}}, {{1, 500_000}, {2, 1_000_000}}}
	for i, s := range c.Series {
		if len(s.Points) != 2 || s.Points[0] != want[i][0] || s.Points[1] != want[i][1] {
			t.Errorf("%s: %v, want %v", s.Name, s.Points, want[i])
		}
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if _, err := scalingChart([]byte("PASS\n")); err == nil || !strings.Contains(err.Error(), "Engine/all") {
		t.Errorf("without benchmarks: %v", err)
	}
}

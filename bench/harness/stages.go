package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/bench"
)

// workers reads /debug/stages from all workers' ops ports.
type workers struct {
	ops    []string // http://host:port
	client *http.Client
}

func newWorkers(ops []string) *workers {
	return &workers{ops: ops, client: &http.Client{Timeout: 10 * time.Second}}
}

// readStages adds all workers' histograms, by stage.
func (w *workers) readStages(ctx context.Context) (map[string]*hdrhistogram.Histogram, error) {
	out := map[string]*hdrhistogram.Histogram{}
	for _, addr := range w.ops {
		page, err := getPage(ctx, w.client, addr+"/debug/stages")
		if err != nil {
			return nil, fmt.Errorf("read the stages of the worker at %s: %w", addr, err)
		}
		var stages []struct {
			Stage string `json:"stage"`
			HDR   string `json:"hdr"`
		}
		if err := json.Unmarshal(page, &stages); err != nil {
			return nil, fmt.Errorf("read the stages of the worker at %s: %w", addr, err)
		}
		for _, s := range stages {
			h, err := hdrhistogram.Decode([]byte(s.HDR))
			if err != nil {
				return nil, fmt.Errorf("read stage %s of the worker at %s: %w", s.Stage, addr, err)
			}
			if out[s.Stage] == nil {
				out[s.Stage] = hdrhistogram.New(1, longest, 3)
			}
			out[s.Stage].Merge(h)
		}
	}
	return out, nil
}

// stageDifferences returns what was recorded after before and up to after.
func stageDifferences(before, after map[string]*hdrhistogram.Histogram) map[string]bench.Percentiles {
	out := map[string]bench.Percentiles{}
	for name, h := range after {
		s := h.Export()
		if b := before[name]; b != nil {
			for i, n := range b.Export().Counts {
				s.Counts[i] -= n
			}
		}
		out[name] = bench.PercentilesOf(hdrhistogram.Import(s), 0)
	}
	return out
}

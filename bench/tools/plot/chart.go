// Package plot draws charts as SVG from JSON. Every plot in the documents comes from saved results through a command of
// the repository: benchtool plot. Any harness can write a [Chart].
package plot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Chart describes a drawing.
type Chart struct {
	Title string `json:"title"`
	// Kind is "line", "bar" or "percentiles". Lines are points joined. Bars have one value a label. Percentiles
	// are lines whose X is a per cent of the values, spread as HdrHistogram does: 90, 99 and 99.9 are equally far
	// apart.
	Kind   string        `json:"kind"`
	X      string        `json:"x"` // meaning of the axis, with unit
	Y      string        `json:"y"`
	LogX   bool          `json:"log_x,omitempty"`
	LogY   bool          `json:"log_y,omitempty"`
	Labels []string      `json:"labels,omitempty"` // bar: of the groups
	Series []ChartSeries `json:"series"`
}

// ChartSeries is a line, or a bar of each group.
type ChartSeries struct {
	Name   string       `json:"name"`
	Points [][2]float64 `json:"points,omitempty"` // line, percentiles
	Values []float64    `json:"values,omitempty"` // bar: a value a label
	Dashed bool         `json:"dashed,omitempty"` // a limit or a target
}

// Read reads and checks a chart. Unknown keys are errors.
func Read(r io.Reader) (*Chart, error) {
	c := &Chart{}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("read the chart: %w", err)
	}
	return c, c.Check()
}

// Check returns an error for a chart that cannot be drawn.
func (c *Chart) Check() error {
	if len(c.Series) == 0 {
		return errors.New("chart: no series")
	}
	for _, s := range c.Series {
		switch c.Kind {
		case "line", "percentiles":
			if len(s.Points) == 0 {
				return fmt.Errorf("chart: series %q has no points", s.Name)
			}
			for _, p := range s.Points {
				if c.LogX && p[0] <= 0 || c.LogY && p[1] <= 0 {
					return fmt.Errorf("chart: series %q has %v on a logarithmic axis", s.Name, p)
				}
			}
		case "bar":
			if len(c.Labels) == 0 || len(s.Values) != len(c.Labels) {
				return fmt.Errorf("chart: series %q has %d values for %d labels", s.Name, len(s.Values), len(c.Labels))
			}
		default:
			return fmt.Errorf("chart: kind %q: want line, bar or percentiles", c.Kind)
		}
	}
	return nil
}

package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// colours can be told apart by people with a colour vision deficiency too (Okabe and Ito).
var colours = []color.RGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}, {90, 90, 90, 255}, {0, 0, 0, 255},
}

// The size of a chart.
const (
	width  = 20 * vg.Centimeter
	height = 10 * vg.Centimeter
)

// SVG draws the chart.
func (c *Chart) SVG(w io.Writer) error {
	if err := c.Check(); err != nil {
		return err
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.BackgroundColor = color.White
	p.Legend.Top = true
	p.Legend.Left = c.Kind != "bar"
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{230}, color.Gray{230}
	p.Add(grid)
	var err error
	if c.Kind == "bar" {
		err = c.addBars(p)
	} else {
		err = c.addLines(p)
	}
	if err != nil {
		return fmt.Errorf("draw %q: %w", c.Title, err)
	}
	c.setAxes(p)
	canvas := vgsvg.New(width, height)
	const rim = 3 * vg.Millimeter // the last label of the axis reaches beyond the axis
	p.Draw(draw.Crop(draw.New(canvas), rim, -3*rim, rim, -rim))
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write %q: %w", c.Title, err)
	}
	return nil
}

func (c *Chart) setAxes(p *plot.Plot) {
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	} else {
		p.Y.Min = math.Min(p.Y.Min, 0)
	}
	if x := c.fewTicks(); len(x) > 0 {
		p.X.Tick.Marker = plot.ConstantTicks(x)
	}
	if c.Kind == "percentiles" {
		var ticks []plot.Tick
		for _, at := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999} {
			if x := countNines(at); x <= p.X.Max+0.01 {
				ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(at, 'f', -1, 64)})
			}
		}
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
	}
}

// fewTicks returns a tick for each X value of a short line: 1 and 2 shards, not 1.5. A long line has none.
func (c *Chart) fewTicks() (ticks []plot.Tick) {
	if c.Kind != "line" || len(c.Series[0].Points) > 8 {
		return nil
	}
	for _, pt := range c.Series[0].Points {
		ticks = append(ticks, plot.Tick{Value: pt[0], Label: strconv.FormatFloat(pt[0], 'f', -1, 64)})
	}
	return ticks
}

// countNines spreads per cent: 90 is at 1, 99 at 2, 99.9 at 3.
func countNines(pct float64) float64 { return -math.Log10(1 - math.Min(pct, 99.9999)/100) }

func (c *Chart) addLines(p *plot.Plot) error {
	for i, s := range c.Series {
		xys := make(plotter.XYs, 0, len(s.Points))
		for _, pt := range s.Points {
			x := pt[0]
			if c.Kind == "percentiles" {
				if x >= 100 {
					continue // the largest value is beyond every nine
				}
				x = countNines(x)
			}
			xys = append(xys, plotter.XY{X: x, Y: pt[1]})
		}
		line, err := plotter.NewLine(xys)
		if err != nil {
			return fmt.Errorf("series %s: %w", s.Name, err)
		}
		line.Color, line.Width = colours[i%len(colours)], vg.Points(1.5)
		if s.Dashed {
			line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		p.Add(line)
		p.Legend.Add(s.Name, line)
	}
	return nil
}

func (c *Chart) addBars(p *plot.Plot) error {
	wide := 0.7 * 14 * vg.Centimeter / vg.Length(len(c.Labels)*len(c.Series))
	wide = min(wide, vg.Centimeter)
	for i, s := range c.Series {
		b, err := plotter.NewBarChart(plotter.Values(s.Values), wide)
		if err != nil {
			return fmt.Errorf("series %s: %w", s.Name, err)
		}
		b.Color, b.LineStyle.Width = colours[i%len(colours)], 0
		b.Offset = (vg.Length(i) - vg.Length(len(c.Series)-1)/2) * wide
		p.Add(b)
		p.Legend.Add(s.Name, b)
	}
	p.NominalX(c.Labels...)
	p.X.Min, p.X.Max = -0.6, float64(len(c.Labels))-0.4
	p.Y.Max *= 1.3 // the legend lies above the bars
	return nil
}

package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// drawn returns the texts of the drawing and its number of shapes.
func drawn(t *testing.T, c *Chart) (texts string, paths int) {
	t.Helper()
	var buf bytes.Buffer
	if err := c.SVG(&buf); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&buf)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts, paths
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
		switch x := tok.(type) {
		case xml.CharData:
			texts += strings.TrimSpace(string(x)) + "\n"
		case xml.StartElement:
			if x.Name.Local == "path" {
				paths++
			}
		}
	}
}

func TestEveryKindIsDrawnWithItsNames(t *testing.T) {
	points := [][2]float64{{0, 1}, {50, 2}, {90, 4}, {99, 8}, {99.9, 16}, {100, 64}}
	for _, c := range []*Chart{
		{Title: "Latency", Kind: "percentiles", X: "per cent", Y: "ms", LogY: true, Series: []ChartSeries{{Name: "visible", Points: points}, {Name: "budget", Points: points, Dashed: true}}},
		{Title: "Rate", Kind: "line", X: "s", Y: "reads/s", Series: []ChartSeries{{Name: "sent", Points: points}}},
		{Title: "Scaling", Kind: "line", X: "cores", Y: "M/s", LogX: true, Series: []ChartSeries{{Name: "engine", Points: points[1:]}}},
		{Title: "Peers", Kind: "bar", Y: "us/row", Labels: []string{"JSON", "Protobuf"}, Series: []ChartSeries{{Name: "ours", Values: []float64{1, 2}}, {Name: "sinker", Values: []float64{4, 5}}}},
	} {
		texts, paths := drawn(t, c)
		for _, want := range append([]string{c.Title, c.Y}, c.Labels...) {
			if !strings.Contains(texts, want) {
				t.Errorf("%s: no text %q", c.Title, want)
			}
		}
		for _, s := range c.Series {
			if !strings.Contains(texts, s.Name) {
				t.Errorf("%s: series %q is not in the legend", c.Title, s.Name)
			}
		}
		one := *c
		one.Series = c.Series[:1]
		if _, few := drawn(t, &one); len(c.Series) > 1 && few >= paths {
			t.Errorf("%s: %d shapes with two series, %d with one", c.Title, paths, few)
		}
		if c.Kind == "percentiles" && (!strings.Contains(texts, "99.9") || strings.Contains(texts, "99.999")) {
			t.Errorf("the axis must reach 99.9 and no further: %q", texts)
		}
	}
}

func TestNinesAreEquallyFarApart(t *testing.T) {
	if a, b, c := countNines(90), countNines(99), countNines(99.9); math.Abs(a-1) > 1e-9 || math.Abs(b-2) > 1e-9 || math.Abs(c-3) > 1e-9 {
		t.Errorf("90, 99 and 99.9 are at %g, %g and %g", a, b, c)
	}
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"pie","series":[{"name":"a"}]}`:                                        "pie",
		`{"kind":"line","series":[]}`:                                                   "no series",
		`{"kind":"line","series":[{"name":"a"}]}`:                                       "no points",
		`{"kind":"bar","labels":["x"],"series":[{"name":"a","values":[1,2]}]}`:          "2 values for 1 labels",
		`{"kind":"line","log_y":true,"series":[{"name":"a","points":[[1,0]]}]}`:         "logarithmic",
		`{"kind":"line","colour":"red","series":[{"name":"a","points":[[1,0],[2,1]]}]}`: "colour",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}

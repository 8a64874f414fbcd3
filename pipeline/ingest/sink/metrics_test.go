package sink

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// gauged is a Metrics with the registry to read it by.
type gauged struct {
	*Metrics
	reg *prometheus.Registry
}

func newGauged() gauged {
	reg := prometheus.NewRegistry()
	return gauged{Metrics: NewMetrics(reg), reg: reg}
}

// valueOf is the counter or gauge of that name with one label value, or without labels when it is empty.
func (g gauged) valueOf(tb testing.TB, name, label string) float64 {
	tb.Helper()
	families, err := g.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" && len(m.GetLabel()) == 0 || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	tb.Fatalf("metric %s{%s} is not there", name, label)
	return 0
}

func TestEverySeriesExistsFromTheStart(t *testing.T) {
	g := newGauged()
	for _, table := range append(tableNames[:], batchesTable) {
		if got := g.valueOf(t, "anpr_sink_inserted_rows_total", table); got != 0 {
			t.Errorf("%s starts at %v, want 0", table, got)
		}
	}
	for _, topic := range []string{"anpr.hits.v1", "anpr.offences.v1", "anpr.rejects.v1"} {
		if got := g.valueOf(t, "anpr_sink_published_total", topic); got != 0 {
			t.Errorf("%s starts at %v, want 0", topic, got)
		}
	}
	g.valueOf(t, "anpr_sink_breaker_state", "")
}

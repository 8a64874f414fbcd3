// Package deploy holds no code: it tests that the files here name existing metrics, labels, settings and tables.
package deploy

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/seals"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/reference/announce"
	"github.com/gvc-brussels/anpr/schemas"
)

// series describes a metric of the code to a query: the labels, and their values where all exist from the start.
type series struct {
	labels map[string][]string
	closed bool // values are known
}

// registry records the metrics that packages register, with or without a series so far.
type registry struct {
	*prometheus.Registry
	found map[string]series
}

var descForm = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

func (r *registry) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		_ = r.Register(c)
	}
}

func (r *registry) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc, 16)
	c.Describe(descs)
	close(descs)
	for d := range descs {
		m := descForm.FindStringSubmatch(d.String())
		if m == nil {
			panic("BUG: a description has another form: " + d.String())
		}
		s := series{labels: map[string][]string{}}
		for l := range strings.SplitSeq(m[2], ",") {
			if l != "" {
				s.labels[l] = nil
			}
		}
		names := []string{m[1]}
		switch c.(type) {
		case *prometheus.HistogramVec, prometheus.Histogram, *ingest.Stages:
			s.labels["le"] = nil
			names = []string{m[1] + "_bucket", m[1] + "_sum", m[1] + "_count"}
		}
		for _, n := range names {
			r.found[n] = s
		}
	}
	return r.Registry.Register(c)
}

// codeMetrics registers the metrics of every package and reads off names, labels and the values that are there
// from the start.
func codeMetrics(t *testing.T) map[string]series {
	t.Helper()
	r := &registry{prometheus.NewRegistry(), map[string]series{}}
	ingest.NewMetrics(r)
	gateway.NewMetrics(r)
	sink.NewMetrics(r)
	office.NewMetrics(r)
	reference.NewMetrics(r, time.Now)
	reconcile.NewMetrics(r)
	embedded.NewLogMetrics(r, embedded.Limits{})
	seals.NewMetrics(r)
	platform.NewPostgresMetrics(r)
	feed.NewMetrics(r)
	announce.NewMetrics(r)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
				s, ok := r.found[f.GetName()+suffix]
				if !ok {
					continue
				}
				s.closed = true
				for _, l := range m.GetLabel() {
					s.labels[l.GetName()] = append(s.labels[l.GetName()], l.GetValue())
				}
				r.found[f.GetName()+suffix] = s
			}
		}
	}
	if len(r.found) < 40 {
		t.Fatalf("found %d metrics in the code, want at least 40: the test looks at the wrong place", len(r.found))
	}
	return r.found
}

var (
	metricForm  = regexp.MustCompile(`\b(anpr_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	matcherForm = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
	byForm      = regexp.MustCompile(`\b(?:by|without) \(([^)]*)\)`)
)

// Labels that Prometheus adds to every series.
var scrapeLabels = []string{"instance", "job"}

// wrong returns the claims of an expression about metrics that the code does not bear out.
func wrong(expr string, code map[string]series) (out []string) {
	var known []string
	for _, m := range metricForm.FindAllStringSubmatch(expr, -1) {
		s, ok := code[m[1]]
		if !ok {
			out = append(out, "no metric "+m[1])
			continue
		}
		for l := range s.labels {
			known = append(known, l)
		}
		for _, c := range matcherForm.FindAllStringSubmatch(m[2], -1) {
			values, ok := s.labels[c[1]]
			if !ok && !slices.Contains(scrapeLabels, c[1]) {
				out = append(out, m[1]+" has no label "+c[1])
			}
			for v := range strings.SplitSeq(c[3], "|") {
				if ok && s.closed && !slices.Contains(values, v) {
					out = append(out, m[1]+" never has "+c[1]+"="+v)
				}
			}
		}
	}
	for _, by := range byForm.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(by[1], ",") {
			if l = strings.TrimSpace(l); l != "" && !slices.Contains(known, l) && !slices.Contains(scrapeLabels, l) {
				out = append(out, "grouped by "+l+", which no metric of the expression has")
			}
		}
	}
	return out
}

func TestWrongExpressionsAreReported(t *testing.T) {
	code := codeMetrics(t)
	for expr, want := range map[string]string{
		`anpr_pipeline_residual_record != 0`:                                    "no metric",
		`anpr_sink_insert_seconds > 1`:                                          "no metric",
		`rate(anpr_gateway_limited_total{couse="broker"}[5m])`:                  "has no label couse",
		`rate(anpr_gateway_limited_total{cause="brokr"}[5m])`:                   "never has cause=brokr",
		`rate(anpr_pipeline_rejected_records_total{reason=~"a|malformed"}[5m])`: "never has reason=a",
		`sum by (plate) (anpr_pipeline_lag_records)`:                            "grouped by plate",
	} {
		got := wrong(expr, code)
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: got %q, want one complaint with %q", expr, got, want)
		}
	}
	if got := wrong(`sum by (le, table, job) (rate(anpr_sink_insert_seconds_bucket{table="reads", job="x"}[5m]))`, code); len(got) > 0 {
		t.Errorf("a right expression: got %q, want nothing", got)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryAlertIsAboutTheCodeAndInTheRunbook(t *testing.T) {
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(read(t, "prometheus/alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	code, runbook := codeMetrics(t), string(read(t, "README.md"))
	var names []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			names = append(names, r.Alert)
			for _, w := range wrong(r.Expr, code) {
				t.Errorf("alert %s: %s", r.Alert, w)
			}
			if r.Expr == "" || r.Annotations["summary"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("alert %s: needs an expression, a summary and a severity of critical, warning or info", r.Alert)
			}
			if got, want := r.Annotations["runbook"], "deploy/README.md#"+strings.ToLower(r.Alert); got != want {
				t.Errorf("alert %s: runbook %q, want %q", r.Alert, got, want)
			}
			if !strings.Contains(runbook, "\n#### "+r.Alert+"\n") {
				t.Errorf("alert %s: deploy/README.md does not say what to do", r.Alert)
			}
		}
	}
	if len(names) < 20 {
		t.Errorf("found %d alerts, want at least 20: the file was not understood", len(names))
	}
	for _, m := range regexp.MustCompile(`(?m)^#### (Anpr\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !slices.Contains(names, m[1]) {
			t.Errorf("deploy/README.md explains %s, which is no alert", m[1])
		}
	}
}

func TestEveryPanelIsAboutTheCodeAndEveryMetricHasAPanel(t *testing.T) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, "grafana/dashboards/anpr.json"), &board); err != nil {
		t.Fatal(err)
	}
	code := codeMetrics(t)
	shown := map[string]bool{}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			for _, w := range wrong(q.Expr, code) {
				t.Errorf("panel %q: %s", p.Title, w)
			}
			for _, m := range metricForm.FindAllStringSubmatch(q.Expr, -1) {
				shown[base(m[1])] = true
			}
		}
	}
	for _, m := range metricForm.FindAllStringSubmatch(string(read(t, "prometheus/alerts.yml")), -1) {
		shown[base(m[1])] = true
	}
	for name := range code {
		if !shown[base(name)] {
			t.Errorf("metric %s is on no panel and in no alert: show it or delete it", name)
		}
	}
}

// base returns a metric without the suffixes of its histogram.
func base(name string) string {
	for _, s := range []string{"_bucket", "_sum", "_count"} {
		if b, ok := strings.CutSuffix(name, s); ok {
			return b
		}
	}
	return name
}

func TestYAMLAndXMLAreWellFormed(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".yml", ".yaml":
			var v any
			if err := yaml.Unmarshal(read(t, path), &v); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		case ".xml":
			dec := xml.NewDecoder(bytes.NewReader(read(t, path)))
			for {
				_, err := dec.Token()
				if errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("%s: %v", path, err)
					break
				}
			}
		default:
			return nil
		}
		seen++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 8 {
		t.Errorf("saw %d files, want at least 8: the test looks at the wrong place", seen)
	}
}

// all returns the first group of every match in the files of a pattern.
func all(t *testing.T, form, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	var out []string
	for _, f := range files {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(string(read(t, f)), -1) {
			out = append(out, m[1])
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s: nothing like %s", pattern, form)
	}
	return out
}

func TestSettingsAndCommandsExist(t *testing.T) {
	// ANPR_CACHE and the like are env tags of the flags.
	envs := all(t, `env:"(ANPR_[A-Z_]+)"`, "../cmd/*/*.go")
	for _, file := range []string{"compose.yaml", "systemd/*.service", "README.md", "SECURITY.md", "env/*.env.example"} {
		for _, e := range all(t, `\b(ANPR_[A-Z_]*[A-Z])\b`, file) {
			if !slices.Contains(envs, e) {
				t.Errorf("%s: no setting %s", file, e)
			}
		}
	}
	var commands []string
	for _, c := range all(t, `(?m)^\t([A-Z]\w+) +[\w.]*Cmd +.cmd:`, "../cmd/anpr/main.go") {
		commands = append(commands, strings.ToLower(c))
	}
	for file, form := range map[string]string{"compose.yaml": `(?m)^    command: \[(\w+)`, "systemd/*.service": `ExecStart=/usr/local/bin/anpr (\w+)`} {
		for _, c := range all(t, form, file) {
			if !slices.Contains(commands, c) {
				t.Errorf("%s: no command %q among %q", file, c, commands)
			}
		}
	}
}

func TestTopicsScriptCreatesEveryTopic(t *testing.T) {
	got := all(t, `(?m)^topic (anpr\.\S+) `, "kafka/topics.sh")
	want := []string{schemas.TopicReads, schemas.TopicHits, schemas.TopicOffences, schemas.TopicRejects, schemas.TopicLookUpLog, schemas.TopicReviews, schemas.TopicProbe, schemas.TopicReference}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("topics.sh creates %q, want %q", got, want)
	}
}

func TestReconcileMaySeeNoPlate(t *testing.T) {
	users := string(read(t, "clickhouse/users.d/anpr.xml"))
	_, after, ok := strings.Cut(users, "<anpr_reconcile>\n      <password")
	if !ok {
		t.Fatal("no user anpr_reconcile")
	}
	grants, _, _ := strings.Cut(after, "</anpr_reconcile>")
	found := regexp.MustCompile(`GRANT SELECT\(([^)]*)\) ON anpr\.(\w+)`).FindAllStringSubmatch(grants, -1)
	for _, g := range found {
		tables := all(t, `(?m)^    (\w+) +[A-Z]\w+`, "../schemas/clickhouse/*_"+g[2]+".sql")
		for c := range strings.SplitSeq(g[1], ", ") {
			if !slices.Contains(tables, c) {
				t.Errorf("anpr_reconcile may read %s.%s, which does not exist", g[2], c)
			}
			if strings.Contains(c, "plate") || slices.Contains([]string{"class", "candidates", "alternatives", "sealed", "trace", "payload_head", "detail"}, c) {
				t.Errorf("anpr_reconcile may read %s.%s, which can hold a plate", g[2], c)
			}
		}
	}
	if len(found) < 5 {
		t.Errorf("found %d grants of columns, want at least 5: the test looks at the wrong place", len(found))
	}
	for _, m := range regexp.MustCompile(`GRANT SELECT ON ([\w.]+)`).FindAllStringSubmatch(grants, -1) {
		if !slices.Contains([]string{"anpr.batches", "system.tables"}, m[1]) {
			t.Errorf("anpr_reconcile may read all of %s", m[1])
		}
	}
}

// A timer names the zone of its hour, and the hour is there once on each day, also when the clock changes.
func TestTheHourOfATimerIsOnceADay(t *testing.T) {
	timers, err := filepath.Glob("systemd/*.timer")
	if err != nil || len(timers) == 0 {
		t.Fatalf("%d timers, %v", len(timers), err)
	}
	for _, name := range timers {
		text := string(read(t, name))
		m := regexp.MustCompile(`(?m)^OnCalendar=\*-\*-\* (\d\d):(\d\d):00 Europe/Brussels$`).FindStringSubmatch(text)
		if m == nil || !strings.Contains(text, "\nPersistent=true\n") {
			t.Errorf("%s: names no hour of each day in Brussels, or does not make up for a missed one", name)
			continue
		}
		if _, err := os.Stat(strings.TrimSuffix(name, ".timer") + ".service"); err != nil {
			t.Error(err)
		}
		for day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2029; day = day.AddDate(0, 0, 1) {
			if day.Month() != time.March && day.Month() != time.October { // the clock changes in these
				continue
			}
			n := 0
			for at := day.Add(-3 * time.Hour); at.Before(day.Add(27 * time.Hour)); at = at.Add(time.Minute) {
				if local := at.In(schemas.Brussels()); local.YearDay() == day.YearDay() && local.Format("15:04") == m[1]+":"+m[2] {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %s has %s:%s %d times", name, day.Format(time.DateOnly), m[1], m[2], n)
			}
		}
	}
}

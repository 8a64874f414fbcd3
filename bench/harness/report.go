package harness

import (
	"context"
	"fmt"
	"io"
	"maps"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

// The stages that the harness measures itself; the others come from the worker.
const (
	StageAck     = "ack"     // due to acknowledged by the target: the gateway, or Kafka
	StageHit     = "hit"     // due to the hit received by a subscriber
	StageVisible = "visible" // due to the first SELECT with the row
	StageLookup  = "lookup"  // a search due to answered by the office
	StageRetro   = "retro"   // a retro-match asked to answered
)

// Order is the stages' print order; unnamed stages follow.
var Order = []string{StageAck, "kafka_wait", "queue", "process", "linger", "plan", "insert", "stored", StageVisible, "hit_published", StageHit, "offence_published", StageLookup, StageRetro}

// RunReport holds a load's result and the observations on the pipeline.
type RunReport struct {
	Load     *bench.RunResult             `json:"load"`
	Stages   map[string]bench.Percentiles `json:"stages"`
	Polls    *bench.Percentiles           `json:"polls,omitempty"` // the SELECT behind visible
	PollMs   int64                        `json:"poll_ms"`
	Truth    *bench.TruthReport           `json:"truth"`
	Repeats  int                          `json:"hits_repeated"` // delivered again with the same id
	Accounts *Accounts                    `json:"accounts,omitempty"`
	MaxLag   int64                        `json:"max_lag"` // records on the log and not committed, once a second
	Samples  []SecondSample               `json:"samples"`
	Problem  string                       `json:"problem,omitempty"` // failed observations
}

// Accounts counts records on the log and rows in the tables, without FINAL.
type Accounts struct {
	OnLog      int64 `json:"on_log"` // the run's records, ticks included
	Stored     int64 `json:"stored"`
	Merged     int64 `json:"merged"`
	Rejected   int64 `json:"rejected"`
	Ticks      int64 `json:"ticks"`
	Duplicates int64 `json:"duplicates"` // rows beyond one an id: reads, passages, hits, offences, merges, rejects
}

// Lost returns the records on the log without a row in any table; negative when the tables hold more.
func (a *Accounts) Lost() int64 { return a.OnLog - a.Stored - a.Merged - a.Rejected - a.Ticks }

// passageWindow is the pipeline's default: two reads on an entry at a site within the window are a single passage.
const passageWindow = 10 * schemas.Second

// Finish ends the observation and reports. Rows from records already on the log before are excluded. Call it once,
// after Settle.
func (w *Watch) Finish(ctx context.Context, res *bench.RunResult) (*RunReport, error) {
	r := &RunReport{Load: res, Stages: map[string]bench.Percentiles{StageAck: res.Ack}, PollMs: w.cfg.Poll.Milliseconds()}
	after, err := w.ops.readStages(ctx)
	w.keepError(err)
	if w.db != nil {
		if r.Accounts, err = w.countAccounts(ctx); err != nil {
			w.endObservers()
			return nil, err
		}
	}
	w.endObservers()
	maps.Copy(r.Stages, stageDifferences(w.before, after))
	r.Stages[StageHit] = w.out.hits.readPercentiles()
	if w.seen != nil {
		r.Stages[StageVisible] = w.seen.rows.readPercentiles()
		p := w.seen.polls.readPercentiles()
		p.Curve = nil
		r.Polls = &p
		if n := w.seen.seen.Load(); n != r.Accounts.Stored {
			w.keepError(fmt.Errorf("polling saw %d rows become visible and the table has %d", n, r.Accounts.Stored))
		}
	}
	if w.asked != nil {
		r.Stages[StageLookup], r.Stages[StageRetro] = w.asked.lookups.readPercentiles(), w.asked.retros.readPercentiles()
	}
	w.keepError(w.out.err)
	r.Truth, r.Repeats, r.Samples = res.Truth.Compare(&w.out.got, passageWindow), w.out.repeats, w.samples
	for _, s := range w.samples {
		r.MaxLag = max(r.MaxLag, s.Lag)
	}
	if w.err != nil {
		r.Problem = w.err.Error()
	}
	return r, nil
}

// countAccounts counts records and rows at the offsets of the run.
func (w *Watch) countAccounts(ctx context.Context) (*Accounts, error) {
	_, end, err := w.broker.groupLag(ctx)
	if err != nil {
		return nil, err
	}
	a := &Accounts{OnLog: end - w.onLog()}
	return a, w.db.queryOne(ctx, fmt.Sprintf(`SELECT
		(SELECT count() FROM reads WHERE %[1]s) AS stored, (SELECT count() FROM merges WHERE %[1]s) AS merged,
		(SELECT count() FROM rejects WHERE %[1]s) AS rejected, (SELECT toInt64(sum(ticks)) FROM batches WHERE %[2]s) AS ticks,
		toInt64((SELECT count() - uniqExact(read_id) FROM reads) + (SELECT count() - uniqExact(passage_id) FROM passages)
		+ (SELECT count() - uniqExact(hit_id) FROM hits) + (SELECT count() - uniqExact(offence_id) FROM offences)
		+ (SELECT count() - uniqExact(kafka_partition, kafka_offset) FROM merges)
		+ (SELECT count() - uniqExact(kafka_partition, kafka_offset) FROM rejects)) AS duplicates`,
		offsetCondition(w.first, "kafka_offset"), offsetCondition(w.first, "start_offset")), a)
}

// Exact lists the faults of the counts and returns none when all is right: every expected hit and offence found, none
// extra, no row lost or doubled, every read of the schedule sent.
func (r *RunReport) Exact() []string {
	var out []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(!r.Load.Complete(), "%d reads of the schedule were not sent", r.Load.NotSent)
	add(r.Load.Retries > 0, "%d reads were sent again after a lost answer: the log may hold them twice", r.Load.Retries)
	for _, kind := range bench.Kinds() {
		t := r.Truth.Of(kind)
		add(t.Missing+t.Extra > 0, "%s: %d of %d found, %d missing, %d extra", kind, t.Found, t.Expected, t.Missing, t.Extra)
	}
	if a := r.Accounts; a != nil {
		add(a.Lost() != 0, "%d on the log, stored %d + merged %d + rejected %d + ticks %d: %d lost", a.OnLog, a.Stored, a.Merged, a.Rejected, a.Ticks, a.Lost())
		add(a.Duplicates != 0, "%d duplicate rows", a.Duplicates)
	}
	add(r.Problem != "", "%s", r.Problem)
	return out
}

// WriteText prints the report for people.
func (r *RunReport) WriteText(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("%-18s %9s %9s %9s %9s %9s %9s", "stage (ms)", "p50", "p90", "p99", "p99.9", "max", "count")
	for _, name := range Order {
		if x, ok := r.Stages[name]; ok && x.Count > 0 {
			p("%-18s %9.2f %9.2f %9.2f %9.2f %9.2f %9d", name, inMillis(x.P50), inMillis(x.P90), inMillis(x.P99), inMillis(x.P999), inMillis(x.Max), x.Count)
		}
	}
	p("ack, visible and hit start when the read was due, kafka_wait and stored at received_at, the others at the stage before")
	if r.Polls != nil {
		p("visible: one SELECT every %d ms, answered in p50 %.1f, p99 %.1f ms", r.PollMs, inMillis(r.Polls.P50), inMillis(r.Polls.P99))
	}
	p("largest lag %d records; hits repeated with the same id %d", r.MaxLag, r.Repeats)
	for _, kind := range bench.Kinds() {
		t := r.Truth.Of(kind)
		p("truth: %-5s %d of %d found, %d missing, %d extra (%d optional)", kind, t.Found, t.Expected, t.Missing, t.Extra, t.Optional)
	}
	if a := r.Accounts; a != nil {
		p("on the log %d = stored %d + merged %d + rejected %d + ticks %d, lost %d; duplicate rows %d", a.OnLog, a.Stored, a.Merged, a.Rejected, a.Ticks, a.Lost(), a.Duplicates)
	}
	if r.Problem != "" {
		p("NOT OBSERVED: %s", r.Problem)
	}
}

func inMillis(us int64) float64 { return float64(us) / 1000 }

package reconcile

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
)

// recorder stands between the pipeline and Kafka. The recorder notes every accepted commit, in order, and may make the
// worker a mutant.
type recorder struct {
	ingest.ConsumerGroup
	mutate func(offset int64, p ingest.Plan) (skip bool)

	mu      sync.Mutex // guards commits
	commits []Commit
}

type recording struct {
	ingest.Generation
	r *recorder
}

func (r *recorder) Next(ctx context.Context) (ingest.Generation, error) {
	s, err := r.ConsumerGroup.Next(ctx)
	if err != nil {
		return nil, err
	}
	return recording{s, r}, nil
}

func (s recording) Commit(ctx context.Context, partition int32, offset int64, metadata string) error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if p, err := ingest.ParsePlan(metadata, offset); err == nil && s.r.mutate != nil && s.r.mutate(offset, p) {
		return nil
	}
	err := s.Generation.Commit(ctx, partition, offset, metadata)
	if err == nil {
		s.r.commits = append(s.r.commits, Commit{Partition: partition, Offset: offset, Metadata: metadata, At: time.Now()})
	}
	return err
}

// forgetful is a sink that reports success but stores nothing, for a fifth of all batches.
type forgetful struct {
	ingest.Sink
	mu sync.Mutex // guards n
	n  int
}

func (f *forgetful) Insert(ctx context.Context, rg ingest.Range, t *shard.Totals, b ingest.Block) error {
	f.mu.Lock()
	f.n++
	drop := f.n%5 == 0
	f.mu.Unlock()
	if drop {
		return nil
	}
	return f.Sink.Insert(ctx, rg, t, b)
}

// judge shows a whole history and the tables to a verifier.
func (w *town) judge(commits []Commit) []Violation {
	w.t.Helper()
	v := ProtocolChecker{Whole: true}
	var out []Violation
	parts := []int32{0, 1, 2}
	for _, p := range parts {
		v.AddCommit(Commit{Partition: p}) // the group begins with the log
	}
	for _, c := range commits {
		out = append(out, v.AddCommit(c)...)
	}
	a, err := w.books().WatchProtocol(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	rows := BatchesView{Since: map[int32]int64{}}
	rows.Before, err = w.log.Commits(w.t.Context(), w.group, "anpr.reads.v1", parts)
	if err != nil {
		w.t.Fatal(err)
	}
	rows.After = rows.Before
	for _, p := range parts {
		rows.Since[p] = 0
	}
	if rows.Spans, err = a.readBatches(w.t.Context(), rows.Since); err != nil {
		w.t.Fatal(err)
	}
	if len(commits) == 0 || len(rows.Spans) < 10 {
		w.t.Fatalf("%d commits and %d batches: too few to judge", len(commits), len(rows.Spans))
	}
	return append(out, v.CheckTables(rows)...)
}

// TestTheVerifierJudgesTheRealPipeline runs the real worker, sink and broker: the unchanged pipeline must pass,
// with a second observer sampling beside the first; each mutant must be caught.
func TestTheVerifierJudgesTheRealPipeline(t *testing.T) {
	parallel(t)
	t.Run("as it is", func(t *testing.T) {
		w := newTown(t, 1200)
		ctx, cancel := context.WithCancel(t.Context())
		sampled := make(chan error, 1)
		go func() { sampled <- w.sample(ctx) }()
		rec := &recorder{}
		w.work(func(k *worker) { rec.ConsumerGroup, k.group = k.group, rec })
		cancel()
		if got := w.judge(rec.commits); len(got) > 0 {
			t.Errorf("got %v, want nothing", got)
		}
		if err := <-sampled; err != nil {
			t.Error(err)
		}
		if v := w.look(); len(v.Violations) > 0 || v.Batches < 10 || v.Whole != realBroker() || v.Whole && v.Commits < len(rec.commits) {
			t.Errorf("from outside: %+v; %d commits were made, and the history of them is there: %v", v, len(rec.commits), realBroker())
		}
	})
	t.Run("a mutant that forgets to plan", func(t *testing.T) {
		w := newTown(t, 1200)
		rec := &recorder{mutate: func(_ int64, p ingest.Plan) bool { return p.UnderWay() }}
		w.work(func(k *worker) { rec.ConsumerGroup, k.group = k.group, rec })
		if got := w.judge(rec.commits); !has(got, CommitUnknown) || !has(got, NoPlan) {
			t.Errorf("got %v, want commits and inserts without a plan", breachesOf(got))
		}
	})
	t.Run("a mutant that commits without inserting", func(t *testing.T) {
		w := newTown(t, 1200)
		rec := &recorder{}
		w.work(func(k *worker) {
			rec.ConsumerGroup, k.group = k.group, rec
			k.sink = &forgetful{Sink: k.sink}
		})
		if got := w.look().Violations; !has(got, Gap) {
			t.Errorf("from outside: got %v, want gaps", breachesOf(got))
		}
		if got := w.judge(rec.commits); !has(got, NoInsert) || !has(got, Gap) {
			t.Errorf("got %v, want plans without insert, and gaps", breachesOf(got))
		}
		if r := reconcile(t, w.books(), w.window, GroupBy{}); r.Conclusion != Residual || r.ByKind[RecordWithoutRow] == 0 {
			t.Errorf("the account must see it too: %s", text(t, r))
		}
	})
}

// look verifies from outside, as the command does.
func (w *town) look() *ProtocolReport {
	w.t.Helper()
	a, err := w.books().WatchProtocol(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := a.CheckSince(w.t.Context(), time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func has(vs []Violation, b Breach) bool {
	for _, v := range vs {
		if v.Breach == b {
			return true
		}
	}
	return false
}

// sample watches as from outside until ctx ends, and once more afterwards.
func (w *town) sample(ctx context.Context) error {
	quiet := context.WithoutCancel(ctx)
	a, err := w.books().WatchProtocol(quiet)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		found, err := a.SampleCommits(quiet)
		if err == nil && len(found) == 0 && n%5 == 0 {
			var v *ProtocolReport
			if v, err = a.CheckSince(quiet, time.Time{}); err == nil {
				found = v.Violations
			}
		}
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return errors.New("sampled beside a correct pipeline: " + found[0].String())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Millisecond):
		}
	}
}

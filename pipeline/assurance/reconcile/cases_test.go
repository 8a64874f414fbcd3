package reconcile

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/ingest/source"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseBook is the cases of a database, as pipeline/roles hands them in.
type caseBook struct {
	*store.Store
	away bool
}

func (b *caseBook) CountCases(ctx context.Context) (CaseCounts, error) {
	if b.away {
		return CaseCounts{}, errors.New("the database is away")
	}
	a, err := b.Audit(ctx)
	out := CaseCounts{Cases: a.Cases, Offences: a.Offences, Attempts: a.Attempts, Versions: a.Versions, Events: a.Events, Outbox: a.Outbox, ByState: map[string]int64{}}
	for s, n := range a.ByState {
		out.ByState[string(s)] = n
	}
	return out, err
}

func (*caseBook) Close() {}

// feedCases makes cases of the town's offences and stores their events, until stop.
func (w *town) feedCases(s *store.Store) (stop func()) {
	w.t.Helper()
	k, m := platform.Kafka{Addr: w.kafka}, feed.NewMetrics(nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	join := func(topic, group string) *source.KafkaGroup {
		g, err := source.Join(source.Config{Brokers: k.Brokers(), Topic: topic, GroupID: group})
		if err != nil {
			w.t.Fatal(err)
		}
		return g
	}
	offences, reviews := join(schemas.TopicOffences, feed.IntakeGroup), join(schemas.TopicReviews, feed.ReviewsGroup)
	terms := func(*cases.Intake) feed.Terms { return feed.Terms{Regime: cases.RegimeTraffic} }
	in := &feed.Intake{Group: offences, Cases: s, Terms: terms, Metrics: m, Log: zerolog.Nop()}
	out := &feed.Outbox{Cases: s, Kafka: k, Metrics: m, Log: zerolog.Nop()}
	kept := &feed.Reviews{Group: reviews, DB: conn(w.t, w.addr, w.db), Metrics: m, Log: zerolog.Nop()}
	for _, run := range []func(context.Context){in.Run, out.Run, kept.Run} {
		running.Go(func() { run(ctx) })
	}
	return sync.OnceFunc(func() {
		cancel()
		_, _ = offences.Close(), reviews.Close()
		running.Wait()
	})
}

// offencesCasesAndReviewsBalance: each offence of the topic is a case, the cases add up, and their events are in the table; what is missing on any side
// is left over, by name.
func offencesCasesAndReviewsBalance(t *testing.T, w *town) {
	p := testkit.StartPostgres(t)
	open := func(p platform.Postgres) *pgxpool.Pool {
		pool, err := p.Open(t.Context(), "reconcile-test", 4)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	s := store.New(open(p), store.Options{Policy: cases.DefaultPolicy})
	owner := open(testkit.PostgresAs(p, embedded.PostgresMigrator))
	book := &caseBook{Store: s}
	balance := func() *AccountReport {
		b := w.books()
		b.Cases, b.CasesGroup, b.ReviewsGroup = book, feed.IntakeGroup, feed.ReviewsGroup
		r, err := b.Reconcile(t.Context(), w.window, GroupBy{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	stop := w.feedCases(s)
	defer stop()
	published := func() int64 {
		a, err := s.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return a.Outbox
	}
	balance() // waits for the intake
	for published() > 0 {
		balance()
	}
	r := balance()
	if n := r.Cases; r.Conclusion != Balanced || n == nil || n.Cases == 0 || n.Cases != n.Offences || n.Unbalanced() != 0 || n.Events != n.Cases || n.Reviews != n.Events {
		t.Fatalf("%s %v, cases %+v, cannot tell %q", r.Conclusion, r.ByKind, n, r.Cannot)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "= distinct offences") {
		t.Errorf("printed %s, %v", text.String(), err)
	}
	stop()

	book.away = true
	if r := balance(); r.Conclusion != CannotTell || r.Cases != nil {
		t.Errorf("without the database: %s %+v", r.Conclusion, r.Cases)
	}
	book.away = false
	tamper := func(statements ...string) {
		for _, sql := range statements {
			if _, err := owner.Exec(t.Context(), sql); err != nil {
				t.Fatal(sql, err)
			}
		}
	}
	// somebody takes a case away, and an event of another
	tamper("ALTER TABLE case_events DISABLE TRIGGER USER", "ALTER TABLE cases DISABLE TRIGGER USER",
		"DELETE FROM case_events WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)", "DELETE FROM cases WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)",
		"DELETE FROM case_events WHERE case_id = (SELECT min(case_id::text)::uuid FROM cases)")
	r = balance()
	if r.ByKind[OffWithoutCase] != 1 || r.ByKind[CasesUnbalanced] != 1 || r.Conclusion != Residual || r.LeftOver() != 2 {
		t.Errorf("a case and an event less: %s %v", r.Conclusion, r.ByKind)
	}
	w.exec("ALTER TABLE %[1]s.reviews DELETE WHERE event_id IN (SELECT event_id FROM %[1]s.reviews ORDER BY event_id LIMIT 4) SETTINGS mutations_sync = 2")
	if r = balance(); r.ByKind[EventUnstored] != 2 { // two of the four are those that PostgreSQL lacks too
		t.Errorf("four reviews less: %v", r.ByKind)
	}
}

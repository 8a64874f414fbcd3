package desk

import (
	"context"
	"errors"
	"io/fs"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// pictureDir is the image store as an office reads it.
type pictureDir struct{ *images.Dir }

func (p pictureDir) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	data, err := p.Dir.Get(ctx, sum)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(office.ErrPictureDamaged, err)
	}
	return data, err
}

// world is an office with cases, and agents who may work there.
type world struct {
	t     testing.TB
	at    platform.Postgres
	owner *pgxpool.Pool
	url   string
	dir   *images.Dir
	fill  func(count int, seed uint64) // makes more cases
}

func openPool(t testing.TB, at platform.Postgres, most int32) *pgxpool.Pool {
	t.Helper()
	pool, err := at.Open(t.Context(), "desk test", most)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// openWorld starts an office with so many agents and cases.
func openWorld(t testing.TB, agents, count int) *world {
	t.Helper()
	w := &world{t: t, at: testkit.StartPostgres(t)}
	addr, db := testkit.Tables(t)
	conn := must[clickhouse.Conn](t)(clickhouse.Open(&clickhouse.Options{Addr: []string{addr}, Auth: clickhouse.Auth{Database: db}}))
	t.Cleanup(func() { _ = conn.Close() })
	w.owner = openPool(t, testkit.PostgresAs(w.at, embedded.PostgresMigrator), 2)
	people := openPool(t, w.at, 8)
	caseStore := casestore.New(openPool(t, w.at, 8), casestore.Options{Policy: cases.DefaultPolicy, DrawKey: []byte("key of the test")})
	w.dir = must[*images.Dir](t)(images.OpenDir(t.TempDir()))
	city := must[*bench.City](t)(bench.NewCity(bench.CityConfig{Seed: 4, Cameras: 60, Temporary: -1, Vehicles: 2_000, At: schemas.MicrosOf(time.Now())}))
	w.fill = func(count int, seed uint64) {
		if err := Fill(t.Context(), FillConfig{Cases: caseStore, Pictures: w.dir, City: city, Count: count, Seed: seed}); err != nil {
			t.Fatal(err)
		}
	}
	w.fill(count, 3)
	byID := map[string]*schemas.Camera{}
	for i := range city.Cameras() {
		byID[city.Cameras()[i].ID] = &city.Cameras()[i]
	}
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	o := must[*office.Office](t)(office.New(life, office.Config{
		DB: conn, Users: must[*access.Users](t)(access.ReadUsers(strings.NewReader(UsersFile(agents) + supervisorLine()))), LookUps: store.NewLookUps(people), Keys: must[*access.Keys](t)(access.LoadKeys(t.TempDir())),
		People: store.NewPeople(people), Camera: func(id string) *schemas.Camera { return byID[id] }, Cases: &office.Casework{Store: caseStore}, Pictures: pictureDir{w.dir},
	}))
	server := httptest.NewServer(o.Handler())
	t.Cleanup(func() {
		server.Close()
		end()
		o.Wait()
	})
	w.url = server.URL
	return w
}

// countCases counts the verdicts of cases, by their kind.
func (w *world) countCases() map[string]int64 {
	w.t.Helper()
	rows, err := w.owner.Query(w.t.Context(), "SELECT convert_from(body, 'UTF8')::jsonb->>'verdict', count(*) FROM case_events WHERE kind = 'decided' GROUP BY 1")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var kind string
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			w.t.Fatal(err)
		}
		out[kind] = n
	}
	return out
}

// The measurement at a small size: agents decide real cases, and what they were told is what the database keeps.
func TestTheDeskCountsWhatTheDatabaseKeeps(t *testing.T) {
	const agents, count = 3, 24
	w := openWorld(t, agents, count)
	b := Open(Config{Office: w.url, Agents: agents, Seed: 1, UntilEmpty: true})
	t.Cleanup(b.Close)
	r := &Report{Agents: agents}
	r.Rounds = append(r.Rounds, *b.Run(t.Context(), Reference, time.Hour)) // until the queue is empty, however slow the machine is
	r.Summarise()
	var err error
	if r.Kept, err = CountKept(t.Context(), w.at); err != nil {
		t.Fatal(err)
	}
	got := r.Variants[Reference]
	if got.Failed() > 0 || r.Fault() != "" || r.Kept.Cases != count || r.Acknowledged() != count {
		t.Errorf("failed %v, fault %q, kept %+v, told of %d", got.Errors, r.Fault(), r.Kept, r.Acknowledged())
	}
	want := w.countCases()
	if want["confirm"] != got.Decided["confirm"] || want["reject"] != got.Decided["reject"] || want["confirm"] == 0 || want["reject"] == 0 {
		t.Errorf("the agents were told of %v, the cases have %v", got.Decided, want)
	}
	if got.Verdict.N != r.Acknowledged() || got.KeyToNext.N == 0 || got.Fetched.N < got.Verdict.N || got.Picture.N != 2*got.Fetched.N {
		t.Errorf("%d verdicts, %d next items, %d items and %d pictures are timed", got.Verdict.N, got.KeyToNext.N, got.Fetched.N, got.Picture.N)
	}
	var left int64
	if err := w.owner.QueryRow(t.Context(), "SELECT count(*) FROM case_leases").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d items are still leased, %v: the agents gave back what they did not decide", left, err)
	}
	t.Run("twice", w.checkTwice)
}

// checkTwice: a second first verdict on a case, written past the office, is seen.
func (w *world) checkTwice(t *testing.T) {
	const again = `INSERT INTO case_events SELECT (jsonb_populate_record(e, jsonb_build_object('n', 900, 'event_id', gen_random_uuid()))).* FROM case_events e WHERE kind = 'decided' ORDER BY case_id LIMIT 1`
	if _, err := w.owner.Exec(t.Context(), "ALTER TABLE case_events DISABLE TRIGGER USER"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.owner.Exec(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	k, err := CountKept(t.Context(), w.at)
	if err != nil || k.Twice != 1 {
		t.Errorf("%+v, %v: want one case that is decided twice", k, err)
	}
	if f := (&Report{Kept: k}).Fault(); f == "" {
		t.Error("the report does not say it")
	}
}

// What a report says follows from its rounds alone.
func TestTheReportJudgesByTheRounds(t *testing.T) {
	round := func(variant string, next time.Duration) Round {
		y := newTally()
		for range 100 {
			y.keyToNext.recordTime(next)
			y.verdict.recordTime(next / 2)
		}
		y.decided["confirm"] = 100
		return Round{variant, y.sumUp(), y}
	}
	r := &Report{Rounds: []Round{round(Reference, 20*time.Millisecond), round(Ingesting, 60*time.Millisecond), round(Reference, 40*time.Millisecond), round(Ingesting, 120*time.Millisecond)}, Kept: Kept{Verdicts: 400}}
	r.Summarise()
	if got := r.Ratios["key to next item"].Rounds; len(got) != 2 || !slices.ContainsFunc(got, func(x float64) bool { return x > 2.9 && x < 3.1 }) {
		t.Errorf("ratios of the rounds are %v, want 3 each", got)
	}
	var text strings.Builder
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"100: not met", "150: met", "decided twice: 0"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &text)
		}
	}
	for kept, fault := range map[int64]bool{399: true, 400: false, 401: true} {
		if r.Kept.Verdicts = kept; (r.Fault() != "") != fault {
			t.Errorf("%d verdicts kept of 400: fault %q", kept, r.Fault())
		}
	}
}

package roles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// looksWorld has cases in PostgreSQL, whose clock the test moves: this machine's clock is then wrong by as much.
type looksWorld struct {
	*caseLooks
	t     *testing.T
	law   *caseLaw
	moved atomic.Int64
	told  lockedBuffer
	n     int
}

// lockedBuffer takes the log of several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func newLooksWorld(t *testing.T, cat *rules.Catalogue, decider cases.Decider, current func() *reference.Snapshot) *looksWorld {
	t.Helper()
	pool, err := testkit.StartPostgres(t).Open(t.Context(), "test", 12)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w := &looksWorld{t: t}
	clock := &databaseClock{}
	w.law = &caseLaw{catalogue: cat, now: clock.Now, camera: func(id string) *schemas.Camera {
		cam, _ := current().Camera(id)
		return cam
	}}
	o := casestore.Options{Policy: w.law.policyOfToday, DrawKey: []byte("k"), Shift: func() time.Duration { return time.Duration(w.moved.Load()) }}
	w.caseLooks = &caseLooks{
		store: casestore.New(pool, o), decider: decider, catalogue: cat.Version(), reference: current, clock: clock, metrics: feed.NewMetrics(nil), log: zerolog.New(&w.told),
	}
	return w
}

func (w *looksWorld) now() schemas.Micros {
	w.t.Helper()
	now, err := w.store.Now(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.clock.set(now)
	return now
}

// moveTo moves the database's clock.
func (w *looksWorld) moveTo(at schemas.Micros) {
	w.moved.Add(int64(at-w.now()) * int64(time.Microsecond))
}

// takeIn makes a case of the passage of a question, with another offence each time. until 0 = a candidate.
func (w *looksWorld) takeIn(q cases.Question, reason string, until schemas.Micros) cases.ID {
	w.t.Helper()
	w.n++
	q.Offence.ID[0], q.Offence.ID[1] = byte(w.n), byte(w.n>>8)
	d := schemas.Decision{
		Rule: q.Rule, RuleVersion: "2026-01-01", Family: q.Family, Outcome: schemas.OutcomeHeld, Reason: reason, Passage: q.Passage, Offence: q.Offence, HoldUntil: until, Verified: true,
		On:               schemas.Sighting{Read: q.Read, Camera: "C1", CapturedAt: q.CapturedAt, Plate: schemas.MustPlate("FR111FR"), Confidence: 950, Lane: 1},
		CatalogueVersion: "c", ReferenceVersion: "r",
	}
	if reason == "" {
		d.Outcome, d.AmountCents = schemas.OutcomeOffence, 15_000
	}
	in := cases.Intake{
		Offence: q.Offence, Attempt: 1, Sealed: []byte{1}, Seal: schemas.Sum{1}, Decision: d, SealHolds: true, Zone: "5339", Site: "S1", Municipality: 21004,
		Pictures: []cases.Picture{{Sum: schemas.DigestOf(schemas.Sum{9}), Kind: cases.PictureScene}},
	}
	terms := w.law.termsOf(&in)
	in.Regime, in.Clocks, in.Track, in.Marks, in.Blocks = terms.Regime, terms.Clocks, terms.Track, terms.Marks, terms.Blocks
	if _, err := w.store.TakeIn(w.t.Context(), []cases.Intake{in}); err != nil {
		w.t.Fatal(err)
	}
	rows, _, err := w.store.List(w.t.Context(), casestore.Filter{Offence: q.Offence}, "", 1)
	if err != nil || len(rows) != 1 {
		w.t.Fatal(rows, err)
	}
	return rows[0].Case.ID
}

func (w *looksWorld) get(id cases.ID) casestore.Dossier {
	w.t.Helper()
	d, err := w.store.Get(w.t.Context(), id)
	if err != nil || d.Problem != "" {
		w.t.Fatal(d.Problem, err)
	}
	return *d
}

// look runs rounds until there is no more to do.
func (w *looksWorld) look() error {
	for {
		if more, err := w.run(w.t.Context()); !more || err != nil {
			return err
		}
	}
}

func (w *looksWorld) mustLook() {
	w.t.Helper()
	if err := w.look(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *looksWorld) wantState(id cases.ID, state cases.State, reason string) {
	w.t.Helper()
	if c := w.get(id).Case; c.State != state || state != cases.Held && c.EndReason != reason || state == cases.Held && c.HoldReason != reason {
		w.t.Errorf("the case is %s, held for %q, ended for %q; want %s %q", c.State, c.HoldReason, c.EndReason, state, reason)
	}
}

// The holds of one midnight are decided on a handful of connections, and on new ones when the server closed them. Without
// ClickHouse they stay with nobody, and nothing is held against them.
func TestHoldsOfOneMidnightShareConnections(t *testing.T) {
	m := newMatureWorld(t)
	var mu sync.Mutex
	var raw []net.Conn
	var isAway atomic.Bool
	dial := func(ctx context.Context) (*ch.Client, error) {
		if isAway.Load() {
			return nil, errors.New("connection refused")
		}
		o := m.tables.NativeOptions(m.tables.Addr)
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", m.tables.Addr)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		raw = append(raw, conn)
		mu.Unlock()
		return ch.Connect(ctx, conn, o)
	}
	cut := func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range raw {
			_ = c.Close()
		}
	}
	conns := replay.NewConnections(dial, decidedAtOnce)
	defer conns.Close()
	m.decider.conns = conns
	w := newLooksWorld(t, m.catalogue, m.decider, m.store.Current)
	now := w.now()
	m.data(now.Time().Format(time.RFC3339), now.Time().Format(time.RFC3339), now.Time().Format(time.RFC3339), nil, nil, nil)
	const n = 120
	q := m.pass("FR111FR", "FR", now-10*24*schemas.Hour)
	takeIn := func() (ids []cases.ID) {
		for range n {
			ids = append(ids, w.takeIn(q, "foreign_unregistered", now-schemas.Hour))
		}
		return ids
	}
	first := takeIn()
	w.mustLook()
	if got := conns.Dials(); got < 1 || got > decidedAtOnce {
		t.Errorf("%d holds needed %d connections, want 1 to %d", n, got, decidedAtOnce)
	}
	cut()
	second := takeIn()
	w.mustLook()
	if got := conns.Dials(); got > 3*decidedAtOnce {
		t.Errorf("after the server closed them: %d connections were opened", got)
	}
	third := takeIn()
	isAway.Store(true)
	cut()
	if err := w.look(); !errors.Is(err, replay.ErrUnreachable) {
		t.Errorf("without ClickHouse: %v", err)
	}
	isAway.Store(false)
	w.mustLook()
	for _, id := range slices.Concat(first, second, third) {
		w.wantState(id, cases.Open, "")
	}
	if f, err := w.store.CountFailing(t.Context()); err != nil || f != 0 || testutil.ToFloat64(w.metrics.RedecideFailed.WithLabelValues(feed.FailedByError)) != 0 {
		t.Errorf("%d are failing, %v", f, err)
	}
}

// askRules is a decider of a test.
type askRules func(q cases.Question) (cases.Answer, error)

// Decide implements [cases.Decider].
func (f askRules) Decide(_ context.Context, q cases.Question) (cases.Answer, error) { return f(q) }

// emptyReference is reference data with one camera.
func emptyReference(t *testing.T) *reference.Store {
	t.Helper()
	m := &matureWorld{t: t, dir: t.TempDir()}
	m.write("cameras.yaml", `cameras: [{id: C1, site: S1, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50846700, lon_e6: 4352500, purposes: [lez], valid_from: 2018-01-01, inside_lez: true, `+
		`lanes: [{number: 1, direction: approaching}]}]`+"\n")
	m.data("2026-11-20", "2026-11-20", "2026-11-20", nil, nil, nil)
	s, err := reference.NewStore(m.dir, reference.Options{AllowShrink: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func brusselsCatalogue(t *testing.T) *rules.Catalogue {
	t.Helper()
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func lezQuestion(captured schemas.Micros) cases.Question {
	return cases.Question{
		Passage: schemas.PassageID{ID: schemas.ID{1}}, Read: schemas.ReadID{ID: schemas.ID{2}}, Rule: rules.RuleLEZ, Family: rules.InfoOf(rules.Families()[0].Family).Family, CapturedAt: captured,
	}
}

// One case has an error each time, another's answer is refused each time: both are told and counted and wait longer, and the
// others are decided in the same round.
func TestACaseThatCannotBeDecidedIsToldAndStopsNoOther(t *testing.T) {
	ref := emptyReference(t)
	var failing, refused schemas.OffenceID
	asked := map[schemas.OffenceID]int{}
	var mu sync.Mutex
	w := newLooksWorld(t, brusselsCatalogue(t), askRules(func(q cases.Question) (cases.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		asked[q.Offence]++
		switch q.Offence {
		case failing:
			return cases.Answer{}, errors.New("the camera is not in the registry")
		case refused:
			return cases.Answer{Outcome: cases.OutcomeWithdrawn, Reason: "a reason of a later program"}, nil
		}
		return cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Reference: ref.Current().Version()}}, nil
	}), ref.Current)
	var ids []cases.ID
	for range 12 {
		ids = append(ids, w.takeIn(lezQuestion(w.now()-10*24*schemas.Hour), "foreign_unregistered", w.now()-1))
	}
	failing, refused = w.get(ids[3]).Case.Offence, w.get(ids[7]).Case.Offence
	for i := range 4 {
		w.mustLook()
		for j, id := range ids {
			if j == 3 || j == 7 {
				w.wantState(id, cases.Held, "foreign_unregistered")
			} else {
				w.wantState(id, cases.Open, "")
			}
		}
		if n, err := w.store.CountFailing(t.Context()); err != nil || (n == 2) != (i >= 2) {
			t.Errorf("round %d: %d are failing, %v", i+1, n, err)
		}
		w.mustLook() // at once again: nobody is asked
		if asked[failing] != i+1 || asked[refused] != i+1 {
			t.Errorf("round %d: asked %d and %d times", i+1, asked[failing], asked[refused])
		}
		w.moved.Add(int64(time.Minute)<<i + int64(time.Second))
	}
	for _, cause := range []string{feed.FailedByError, feed.FailedByRefusal} {
		if n := testutil.ToFloat64(w.metrics.RedecideFailed.WithLabelValues(cause)); n != 4 {
			t.Errorf("%s is counted %g times", cause, n)
		}
	}
	for _, want := range []string{ids[3].String(), ids[7].String(), "not in the registry", "reason: must be one of"} {
		if !strings.Contains(w.told.b.String(), want) {
			t.Errorf("the log does not tell %q", want)
		}
	}
}

// Whatever this machine's clock says, the database's decides: the hold is neither ended early nor kept.
func TestAHoldEndsByTheClockOfTheDatabase(t *testing.T) {
	m := newMatureWorld(t)
	for _, wrong := range []time.Duration{-20 * 24 * time.Hour, 20 * 24 * time.Hour} {
		w := newLooksWorld(t, m.catalogue, m.decider, m.store.Current)
		w.moved.Store(int64(wrong))
		now := w.now()
		m.data(now.Time().Format(time.RFC3339), (now + 40*24*schemas.Hour).Time().Format(time.RFC3339), now.Time().Format(time.RFC3339), nil, nil, nil)
		end := (now.Day() + 6).Start()
		id := w.takeIn(m.pass("FR111FR", "FR", now), "foreign_unregistered", end)
		w.mustLook() // under the first versions
		w.wantState(id, cases.Held, "foreign_unregistered")
		w.moveTo(end - schemas.Second*20)
		w.mustLook()
		w.wantState(id, cases.Held, "foreign_unregistered")
		w.moveTo(end + schemas.Second)
		w.mustLook()
		w.wantState(id, cases.Open, "")
		if ahead := time.Duration(w.clock.ahead.Load()); (ahead - time.Duration(w.moved.Load())).Abs() > time.Minute {
			t.Errorf("the catalogue of the day is that of a clock that is %s ahead, want %s", ahead, time.Duration(w.moved.Load()))
		}
	}
}

// A registration in time that comes late: the open case is withdrawn, the one with a verdict waits for a supervisor, those
// of other vehicles have no event.
func TestARegistrationInTimeReachesOpenCases(t *testing.T) {
	m := newMatureWorld(t)
	w := newLooksWorld(t, m.catalogue, nil, m.store.Current)
	m.facts = w.law.factsOf
	w.decider = m.decider
	now := w.now()
	fresh := now.Time().Format(time.RFC3339)
	m.data(fresh, fresh, fresh, nil, nil, nil)
	captured := now - 10*24*schemas.Hour
	ours, other := m.pass("FR222FR", "FR", captured), m.pass("FR111FR", "FR", captured)
	var open []cases.ID
	for _, q := range []cases.Question{ours, ours, other} {
		open = append(open, w.takeIn(q, "foreign_unregistered", now-schemas.Hour))
	}
	w.mustLook()
	for _, id := range open {
		w.wantState(id, cases.Open, "")
	}
	an := cases.Actor{User: "an", Role: cases.Agent, Appointment: "A", Purpose: "p"}
	lease, err := w.store.LeaseCase(t.Context(), &an, open[1])
	if err != nil {
		t.Fatal(err)
	}
	flag := cases.Flag{Text: "look at the plate again"}
	if _, err := w.store.Do(t.Context(), &casestore.Request{Case: open[1], IfVersion: lease.Case.Version, Key: "f", Lease: lease.Lease.ID, Command: flag, By: an}); err != nil {
		t.Fatal(err)
	}
	untouched := w.get(open[2]).Case.Version
	later := (now + 1).Time().Format(time.RFC3339Nano)
	m.data(fresh, later, fresh, nil, []string{fmt.Sprintf("FR222FR,FR,%s,2099-01-01,M1,,petrol,6", captured.Day()+3)}, nil)
	w.mustLook()
	w.wantState(open[0], cases.Withdrawn, string(cases.Registered))
	w.wantState(open[1], cases.Arbitration, "")
	w.wantState(open[2], cases.Open, "")
	if c := w.get(open[1]).Case; len(c.Incidents) != 1 || c.Incidents[0].Kind != cases.NoOffenceNow {
		t.Errorf("the case with a person's act has %+v", c.Incidents)
	}
	if c := w.get(open[2]).Case; c.Version != untouched {
		t.Errorf("a case of another vehicle has %d events more", c.Version-untouched)
	}
	m.data(fresh, fresh, fresh, nil, nil, nil) // an older copy again
	w.mustLook()
	w.wantState(open[2], cases.Open, "")
	if c := w.get(open[2]).Case; c.Version != untouched {
		t.Errorf("under an older copy: %d events more", c.Version-untouched)
	}
}

// A case whose passage the tables do not have yet is looked at soon, and in the hour of a table that is behind only some
// times: 10,000 such cases are about 55 tries a second then, not 2,000.
func TestLooksForAPassageGetRarerWithTheAgeOfTheCase(t *testing.T) {
	tries, found := 0, map[schemas.Micros]schemas.Micros{} // found: when it is seen, by when the passage is stored
	for age := schemas.Micros(0); age < storedWithin; tries++ {
		wait := schemas.Micros(waitForPassage(age) / time.Microsecond)
		for _, stored := range []schemas.Micros{schemas.Second, 30 * schemas.Second, 10 * schemas.Minute, 50 * schemas.Minute} {
			if _, ok := found[stored]; !ok && age >= stored {
				found[stored] = age
			}
		}
		age += wait
	}
	if tries < 12 || tries > 25 {
		t.Errorf("%d tries in the first hour, want 12 to 25", tries)
	}
	for stored, seen := range found {
		if late := seen - stored; late > max(5*schemas.Second, stored/2) || late > 5*schemas.Minute {
			t.Errorf("a passage stored after %d s is seen %d s later", stored/schemas.Second, late/schemas.Second)
		}
	}
	if len(found) != 4 {
		t.Errorf("seen: %v, want all four", found)
	}
}

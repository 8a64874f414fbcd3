package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// desk is a database of cases with two stores, as two offices have them, and a clock that the test moves.
type desk struct {
	*Store
	other  *Store
	t      testing.TB
	at     platform.Postgres
	owner  *pgxpool.Pool
	pool   *pgxpool.Pool
	moved  *atomic.Int64 // what the test added to the clock
	policy *cases.Policy
}

func openDesk(t testing.TB) *desk {
	t.Helper()
	at := testkit.StartPostgres(t)
	open := func(p platform.Postgres) *pgxpool.Pool {
		pool, err := p.Open(t.Context(), "test", 8)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	d := &desk{t: t, at: at, moved: new(atomic.Int64), policy: cases.DefaultPolicy()}
	d.policy.Holds = map[string]cases.HoldRule{
		"register_stale":        {LongestDays: 14, Then: cases.Arbitration},
		"vehicle_unknown":       {LongestDays: 30, Then: cases.Withdrawn, Reason: cases.NotProvable},
		"lane_unknown":          {AtDecideBy: true, Then: cases.Withdrawn, Reason: cases.NotProvable, ByHand: true},
		"country_unknown":       {AtDecideBy: true, Then: cases.Arbitration, ByKeying: true},
		"exemption_unconfirmed": {AtDecideBy: true, Then: cases.Arbitration, ByHand: true},
	}
	o := Options{Policy: func() *cases.Policy { return d.policy }, DrawKey: []byte("key of the test"), Shift: func() time.Duration { return time.Duration(d.moved.Load()) }}
	d.pool, d.owner = open(at), open(testkit.PostgresAs(at, embedded.PostgresMigrator))
	d.Store, d.other = New(d.pool, o), New(open(at), o)
	return d
}

// pass moves the clock of both offices.
func (d *desk) pass(by time.Duration) { d.moved.Add(int64(by)) }

func (d *desk) now() schemas.Micros {
	d.t.Helper()
	now, err := d.readClock(d.t.Context(), d.pool)
	if err != nil {
		d.t.Fatal(err)
	}
	return now
}

// newIntake returns the n-th offence.
func newIntake(n int, now schemas.Micros) cases.Intake {
	sealed := binary.BigEndian.AppendUint64([]byte("sealed "), uint64(n))
	var id, passage schemas.ID
	binary.BigEndian.PutUint64(id[8:], uint64(n+1))
	binary.BigEndian.PutUint64(passage[:], uint64(n+1))
	return cases.Intake{
		Offence: schemas.OffenceID{ID: id}, Attempt: 1, Sealed: sealed, Seal: sha256.Sum256(sealed), SealHolds: true, Zone: []string{"5339", "5340"}[n%2], Site: "S1",
		Municipality: 21004, Regime: cases.RegimeTraffic, Track: cases.ImmediateCollection, Pictures: []cases.Picture{{Sum: pictureSum, Kind: cases.PictureScene}},
		Clocks: cases.Clocks{DecideBy: now + schemas.Micros(10*24)*schemas.Hour + schemas.Micros(n), SendBy: now + schemas.Micros(14*24)*schemas.Hour, DropBy: now + schemas.Micros(358*24)*schemas.Hour},
		Decision: schemas.Decision{
			Rule: "bru.speed", Family: "speed", Outcome: schemas.OutcomeOffence, Passage: schemas.PassageID{ID: passage}, Verified: true, AmountCents: 5300, LegalBasis: "art. 62",
			On:               schemas.Sighting{Camera: "C1", CapturedAt: now - schemas.Hour, Plate: schemas.MustPlate("1ABC123"), Country: schemas.Belgium, Confidence: 950},
			CatalogueVersion: "c1", ReferenceVersion: "r1",
		},
	}
}

const pictureSum = schemas.Digest("0123456789abcdef0123456789abcdef")

func heldIntake(n int, now schemas.Micros, reason string, until schemas.Micros) cases.Intake {
	in := newIntake(n, now)
	in.Decision.Outcome, in.Decision.Reason, in.Decision.HoldUntil = schemas.OutcomeHeld, reason, until
	return in
}

func (d *desk) takeIn(list ...cases.Intake) Taken {
	d.t.Helper()
	got, err := d.TakeIn(d.t.Context(), list)
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

func agent(name string) cases.Actor {
	return cases.Actor{User: name, Role: cases.Agent, Appointment: "A-" + name, Purpose: "p"}
}

func supervisor(name string) cases.Actor {
	return cases.Actor{User: name, Role: cases.Supervisor, Appointment: "A-" + name, StepUp: true}
}

// lease takes one item of a queue, and notes its pictures as served.
func (d *desk) lease(by cases.Actor, q cases.Queue) cases.Leased {
	d.t.Helper()
	list, err := d.Lease(d.t.Context(), &by, q, 1, Filter{})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(list) != 1 {
		d.t.Fatalf("%s got %d items of %s, want 1", by.User, len(list), q)
	}
	d.seePictures(by, &list[0])
	return list[0]
}

func (d *desk) seePictures(by cases.Actor, l *cases.Leased) {
	d.t.Helper()
	for _, p := range l.Case.Pictures {
		if err := d.NotePicture(d.t.Context(), by.User, l.Case.ID, p.Sum); err != nil {
			d.t.Fatal(err)
		}
	}
}

// leaseCase takes one case, and notes its pictures as served.
func (d *desk) leaseCase(by cases.Actor, id cases.ID) cases.Leased {
	d.t.Helper()
	l, err := d.LeaseCase(d.t.Context(), &by, id)
	if err != nil {
		d.t.Fatal(err)
	}
	d.seePictures(by, &l)
	return l
}

// looked is how a person looks who may confirm.
func looked() cases.Look {
	return cases.Look{Checks: [5]bool{true, true, true, true, true}, ShownMS: 900, Input: cases.InputKey}
}

func confirmation() cases.Decide {
	return cases.Decide{Verdict: cases.Verdict{Kind: cases.Confirm}, Checks: [5]bool{true, true, true, true, true}, ShownMS: 900, Input: cases.InputKey}
}

func rejection(r cases.RejectReason) cases.Decide {
	return cases.Decide{Verdict: cases.Verdict{Kind: cases.Reject, Reason: r}, ShownMS: 900, Input: cases.InputMouse}
}

// answer gives a command on a leased item.
func (d *desk) answer(by cases.Actor, l *cases.Leased, cmd cases.Command) (Done, error) {
	return d.Do(d.t.Context(), &Request{Case: l.Case.ID, IfVersion: l.Case.Version, Key: l.Lease.ID.String(), Lease: l.Lease.ID, Command: cmd, By: by})
}

func (d *desk) mustAnswer(by cases.Actor, l *cases.Leased, cmd cases.Command) Done {
	d.t.Helper()
	done, err := d.answer(by, l, cmd)
	if err != nil {
		d.t.Fatalf("%s: %T: %v", by.User, cmd, err)
	}
	return done
}

func (d *desk) stateOf(id cases.ID) cases.State {
	d.t.Helper()
	got, err := d.Get(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	if got.Problem != "" {
		d.t.Errorf("case %s: %s", id, got.Problem)
	}
	return got.Case.State
}

func (d *desk) sweep() int {
	d.t.Helper()
	n, err := d.Sweep(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// allHolds fails the test unless every case follows from its events.
func (d *desk) allHolds() {
	d.t.Helper()
	bad, _, n, err := d.Rebuild(d.t.Context(), cases.ID{}, 100_000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, m := range bad {
		d.t.Errorf("case %s: %s", m.Case, m.Problem)
	}
	total, err := d.Totals(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	sum := int64(0)
	for _, k := range total.ByState {
		sum += k
	}
	if int64(n) != total.Cases || sum != total.Cases || total.Offences+total.Attempts != total.Cases {
		d.t.Errorf("rebuilt %d cases, the totals are %+v", n, total)
	}
}

func wantCode(t testing.TB, err error, want cases.Code) {
	t.Helper()
	r, ok := errors.AsType[*cases.Refusal](err)
	if !ok || r.Code != want {
		t.Errorf("got %v, want a refusal with code %s", err, want)
	}
}

// deciderFunc is a decider of a test.
type deciderFunc func(q cases.Question) cases.Answer

// Decide implements [cases.Decider].
func (f deciderFunc) Decide(_ context.Context, q cases.Question) (cases.Answer, error) {
	return f(q), nil
}

// redecideDue decides every due hold again, as the job does, and returns how many.
func (d *desk) redecideDue(decide cases.Decider) int {
	d.t.Helper()
	list, err := d.DueHolds(d.t.Context(), 100)
	if err != nil {
		d.t.Fatal(err)
	}
	d.redecide(decide, list)
	return len(list)
}

// redecide answers claimed cases.
func (d *desk) redecide(decide cases.Decider, list []Look) {
	d.t.Helper()
	for i := range list {
		c := &list[i].Case
		a, err := decide.Decide(d.t.Context(), cases.QuestionOf(c, list[i].Now))
		if err != nil {
			d.t.Fatal(err)
		}
		var cmd cases.Command = cases.ReDecide{Answer: a}
		if c.State == cases.Second || c.State == cases.Arbitration || c.State == cases.Confirmed || c.State == cases.Returned {
			cmd = cases.Overtake{Answer: a}
		}
		if _, err := d.Do(d.t.Context(), &Request{Case: c.ID, IfVersion: c.Version, Command: cmd, By: cases.SystemActor()}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// adopt takes versions into use, and fails the test unless there are such.
func (d *desk) adopt(catalogue, reference string, asOf schemas.Micros) int64 {
	d.t.Helper()
	n, err := d.AdoptVersions(d.t.Context(), catalogue, reference, map[string]schemas.Micros{"register BE": asOf, "passes": 5})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// outdated claims every case that is looked at under the versions.
func (d *desk) outdated(versions int64) (list []Look) {
	d.t.Helper()
	for from, more := (Page{}), true; more; more = from != (Page{}) {
		var part []Look
		var err error
		if part, from, err = d.Outdated(d.t.Context(), versions, from, 60*day, 3); err != nil {
			d.t.Fatal(err)
		}
		list = append(list, part...)
	}
	return list
}

// pastTheGuards changes rows as who owns the database can, with the triggers of cases and events off.
func (d *desk) pastTheGuards(sql string, args ...any) {
	d.t.Helper()
	tx, err := d.owner.Begin(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(d.t.Context())) }()
	switchTriggers := func(to string) {
		for _, table := range []string{"cases", "case_events"} {
			if _, err := tx.Exec(d.t.Context(), "ALTER TABLE "+table+" "+to+" TRIGGER USER"); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	switchTriggers("DISABLE")
	if _, err := tx.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	switchTriggers("ENABLE")
	if err := tx.Commit(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

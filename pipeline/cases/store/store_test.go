package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestAnOffenceIsTakenInOnceAndDecidedByOnePerson(t *testing.T) {
	d := openDesk(t)
	in := newIntake(0, d.now())
	if got := d.takeIn(in, in, newIntake(1, d.now())); got != (Taken{New: 2, Repeated: 1}) {
		t.Fatalf("first intake: %+v", got)
	}
	if got, err := d.other.TakeIn(t.Context(), []cases.Intake{in}); err != nil || got != (Taken{Repeated: 1}) {
		t.Fatalf("repeated intake: %+v, %v", got, err)
	}
	item := d.lease(agent("an"), cases.QueueDecide)
	if item.Case.Offence != in.Offence {
		t.Errorf("got offence %s, want the next due", item.Case.Offence)
	}
	done := d.mustAnswer(agent("an"), &item, confirmation())
	if done.Case.State != cases.Settling || done.Event.SettlesTo != cases.Confirmed {
		t.Errorf("after the verdict: %s, settles to %s", done.Case.State, done.Event.SettlesTo)
	}
	d.pass(11 * time.Second)
	if got := d.stateOf(item.Case.ID); got != cases.Confirmed {
		t.Errorf("before any sweep: %s, want confirmed by the clock", got)
	}
	if n := d.sweep(); n != 1 {
		t.Errorf("the sweep wrote %d rows", n)
	}
	last, err := d.MyLast(t.Context(), "an", 10)
	if err != nil || len(last) != 1 || last[0].Kind != cases.Decided {
		t.Errorf("my last: %+v, %v", last, err)
	}
	missing, err := d.Missing(t.Context(), []schemas.OffenceID{in.Offence, newIntake(7, 0).Offence})
	if err != nil || len(missing) != 1 || missing[0] != newIntake(7, 0).Offence {
		t.Errorf("missing: %v, %v", missing, err)
	}
	if hours, err := d.CountByHour(t.Context(), d.now()-3*schemas.Hour, d.now()); err != nil || len(hours) != 1 || hours[0].N != 2 {
		t.Errorf("by hour: %v, %v", hours, err)
	}
	d.allHolds()
}

func TestARepeatedOffenceWithOtherBytesIsAnIncidentAndOverwritesNothing(t *testing.T) {
	d := openDesk(t)
	in := newIntake(0, d.now())
	d.takeIn(in)
	item := d.lease(agent("an"), cases.QueueDecide)
	other := newIntake(0, d.now())
	other.Sealed = []byte("other bytes")
	other.Seal = sha256.Sum256(other.Sealed)
	for i, want := range []Taken{{Differing: 1}, {Repeated: 1}} {
		if got := d.takeIn(other); got != want {
			t.Errorf("repetition %d: %+v, want %+v", i+1, got, want)
		}
	}
	got, err := d.Get(t.Context(), item.Case.ID)
	if err != nil || string(got.Sealed) != string(in.Sealed) || len(got.Case.Incidents) != 1 {
		t.Fatalf("the case has %q and incidents %v, %v", got.Sealed, got.Case.Incidents, err)
	}
	_, err = d.Do(t.Context(), &Request{Case: item.Case.ID, IfVersion: 2, Lease: item.Lease.ID, Command: confirmation(), By: agent("an"), Key: "k"})
	wantCode(t, err, cases.CodeIncident)
	open, err := d.Incidents(t.Context(), nil, nil, 10)
	if err != nil || len(open) != 1 || open[0].Kind != cases.SealDiffers {
		t.Fatalf("open incidents: %+v, %v", open, err)
	}
	settle := cases.CloseIncident{N: open[0].N, Text: "the bytes of a test machine"}
	if _, err := d.Do(t.Context(), &Request{Case: item.Case.ID, IfVersion: 2, Command: settle, By: supervisor("su"), Key: "c"}); err != nil {
		t.Fatal(err)
	}
	if open, err := d.Incidents(t.Context(), nil, nil, 10); err != nil || len(open) != 0 {
		t.Errorf("after closing: %+v, %v", open, err)
	}
	d.allHolds()
}

func TestAnOffenceWhoseSealDoesNotHoldIsASupervisors(t *testing.T) {
	d := openDesk(t)
	broken, missing := newIntake(0, d.now()), newIntake(1, d.now())
	broken.SealHolds = false
	missing.Sealed = nil
	odd := newIntake(2, d.now())
	odd.Site, odd.Decision.LegalBasis, odd.Marks = "S\x00\xff", "art.\x00", []string{"\xfe"}
	if got := d.takeIn(broken, missing, odd); got.New != 3 {
		t.Fatalf("%+v", got)
	}
	if n, err := d.Count(t.Context(), Filter{States: []cases.State{cases.Arbitration}}); err != nil || n != 2 {
		t.Errorf("%d are arbitrated, %v", n, err)
	}
	if open, err := d.Incidents(t.Context(), nil, nil, 10); err != nil || len(open) != 2 {
		t.Errorf("open incidents: %+v, %v", open, err)
	}
	_, err := d.TakeIn(t.Context(), []cases.Intake{{Attempt: 1}})
	wantCode(t, err, cases.CodeInvalid)
	d.allHolds()
}

func TestTheSameKeyGivesTheFirstAnswerAgain(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	r := &Request{Case: item.Case.ID, IfVersion: 1, Key: "once", Lease: item.Lease.ID, Command: confirmation(), By: an}
	answers := make([]Done, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			s := []*Store{d.Store, d.other}[i%2]
			var err error
			if answers[i], err = s.Do(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	again := 0
	for _, a := range answers {
		if a.Event == nil || a.Event.ID != answers[0].Event.ID || a.Case.Version != 2 {
			t.Errorf("an answer with %+v", a.Event)
		}
		if a.Again {
			again++
		}
	}
	if again != len(answers)-1 {
		t.Errorf("%d of %d answers are repetitions", again, len(answers))
	}
	reused := *r
	reused.Command = rejection(cases.Exemption)
	_, err := d.Do(t.Context(), &reused)
	wantCode(t, err, cases.CodeKeyReused)
	second := d.lease(an, cases.QueueDecide)
	_, err = d.Do(t.Context(), &Request{Case: second.Case.ID, IfVersion: 1, Key: "once", Lease: second.Lease.ID, Command: confirmation(), By: an})
	wantCode(t, err, cases.CodeKeyReused)
	if _, err := d.owner.Exec(t.Context(), "UPDATE case_keys SET taken_at = taken_at - interval '25 hours'"); err != nil {
		t.Fatal(err)
	}
	d.mustAnswer(an, &second, confirmation())
	if err := d.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.allHolds()
}

func TestTwoPeopleAndOneItem(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	if list, err := d.other.Lease(t.Context(), new(agent("bo")), cases.QueueDecide, 3, Filter{}); err != nil || len(list) != 0 {
		t.Fatalf("bo got %v, %v: an has the only item", list, err)
	}
	_, err := d.LeaseCase(t.Context(), new(agent("bo")), item.Case.ID)
	wantCode(t, err, cases.CodeLeaseLost)
	bo := &Request{Case: item.Case.ID, IfVersion: 1, Key: "b", Lease: item.Lease.ID, Command: confirmation(), By: agent("bo")}
	_, err = d.Do(t.Context(), bo)
	wantCode(t, err, cases.CodeLeaseLost)
	d.mustAnswer(an, &item, confirmation())
	_, err = d.Do(t.Context(), bo)
	wantCode(t, err, cases.CodeDecided)
	got, err := d.Get(t.Context(), item.Case.ID)
	if err != nil || len(got.Events) != 2 {
		t.Errorf("%d events, %v", len(got.Events), err)
	}
}

func TestALeaseLivesByItsHeartbeat(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an, bo := agent("an"), agent("bo")
	item := d.lease(an, cases.QueueDecide)
	d.pass(4 * time.Minute)
	until, err := d.other.Heartbeat(t.Context(), new(agent("an")), []cases.ID{item.Lease.ID, {}})
	if err != nil || len(until) != 1 || until[item.Lease.ID] < d.now()+4*schemas.Minute {
		t.Fatalf("heartbeat: %v, %v", until, err)
	}
	if held, err := d.Held(t.Context(), "an"); err != nil || len(held) != 1 || held[0].Lease.ID != item.Lease.ID {
		t.Errorf("an holds %v, %v", held, err)
	}
	if until, err := d.Heartbeat(t.Context(), new(agent("bo")), []cases.ID{item.Lease.ID}); err != nil || len(until) != 0 {
		t.Errorf("bo extends the lease of an: %v, %v", until, err)
	}
	d.pass(6 * time.Minute)
	if until, err := d.Heartbeat(t.Context(), new(agent("an")), []cases.ID{item.Lease.ID}); err != nil || len(until) != 0 {
		t.Errorf("a lapsed lease was extended: %v, %v", until, err)
	}
	_, err = d.answer(an, &item, confirmation())
	wantCode(t, err, cases.CodeLeaseLost)
	again, err := d.LeaseCase(t.Context(), &an, item.Case.ID)
	if err != nil || again.Lease.ID == item.Lease.ID {
		t.Fatalf("taken again: %+v, %v", again.Lease, err)
	}
	_, err = d.answer(an, &again, confirmation())
	wantCode(t, err, cases.CodePictures) // the pictures of the lapsed lease do not count
	if err := d.GiveBack(t.Context(), &an, again.Lease.ID, false); err != nil {
		t.Fatal(err)
	}
	for _, who := range []cases.Actor{an, bo, agent("cy")} {
		item := d.lease(who, cases.QueueDecide)
		if err := d.GiveBack(t.Context(), &who, item.Lease.ID, true); err != nil {
			t.Fatal(err)
		}
		if list, err := d.Lease(t.Context(), &who, cases.QueueDecide, 1, Filter{}); err != nil || len(list) != 0 {
			t.Errorf("%s gets the skipped item again: %v", who.User, err)
		}
	}
	if got := d.stateOf(item.Case.ID); got != cases.Arbitration {
		t.Errorf("after three skips: %s", got)
	}
	_, err = d.Lease(t.Context(), &an, cases.QueueArbitration, 1, Filter{})
	wantCode(t, err, cases.CodeRole)
	d.lease(supervisor("su"), cases.QueueArbitration)
	d.allHolds()
}

func TestAnUndoGivesTheItemBackUnderANewLease(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	done := d.mustAnswer(an, &item, confirmation())
	d.pass(9 * time.Second)
	undo := func(e *cases.Event, key string) (Done, error) {
		return d.other.Do(t.Context(), &Request{Case: item.Case.ID, Key: key, Command: cases.Undo{Event: e.ID}, By: an})
	}
	undone, err := undo(done.Event, "u1")
	if err != nil || undone.Lease == nil || undone.Lease.Lease.ID == item.Lease.ID || undone.Case.State != cases.Open {
		t.Fatalf("undo: %+v, %v", undone.Lease, err)
	}
	d.seePictures(an, undone.Lease)
	done = d.mustAnswer(an, undone.Lease, rejection(cases.Exemption))
	d.pass(11 * time.Second)
	_, err = undo(done.Event, "u2")
	wantCode(t, err, cases.CodeDecided)
	d.sweep()
	if got := d.stateOf(item.Case.ID); got != cases.Rejected {
		t.Errorf("%s, want rejected", got)
	}
	d.allHolds()
}

func TestAStaleVersionIsRefusedAndChangesNothing(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	if _, err := d.other.Do(t.Context(), &Request{Case: item.Case.ID, IfVersion: 1, Key: "n", Command: cases.Note{Text: "seen by phone"}, By: supervisor("su")}); err != nil {
		t.Fatal(err)
	}
	_, err := d.answer(an, &item, confirmation())
	wantCode(t, err, cases.CodeStale)
	item.Case.Version = 2
	d.mustAnswer(an, &item, confirmation()) // under the same key: what was refused may be sent again
	_, err = d.Do(t.Context(), &Request{Case: cases.ID{ID: schemas.ID{1}}, Command: cases.Note{Text: "x"}, By: an})
	wantCode(t, err, cases.CodeNotFound)
	d.allHolds()
}

// The commit is on its way with the events (D256): a call that is cut off there may be done whole, and its key says so.
func TestACallThatIsCutOffLeavesNothingHalf(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	// The events wait for a lock, so the call stands in the middle of its transaction when it ends.
	tx, err := d.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE case_events IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cut := make(chan error)
	go func() {
		_, err := d.Do(ctx, &Request{Case: item.Case.ID, IfVersion: 1, Key: "k", Lease: item.Lease.ID, Command: confirmation(), By: an})
		cut <- err
	}()
	d.waitForLocks(1)
	cancel()
	if err := <-cut; err == nil {
		t.Fatal("the call ended well")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	done, err := d.other.Do(t.Context(), &Request{Case: item.Case.ID, IfVersion: 1, Key: "k", Lease: item.Lease.ID, Command: confirmation(), By: an})
	if err != nil || done.Case.State != cases.Settling {
		t.Errorf("sent again: %+v, %v", done, err)
	}
	var n int
	if err := d.owner.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'decided'").Scan(&n); err != nil || n != 1 {
		t.Errorf("the verdict stands %d times, %v", n, err)
	}
	d.allHolds()
}

// waitForLocks returns when so many statements wait for a lock.
func (d *desk) waitForLocks(n int) {
	d.t.Helper()
	for waits := 0; waits < n; { // the server says so
		if err := d.owner.QueryRow(d.t.Context(), "SELECT count(*) FROM pg_locks l JOIN pg_database b ON b.datname = current_database() WHERE NOT granted AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE datid = b.oid)").Scan(&waits); err != nil {
			d.t.Fatal(err)
		}
	}
}

func TestTwoCallsOnOneCaseWaitForEachOther(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()))
	an := agent("an")
	item := d.lease(an, cases.QueueDecide)
	tx, err := d.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE case_events IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var verdict, repeated, note Done
	var errs [3]error
	r := &Request{Case: item.Case.ID, IfVersion: 1, Key: "k", Lease: item.Lease.ID, Command: confirmation(), By: an}
	wg.Go(func() { verdict, errs[0] = d.Do(t.Context(), r) })
	d.waitForLocks(1)
	wg.Go(func() { repeated, errs[1] = d.other.Do(t.Context(), r) })
	d.waitForLocks(2)
	wg.Go(func() {
		note, errs[2] = d.other.Do(t.Context(), &Request{Case: item.Case.ID, Command: cases.Note{Text: "by phone"}, By: supervisor("su")})
	})
	d.waitForLocks(3)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if !repeated.Again || repeated.Event.ID != verdict.Event.ID || note.Event.N != 3 {
		t.Errorf("the verdict %+v, again %+v, then %+v", verdict.Event, repeated.Event, note.Event)
	}
	d.allHolds()
}

func TestPeopleWhoLeaseAtOnceGetDifferentItems(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 24 {
		in = append(in, newIntake(i, d.now()))
	}
	d.takeIn(in...)
	var taken sync.Map
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			by := agent(fmt.Sprintf("agent%d", p))
			items, err := []*Store{d.Store, d.other}[p%2].Lease(t.Context(), &by, cases.QueueDecide, MaxLeases, Filter{})
			if err != nil {
				t.Error(err)
			}
			for _, item := range items {
				if who, twice := taken.LoadOrStore(item.Case.ID, p); twice {
					t.Errorf("agents %d and %d hold case %s", who, p, item.Case.ID)
				}
			}
		})
	}
	wg.Wait()
	// A transaction that picked and has not committed keeps its items, and nobody waits for it.
	rows, err := d.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.pass(6 * time.Minute)
	picked, err := d.pickItems(t.Context(), rows, new(agent("slow")), cases.QueueDecide, 23, Filter{}, d.now())
	if err != nil || len(picked) != 23 {
		t.Fatalf("picked %d, %v", len(picked), err)
	}
	if items, err := d.Lease(t.Context(), new(agent("an")), cases.QueueDecide, MaxLeases, Filter{}); err != nil || len(items) != 1 {
		t.Errorf("beside an open pick: %d items, %v, want the one left", len(items), err)
	}
	if err := rows.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestManyPeopleDecideEveryCaseOnce lets people work through two offices while calls are cut off at any place.
func TestManyPeopleDecideEveryCaseOnce(t *testing.T) {
	const people, total = 6, 60
	d := openDesk(t)
	d.policy.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: 3000}}
	list := make([]cases.Intake, total)
	for i := range list {
		list[i] = newIntake(i, d.now())
	}
	d.takeIn(list...)
	var held sync.Map // case -> who works on it
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			if err := d.work(t.Context(), p, &held); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for p := people; p < people+2; p++ { // what was left under leases of cut calls
		d.pass(time.Hour)
		d.sweep()
		if err := d.work(t.Context(), p, &held); err != nil {
			t.Error(err)
		}
	}
	totals, err := d.Totals(t.Context())
	if err != nil || totals.ByState[cases.Confirmed] != total {
		t.Errorf("%+v, %v: want all %d confirmed", totals, err, total)
	}
	var twice int
	if err := d.owner.QueryRow(t.Context(), `SELECT count(*) FROM (SELECT case_id FROM case_events WHERE kind IN ('decided', 'second_decided') GROUP BY case_id, kind HAVING count(*) > 1) x`).
		Scan(&twice); err != nil || twice != 0 {
		t.Errorf("%d cases were decided twice, %v", twice, err)
	}
	d.allHolds()
}

// work decides until both queues are empty for the person, and everything has settled.
func (d *desk) work(ctx context.Context, p int, held *sync.Map) error {
	by := agent(fmt.Sprintf("agent%d", p))
	s := []*Store{d.Store, d.other}[p%2]
	for round, empty := 0, 0; empty < 6; round++ {
		queue := []cases.Queue{cases.QueueDecide, cases.QueueSecond}[round%2]
		items, err := s.Lease(ctx, &by, queue, MaxLeases, Filter{})
		if err != nil {
			return err
		}
		if len(items) == 0 {
			empty++
			d.pass(6 * time.Second) // verdicts take effect, and leases of cut calls lapse
			if _, err := s.Sweep(ctx); err != nil {
				return err
			}
			continue
		}
		empty = 0
		for i := range items {
			if err := d.decideOnce(ctx, s, by, &items[i], held, (round+i)%3 == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *desk) decideOnce(ctx context.Context, s *Store, by cases.Actor, item *cases.Leased, held *sync.Map, cut bool) error {
	id := item.Case.ID
	for _, p := range item.Case.Pictures {
		if err := s.NotePicture(ctx, by.User, id, p.Sum); err != nil {
			return err
		}
	}
	r := &Request{Case: id, IfVersion: item.Case.Version, Key: item.Lease.ID.String(), Lease: item.Lease.ID, Command: confirmation(), By: by}
	if cut { // the first call ends anywhere; the same key makes it once
		short, cancel := context.WithTimeout(ctx, time.Duration(id.ID[0])*10*time.Microsecond)
		_, _ = s.Do(short, r)
		cancel()
	}
	_, err := s.Do(ctx, r)
	if refusal, ok := errors.AsType[*cases.Refusal](err); ok && (refusal.Code == cases.CodeLeaseLost || refusal.Code == cases.CodeDecided || refusal.Code == cases.CodePictures || refusal.Code == cases.CodeStale) {
		return nil // the clock of the test ran past the lease
	}
	if err == nil {
		if who, twice := held.LoadOrStore(fmt.Sprint(id, item.Queue), by.User); twice && who != by.User {
			return fmt.Errorf("case %s was decided in %s by %s and %s", id, item.Queue, who, by.User)
		}
	}
	return err
}

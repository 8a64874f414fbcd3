package store

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// openWire opens a wire of camera C1 and family speed, as the detector does.
func (d *desk) openWire() Wire {
	d.t.Helper()
	now := d.now()
	w, opened, err := d.OpenWire(d.t.Context(), Wire{
		Camera: "C1", Family: "speed", Zone: "5339", Regime: cases.RegimeTraffic, DoubtFrom: now - 5*schemas.Minute, DoubtTo: now,
		Evidence: []schemas.Step{{Code: "tripwire.rate", Args: []string{"30", "40"}, Verified: true}},
	})
	if err != nil || !opened {
		d.t.Fatalf("opened %t, %v", opened, err)
	}
	return w
}

// follow does every step that wires demand, and returns their sum.
func (d *desk) follow() (sum Followed) {
	d.t.Helper()
	for {
		f, err := d.FollowWires(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		sum.Held, sum.Freed = sum.Held+f.Held, sum.Freed+f.Freed
		if f == (Followed{}) {
			return sum
		}
	}
}

// openNow is a decider that finds an offence for a person in every passage.
var openNow = deciderFunc(func(cases.Question) cases.Answer {
	return cases.Answer{Outcome: cases.OutcomeOpen, Facts: cases.Facts{Verified: true, AmountCents: 5300, Catalogue: "c1", Reference: "r1"}}
})

// at gives an intake another camera.
func at(in cases.Intake, camera string) cases.Intake {
	in.Decision.On.Camera = camera
	return in
}

// While a wire is open no case of its camera and family is decided or handed over, whatever way it comes, and its neighbours
// go on. A named person releases it, and the rules bring the cases back.
func TestAnOpenWireStopsIssuing(t *testing.T) {
	d := openHandover(t)
	sent := d.confirm(2)
	d.number()
	now := d.now()
	d.takeIn(newIntake(10, now), at(newIntake(11, now), "C2"), heldIntake(12, now, "register_stale", 0))
	w := d.openWire()
	d.takeIn(newIntake(13, now), at(newIntake(14, now), "C2"), newIntake(15, now))
	if f := d.follow(); f.Held != 1 || f.Freed != 0 {
		t.Errorf("%+v, want one open case held", f)
	}
	if n := d.redecideDue(openNow); n != 0 {
		t.Errorf("%d cases are due", n)
	}
	if _, err := d.pool.Exec(t.Context(), "UPDATE cases SET look_at = now() - interval '1 hour' WHERE state = 'held'"); err != nil { // newer data came
		t.Fatal(err)
	}
	d.redecideDue(openNow)
	count := func(state cases.State, camera string) (n int) {
		if err := d.pool.QueryRow(t.Context(), "SELECT count(*) FROM cases WHERE state = $1 AND camera = $2", string(state), camera).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if count(cases.Open, "C1") != 0 || count(cases.Held, "C1") != 4 || count(cases.Open, "C2") != 2 {
		t.Errorf("open %d, held %d at the camera, open %d beside it", count(cases.Open, "C1"), count(cases.Held, "C1"), count(cases.Open, "C2"))
	}
	if got, kept, err := d.SendBatch(t.Context(), d.batchOf(sent...)); err != nil || len(got) != 0 || len(kept) != 2 || !slices.Equal(kept[0].Reasons, []string{cases.HeldByWire}) {
		t.Errorf("%d handed over, kept %+v, %v", len(got), kept, err)
	}
	d.allHolds()

	list, err := d.Wires(t.Context(), []string{"5339"}, nil, 10)
	if err != nil || len(list) != 1 || list[0].Held != 4 || list[0].Unsent != 2 || list[0].ID != w.ID || len(list[0].Evidence) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	by := supervisor("su")
	for _, bad := range []struct {
		by            cases.Actor
		finding, text string
		want          cases.Code
	}{
		{agent("an"), WireMended, "the limit was put right", cases.CodeRole},
		{cases.SystemActor(), WireMended, "the limit was put right", cases.CodeRole},
		{by, "why", "the limit was put right", cases.CodeInvalid},
		{by, WireReal, "short", cases.CodeInvalid},
		{cases.Actor{User: "zo", Role: cases.Supervisor, Zones: []string{"5340"}}, WireReal, "the limit was put right", cases.CodeNotFound},
	} {
		_, err := d.ReleaseWire(t.Context(), w.ID, &bad.by, bad.finding, bad.text)
		wantCode(t, err, bad.want)
	}
	if _, err := d.ReleaseWire(t.Context(), w.ID, &by, WireMended, "the limit was put right at 14:00"); err != nil {
		t.Fatal(err)
	}
	_, err = d.other.ReleaseWire(t.Context(), w.ID, &by, WireMended, "the limit was put right at 14:00")
	wantCode(t, err, cases.CodeDecided)
	if f := d.follow(); f.Freed != 4 || f.Held != 0 {
		t.Errorf("%+v, want four cases freed", f)
	}
	d.redecideDue(openNow)
	if count(cases.Open, "C1") != 4 || count(cases.Held, "C1") != 0 {
		t.Errorf("after the release %d are open and %d held", count(cases.Open, "C1"), count(cases.Held, "C1"))
	}
	d.mustSend(sent...)
	d.allHolds()
	for _, sql := range []string{"UPDATE tripwires SET finding = 'real'", "DELETE FROM tripwires", "UPDATE tripwires SET camera = 'C2'"} {
		if _, err := d.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("the office may: %s", sql)
		}
	}
	if _, err := d.owner.Exec(t.Context(), "UPDATE tripwires SET evidence = '[]'"); err == nil {
		t.Error("a released wire was changed")
	}
}

// Several offices that trip one wire make one, and a batch under way ends before a wire is open.
func TestTwoOfficesMakeOneWire(t *testing.T) {
	d := openHandover(t)
	var made atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			s := []*Store{d.Store, d.other}[i%2]
			_, opened, err := s.OpenWire(t.Context(), Wire{Camera: []string{"C1", "C2"}[i/3], Family: "speed", Regime: cases.RegimeTraffic, OpenedBy: "su", OpenedText: "the limit is in doubt"})
			if err != nil {
				t.Error(err)
			}
			if opened {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if n, err := d.CountOpenWires(t.Context()); err != nil || n != 2 || made.Load() != 2 {
		t.Errorf("%d wires, %d made, %v", n, made.Load(), err)
	}
	by := supervisor("su")
	list, err := d.Wires(t.Context(), nil, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range list {
		if _, err := d.ReleaseWire(t.Context(), w.ID, &by, WireReal, "a school street, announced"); err != nil {
			t.Fatal(err)
		}
	}

	ids := d.confirm(1)
	d.number()
	batch, opening := d.batchOf(ids...), make(chan error, 1)
	write := batch.Write
	batch.Write = func(at schemas.Micros, sent []cases.ID) (*BatchFile, error) {
		go func() {
			_, _, err := d.other.OpenWire(t.Context(), Wire{Camera: "C1", Family: "speed", Regime: cases.RegimeTraffic, OpenedBy: "su", OpenedText: "the limit is in doubt"})
			opening <- err
		}()
		for waits := 0; waits == 0; { // until the other office waits for the batch
			if err := d.owner.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waits); err != nil {
				return nil, err
			}
		}
		return write(at, sent)
	}
	if sent, kept, err := d.SendBatch(t.Context(), batch); err != nil || len(sent) != 1 {
		t.Errorf("%d sent, kept %+v, %v", len(sent), kept, err)
	}
	if err := <-opening; err != nil {
		t.Fatal(err)
	}
	if wired, err := d.IsWired(t.Context(), "C1", "speed"); err != nil || !wired {
		t.Errorf("wired %t, %v", wired, err)
	}
}

// The detector sees what was taken in lately of cameras without an open wire, with the excess and the hold of each offence.
func TestArrivalsOfCameras(t *testing.T) {
	d := openDesk(t)
	now := d.now()
	var list []cases.Intake
	for i := range 5 {
		in := newIntake(i, now)
		in.Decision.On.Plate = schemas.MustPlate([]string{"1AAA001", "1AAA002", "1AAA003", "1AAA003", "1AAA003"}[i])
		in.Decision.On.CapturedAt = now - schemas.Micros(i)*schemas.Minute
		in.Decision.Measures = []schemas.Measure{{Name: schemas.CorrectedSpeed, Value: 650}, {Name: schemas.AllowedSpeed, Value: 500}}
		list = append(list, in, at(heldIntake(100+i, now, "register_stale", 0), "C2"))
	}
	d.takeIn(list...)
	got, err := d.Arrivals(t.Context(), now-schemas.Minute, schemas.Hour, 3)
	if err != nil || len(got) != 1 || got[0].Camera != "C1" || got[0].From != now-4*schemas.Minute || got[0].To != now {
		t.Errorf("%+v, %v", got, err)
	}
	offences, err := d.OffencesOf(t.Context(), "C1", "speed", now-4*schemas.Minute, now)
	if err != nil || len(offences) != 4 || offences[0].Excess != 150 || offences[0].Plate != "1AAA003" || offences[0].HeldFor != "" {
		t.Errorf("%+v, %v", offences, err)
	}
	if held, err := d.OffencesOf(t.Context(), "C2", "speed", now-2*schemas.Hour, now); err != nil || len(held) != 5 || held[0].HeldFor != "register_stale" || held[0].Excess != 0 {
		t.Errorf("%+v, %v", held, err)
	}
	d.openWire()
	if got, err := d.Arrivals(t.Context(), now-schemas.Minute, schemas.Hour, 3); err != nil || len(got) != 0 {
		t.Errorf("with an open wire: %+v, %v", got, err)
	}
}

package roles

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// wireWorld is two offices that watch the offences of cameras in real tables.
type wireWorld struct {
	*fileDesk
	watchers [2]*tripwires
	n        uint64
}

// newWireWorld makes three weeks of reads at cameras C1 and C2, one a minute, and of offences at C1, each in an hour of its
// own.
func newWireWorld(t *testing.T) *wireWorld {
	w := &wireWorld{fileDesk: newFileDesk(t)}
	addr, db := testkit.Tables(t)
	conn, err := (platform.ClickHouse{Addr: addr, Database: db}).Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	begin := w.now() - 21*24*schemas.Hour
	if err := conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO reads (read_id, camera_id, plate, captured_at, received_at, kafka_offset)
		SELECT generateUUIDv4(), if(number %% 2 = 0, 'C1', 'C2'), 'P', fromUnixTimestamp64Micro(%d + intDiv(number, 2) * 60000000, 'UTC') AS at, at, number FROM numbers(%d)`, begin, 2*21*24*60)); err != nil {
		t.Fatal(err)
	}
	for i := range w.watchers {
		w.watchers[i] = &tripwires{store: w.offices[i], reads: &readCounts{conn}, law: w.law, metrics: feed.NewMetrics(nil), log: zerolog.Nop()}
	}
	w.offend("C1", begin, begin+21*24*schemas.Hour, 21*8)
	return w
}

// offend takes in n offences of vehicles of their own, evenly between two captures.
func (w *wireWorld) offend(camera string, from, to schemas.Micros, n int) {
	w.t.Helper()
	var list []cases.Intake
	far := w.now() + 100*24*schemas.Hour
	for i := range n {
		w.n++
		var id schemas.ID
		binary.BigEndian.PutUint64(id[8:], w.n)
		in := cases.Intake{
			Offence: schemas.OffenceID{ID: id}, Attempt: 1, Sealed: []byte("sealed"), SealHolds: true, Zone: "5339", Regime: cases.RegimeTraffic, Track: cases.ImmediateCollection,
			Clocks: cases.Clocks{DecideBy: far, SendBy: far, DropBy: far},
		}
		d := &in.Decision
		d.Rule, d.Family, d.Outcome, d.Verified = rules.RuleSpeed, "speed", schemas.OutcomeOffence, true
		d.On.Camera, d.On.CapturedAt, d.On.Plate = camera, from+(to-from)*schemas.Micros(i)/schemas.Micros(n), schemas.MustPlate(fmt.Sprintf("1%03dAA", w.n))
		list = append(list, in)
	}
	if _, err := w.offices[0].TakeIn(w.t.Context(), list); err != nil {
		w.t.Fatal(err)
	}
}

// watch lets both offices compare at once, and returns the open wires.
func (w *wireWorld) watch() []store.Wire {
	w.t.Helper()
	var wg sync.WaitGroup
	for _, x := range w.watchers {
		wg.Go(func() {
			if err := x.run(w.t.Context()); err != nil {
				w.t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := w.offices[0].Wires(w.t.Context(), nil, nil, 10)
	if err != nil {
		w.t.Fatal(err)
	}
	var open []store.Wire
	for _, x := range list {
		if x.ReleasedAt == 0 {
			open = append(open, x)
		}
	}
	return open
}

// Offences that jump at one camera trip its wire once, whatever offices watch; the camera beside it goes on. Late reads, what
// was looked at, and what a register lacks trip none.
func TestAJumpOfOffencesOpensOneWire(t *testing.T) {
	w := newWireWorld(t)
	now := w.now()
	w.offend("C1", now-10*24*schemas.Hour, now-10*24*schemas.Hour+5*schemas.Minute, 1) // late reads of an ordinary hour
	w.offend("C1", now-4*schemas.Minute, now, 2)
	w.offend("C2", now-4*schemas.Minute, now, 4)
	if open := w.watch(); len(open) != 0 {
		t.Fatalf("ordinary offences trip %+v", open)
	}
	w.offend("C1", now-4*schemas.Minute, now, 14)
	open := w.watch()
	if len(open) != 1 || open[0].Camera != "C1" || open[0].Family != "speed" || open[0].OpenedBy != "" || len(open[0].Evidence) != 2 || open[0].Evidence[0].Code != "tripwire.same_hour" {
		t.Fatalf("a jump trips %+v", open)
	}
	if again := w.watch(); len(again) != 1 || again[0].ID != open[0].ID {
		t.Errorf("a second round: %+v", again)
	}
	if f, err := w.offices[1].FollowWires(t.Context()); err != nil || f.Held != 21*8+17 {
		t.Errorf("%+v, %v: every open case of the camera is held", f, err)
	}
	by := cases.Actor{User: "su", Role: cases.Supervisor}
	if _, err := w.offices[0].ReleaseWire(t.Context(), open[0].ID, &by, store.WireReal, "a new limit of 30 km/h"); err != nil {
		t.Fatal(err)
	}
	if open := w.watch(); len(open) != 0 {
		t.Errorf("what a person looked at trips again: %+v", open)
	}
	for _, x := range w.watchers { // as after a restart
		x.upTo = 0
	}
	if open := w.watch(); len(open) != 0 {
		t.Errorf("after a restart: %+v", open)
	}
	w.offend("C2", now-4*schemas.Minute, now, 20)
	if open := w.watch(); len(open) != 1 || open[0].Camera != "C2" {
		t.Errorf("the camera beside it: %+v", open)
	}
}

// The holds that a register's copy brings are not counted, and the list of permits is no register.
func TestHoldsForARegisterAreNotCounted(t *testing.T) {
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	ignored := map[string]bool{}
	for _, reason := range ignoredHolds(cat.CaseRulesAt(schemas.MicrosOf(time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)))) {
		ignored[reason] = true
	}
	for reason, want := range map[string]bool{"register_stale": true, "vehicle_unknown": true, "permits_incomplete": false, "kind_contradicts": false, "foreign_unregistered": false} {
		if ignored[reason] != want {
			t.Errorf("%s: ignored %t", reason, !want)
		}
	}
}

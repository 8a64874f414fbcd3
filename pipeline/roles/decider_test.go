package roles

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// matureWorld is a zone with one camera, stored passages, and reference data that the test writes.
type matureWorld struct {
	t     *testing.T
	dir   string
	conn  driver.Conn
	store *reference.Store
	decider
	n int64

	tables   platform.ClickHouse
	conns    *replay.Connections
	unstored bool         // pass stores nothing until storePasses
	outcome  atomic.Value // schemas.Outcome of the decision whose facts were asked for last; cases are decided at the same time
	waiting  []string     // statements of such passages
}

type decider = *caseDecider

func newMatureWorld(t *testing.T) *matureWorld {
	t.Helper()
	addr, db := testkit.Tables(t)
	tables := platform.ClickHouse{Addr: addr, Database: db}
	conn, err := tables.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w := &matureWorld{t: t, dir: t.TempDir(), conn: conn, tables: tables}
	for _, table := range []string{"reads", "passages"} { // the captures are not of the engine's clock
		w.exec("ALTER TABLE " + table + " REMOVE TTL")
	}
	w.write("cameras.yaml", `cameras: [{id: C1, site: S1, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50846700, lon_e6: 4352500, purposes: [lez], valid_from: 2018-01-01, inside_lez: true, `+
		`lanes: [{number: 1, direction: approaching}]}]`+"\n")
	w.data("2026-11-20", "2026-11-20", "2026-11-20", nil, nil, nil)
	if w.store, err = reference.NewStore(w.dir, reference.Options{AllowShrink: true}); err != nil {
		t.Fatal(err)
	}
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	w.conns = replay.NewConnections(tables.DialNative, decidedAtOnce)
	t.Cleanup(w.conns.Close)
	w.decider = newDecider(cat, w.store, w.conns, func(in *cases.Intake, takenIn schemas.Micros) (cases.Facts, cases.Clocks) {
		d := &in.Decision
		w.outcome.Store(d.Outcome)
		clocks := cat.CaseRulesAt(takenIn).Clocks(d.Family)
		return cases.Facts{AmountCents: d.AmountCents, Verified: d.Verified, LegalBasis: d.LegalBasis, Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion},
			cases.Clocks{DecideBy: clocks.Decide.Deadline(d.On.CapturedAt, takenIn)}
	})
	return w
}

func (w *matureWorld) exec(query string) {
	w.t.Helper()
	if err := w.conn.Exec(w.t.Context(), query); err != nil {
		w.t.Fatal(query, err)
	}
}

// storeRow executes an insert, or keeps it for storePasses.
func (w *matureWorld) storeRow(insert string) {
	w.t.Helper()
	if w.unstored {
		w.waiting = append(w.waiting, insert)
		return
	}
	w.exec(insert)
}

// storePasses stores the passages that pass did not store.
func (w *matureWorld) storePasses() {
	w.t.Helper()
	for _, insert := range w.waiting {
		w.exec(insert)
	}
	w.waiting, w.unstored = nil, false
}

func (w *matureWorld) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// data writes the reference data: ages of the copies, vehicles, registrations, passes.
func (w *matureWorld) data(registers, registrations, passes string, vehicles, registered, bought []string) {
	w.t.Helper()
	w.write("registers.yaml", fmt.Sprintf("registers: [{name: DIV, country: BE, as_of: %[1]s}, {name: RDW, country: NL, as_of: %[1]s}]\ncopies: [{name: registrations, as_of: %[2]s}, {name: passes, as_of: %[3]s}]\n",
		registers, registrations, passes))
	w.write("vehicles.csv", "plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to\n"+strings.Join(append(vehicles, ""), "\n"))
	w.write("registrations.csv", "plate,country,valid_from,valid_to,category,class,fuel,euro\n"+strings.Join(append(registered, ""), "\n"))
	w.write("passes.csv", "plate,country,day,issued\n"+strings.Join(append(bought, ""), "\n"))
	if w.store != nil {
		if err := w.store.Reload(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// pass stores a passage of one read, and returns the question about its case.
func (w *matureWorld) pass(plate, country string, at schemas.Micros) cases.Question {
	w.t.Helper()
	w.n++
	p := schemas.MustPlate(plate)
	c, _ := schemas.CountryFrom(country)
	read := schemas.NewReadID(&schemas.Read{Camera: "C1", CapturedAt: at, RawPlate: plate})
	passage := schemas.PassageIDOf(read)
	w.storeRow(fmt.Sprintf(`INSERT INTO reads (read_id, passage_id, camera_id, captured_at, received_at, plate, class, country, confidence, lane, direction, kind, kafka_offset)
		VALUES ('%s', '%s', 'C1', fromUnixTimestamp64Micro(%d, 'UTC'), fromUnixTimestamp64Micro(%d, 'UTC'), '%s', '%s', '%s', 950, 1, 'approaching', 'car', %d)`,
		read, passage, at, at+schemas.Second, p, p.Class(), country, w.n))
	w.storeRow(fmt.Sprintf(`INSERT INTO passages (passage_id, plate, class, camera_id, first_at, last_at, reads, variants, kafka_offset)
		VALUES ('%s', '%s', '%s', 'C1', fromUnixTimestamp64Micro(%d, 'UTC'), fromUnixTimestamp64Micro(%d, 'UTC'), 1, 1, %d)`, passage, p, p.Class(), at, at, w.n+1))
	return cases.Question{
		Offence: schemas.NewOffenceID(rules.RuleLEZ, p, c, []byte{byte(w.n)}), Passage: passage, Read: read, Rule: rules.RuleLEZ, Family: rules.InfoOf(rules.Families()[0].Family).Family,
		CapturedAt: at, TakenInAt: at + schemas.Minute,
	}
}

// expect asks at now and compares outcome, reason and date.
func (w *matureWorld) expect(what string, q cases.Question, now schemas.Micros, outcome cases.Outcome, reason string, until schemas.Micros) cases.Answer {
	w.t.Helper()
	q.Now = now
	a, err := w.Decide(w.t.Context(), q)
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	if a.Outcome != outcome || a.Reason != reason || a.HoldUntil != until || a.Gone {
		w.t.Errorf("%s: got %s %q until %s, want %s %q until %s", what, a.Outcome, a.Reason, a.HoldUntil, outcome, reason, until)
	}
	if a.Facts.Catalogue == "" || a.Facts.Reference != w.store.Current().Version() || a.Clocks == nil || len(a.Trace) < 5 {
		w.t.Errorf("%s: facts %+v, clocks %+v, %d clauses", what, a.Facts, a.Clocks, len(a.Trace))
	}
	if (outcome == cases.OutcomeOpen) != (a.Facts.AmountCents > 0) {
		w.t.Errorf("%s: %s with %d cents", what, outcome, a.Facts.AmountCents)
	}
	if (outcome == cases.OutcomeOpen) != (w.outcome.Load() == schemas.OutcomeOffence) {
		w.t.Errorf("%s: %s, and the export check saw %v", what, outcome, w.outcome.Load())
	}
	return a
}

func brussels(day, clock string) schemas.Micros {
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", day+" "+clock, schemas.Brussels())
	if err != nil {
		panic(err)
	}
	return schemas.MicrosOf(at)
}

// TestAHoldOfThePastEnds: reads of ten days ago are decided again under the data of today.
func TestAHoldOfThePastEnds(t *testing.T) {
	w := newMatureWorld(t)
	now := brussels("2026-11-29", "10:00:00")
	captured := brussels("2026-11-19", "18:30:00")
	const fresh = "2026-11-29T03:00:00+01:00"
	vehicles := []string{"1DIE004,BE,M1,diesel,4,false,2009-03-01,2015-05-01,", "12ABC3,NL,M1,diesel,4,false,2009-03-01,2015-05-01,", "1MND001,BE,M1,diesel,4,false,2009-03-01,2015-05-01,"}
	w.data(fresh, fresh, fresh, vehicles, []string{"FR222FR,FR,2026-11-24,2031-11-24,M1,,petrol,6", "FR333FR,FR,2026-11-25,2031-11-25,M1,,petrol,6", "FR444FR,FR,2026-11-20,2031-11-20,M1,,diesel,3"},
		[]string{"1PAS001,BE,2026-11-19,2026-11-20T21:00:00+01:00"})
	foreign := w.pass("FR111FR", "FR", captured)
	a := w.expect("foreign, not registered", foreign, now, cases.OutcomeOpen, "", 0)
	if a.Facts.AmountCents != 15_000 || !slices.ContainsFunc(a.Trace, func(s schemas.Step) bool { return s.Code == "hold.copy_fresh" && s.Holds }) {
		t.Errorf("got %d cents, trace %+v", a.Facts.AmountCents, a.Trace)
	}
	w.expect("registered on the last day of grace", w.pass("FR222FR", "FR", captured), now, cases.OutcomeWithdrawn, string(cases.Registered), 0)
	w.expect("registered a day too late", w.pass("FR333FR", "FR", captured), now, cases.OutcomeOpen, "", 0)
	if a := w.expect("registered in time as a vehicle below the norm", w.pass("FR444FR", "FR", captured), now, cases.OutcomeOpen, "", 0); a.Facts.AmountCents != 35_000 {
		t.Errorf("registered in time as a vehicle below the norm: got %d cents", a.Facts.AmountCents)
	}
	w.expect("Dutch, below the norm", w.pass("12ABC3", "NL", captured), now, cases.OutcomeOpen, "", 0)
	w.expect("Belgian, without a pass", w.pass("1DIE004", "BE", captured), now, cases.OutcomeOpen, "", 0)
	mended := w.pass("1MND001", "BE", captured)
	w.expect("Belgian, before the register was mended", mended, now, cases.OutcomeOpen, "", 0)
	bought := w.pass("1PAS001", "BE", captured)
	unknown := w.pass("1UNK001", "BE", captured)
	w.expect("not in the register", unknown, now, cases.OutcomeHeld, "vehicle_unknown", 0)

	vehicles = append(vehicles[:2], "1MND001,BE,M1,diesel,6,false,2019-03-01,2019-05-01,", "1PAS001,BE,M1,diesel,4,false,2009-03-01,2015-05-01,", "1UNK001,BE,M1,petrol,5,false,2010-03-01,2015-05-01,")
	w.data(fresh, fresh, fresh, vehicles, nil, []string{"1PAS001,BE,2026-11-19,2026-11-20T21:00:00+01:00"})
	w.expect("the register was mended", mended, now, cases.OutcomeWithdrawn, string(cases.NormKept), 0)
	w.expect("a pass bought on the last day", bought, now, cases.OutcomeWithdrawn, string(cases.PassFound), 0)
	w.expect("in the register now", unknown, now, cases.OutcomeWithdrawn, string(cases.NormKept), 0)

	// The copies that could cure must be as of the end of the hold: 25 November 00:00 for the registration.
	w.data(fresh, "2026-11-24T23:59:59+01:00", fresh, vehicles, nil, nil)
	w.expect("the registrations are a second too old", foreign, now, cases.OutcomeHeld, "register_stale", 0)
	w.data("2026-11-18", "2026-11-25", "2026-11-18", vehicles, nil, nil)
	w.expect("the registrations are recent enough, whatever the passes are", foreign, now, cases.OutcomeOpen, "", 0)
	w.expect("the passes are too old", w.pass("1DIE004", "BE", captured), now, cases.OutcomeHeld, "register_stale", 0)
	w.expect("the register itself is too old", unknown, now, cases.OutcomeWithdrawn, string(cases.NormKept), 0)
	w.data("2026-11-16", fresh, fresh, vehicles, nil, nil)
	w.expect("the register was too old at the capture", w.pass("1DIE004", "BE", captured), now, cases.OutcomeHeld, "register_stale", 0)

	// An age that nobody states is not known, however fresh the registers are.
	w.write("registers.yaml", "registers: [{name: DIV, country: BE, as_of: 2026-11-29}, {name: RDW, country: NL, as_of: 2026-11-29}]\n")
	unstated, err := reference.NewStore(w.dir, reference.Options{AllowShrink: true})
	if err != nil {
		t.Fatal(err)
	}
	stated := w.store
	w.store, w.reference = unstated, unstated
	w.expect("nobody states the age of the registrations", foreign, now, cases.OutcomeHeld, "register_stale", 0)
	w.store, w.reference = stated, stated

	// What persons read from the picture is another vehicle, which is registered.
	w.data(fresh, fresh, fresh, vehicles, []string{"FR999FR,FR,2026-11-24,2031-11-24,M1,,petrol,6"}, nil)
	keyed := foreign
	keyed.Reading = &cases.PlateReading{Plate: "FR999FR", Country: "FR"}
	w.expect("keyed as another plate", keyed, now, cases.OutcomeWithdrawn, string(cases.Registered), 0)
	keyed.Reading = &cases.PlateReading{Plate: "fr-999"}
	if _, err := w.Decide(t.Context(), keyed); err == nil {
		t.Error("a plate that is not canonical was decided")
	}
}

// What is merely missing says nothing about the vehicle: only what is over its retention is gone.
func TestOnlyWhatIsOverItsRetentionIsGone(t *testing.T) {
	w := newMatureWorld(t)
	now := schemas.MicrosOf(time.Now())
	at := now - 10*24*schemas.Hour
	kept := w.pass("FR111FR", "FR", at)
	otherRead, otherPassage := kept, kept
	otherRead.Read.ID[3] ^= 1
	otherPassage.Passage.ID[3] ^= 1
	over := schemas.MicrosOf(at.Time().AddDate(1, 0, 0))
	r := &caseReviver{w.decider, func(*cases.Intake) feed.Terms { return feed.Terms{} }, attempts(), localClock}
	var swallower cases.Case
	for name, q := range map[string]cases.Question{"read": otherRead, "passage": otherPassage} {
		q.Now = over - 1
		if a, err := w.Decide(t.Context(), q); !errors.Is(err, replay.ErrNotFound) {
			t.Errorf("a %s that the tables lack within its retention: got %+v %v", name, a, err)
		}
		q.Now = over
		if a, err := w.Decide(t.Context(), q); err != nil || !a.Gone {
			t.Errorf("a %s over its retention: got %+v %v", name, a, err)
		}
		swallower = cases.Case{Offence: q.Offence, Attempt: 1, Family: q.Family, Rule: q.Rule, CapturedAt: at, Plate: "FR111FR", Country: "FR"}
	}
	w.exec(fmt.Sprintf(`INSERT INTO decisions (passage_id, read_id, rule, family, outcome, reason, offence_id, plate, country, camera_id, captured_at)
		VALUES ('%s', '%s', '%s', '%s', 'duplicate', 'foreign_unregistered', '%s', 'FR111FR', 'FR', 'C1', fromUnixTimestamp64Micro(%d, 'UTC'))`,
		kept.Passage, otherRead.Read, kept.Rule, kept.Family, kept.Offence, at))
	if in, err := r.Revive(t.Context(), &swallower); !errors.Is(err, replay.ErrNotFound) {
		t.Errorf("a swallowed passage that the tables lack: got %+v %v", in, err)
	}
	w.write("cameras.yaml", `cameras: [{id: C2, site: S1, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50846700, lon_e6: 4352500, purposes: [lez], valid_from: 2018-01-01, inside_lez: true, `+
		`lanes: [{number: 1, direction: approaching}]}]`+"\n")
	if err := w.store.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, kept.Now = range []schemas.Micros{now, over} {
		if a, err := w.Decide(t.Context(), kept); !errors.Is(err, replay.ErrNoCamera) {
			t.Errorf("a camera that left the registry, at %s: got %+v %v", kept.Now, a, err)
		}
	}
}

// TestWhatARejectedCaseHadSwallowedComesBack: the first swallowed passage that stands becomes the next attempt, sealed
// behind the case before; what is registered meanwhile, or gone, stands no more.
func TestWhatARejectedCaseHadSwallowedComesBack(t *testing.T) {
	w := newMatureWorld(t)
	w.data("2026-11-29", "2026-11-29", "2026-11-29", nil, nil, nil)
	at := brussels("2026-11-19", "08:00:00")
	first := w.pass("FR111FR", "FR", at)
	swallow := func(hours int) cases.Question {
		q := w.pass("FR111FR", "FR", at+schemas.Micros(hours)*schemas.Hour)
		w.exec(fmt.Sprintf(`INSERT INTO decisions (passage_id, read_id, rule, family, outcome, reason, offence_id, plate, country, camera_id, captured_at, kafka_offset)
			VALUES ('%s', '%s', '%s', '%s', 'duplicate', 'foreign_unregistered', '%s', 'FR111FR', 'FR', 'C1', fromUnixTimestamp64Micro(%d, 'UTC'), %d)`,
			q.Passage, q.Read, q.Rule, q.Family, first.Offence, q.CapturedAt, w.n))
		return q
	}
	second, third := swallow(1), swallow(2)
	w.exec(fmt.Sprintf("ALTER TABLE reads DELETE WHERE read_id = '%s' SETTINGS mutations_sync = 1", second.Read)) // over its retention
	terms := func(in *cases.Intake) feed.Terms { return feed.Terms{Regime: cases.RegimeLEZ, Track: cases.Regional} }
	r := &caseReviver{w.decider, terms, attempts(), localClock}
	c := &cases.Case{
		Offence: first.Offence, Attempt: 1, Family: first.Family, Rule: first.Rule, Passage: first.Passage, Read: first.Read, CapturedAt: at, Plate: "FR111FR", Country: "FR",
		Seal: schemas.DigestOf(schemas.Sum{7}),
	}
	for _, reason := range []cases.WithdrawReason{cases.CameraWrong, cases.ClockWrong, cases.DeviceWrong} {
		elsewhere, here := *c, *c
		elsewhere.Camera, elsewhere.EndReason = "C9", string(reason)
		here.Camera, here.EndReason = "C1", string(reason)
		for name, all := range map[string][]cases.Case{"itself": {here}, "an earlier attempt": {here, elsewhere}} {
			r.attempts = attempts(all...)
			if in, err := r.Revive(t.Context(), c); err == nil && in != nil {
				t.Errorf("%s withdrawn as %s: the same camera's passage came back", name, reason)
			}
		}
		r.attempts = attempts(elsewhere)
		if in, err := r.Revive(t.Context(), c); err != nil || in == nil {
			t.Errorf("withdrawn as %s: the passage of another camera did not come back: %v", reason, err)
		}
	}
	r.attempts = attempts(*c)
	in, err := r.Revive(t.Context(), c)
	if err != nil || in == nil {
		t.Fatalf("got %+v %v", in, err)
	}
	d := &in.Decision
	if in.Attempt != 2 || in.Offence != first.Offence || d.Passage != third.Passage || d.On.Read != third.Read || in.Zone != "5339" || in.Regime != cases.RegimeLEZ {
		t.Errorf("got %+v", in)
	}
	if err := evidence.Verify(d, schemas.Sum{7}); err != nil || in.Check() != nil || d.Outcome != schemas.OutcomeHeld {
		t.Errorf("%s: %v, %v", d.Outcome, err, in.Check())
	}
	c.Attempt, c.Passage, c.Read, c.CapturedAt = 2, third.Passage, third.Read, third.CapturedAt
	if in, err := r.Revive(t.Context(), c); in != nil || err != nil {
		t.Errorf("after the last: got %+v %v", in, err)
	}
}

func localClock(context.Context) (schemas.Micros, error) { return schemas.MicrosOf(time.Now()), nil }

func attempts(all ...cases.Case) func(context.Context, schemas.OffenceID) ([]cases.Case, error) {
	return func(context.Context, schemas.OffenceID) ([]cases.Case, error) { return all, nil }
}

// TestAForeignHoldEndsAtItsDateWheneverItWasCaptured draws captures around midnight, the change to winter time and the
// end of months: the case is held to the last microsecond of the fifth day after, and open or withdrawn from then on.
func TestAForeignHoldEndsAtItsDateWheneverItWasCaptured(t *testing.T) {
	w := newMatureWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w.data("2026-12-31", "2026-12-31", "2026-12-31", nil, []string{"FR222FR,FR,2026-01-01,2031-11-24,M1,,petrol,6"}, nil)
	days := []schemas.Day{schemas.DayOf(2026, 10, 24), schemas.DayOf(2026, 10, 20), schemas.DayOf(2026, 10, 31), schemas.DayOf(2026, 11, 30)}
	for i := range 12 {
		day := days[i%len(days)] + schemas.Day(rng.IntN(2))
		at := day.Start() + schemas.Micros(rng.Int64N(int64((day+1).Start()-day.Start())))
		if i%3 == 0 {
			at = (day + 1).Start() - 1
		}
		end := (day + 6).Start()
		q := w.pass(fmt.Sprintf("FR%03dFX", rng.IntN(1000)), "FR", at)
		w.expect("before its end", q, end-1, cases.OutcomeHeld, "foreign_unregistered", end)
		w.expect("at its end", q, end, cases.OutcomeOpen, "", 0)
		w.expect("registered", w.pass("FR222FR", "FR", at), end-1-schemas.Micros(rng.Int64N(int64(schemas.Hour))), cases.OutcomeWithdrawn, string(cases.Registered), 0)
	}
}

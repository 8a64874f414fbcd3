package roles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// fileDesk is the cases of two offices with the built-in catalogue, and a clock that the test moves.
type fileDesk struct {
	t       testing.TB
	offices [2]*store.Store
	law     *caseLaw
	moved   atomic.Int64
	policy  *cases.Policy
	n       int
}

func newFileDesk(t testing.TB) *fileDesk {
	t.Helper()
	cat, err := rules.Load(rules.Brussels())
	if err != nil {
		t.Fatal(err)
	}
	d := &fileDesk{t: t, policy: cases.DefaultPolicy()}
	d.law = &caseLaw{catalogue: cat, now: time.Now, camera: func(string) *schemas.Camera { return nil }}
	at := testkit.StartPostgres(t)
	for i := range d.offices {
		pool, err := at.Open(t.Context(), "test", 6)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		d.offices[i] = store.New(pool, store.Options{
			Policy: func() *cases.Policy { return d.policy }, DrawKey: []byte("key of the test"), Filer: d.law, Shift: func() time.Duration { return time.Duration(d.moved.Load()) },
		})
	}
	return d
}

func (d *fileDesk) pass(by time.Duration) { d.moved.Add(int64(by)) }

func (d *fileDesk) now() schemas.Micros {
	return schemas.MicrosOf(time.Now().Add(time.Duration(d.moved.Load())))
}

var filePicture = schemas.Digest("0123456789abcdef0123456789abcdef")

// takeIn takes in an offence that a family found, and returns its case.
func (d *fileDesk) takeIn(change func(*schemas.Decision)) cases.ID {
	d.t.Helper()
	d.n++
	far := d.now() + 20*365*24*schemas.Hour
	x := schemas.Decision{
		Rule: "bru.lez", Family: "lez", Outcome: schemas.OutcomeOffence, Verified: true, AmountCents: 35_000, LegalBasis: "x", CatalogueVersion: "c", ReferenceVersion: "r",
		On: schemas.Sighting{Camera: "C1", Country: schemas.Belgium, Confidence: 990},
	}
	x.Offence.ID[8], x.Offence.ID[9], x.Offence.ID[10], x.Offence.ID[11] = 1, byte(d.n>>16), byte(d.n>>8), byte(d.n)
	change(&x)
	evidence.Seal(&x, schemas.Sum{})
	in := cases.Intake{
		Offence: x.Offence, Attempt: 1, Sealed: x.Sealed, Seal: x.Seal, SealHolds: true, Zone: "5339", Regime: cases.RegimeLEZ, Decision: x, Track: cases.Regional,
		Pictures: []cases.Picture{{Sum: filePicture, Kind: cases.PictureScene}}, Clocks: cases.Clocks{DecideBy: far, SendBy: far, DropBy: far},
	}
	if x.Family != "lez" {
		in.Regime, in.Track = cases.RegimeTraffic, cases.Track(x.Reason)
	}
	if _, err := d.offices[0].TakeIn(d.t.Context(), []cases.Intake{in}); err != nil {
		d.t.Fatal(err)
	}
	rows, _, err := d.offices[0].List(d.t.Context(), store.Filter{Offence: x.Offence}, "", 1)
	if err != nil || len(rows) != 1 {
		d.t.Fatalf("%d cases, err %v", len(rows), err)
	}
	return rows[0].Case.ID
}

// ofVehicle makes an offence of a plate and a capture.
func ofVehicle(plate string, captured schemas.Micros, reason string) func(*schemas.Decision) {
	return func(x *schemas.Decision) {
		x.On.Plate, x.On.CapturedAt, x.Reason = schemas.MustPlate(plate), captured, reason
	}
}

func (d *fileDesk) get(id cases.ID) cases.Case {
	d.t.Helper()
	got, err := d.offices[0].Get(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	if got.Problem != "" {
		d.t.Fatalf("case %s: %s", id, got.Problem)
	}
	return got.Case
}

// confirm gives the verdict of an agent, which takes effect 10 s later.
func (d *fileDesk) confirm(id cases.ID) {
	d.t.Helper()
	ctx, by := d.t.Context(), cases.Actor{User: "an", Role: cases.Agent, Appointment: "A"}
	l, err := d.offices[0].LeaseCase(ctx, &by, id)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.offices[0].NotePicture(ctx, by.User, id, filePicture); err != nil {
		d.t.Fatal(err)
	}
	_, err = d.offices[0].Do(ctx, &store.Request{Case: id, IfVersion: l.Case.Version, Lease: l.Lease.ID, By: by, Command: cases.Decide{
		Verdict: cases.Verdict{Kind: cases.Confirm}, Checks: [5]bool{true, true, true, true, true}, ShownMS: 900, Input: cases.InputKey,
	}})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *fileDesk) must(id cases.ID, cmd cases.Command, by cases.Actor) {
	d.t.Helper()
	if err := d.do(id, cmd, by); err != nil {
		d.t.Fatalf("%T: %v", cmd, err)
	}
}

func (d *fileDesk) do(id cases.ID, cmd cases.Command, by cases.Actor) error {
	_, err := d.offices[1].Do(d.t.Context(), &store.Request{Case: id, Command: cmd, By: by})
	return err
}

var boss = cases.Actor{User: "su", Role: cases.Supervisor, Appointment: "S", StepUp: true, Approver: "ti"}

// transmit numbers a case and hands it over.
func (d *fileDesk) transmit(id cases.ID) error {
	c := d.get(id)
	if c.Number == "" {
		if err := d.do(id, cases.Number{Number: "BR." + id.String()[:13]}, cases.SystemActor()); err != nil {
			return err
		}
	}
	return d.do(id, cases.Transmit{Batch: "b", Track: d.get(id).Track, SealHolds: true, PicturesHold: true}, cases.SystemActor())
}

// work lets one office, or both at once, do what is due, until nothing is.
func (d *fileDesk) work(offices ...*store.Store) {
	d.t.Helper()
	ctx := d.t.Context()
	if _, err := offices[0].Sweep(ctx); err != nil {
		d.t.Fatal(err)
	}
	errs := make([]error, len(offices))
	var all sync.WaitGroup
	for i, s := range offices {
		all.Go(func() { errs[i] = readAllFiles(ctx, s) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		d.t.Fatal(err)
	}
}

func readAllFiles(ctx context.Context, s *store.Store) error {
	for {
		n, err := s.ReadFiles(ctx)
		if err != nil || n.Vehicles == 0 {
			return err
		}
	}
}

// Whatever the order in which cases of a vehicle are confirmed, sent, taken back and annulled, and whichever office reads
// the file: in the end each case is what the rules say of the others, or an incident names it.
func TestEveryOrderOfConfirmingGivesWhatTheRulesAsk(t *testing.T) {
	d := newFileDesk(t)
	met := map[string]int{}
	vehicles := 0
	rapid.Check(t, func(rt *rapid.T) {
		vehicles++
		plate := fmt.Sprintf("1ABC%03d", vehicles)
		family := rapid.SampledFrom([]schemas.Family{"lez", "lez", "speed"}).Draw(rt, "family")
		var ids []cases.ID
		for range rapid.IntRange(2, 5).Draw(rt, "cases") {
			ago := schemas.Micros(rapid.IntRange(1, 500).Draw(rt, "days ago")) * 24 * schemas.Hour
			if family == "speed" {
				ago = schemas.Micros(rapid.IntRange(1, 20).Draw(rt, "minutes ago")) * schemas.Minute
			}
			ids = append(ids, d.takeIn(drawOffence(rt, plate, family, d.now()-ago)))
		}
		for _, id := range rapid.Permutation(ids).Draw(rt, "order") {
			d.confirm(id)
			if rapid.IntRange(0, 2).Draw(rt, "together") > 0 {
				d.pass(11 * time.Second)
				d.work(d.offices[rapid.IntRange(0, 1).Draw(rt, "office")])
			}
			d.act(rt, ids, met)
			d.pass(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 40, 100}).Draw(rt, "wait")) * 24 * time.Hour)
		}
		d.pass(11 * time.Second)
		d.work(d.offices[0], d.offices[1])
		for range rapid.IntRange(0, 3).Draw(rt, "later acts") {
			d.act(rt, ids, met)
			d.work(d.offices[0], d.offices[1])
		}
		d.checkFile(rt, ids, met)
	})
	t.Logf("met %v", met)
	for _, want := range []string{"fine", "warning", "within_window", "immediate_collection", "prosecutor", "named", "transmitted", "taken back", "annulled"} {
		if met[want] == 0 {
			t.Errorf("never met %s: %v", want, met)
		}
	}
}

// drawOffence draws an offence of a family.
func drawOffence(t *rapid.T, plate string, family schemas.Family, captured schemas.Micros) func(*schemas.Decision) {
	if family == "lez" {
		return ofVehicle(plate, captured, rapid.SampledFrom([]string{"polluting", "foreign_unregistered"}).Draw(t, "reason"))
	}
	return speeding(plate, captured, schemas.Speed(rapid.SampledFrom([]int{1, 6, 15, 24, 27, 30}).Draw(t, "excess"))*10) // two of the last three go to the prosecutor
}

// speeding makes an offence with an excess in tenths of km/h, at 50 km/h built up.
func speeding(plate string, captured schemas.Micros, excess schemas.Speed) func(*schemas.Decision) {
	return func(x *schemas.Decision) {
		ofVehicle(plate, captured, "immediate_collection")(x)
		x.Rule, x.Family, x.AmountCents = "bru.speed", "speed", 5_300+int64(excess)*60
		x.Measures = []schemas.Measure{{Name: schemas.CorrectedSpeed, Value: int64(500 + excess)}, {Name: schemas.AllowedSpeed, Value: 500}}
		x.Trace = []schemas.Step{{Code: "speed.limit", Holds: true, Args: []string{"500", "built_up"}}}
	}
}

// act does one of the acts that the cases allow now: sends a case, takes one back or annuls one.
func (d *fileDesk) act(t *rapid.T, ids []cases.ID, met map[string]int) {
	acts := map[string][]cases.ID{"nothing": nil}
	for _, id := range ids {
		switch c := d.get(id); {
		case c.State == cases.Confirmed && len(c.Incidents) == 0:
			acts["send"], acts["take back"] = append(acts["send"], id), append(acts["take back"], id)
		case c.State == cases.Confirmed:
			acts["take back"] = append(acts["take back"], id)
		case c.State == cases.Transmitted:
			acts["annul"] = append(acts["annul"], id)
		}
	}
	what := rapid.SampledFrom(slices.Sorted(maps.Keys(acts))).Draw(t, "act")
	if what == "nothing" {
		return
	}
	id := rapid.SampledFrom(acts[what]).Draw(t, "whom")
	switch what {
	case "send":
		err := d.transmit(id)
		if r, ok := errors.AsType[*cases.Refusal](err); err != nil && (!ok || d.get(id).State == cases.Confirmed && r.Code != cases.CodeBlocked) {
			t.Fatalf("sending a case of state %s: %v", d.get(id).State, err)
		}
		if err == nil {
			met["transmitted"]++
		}
	case "take back":
		d.must(id, cases.Withdraw{Reason: cases.LimitWrong}, boss)
		met["taken back"]++
	case "annul":
		d.must(id, cases.Annul{Reason: cases.LimitWrong}, boss)
		met["annulled"]++
	}
}

// checkFile asks the rules about each case and the others, and fails the test unless the case says so, or an incident.
func (d *fileDesk) checkFile(t *rapid.T, ids []cases.ID, met map[string]int) {
	all := make([]cases.Case, len(ids))
	for i, id := range ids {
		all[i] = d.get(id)
	}
	for i := range all {
		c := &all[i]
		byFile := c.State == cases.Withdrawn && c.EndReason != string(cases.LimitWrong)
		if stands := c.State == cases.Confirmed || c.State == cases.Transmitted; !stands && !byFile {
			continue
		}
		if !c.HasFile() {
			t.Fatalf("case %s is %s, and its file was never read", c.ID, c.State)
		}
		met[string(c.File.Outcome)]++
		this := rules.FileEntry{
			Kind: rules.FileFine, CapturedAt: c.CapturedAt, SentAt: c.SentAt, Reason: c.File.Finding, AmountCents: c.AmountCents, Excess: c.File.Excess, Surround: c.File.Surround,
		}
		var others []rules.FileEntry
		for k := range all {
			if o := &all[k]; k != i && (o.State == cases.Confirmed || o.State == cases.Transmitted) {
				others = append(others, entryInFile(o))
			}
		}
		want, ok := d.law.catalogue.VehicleFile(c.Family, others, this, d.now())
		if !ok {
			t.Fatal("no file")
		}
		same := want.Outcome == string(c.File.Outcome) && want.Level == c.File.Level || byFile && cases.FileOutcome(want.Outcome).Withdraws()
		if c.State == cases.Confirmed {
			same = same && want.Together == c.File.Together && want.TotalCents == c.File.TotalCents
		}
		if named := c.FileNoted == want.Outcome; named && !same && c.State != cases.Confirmed {
			met["named"]++
		} else if !same {
			t.Fatalf("case %s (%s, captured %s, sent %s) is %+v, the rules say %+v of %+v; noted %q", c.ID, c.State, c.CapturedAt, c.SentAt, c.File, want, others, c.FileNoted)
		}
	}
}

// Two cases of one vehicle that take effect in the same second, read by two offices at once, are one notice: of the older
// passage.
func TestTwoCasesOfOneSecondAreOneNotice(t *testing.T) {
	d := newFileDesk(t)
	for n := range 12 {
		plate := fmt.Sprintf("1DEF%03d", n)
		day := 24 * schemas.Hour
		newer, older := d.takeIn(ofVehicle(plate, d.now()-day, "polluting")), d.takeIn(ofVehicle(plate, d.now()-3*day, "polluting"))
		d.confirm(newer)
		d.confirm(older)
		d.pass(11 * time.Second)
		d.work(d.offices[0], d.offices[1])
		a, b := d.get(newer), d.get(older)
		got := []cases.FileOutcome{a.File.Outcome, b.File.Outcome}
		slices.SortFunc(got, func(x, y cases.FileOutcome) int { return cmp.Compare(x, y) })
		if !slices.Equal(got, []cases.FileOutcome{cases.FileWarning, cases.FileWithinWindow}) || a.Version+b.Version != 6 {
			t.Fatalf("%s: %+v (version %d), %+v (version %d)", plate, a.File, a.Version, b.File, b.Version)
		}
	}
}

// A fine that shadowed another is annulled: the other is named to a supervisor, and nothing that was sent changes.
func TestACaseThatAnAnnulledOneShadowedIsNamed(t *testing.T) {
	d := newFileDesk(t)
	day := 24 * schemas.Hour
	first, shadowed := d.takeIn(ofVehicle("1GHJ001", d.now()-30*day, "foreign_unregistered")), d.takeIn(ofVehicle("1GHJ001", d.now()-5*day, "foreign_unregistered"))
	for _, id := range []cases.ID{first, shadowed} {
		d.confirm(id)
		d.pass(11 * time.Second)
		d.work(d.offices[0])
	}
	if c := d.get(shadowed); c.State != cases.Withdrawn || c.EndReason != "within_window" || c.File.AmountCents != 0 {
		t.Fatalf("%s %s %+v", c.State, c.EndReason, c.File)
	}
	if err := d.transmit(first); err != nil {
		t.Fatal(err)
	}
	d.must(first, cases.Annul{Reason: cases.LimitWrong}, boss)
	d.work(d.offices[1])
	c := d.get(shadowed)
	if c.State != cases.Withdrawn || len(c.Incidents) != 1 || c.Incidents[0].Kind != cases.FileChanged || c.FileNoted != "fine" {
		t.Errorf("%s, incidents %+v, noted %q", c.State, c.Incidents, c.FileNoted)
	}
	got, err := d.offices[0].Incidents(t.Context(), nil, nil, 10)
	if err != nil || len(got) != 1 || got[0].Case != shadowed {
		t.Errorf("a supervisor sees %+v, err %v", got, err)
	}
}

// Offences of one moment whose total is too high go to the prosecutor together, also the one that was confirmed first;
// the number comes after that.
func TestOffencesOfOneMomentGoOneWay(t *testing.T) {
	d := newFileDesk(t)
	at := d.now() - schemas.Hour
	one, two := d.takeIn(speeding("1KLM001", at, 250)), d.takeIn(speeding("1KLM001", at+8*schemas.Minute, 250))
	if err := d.do(one, cases.Number{Number: "BR.0"}, cases.SystemActor()); err == nil {
		t.Error("an undecided case got a number")
	}
	d.confirm(one)
	d.pass(11 * time.Second)
	d.work(d.offices[0])
	if c := d.get(one); c.File.Outcome != cases.FileCollection || c.Track != cases.ImmediateCollection || c.File.AmountCents != 20_300 || c.File.Excess != 250 || c.File.Surround != "built_up" {
		t.Fatalf("%+v on %s", c.File, c.Track)
	}
	d.confirm(two)
	d.pass(11 * time.Second)
	d.work(d.offices[1])
	for _, id := range []cases.ID{one, two} {
		c := d.get(id)
		if c.File.Outcome != cases.FileProsecutor || c.Track != cases.ToProsecutor || c.File.Together != 2 || c.File.TotalCents != 40_600 {
			t.Errorf("%+v on %s", c.File, c.Track)
		}
	}
}

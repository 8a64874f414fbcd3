package cases

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// world is one case with its events and a clock, as a store keeps them.
type world struct {
	t      testing.TB
	c      Case
	events []Event
	now    schemas.Micros
	policy *Policy
	draw   int
}

const picture = schemas.Digest("0123456789abcdef0123456789abcdef")

// start is 2026-06-01T10:00:00Z.
const start = schemas.Micros(1_780_308_000) * schemas.Second

func testPolicy() *Policy {
	p := DefaultPolicy()
	p.Holds = map[string]HoldRule{
		"register_stale":  {LongestDays: 14, Then: Arbitration},
		"vehicle_unknown": {LongestDays: 30, Then: Withdrawn, Reason: NotProvable},
		"lane_unknown":    {AtDecideBy: true, Then: Withdrawn, Reason: NotProvable, ByHand: true},
		"country_unknown": {AtDecideBy: true, Then: Arbitration, ByKeying: true},
		"plate_ambiguous": {AtDecideBy: true, Then: Arbitration, ByKeying: true},
		"doubtful":        {AtDecideBy: true, Then: Arbitration, ByHand: true},
	}
	return p
}

func newIntake() Intake {
	sealed := []byte("sealed")
	return Intake{
		Offence: schemas.OffenceID{ID: schemas.ID{1}}, Attempt: 1, Sealed: sealed, Seal: sha256.Sum256(sealed), SealHolds: true, Zone: "5339", Site: "S", Regime: RegimeTraffic,
		Track: ImmediateCollection, Pictures: []Picture{{Sum: picture, Kind: PictureScene}},
		Clocks: Clocks{DecideBy: start + 240*schemas.Hour, SendBy: start + 336*schemas.Hour, DropBy: start + 8600*schemas.Hour},
		Decision: schemas.Decision{
			Rule: "bru.speed", Family: "speed", Outcome: schemas.OutcomeOffence, Verified: true, AmountCents: 5300,
			On: schemas.Sighting{Camera: "C1", CapturedAt: start - schemas.Hour, Plate: schemas.MustPlate("1ABC123"), Country: schemas.Belgium, Confidence: 950},
		},
	}
}

func newWorld(t testing.TB, in Intake) *world {
	t.Helper()
	w := &world{t: t, now: start, policy: testPolicy(), draw: Draws - 1}
	e, then := in.Open(ID{schemas.ID{0: 7}}, w.now, w.policy)
	w.record(e)
	if then != nil {
		w.must(SystemActor(), then)
	}
	return w
}

// record numbers and chains an event as a store does.
func (w *world) record(e *Event) {
	w.t.Helper()
	e.N, e.Prev = w.c.Version+1, w.c.Head
	e.ID.ID[0], e.ID.ID[1] = byte(e.N>>8), byte(e.N)
	e.ID.ID[15] = 1
	body, err := e.Body()
	if err != nil {
		w.t.Fatal(err)
	}
	e.Sum = SumOf(e.Prev, body)
	stored, err := ParseEvent(e.Prev, e.Sum, body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.c.Apply(&stored)
	w.events = append(w.events, stored)
}

// moment returns a moment in which everything that an actor may bring is there.
func (w *world) moment(by Actor) *Moment {
	file := w.reading(FileCollection)
	return &Moment{
		File: &file, Now: w.now, Policy: w.policy, IfVersion: w.c.Version, Draw: w.draw,
		Lease: &Lease{User: by.User, Until: w.now + schemas.Minute, Loaded: []schemas.Digest{picture}},
		Preview: &Preview{
			Case: w.c.ID, User: by.User, Reading: corrected, MadeAt: w.now,
			Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{AmountCents: 9900, Verified: true, Track: ImmediateCollection}},
		},
	}
}

// looked is how a person looks who may confirm.
var looked = Look{Checks: [5]bool{true, true, true, true, true}, ShownMS: 900, Input: InputKey}

var corrected = PlateReading{Plate: "1ABC128", Country: "BE"}

func (w *world) do(by Actor, cmd Command) error {
	w.t.Helper()
	e, err := Act(&w.c, cmd, &by, w.moment(by))
	if err != nil || e == nil {
		return err
	}
	w.record(e)
	return nil
}

func (w *world) must(by Actor, cmd Command) {
	w.t.Helper()
	if err := w.do(by, cmd); err != nil {
		w.t.Fatalf("%T by %s in %s: %v", cmd, by.User, w.c.State, err)
	}
}

// reading returns an answer of the rules for the verdict that stands.
func (w *world) reading(o FileOutcome) FileReading {
	c := w.c
	c.Settle(w.now)
	return FileReading{Answer: FileAnswer{Verdict: c.Decisive, Outcome: o, AmountCents: c.AmountCents, At: w.now}, Trace: []schemas.Step{{Code: "file.window"}}}
}

// readFile brings a confirmed case to where it may get its number.
func (w *world) readFile() {
	w.t.Helper()
	w.must(SystemActor(), ReadFile{Reading: w.reading(FileCollection)})
}

func (w *world) pass(d schemas.Micros) { w.now += d }

func (w *world) wantState(want State) {
	w.t.Helper()
	if got := w.c.StateAt(w.now); got != want {
		w.t.Errorf("the case is %s, want %s", got, want)
	}
}

// wantFolded fails the test unless the case follows from its events.
func (w *world) wantFolded() {
	w.t.Helper()
	folded, err := Fold(w.events)
	if err != nil {
		w.t.Fatal(err)
	}
	a, _ := json.Marshal(folded)
	b, _ := json.Marshal(w.c)
	if string(a) != string(b) {
		w.t.Errorf("the events give\n%s\nand the case is\n%s", a, b)
	}
}

func wantCode(t testing.TB, err error, want Code) {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok || r.Code != want {
		t.Errorf("got %v, want a refusal with code %s", err, want)
	}
}

func agentNamed(name string) Actor {
	return Actor{User: name, Role: Agent, Appointment: "A1", StepUp: true}
}

func supervisorNamed(name string) Actor {
	return Actor{User: name, Role: Supervisor, Appointment: "A2", StepUp: true, Approver: "second"}
}

var prosecutor = Actor{User: "pros", Role: Prosecutor, StepUp: true}

func confirmation() Decide {
	return Decide{Verdict: Verdict{Kind: Confirm}, Checks: [5]bool{true, true, true, true, true}, ShownMS: 900, Input: InputKey}
}

func rejection(r RejectReason) Decide {
	return Decide{Verdict: Verdict{Kind: Reject, Reason: r}, ShownMS: 900, Input: InputKey}
}

func correction() Decide {
	d := confirmation()
	d.Kind, d.Plate = CorrectPlate, clonePointer(&corrected)
	return d
}

// worldIn returns a case in a state. The acts before were those of "first" and "boss".
func worldIn(t testing.TB, s State) *world {
	t.Helper()
	in := newIntake()
	switch s {
	case Held:
		in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "lane_unknown"
	case Keying:
		in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "country_unknown"
	default:
	}
	in.PicturesOpen = true
	w := newWorld(t, in)
	first, boss := agentNamed("first"), supervisorNamed("boss")
	confirmed := func() {
		w.must(first, confirmation())
		w.pass(11 * schemas.Second)
	}
	transmitted := func() {
		confirmed()
		w.readFile()
		w.must(SystemActor(), Number{Number: "BR.1"})
		w.must(SystemActor(), Transmit{Batch: "b", Track: ImmediateCollection, SealHolds: true, PicturesHold: true})
	}
	switch s {
	case Settling:
		w.must(first, confirmation())
	case Second:
		w.must(first, correction())
		w.pass(11 * schemas.Second)
	case Arbitration:
		w.must(first, Flag{Text: "look at the sign"})
	case Confirmed:
		confirmed()
	case Transmitted:
		transmitted()
	case Returned:
		transmitted()
		w.must(prosecutor, Return{Reason: "the address is missing"})
	case Rejected:
		w.must(first, rejection(Exemption))
		w.pass(11 * schemas.Second)
	case Withdrawn:
		w.must(boss, Withdraw{Reason: LimitWrong})
	case Expired:
		w.pass(337 * schemas.Hour)
		w.must(boss, Expire{})
	case Annulled:
		transmitted()
		w.must(boss, Annul{Reason: LimitWrong})
	default:
	}
	w.wantState(s)
	return w
}

// commandFor returns a command of the kind that is whole in every other respect.
func commandFor(w *world, k EventKind) Command {
	text := "a text that is long enough"
	switch k {
	case ReDecided:
		return ReDecide{Answer: Answer{Outcome: OutcomeWithdrawn, Reason: string(Registered)}}
	case KeyedPlate:
		return Key{Reading: clonePointer(&corrected), Input: InputKey}
	case Decided, SecondDecided:
		return correction()
	case HeldByHand:
		return Hold{Reason: AwaitsPartner, Until: w.now + schemas.Hour}
	case HoldEnded:
		return EndHold{Text: text}
	case Flagged:
		return Flag{Text: text}
	case Skipped:
		return Skip{}
	case Undone:
		id, _ := ParseID(w.c.Decisive)
		return Undo{Event: id}
	case Arbitrated:
		return Arbitrate{To: Rejected, Reason: string(Exemption)}
	case CounterDecided:
		v := Verdict{Kind: Reject, Reason: Exemption, Text: text}
		if w.c.StateAt(w.now) == Rejected {
			v = Verdict{Kind: Confirm, Text: text}
		}
		return Counter{Verdict: v, Look: looked}
	case TakenBack:
		return Withdraw{Reason: LimitWrong}
	case ExpiredUnmet:
		return Expire{}
	case PicturesFound:
		return AddPictures{}
	case FileRead:
		return ReadFile{Reading: w.reading(FileFine)}
	case Numbered:
		return Number{Number: "BR.2"}
	case HandedOver:
		return Transmit{Batch: "b", Track: w.c.Track, SealHolds: true, PicturesHold: true}
	case Acknowledged:
		return Acknowledge{}
	case SentBack:
		return Return{Reason: text}
	case Mended:
		return Mend{To: Confirmed, Text: text}
	case AnnulledEvent:
		return Annul{Reason: LimitWrong}
	case Noted:
		return Note{Text: text}
	case IncidentOpened:
		return OpenIncident{Kind: PictureDamaged, Text: text}
	case IncidentClosed:
		if len(w.c.Incidents) == 0 {
			w.must(SystemActor(), OpenIncident{Kind: PictureDamaged, Text: text})
		}
		return CloseIncident{N: w.c.Incidents[0].N, Text: text}
	case BecameOverdue:
		return Overdue{}
	case Assigned:
		return Assign{User: "somebody", Until: w.now + schemas.Hour}
	case TrackChanged:
		return ChangeTrack{Track: ToProsecutor, Text: text}
	default:
		return nil
	}
}

func commandKinds() []EventKind {
	return slices.DeleteFunc(EventKinds(), func(k EventKind) bool { return k == TakenIn || k == Probed })
}

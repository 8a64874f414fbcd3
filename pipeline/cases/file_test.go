package cases

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestASecondPersonApprovesWhatOneMayNotDoAlone(t *testing.T) {
	bulk := Withdraw{Reason: CameraWrong, Query: "camera C1 on 1 June", Count: 2}
	for name, c := range map[string]struct {
		s    State
		cmd  Command
		by   func(*Actor)
		want Code
	}{
		"withdrawal without a fresh sign-in": {Open, Withdraw{Reason: CameraWrong}, func(a *Actor) { a.StepUp = false }, CodeStepUp},
		"bulk without approval":              {Open, bulk, func(a *Actor) { a.Approver = "" }, CodeApproval},
		"bulk approved by the asker":         {Open, bulk, func(a *Actor) { a.Approver = a.User }, CodeSamePerson},
		"bulk without query":                 {Open, Withdraw{Reason: CameraWrong, Count: 2}, func(*Actor) {}, CodeInvalid},
		"annulment without approval":         {Transmitted, Annul{Reason: LimitWrong}, func(a *Actor) { a.Approver = "" }, CodeApproval},
		"annulment approved by the asker":    {Returned, Annul{Reason: LimitWrong}, func(a *Actor) { a.Approver = a.User }, CodeSamePerson},
		"annulment without a fresh sign-in":  {Transmitted, Annul{Reason: LimitWrong}, func(a *Actor) { a.StepUp = false }, CodeStepUp},
	} {
		w := worldIn(t, c.s)
		by := supervisorNamed("su")
		c.by(&by)
		err := w.do(by, c.cmd)
		wantCode(t, err, c.want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	w := worldIn(t, Open)
	w.must(supervisorNamed("su"), bulk)
	if got := w.events[len(w.events)-1].Approver; got != "second" {
		t.Errorf("the event names %q as second person", got)
	}
}

func TestATransmissionNeedsEverythingVerifiedNow(t *testing.T) {
	whole := Transmit{Batch: "b", Track: ImmediateCollection, SealHolds: true, PicturesHold: true}
	w := worldIn(t, Confirmed)
	wantCode(t, w.do(SystemActor(), whole), CodeBlocked)
	w.readFile()
	w.must(SystemActor(), Number{Number: "BR.1"})
	wantCode(t, w.do(SystemActor(), Number{Number: "BR.2"}), CodeDecided)
	for want, change := range map[Code]func(x *Transmit){
		CodeBlocked: func(x *Transmit) { x.SealHolds = false }, CodeTrackTaken: func(x *Transmit) { x.Track = ToProsecutor }, CodeApproval: func(x *Transmit) { x.OpenApproval = true },
		CodeInvalid: func(x *Transmit) { x.Batch = "" },
	} {
		x := whole
		change(&x)
		wantCode(t, w.do(SystemActor(), x), want)
	}
	w.must(SystemActor(), OpenIncident{Kind: PictureDamaged, Text: "other bytes"})
	wantCode(t, w.do(SystemActor(), whole), CodeIncident)
	w.must(supervisorNamed("su"), CloseIncident{N: w.c.Version, Text: "restored from the backup"})
	w.must(SystemActor(), whole)
	wantCode(t, w.do(supervisorNamed("su"), ChangeTrack{Track: ToProsecutor, Text: "a text that is long enough"}), CodeTrackTaken)
	w.wantFolded()
}

// The track that a supervisor chose stays when the rules decide again, and the rules are asked about that track.
func TestAReDecisionKeepsTheChosenTrack(t *testing.T) {
	in := newIntake()
	in.Decision.Outcome, in.Decision.Reason = schemas.OutcomeHeld, "register_stale"
	w := newWorld(t, in)
	if q := QuestionOf(&w.c, w.now); q.Track != "" {
		t.Errorf("the rules are asked about track %s that nobody chose", q.Track)
	}
	w.must(supervisorNamed("su"), ChangeTrack{Track: ToProsecutor, Text: "a text that is long enough", Blocks: []string{"export_device_serial"}})
	if q := QuestionOf(&w.c, w.now); q.Track != ToProsecutor {
		t.Errorf("the rules are asked about track %q, want the chosen one", q.Track)
	}
	w.must(SystemActor(), ReDecide{Answer: Answer{Outcome: OutcomeOpen, Facts: Facts{Verified: true, Track: ImmediateCollection, Blocks: []string{"export_device_serial"}}}})
	if w.c.State != Open || w.c.Track != ToProsecutor || len(w.c.Blocks) != 1 {
		t.Errorf("the case is %s on track %s with blockers %v, want open on the chosen track", w.c.State, w.c.Track, w.c.Blocks)
	}
	w.wantFolded()
}

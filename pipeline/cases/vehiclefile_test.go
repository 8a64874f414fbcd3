package cases

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// A number and a transmission need the file of the vehicle, read for the verdict that stands, and saying the same now.
func TestNoNumberAndNoTransmissionWithoutTheVehiclesFile(t *testing.T) {
	number := Number{Number: "BR.1"}
	w := worldIn(t, Confirmed)
	wantCode(t, w.do(SystemActor(), number), CodeBlocked)
	w.must(SystemActor(), ReadFile{Reading: w.reading(FileWarning)})
	wantCode(t, w.do(SystemActor(), number), CodeBlocked) // now it says immediate_collection
	w.readFile()
	w.must(SystemActor(), number)
	whole := Transmit{Batch: "b", Track: ImmediateCollection, SealHolds: true, PicturesHold: true}
	w.must(SystemActor(), ReadFile{Reading: w.reading(FileProsecutor)})
	wantCode(t, w.do(SystemActor(), whole), CodeBlocked)
	m, by := w.moment(SystemActor()), SystemActor()
	m.File = nil
	if _, err := Act(&w.c, whole, &by, m); err == nil {
		t.Error("transmitted without reading the file now")
	}
	w.readFile()
	w.must(SystemActor(), whole)
	if last := w.events[len(w.events)-1]; last.File == nil || len(last.Trace) == 0 || w.c.SentAt != w.now {
		t.Errorf("the transmission tells %+v, sent at %s", last.File, w.c.SentAt)
	}
	w.wantFolded()
}

// An answer is for one verdict: after another verdict the file must be read again, and an old answer is refused.
func TestAFileIsReadForEachVerdictThatTakesEffect(t *testing.T) {
	w := worldIn(t, Open)
	w.must(agentNamed("first"), confirmation())
	if got := w.c.FileAt(); got != w.c.EffectiveAt {
		t.Errorf("while the verdict settles, the file is due at %s, want %s", got, w.c.EffectiveAt)
	}
	w.pass(11 * schemas.Second)
	old := w.reading(FileCollection)
	w.must(SystemActor(), ReadFile{Reading: old})
	if w.c.FileAt() != 0 || !w.c.IsInFile() {
		t.Errorf("read, and due at %s", w.c.FileAt())
	}
	before := w.c.Version
	w.must(SystemActor(), ReadFile{Reading: old})
	if w.c.Version != before {
		t.Error("the same answer is recorded twice")
	}
	w.must(supervisorNamed("su"), Counter{Verdict: Verdict{Kind: Reject, Reason: Exemption, Text: "the exemption came by post"}})
	if w.c.IsInFile() || w.c.FileAt() != 0 {
		t.Error("a counter-decided case counts in the file")
	}
	w.must(agentNamed("cy"), confirmation()) // differs: arbitration
	w.pass(11 * schemas.Second)
	w.must(supervisorNamed("ti"), Arbitrate{To: Confirmed, Look: looked})
	if w.c.FileAt() != w.now || w.c.HasFile() {
		t.Errorf("confirmed again, and the file is due at %s", w.c.FileAt())
	}
	wantCode(t, w.do(SystemActor(), ReadFile{Reading: old}), CodeStale)
	w.readFile()
	w.wantFolded()
}

// What the file takes back is withdrawn with its reason. What would be a notice later, sent or taken back, is named once
// and changes no more; a case that is not sent yet is read again.
func TestWhatTheFileSaysLaterIsNamedAndChangesNothingThatIsSent(t *testing.T) {
	for _, o := range []FileOutcome{FileWithinWindow, FileCapReached} {
		w := worldIn(t, Confirmed)
		w.must(SystemActor(), ReadFile{Reading: w.reading(o)})
		w.wantState(Withdrawn)
		if w.c.EndReason != string(o) || w.c.IsInFile() {
			t.Errorf("%s: withdrawn with %q", o, w.c.EndReason)
		}
		same, fine := w.reading(FileWithinWindow), w.reading(FileFine)
		if cmd := w.c.FileDiffers(&same); cmd != nil {
			t.Errorf("%s: %+v for a case that is still taken back", o, cmd)
		}
		w.must(SystemActor(), w.c.FileDiffers(&fine))
		if w.wantState(Withdrawn); len(w.c.Incidents) != 1 || w.c.Incidents[0].Kind != FileChanged {
			t.Errorf("%s: incidents %+v", o, w.c.Incidents)
		}
		if cmd := w.c.FileDiffers(&fine); cmd != nil {
			t.Errorf("%s: named twice: %+v", o, cmd)
		}
		w.must(supervisorNamed("su"), CloseIncident{N: w.c.Version, Text: "too late for a notice"})
		if cmd := w.c.FileDiffers(&fine); cmd != nil {
			t.Errorf("%s: named again after it was closed: %+v", o, cmd)
		}
		w.wantFolded()
	}
	w := worldIn(t, Transmitted)
	more := w.reading(FileCollection)
	more.Answer.Together, more.Answer.TotalCents = 2, 10600
	if cmd := w.c.FileDiffers(&more); cmd != nil {
		t.Errorf("another offence of the moment, and the same way: %+v", cmd)
	}
	other := w.reading(FileProsecutor)
	if _, ok := w.c.FileDiffers(&other).(OpenIncident); !ok {
		t.Errorf("sent for collection, and the prosecutor's now: %+v", w.c.FileDiffers(&other))
	}
	level := w.reading(FileCollection)
	level.Answer.Level = 1
	if _, ok := w.c.FileDiffers(&level).(OpenIncident); !ok {
		t.Error("another level of recidivism is not named")
	}
	c := worldIn(t, Confirmed)
	c.readFile()
	more.Answer.Verdict = c.c.Decisive
	if _, ok := c.c.FileDiffers(&more).(ReadFile); !ok {
		t.Error("a case that is not sent is not read again")
	}
}

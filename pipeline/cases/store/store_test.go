package store

import (
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
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
	d.allHolds()
}

package store

import (
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// olderRows makes every row what the release of shape 1 wrote.
func (d *desk) olderRows() {
	d.t.Helper()
	d.pastTheGuards("UPDATE cases SET shape = 1, present = present - 'changed_at'")
}

func (d *desk) countOlder() (n int) {
	d.t.Helper()
	if err := d.owner.QueryRow(d.t.Context(), "SELECT count(*) FROM cases WHERE shape < $1 OR NOT present ? 'changed_at'", cases.Shape).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

func TestRowsOfAnOlderReleaseHoldAndAreWrittenAnew(t *testing.T) {
	d := openDesk(t)
	two := twoPersons(d)
	d.takeIn(newIntake(1, d.now()), newIntake(2, d.now()), newIntake(3, d.now()), newIntake(4, d.now()))
	d.policy.Second = nil
	settling := d.lease(agent("an"), cases.QueueDecide)
	d.mustAnswer(agent("an"), &settling, confirmation())
	d.olderRows()
	d.allHolds()
	d.stateOf(settling.Case.ID)

	item := d.lease(agent("bo"), cases.QueueDecide)
	done := d.mustAnswer(agent("bo"), &item, cases.Flag{Text: "two lorries side by side"})
	if done.Case.ChangedAt != done.Event.RecordedAt || d.countOlder() != 4 {
		t.Errorf("an act: changed at %d, %d older rows", done.Case.ChangedAt, d.countOlder())
	}
	d.pass(11 * time.Second)
	if d.sweep(); d.countOlder() != 3 {
		t.Errorf("after a sweep %d rows are of an older shape, want 3", d.countOlder())
	}
	list, _, err := d.List(t.Context(), Filter{States: []cases.State{cases.Open}}, "", 10)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	damaged := list[0].Case.ID
	d.pastTheGuards("UPDATE cases SET amount_cents = 1, present = present || '{\"amount_cents\": 1}' WHERE case_id = $1", uuidOf(damaged.ID))
	p, err := d.Prove(t.Context(), 100)
	if err != nil || len(p.Bad) != 1 || p.Bad[0].Case != damaged {
		t.Fatalf("the proof found %+v, %v", p.Bad, err)
	}
	if n := d.countOlder(); n != 0 { // the incident wrote the damaged one
		t.Errorf("after the proof %d rows are of an older shape", n)
	}
	got, err := d.Get(t.Context(), two)
	if err != nil || got.Problem != "" || got.Case.ChangedAt != got.Events[len(got.Events)-1].RecordedAt {
		t.Errorf("a row written anew: %+v, %v", got, err)
	}
	if p, err = d.Prove(t.Context(), 100); err != nil || len(p.Bad) != 1 || p.Bad[0].Case != damaged {
		t.Errorf("the damage is hidden: %+v, %v", p.Bad, err)
	}
}

func TestARowOfANewerReleaseIsLeftToIt(t *testing.T) {
	d := openDesk(t)
	d.takeIn(newIntake(0, d.now()), newIntake(1, d.now()))
	item := d.lease(agent("an"), cases.QueueDecide)
	d.pastTheGuards("UPDATE cases SET shape = $2, present = present || '{\"of_tomorrow\": 1}' WHERE case_id = $1", uuidOf(item.Case.ID.ID), cases.Shape+1)
	if _, err := d.answer(agent("an"), &item, confirmation()); err == nil {
		t.Error("a release that does not know the row changed it")
	}
	if p, err := d.Prove(t.Context(), 100); err != nil || len(p.Bad) != 0 || p.Round.Rounds != 1 {
		t.Errorf("the proof judges it: %+v, %v", p, err)
	}
}

func TestTheProofGoesOnWhereItStoodAndOfficesShareIt(t *testing.T) {
	d := openDesk(t)
	var in []cases.Intake
	for i := range 5 {
		in = append(in, newIntake(i, d.now()))
	}
	d.takeIn(in...)
	for i, s := range []*Store{d.Store, d.other, New(d.pool, d.o)} { // the third is an office after its restart
		p, err := s.Prove(t.Context(), 2)
		if err != nil || p.Busy {
			t.Fatal(p, err)
		}
		if want := []int64{2, 4, 0}[i]; p.Round.Proved != want {
			t.Errorf("part %d: %+v, want %d proved", i+1, p.Round, want)
		}
	}
	r, err := d.Round(t.Context())
	if err != nil || r.Rounds != 1 || r.Whole.Proved != 5 || r.Whole.Damaged != 0 || r.Whole.EndedAt < r.Whole.BeganAt || r.Whole.BeganAt == 0 {
		t.Errorf("after a whole round: %+v, %v", r, err)
	}
	tx, err := d.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockPlace(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if p, err := d.other.Prove(t.Context(), 2); err != nil || !p.Busy {
		t.Errorf("two offices prove the same part: %+v, %v", p, err)
	}
	if err := tx.Rollback(t.Context()); err != nil { // the office died in its part
		t.Fatal(err)
	}
	if p, err := d.other.Prove(t.Context(), 2); err != nil || p.Round.Proved != 2 {
		t.Errorf("the part of an office that died: %+v, %v", p, err)
	}
}

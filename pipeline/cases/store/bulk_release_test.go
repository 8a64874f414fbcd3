package store

import (
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Two persons settle a doubt for the cases of one camera and window: these are decided again and open, with both names. Another
// camera's, another reason's, and one whose doubt became another after the question stay held.
func TestADoubtIsSettledForAWindowAndForNoOtherCase(t *testing.T) {
	const doubt = "exemption_unconfirmed"
	d := openDesk(t)
	now := d.now()
	list := make([]cases.Intake, 6)
	for i := range list {
		list[i] = heldIntake(i, now, doubt, 0)
	}
	list[3].Decision.On.Camera = "C2"
	list[4].Decision.Reason = "lane_unknown"
	list[5].Decision.On.CapturedAt = now - 2*schemas.Hour // before the window
	d.takeIn(list...)
	held := map[schemas.OffenceID]cases.ID{}
	rows, _, err := d.List(t.Context(), Filter{}, "", 10)
	if err != nil || len(rows) != len(list) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range rows {
		held[rows[i].Case.Offence] = rows[i].Case.ID
	}
	b := &Bulk{
		Kind: BulkRelease, Text: "the clock was compared with two passages of the same car", By: supervisor("su"),
		Choice: BulkChoice{Camera: "C1", HoldReason: doubt, From: now - schemas.Hour - schemas.Minute, To: now},
	}
	id, approval := d.askFor(b, 3)
	// Meanwhile the rules find another doubt in one of the three.
	other := list[2].Offence
	if _, err := d.Do(t.Context(), &Request{Case: held[other], Key: "k", By: supervisor("su"), Command: cases.EndHold{Accept: true, Text: "seen on the picture of the case"}}); err != nil {
		t.Fatal(err)
	}
	again := func(reason string) {
		d.redecideDue(deciderFunc(func(q cases.Question) cases.Answer {
			return cases.Answer{Outcome: cases.OutcomeHeld, Reason: reason, Facts: cases.Facts{Verified: true}}
		}))
	}
	again("lane_unknown")
	d.decideApproval(approval, "sv", "approved")
	if err := runBulk(t.Context(), d.other); err != nil {
		t.Fatal(err)
	}
	again(doubt) // which holds no case of the window any more
	for i, want := range []cases.State{cases.Open, cases.Open, cases.Held, cases.Held, cases.Held, cases.Held} {
		if got := d.stateOf(held[list[i].Offence]); got != want {
			t.Errorf("case %d is %s, want %s", i, got, want)
		}
	}
	if st := d.bulk(id); st.State != BulkDone || st.Done != 2 || st.Refused != 1 || st.Letters != 0 {
		t.Errorf("%+v: want 2 done, 1 refused", st)
	}
	refused, err := d.BulkCases(t.Context(), id, BulkRefusals, cases.ID{}, 10)
	if err != nil || len(refused) != 1 || refused[0].Case != held[other] || refused[0].Outcome != string(cases.CodeStale) {
		t.Errorf("refused: %+v, %v", refused, err)
	}
	var named int
	err = d.owner.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'hold_ended' AND user_name = 'su' AND approver = 'sv'").Scan(&named)
	if err != nil || named != 2 {
		t.Errorf("%d holds ended under both names, want 2; %v", named, err)
	}
}

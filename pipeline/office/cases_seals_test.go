package office

import (
	"net/http"
	"slices"
	"testing"
)

// tamper changes cases with the database owner's power.
func (d *caseDesk) tamper(change string, args ...any) {
	d.t.Helper()
	if _, err := d.logs.Exec(d.t.Context(), "ALTER TABLE cases DISABLE TRIGGER USER"); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.logs.Exec(d.t.Context(), change, args...); err != nil {
		d.t.Fatal(err)
	}
}

// The item of a case that was altered says that nobody may confirm it, opens the incident, and cannot be confirmed, also
// when the alteration came after the item.
func TestAnAlteredItemCannotBeConfirmed(t *testing.T) {
	d := newCaseDesk(t, nil)
	for kind, change := range map[string]string{
		"seal_broken":  "UPDATE cases SET sealed = 'x' WHERE case_id = $1",
		"chain_broken": `UPDATE cases SET present = jsonb_set(present, '{amount_cents}', '1') WHERE case_id = $1`,
	} {
		t.Run(kind, func(t *testing.T) {
			d.takeIn("1ABC123", "5339", nil)
			item := d.take("an", "decide")
			d.tamper(change, item.CaseID)
			_, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item))
			if status, code := codeOfError(t, err); status != http.StatusConflict || code != "seal_broken" {
				t.Errorf("the confirmation was answered with %d %s, want 409 seal_broken", status, code)
			}
			again, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", CaseID: item.CaseID})
			if err != nil || len(again.Items) != 1 {
				t.Fatalf("the item again: %+v, %v", again, err)
			}
			if !slices.ContainsFunc(again.Items[0].Warnings, func(w ItemWarning) bool { return w.Code == kind && w.Blocks && len(w.Args) == 1 }) {
				t.Errorf("the item warns of %+v, want %s with its incident", again.Items[0].Warnings, kind)
			}
			reject := rejecting(&again.Items[0], "two_vehicles")
			reject.Key = aKey()
			d.mustDecide("an", reject)
		})
	}
}

// An item is the first to show that its case was altered.
func TestAnItemOpensTheIncidentOfAnAlteredCase(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	d.tamper("UPDATE cases SET sealed = 'x'")
	item := d.take("an", "decide")
	if item.Seal != "broken" || item.Version != 2 || len(item.Warnings) == 0 || item.Warnings[0].Code != "seal_broken" {
		t.Errorf("the item is %s of version %d and warns of %+v; want broken, with the incident as event 2", item.Seal, item.Version, item.Warnings)
	}
	var n int
	if err := d.people.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'incident'").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d incidents, err %v; want 1", n, err)
	}
	_, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item))
	if status, code := codeOfError(t, err); status != http.StatusConflict || code != "seal_broken" {
		t.Errorf("the confirmation was answered with %d %s, want 409 seal_broken", status, code)
	}
}

package office

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// prosecutors are second persons of the tests: with and without the grant, of another zone and of another regime.
func (d *sendDesk) prosecutors(grant string) {
	d.t.Helper()
	list := listCaseUsers() + fmt.Sprintf(`  - {name: sv, role: gvc_supervisor, grants: [approve], token_sha256: %s, valid_to: 2027-06-30}
  - {name: pa, role: prosecutor, grants: [%s], token_sha256: %s, valid_to: 2027-06-30}
  - {name: pz, role: prosecutor, zones: ["5340"], grants: [approve], token_sha256: %s, valid_to: 2027-06-30}
  - {name: pl, role: prosecutor, regimes: [lez], grants: [approve], token_sha256: %s, valid_to: 2027-06-30}
`, hash("sv"), grant, hash("pa"), hash("pz"), hash("pl"))
	if err := d.office.cfg.Users.Reload(strings.NewReader(list)); err != nil {
		d.t.Fatal(err)
	}
}

// A prosecutor with the grant is the second person of an annulment of a case that lies with the prosecutor's office, and of
// no other; neither is one without the grant, of another zone or another regime, and nobody approves an own question.
func TestAProsecutorIsTheSecondPersonOfAnAnnulment(t *testing.T) {
	d := newSendDesk(t)
	d.prosecutors("approve")
	judicial := d.justificationOf("pr")
	ids := d.confirm(cases.ToProsecutor, 2)
	d.mustTransmit(cases.ToProsecutor)
	other := d.confirm(cases.ImmediateCollection, 1)[0]
	d.mustTransmit(cases.ImmediateCollection)
	unsent := d.confirm(cases.ToProsecutor, 1)[0]
	ask := func(id string) string {
		t.Helper()
		asked, err := d.clerk("su").AskApproval(t.Context(), ApprovalQuery{Justification: shift(), Kind: kindAnnulment, CaseID: id, CaseReason: string(cases.DeviceWrong)})
		if err != nil {
			t.Fatal(err)
		}
		return asked.ID
	}
	decide := func(who, id string, want int) {
		t.Helper()
		_, err := d.clerk(who).Decide(t.Context(), DecideQuery{ID: id, Approve: true})
		if got, _ := codeOfError(t, err); got != want {
			t.Errorf("%s decides: %d, want %d", who, got, want)
		}
	}
	annul := func(id string, want int) {
		t.Helper()
		x := AnnulmentQuery{CaseChange: CaseChange{CaseID: id, IfMatch: VersionTag(d.versionOf(id)), Key: aKey()}}
		x.Body.Reason = WithdrawReasonName(cases.DeviceWrong)
		_, err := d.clerk("su").AnnulCase(t.Context(), shift(), x)
		if got, _ := codeOfError(t, err); got != want {
			t.Errorf("annulment: %d %v, want %d", got, err, want)
		}
	}
	sent, second, elsewhere, kept := ask(ids[0]), ask(ids[1]), ask(other), ask(unsent)
	for who, want := range map[string]int{"pa": 2, "pr": 0, "pz": 0, "pl": 0} {
		list, err := d.clerk(who).Approvals(t.Context(), ApprovalsQuery{Justification: judicial})
		if err != nil || len(list.Rows) != want {
			t.Errorf("%s sees %+v, %v, want %d", who, list, err, want)
		}
		if me, err := d.clerk(who).Me(t.Context()); err != nil || me.Waiting != want {
			t.Errorf("%s: %d wait, %v, want %d", who, me.Waiting, err, want)
		}
	}
	for _, who := range []string{"pr", "pz", "pl"} {
		decide(who, sent, 404)
	}
	decide("pa", elsewhere, 404)
	decide("pa", kept, 404)
	decide("su", sent, 403)
	if _, err := d.clerk("pa").AskApproval(t.Context(), ApprovalQuery{Justification: judicial, Kind: kindAnnulment, CaseID: ids[0], CaseReason: string(cases.DeviceWrong)}); err == nil {
		t.Error("a prosecutor asks for an annulment")
	}
	annul(ids[0], 403)
	decide("pa", sent, 200)
	d.prosecutors("") // the grant is taken back
	annul(ids[0], 403)
	d.prosecutors("approve")
	annul(ids[0], 200)
	if e, err := d.clerk("su").Case(t.Context(), shift(), ids[0]); err != nil || !strings.Contains(textOf(t, e), `"pa"`) {
		t.Errorf("the dossier does not name the second person: %v", err)
	}
	back := ReturnQuery{CaseChange: CaseChange{CaseID: ids[1], IfMatch: VersionTag(d.versionOf(ids[1])), Key: aKey()}}
	back.Body.Reason = "the place is not complete"
	if _, err := d.clerk("pa").ReturnCase(t.Context(), judicial, back); err != nil {
		t.Fatal(err)
	}
	mend := MendingQuery{CaseChange: CaseChange{CaseID: ids[1], IfMatch: VersionTag(d.versionOf(ids[1])), Key: aKey()}}
	mend.Body.To, mend.Body.Text = "confirmed", "the street was added to the registry"
	if _, err := d.clerk("su").MendCase(t.Context(), shift(), mend); err != nil {
		t.Fatal(err)
	}
	decide("pa", second, 404) // it lies with the processing centre again
	if n := d.logged("operation = 'decide-approval' AND outcome = 'refused' AND user_name = 'pa'"); n != 3 {
		t.Errorf("%d refusals of the prosecutor are in the log, want 3", n)
	}
	if access.Allowed(access.Prosecutor, access.RouteAnnul) {
		t.Error("a prosecutor annuls")
	}
}

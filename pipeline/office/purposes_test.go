package office

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestAPurposeNeedsWordsAndNumbersOfTheForms(t *testing.T) {
	d := newDesk(t, nil)
	for name, c := range map[string]struct {
		role access.Role
		j    Justification
		want string // field and code of the fault; "" = opened
	}{
		"judicial":               {access.ZoneOfficer, judicial(), ""},
		"small letters, spaces":  {access.ZoneOfficer, Justification{"judicial", "  stolen   car in the rue Neuve ", " br.43.l2.000001/2026 ", " pk.br.2026/000114"}, ""},
		"administrative":         {access.ZoneOfficer, Justification{"administrative", why, aReport, ""}, ""},
		"traffic, without file":  {access.GVCAgent, Justification{"traffic", why, "", ""}, ""},
		"oversight":              {access.Auditor, Justification{"oversight", why, "", ""}, ""},
		"dots":                   {access.ZoneOfficer, Justification{"judicial", "..........", aFile, ""}, "reason words"},
		"one letter":             {access.ZoneOfficer, Justification{"judicial", "aaaaaaaaaa", aFile, ""}, "reason words"},
		"one letter, two words":  {access.ZoneOfficer, Justification{"judicial", "aaaaaa aaaaaa", aFile, ""}, "reason letters"},
		"one word":               {access.ZoneOfficer, Justification{"judicial", "onderzoeken", aFile, ""}, "reason words"},
		"words of the list":      {access.ZoneOfficer, Justification{"judicial", "onderzoek test controle", aFile, ""}, "reason stop_words"},
		"the list with digits":   {access.ZoneOfficer, Justification{"judicial", "enquête1 test2 contrôle3", aFile, ""}, "reason stop_words"},
		"the list in capitals":   {access.ZoneOfficer, Justification{"judicial", "POLICE INVESTIGATION", aFile, ""}, "reason stop_words"},
		"digits":                 {access.ZoneOfficer, Justification{"judicial", "12345 67890 12345", aFile, ""}, "reason words"},
		"short":                  {access.ZoneOfficer, Justification{"judicial", "car theft", aFile, ""}, "reason too_short"},
		"spaces":                 {access.ZoneOfficer, Justification{"judicial", strings.Repeat(" ", 40), aFile, ""}, "reason missing"},
		"unseen characters":      {access.ZoneOfficer, Justification{"judicial", "stolen car\u200b\u202e in the street", aFile, ""}, "reason text"},
		"too long":               {access.ZoneOfficer, Justification{"judicial", strings.Repeat("stolen car ", 60), aFile, ""}, "reason too_long"},
		"no file":                {access.ZoneOfficer, Justification{"judicial", why, "", ""}, "case_ref missing"},
		"a file of no form":      {access.ZoneOfficer, Justification{"judicial", why, "12345", ""}, "case_ref form"},
		"a letter for a digit":   {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.OOOOO1/2026", ""}, "case_ref form"},
		"administrative, none":   {access.ZoneOfficer, Justification{"administrative", why, "", ""}, "case_ref missing"},
		"a file of this year":    {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.000001/2026", ""}, ""},
		"two digits of the year": {access.ZoneOfficer, Justification{"judicial", why, "BR43.L2.000001-26", ""}, ""},
		"of the first year":      {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.000001/2001", ""}, ""},
		"before the first year":  {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.000001/2000", ""}, "case_ref year"},
		"a file of 1900":         {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.000001/1900", ""}, "case_ref year"},
		"a file of 2099":         {access.ZoneOfficer, Justification{"judicial", why, "BR.43.L2.000001/2099", ""}, "case_ref year"},
		"of the next year":       {access.ZoneOfficer, Justification{"administrative", why, "AD.5339.000017/2027", ""}, "case_ref year"},
		"of the year 0":          {access.ZoneOfficer, Justification{"administrative", why, "AD.5339.000017/0000", ""}, "case_ref year"},
		"two digits, next year":  {access.ZoneOfficer, Justification{"judicial", why, "BR43.L2.000001-27", ""}, "case_ref year"},
		"two digits, too early":  {access.ZoneOfficer, Justification{"judicial", why, "BR43.L2.000001-00", ""}, "case_ref year"},
		"a decision of 2099":     {access.ZoneOfficer, Justification{"judicial", why, aFile, "PK.BR.2099/000114"}, "prosecutor_ref year"},
		"a decision, too early":  {access.ZoneOfficer, Justification{"judicial", why, aFile, "PK.BR.2017/000114"}, "prosecutor_ref year"},
		"a plate in the reason":  {access.ZoneOfficer, Justification{"judicial", "look for the stolen car 1-abc-105 at night", aFile, ""}, "reason plate"},
		"a French plate in it":   {access.ZoneOfficer, Justification{"judicial", "stolen car with AB-123-CD on it", aFile, ""}, "reason plate"},
		"an address with a box":  {access.ZoneOfficer, Justification{"judicial", "theft in the rue Neuve 3bus101 at night", aFile, ""}, ""},
		"a decision of no form":  {access.ZoneOfficer, Justification{"judicial", why, aFile, "aaaa"}, "prosecutor_ref form"},
		"a decision of no use":   {access.ZoneOfficer, Justification{"administrative", why, aReport, aDecision}, "prosecutor_ref not_allowed"},
		"a purpose of others":    {access.ZoneOfficer, Justification{"traffic", why, "", ""}, " purpose_not_allowed"},
		"a purpose of the GVC":   {access.GVCAgent, judicial(), " purpose_not_allowed"},
		"a jurist states none":   {access.Jurist, judicial(), " purpose_not_allowed"},
		"an operator neither":    {access.CameraOperator, Justification{"oversight", why, "", ""}, " purpose_not_allowed"},
		"two faults are told":    {access.ZoneOfficer, Justification{"judicial", "onderzoek", "1", ""}, "case_ref form"},
		"no purpose of the list": {access.ZoneOfficer, Justification{"operation", why, "", ""}, "body.purpose invalid"},
	} {
		before := d.logged("outcome = 'refused' AND operation = 'open-purpose'")
		p, err := d.as(c.role).OpenPurpose(t.Context(), c.j)
		refused := d.logged("outcome = 'refused' AND operation = 'open-purpose'") - before
		if c.want == "" {
			if err != nil || p.ID == "" || refused != 0 || p.LogSeq == 0 {
				t.Errorf("%s: got %+v, %v", name, p, err)
			}
			continue
		}
		field, code, _ := strings.Cut(c.want, " ")
		status, body := d.send(bearer(c.role), "", rawRequest{"POST", "/v1/purposes", jsonOf(t, c.j)})
		if err == nil || status/100 != 4 || !strings.Contains(body, fmt.Sprintf(`"code":%q`, code)) || !strings.Contains(body, field) {
			t.Errorf("%s: got %v and %d %s, want %s", name, err, status, body, c.want)
		}
		if refused != 1 && !strings.HasPrefix(field, "body.") {
			t.Errorf("%s: %d entries of the refusal, want one", name, refused)
		}
	}
	if n := d.logged("kind = 'identity' AND operation = 'open-purpose' AND purpose_id <> '' AND reason <> '' AND sign_in <> ''"); n != 9 {
		t.Errorf("%d purposes are in the log, want 9", n)
	}
}

func TestAPurposeEndsAndIsOfItsSignInAlone(t *testing.T) {
	d := newDesk(t, nil)
	officer := bearer(access.ZoneOfficer)
	open := d.purpose(officer, access.Judicial)
	ask := rawRequest{"POST", "/v1/hits/query", `{}`}
	if status, body := d.send(officer, open, ask); status != http.StatusOK {
		t.Fatalf("got %d %s", status, body)
	}
	var ends, opened time.Time
	if err := d.people.QueryRow(t.Context(), "SELECT opened_at, ends_at FROM purposes WHERE purpose_id = $1", open).Scan(&opened, &ends); err != nil || ends.Sub(opened).Round(time.Minute) != 2*time.Hour {
		t.Errorf("a judicial purpose is open for %s, err %v, want 2 h", ends.Sub(opened), err)
	}
	code := func(purpose string) string {
		status, body := d.send(officer, purpose, ask)
		return fmt.Sprint(status, " ", codeIn(body))
	}
	if _, err := d.people.Exec(t.Context(), "UPDATE purposes SET ends_at = clock_timestamp() WHERE purpose_id = $1", open); err != nil {
		t.Fatal(err)
	}
	if got := code(open); got != "403 purpose_ended" {
		t.Errorf("after its time: got %s", got)
	}
	if n := d.logged("outcome = 'refused' AND code = 'purpose_ended' AND reason = '" + why + "'"); n != 1 {
		t.Errorf("%d entries, want one with what had been stated", n)
	}
	_, body := d.send(officer, "", rawRequest{"POST", "/v1/purposes", jsonOf(t, judicial())})
	second := valueIn(body, "id")
	for range 2 { // ending a purpose twice changes nothing
		if status, body := d.send(officer, "", rawRequest{"DELETE", "/v1/purposes/" + second, ""}); status != http.StatusOK {
			t.Errorf("end: got %d %s", status, body)
		}
	}
	if got := code(second); got != "403 purpose_ended" {
		t.Errorf("after it was ended: got %s", got)
	}
	// A new token cannot reach the old token's purposes.
	third := valueIn(func() string {
		_, b := d.send(officer, "", rawRequest{"POST", "/v1/purposes", jsonOf(t, judicial())})
		return b
	}(), "id")
	if err := d.office.cfg.Users.Reload(strings.NewReader("users: [{name: user-zone_officer, role: zone_officer, zones: [\"5339\"], valid_to: 2027-06-30, token_sha256: " + hash("another token") + "}]")); err != nil {
		t.Fatal(err)
	}
	if status, body := d.send("Bearer another token", third, ask); status != http.StatusForbidden || codeIn(body) != "purpose_needed" {
		t.Errorf("by another sign-in: got %d %s", status, body)
	}
}

func TestMeSaysWhoIsSignedInAndWhatFor(t *testing.T) {
	d := newDesk(t, nil)
	c := d.as(access.ZoneOfficer)
	p, err := c.OpenPurpose(t.Context(), judicial())
	if err != nil {
		t.Fatal(err)
	}
	if p.OpensFrom == nil || !p.OpensFrom.Equal(access.MonthsBefore(schemas.MicrosOf(now), 1).Time()) || len(p.Zones) != 1 {
		t.Errorf("got %+v, want a month in zone 5339", p)
	}
	me, err := c.Me(t.Context())
	if err != nil || me.Name != "user-zone_officer" || strings.Join(me.MayState, " ") != "judicial administrative operation" || len(me.Purposes) != 1 || me.Purposes[0].ID != p.ID || me.SignInEnds == nil {
		t.Errorf("got %+v, err %v", me, err)
	}
}

func TestARefusedDecisionEndsItsPurposes(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		list := "users:\n"
		for name, rest := range map[string]string{
			"officer": `role: zone_officer, zones: ["5339"]`, "chief": `role: zone_officer, zones: ["5339"], grants: [approve]`, "other": `role: zone_officer, zones: ["5340"], grants: [approve]`,
			"deputy": `role: prosecutor, grants: [approve]`, "far": `role: prosecutor, zones: ["5340"], grants: [approve]`,
		} {
			list += fmt.Sprintf("  - {name: %s, %s, token_sha256: %s, valid_to: 2027-06-30}\n", name, rest, hash(name))
		}
		if err := c.Users.Reload(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
	})
	client := func(name string) *Client {
		return &Client{BaseURL: d.server.URL, Token: name, HTTP: d.server.Client(), MaxWait: -1}
	}
	j := judicial()
	j.ProsecutorRef = aDecision
	officer := client("officer")
	if _, err := officer.Hits(t.Context(), HitsQuery{Justification: j}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"chief": 1, "deputy": 1, "other": 0} {
		if a, err := client(name).DecisionNumbers(t.Context(), DecisionNumbersQuery{}); err != nil || len(a.Rows) != want {
			t.Errorf("%s: got %+v, err %v, want %d numbers", name, a, err, want)
		}
	}
	if _, err := officer.DecisionNumbers(t.Context(), DecisionNumbersQuery{}); status(err) != 403 {
		t.Errorf("without the grant: %v, want 403", err)
	}
	for _, police := range []string{"chief", "other", "officer"} {
		for _, known := range []bool{true, false} {
			if _, err := client(police).ConfirmDecision(t.Context(), ConfirmQuery{Ref: aDecision, Confirmed: known}); status(err) != 403 {
				t.Errorf("by %s of the police: %v, want 403", police, err)
			}
		}
	}
	if _, err := client("far").ConfirmDecision(t.Context(), ConfirmQuery{Ref: aDecision}); status(err) != 404 {
		t.Errorf("of another zone: %v, want 404", err)
	}
	a, err := client("deputy").ConfirmDecision(t.Context(), ConfirmQuery{Ref: aDecision})
	if err != nil || a.Ended != 1 {
		t.Errorf("refused: got %+v, err %v, want one purpose ended", a, err)
	}
	if _, err := officer.Hits(t.Context(), HitsQuery{Justification: j}); status(err) != 403 {
		t.Errorf("under the purpose: %v, want 403", err)
	}
	if _, err := client("chief").ConfirmDecision(t.Context(), ConfirmQuery{Ref: aDecision, Confirmed: true}); status(err) != 403 {
		t.Errorf("a colleague revives what was refused: %v, want 403", err)
	}
	if _, err := client("officer").Hits(t.Context(), HitsQuery{Justification: j}); status(err) != 422 {
		t.Errorf("opened again: %v, want 422", err)
	}
	if _, err := client("deputy").ConfirmDecision(t.Context(), ConfirmQuery{Ref: aDecision, Confirmed: true}); err != nil {
		t.Errorf("a prosecutor undoes it: %v", err)
	}
	if _, err := client("officer").Hits(t.Context(), HitsQuery{Justification: j}); err != nil {
		t.Errorf("after a prosecutor undid it: %v", err)
	}
}

package office

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// An item is a look-up that nobody chose: a lease call is one question and one disclosure of its plates, and no limit
// counts it. A dossier and a search are chosen, and counted.
func TestItemsAreLoggedAndNotCounted(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) { c.Limits.RowsDay, c.Limits.PlatesHour, c.Limits.Queries = 5, 2, 1 })
	for i := range 9 {
		d.takeIn("1ABC12"+string(rune('0'+i)), "5339", nil)
	}
	var items []Item
	for range 2 { // more items than rows a day
		var have []string
		for _, item := range items {
			have = append(have, item.Lease.ID)
		}
		a, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 3, Have: have})
		if err != nil || len(a.Items) != 3 {
			t.Fatalf("%d items after %d, err %v", len(a.Items), len(items), err)
		}
		items = append(items, a.Items...)
		if n := d.logged("operation = 'work-lease' AND kind = 'asked' AND seq = " + textOf(t, a.Scope.LogSeq)); n != 1 {
			t.Errorf("the lease names the entry %d, and the log has %d of it", a.Scope.LogSeq, n)
		}
		if n := d.logged("kind = 'disclosed' AND rows_shown = 3 AND plates = 3 AND of_seq = " + textOf(t, a.Scope.LogSeq)); n != 1 {
			t.Errorf("%d disclosures of three plates, want 1", n)
		}
	}
	me, err := d.clerk("an").Me(t.Context())
	if err != nil || me.RowsLeft != 5 {
		t.Errorf("six items left %d of 5 rows, err %v", me.RowsLeft, err)
	}
	for i := range 5 {
		if _, err := d.clerk("an").Case(t.Context(), shift(), items[i].CaseID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.clerk("an").Case(t.Context(), shift(), items[0].CaseID); err == nil {
		t.Error("a sixth dossier was shown on a day of five rows")
	}
	if a, err := d.clerk("an").Work(t.Context(), shift(), WorkQuery{Queue: "decide"}); err != nil || len(a.Rows) != 9 {
		t.Errorf("the work list ended with the rows: %v", err)
	}
	for plate, want := range map[string]int{"1ABC120": 1, "1ABC121": 1} {
		found, err := d.clerk("su").Cases(t.Context(), CasesQuery{Justification: shift(), Plate: plate})
		if err != nil || len(found.Rows) != want {
			t.Fatalf("%s: %v", plate, err)
		}
	}
	if _, err := d.clerk("su").Cases(t.Context(), CasesQuery{Justification: shift(), Plate: "1ABC122"}); err == nil {
		t.Error("a third plate was searched in an hour of two")
	}
	// Whoever asks about a plate finds each of these answers.
	open, err := d.clerk("au").OpenPurpose(t.Context(), Justification{Purpose: "oversight", Reason: "the owner asked who saw the plate"})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := d.clerk("au").Disclosures(t.Context(), DisclosuresQuery{
		Justification: Justification{Purpose: "oversight", Reason: "the owner asked who saw the plate"}, Plate: "1ABC120",
	})
	if err != nil || open.ID == "" {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, x := range shown.Disclosures {
		seen[x.Action] = true
	}
	for _, route := range []access.Route{access.RouteLease, access.RouteCase, access.RouteWork, access.RouteCases} {
		if !seen[string(route)] {
			t.Errorf("the disclosures of the plate name %v, not %s", seen, route)
		}
	}
}

// What is not as it was sealed is not shown: the answer names the part, the case gets an incident, and nobody confirms it.
func TestAnAlteredCaseIsAnsweredByItsIncident(t *testing.T) {
	for column, change := range map[string]func(map[string]any){
		"plate":        func(r map[string]any) { r["plate"] = "1ABC128" },
		"amount_cents": func(r map[string]any) { r["amount_cents"] = int64(1) },
		"sealed":       func(r map[string]any) { r["sealed"] = "x" + r["sealed"].(string) },
	} {
		t.Run(column, func(t *testing.T) {
			d := newCaseDesk(t, nil)
			m := d.takeIn("1ABC123", "5339", nil)
			item := d.take("an", "decide")
			change(m.row)
			d.insert("offences", m.row)
			status, body := d.sendAs("su", rawRequest{"GET", "/v1/cases/" + item.CaseID, ""}, nil)
			if status != http.StatusConflict || codeIn(body) != "seal_broken" || !strings.Contains(body, `"`+column+`"`) || strings.Contains(body, "1ABC12") {
				t.Fatalf("got %d %s, want 409 naming %s", status, body, column)
			}
			if _, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item)); err == nil {
				t.Error("the case was confirmed")
			}
			var n int
			if err := d.people.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'incident'").Scan(&n); err != nil || n != 1 {
				t.Errorf("%d incidents, err %v", n, err)
			}
			incident, version := 0, 0 // what a supervisor needs to close it, for the case itself is not shown
			if err := d.people.QueryRow(t.Context(), "SELECT max(n) FILTER (WHERE kind = 'incident'), max(n) FROM case_events").Scan(&incident, &version); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{fmt.Sprintf(`"version","code":"seal_broken","message":"%d is that of the case","args":["%[1]d"]`, version), fmt.Sprintf(`"args":["%d"]`, incident)} {
				if !strings.Contains(body, want) {
					t.Errorf("the answer does not say %s: %s", want, body)
				}
			}
			if status, _ := d.sendAs("su", rawRequest{"GET", "/v1/cases/" + item.CaseID, ""}, nil); status != http.StatusConflict {
				t.Errorf("shown again: %d", status)
			}
			if err := d.people.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'incident'").Scan(&n); err != nil || n != 1 {
				t.Errorf("%d incidents after it was shown again, err %v", n, err)
			}
		})
	}
	d := newCaseDesk(t, nil)
	m := d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	if a, err := d.clerk("su").Case(t.Context(), shift(), item.CaseID); err != nil || len(a.Seals) != 3 || !a.Seals[1].Absent {
		t.Errorf("without a row: %+v, %v", a, err)
	}
	d.insert("offences", m.row)
	if a, err := d.clerk("su").Case(t.Context(), shift(), item.CaseID); err != nil || a.Seals[1].Absent || !a.Seals[0].Holds || !a.Seals[1].Holds || !a.Seals[2].Holds {
		t.Errorf("with its row: %+v, %v", a, err)
	}
}

// A plate is in no address, problem, log line or metric of work and cases.
func TestNoPlateOfACaseIsLoggedOrRepeated(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn(canary, "5339", nil)
	item := d.take("an", "decide")
	h := http.Header{"If-Match": {VersionTag(item.Version)}, "Idempotency-Key": {aKey()}}
	statuses := map[int]int{}
	one := "/v1/cases/" + item.CaseID
	for _, q := range []rawRequest{
		{"POST", "/v1/cases/query", `{"plate":"` + canary + `*"}`},
		{"POST", "/v1/cases/query", `{"plate":"` + canary + `'"}`},
		{"POST", "/v1/cases/query", `{"plate":"` + canary + `","after":"` + canary + `"}`},
		{"POST", one + "/plate-preview", `{"plate":"` + canary + `","country":"XX","lease_id":"` + canary + `"}`},
		{"POST", one + "/plate-preview", `{"plate":"` + canary + `","country":"BE","lease_id":"` + canary + `"}`},
		{"POST", one + "/verdicts", `{"verdict":"correct_plate","plate":"` + canary + `","country":"BE","preview_id":"` + anyID + `","lease_id":"` + item.Lease.ID + `","checks":[true,true,true,true,true],"shown_ms":900,"input":"key"}`},
		{"POST", one + "/verdicts", `{"verdict":"reject","reason":"` + canary + `","lease_id":"` + item.Lease.ID + `","shown_ms":900,"input":"key"}`},
		{"POST", one + "/verdicts", `{"verdict":"` + canary + `","lease_id":"` + canary + `","shown_ms":900,"input":"key"}`},
		{"POST", one + "/keyings", `{"plate":"` + canary + `?","country":"BE","lease_id":"` + item.Lease.ID + `","shown_ms":900,"input":"key"}`},
		{"POST", one + "/undo", `{"event_id":"` + canary + `"}`},
		{"POST", one + "/arbitrations", `{"to":"confirmed","text":"` + canary + `"}`},
		{"POST", one + "/arbitrations", `{"to":"confirmed","reason":"` + canary + `","text":"of the test"}`},
		{"POST", one + "/notes", `{"text":"` + canary + `","plate":"` + canary + `"}`},
		{"GET", "/v1/cases/" + canary, ""},
		{"GET", "/v1/work?camera=" + canary + "&after=" + canary, ""},
		{"DELETE", "/v1/work/leases/" + canary, ""},
		{"POST", "/v1/work/leases", `{"queue":"` + canary + `"}`},
	} {
		for _, name := range []string{"an", "su", "ju", "pr"} {
			status, body := d.sendAs(name, q, h)
			statuses[status]++
			if status >= 400 && strings.Contains(body, canary) {
				t.Errorf("%s %s: the %d repeats the plate: %s", q.method, strings.ReplaceAll(q.url, canary, "#"), status, body)
			}
		}
	}
	for _, want := range []int{403, 404, 412, 422} {
		if statuses[want] == 0 {
			t.Errorf("no %d among %v: the test does not go everywhere", want, statuses)
		}
	}
	if list, err := d.clerk("an").Work(t.Context(), shift(), WorkQuery{Queue: "decide", Limit: 1}); err != nil || strings.Contains(list.Next, canary) {
		t.Errorf("%v", err)
	}
	d.act(item.CaseID, cases.OpenIncident{Kind: cases.SealBroken, Text: "of the test"})
	d.pass(time.Second)
	families, err := d.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var metrics bytes.Buffer
	for _, f := range families {
		metrics.WriteString(f.String())
	}
	for name, text := range map[string]string{"log": d.output.String(), "metrics": metrics.String()} {
		for _, secret := range []string{canary, `"an"`} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %q: %.300s", name, secret, text[max(0, at-100):])
			}
		}
	}
}

// Without the database of cases an office says so, and what needs none works on.
func TestAnOfficeWithoutCasesAnswers503(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) { c.Cases = nil })
	for _, q := range []rawRequest{
		request[access.RouteLease], request[access.RouteWorkCounts], request[access.RouteWork], request[access.RouteCase], request[access.RouteVerdict], request[access.RouteHeartbeat],
	} {
		status, body := d.sendAs("an", q, http.Header{"If-Match": {`"1"`}, "Idempotency-Key": {aKey()}})
		if status != http.StatusServiceUnavailable || codeIn(body) != "store_unavailable" {
			t.Errorf("%s %s: got %d %s", q.method, q.url, status, body)
		}
	}
	if _, err := d.clerk("an").Decisions(t.Context(), DecisionsQuery{Justification: shift(), Plate: "1ABC123"}); err != nil {
		t.Error(err)
	}
}

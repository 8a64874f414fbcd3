package office

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// A person's answer about their own plate names users, reasons and questions, and nobody else's plate.
func TestToWhomAPlateWasShownIsToldWithoutPlatesOfOthers(t *testing.T) {
	d := newDesk(t, nil)
	for i, plate := range []string{"2QJS315", "1ABC123", "B-MW123", "BM-W123"} {
		d.insert("reads", d.readRow(plate, fmt.Sprint("BRU-", i), "5339", hour))
	}
	officer, auditor := d.as(access.ZoneOfficer), d.as(access.Auditor)
	asked := []SearchQuery{
		{Plate: "2QJS315"}, {Plate: "?QJS*", TimeRange: TimeRange{From: now.Add(-day), To: now}}, {Plate: "1ABC123"}, {Plate: "9ZZZ999"}, {Plate: "BMW123"}, {Plate: "B-MW 123"},
	}
	for _, q := range asked {
		q.Justification = judicial()
		if _, err := officer.Search(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	list := retroOf(judicial(), query.RetroEntry{ID: "1", Plate: "2QJS315"}, query.RetroEntry{ID: "2", Plate: "1ABC123"}, query.RetroEntry{ID: "3", Plate: "9ZZZ999"})
	if _, err := officer.RetroMatches(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	find := func(plate string) []Disclosure {
		t.Helper()
		var all []Disclosure
		q := DisclosuresQuery{Justification: oversight(), Plate: plate, Paging: Paging{Limit: 1}}
		for range 20 {
			a, err := auditor.Disclosures(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range a.Disclosures {
				if e.Action != string(access.RouteDisclosures) {
					all = append(all, e)
				}
			}
			if q.After = a.Next; q.After == "" {
				return all
			}
		}
		t.Fatal("there is no end")
		return nil
	}
	got := find("2-QJS-315")
	if len(got) != 3 || !got[0].Named || got[1].Named || !got[2].Named {
		t.Fatalf("got %+v, want the list, the pattern and the search", got)
	}
	for _, e := range got {
		if e.User != "user-zone_officer" || e.Role != "zone_officer" || e.Zone != "5339" || e.Purpose != "judicial" || e.Reason != why || e.CaseRef != aFile || e.Rows == 0 || e.DistinctN == 0 {
			t.Errorf("got %+v", e)
		}
		for _, other := range []string{"1ABC123", "9ZZZ999", "QJS*"} {
			if strings.Contains(e.Query, other) {
				t.Errorf("entry %d tells of %s: %s", e.Seq, other, e.Query)
			}
		}
	}
	if q := got[2].Query; q != `{"plate":"2QJS315"}` {
		t.Errorf("the question of the search: %s", q)
	}
	if got := find("9ZZZ999"); len(got) != 0 {
		t.Errorf("a plate that no answer showed: %+v", got)
	}
	for plate, want := range map[string]int{"B-MW 123": 2, "BM-W 123": 1, "BMW123": 2} {
		if got := find(plate); len(got) != want {
			t.Errorf("%s: %d answers, want %d: %+v", plate, len(got), want, got)
		}
	}
	for _, plate := range []string{"2QJS*", "?QJS315", "'", ""} {
		if _, err := auditor.Disclosures(t.Context(), DisclosuresQuery{Justification: oversight(), Plate: plate}); status(err) != http.StatusUnprocessableEntity {
			t.Errorf("%q: %v, want 422", plate, err)
		}
	}
	a, err := auditor.Disclosures(t.Context(), DisclosuresQuery{Justification: oversight(), Plate: "2QJS315", TimeRange: TimeRange{To: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}})
	if err != nil || len(a.Disclosures) != 0 {
		t.Errorf("before there was a log: %+v, %v", a, err)
	}
}

// An auditor for a zone sees only disclosures to users from the zone.
func TestAnAuditorOfAZoneIsToldOfItsUsersAlone(t *testing.T) {
	d := newDesk(t, func(c *Config) { useZoned(t, c) })
	d.insert("reads", d.readRow("1ABC123", "BRU-1", "5339", hour), d.readRow("1ABC123", "BRU-2", "5340", hour))
	for _, zone := range []string{"5339", "5340"} {
		if _, err := d.client("zone_officer"+zone).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, zone := range []string{"5339", "5340"} {
		a, err := d.client("auditor"+zone).Disclosures(t.Context(), DisclosuresQuery{Justification: oversight(), Plate: "1ABC123"})
		if err != nil || len(a.Disclosures) != 1 || a.Disclosures[0].User != "zone_officer-"+zone {
			t.Errorf("the auditor of %s is told of %+v, err %v", zone, a, err)
		}
	}
}

// A question for a second person stands in the chain without the pattern. The auditor finds the question by the
// pattern, and reads the pattern while kept in clear.
func TestAQuestionForASecondPersonHasNoPlateInTheChain(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.PatternDays = 7 })
	list := "users:\n  - {name: officer, role: zone_officer, zones: [\"5339\"], token_sha256: " + hash("officer") + ", valid_to: 2027-06-30}\n" +
		"  - {name: auditor, role: auditor, token_sha256: " + hash("auditor") + ", valid_to: 2027-06-30}\n"
	if err := d.office.cfg.Users.Reload(strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	q := SearchQuery{Plate: "1-can-ry?", TimeRange: TimeRange{From: now.Add(-20 * day), To: now}}
	if _, err := d.client("officer").AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "search", Search: &q}); err != nil {
		t.Fatal(err)
	}
	if n := d.logged("upper(look_ups::text) LIKE '%CANRY%' OR upper(look_ups::text) LIKE '%CAN-RY%'"); n != 0 {
		t.Errorf("%d entries of the chain hold the pattern in clear", n)
	}
	a, err := d.client("auditor").AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Plate: "1CANRY?", Kind: "identity"})
	if err != nil || len(a.Entries) != 1 || a.Entries[0].Action != string(access.RouteAskApproval) || !strings.Contains(a.Entries[0].Body, `"1CANRY?"`) {
		t.Errorf("the auditor finds %+v, err %v", a, err)
	}
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("got %+v, err %v", v, err)
	}
}

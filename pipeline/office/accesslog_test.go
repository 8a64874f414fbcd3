package office

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

func oversight() Justification { return Justification{Purpose: "oversight", Reason: why} }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// lookups makes n look-ups, which add n questions to the log.
func (d *desk) lookups(n int) {
	d.t.Helper()
	for i := range n {
		if _, err := d.as(access.ZoneOfficer).Search(d.t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC" + strconv.Itoa(100+i)}); err != nil {
			d.t.Fatal(err)
		}
	}
}

func TestTamperingWithTheTableIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want uint64
	}{
		"nothing":   {"SELECT 1", 0},
		"reason":    {"UPDATE look_ups SET reason = 'something better' WHERE seq = 3", 3},
		"deleted":   {"DELETE FROM look_ups WHERE seq = 2", 2},
		"disclosed": {"INSERT INTO disclosed VALUES (4, '', decode(repeat('11', 32), 'hex'))", 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.lookups(3)
			d.attack(c.sql)
			a, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{})
			if c.want == 0 {
				if err != nil || !a.OK || a.Entries != 8 {
					t.Errorf("got %+v, err %v, want 8 entries with that of the verification", a, err)
				}
				return
			}
			// The answer is withheld, because no disclosure can be logged any more. /readyz and the verify command name
			// the damage.
			if status(err) != http.StatusServiceUnavailable {
				t.Errorf("got %+v, err %v, want 503", a, err)
			}
			if err := d.office.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("entry %d:", c.want)) {
				t.Errorf("ready says %v, want entry %d", err, c.want)
			}
		})
	}
}

func TestAHeadNotedElsewhereIsCheckedByVerify(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	h := d.office.Head()
	d.lookups(2)
	c := d.as(access.Auditor)
	a, err := c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: h.Seq, SHA256: hex.EncodeToString(h.Sum[:])})
	if err != nil || !a.OK {
		t.Errorf("the true head: got %+v, err %v", a, err)
	}
	if a, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: h.Seq, SHA256: strings.Repeat("00", 32)}); err != nil || a.FirstBad != h.Seq {
		t.Errorf("another head: got %+v, err %v, want it named", a, err)
	}
	if a, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: 999, SHA256: strings.Repeat("00", 32)}); err != nil || a.OK {
		t.Errorf("a head beyond the end: got %+v, err %v, want it bad", a, err)
	}
	if _, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: 3}); status(err) != http.StatusUnprocessableEntity {
		t.Errorf("half a head: got %v, want 422", err)
	}
}

// Offices side by side, and an office started later, write one chain.
func TestSeveralOfficesOnOneDatabaseWriteOneChain(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	again, err := New(t.Context(), d.office.cfg)
	if err != nil {
		t.Fatal(err)
	}
	first, second := d.office.Handler(), again.Handler()
	for range 3 {
		d.server.Config.Handler = second
		d.lookups(1)
		d.server.Config.Handler = first
		d.lookups(1)
	}
	for _, o := range []*Office{d.office, again} {
		if v, err := o.log.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 19 {
			t.Errorf("got %+v, err %v, want 19 entries that hold", v, err)
		}
	}
}

func TestConcurrentRequestsMakeOneChainInTheTable(t *testing.T) {
	d := newDesk(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := d.as(access.Prosecutor).Search(context.WithoutCancel(t.Context()), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 81 {
		t.Errorf("got %+v, err %v, want 81 entries that hold", v, err)
	}
}

func TestTheAuditorFindsEveryLookUpOfAPlate(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	if status, _ := d.send(bearer(access.ZoneOfficer), "", rawRequest{"POST", "/v1/searches", `{"plate":"1-abc-101"}`}); status != 403 {
		t.Fatalf("got %d, want 403", status)
	}
	c := d.as(access.Auditor)
	a, err := c.AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Plate: "1ABC101"})
	if err != nil || len(a.Entries) != 3 { // granted, refused, and the present question
		t.Fatalf("got %+v, err %v, want 3", a, err)
	}
	if e := a.Entries[2]; e.User != "user-zone_officer" || e.Outcome != "granted" || e.CaseRef != aFile || e.Reason != why ||
		e.Purpose != "judicial" || e.Zone != "5339" || e.Query != `{"plate":"1ABC101"}` || !slices.Equal(e.Plates, []string{"1ABC101"}) || e.Address != "127.0.0.1" {
		t.Errorf("got %+v", e)
	}
	if e := a.Entries[1]; e.Outcome != "refused" || !strings.Contains(e.Refusal, "needs a purpose") || e.Query != `{"plate":"1ABC101"}` || e.Code != "purpose_needed" {
		t.Errorf("got %+v", e)
	}
	for name, x := range map[string]struct {
		q    AccessLogQuery
		want int
	}{
		"user":      {AccessLogQuery{User: "user-zone_officer"}, 8},
		"outcome":   {AccessLogQuery{Outcome: "refused"}, 1},
		"action":    {AccessLogQuery{Action: "search"}, 7},
		"purpose":   {AccessLogQuery{ForPurpose: "judicial"}, 7},
		"disclosed": {AccessLogQuery{Kind: "disclosed", User: "user-zone_officer"}, 3},
	} {
		x.q.Justification = oversight()
		if a, err := c.AccessLog(t.Context(), x.q); err != nil || len(a.Entries) != x.want {
			t.Errorf("%s: got %+v, err %v, want %d", name, a, err, x.want)
		}
	}
}

// The auditor finds by plate every answer that showed the plate, whatever route or text led there. Answers that did not
// show the plate are not found.
func TestTheAuditorFindsEveryAnswerThatShowedAPlate(t *testing.T) {
	d := newDesk(t, nil)
	d.exec("ALTER TABLE reads REMOVE TTL")
	d.exec("ALTER TABLE plates REMOVE TTL")
	read, other := d.readRow("2QJS315", "BRU-1", "5339", hour), d.readRow("1ABC123", "BRU-2", "5339", hour)
	d.insert("reads", read, other)
	off := d.offenceRow(read, "speed", "candidate")
	d.insert("offences", off, d.offenceRow(other, "speed", "candidate"))
	d.insert("hits", map[string]any{
		"hit_id": schemas.ID{1}.String(), "listed_plate": "2QJ5315", "plate": "2QJS315", "zone": "5339", "list": "stolen", "match": "confusable",
		"audience": []string{}, "captured_at": now.Add(-hour), "priority": 1,
	})
	d.insert("decisions", map[string]any{
		"passage_id": read["passage_id"], "read_id": read["read_id"], "rule": "bru.speed.test", "family": "speed", "outcome": "offence", "plate": "2QJS315",
		"camera_id": "BRU-1", "captured_at": read["captured_at"], "trace": "[]",
	})
	window := TimeRange{From: now.Add(-day), To: now}
	traffic := Justification{Purpose: "traffic", Reason: why}
	asks := map[string]struct {
		shown bool
		ask   func() error
	}{
		"by plate": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "2QJS315"})
			return err
		}},
		"by pattern": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Plate: "2QJS315*"})
			return err
		}},
		"by a pattern of all": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Plate: "?QJS*"})
			return err
		}},
		"by a confusable twin": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "2QJ5315", Mode: ModeLooksLike})
			return err
		}},
		"last seen": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "2QJS315"})
			return err
		}},
		"journey": {true, func() error {
			_, err := d.journey("2QJS315", "2026-11-21")
			return err
		}},
		"camera view": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Camera: []string{"BRU-1"}})
			return err
		}},
		"hits": {true, func() error {
			_, err := d.as(access.ZoneOfficer).Hits(t.Context(), HitsQuery{Justification: judicial()})
			return err
		}},
		"retro": {true, func() error {
			_, err := d.as(access.ZoneOfficer).RetroMatches(t.Context(), retroOf(judicial(), query.RetroEntry{ID: "salt", Plate: "2QJ5315", Confusable: true}))
			return err
		}},
		"decisions": {true, func() error {
			_, err := d.as(access.GVCAgent).Decisions(t.Context(), DecisionsQuery{Justification: traffic, Plate: "2QJS315"})
			return err
		}},
		"another plate": {false, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"})
			return err
		}},
		"another camera": {false, func() error {
			_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Camera: []string{"BRU-2"}})
			return err
		}},
		"the dashboard": {false, func() error {
			_, err := d.as(access.ZoneOfficer).Dashboard(t.Context(), DashboardQuery{TimeRange: TimeRange{From: now.Add(-day), To: now}})
			return err
		}},
		"rejects": {false, func() error {
			_, err := d.as(access.GVCSupervisor).Rejects(t.Context(), RejectsQuery{Justification: traffic})
			return err
		}},
	}
	marks, err := d.office.marksOf("2QJS315")
	if err == nil && len(marks) == 0 {
		d.lookups(1) // makes the year's key
		marks, err = d.office.marksOf("2QJS315")
	}
	if err != nil || len(marks) != 1 {
		t.Fatal(marks, err)
	}
	disclosures := func() (n int) {
		if err := d.logs.QueryRow(t.Context(), "SELECT count(*) FROM disclosed WHERE plate_hmac = $1", marks[0]).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := d.as(access.Auditor).AccessLog(t.Context(), AccessLogQuery{Justification: oversight()}); err != nil { // opens the purpose
		t.Fatal(err)
	}
	for name, c := range asks {
		before := disclosures()
		if err := c.ask(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := disclosures() - before; (got > 0) != c.shown { // a journey is a search too
			t.Errorf("%s: %d disclosures of the plate are in the log, want shown %v", name, got, c.shown)
		}
		found, err := d.as(access.Auditor).AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Plate: "2QJS315", Kind: "disclosed", Paging: Paging{Limit: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if c.shown && (len(found.Entries) != 1 || found.Entries[0].Of+1 != found.Entries[0].Seq || found.Entries[0].Rows == 0 || found.Entries[0].Seq != found.Scope.LogSeq-1) {
			t.Errorf("%s: the auditor finds %+v, want the answer just given", name, found.Entries)
		}
		subject, err := d.as(access.Auditor).Disclosures(t.Context(), DisclosuresQuery{Justification: oversight(), Plate: "2-qjs-315", Paging: Paging{Limit: 1}})
		if err != nil || len(subject.Disclosures) != len(found.Entries) {
			t.Fatalf("%s: %+v, err %v", name, subject, err)
		}
		if c.shown && (subject.Disclosures[0].Seq != found.Entries[0].Seq || subject.Disclosures[0].Reason != why || subject.Disclosures[0].Query == "") {
			t.Errorf("%s: to who asks about the own plate is said %+v, want the answer just given and its question", name, subject.Disclosures)
		}
	}
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("got %+v, err %v", v, err)
	}
}

// The log has every refused look-up with question, cause and address, whichever check refused.
func TestARefusedLookUpIsLoggedWithAllThatWasAsked(t *testing.T) {
	d := newDesk(t, nil)
	for name, c := range map[string]struct {
		role    access.Role
		purpose access.Purpose
		url     string
		body    string
		status  int
		code    string
		plate   string
	}{
		"role":             {access.GVCAgent, access.Traffic, "/v1/searches", `{"plate":"2QJS315"}`, 403, "role", "2QJS315"},
		"role, a list":     {access.GVCAgent, access.Traffic, "/v1/retro-matches", `{"entries":[{"id":"1","plate":"2QJS315"}]}`, 403, "role", "2QJS315"},
		"age":              {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2QJS315","from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`, 403, "age", "2QJS315"},
		"no window":        {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2QJ*"}`, 422, "invalid", "2QJ*"},
		"too short":        {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2*"}`, 422, "invalid", "2*"},
		"a wrong limit":    {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2QJS315","limit":1000000}`, 422, "invalid", "2QJS315"},
		"unknown":          {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2QJS315","depth":9}`, 422, "invalid", "2QJS315"},
		"no JSON":          {access.ZoneOfficer, access.Judicial, "/v1/searches", `{"plate":"2QJS315",`, 400, "invalid", "2QJS315"},
		"another's cursor": {access.ZoneOfficer, access.Judicial, "/v1/hits/query", `{"plate":"2QJS315","limit":0}`, 422, "invalid", "2QJS315"},
		"a wrong list":     {access.ZoneOfficer, access.Judicial, "/v1/retro-matches", `{"entries":[{"id":"1","plate":"2QJS315","match":"x"}]}`, 422, "invalid", "2QJS315"},
		"of no plate form": {access.GVCAgent, access.Traffic, "/v1/decisions/query", `{"plate":"***"}`, 422, "invalid", "***"},
	} {
		open := d.purpose(bearer(c.role), c.purpose)
		before := d.logged("true")
		if status, body := d.send(bearer(c.role), open, rawRequest{"POST", c.url, c.body}); status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, status, body, c.status)
			continue
		}
		if n := d.logged("true") - before; n != 1 {
			t.Errorf("%s: %d entries, want one", name, n)
			continue
		}
		found, err := d.office.cfg.LookUps.FindEntries(t.Context(), &store.Filter{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		e := shownEntry(&found[0])
		if e.Outcome != "refused" || e.Code != c.code || !strings.Contains(e.Query, c.plate) || !slices.Contains(e.Plates, c.plate) || e.Address != "127.0.0.1" ||
			e.Reason != why || e.CaseRef != aFile || e.User != "user-"+string(c.role) || e.Purpose != string(c.purpose) || e.Refusal == "" || e.SignIn == "" {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

// Every refusal names the sign-in and the address, also on a route without look-ups.
func TestEveryRefusalSaysWhoAskedFromWhere(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.PatternDays = 7 })
	const absent = "6d5f0d5e-5a0b-4a53-9d3a-0c9b7c1e2f10"
	open := d.purpose("Bearer officer", access.Judicial)
	for name, c := range map[string]struct {
		token, purpose string
		q              rawRequest
		status         int
	}{
		"no such search":    {"Bearer officer", open, rawRequest{"GET", "/v1/searches/" + absent, ""}, 404},
		"no such purpose":   {"Bearer officer", "", rawRequest{"DELETE", "/v1/purposes/" + absent, ""}, 404},
		"no such approval":  {"Bearer officer", "", rawRequest{"POST", "/v1/approvals/decide", `{"id":"` + absent + `","approve":true}`}, 404},
		"no purpose":        {"Bearer officer", "", rawRequest{"POST", "/v1/approvals", `{"kind":"rows"}`}, 403},
		"no second person":  {"Bearer officer", open, rawRequest{"POST", "/v1/searches", `{"plate":"1AB*","from":"2026-11-01T00:00:00Z","to":"2026-11-21T00:00:00Z"}`}, 403},
		"no grant":          {"Bearer colleague", "", rawRequest{"GET", "/v1/prosecutor-decisions", ""}, 403},
		"no prosecutor":     {"Bearer officer", "", rawRequest{"POST", "/v1/prosecutor-decisions/confirm", `{"prosecutor_ref":"X","confirmed":true}`}, 403},
		"no reason":         {"Bearer officer", "", rawRequest{"POST", "/v1/purposes", `{"purpose":"judicial","reason":""}`}, 422},
		"another's purpose": {"Bearer officer", "", rawRequest{"POST", "/v1/purposes", `{"purpose":"oversight","reason":"` + why + `"}`}, 403},
	} {
		before := d.logged("outcome = 'refused'")
		if status, body := d.send(c.token, c.purpose, c.q); status != c.status {
			t.Errorf("%s: got %d %s, want %d", name, status, body, c.status)
		}
		if n := d.logged("outcome = 'refused'") - before; n != 1 {
			t.Errorf("%s: %d refusals in the log, want one", name, n)
		}
	}
	if n := d.logged("outcome = 'refused' AND (sign_in = '' OR address = '')"); n != 0 {
		t.Errorf("%d refusals do not say from which sign-in and address they came", n)
	}
}

// An answer whose disclosure cannot be logged is not sent.
func TestAnAnswerIsSentOnlyAfterWhatItDisclosesIsLogged(t *testing.T) {
	var broken bool
	d := newDesk(t, func(c *Config) { c.LookUps = brokenDisclosures{c.LookUps, &broken} })
	d.insert("reads", d.readRow("2QJS315", "BRU-1", "5339", hour))
	d.lookups(1)
	open := d.purpose(bearer(access.ZoneOfficer), access.Judicial)
	broken = true
	status, body := d.send(bearer(access.ZoneOfficer), open, rawRequest{"POST", "/v1/searches", `{"plate":"2QJS315"}`})
	if status != http.StatusServiceUnavailable || strings.Contains(body, "BRU-1") || strings.Contains(body, "2QJS315") {
		t.Errorf("got %d %s, want 503 and nothing of the answer", status, body)
	}
	broken = false
	d.lookups(1)
}

// brokenDisclosures takes no disclosure while broken is set.
type brokenDisclosures struct {
	LookUps
	broken *bool
}

func (b brokenDisclosures) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	for _, e := range es {
		if *b.broken && e.Kind == access.KindDisclosed {
			return errors.New("disk full")
		}
	}
	return b.LookUps.Append(ctx, es, seal)
}

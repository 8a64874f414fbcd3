package office

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func valueIn(body, field string) string {
	var m map[string]any
	_ = json.Unmarshal([]byte(body), &m) // an answer without JSON has no value
	s, _ := m[field].(string)
	return s
}

func codeIn(body string) string { return valueIn(body, "code") }

// secondPersons gives the office an officer, and people who may and may not be the second person.
func secondPersons(t *testing.T, c *Config) {
	t.Helper()
	list := "users:\n"
	for name, rest := range map[string]string{
		"officer": `role: zone_officer, zones: ["5339"], grants: [approve]`, "chief": `role: zone_officer, zones: ["5339", "5340"], grants: [approve]`,
		"colleague": `role: zone_officer, zones: ["5339"]`, "elsewhere": `role: zone_officer, zones: ["5340"], grants: [approve]`,
		"supervisor": `role: gvc_supervisor, grants: [approve]`, "owner": `role: zone_officer, zones: ["5339"], grants: ["list:stolen"]`,
	} {
		list += fmt.Sprintf("  - {name: %s, %s, token_sha256: %s, valid_to: 2027-06-30}\n", name, rest, hash(name))
	}
	if err := c.Users.Reload(strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) client(name string) *Client {
	return &Client{BaseURL: d.server.URL, Token: name, HTTP: d.server.Client(), MaxWait: -1}
}

func TestOnePersonIsShownSoManyRowsADayAndASecondReleasesMore(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.RowsDay = 20 })
	for i := range 50 {
		d.insert("reads", d.readRow("1ABC123", fmt.Sprint("C", i), "5339", time.Duration(i+1)*time.Minute))
	}
	officer := d.client("officer")
	shown := func() (n int, err error) {
		after := ""
		for {
			a, err := officer.Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Paging: Paging{Limit: 7, After: after}})
			if err != nil {
				return n, err
			}
			n += len(a.Reads)
			if len(a.Reads) < 7 && len(a.Scope.Narrowed) == 0 {
				t.Errorf("a page of %d says not why", len(a.Reads))
			}
			if after = a.Next; after == "" {
				return n, nil
			}
		}
	}
	n, err := shown()
	if n != 20 || status(err) != http.StatusTooManyRequests || !strings.Contains(err.Error(), "20 rows a day") {
		t.Errorf("got %d rows and %v, want 20 and then 429", n, err)
	}
	if n := d.logged("outcome = 'refused' AND code = 'quota' AND user_name = 'officer'"); n != 1 {
		t.Errorf("%d marks for the auditor, want one", n)
	}
	if _, err := d.client("colleague").Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Paging: Paging{Limit: 7}}); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	asked, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "rows"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"officer": 403, "colleague": 404, "elsewhere": 404, "supervisor": 404} {
		if _, err := d.client(name).Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); status(err) != want {
			t.Errorf("decided by %s: %v, want %d", name, err, want)
		}
	}
	if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: false}); status(err) != http.StatusConflict {
		t.Errorf("decided twice: %v, want 409", err)
	}
	if n, refused := d.logged("operation = 'decide-approval' AND kind = 'identity'"), d.logged("operation = 'decide-approval' AND code = 'decided'"); n != 1 || refused != 1 {
		t.Errorf("%d entries of a decision and %d of one that came too late, want one and one", n, refused)
	}
	if n, err := shown(); n != 20 || status(err) != http.StatusTooManyRequests {
		t.Errorf("after the release: got %d rows and %v, want 20 more", n, err)
	}
}

func TestOnePersonAsksForSoManyPlatesAnHourWhateverTheWay(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.PlatesHour = 5 })
	officer := d.client("officer")
	asks := []func(plate string) error{
		func(plate string) error {
			_, err := officer.Search(t.Context(), SearchQuery{Justification: judicial(), Plate: plate})
			return err
		},
		func(plate string) error {
			_, err := officer.Hits(t.Context(), HitsQuery{Justification: judicial(), Plate: plate})
			return err
		},
		func(plate string) error {
			_, err := officer.RetroMatches(t.Context(), RetroQuery{Justification: judicial(), Entries: []query.RetroEntry{{ID: "1", Plate: plate}}})
			return err
		},
	}
	for i := range 5 {
		for range 3 { // repeating a plate is not charged again
			if err := asks[i%3](fmt.Sprintf("1ABC10%d", i)); err != nil {
				t.Fatalf("plate %d: %v", i, err)
			}
		}
	}
	for i, ask := range asks {
		err := ask("1ABC199")
		if status(err) != http.StatusTooManyRequests {
			t.Errorf("way %d: the sixth plate: %v, want 429", i, err)
		}
		if err := ask("1-abc-100"); err != nil {
			t.Errorf("way %d: a plate of before: %v", i, err)
		}
	}
	list := RetroQuery{Justification: judicial()}
	for i := range 6 {
		list.Entries = append(list.Entries, query.RetroEntry{ID: fmt.Sprint(i), Plate: fmt.Sprintf("1ABC30%d", i)})
	}
	if _, err := officer.RetroMatches(t.Context(), list); status(err) != http.StatusForbidden {
		t.Errorf("a long list: %v, want 403", err)
	}
	if _, err := d.client("owner").RetroMatches(t.Context(), list); err != nil {
		t.Errorf("a long list of who owns one: %v", err)
	}
	asked, err := officer.AskForList(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	for i := range list.Entries { // the asker chooses the ids
		list.Entries[i].ID = fmt.Sprint("salt", i)
	}
	if _, err := officer.RetroMatches(t.Context(), list); err != nil {
		t.Errorf("a long list that a second person approved: %v", err)
	}
	list.Entries[0].Plate = "9ZZZ999"
	if _, err := officer.RetroMatches(t.Context(), list); status(err) != http.StatusForbidden {
		t.Errorf("another long list: %v, want 403", err)
	}
}

func TestAWideSearchNeedsASecondPerson(t *testing.T) {
	d := newDesk(t, func(c *Config) {
		secondPersons(t, c)
		c.Limits = UserLimits{PerSecond: 1e6, PlatesHour: 1e6, RowsDay: 1e6}
	})
	in := func(ago time.Duration) TimeRange { return TimeRange{From: now.Add(-ago), To: now} }
	officer := d.client("officer")
	for name, c := range map[string]struct {
		q    SearchQuery
		want int
	}{
		"four characters, a week":   {SearchQuery{Plate: "1ABC*", TimeRange: in(7 * day)}, 0},
		"three characters":          {SearchQuery{Plate: "1AB*", TimeRange: in(day)}, 403},
		"four characters, longer":   {SearchQuery{Plate: "1ABC*", TimeRange: in(7*day + time.Second)}, 403},
		"two characters":            {SearchQuery{Plate: "1A*", TimeRange: in(day)}, 422},
		"nothing known":             {SearchQuery{Plate: "???", TimeRange: in(day)}, 422},
		"two, with stars":           {SearchQuery{Plate: "*1*A*", TimeRange: in(day)}, 422},
		"a camera, an hour":         {SearchQuery{Camera: []string{"BRU-1"}, TimeRange: in(hour)}, 0},
		"a camera, longer":          {SearchQuery{Camera: []string{"BRU-1"}, TimeRange: in(hour + time.Second)}, 403},
		"a camera, more than a day": {SearchQuery{Camera: []string{"BRU-1"}, TimeRange: in(25 * hour)}, 422},
		"two cameras":               {SearchQuery{Camera: []string{"BRU-1", "BRU-2"}, TimeRange: in(hour)}, 422},
		"looks like, three":         {SearchQuery{Plate: "1AB*", Mode: ModeLooksLike, TimeRange: in(day)}, 403},
		"one plate, any window":     {SearchQuery{Plate: "1ABC123"}, 0},
	} {
		c.q.Justification = judicial()
		if _, err := officer.Search(t.Context(), c.q); status(err) != c.want {
			t.Errorf("%s: %v, want %d", name, err, c.want)
		}
		if c.want != 403 {
			continue
		}
		asked, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "search", Search: &c.q})
		if err != nil {
			t.Errorf("%s: ask: %v", name, err)
			continue
		}
		if list, err := d.client("supervisor").Approvals(t.Context(), ApprovalsQuery{Justification: Justification{Purpose: "traffic", Reason: why}}); err != nil || len(list.Rows) != 0 {
			t.Errorf("%s: who may not search sees %+v, err %v", name, list, err)
		}
		if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
			t.Errorf("%s: approve: %v", name, err)
		}
		if _, err := officer.Search(t.Context(), c.q); err != nil {
			t.Errorf("%s: after the approval: %v", name, err)
		}
		if _, err := d.client("colleague").Search(t.Context(), c.q); status(err) != 403 {
			t.Errorf("%s: somebody else: %v, want 403", name, err)
		}
	}
}

func TestOnePersonHasSoManyQueriesAtATimeOverAllOffices(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Limits.Queries = 2 })
	ctx := t.Context()
	var releases []func()
	for i := range 3 {
		release, ok, err := d.office.people.TakeSlot(ctx, "user-zone_officer", 2, time.Minute)
		if err != nil || ok != (i < 2) {
			t.Fatalf("slot %d: %t, %v", i, ok, err)
		}
		if ok {
			releases = append(releases, release)
		}
	}
	c := d.as(access.ZoneOfficer)
	if _, err := c.Hits(ctx, HitsQuery{Justification: judicial()}); status(err) != http.StatusTooManyRequests {
		t.Errorf("the third query: %v, want 429", err)
	}
	if _, err := d.as(access.Prosecutor).Hits(ctx, HitsQuery{Justification: judicial()}); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	releases[0]()
	if _, err := c.Hits(ctx, HitsQuery{Justification: judicial()}); err != nil {
		t.Errorf("after one ended: %v", err)
	}
	if _, err := d.people.Exec(ctx, "UPDATE query_slots SET until = clock_timestamp() - interval '1 second'"); err != nil { // the office was killed
		t.Fatal(err)
	}
	if _, err := c.Hits(ctx, HitsQuery{Justification: judicial()}); err != nil {
		t.Errorf("after its office was killed: %v", err)
	}
}

func TestTheRateOfAUserHoldsOverAllOffices(t *testing.T) {
	d := newDesk(t, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 4 { // each goroutine stands for an office
		wg.Go(func() {
			for range 50 {
				a, err := d.office.people.TakeRequest(t.Context(), "u", 5, "", "")
				if err != nil {
					t.Error(err)
				}
				if a.Admitted {
					mu.Lock()
					admitted++
					mu.Unlock()
				}
			}
		})
	}
	began := time.Now()
	wg.Wait()
	if most := 11 + int(5*(time.Since(began)+10*time.Second).Seconds()); admitted < 11 || admitted > most {
		t.Errorf("%d of 200 requests were admitted, want 11 and five a second more (at most %d)", admitted, most)
	}
}

// The client waits for a limit that ends soon, and goes on.
func TestTheClientWaitsWhenALimitIsReached(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Limits.PerSecond = 2 })
	c := &Client{BaseURL: d.server.URL, Token: "token of " + string(access.ZoneOfficer), HTTP: d.server.Client()}
	for i := range 9 {
		if _, err := c.Hits(t.Context(), HitsQuery{Justification: judicial()}); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if n := d.logged("code = 'quota'"); n == 0 {
		t.Error("the limit was not reached: the test checks nothing")
	}
}

func TestATokenTravelsToHTTPSOrThisMachineAlone(t *testing.T) {
	for url, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:1": true, "https://office.example": true,
		"http://office.example": false, "http://10.0.0.1:8080": false, "http://127.0.0.1.example": false, "http://localhost.example": false, "ftp://x": false, "": false,
	} {
		if mayTravel(url) != want {
			t.Errorf("%q: got %t", url, !want)
		}
	}
	c := &Client{BaseURL: "http://office.example", Token: "x"}
	if _, err := c.Me(t.Context()); err == nil || !strings.Contains(err.Error(), "--insecure") {
		t.Errorf("got %v", err)
	}
}

// A second person's approval counts for the stated file alone.
func TestAnApprovalIsForTheFileThatWasStated(t *testing.T) {
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.PatternDays = 7 })
	officer := d.client("officer")
	q := SearchQuery{Justification: judicial(), Plate: "1ABC1*", TimeRange: TimeRange{From: now.Add(-20 * day), To: now}}
	asked, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "search", Search: &q})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := d.client("chief").Approvals(t.Context(), ApprovalsQuery{Justification: judicial()}); err != nil || len(list.Rows) != 1 {
		t.Fatalf("got %+v, err %v", list, err)
	}
	if n := d.findsNamed("1ABC1*", 0); n != 1 {
		t.Errorf("%d entries name the pattern, want that it was asked for", n)
	}
	if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Fatal(err)
	}
	other, administrative := judicial(), Justification{Purpose: "administrative", Reason: why, CaseRef: aReport}
	other.CaseRef = "BR.43.L2.000002/2026"
	for name, j := range map[string]Justification{"of another file": other, "of another purpose": administrative} {
		q.Justification = j
		if _, err := officer.Search(t.Context(), q); status(err) != http.StatusForbidden {
			t.Errorf("%s: got %v, want 403", name, err)
		}
	}
	q.Justification = judicial()
	if _, err := officer.Search(t.Context(), q); err != nil {
		t.Errorf("of the file: %v", err)
	}
}

package office

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

func (d *caseDesk) tryAct(id string, cmd cases.Command, by cases.Actor) error {
	caseID, err := cases.ParseID(id)
	if err != nil {
		return err
	}
	_, err = d.cases.Do(d.t.Context(), &casestore.Request{Case: caseID, Command: cmd, By: by})
	return err
}

// An item, ten requests at once, of its holder in two pages and of a colleague: one verdict, one event.
func TestTwoPeopleAndOneItemMakeOneVerdict(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	if other, err := d.clerk("bo").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 3}); err != nil || len(other.Items) != 0 {
		t.Fatalf("a colleague got the same item: %+v, %v", other, err)
	}
	if _, err := d.clerk("bo").Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	codes := map[string]int{}
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			v := confirming(item)
			v.Key = fmt.Sprint("page ", i)
			_, err := d.clerks[[]string{"an", "bo"}[i%2]].Verdict(t.Context(), shift(), v)
			status, code := codeOfError(t, err)
			mu.Lock()
			codes[fmt.Sprint(status, " ", code)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if codes["200 "] != 1 {
		t.Errorf("answers %v, want one 200", codes)
	}
	for code := range codes {
		if code != "200 " && code != "409 decided" && code != "412 stale" && code != "412 lease_lost" {
			t.Errorf("an answer is %s", code)
		}
	}
	var n int
	if err := d.people.QueryRow(t.Context(), "SELECT count(*) FROM case_events WHERE kind = 'decided'").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d verdicts in the database, err %v", n, err)
	}
}

func TestAChangeNamesItsVersionAndHasAKey(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	body := `{"text":"the driver wrote"}`
	url := "/v1/cases/" + item.CaseID + "/notes"
	for name, c := range map[string]struct {
		match, key string
		status     int
		code       string
	}{
		"no version":       {"", "k", 428, "precondition"},
		"no key":           {VersionTag(item.Version), "", 428, "precondition"},
		"an older version": {VersionTag(item.Version + 1), "k", 412, "stale"},
		"version 0":        {`"0"`, "k", 412, "stale"},
		"no version of us": {`"x"`, "k", 412, "stale"},
		"without quotes":   {"1", "k", 412, "stale"},
	} {
		h := http.Header{}
		if c.match != "" {
			h.Set("If-Match", c.match)
		}
		if c.key != "" {
			h.Set("Idempotency-Key", c.key)
		}
		status, answer := d.sendAs("an", rawRequest{"POST", url, body}, h)
		if status != c.status || codeIn(answer) != c.code {
			t.Errorf("%s: got %d %s, want %d %s", name, status, answer, c.status, c.code)
		}
	}
	first := d.mustDecide("an", confirming(item))
	again, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item))
	if err != nil || again.EventID != first.EventID || again.Version != first.Version || again.State != first.State {
		t.Errorf("sent again: %+v, %v; want the first answer %+v", again, err, first)
	}
	other := rejecting(item, "two_vehicles")
	if _, err := d.clerk("an").Verdict(t.Context(), shift(), other); err == nil {
		t.Error("another verdict under the same key was taken")
	} else if status, code := codeOfError(t, err); status != 422 || code != "key_reused" {
		t.Errorf("another verdict under the same key: %v", err)
	}
	late := confirming(item)
	late.Key = aKey()
	if status, code := codeOfError(t, func() error { _, err := d.clerk("an").Verdict(t.Context(), shift(), late); return err }()); status/100 != 4 || code == "" {
		t.Errorf("a second verdict: %d %s", status, code)
	}
}

func TestALeaseEndsAndIsLost(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	d.pass(4 * time.Minute)
	if a, err := d.clerk("an").Heartbeat(t.Context(), shift(), HeartbeatQuery{Leases: []string{item.Lease.ID, anyID}}); err != nil || len(a.Leases) != 1 || len(a.Lost) != 1 || !a.Leases[0].Until.After(item.Lease.Until) {
		t.Fatalf("heartbeat: %+v, %v", a, err)
	}
	if _, err := d.clerk("bo").Heartbeat(t.Context(), shift(), HeartbeatQuery{Leases: []string{item.Lease.ID}}); err == nil {
		t.Error("a colleague keeps the item")
	}
	d.pass(6 * time.Minute)
	if _, err := d.clerk("an").Heartbeat(t.Context(), shift(), HeartbeatQuery{Leases: []string{item.Lease.ID}}); err == nil {
		t.Error("a lapsed lease was kept")
	} else if status, code := codeOfError(t, err); status != 412 || code != "lease_lost" {
		t.Errorf("heartbeat of a lapsed lease: %v", err)
	}
	second := d.take("bo", "decide")
	if second.CaseID != item.CaseID {
		t.Fatalf("got case %s, want the item that nobody has any more", second.CaseID)
	}
	_, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item))
	if status, code := codeOfError(t, err); status != 412 || code != "lease_lost" {
		t.Errorf("a verdict without the lease: %d %s", status, code)
	}
	if _, err := d.clerk("an").GiveBack(t.Context(), shift(), GiveBackQuery{Lease: second.Lease.ID}); err == nil {
		t.Error("a foreign lease was given back")
	}
	if _, err := d.clerk("bo").GiveBack(t.Context(), shift(), GiveBackQuery{Lease: second.Lease.ID}); err != nil {
		t.Error(err)
	}
	if third := d.take("an", "decide"); third.CaseID != item.CaseID {
		t.Error("what was given back is not free")
	}
}

// An answer with items may be lost on the way. Who asks again gets the same items, and no colleague does.
func TestItemsOfALostAnswerComeAgain(t *testing.T) {
	d := newCaseDesk(t, nil)
	for range 5 {
		d.takeIn("1ABC123", "5339", nil)
	}
	ask := func(have ...string) []Item {
		a, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 2, Have: have})
		if err != nil {
			t.Fatal(err)
		}
		return a.Items
	}
	lost := ask()
	again := ask()
	if len(lost) != 2 || len(again) != 2 || lost[0].Lease.ID != again[0].Lease.ID || lost[1].Lease.ID != again[1].Lease.ID {
		t.Fatalf("got %d and %d items, want the same two", len(lost), len(again))
	}
	more := ask(again[0].Lease.ID, again[1].Lease.ID)
	if len(more) != 2 || more[0].CaseID == again[0].CaseID || more[1].CaseID == again[1].CaseID {
		t.Errorf("with both in hand: %d items, want two others", len(more))
	}
}

func TestAVerdictIsTakenBackUntilItTakesEffect(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	undo := func(name string, a *CaseActAnswer) (*UndoneAnswer, error) {
		u := UndoQuery{CaseChange: CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(a.Version), Key: aKey()}}
		u.Body.Event = a.EventID
		return d.clerk(name).Undo(t.Context(), shift(), u)
	}
	a := d.mustDecide("an", confirming(item))
	d.pass(9 * time.Second)
	if _, err := undo("bo", a); err == nil {
		t.Error("a colleague took the verdict back")
	}
	got, err := undo("an", a)
	if err != nil || got.Item == nil || got.Item.CaseID != item.CaseID || got.Item.Lease.ID == item.Lease.ID {
		t.Fatalf("undo at 9 s: %+v, %v", got, err)
	}
	d.see(t.Context(), "an", got.Item)
	a = d.mustDecide("an", rejecting(got.Item, "two_vehicles"))
	d.pass(11 * time.Second)
	if _, err := undo("an", a); err == nil {
		t.Error("a verdict that took effect was taken back")
	} else if status, code := codeOfError(t, err); status != 409 || code != "decided" {
		t.Errorf("undo at 11 s: %v", err)
	}
	if got := d.stateOf(item.CaseID); got != cases.Rejected {
		t.Errorf("state %s, want rejected", got)
	}
}

func TestWhoHasNoAppointmentDecidesNothing(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("no", "decide")
	refused := d.logged("outcome = 'refused' AND code = 'not_competent' AND user_name = 'no'")
	for _, v := range []VerdictQuery{confirming(item), rejecting(item, "two_vehicles")} {
		_, err := d.clerk("no").Verdict(t.Context(), shift(), v)
		if status, code := codeOfError(t, err); status != 403 || code != "not_competent" {
			t.Errorf("%s: got %v", v.Body.Verdict, err)
		}
	}
	if n := d.logged("outcome = 'refused' AND code = 'not_competent' AND user_name = 'no'") - refused; n != 2 {
		t.Errorf("%d refusals in the log, want 2", n)
	}
	h := HoldQuery{CaseChange: on(item)}
	h.Body.Reason, h.Body.Until, h.Body.Text, h.Body.Lease = "awaits_partner", time.Now().Add(24*time.Hour), "asked the owner", item.Lease.ID
	if _, err := d.clerk("no").HoldCase(t.Context(), shift(), h); err != nil {
		t.Errorf("a hold decides nothing: %v", err)
	}
	d.takeIn("1ABC124", "5339", nil)
	item = d.take("an", "decide")
	d.mustDecide("an", confirming(item))
	var appointment string
	if err := d.people.QueryRow(t.Context(), "SELECT convert_from(body, 'UTF8')::jsonb->>'appointment' FROM case_events WHERE kind = 'decided'").Scan(&appointment); err != nil || appointment != "A-an" {
		t.Errorf("the verdict names the appointment %q, err %v", appointment, err)
	}
}

// A withdrawal and a counter-decision need a proof of identity of the last ten minutes. Before it nothing is told.
func TestWithdrawalAndCounterDecisionNeedAFreshProof(t *testing.T) {
	at := now
	d := newCaseDesk(t, func(c *Config) { aBrowser(c, "su", &at) })
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	purpose := ""
	for _, age := range []time.Duration{access.StepUpTime + time.Second, time.Minute} {
		at = now.Add(-age)
		if purpose == "" {
			purpose = d.purpose("", access.Traffic)
		}
		for _, id := range []string{item.CaseID, anyID} {
			status, body := d.send("", purpose, rawRequest{"POST", "/v1/cases/" + id + "/withdrawals", `{"reason":"pass_found"}`})
			switch stale := age > access.StepUpTime; {
			case stale && (status != 403 || codeIn(body) != "step_up"):
				t.Errorf("a proof %s old: got %d %s, want 403 step_up", age, status, body)
			case !stale && id == anyID && status != 404, !stale && id != anyID && status != 200:
				t.Errorf("a proof %s old: got %d %s", age, status, body)
			}
		}
	}
	if got := d.stateOf(item.CaseID); got != cases.Withdrawn {
		t.Errorf("state %s, want withdrawn", got)
	}
}

// A case goes to nobody who could not see it.
func TestACaseIsAssignedWithinTheZonesAndRegimesOfAColleague(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	list, err := d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "decide"})
	if err != nil || len(list.Rows) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, user := range []string{"zo", "el"} {
		in := AssignQuery{Key: aKey()}
		in.Body.CaseIDs, in.Body.User, in.Body.Until = []string{list.Rows[0].CaseID}, user, time.Now().Add(time.Hour)
		a, err := d.clerk("su").AssignCases(t.Context(), shift(), in)
		if err != nil || a.Count != 0 || len(a.Failed) != 1 || a.Failed[0].Code != "scope" {
			t.Errorf("to %s: %+v, %v; want a failure of scope", user, a, err)
		}
	}
}

func TestSupervisorsAssignAndHoldCameras(t *testing.T) {
	d := newCaseDesk(t, nil)
	for range 3 {
		d.takeIn("1ABC123", "5339", nil)
	}
	list, err := d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "decide"})
	if err != nil || len(list.Rows) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	in := AssignQuery{Key: aKey()}
	in.Body.CaseIDs, in.Body.User, in.Body.Until = []string{list.Rows[0].CaseID, anyID}, "bo", time.Now().Add(time.Hour)
	first, err := d.clerk("su").AssignCases(t.Context(), shift(), in)
	if err != nil || first.Count != 1 || len(first.Failed) != 1 || first.Failed[0].Code != "not_found" {
		t.Errorf("assign: %+v, %v", first, err)
	}
	if again, err := d.clerk("su").AssignCases(t.Context(), shift(), in); err != nil || textOf(t, again) != textOf(t, first) {
		t.Errorf("assign again: %+v, %v; want the first answer", again, err)
	}
	in.Body.User, in.Key = "au", aKey()
	if _, err := d.clerk("su").AssignCases(t.Context(), shift(), in); err == nil {
		t.Error("an auditor was given work")
	}
	if _, err := d.clerk("an").AssignCases(t.Context(), shift(), in); err == nil {
		t.Error("an agent assigned work")
	}
	got := d.take("an", "decide")
	if got.CaseID == list.Rows[0].CaseID {
		t.Error("an assigned case went to somebody else")
	}
	hold := HoldCameraQuery{Key: aKey()}
	b := &hold.Body
	b.Camera, b.From, b.To, b.Reason, b.Text, b.Until = "BRU-1", now.Add(-day), now, "camera_checked", "its clock is wrong", time.Now().Add(2*day)
	counted, err := d.clerk("su").HoldCamera(t.Context(), shift(), hold)
	if err != nil || counted.Count != 3 || counted.Done {
		t.Fatalf("count: %+v, %v", counted, err)
	}
	wrong := int64(2)
	b.Confirm, hold.Key = &wrong, aKey()
	if _, err := d.clerk("su").HoldCamera(t.Context(), shift(), hold); err == nil {
		t.Error("held with another count")
	} else if status, code := codeOfError(t, err); status != 412 || code != "stale" {
		t.Errorf("another count: %v", err)
	}
	right := int64(3)
	b.Confirm, hold.Key = &right, aKey()
	held, err := d.clerk("su").HoldCamera(t.Context(), shift(), hold)
	if err != nil || held.Count != 3 || !held.Done {
		t.Fatalf("hold: %+v, %v", held, err)
	}
	if again, err := d.clerk("su").HoldCamera(t.Context(), shift(), hold); err != nil || textOf(t, again) != textOf(t, held) {
		t.Errorf("hold again: %+v, %v; want the first answer", again, err)
	}
	list, err = d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "held", Reason: "camera_checked"})
	if err != nil || len(list.Rows) != 3 || strings.Contains(textOf(t, list), "amount") {
		t.Errorf("held: %s, %v", textOf(t, list), err)
	}
}

// A case with an incident cannot be confirmed until a supervisor has closed it, with a text.
func TestASupervisorClosesAnIncidentAndTheCaseGoesOn(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	d.act(item.CaseID, cases.OpenIncident{Kind: cases.PictureDamaged, Text: "other bytes"})
	settle := func(name string, version int64, text string) (int, string) {
		q := IncidentClosingQuery{CaseChange: CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(version), Key: aKey()}}
		q.Body.N, q.Body.Text = 2, text
		_, err := d.clerk(name).CloseIncident(t.Context(), shift(), q)
		return codeOfError(t, err)
	}
	item.Version = 2
	v := confirming(item)
	v.Key = aKey()
	_, err := d.clerk("an").Verdict(t.Context(), shift(), v)
	if status, code := codeOfError(t, err); status != 409 || code != "incident_open" {
		t.Errorf("confirmed with an incident: %d %s", status, code)
	}
	for _, c := range []struct {
		name, text string
		version    int64
		want       string
	}{
		{"an", "restored from the backup", 2, "403 role"},
		{"su", "restored", 2, "422 invalid"},
		{"su", "restored from the backup", 1, "412 stale"},
		{"su", "restored from the backup", 2, "200 "},
		{"su", "restored from the backup", 3, "409 decided"},
	} {
		if status, code := settle(c.name, c.version, c.text); fmt.Sprint(status, " ", code) != c.want {
			t.Errorf("%s closes version %d with %q: %d %s, want %s", c.name, c.version, c.text, status, code, c.want)
		}
	}
	item.Version, v = 3, confirming(item)
	v.IfMatch = VersionTag(3)
	d.mustDecide("an", v)
}

// A user whose zones or regimes change loses the items of other cases: they are not shown, not kept, and free at once.
func TestItemsOutsideThePresentZonesAreGivenBack(t *testing.T) {
	for _, limit := range []string{`zones: ["5340"]`, `regimes: [lez]`} {
		d := newCaseDesk(t, nil)
		d.takeIn("1ABC123", "5339", nil)
		item := d.take("an", "decide")
		list := strings.Replace(listCaseUsers(), "{name: an, role: gvc_agent,", "{name: an, role: gvc_agent, "+limit+",", 1)
		if err := d.office.cfg.Users.Reload(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
		_, err := d.clerk("an").Heartbeat(t.Context(), shift(), HeartbeatQuery{Leases: []string{item.Lease.ID}})
		if status, code := codeOfError(t, err); status != http.StatusPreconditionFailed || code != "lease_lost" {
			t.Errorf("%s: the heartbeat was answered with %d %s, want 412 lease_lost", limit, status, code)
		}
		if a, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide"}); err != nil || len(a.Items) != 0 {
			t.Errorf("%s: got %+v, %v; want no item", limit, a, err)
		}
		if other := d.take("bo", "decide"); other.CaseID != item.CaseID {
			t.Errorf("%s: a colleague got %s, want the item that was given back", limit, other.CaseID)
		}
	}
}

// A case takes its blockers along to another track and back, or has those of that track's export check.
func TestAChangeOfTrackKeepsTheExportCheck(t *testing.T) {
	for name, c := range map[string]struct {
		check func(*casestore.Dossier, cases.Track) []string
		want  map[string]string
	}{
		"no check here": {nil, map[string]string{"prosecutor": "[export_device_serial]", "immediate_collection": "[export_device_serial]"}},
		"a check": {func(d *casestore.Dossier, track cases.Track) []string {
			if track == cases.ToProsecutor || len(d.Sealed) == 0 {
				return nil
			}
			return []string{"export_device_serial"}
		}, map[string]string{"prosecutor": "[]", "immediate_collection": "[export_device_serial]"}},
	} {
		d := newCaseDesk(t, func(f *Config) { f.Cases.Blocks = c.check })
		d.takeIn("1ABC123", "5339", func(in *cases.Intake) { in.Blocks = []string{"export_device_serial"} })
		item := d.take("an", "decide")
		version := item.Version
		for _, track := range []string{"prosecutor", "immediate_collection"} {
			q := TrackQuery{CaseChange: CaseChange{CaseID: item.CaseID, IfMatch: VersionTag(version), Key: aKey()}}
			q.Body.Track, q.Body.Text = track, "a reason that is long enough"
			done, err := d.clerk("su").ChangeTrack(t.Context(), shift(), q)
			if err != nil {
				t.Fatal(err)
			}
			version = done.Version
			shown, err := d.clerk("su").Case(t.Context(), shift(), item.CaseID)
			if err != nil || shown.Case.Track != track || fmt.Sprint(shown.Case.Blocks) != c.want[track] {
				t.Errorf("%s: on %s the blockers are %v, err %v; want %s", name, track, shown.Case.Blocks, err, c.want[track])
			}
		}
	}
}

// One person holds a bounded number of items, chosen or not, and a chosen case is charged like every look-up.
func TestLeasesAreBounded(t *testing.T) {
	d := newCaseDesk(t, nil)
	for range casestore.MaxHeld + 2 {
		d.takeIn("1ABC123", "5339", nil)
	}
	left := func() int64 {
		n, _, err := d.office.people.RowsLeft(t.Context(), "an", int64(d.office.cfg.Limits.RowsDay))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var have []string
	lease := func(q LeaseQuery) (int, string) {
		q.Queue, q.Have = "decide", have
		a, err := d.clerk("an").Lease(t.Context(), shift(), q)
		if err == nil {
			for i := range a.Items {
				have = append(have, a.Items[i].Lease.ID)
			}
		}
		return codeOfError(t, err)
	}
	for range 2 {
		if status, code := lease(LeaseQuery{N: 3}); status != http.StatusOK {
			t.Fatalf("%d %s", status, code)
		}
	}
	list, err := d.clerk("bo").Work(t.Context(), shift(), WorkQuery{Queue: "decide", Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	before, chosen := left(), map[string]int{}
	for _, r := range list.Rows {
		if r.HeldBy == "" {
			_, code := lease(LeaseQuery{CaseID: r.CaseID})
			chosen[code]++
		}
	}
	if chosen[""] != 2 || chosen["leases_full"] != 2 || len(have) != casestore.MaxHeld {
		t.Errorf("of four chosen cases the answers are %v, and %d items are held; want two of four, and %d", chosen, len(have), casestore.MaxHeld)
	}
	if got := before - left(); got != 2 {
		t.Errorf("%d rows were charged for two chosen cases", got)
	}
	if _, code := lease(LeaseQuery{N: 1}); code != "leases_full" {
		t.Errorf("one more item was answered with %q, want leases_full", code)
	}
	if _, err := d.clerk("an").GiveBack(t.Context(), shift(), GiveBackQuery{Lease: have[0]}); err != nil {
		t.Fatal(err)
	}
	if status, code := lease(LeaseQuery{N: 3}); status != http.StatusOK || len(have) != casestore.MaxHeld+1 {
		t.Errorf("after one was given back: %d %s, %d leases in all", status, code, len(have))
	}
}

package office

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// caseRoutes lists the routes with a case in their path.
func caseRoutes() (out []access.Route) {
	for route, q := range request {
		if strings.HasPrefix(q.url, "/v1/cases/"+anyID) {
			out = append(out, route)
		}
	}
	slices.Sort(out)
	return out
}

// Each route, person and case: a case of another zone or regime is like a case that is none, with the same bytes, and the
// refusal is in the log. Of the cases of others no list and no count has a trace.
func TestNobodyReachesACaseOfAnotherZoneOrRegime(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)                                                    // out of zo's zone
	d.takeIn("1ABC124", "5340", nil)                                                    // for zo
	d.takeIn("1ABC125", "5340", func(in *cases.Intake) { in.Regime = cases.RegimeLEZ }) // for el
	d.takeIn("1ABC126", "5339", func(in *cases.Intake) { in.Regime = cases.RegimeLEZ }) // for el
	all, err := d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "decide"})
	if err != nil || len(all.Rows) != 4 {
		t.Fatalf("%d rows, err %v", len(all.Rows), err)
	}
	for name, mine := range map[string][]string{"zo": {"1ABC124", "1ABC125"}, "el": {"1ABC125", "1ABC126"}} {
		for _, row := range all.Rows {
			if slices.Contains(mine, row.Plate) {
				if _, err := d.clerk(name).Case(t.Context(), shift(), row.CaseID); err != nil {
					t.Errorf("%s does not reach the own case %s: %v", name, row.Plate, err)
				}
				continue
			}
			for _, route := range caseRoutes() {
				q := request[route]
				answers := map[string]bool{}
				for _, id := range []string{row.CaseID, anyID, "1CANARY1"} {
					h := http.Header{"If-Match": {`"1"`}, "Idempotency-Key": {aKey()}}
					before := d.logged("outcome = 'refused'")
					status, body := d.sendAs(name, rawRequest{q.method, strings.Replace(q.url, anyID, id, 1), q.body}, h)
					answers[fmt.Sprint(status, withoutRequestID(body))] = true
					may := access.MayFor(access.GVCAgent, route, access.Traffic)
					if may && status != http.StatusNotFound || !may && status != http.StatusForbidden || d.logged("outcome = 'refused'")-before != 1 {
						t.Errorf("%s, %s on a foreign case: %d %s", name, route, status, body)
					}
				}
				if len(answers) != 1 {
					t.Errorf("%s, %s: the answers tell a foreign case from none: %v", name, route, answers)
				}
			}
			if a, err := d.clerk(name).Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", CaseID: row.CaseID}); err == nil {
				t.Errorf("%s leased the foreign case %+v", name, a)
			}
		}
		counts, err := d.clerk(name).WorkCounts(t.Context(), shift())
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for _, r := range counts.Rows {
			if n += r.Count; name == "zo" && r.Zone != "5340" {
				t.Errorf("zo is told of zone %s", r.Zone)
			}
		}
		if n != 2 {
			t.Errorf("%s counts %d cases, want 2", name, n)
		}
		for _, filter := range []WorkFilter{{}, {Zone: "5339"}, {Camera: "BRU-1"}} {
			list, err := d.clerk(name).Work(t.Context(), shift(), WorkQuery{Queue: "decide", WorkFilter: filter})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range list.Rows {
				if !slices.Contains(mine, row.Plate) {
					t.Errorf("%s sees %s with the filter %+v", name, row.Plate, filter)
				}
			}
		}
		for _, row := range all.Rows {
			found, err := d.clerk(name).Cases(t.Context(), CasesQuery{Justification: shift(), Plate: row.Plate})
			if err != nil || len(found.Rows) > 0 != slices.Contains(mine, row.Plate) {
				t.Errorf("%s finds %d cases of %s, err %v", name, len(found.Rows), row.Plate, err)
			}
		}
		leased, err := d.clerk(name).Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 3})
		if err != nil || len(leased.Items) > 2 {
			t.Fatalf("%s leased %d items, err %v", name, len(leased.Items), err)
		}
		for _, item := range leased.Items {
			if !slices.Contains(mine, item.Plate.Text) {
				t.Errorf("%s was given %s", name, item.Plate.Text)
			}
			if _, err := d.clerk(name).GiveBack(t.Context(), shift(), GiveBackQuery{Lease: item.Lease.ID}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// send moves a confirmed case to the recipient of its track.
func (d *caseDesk) transmit(id, number string, track cases.Track) {
	d.t.Helper()
	d.act(id, cases.Number{Number: number})
	d.act(id, cases.Transmit{Batch: "b1", Track: track, SealHolds: true, PicturesHold: true})
}

// A prosecutor sees what was handed to the prosecutor's office, of any age; nobody's open case, and no other track.
func TestAProsecutorSeesWhatWasHandedOver(t *testing.T) {
	d := newCaseDesk(t, nil)
	tracks := []cases.Track{cases.ToProsecutor, cases.ImmediateCollection, cases.ToProsecutor}
	var ids []string
	for i, track := range tracks {
		d.takeIn(fmt.Sprintf("1ABC12%d", i), "5339", func(in *cases.Intake) { in.Track = track })
	}
	for range tracks {
		item := d.take("an", "decide")
		ids = append(ids, item.CaseID)
		d.mustDecide("an", confirming(item))
	}
	d.pass(time.Minute)
	d.transmit(ids[0], "PV-1", cases.ToProsecutor)
	d.transmit(ids[1], "PV-2", cases.ImmediateCollection)
	j := Justification{Purpose: "judicial", Reason: why, CaseRef: aFile}
	for i, want := range []bool{true, false, false} {
		_, err := d.clerk("pr").Case(t.Context(), j, ids[i])
		if status, _ := codeOfError(t, err); (status == 200) != want || !want && status != 404 {
			t.Errorf("case %d: got %d", i, status)
		}
		found, err := d.clerk("pr").Cases(t.Context(), CasesQuery{Justification: j, Number: fmt.Sprintf("PV-%d", i+1)})
		if err != nil || len(found.Rows) > 0 != want {
			t.Errorf("number %d: %d cases, err %v", i+1, len(found.Rows), err)
		}
	}
	if _, err := d.clerk("pr").Lease(t.Context(), j, LeaseQuery{Queue: "decide"}); err == nil {
		t.Error("a prosecutor got work")
	}
}

// A jurist sees how a case went, and no byte of plate, picture, read, offence or seal.
func TestAJuristSeesNoPlateAndNothingMadeOfOne(t *testing.T) {
	d := newCaseDesk(t, nil)
	m := d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	n := NoteQuery{CaseChange: on(item)}
	n.Key = aKey()
	n.Body.Text = "the driver of 1ABC123 wrote"
	noted, err := d.clerk("an").NoteCase(t.Context(), shift(), n)
	if err != nil {
		t.Fatal(err)
	}
	v := confirming(item)
	v.IfMatch = VersionTag(noted.Version)
	d.mustDecide("an", v)
	d.pass(time.Minute)
	status, body := d.sendAs("ju", rawRequest{"GET", "/v1/cases/" + item.CaseID, ""}, nil)
	if status != http.StatusOK || !strings.Contains(body, `"decided"`) || !strings.Contains(body, "speed.above") {
		t.Fatalf("got %d %s", status, body)
	}
	in := &m.intake
	for what, secret := range map[string]string{
		"the plate": "1ABC123", "its picture": in.Pictures[0].Sum.String(), "the read": in.Decision.On.Read.String(), "the passage": in.Decision.Passage.String(),
		"the offence": in.Offence.String(), "the seal": fmt.Sprintf("%x", in.Seal[:]), "a note": "wrote", "who decided": `"an"`, "a digest": `"sha256"`,
	} {
		if strings.Contains(body, secret) {
			t.Errorf("the jurist sees %s: %s", what, body)
		}
	}
	if status, _ := d.sendAs("ju", rawRequest{"POST", "/v1/cases/query", `{"plate":"1ABC123"}`}, nil); status != http.StatusForbidden {
		t.Errorf("a jurist searched cases: %d", status)
	}
}

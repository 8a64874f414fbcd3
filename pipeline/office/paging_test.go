package office

import (
	"fmt"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestPagesTogetherAreTheWholeAndNothingTwice(t *testing.T) {
	d := newDesk(t, nil)
	want := map[string]bool{}
	for i := range 23 {
		// Many reads share an instant, so the id decides the order.
		r := d.readRow("1ABC123", fmt.Sprint("C", i), "5339", time.Duration(i/8)*hour+hour)
		want[r["read_id"].(string)] = true
		d.insert("reads", r, r)
	}
	for _, limit := range []int{1, 4, 22, 23, 24} {
		got := map[schemas.ReadID]bool{}
		after, last, pages := "", time.Time{}, 0
		for {
			a, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Paging: Paging{After: after, Limit: limit}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range a.Reads {
				r := &a.Reads[i]
				if got[r.ReadID] || (!last.IsZero() && r.CapturedAt.After(last)) {
					t.Fatalf("limit %d: %s twice or out of order", limit, r.ReadID)
				}
				got[r.ReadID], last = true, r.CapturedAt
			}
			pages++
			if after = a.Next; after == "" {
				break
			}
			if len(a.Reads) != limit {
				t.Fatalf("limit %d: a page of %d that is not the last", limit, len(a.Reads))
			}
		}
		if len(got) != len(want) || pages != (len(want)+limit-1)/limit {
			t.Errorf("limit %d: got %d reads on %d pages, want %d", limit, len(got), pages, len(want))
		}
	}
}

// fillLists puts n rows in every table, and 2n rows in decisions. Several rows share an instant.
func (d *desk) fillLists(n int) {
	for i := range n {
		r := d.readRow("1ABC123", fmt.Sprint("C", i), "5339", time.Duration(i/3)*hour+hour)
		o := d.offenceRow(r, "speed", "candidate")
		o["offence_id"] = schemas.ID{byte(i + 1)}.String()
		d.insert("reads", r)
		d.insert("offences", o)
		for _, rule := range []string{"bru.lez.access", "bru.speed.fixed"} {
			d.insert("decisions", map[string]any{
				"passage_id": r["passage_id"], "rule": rule, "plate": "1ABC123", "outcome": "exempt",
				"read_id": r["read_id"], "captured_at": r["captured_at"], "trace": o["trace"],
			})
		}
		d.insert("hits", map[string]any{"hit_id": schemas.ID{byte(i + 1)}.String(), "zone": "5339", "captured_at": r["captured_at"]})
		d.insert("rejects", map[string]any{
			"reason": "bad_plate", "kafka_topic": schemas.TopicReads, "kafka_offset": int64(i),
			"received_at": r["captured_at"], "payload_head": "1CANARY1",
		})
	}
}

func TestTheOtherListsPageToo(t *testing.T) {
	d := newDesk(t, nil)
	const n = 7
	d.fillLists(n)
	for name, page := range map[string]func(p Paging) (rows int, next string, err error){
		"decisions": func(p Paging) (int, string, error) {
			a, err := d.as(access.GVCAgent).Decisions(t.Context(), DecisionsQuery{Justification: traffic(), Paging: p, Plate: "1ABC123"})
			if err != nil {
				return 0, "", err
			}
			return len(a.Decisions), a.Next, nil
		},
		"hits": func(p Paging) (int, string, error) {
			a, err := d.as(access.ZoneOfficer).Hits(t.Context(), HitsQuery{Justification: judicial(), Paging: p})
			if err != nil {
				return 0, "", err
			}
			return len(a.Hits), a.Next, nil
		},
		"rejects": func(p Paging) (int, string, error) {
			a, err := d.as(access.GVCSupervisor).Rejects(t.Context(), RejectsQuery{Justification: traffic(), Paging: p})
			if err != nil {
				return 0, "", err
			}
			return len(a.Rejects), a.Next, nil
		},
	} {
		want := n
		if name == "decisions" {
			want = 2 * n
		}
		total, after := 0, ""
		for range 20 {
			rows, next, err := page(Paging{After: after, Limit: 3})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			total += rows
			if after = next; next == "" {
				break
			}
		}
		if total != want || after != "" {
			t.Errorf("%s: got %d rows, next %q, want %d and the end", name, total, after, want)
		}
	}
}

func TestTheAccessLogPages(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(5)
	a, err := d.as(access.Auditor).AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Paging: Paging{Limit: 3}})
	if err != nil || len(a.Entries) != 3 || a.Next == "" || a.Entries[0].Seq != a.Scope.LogSeq {
		t.Fatalf("access log: got %+v, err %v", a, err)
	}
	b, err := d.as(access.Auditor).AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Paging: Paging{After: a.Next}})
	if err != nil || b.Entries[0].Seq != a.Entries[2].Seq-1 {
		t.Errorf("second page of the access log: got %+v, err %v", b, err)
	}
}

package office

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func judicial() Justification {
	return Justification{Purpose: "judicial", Reason: why, CaseRef: aFile}
}

func modeFor(confusable bool) Mode {
	if confusable {
		return ModeLooksLike
	}
	return ""
}

func plates(a *ReadsAnswer) []string {
	out := []string{}
	for i := range a.Reads {
		out = append(out, a.Reads[i].Plate)
	}
	return out
}

func status(err error) int {
	if e, ok := errors.AsType[*APIError](err); ok {
		return e.Status
	}
	return 0
}

func TestReadsFindsWhatThePatternMeans(t *testing.T) {
	d := newDesk(t, nil)
	for i, p := range []string{"1ABC123", "1ABC124", "IABC123", "1A8C123", "2XYZ999", "1ABC12"} {
		d.insert("reads", d.readRow(p, "BRU-1", "5339", time.Duration(i+1)*hour))
	}
	window := TimeRange{From: now.Add(-day), To: now}
	for _, c := range []struct {
		plate      string
		confusable bool
		want       []string
	}{
		{"1-abc-123", false, []string{"1ABC123"}},
		{"1ABC123", true, []string{"1ABC123", "IABC123", "1A8C123"}},
		{"1ABC*", false, []string{"1ABC123", "1ABC124", "1ABC12"}},
		{"1ABC12?", false, []string{"1ABC123", "1ABC124"}},
		{"*C12*", false, []string{"1ABC123", "1ABC124", "IABC123", "1A8C123", "1ABC12"}},
		{"?ABC123", false, []string{"1ABC123", "IABC123"}},
		{"1ABC12?", true, []string{"1ABC123", "1ABC124", "IABC123", "1A8C123"}},
		{"9ZZZ000", false, []string{}},
	} {
		a, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{
			Justification: judicial(), TimeRange: window, Plate: c.plate,
			Mode: modeFor(c.confusable), Count: true,
		})
		if err != nil {
			t.Errorf("%s: %v", c.plate, err)
			continue
		}
		if got := plates(a); !slices.Equal(got, c.want) || *a.Count != uint64(len(c.want)) {
			t.Errorf("%s confusable %v: got %v counted %d, want %v", c.plate, c.confusable, got, *a.Count, c.want)
		}
	}
}

func TestAReadComesBackAsItWasStored(t *testing.T) {
	d := newDesk(t, nil)
	row := d.readRow("1ABC123", "BRU-1", "5339", hour)
	d.insert("reads", row)
	a, err := d.as(access.Prosecutor).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"})
	if err != nil || len(a.Reads) != 1 {
		t.Fatalf("got %+v, err %v", a, err)
	}
	r := a.Reads[0]
	if r.ReadID.String() != row["read_id"] || !r.CapturedAt.Equal(now.Add(-hour)) || r.Camera != "BRU-1" || r.Zone != "5339" || r.Speed != 505 ||
		r.RawPlate != "raw 1ABC123" || r.Image.String() != strings.Repeat("0f", 32) || r.Confidence != 950 || r.LatE6 != 50846700 || r.Street.FR != "Rue de la Loi" ||
		!slices.Equal(r.Alternatives, []string{"1ABC123"}) || r.Country != "BE" {
		t.Errorf("got %+v", r)
	}
	if a.Scope.LogSeq == 0 || !a.Scope.Plates || a.Scope.Purpose != "judicial" || len(a.Scope.Zones) != 0 {
		t.Errorf("got scope %+v", a.Scope)
	}
}

func TestAZoneOfficerSeesHisZonesOnly(t *testing.T) {
	d := newDesk(t, nil)
	own, other := d.readRow("1ABC123", "BRU-1", "5339", hour), d.readRow("1ABC123", "BRU-2", "5340", 2*hour)
	d.insert("reads", own, other)
	hit := func(id byte, zone string, audience ...string) map[string]any {
		return map[string]any{
			"hit_id": schemas.ID{id}.String(), "listed_plate": "1ABC123", "plate": "1ABC123", "zone": zone, "list": "stolen",
			"match": "exact", "audience": audience, "captured_at": now.Add(-time.Duration(id) * hour), "priority": id,
		}
	}
	d.insert("hits", hit(1, "5339"), hit(2, "5340"), hit(3, "5339", "5340"), hit(4, "5339", "5340", "5339"))
	for _, c := range []struct {
		role        access.Role
		reads, hits int
	}{{access.ZoneOfficer, 1, 2}, {access.Prosecutor, 2, 4}} {
		a, err := d.as(c.role).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Count: true})
		if err != nil || len(a.Reads) != c.reads || *a.Count != uint64(c.reads) {
			t.Errorf("%s: got %d reads, err %v, want %d", c.role, len(a.Reads), err, c.reads)
		}
		h, err := d.as(c.role).Hits(t.Context(), HitsQuery{Justification: judicial(), Plate: "1abc123"})
		if err != nil || len(h.Hits) != c.hits {
			t.Errorf("%s: got %d hits, err %v, want %d", c.role, len(h.Hits), err, c.hits)
		}
	}
	l, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Paging: Paging{Limit: 1}})
	if err != nil || len(l.Reads) != 1 || l.Reads[0].Zone != "5339" {
		t.Errorf("last seen: got %+v, err %v", l, err)
	}
	if h, err := d.as(access.Prosecutor).Hits(t.Context(), HitsQuery{Justification: judicial(), MinPriority: 3, List: "stolen", Match: "exact"}); err != nil || len(h.Hits) != 2 {
		t.Errorf("hits of priority 3 and more: got %+v, err %v, want 2", h, err)
	}
}

func TestTheAgeOfDataDecidesWhoSeesIt(t *testing.T) {
	d := newDesk(t, nil)
	d.exec("ALTER TABLE reads REMOVE TTL") // the engine has another clock; rows past retention must stay unseen
	d.insert("reads", d.readRow("1ABC123", "NOW", "5339", hour), d.readRow("1ABC123", "OLD", "5339", 60*day),
		d.readRow("1ABC123", "LAST-DAY", "5339", 364*day), d.readRow("1ABC123", "TOO-OLD", "5339", 366*day))
	ref := judicial()
	ref.ProsecutorRef = aDecision
	for name, c := range map[string]struct {
		ask      Justification
		from     time.Duration // before now, 0 = not given
		want     int
		narrowed bool
	}{
		"administrative":                     {Justification{Purpose: "administrative", Reason: why, CaseRef: aReport}, 0, 1, false},
		"administrative, two months asked":   {Justification{Purpose: "administrative", Reason: why, CaseRef: aReport}, 62 * day, 1, true},
		"judicial":                           {judicial(), 0, 1, false},
		"judicial, two months asked":         {judicial(), 62 * day, 1, true},
		"with a decision":                    {ref, 0, 3, false},
		"with a decision, two months asked":  {ref, 62 * day, 2, false},
		"with a decision, three years asked": {ref, 3 * 366 * day, 3, true},
	} {
		q := SearchQuery{Justification: c.ask, Plate: "1ABC123"}
		if c.from != 0 {
			q.From = now.Add(-c.from)
		}
		a, err := d.as(access.ZoneOfficer).Search(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(a.Reads) != c.want || (len(a.Scope.Narrowed) > 0) != c.narrowed {
			t.Errorf("%s: got %d reads, narrowed %v, want %d, %v", name, len(a.Reads), a.Scope.Narrowed, c.want, c.narrowed)
		}
	}
	_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", TimeRange: TimeRange{To: now.Add(-40 * day)}})
	if status(err) != 403 || !strings.Contains(err.Error(), "prosecutor_ref") {
		t.Errorf("wholly outside: got %v, want 403 saying what to do", err)
	}
	if n := d.logged("outcome = 'refused' AND refusal LIKE '%Prosecutor%'"); n != 1 {
		t.Errorf("got %d log entries of the refusal, want 1", n)
	}
}

func TestAnswersAreTheSameWithAndWithoutRepeats(t *testing.T) {
	d := newDesk(t, nil)
	for _, table := range []string{"reads"} {
		d.exec("SYSTEM STOP MERGES " + table)
	}
	rows := []map[string]any{}
	for i := range 10 {
		rows = append(rows, d.readRow("1ABC123", fmt.Sprint("C", i%3), "5339", time.Duration(i)*hour))
	}
	for range 3 {
		d.insert("reads", rows...)
	}
	if n := d.count("SELECT count() FROM reads"); n != 30 {
		t.Fatalf("the table holds %d rows, want 30: the test checks nothing", n)
	}
	a, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123", Count: true})
	if err != nil || len(a.Reads) != 10 || *a.Count != 10 {
		t.Errorf("got %d reads counted %d, err %v, want 10 and 10", len(a.Reads), *a.Count, err)
	}
}

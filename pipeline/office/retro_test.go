package office

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

func retroOf(ask Justification, entries ...query.RetroEntry) RetroQuery {
	return RetroQuery{Justification: ask, Entries: entries}
}

func TestANewListIsMatchedAgainstWhatWasRead(t *testing.T) {
	d := newDesk(t, nil)
	d.exec("ALTER TABLE reads REMOVE TTL")
	d.exec("ALTER TABLE plates REMOVE TTL")
	d.exec("SYSTEM STOP MERGES reads")
	for range 2 { // every row is stored twice
		d.insert("reads", d.readRow("1ABC123", "A", "5339", hour), d.readRow("1ABC123", "B", "5339", 2*hour), d.readRow("1A8C123", "C", "5339", 3*hour),
			d.readRow("1ABC123", "D", "5340", 4*hour), d.readRow("1ABC123", "OLD", "5339", 60*day), d.readRow("2XYZ789", "E", "5339", 5*hour))
	}
	exact := query.RetroEntry{ID: "e1", Plate: "1-abc-123"}
	wide := query.RetroEntry{ID: "e2", Plate: "1ABC123", Confusable: true}
	never := query.RetroEntry{ID: "e3", Plate: "9ZZZ999", Confusable: true}
	ref := judicial()
	ref.ProsecutorRef = aDecision
	for name, c := range map[string]struct {
		role access.Role
		ask  Justification
		in   []query.RetroEntry
		want []string // entry, plate as read, match, reads
	}{
		"exact":              {access.ZoneOfficer, judicial(), []query.RetroEntry{exact}, []string{"e1 1ABC123 exact 2"}},
		"confusable":         {access.ZoneOfficer, judicial(), []query.RetroEntry{wide}, []string{"e2 1A8C123 confusable 1", "e2 1ABC123 exact 2"}},
		"both and a third":   {access.ZoneOfficer, judicial(), []query.RetroEntry{never, wide, exact}, []string{"e1 1ABC123 exact 2", "e2 1A8C123 confusable 1", "e2 1ABC123 exact 2"}},
		"all zones":          {access.Prosecutor, judicial(), []query.RetroEntry{exact}, []string{"e1 1ABC123 exact 3"}},
		"older than a month": {access.ZoneOfficer, ref, []query.RetroEntry{exact}, []string{"e1 1ABC123 exact 3"}},
		"nobody":             {access.ZoneOfficer, judicial(), []query.RetroEntry{never}, nil},
	} {
		a, err := d.as(c.role).RetroMatches(t.Context(), retroOf(c.ask, c.in...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, m := range a.Matches {
			got = append(got, fmt.Sprintf("%s %s %s %d", m.Entry, m.Plate, m.Match, m.Reads))
		}
		if strings.Join(got, ", ") != strings.Join(c.want, ", ") || a.Entries != len(c.in) || a.Scope.LogSeq == 0 {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	a, err := d.as(access.ZoneOfficer).RetroMatches(t.Context(), retroOf(judicial(), exact))
	if err != nil {
		t.Fatal(err)
	}
	if m := a.Matches[0]; m.LastCamera != "A" || m.FirstCamera != "B" || !m.LastAt.Equal(now.Add(-hour)) || m.LastZone != "5339" {
		t.Errorf("got %+v, want first at B and last at A", m)
	}
	if n := d.logged("operation = 'retro-matches' AND asked LIKE '%" + a.ListSHA256 + "%' AND asked LIKE '%\"entries\":1%'"); n == 0 {
		t.Error("the access log has no entry with the hash of the list and the number of its entries")
	}
}

func TestAListThatIsNotOneOfPlatesIsRefused(t *testing.T) {
	d := newDesk(t, nil)
	for name, c := range map[string]struct {
		role access.Role
		ask  Justification
		in   []query.RetroEntry
		want string
	}{
		"a pattern":              {access.ZoneOfficer, judicial(), []query.RetroEntry{{ID: "1", Plate: "1ABC123"}, {ID: "2", Plate: "1ABC*"}}, "entries[1].plate"},
		"no plate":               {access.ZoneOfficer, judicial(), []query.RetroEntry{{ID: "1", Plate: "-"}}, "entries[0].plate"},
		"an empty list":          {access.ZoneOfficer, judicial(), []query.RetroEntry{}, "entries"},
		"the wrong purpose":      {access.ZoneOfficer, Justification{Purpose: "administrative", Reason: why, CaseRef: aReport}, []query.RetroEntry{{ID: "1", Plate: "1ABC123"}}, "may not use retro-matches"},
		"the wrong role":         {access.GVCAgent, Justification{Purpose: "traffic", Reason: why}, []query.RetroEntry{{ID: "1", Plate: "1ABC123"}}, "may not use retro-matches"},
		"more than can be asked": {access.ZoneOfficer, judicial(), make([]query.RetroEntry, query.MaxRetro+1), "entries"},
	} {
		_, err := d.as(c.role).RetroMatches(t.Context(), retroOf(c.ask, c.in...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to name %s", name, err, c.want)
		}
	}
}

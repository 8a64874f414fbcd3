package office

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// An auditor who names a plate finds every pattern search that covers the plate, whether answered, refused or without
// result, and no other search.
func TestAnAuditorFindsThePatternsThatCoverAPlate(t *testing.T) {
	d := newDesk(t, func(c *Config) { anOfficerAndAnAuditor(t, c); c.Limits.PatternDays = 7 })
	officer, window := d.client("officer"), TimeRange{From: now.Add(-day), To: now}
	search := func(plate string, mode Mode) func() error {
		return func() error {
			_, err := officer.Search(t.Context(), SearchQuery{Justification: judicial(), Plate: plate, Mode: mode, TimeRange: window})
			return err
		}
	}
	long := SearchQuery{Justification: judicial(), Plate: "1ABC?0*", TimeRange: TimeRange{From: now.Add(-20 * day), To: now}}
	for _, c := range []struct {
		name   string
		ask    func() error
		status int
		finds  bool
	}{
		{"begins alike", search("1ABC*", ""), 0, true},
		{"single characters", search("1A?C?05", ""), 0, true},
		{"ends alike", search("*C105", ""), 0, true},
		{"in the middle", search("*ABC1*", ""), 0, true},
		{"with a star that stands for nothing", search("1ABC105*", ""), 0, true},
		{"refused: knows too little", search("1*5", ""), 422, true},
		{"refused: too many stars", search("*1*A*C*5", ""), 422, true},
		{"refused: no second person", func() error { _, err := officer.Search(t.Context(), long); return err }, 403, true},
		{"asked of a second person", func() error {
			_, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "search", Search: &long})
			return err
		}, 0, true},
		{"a plate that cameras confuse with it", search("IA8C1O5", ModeLooksLike), 0, true},
		{"a pattern that cameras confuse with it", search("IA8C*", ModeLooksLike), 0, true},
		{"a confused plate, exactly", search("IA8C1O5", ""), 0, false},
		{"a confused pattern, exactly", search("IA8C*", ""), 0, false},
		{"one character too few", search("1ABC?5", ""), 0, false},
		{"another beginning", search("1ABD*", ""), 0, false},
		{"another plate that looks like others", search("1ABC106", ModeLooksLike), 0, false},
	} {
		before := d.logged("true")
		if err := c.ask(); status(err) != c.status {
			t.Errorf("%s: %v, want %d", c.name, err, c.status)
		}
		a, err := d.client("auditor").AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Plate: "1-abc-105", Paging: Paging{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(a.Entries, func(e AccessEntry) bool { return e.Seq > uint64(before) && e.User == "officer" })
		if found != c.finds {
			t.Errorf("%s: found %t, want %t", c.name, found, c.finds)
		}
	}
	// A pattern finds the searches by this pattern. Without clear text the HMAC alone finds an entry.
	if _, err := d.logs.Exec(t.Context(), "DELETE FROM look_up_plates"); err != nil {
		t.Fatal(err)
	}
	for plate, want := range map[string]int{"1ABC*": 1, "1ABC105": 0} {
		a, err := d.client("auditor").AccessLog(t.Context(), AccessLogQuery{Justification: oversight(), Plate: plate, User: "officer", Action: Action(access.RouteSearch), Kind: "asked"})
		if err != nil || len(a.Entries) != want {
			t.Errorf("%s without clear text: got %d entries, err %v, want %d", plate, len(a.Entries), err, want)
		}
	}
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() {
		t.Errorf("the log: %+v, err %v", v, err)
	}
}

// anOfficerAndAnAuditor gives the office one officer and one auditor.
func anOfficerAndAnAuditor(t *testing.T, c *Config) {
	t.Helper()
	list := "users:\n"
	for name, rest := range map[string]string{"officer": `role: zone_officer, zones: ["5339"], grants: [approve]`, "auditor": `role: auditor`} {
		list += fmt.Sprintf("  - {name: %s, %s, token_sha256: %s, valid_to: 2027-06-30}\n", name, rest, hash(name))
	}
	if err := c.Users.Reload(strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
}

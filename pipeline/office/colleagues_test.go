package office

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// usersWith adds entries to the users of the tests of cases.
func usersWith(t *testing.T, more string) func(*Config) {
	return func(c *Config) {
		u, err := access.ReadUsers(strings.NewReader(listCaseUsers() + more))
		if err != nil {
			t.Fatal(err)
		}
		c.Users = u
	}
}

// TestColleaguesAreThoseWhoCanBeGivenCases compares the list with what an assignment takes: both are of one rule.
func TestColleaguesAreThoseWhoCanBeGivenCases(t *testing.T) {
	d := newCaseDesk(t, usersWith(t, `  - {name: left, role: gvc_agent, valid_to: 2026-01-31}
  - {name: next, role: gvc_agent, valid_from: 2027-01-01}
  - {name: sz, role: gvc_supervisor, zones: ["5339"], token_sha256: `+hash("sz")+`, valid_to: 2027-06-30}
`))
	d.takeIn("1ABC123", "5339", nil)
	d.takeIn("1ABC124", "5339", nil)
	d.takeIn("1ABC125", "5340", nil)
	d.takeIn("1ABC126", "5339", nil)
	if _, err := d.clerk("bo").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 2}); err != nil {
		t.Fatal(err)
	}
	list, err := d.clerk("su").Work(t.Context(), shift(), WorkQuery{Queue: "decide", WorkFilter: WorkFilter{Zone: "5339"}})
	if err != nil || len(list.Rows) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for asker, want := range map[string]string{"su": "an bo:2 cy el no:- su sz:- zo", "sz": "an bo:2 cy el no:- su sz:-"} {
		a, err := d.clerk(asker).Colleagues(t.Context(), shift())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range a.Rows {
			text := c.Name
			if c.Holds > 0 {
				text += ":" + itoa(c.Holds)
			}
			if !c.Appointed {
				text += ":-"
			}
			if c.Present {
				t.Errorf("%s is present, and nobody has a browser", c.Name)
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is shown %q, want %q", asker, strings.Join(got, " "), want)
		}
		if a.Scope.LogSeq == 0 {
			t.Error("the view has no entry in the log")
		}
		for _, name := range []string{"an", "bo", "cy", "zo", "el", "no", "su", "sz", "left", "next", "pr", "ju", "au", "nobody"} {
			in := AssignQuery{Key: asker + name}
			in.Body.CaseIDs, in.Body.User, in.Body.Until = []string{list.Rows[2].CaseID}, name, time.Now().Add(time.Hour)
			_, err := d.clerk(asker).AssignCases(t.Context(), shift(), in)
			status, _ := codeOfError(t, err)
			listed := strings.Contains(" "+want+" ", " "+name+" ") || strings.Contains(" "+want, " "+name+":")
			if listed == (status == http.StatusUnprocessableEntity) {
				t.Errorf("%s assigns to %s: status %d; listed: %v", asker, name, status, listed)
			}
		}
	}
	for _, name := range []string{"an", "pr", "ju", "au"} {
		if _, err := d.clerk(name).Colleagues(t.Context(), shift()); err == nil {
			t.Errorf("%s is shown the colleagues", name)
		}
	}
}

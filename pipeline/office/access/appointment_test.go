package access

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestAnAppointmentCoversItsActsBetweenItsDays(t *testing.T) {
	u, err := ReadUsers(strings.NewReader(`users:
  - {name: all, role: gvc_agent, appointment: {number: GVC-7, from: 2026-01-01, to: 2026-12-31}}
  - {name: second, role: gvc_supervisor, appointment: {number: GVC-8, from: 2026-01-01, acts: [second, arbitrate]}}
  - {name: none, role: gvc_agent}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := u.All()
	before, first, last, after := schemas.DayOf(2026, 1, 1).Start()-1, schemas.DayOf(2026, 1, 1).Start(), schemas.DayOf(2027, 1, 1).Start()-1, schemas.DayOf(2027, 1, 1).Start()
	for _, c := range []struct {
		user int
		act  Act
		at   schemas.Micros
		want string
	}{
		{0, ActDecide, before, ""},
		{0, ActDecide, first, "GVC-7"},
		{0, ActCounter, last, "GVC-7"},
		{0, ActDecide, after, ""},
		{1, ActDecide, first, ""},
		{1, ActSecond, first, "GVC-8"},
		{1, ActArbitrate, after, "GVC-8"},
		{1, ActCounter, first, ""},
		{2, ActDecide, first, ""},
	} {
		if got := all[c.user].CompetenceFor(c.act, c.at); got != c.want {
			t.Errorf("%s for %s at %s: got %q, want %q", all[c.user].Name, c.act, c.at, got, c.want)
		}
	}
	for _, act := range Acts() {
		if got := all[0].CompetenceFor(act, first); got != "GVC-7" {
			t.Errorf("%s: got %q; without a list an appointment covers every act", act, got)
		}
	}
}

func TestABrokenAppointmentIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{from: 2026-01-01}":                                                   "needs the number",
		"{number: \" \", from: 2026-01-01}":                                    "needs the number",
		"{number: A}":                                                          "from",
		"{number: A, from: soon}":                                              "from",
		"{number: A, from: 2026-01-01, to: later}":                             "to",
		"{number: A, from: 2026-02-01, to: 2026-01-01}":                        "before to",
		"{number: A, from: 2026-01-01, acts: [judge]}":                         "none of [decide second arbitrate counter]",
		"{number: A, from: 2026-01-01, acts: [second, second]}":                "there twice",
		"{number: " + strings.Repeat("A", 65) + ", from: 2026-01-01}":          "64 characters",
		"{number: A, from: 2026-01-01, until: 2027-01-01}":                     "form",
		"{number: A, from: 2026-01-01}, zones: [\"1\"], role: zone_officer, #": "form",
	} {
		if _, err := ReadUsers(strings.NewReader("users:\n  - {name: a, role: gvc_agent, appointment: " + text + "}\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
	if _, err := ReadUsers(strings.NewReader("users: [{name: a, role: jurist, appointment: {number: A, from: 2026-01-01}}]")); err == nil || !strings.Contains(err.Error(), "decides no case") {
		t.Errorf("a jurist's appointment: got %v", err)
	}
}

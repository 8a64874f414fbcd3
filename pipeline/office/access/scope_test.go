package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

func at(s string) schemas.Micros {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, schemas.Brussels())
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return schemas.MicrosOf(t)
}

func TestMonthsBeforeIsTheCalendarMonthOfBrussels(t *testing.T) {
	for _, c := range []struct {
		now  string
		n    int
		want string
	}{
		{"2026-11-21 13:00", 1, "2026-10-21 13:00"},
		{"2026-11-21 13:00", 12, "2025-11-21 13:00"},
		{"2026-03-31 10:00", 1, "2026-03-01 00:00"}, // no 31 February: February is over
		{"2026-03-28 10:00", 1, "2026-02-28 10:00"},
		{"2026-05-31 10:00", 1, "2026-05-01 00:00"},
		{"2028-02-29 10:00", 12, "2027-03-01 00:00"},
		{"2026-01-15 00:00", 1, "2025-12-15 00:00"},
		{"2026-04-29 02:30", 1, "2026-03-29 03:00"}, // 02:30 of that night does not exist
	} {
		if got := MonthsBefore(at(c.now), c.n); got != at(c.want) {
			t.Errorf("MonthsBefore(%s, %d): got %s, want %s", c.now, c.n, got.Local(), c.want)
		}
	}
}

func TestMonthsBeforeNeverGoesBackAsTimeGoesOn(t *testing.T) {
	before := schemas.Micros(0)
	for now := at("2026-01-01 00:00"); now < at("2028-04-01 00:00"); now += 17 * schemas.Minute {
		got := MonthsBefore(now, 1)
		if got < before || got >= now {
			t.Fatalf("at %s: got %s after %s", now, got, before)
		}
		if age := now - got; age > 31*24*schemas.Hour+schemas.Hour {
			t.Fatalf("at %s: %s is older than any month", now, got)
		}
		before = got
	}
}

var (
	officer    = &User{Name: "o", Role: ZoneOfficer, Zones: []string{"5339"}}
	prosecutor = &User{Name: "p", Role: Prosecutor}
	agent      = &User{Name: "g", Role: GVCAgent}
	operator   = &User{Name: "c", Role: CameraOperator}
	auditor    = &User{Name: "a", Role: Auditor}
	jurist     = &User{Name: "j", Role: Jurist}
	supervisor = &User{Name: "s", Role: GVCSupervisor}
)

const why = "accident with flight, witness saw the plate"

// lawCase is a look-up with the law's answer.
type lawCase struct {
	name     string
	user     *User
	ask      Request
	refused  string // part of the detail; "" = granted
	invalid  bool
	from     schemas.Micros
	narrowed bool
}

func lawCases(now schemas.Micros) []lawCase {
	month, year := at("2026-10-21 13:00"), at("2025-11-21 13:00")
	old, older, oldest := at("2026-10-01 00:00"), at("2026-02-01 00:00"), at("2025-01-01 00:00")
	recent := at("2026-11-01 00:00")
	return []lawCase{
		{"judicial, no window", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why}, "", false, month, false},
		{"judicial in the month", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, From: recent}, "", false, recent, false},
		{"judicial, older without decision", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, From: old}, "", false, month, true},
		{"judicial, wholly older without decision", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, From: old, To: month}, "King's Prosecutor", false, 0, false},
		{"judicial, older with decision", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, ProsecutorRef: "BR.12/26", From: older, To: old}, "", false, older, false},
		{"judicial with decision, no window", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, ProsecutorRef: "BR.12/26"}, "", false, year, false},
		{"judicial beyond a year", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, ProsecutorRef: "BR.12/26", From: oldest}, "", false, year, true},
		{"judicial wholly beyond a year", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, ProsecutorRef: "BR.12/26", From: oldest, To: year}, "12 calendar months", false, 0, false},
		{"administrative older, with a decision that does not help", officer, Request{Route: RouteHits, Purpose: Administrative, Reason: why, ProsecutorRef: "BR.12/26", From: older, To: old}, "first calendar month", false, 0, false},
		{"administrative narrowed", officer, Request{Route: RouteHits, Purpose: Administrative, Reason: why, From: older}, "", false, month, true},
		{"administrative by a prosecutor", prosecutor, Request{Route: RouteSearch, Purpose: Administrative, Reason: why}, "may not use search for the purpose", false, 0, false},
		{"cases of one plate by the prosecutor", prosecutor, Request{Route: RouteCases, Purpose: Judicial, Reason: why, ByPlate: true, From: older, To: old}, "King's Prosecutor", false, 0, false},
		{"a plate by the prosecutor, older", prosecutor, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, ByPlate: true, From: older, To: old}, "King's Prosecutor", false, 0, false},
		{"hits by the prosecutor, older", prosecutor, Request{Route: RouteHits, Purpose: Judicial, Reason: why, From: older, To: old}, "King's Prosecutor", false, 0, false},
		{"decisions for traffic", agent, Request{Route: RouteDecisions, Purpose: Traffic, Reason: why}, "", false, year, false},
		{"traffic is no plate search", agent, Request{Route: RouteSearch, Purpose: Traffic, Reason: why}, "may not use search", false, 0, false},
		{"traffic by the police zone", officer, Request{Route: RouteHits, Purpose: Traffic, Reason: why}, "for the purpose", false, 0, false},
		{"no purpose", officer, Request{Route: RouteSearch, Reason: why}, "needs a purpose", false, 0, false},
		{"invented purpose", officer, Request{Route: RouteSearch, Purpose: "curiosity", Reason: why}, "for the purpose", false, 0, false},
		{"no reason", officer, Request{Route: RouteSearch, Purpose: Judicial}, "at least 10", true, 0, false},
		{"blank reason", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: strings.Repeat(" ", 30)}, "at least 10", true, 0, false},
		{"reason of 9", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: "123456789"}, "at least 10", true, 0, false},
		{"reason of 10", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: "1234567890"}, "", false, month, false},
		{"reason with a control character", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why + "\n"}, "control", true, 0, false},
		{"reason not UTF-8", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why + "\xff"}, "UTF-8", true, 0, false},
		{"reason too long", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: strings.Repeat("x", MaxReason+1)}, "at most 500", true, 0, false},
		{"pattern without window", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, Wide: true, From: recent}, "time window", true, 0, false},
		{"pattern with window", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, Wide: true, From: recent, To: now}, "", false, recent, false},
		{"window upside down", officer, Request{Route: RouteSearch, Purpose: Judicial, Reason: why, From: now, To: recent}, "before to", true, 0, false},
		{"operator by plate", operator, Request{Route: RouteRejects, ByPlate: true}, "never sees plates", false, 0, false},
		{"operator", operator, Request{Route: RouteRejects}, "", false, year, false},
		{"operator for traffic", operator, Request{Route: RouteRejects, Purpose: Traffic, Reason: why}, "for the purpose", false, 0, false},
		{"jurist by plate", jurist, Request{Route: RouteReplay, ByPlate: true}, "never sees plates", false, 0, false},
		{"a dashboard under a judicial purpose", officer, Request{Route: RouteDashboard, Purpose: Judicial, Reason: why, From: recent}, "", false, recent, false},
		{"auditor", auditor, Request{Route: RouteAccessLog, Purpose: Oversight, Reason: why, From: oldest}, "", false, oldest, false},
		{"auditor without a purpose", auditor, Request{Route: RouteAccessLog, Reason: why}, "needs a purpose", false, 0, false},
		{"auditor without reason", auditor, Request{Route: RouteAccessLog, Purpose: Oversight}, "at least 10", true, 0, false},
		{"auditor on reads", auditor, Request{Route: RouteSearch, Purpose: Judicial, Reason: why}, "may not use search", false, 0, false},
		{"unknown route", officer, Request{Route: "export", Purpose: Judicial, Reason: why}, "may not use export", false, 0, false},
	}
}

func TestAuthoriseKeepsTheLaw(t *testing.T) {
	now := at("2026-11-21 13:00")
	for _, c := range lawCases(now) {
		s, r := Authorise(c.user, c.ask, now)
		switch {
		case c.refused != "":
			if r == nil || !strings.Contains(r.Detail, c.refused) || r.Invalid != c.invalid || s.user != nil {
				t.Errorf("%s: got %+v, want refused with %q, invalid %v", c.name, r, c.refused, c.invalid)
			}
		case r != nil:
			t.Errorf("%s: refused: %s", c.name, r.Detail)
		case s.from != c.from || (s.narrowed != "") != c.narrowed || s.to != c.ask.To:
			t.Errorf("%s: got from %s to %s narrowed %q, want from %s", c.name, s.from, s.to, s.narrowed, c.from)
		}
	}
}

// A granted look-up keeps three rules, whatever the question: nothing older than the purpose allows, the user's zones,
// no plates for operation. The matrix has the pair of role and purpose.
func TestNoAskWidensTheScope(t *testing.T) {
	now := at("2026-11-21 13:00")
	month, year := MonthsBefore(now, 1), MonthsBefore(now, 12)
	windows := []schemas.Micros{0, 1, year - 1, year, year + 1, month - 1, month, month + 1, now, now + schemas.Hour}
	granted := 0
	for _, u := range []*User{officer, prosecutor, agent, operator, auditor, jurist, supervisor} {
		for _, route := range append(Routes(), "other") {
			for _, p := range append(Purposes(), "", "other") {
				for _, ref := range []string{"", "BR.1234"} {
					for _, from := range windows {
						for _, to := range windows {
							ask := Request{Route: route, Purpose: p, Reason: why, ProsecutorRef: ref, From: from, To: to}
							s, r := Authorise(u, ask, now)
							if r != nil {
								continue
							}
							granted++
							checkScope(t, s, u, ask, month, year)
						}
					}
				}
			}
		}
	}
	if granted == 0 {
		t.Error("nothing was granted: the test checks nothing")
	}
}

func checkScope(t *testing.T, s Scope, u *User, a Request, month, year schemas.Micros) {
	t.Helper()
	floor := year
	switch {
	case !a.ByPlate && (a.Route == RouteCases || a.Route == RouteCase || a.Route == RoutePicture || a.Route == RouteThumbnail || slices.Contains(caseActs(), a.Route)):
		floor = 0 // a case is kept longer than its read
	case s.ask.Purpose == Administrative, s.ask.Purpose == Judicial && a.ProsecutorRef == "":
		floor = month
	case s.ask.Purpose == Oversight:
		floor = 0
	}
	if s.from < floor || s.from < a.From || s.to != a.To || (s.to != 0 && s.from >= s.to) {
		t.Fatalf("%s %+v: got window %s - %s", u.Role, a, s.from, s.to)
	}
	if !slices.Equal(s.zones, u.Zones) || !slices.Contains(matrix[a.Route][u.Role], s.ask.Purpose) {
		t.Fatalf("%s %+v: got zones %v purpose %s", u.Role, a, s.zones, s.ask.Purpose)
	}
	if s.noPlates != (s.ask.Purpose == Operation) {
		t.Fatalf("%s %+v: plates shown for %s", u.Role, a, s.ask.Purpose)
	}
}

func TestACameraOperatorHasNoPurposeThatShowsPlates(t *testing.T) {
	for route, roles := range matrix {
		for _, p := range roles[CameraOperator] {
			if p != Operation {
				t.Errorf("camera_operator may use %s for %s", route, p)
			}
		}
	}
}

func TestOnlyTheGVCHandlesTrafficOffences(t *testing.T) {
	for route, roles := range matrix {
		for role, purposes := range roles {
			if !slices.Contains(purposes, Traffic) {
				continue
			}
			if role != GVCAgent && role != GVCSupervisor {
				t.Errorf("%s may use %s for traffic", role, route)
			}
			if route == RouteSearch || route == RouteSearchPage || route == RouteHits {
				t.Errorf("%s is a plate search and open for traffic", route)
			}
		}
	}
}

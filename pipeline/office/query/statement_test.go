package query

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/access/accesstest"
	"github.com/gvc-brussels/anpr/schemas"
)

var now = schemas.MicrosOf(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))

// permit goes the way every permit goes: through Authorise and the log.
func permit(t testing.TB, u *access.User, a access.Request) access.Permit {
	t.Helper()
	a.Reason = "ten characters at least"
	return accesstest.Permit(t, u, a, now)
}

var (
	officer = &access.User{Name: "o", Role: access.ZoneOfficer, Zones: []string{"5339"}}
	agent   = &access.User{Name: "g", Role: access.GVCAgent, Zones: []string{"5339"}}
	super   = &access.User{Name: "s", Role: access.GVCSupervisor}
	camera  = &access.User{Name: "c", Role: access.CameraOperator}
)

// A statement is one SELECT without a second statement, comments, or literals other than constants in this package.
var forbidden = regexp.MustCompile(`;|--|/\*|#!|(?i)\b(INSERT|ALTER|DROP|OUTFILE|url|file|remote|s3|mysql|dictGet|executable|FORMAT|SETTINGS)\b`)

func checkShape(t testing.TB, st Statement) {
	t.Helper()
	if !strings.HasPrefix(st.SQL(), "SELECT ") || forbidden.MatchString(st.SQL()) {
		t.Fatalf("not one plain SELECT: %s", st.SQL())
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{([a-z_]+):[A-Za-z0-9()]+\}`).FindAllStringSubmatch(st.SQL(), -1) {
		used[m[1]] = true
		if _, ok := st.params[m[1]]; !ok {
			t.Fatalf("parameter %s has no value: %s", m[1], st.SQL())
		}
	}
	for name := range st.params {
		if !used[name] {
			t.Fatalf("value of %s is not used: %s", name, st.SQL())
		}
	}
	if strings.Count(st.SQL(), "{") != strings.Count(st.SQL(), ":") {
		t.Fatalf("a brace that is no parameter: %s", st.SQL())
	}
}

// typed holds a user's input for the fields of one request.
type typed struct {
	plate, text, after, id string
	confusable             bool
}

// everything builds every statement with these texts, except statements that refuse a filter.
func everything(t testing.TB, w typed) map[string]Statement {
	t.Helper()
	out := map[string]Statement{}
	add := func(name string) func(Statement, error) {
		return func(st Statement, err error) {
			var fe *FilterError
			if err != nil && !errors.As(err, &fe) {
				t.Fatalf("%s: %v", name, err)
			}
			if err == nil {
				out[name] = st
			}
		}
	}
	plate, err := ParsePlateFilter(w.plate, w.confusable)
	if err != nil {
		plate = PlateFilter{}
	}
	cursor, _ := ParseCursor(w.after)
	page, list := Page{After: cursor}, []string{w.text}
	ask := func(u *access.User, r access.Route, p access.Purpose) access.Permit {
		return permit(t, u, access.Request{Route: r, Purpose: p, From: now - schemas.Hour, To: now, Wide: plate.Wide()})
	}
	reads := ask(officer, access.RouteSearch, access.Judicial)
	add("reads")(Reads(reads, ReadFilter{Plate: plate, Cameras: list}, page))
	add("count")(CountReads(reads, ReadFilter{Plate: plate}))
	add("plates")(Plates(reads, plate, 5))
	add("resolved")(Reads(reads, ReadFilter{Plate: plate, plates: []string{"X"}, since: 5, before: 7}, page))
	add("backwards")(Reads(reads, ReadFilter{Plate: plate, all: true}, page))
	add("camera")(CameraReads(ask(officer, access.RouteSearch, access.Judicial), list, page))
	add("hours")(Hours(ask(camera, access.RouteDashboard, "")))
	add("hit counts")(HitCounts(ask(officer, access.RouteDashboard, "")))
	add("hits")(Hits(ask(officer, access.RouteHits, access.Judicial),
		HitFilter{Plate: plate, List: w.text, Match: w.text, Cameras: list, MinPriority: 3}, page))
	add("decisions")(Decisions(ask(agent, access.RouteDecisions, access.Traffic),
		DecisionFilter{Plate: plate, Family: w.text, Outcome: w.text}, page))
	add("rejects")(Rejects(ask(super, access.RouteRejects, access.Traffic), RejectFilter{Reason: w.text, Cameras: list}, page))
	add("by reason")(CountRejects(ask(camera, access.RouteRejects, ""), RejectFilter{Reason: w.text}))
	return out
}

// harmlessPattern has a pattern for each possible number of LIKE conditions.
var harmlessPattern = map[int]string{}

func init() {
	for n := range 1 << 12 { // up to six of X ? * 1
		text := "X"
		for ; n > 0; n >>= 2 {
			text = string("X?*1"[n&3]) + text
		}
		if p, err := ParsePlateFilter(text, false); err == nil && p.Wide() {
			harmlessPattern[len(p.likePatterns())] = text
		}
	}
}

// harmless replaces every text by a harmless text that sets the same filters.
func harmless(w typed) typed {
	out := typed{confusable: w.confusable}
	if w.text != "" {
		out.text = "ABC"
	}
	if w.id != "" {
		out.id = strings.Repeat("ab", 16)
	}
	p, err := ParsePlateFilter(w.plate, w.confusable)
	switch {
	case err != nil || p.IsZero():
	case p.Wide():
		out.plate = harmlessPattern[len(p.likePatterns())]
	case p.confusable && listVariants(p.comparedText()) == nil:
		out.plate = "OOOOOOOO" // for offences and decisions
	case len(p.plateForms()) > 1:
		out.plate = "HHU111"
	default:
		out.plate = "XYZ"
	}
	if c, err := ParseCursor(w.after); err == nil && c.key != "" {
		out.after = w.after
	}
	return out
}

// sameShape checks that the SQL does not depend on the typed texts. Only the presence of filters and the number of
// possible boundaries in a plate may change the SQL, so any accepted texts must give the same SQL as harmless texts.
func sameShape(t testing.TB, w typed) int {
	t.Helper()
	got, want := everything(t, w), everything(t, harmless(w))
	for name, st := range got {
		checkShape(t, st)
		if st.SQL() != want[name].SQL() {
			t.Fatalf("%+v changes %s:\n got %s\nwant %s", w, name, st.SQL(), want[name].SQL())
		}
	}
	return len(got)
}

var hostile = []string{
	"1ABC123", "AAA1", "1ABC*", "?ABC?", "OOOOOOOO", "' OR 1=1 --", "{p:String}", "*) UNION ALL SELECT 1 --", "ABC%", "ABC_", `ABC\`,
	"url('http://x')", "1ABC123\x00", "file('/etc/passwd')", "INTO OUTFILE", "ABC`", "ABC\"", "ABC;", "/*ABC*/", "abc*?*?*", "\u202eABC",
}

func TestNothingTypedChangesTheStatement(t *testing.T) {
	built := 0
	for _, text := range hostile {
		for _, c := range []bool{false, true} {
			built += sameShape(t, typed{text, text, text, text, c})
			built += sameShape(t, typed{"1ABC123", text, text, text, c})
			built += sameShape(t, typed{text, "speed", "", strings.Repeat("0", 32), c})
		}
	}
	words := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Z0-9?*]{1,9}`), rapid.StringMatching(`[A-Za-z0-9._:'{}-]{1,12}`))
	rapid.Check(t, func(r *rapid.T) {
		built += sameShape(t, typed{
			words.Draw(r, "plate"), words.Draw(r, "text"), words.Draw(r, "after"), words.Draw(r, "id"),
			rapid.Bool().Draw(r, "confusable"),
		})
	})
	if built < 500 {
		t.Errorf("only %d statements were compared: the test checks nothing", built)
	}
}

func TestACursorOfAnotherListOrAForgedOneNeverReachesTheStatement(t *testing.T) {
	for _, key := range []string{
		"x", "' OR 1=1", strings.Repeat("ab", 16) + "/{p:String}", strings.Repeat("ab", 16) + "/", "1/x", "-1",
		"99999999999/1", "00000000-0000-0000-0000-000000000000",
	} {
		sameShape(t, typed{plate: "1ABC123", text: "speed", after: Cursor{at: 5, key: key}.String()})
	}
	plate, _ := ParsePlateFilter("1ABC123", false)
	p := permit(t, officer, access.Request{Route: access.RouteSearch, Purpose: access.Judicial})
	var fe *FilterError
	if _, err := Reads(p, ReadFilter{Plate: plate}, Page{After: Cursor{key: "1/2"}}); !errors.As(err, &fe) || fe.Field != "after" {
		t.Errorf("a cursor of rejects: got %v, want it refused", err)
	}
}

func FuzzStatements(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, text, text, text, true)
	}
	f.Fuzz(func(t *testing.T, plate, text, after, id string, confusable bool) {
		sameShape(t, typed{plate, text, after, id, confusable})
	})
}

func TestWithoutAPermitThereIsNoStatement(t *testing.T) {
	plate, _ := ParsePlateFilter("1ABC123", false)
	reads := permit(t, officer, access.Request{Route: access.RouteSearch, Purpose: access.Judicial})
	for name, build := range map[string]func(access.Permit) (Statement, error){
		"reads":      func(p access.Permit) (Statement, error) { return Reads(p, ReadFilter{Plate: plate}, Page{}) },
		"hits":       func(p access.Permit) (Statement, error) { return Hits(p, HitFilter{}, Page{}) },
		"decisions":  func(p access.Permit) (Statement, error) { return Decisions(p, DecisionFilter{Plate: plate}, Page{}) },
		"rejects":    func(p access.Permit) (Statement, error) { return Rejects(p, RejectFilter{}, Page{}) },
		"by reason":  func(p access.Permit) (Statement, error) { return CountRejects(p, RejectFilter{}) },
		"plates":     func(p access.Permit) (Statement, error) { return Plates(p, plate, 5) },
		"hours":      Hours,
		"hit counts": HitCounts,
		"ledger":     Ledger,
		"faults":     LedgerFaults,
		"tables":     func(p access.Permit) (Statement, error) { return Tables(p, nil) },
	} {
		if st, err := build(access.Permit{}); !errors.Is(err, errPermit) || st.SQL() != "" {
			t.Errorf("%s of the zero permit: got %q, err %v", name, st.SQL(), err)
		}
		if name == "reads" || name == "plates" {
			continue
		}
		if st, err := build(reads); !errors.Is(err, errPermit) || st.SQL() != "" {
			t.Errorf("%s with a permit for reads: got %q, err %v", name, st.SQL(), err)
		}
	}
	if err := NewDB(nil, 0).Select(t.Context(), nil, Statement{}); err == nil {
		t.Error("the zero statement ran")
	}
}

func TestEveryStatementOfAZoneOfficerHasHisZonesAndWindow(t *testing.T) {
	plate, _ := ParsePlateFilter("1ABC123", true)
	p := permit(t, officer, access.Request{Route: access.RouteSearch, Purpose: access.Judicial})
	st, err := Reads(p, ReadFilter{Plate: plate}, Page{Limit: 9999})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(st.params["zones"], []string{"5339"}) || st.params["from"] != int64(access.MonthsBefore(now, 1)) {
		t.Errorf("got zones %v from %v", st.params["zones"], st.params["from"])
	}
	if !strings.Contains(st.SQL(), "zone IN {zones:Array(String)}") || !strings.Contains(st.SQL(), "captured_at >= ") {
		t.Errorf("got %s", st.SQL())
	}
	if st.params["limit"] != uint32(MaxLimit+1) {
		t.Errorf("got limit %v, want %d", st.params["limit"], MaxLimit+1)
	}
}

func TestAScopeWithoutPlatesSelectsNone(t *testing.T) {
	st, err := Rejects(permit(t, camera, access.Request{Route: access.RouteRejects}), RejectFilter{}, Page{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(st.SQL(), "'' AS payload_head") || strings.Contains(st.SQL(), ", payload_head,") {
		t.Errorf("got %s", st.SQL())
	}
	plate, _ := ParsePlateFilter("1ABC123", false)
	b := newBuilder(permit(t, camera, access.Request{Route: access.RouteRejects}), &queriedTable{name: "rejects", routes: []access.Route{access.RouteRejects}})
	b.wherePlate(plate)
	if _, err := b.finishStatement("", 1); !errors.Is(err, errPermit) {
		t.Errorf("a plate filter: got %v, want it refused", err)
	}
}

package office

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// anySum is a hash of no picture.
const anySum = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

// anyID is a random id without an object.
const anyID = "6d5f0d5e-5a0b-4a53-9d3a-0c9b7c1e2f10"

// request has a valid request for every operation.
var request = map[access.Route]rawRequest{
	access.RouteMe:            {"GET", "/v1/me", ""},
	access.RouteSettings:      {"PUT", "/v1/me/settings", `{"language":"fr"}`},
	access.RouteFilters:       {"PUT", "/v1/me/filters", `{"filters":[]}`},
	access.RouteSignIns:       {"GET", "/v1/me/sign-ins", ""},
	access.RouteEndSignIn:     {"DELETE", "/v1/me/sign-ins/" + anyID, ""},
	access.RouteColleagues:    {"GET", "/v1/work/colleagues", ""},
	access.RouteOpenPurpose:   {"POST", "/v1/purposes", `{"purpose":"judicial","reason":"` + why + `","case_ref":"` + aFile + `"}`},
	access.RouteEndPurpose:    {"DELETE", "/v1/purposes/" + anyID, ""},
	access.RouteAskApproval:   {"POST", "/v1/approvals", `{"kind":"rows"}`},
	access.RouteListApprovals: {"GET", "/v1/approvals", ""},
	access.RouteDecide:        {"POST", "/v1/approvals/decide", `{"id":"` + anyID + `","approve":true}`},
	access.RouteListDecisions: {"GET", "/v1/prosecutor-decisions", ""},
	access.RouteConfirm:       {"POST", "/v1/prosecutor-decisions/confirm", `{"prosecutor_ref":"` + aDecision + `","confirmed":true}`},
	access.RouteSearch:        {"POST", "/v1/searches", `{"plate":"1ABC123"}`},
	access.RouteSearchPage:    {"GET", "/v1/searches/" + anyID, ""},
	access.RouteJourney:       {"GET", "/v1/searches/" + anyID + "/journey?day=2026-11-20", ""},
	access.RouteDashboard:     {"GET", "/v1/dashboard?from=2026-11-20T08:00:00Z&to=2026-11-20T09:00:00Z", ""},
	access.RouteHits:          {"POST", "/v1/hits/query", `{}`},
	access.RouteDecisions:     {"POST", "/v1/decisions/query", `{"plate":"1ABC123"}`},
	access.RouteRejects:       {"GET", "/v1/rejects", ""},
	access.RouteReconcile:     {"GET", "/v1/reconcile", ""},
	access.RouteAccessLog:     {"POST", "/v1/audit/entries", `{}`},
	access.RouteDisclosures:   {"POST", "/v1/audit/disclosures", `{"plate":"1ABC123"}`},
	access.RouteVerify:        {"POST", "/v1/audit/verify", `{}`},
	access.RouteReplay:        {"GET", "/v1/replay-permit?from=2026-10-01&to=2026-11-01", ""},
	access.RouteRetro:         {"POST", "/v1/retro-matches", `{"entries": [{"id": "1", "plate": "1ABC123"}]}`},
	access.RouteLease:         {"POST", "/v1/work/leases", `{"queue":"decide"}`},
	access.RouteHeartbeat:     {"POST", "/v1/work/leases/heartbeat", `{"lease_ids":["` + anyID + `"]}`},
	access.RouteGiveBack:      {"DELETE", "/v1/work/leases/" + anyID, ""},
	access.RouteWorkCounts:    {"GET", "/v1/work/counts", ""},
	access.RouteWork:          {"GET", "/v1/work", ""},
	access.RouteAssign:        {"POST", "/v1/work/assign", `{"case_ids":["` + anyID + `"],"user":"user-gvc_agent","until":"2027-01-01T00:00:00Z"}`},
	access.RouteHoldCamera:    {"POST", "/v1/work/hold-camera", `{"camera":"BRU-1","from":"2026-11-20T00:00:00Z","to":"2026-11-21T00:00:00Z","reason":"camera_checked","text":"its clock is wrong","until":"2026-12-01T00:00:00Z"}`},
	access.RouteCases:         {"POST", "/v1/cases/query", `{"plate":"1ABC123"}`},
	access.RouteCase:          {"GET", "/v1/cases/" + anyID, ""},
	access.RoutePicture:       {"GET", "/v1/cases/" + anyID + "/pictures/" + anySum, ""},
	access.RouteThumbnail:     {"GET", "/v1/cases/" + anyID + "/pictures/" + anySum + "/thumb", ""},
	access.RoutePrint:         {"GET", "/v1/cases/" + anyID + "/print?lang=fr", ""},
	access.RouteBundle:        {"POST", "/v1/cases/" + anyID + "/bundles", `{"for":"the court"}`},
	access.RouteBundles:       {"GET", "/v1/cases/" + anyID + "/bundles", ""},
	access.RouteTeam:          {"GET", "/v1/team", ""},
	access.RouteMyFigures:     {"GET", "/v1/me/figures", ""},
	access.RouteBulk:          {"POST", "/v1/cases/bulk", `{"kind":"withdraw","filter":{"camera":"BRU-1"},"reason":"limit_wrong","text":"the sign said 50"}`},
	access.RouteAffected:      {"POST", "/v1/affected-cases/query", `{"value":"camera:BRU-1","from":"2026-11-20T00:00:00Z","to":"2026-11-21T00:00:00Z"}`},
	access.RouteWires:         {"GET", "/v1/tripwires", ""},
	access.RouteOpenWire:      {"POST", "/v1/tripwires", `{"camera":"BRU-1","family":"speed","text":"the sign is covered"}`},
	access.RouteReleaseWire:   {"POST", "/v1/tripwires/" + anyID + "/release", `{"finding":"mended","text":"the limit was put right"}`},
	access.RouteBulkActs:      {"GET", "/v1/bulk-acts", ""},
	access.RouteBulkAct:       {"GET", "/v1/bulk-acts/" + anyID, ""},
	access.RouteBulkCases:     {"GET", "/v1/bulk-acts/" + anyID + "/cases?part=letters", ""},
	access.RouteBulkLetters:   {"GET", "/v1/bulk-acts/" + anyID + "/letters", ""},
	access.RouteBundleFile:    {"GET", "/v1/bundles/" + anyID + "/file", ""},
	access.RouteEvidenceKeys:  {"GET", "/v1/evidence-keys", ""},
	access.RouteVerdict:       {"POST", "/v1/cases/" + anyID + "/verdicts", `{"verdict":"confirm","lease_id":"` + anyID + `","checks":[true,true,true,true,true],"shown_ms":900,"input":"key"}`},
	access.RouteUndo:          {"POST", "/v1/cases/" + anyID + "/undo", `{"event_id":"` + anyID + `"}`},
	access.RouteHoldCase:      {"POST", "/v1/cases/" + anyID + "/hold", `{"reason":"awaits_partner","until":"2026-12-01T00:00:00Z"}`},
	access.RouteFlag:          {"POST", "/v1/cases/" + anyID + "/flag", `{"text":"two plates in the picture","lease_id":"` + anyID + `"}`},
	access.RouteKeying:        {"POST", "/v1/cases/" + anyID + "/keyings", `{"plate":"1ABC123","country":"BE","lease_id":"` + anyID + `","shown_ms":900,"input":"key"}`},
	access.RoutePlatePreview:  {"POST", "/v1/cases/" + anyID + "/plate-preview", `{"plate":"1ABC123","country":"BE","lease_id":"` + anyID + `"}`},
	access.RouteNote:          {"POST", "/v1/cases/" + anyID + "/notes", `{"text":"the driver wrote"}`},
	access.RouteCounterDecide: {"POST", "/v1/cases/" + anyID + "/counter-decisions", `{"verdict":"reject","reason":"exemption","text":"it had an exemption"}`},
	access.RouteWithdraw:      {"POST", "/v1/cases/" + anyID + "/withdrawals", `{"reason":"pass_found"}`},
	access.RouteTrack:         {"POST", "/v1/cases/" + anyID + "/track", `{"track":"prosecutor","text":"the person asked"}`},
	access.RouteRelease:       {"POST", "/v1/cases/" + anyID + "/release", `{"accept":true,"text":"the exemption is confirmed"}`},
	access.RouteCloseIncident: {"POST", "/v1/cases/" + anyID + "/incident-closings", `{"n":2,"text":"the picture came back from the backup"}`},
	access.RouteArbitrate:     {"POST", "/v1/cases/" + anyID + "/arbitrations", `{"to":"rejected","reason":"two_vehicles","text":"two vehicles"}`},
}

func bearer(r access.Role) string { return "Bearer token of " + string(r) }

func TestTheDocumentOfTheAPIIsTheOneCommitted(t *testing.T) {
	const file = "../../schemas/openapi/office.json"
	got, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schemas/openapi/office.json is not what the code says: run go test ./pipeline/office -run Document -update and look at the change")
	}
	status, served := newDesk(t, nil).send("", "", rawRequest{"GET", "/openapi.json", ""})
	if status != http.StatusOK || served != string(want) {
		t.Errorf("GET /openapi.json: got %d and %d bytes, want the committed document", status, len(served))
	}
}

func TestProblemsAreRFC9457AndRepeatNothing(t *testing.T) {
	d := newDesk(t, nil)
	officer := bearer(access.ZoneOfficer)
	open := d.purpose(officer, access.Judicial)
	for name, c := range map[string]struct {
		q       rawRequest
		purpose string
		status  int
		code    string
		text    string
	}{
		"no purpose":           {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1"}`}, "", 403, "purpose_needed", "needs a purpose"},
		"a purpose of nobody":  {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1"}`}, anyID, 403, "purpose_needed", "none of yours"},
		"no id of a purpose":   {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1"}`}, "1CANARY1", 403, "purpose_needed", "none of yours"},
		"another's route":      {rawRequest{"POST", "/v1/decisions/query", `{"plate":"1CANARY1"}`}, open, 403, "role", "may not use decisions"},
		"no plate":             {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1'"}`}, open, 422, "invalid", "no plate has"},
		"too old":              {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1","to":"2026-01-01T00:00:00Z"}`}, open, 403, "age", "King's Prosecutor"},
		"no window":            {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1*"}`}, open, 422, "invalid", "time window"},
		"an unknown field":     {rawRequest{"POST", "/v1/searches", `{"plates":"1CANARY1"}`}, open, 422, "invalid", "unexpected property"},
		"no time":              {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1","from":"1CANARY1"}`}, open, 422, "invalid", "RFC 3339"},
		"another's cursor":     {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1","after":"1CANARY1"}`}, open, 422, "invalid", "next of the page before"},
		"no camera":            {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1","cameras":["1CANARY1 x"]}`}, open, 422, "invalid", "camera"},
		"too many":             {rawRequest{"POST", "/v1/searches", `{"plate":"1CANARY1","limit":1001}`}, open, 422, "invalid", "<= 1000"},
		"a pattern of hits":    {rawRequest{"POST", "/v1/hits/query", `{"plate":"1CANARY1*"}`}, open, 422, "invalid", "one plate"},
		"a plate in the query": {rawRequest{"POST", "/v1/searches?plate=1CANARY1", `{"plate":"1CANARY1"}`}, open, 422, "invalid", "unknown query parameter"},
		"the old address":      {rawRequest{"GET", "/v1/reads?plate=1CANARY1", ""}, open, 404, "not_found", "no such route"},
		"no search":            {rawRequest{"GET", "/v1/searches/1CANARY1", ""}, open, 404, "not_found", "no such thing"},
		"no JSON":              {rawRequest{"POST", "/v1/searches", `{"plate":1CANARY1`}, open, 400, "malformed", ""},
		"no kind of purpose":   {rawRequest{"POST", "/v1/purposes", `{"purpose":"curiosity","reason":"1CANARY1 and more"}`}, "", 422, "invalid", "one of"},
	} {
		status, body := d.send(officer, c.purpose, c.q)
		var p Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != status || p.Title == "" || p.RequestID == "" {
			t.Errorf("%s: not a problem: %s", name, body)
		}
		if status != c.status || p.Code != c.code || !strings.Contains(body, c.text) {
			t.Errorf("%s: got %d %s, want %d %s with %q", name, status, body, c.status, c.code, c.text)
		}
		if strings.Contains(body, "CANARY") {
			t.Errorf("%s: the problem repeats what was sent: %s", name, body)
		}
	}
}

func TestTooManyRequestsOfOneUserAreRefused(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Limits.PerSecond = 0.001 })
	var statuses []int
	for range 3 {
		status, _ := d.send(bearer(access.Auditor), "", request[access.RouteVerify])
		statuses = append(statuses, status)
	}
	other, _ := d.send(bearer(access.CameraOperator), "", request[access.RouteRejects])
	if !slices.Equal(statuses, []int{200, 429, 429}) || other != http.StatusOK {
		t.Errorf("got %v and %d for another user, want [200 429 429] and 200", statuses, other)
	}
}

// watched counts the selects from fact tables, and the log's entries at each select.
type watched struct {
	driver.Conn
	selects *int
	entries *[]int
	logged  func() int
}

func (w watched) Select(ctx context.Context, dest any, sql string, args ...any) error {
	*w.selects++
	*w.entries = append(*w.entries, w.logged())
	return w.Conn.Select(ctx, dest, sql, args...)
}

// brokenLog takes no entry while broken is set.
type brokenLog struct {
	LookUps
	broken *bool
}

func (b brokenLog) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	if *b.broken {
		return errors.New("disk full")
	}
	return b.LookUps.Append(ctx, es, seal)
}

func TestNothingIsSelectedBeforeTheEntryIsDurableAndNothingWithoutIt(t *testing.T) {
	var selects int
	var entries []int
	broken := false
	var d *desk
	d = newDesk(t, func(c *Config) {
		c.DB = watched{c.DB, &selects, &entries, func() int { return d.logged("true") }}
		c.LookUps = brokenLog{c.LookUps, &broken}
	})
	officer := bearer(access.ZoneOfficer)
	open := d.purpose(officer, access.Judicial)
	for i := range 3 {
		if status, body := d.send(officer, open, rawRequest{"POST", "/v1/hits/query", "{}"}); status != http.StatusOK {
			t.Fatalf("look-up %d: %d %s", i, status, body)
		}
	}
	for i, n := range entries {
		if n < 2+2*(i/3) { // the purpose's entry, and each look-up's; a look-up selects hits once and coverage twice
			t.Errorf("select %d: %d entries in the log, want that of the look-up before it", i, n)
		}
	}
	if len(entries) != 9 {
		t.Errorf("%d selects, want 9", len(entries))
	}
	broken = true
	before := selects
	for _, route := range []access.Route{access.RouteSearch, access.RouteHits, access.RouteDecisions, access.RouteRetro} {
		status, body := d.send(officer, open, request[route])
		if status != http.StatusServiceUnavailable || selects != before || strings.Contains(body, "disk full") {
			t.Errorf("%s without the log: got %d after %d selects: %s", route, status, selects-before, body)
		}
	}
	broken = false
	if status, body := d.send(officer, open, request[access.RouteSearch]); status != http.StatusCreated {
		t.Errorf("after the fault: got %d %s", status, body)
	}
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() || v.Entries < 6 {
		t.Errorf("got %+v, err %v, want entries that hold", v, err)
	}
}

package office

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// request is a valid request of every path of the API, without a purpose.
var request = map[string]string{
	"/v1/reads":                    "/v1/reads?plate=1ABC123",
	"/v1/plates/{plate}/last-seen": "/v1/plates/1ABC123/last-seen?",
	"/v1/plates/{plate}/journey":   "/v1/plates/1ABC123/journey?day=2026-11-20",
	"/v1/cameras/{camera}/reads":   "/v1/cameras/BRU-1/reads?from=2026-11-20T08:00:00Z&to=2026-11-20T09:00:00Z",
	"/v1/dashboard":                "/v1/dashboard?from=2026-11-20T08:00:00Z&to=2026-11-20T09:00:00Z",
	"/v1/hits":                     "/v1/hits?",
	"/v1/offences":                 "/v1/offences?",
	"/v1/offences/{id}":            "/v1/offences/00000000-0000-0000-0000-000000000001?",
	"/v1/decisions":                "/v1/decisions?plate=1ABC123",
	"/v1/rejects":                  "/v1/rejects?",
	"/v1/reconcile":                "/v1/reconcile?",
	"/v1/access-log":               "/v1/access-log?",
	"/v1/access-log/verify":        "/v1/access-log/verify?",
	"/v1/replay-permit":            "/v1/replay-permit?from=2026-10-01&to=2026-11-01",
	"/v1/retro-matches":            "/v1/retro-matches?",
}

func (d *desk) get(t *testing.T, token, url string) (status int, answer string) {
	t.Helper()
	method, body := http.MethodGet, ""
	if strings.HasPrefix(url, "/v1/retro-matches") {
		method, body = http.MethodPost, `{"entries": [{"id": "1", "plate": "1ABC123"}]}`
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.server.URL+url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := d.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control %q, want no-store", strings.SplitN(url, "?", 2)[0], got)
	}
	return resp.StatusCode, string(b)
}

func bearer(r access.Role) string { return "Bearer token of " + string(r) }

func TestEveryRouteNeedsATokenAndARoleOfTheMatrix(t *testing.T) {
	d := newDesk(t, nil)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	raw, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &doc); err != nil || len(doc.Paths) == 0 {
		t.Fatalf("document: %d paths, err %v", len(doc.Paths), err)
	}
	seen := map[access.Route]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			route := access.Route(op.OperationID)
			seen[route] = true
			if method != "get" && route != access.RouteRetro || !slices.Contains(access.Routes(), route) || request[path] == "" {
				t.Errorf("%s %s (%s) has no entry in the matrix of package access or no request in this test", method, path, route)
				continue
			}
			d.checkRoute(t, route, request[path])
		}
	}
	for _, route := range access.Routes() {
		if !seen[route] {
			t.Errorf("the matrix has the route %s, the API has not", route)
		}
	}
}

func (d *desk) checkRoute(t *testing.T, route access.Route, url string) {
	for _, token := range []string{"", "Bearer ", "Bearer nobody", "token of auditor", "Basic dG9rZW4gb2YgYXVkaXRvcg=="} {
		if status, _ := d.get(t, token, url); status != http.StatusUnauthorized {
			t.Errorf("%s with %q: got %d, want 401", route, token, status)
		}
	}
	roles := 0
	for _, role := range access.Roles() {
		refused := d.logged("outcome = 'refused'")
		status, body := d.get(t, bearer(role), url)
		logged := d.logged("outcome = 'refused'") - refused
		if access.Allowed(role, route) {
			roles++
			// It gets in: 200, or 422 for the purpose, or 404 for an offence that is not there.
			if !slices.Contains([]int{200, 404, 422}, status) {
				t.Errorf("%s by %s: got %d %s", route, role, status, body)
			}
		} else if status != http.StatusForbidden || logged != 1 || !strings.Contains(body, "may not use "+string(route)) {
			t.Errorf("%s by %s: got %d with %d log entries, want 403 with one: %s", route, role, status, logged, body)
		}
	}
	if roles == 0 {
		t.Errorf("%s is open to no role", route)
	}
}

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
	status, served := newDesk(t, nil).get(t, "", "/openapi.json")
	if status != http.StatusOK || served != string(want) {
		t.Errorf("GET /openapi.json: got %d and %d bytes, want the committed document", status, len(served))
	}
}

func TestProblemsAreRFC9457AndRepeatNothing(t *testing.T) {
	d := newDesk(t, nil)
	for url, want := range map[string]struct {
		status int
		text   string
	}{
		"/v1/reads?plate=1CANARY1":                                                                  {422, "needs a purpose"},
		"/v1/reads?plate=1CANARY1&purpose=judicial":                                                 {422, "at least 10 characters"},
		"/v1/reads?plate=1CANARY1&purpose=curiosity&reason=1CANARY1-and-more":                       {422, "expected value to be one of"},
		"/v1/reads?plate=1CANARY1'&purpose=judicial&reason=because-I-must":                          {422, "no plate has"},
		"/v1/reads?plate=1CANARY1&purpose=traffic&reason=because-I-must":                            {403, "for the purpose"},
		"/v1/reads?plate=1CANARY1&purpose=judicial&reason=because-I-must&to=2026-01-01T00:00:00Z":   {403, "King's Prosecutor"},
		"/v1/reads?plate=1CANARY1*&purpose=judicial&reason=because-I-must":                          {422, "time window"},
		"/v1/reads?plate=1CANARY1&plates=1CANARY1":                                                  {422, "unknown query parameter"},
		"/v1/reads?plate=1CANARY1&from=1CANARY1":                                                    {422, "must be a day in Brussels"},
		"/v1/reads?plate=1CANARY1&purpose=judicial&reason=because-I-must&after=1CANARY1":            {422, "next of the page before"},
		"/v1/reads?plate=1CANARY1&purpose=judicial&reason=because-I-must&camera=1CANARY1%20x":       {422, "camera"},
		"/v1/plates/1CANARY1*/last-seen?purpose=judicial&reason=because-I-must":                     {422, "one plate"},
		"/v1/reads?plate=1CANARY1&limit=1001&purpose=judicial&reason=because-I-must":                {422, "<= 1000"},
		"/v1/hits?plate=1CANARY1*&purpose=judicial&reason=because-I-must&from=2026-11-01T00:00:00Z": {422, "time window"},
	} {
		status, body := d.get(t, bearer(access.ZoneOfficer), url)
		var p struct {
			Status int
			Title  string
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != status || p.Title == "" {
			t.Errorf("%s: not a problem: %s", url, body)
		}
		if status != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: got %d %s, want %d with %q", url, status, body, want.status, want.text)
		}
		if strings.Contains(body, "CANARY") {
			t.Errorf("%s: the problem repeats what was sent: %s", url, body)
		}
	}
}

func TestTooManyRequestsOfOneUserAreRefused(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PerSecond = 0.001 })
	var statuses []int
	for range 3 {
		status, _ := d.get(t, bearer(access.Auditor), "/v1/access-log/verify?")
		statuses = append(statuses, status)
	}
	other, _ := d.get(t, bearer(access.CameraOperator), "/v1/rejects?")
	if !slices.Equal(statuses, []int{200, 429, 429}) || other != http.StatusOK {
		t.Errorf("got %v and %d for another user, want [200 429 429] and 200", statuses, other)
	}
}

// brokenLog fails every append while broken is set.
type brokenLog struct {
	LookUps
	broken *bool
}

func (s brokenLog) Append(ctx context.Context, es []*access.Entry, seal func(access.End) error) error {
	if *s.broken && len(es) > 0 {
		return errors.New("disk full")
	}
	return s.LookUps.Append(ctx, es, seal)
}

// watched counts what is selected from the fact tables and with how many entries in the log.
type watched struct {
	driver.Conn
	logs    LookUps
	selects *int
	entries *[]uint64
}

func (w watched) Select(ctx context.Context, dest any, sql string, args ...any) error {
	*w.selects++
	head, err := w.logs.Head(context.Background())
	if err != nil {
		return err
	}
	*w.entries = append(*w.entries, head.Seq)
	return w.Conn.Select(ctx, dest, sql, args...)
}

func TestNothingIsSelectedBeforeTheEntryIsDurableAndNothingWithoutIt(t *testing.T) {
	var selects int
	var entries []uint64
	broken := false
	d := newDesk(t, func(c *Config) {
		c.DB = watched{c.DB, c.LookUps, &selects, &entries}
		c.LookUps = brokenLog{c.LookUps, &broken}
	})
	ask := "&purpose=judicial&reason=because-I-must"
	for i := range 3 {
		if status, body := d.get(t, bearer(access.ZoneOfficer), request["/v1/reads"]+ask); status != http.StatusOK {
			t.Fatalf("look-up %d: %d %s", i, status, body)
		}
	}
	if !slices.Equal(entries, []uint64{1, 3, 5}) {
		t.Errorf("entries at each select: got %v, want 1, 3, 5: what was asked before, and what the answers before held", entries)
	}
	broken = true
	before := selects
	for _, url := range []string{
		request["/v1/reads"] + ask, request["/v1/hits"] + ask, request["/v1/reads"] + "&purpose=traffic&reason=because-I-must",
		request["/v1/offences"] + ask,
	} {
		status, body := d.get(t, bearer(access.ZoneOfficer), url)
		if status != http.StatusServiceUnavailable || selects != before || strings.Contains(body, "disk full") {
			t.Errorf("%s without the log: got %d after %d selects: %s", url, status, selects-before, body)
		}
	}
	broken = false
	if status, body := d.get(t, bearer(access.ZoneOfficer), request["/v1/reads"]+ask); status != http.StatusOK {
		t.Errorf("after the fault: got %d %s", status, body)
	}
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 8 {
		t.Errorf("got %+v, err %v, want 8 entries: four look-ups, and what each disclosed", v, err)
	}
}

package office

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

func TestFailedSignInsAreBoundedCountedLoggedAndAlike(t *testing.T) {
	at := now
	d := newDesk(t, func(c *Config) {
		c.FailuresPerMinute = 0
		c.Now = func() time.Time { return at }
		list := "users:\n"
		for name, bounds := range map[string]string{"late": ", valid_to: 2026-11-20", "early": ", valid_from: 22/11/2026, valid_to: 2026-12-31", "endless": "", "far": ", valid_to: 2099-12-31", "today": ", valid_from: 2026-11-21, valid_to: 2026-11-21"} {
			list += fmt.Sprintf("  - {name: %s, role: jurist, token_sha256: %s%s}\n", name, hash("token of "+name), bounds)
		}
		u, err := access.ReadUsers(strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		c.Users = u
	})
	q := rawRequest{"GET", "/v1/replay-permit?from=2026-10-01&to=2026-11-01", ""}
	bodies := map[string]bool{}
	for _, token := range []string{"", "Bearer nobody", "Bearer token of late", "Bearer token of early", "Bearer token of endless", "Bearer token of far"} {
		status, body := d.send(token, "", q)
		if bodies[withoutRequestID(body)] = true; status != http.StatusUnauthorized {
			t.Errorf("%q: got %d, want 401", token, status)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("the answers tell causes apart: %v", bodies)
	}
	if status, body := d.send("Bearer token of today", "", q); status != http.StatusOK {
		t.Errorf("a token that is valid today: got %d %s", status, body)
	}
	counts := map[int]int{}
	for range 100 {
		status, _ := d.send("Bearer guess", "", q)
		counts[status]++
	}
	if counts[401] != 14 || counts[429] != 86 {
		t.Errorf("100 more failures: got %v, want 14 answers 401 and the rest 429", counts)
	}
	if status, _ := d.send("Bearer token of today", "", q); status != http.StatusOK {
		t.Errorf("a user behind the same address: got %d, want 200", status)
	}
	if n := strings.Count(d.output.String(), "sign-in refused"); n != 1 || strings.Contains(d.output.String(), "guess") {
		t.Errorf("got %d log lines, want one a minute, and no token: %s", n, d.output.String())
	}
	at = at.Add(time.Minute)
	if status, _ := d.send("Bearer guess", "", q); status != http.StatusUnauthorized {
		t.Errorf("a minute later: got %d, want 401", status)
	}
	if !strings.Contains(d.output.String(), `"not_logged_before":105`) {
		t.Errorf("the next line says how many were not logged: %s", d.output.String())
	}
}

func TestAddressesInMindAreBounded(t *testing.T) {
	s := newStrangers(func() time.Time { return now }, 10)
	for i := range 3 * maxStrangers {
		s.countFailure(fmt.Sprint("10.0.", i))
	}
	if s.recent.Len() != maxStrangers || len(s.by) != maxStrangers {
		t.Errorf("%d and %d addresses in mind, want %d", s.recent.Len(), len(s.by), maxStrangers)
	}
	if a, b := addressIn("[2001:db8::1]:5"), addressIn("[2001:db8::2:9]:6"); a != b {
		t.Errorf("one subscriber has two addresses: %s, %s", a, b)
	}
}

// withoutRequestID removes the only difference between two like answers.
func withoutRequestID(body string) string {
	return regexp.MustCompile(`"request_id":"[0-9a-f]+"`).ReplaceAllString(body, "")
}

func TestRefusedLookUpsAreInTheLogWithWhatWasAsked(t *testing.T) {
	d := newDesk(t, nil)
	officer := bearer(access.ZoneOfficer)
	open := d.purpose(officer, access.Judicial)
	for _, q := range []rawRequest{
		{"POST", "/v1/searches", `{"plate":"1ABC123"}`}, {"POST", "/v1/hits/query", `{"plate":"1ABC123"}`}, {"POST", "/v1/retro-matches", `{"entries":[{"id":"1","plate":"1ABC123"}]}`},
	} {
		if status, _ := d.send(officer, "", q); status != http.StatusForbidden {
			t.Errorf("%s without a purpose: got %d, want 403", q.url, status)
		}
	}
	for _, q := range []rawRequest{
		{"POST", "/v1/searches", `{"plate":"1ABC123*"}`},
		{"POST", "/v1/searches", `{"plate":"1ABC123'"}`},
		{"POST", "/v1/hits/query", `{"plate":"1ABC123?"}`},
		{"POST", "/v1/searches", `{"plate":"1ABC123","to":"2026-01-01T00:00:00Z"}`},
		{"POST", "/v1/searches", `{"plate":"1ABC123","limit":1001}`},
		{"POST", "/v1/decisions/query", `{"plate":"1ABC123"`},
	} {
		if status, _ := d.send(officer, open, q); status/100 != 4 {
			t.Errorf("%s %s: got %d, want it refused", q.url, q.body, status)
		}
	}
	const refused = "outcome = 'refused' AND refusal <> '' AND code <> '' AND seq IN (SELECT seq FROM look_up_plates WHERE plate LIKE '1ABC123%')"
	if n := d.logged(refused); n != 9 {
		t.Errorf("%d entries, want 9", n)
	}
	if n := d.logged(refused + " AND purpose = 'judicial' AND reason = '" + why + "' AND case_ref = '" + aFile + "'"); n < 5 {
		t.Errorf("%d entries with purpose, reason and file, want 5", n)
	}
}

func TestRequestsThatAProxyMayReadOtherwiseAreRefused(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Loopback = true })
	ask := func(change func(*http.Request)) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.server.URL+"/v1/rejects", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", bearer(access.CameraOperator))
		change(r)
		return d.server.Client().Do(r)
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"nothing":              {func(*http.Request) {}, 200},
		"two tokens":           {func(r *http.Request) { r.Header.Add("Authorization", bearer(access.Auditor)) }, 401},
		"the same token twice": {func(r *http.Request) { r.Header.Add("Authorization", bearer(access.CameraOperator)) }, 401},
		"two limits":           {func(r *http.Request) { r.URL.RawQuery = "limit=1&limit=2" }, 422},
		"two purposes":         {func(r *http.Request) { r.Header[purposeHeader] = []string{anyID, anyID} }, 400},
		"two cameras":          {func(r *http.Request) { r.URL.RawQuery = "camera=A&camera=B" }, 200},
		"a broken escape":      {func(r *http.Request) { r.URL.RawQuery = "limit=%zz" }, 422},
		"another host":         {func(r *http.Request) { r.Host = "evil.example" }, 421},
		"localhost":            {func(r *http.Request) { r.Host = "localhost:8080" }, 200},
		"a web page":           {func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, 403},
		"no route":             {func(r *http.Request) { r.URL.Path = "/v1/nothing" }, 404},
		"another method":       {func(r *http.Request) { r.Method = http.MethodPost }, 405},
		"a day":                {func(r *http.Request) { r.URL.RawQuery = "from=20/11/2026&to=2026-11-20" }, 200},
		"no time":              {func(r *http.Request) { r.URL.RawQuery = "from=yesterday" }, 422},
	} {
		resp, err := ask(c.change)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want || c.want != 200 && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s, want %d as a problem", name, resp.StatusCode, resp.Header.Get("Content-Type"), c.want)
		}
	}
}

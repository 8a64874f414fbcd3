package office

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// canary is a plate that no log line, metric or error text may contain.
const canary = "1CANARY1"

// panicking panics with the canary on every select.
type panicking struct {
	driver.Conn
	on *bool
}

func (p panicking) Select(ctx context.Context, dest any, sql string, args ...any) error {
	if *p.on {
		panic("plate " + canary)
	}
	return p.Conn.Select(ctx, dest, sql, args...)
}

func TestNoPlateTokenOrNameIsLoggedOrMeasured(t *testing.T) {
	panics := false
	d := newDesk(t, func(c *Config) {
		c.DB = panicking{c.DB, &panics}
		c.Explain = func(string, string) ([]string, error) { return nil, errors.New("no message for " + canary) }
	})
	d.insert("reads", d.readRow(canary, "BRU-1", "5339", hour))
	off := d.offenceRow(d.readRow(canary, "BRU-1", "5339", hour), "speed", "candidate")
	d.insert("decisions", map[string]any{
		"passage_id": off["passage_id"], "rule": off["rule"], "family": "speed", "outcome": "exempt", "plate": canary, "read_id": off["read_id"], "captured_at": off["captured_at"], "trace": off["trace"],
	})
	asked := []rawRequest{
		{"POST", "/v1/searches", `{"plate":"` + canary + `"}`},
		{"POST", "/v1/hits/query", `{"plate":"` + canary + `"}`},
		{"POST", "/v1/searches", `{"plate":"` + canary + `'"}`},
		{"GET", "/v1/nothing/" + canary, ""},
		{"POST", "/v1/searches", `{"plate":"` + canary + `","from":"` + canary + `"}`},
		{"POST", "/v1/decisions/query", `{"plate":"` + canary + `","explain":true}`},
		{"POST", "/v1/purposes", `{"purpose":"judicial","reason":"look for ` + canary + `","case_ref":"` + canary + `"}`},
		{"POST", "/v1/retro-matches", `{"entries":[{"id":"1","plate":"` + canary + `"}]}`},
		{"GET", "/v1/searches/" + canary, ""},
	}
	statuses := map[int]int{}
	purposes := map[string]string{
		bearer(access.ZoneOfficer): d.purpose(bearer(access.ZoneOfficer), access.Judicial), bearer(access.GVCAgent): d.purpose(bearer(access.GVCAgent), access.Traffic),
	}
	ask1 := func() {
		for _, q := range asked {
			for _, token := range []string{bearer(access.ZoneOfficer), bearer(access.GVCAgent), bearer(access.Auditor), "Bearer " + canary, ""} {
				status, body := d.send(token, purposes[token], q)
				statuses[status]++
				if status >= 400 && strings.Contains(body, canary) {
					t.Errorf("the %d repeats the plate: %s", status, body)
				}
			}
		}
	}
	ask1()
	if statuses[500] == 0 || statuses[503] != 0 {
		t.Errorf("got %v, want the trace that cannot be rendered to be a 500", statuses)
	}
	panics = true
	ask1()
	panics = false
	d.exec("DROP TABLE reads")
	ask1()
	if err := d.conn.Close(); err != nil {
		t.Fatal(err)
	}
	ask1()
	for _, want := range []int{200, 201, 401, 403, 404, 422, 500, 503} {
		if statuses[want] == 0 {
			t.Errorf("no %d among %v: the test does not go everywhere", want, statuses)
		}
	}
	families, err := d.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var metrics bytes.Buffer
	for _, f := range families {
		metrics.WriteString(f.String())
	}
	if !strings.Contains(metrics.String(), "anpr_office_lookups_total") || !strings.Contains(d.output.String(), "panic in a request") {
		t.Error("nothing was measured or logged: the test checks nothing")
	}
	for _, secret := range []string{canary, "token of", "user-", "look for"} {
		for name, text := range map[string]string{"log": d.output.String(), "metrics": metrics.String()} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %q: %.300s", name, secret, text[max(0, at-100):])
			}
		}
	}
}

func TestTheClientDoesNotRepeatTheURLInItsErrors(t *testing.T) {
	c := &Client{MaxWait: -1, BaseURL: "http://127.0.0.1:1", Token: "x", HTTP: &http.Client{Timeout: time.Second}}
	_, err := c.Search(t.Context(), SearchQuery{Justification: judicial(), Plate: canary})
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "ask the office") {
		t.Errorf("got %v", err)
	}
	c.BaseURL, c.Insecure = "http://\x7f", true
	if _, err := c.Search(t.Context(), SearchQuery{Plate: canary}); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

func TestASlowQueryIsCutAndSaysWhatToDo(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.DB = slow{c.DB}; c.QueryTime = time.Second })
	_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: canary})
	if status(err) != http.StatusGatewayTimeout || !strings.Contains(err.Error(), "shorter time window") {
		t.Errorf("got %v, want 504 saying what to do", err)
	}
}

// slow replaces every select by a select that the server must stop.
type slow struct{ driver.Conn }

func (s slow) Select(ctx context.Context, dest any, _ string, _ ...any) error {
	return s.Conn.Select(ctx, dest, "SELECT toString(sum(cityHash64(number))) AS plate FROM numbers_mt(1000000000000)")
}

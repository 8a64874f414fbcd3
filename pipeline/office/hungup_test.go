package office

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// hangingUp hangs up for the client after the tables have answered.
type hangingUp struct {
	driver.Conn
	hangUp *context.CancelFunc
}

func (h hangingUp) Select(ctx context.Context, dest any, sql string, args ...any) error {
	err := h.Conn.Select(ctx, dest, sql, args...)
	if *h.hangUp != nil {
		(*h.hangUp)()
	}
	return err
}

// A hang-up is no outage: hang-ups count apart from a failed access log and from office errors.
func TestAClientThatHangsUpIsCountedApart(t *testing.T) {
	var hangUp context.CancelFunc
	d := newDesk(t, func(c *Config) { c.DB = hangingUp{c.DB, &hangUp} })
	d.insert("reads", d.readRow("1ABC123", "BRU-1", "5339", hour))
	officer := bearer(access.ZoneOfficer)
	purpose := d.purpose(officer, access.Judicial)
	for _, url := range []string{"/v1/searches", "/v1/hits/query"} {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		hangUp = end
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, d.server.URL+url, strings.NewReader(`{"plate":"1ABC123"}`))
		r.Header.Set("Authorization", officer)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(purposeHeader, purpose)
		d.office.Handler().ServeHTTP(httptest.NewRecorder(), r)
		if ctx.Err() == nil {
			t.Fatalf("%s: nobody hung up: the test checks nothing", url)
		}
	}
	m := d.office.cfg.Metrics
	for _, route := range []access.Route{access.RouteSearch, access.RouteHits} {
		if n, gone := testutil.ToFloat64(m.Requests.WithLabelValues(string(route), "5xx")), testutil.ToFloat64(m.Requests.WithLabelValues(string(route), lookupGone)); n != 0 || gone != 1 {
			t.Errorf("%s: got %v errors and %v clients that hung up, want 0 and 1", route, n, gone)
		}
	}
	d.hangUpAtEveryEntry()
	if gone, away := testutil.ToFloat64(m.Lookups.WithLabelValues("judicial", lookupGone)), testutil.ToFloat64(m.Lookups.WithLabelValues("judicial", lookupUnavailable)); gone != 3 || away != 0 {
		t.Errorf("got %v look-ups whose client hung up and %v without an access log, want 3 and 0", gone, away)
	}
	for _, blame := range []string{"not logged", "not written", "request not answered"} {
		if strings.Contains(d.output.String(), blame) {
			t.Errorf("the log blames the office: %.500s", d.output.String())
		}
	}
}

// hangUpAtEveryEntry hangs up before each kind of entry: refusal, question, answer.
func (d *desk) hangUpAtEveryEntry() {
	d.t.Helper()
	u := &access.User{Name: "officer", Role: access.ZoneOfficer, Zones: []string{"5339"}}
	live := context.WithValue(d.t.Context(), visitKey{}, &visit{SignedIn: &SignedIn{User: u}})
	gone, hangUp := context.WithCancel(live)
	hangUp()
	ask := access.Request{Route: access.RouteSearch, Purpose: access.Judicial, Reason: why, Query: "{}"}
	scope, refusal := access.Authorise(u, ask, schemas.MicrosOf(now))
	if refusal != nil {
		d.t.Fatal(refusal)
	}
	if err := d.office.refuseLookup(gone, access.NewRefusal(u, ask, access.CodeNotFound, "", "not there"), "judicial"); isRefusal(err) {
		d.t.Error("a refusal without an entry")
	}
	if _, err := d.office.grantPermit(gone, scope); err == nil {
		d.t.Error("a permit without an entry")
	}
	p, err := d.office.grantPermit(live, scope)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.office.logDisclosure(gone, p, &answered{rows: 1}, 0); err == nil {
		d.t.Error("an answer without an entry")
	}
}

package office

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// findsNamed counts the entries after since that the auditor finds by a plate.
func (d *desk) findsNamed(plate string, since int) (n int) {
	d.t.Helper()
	marks, err := d.office.marksOf(plate)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.logs.QueryRow(d.t.Context(), "SELECT count(DISTINCT seq) FROM asked_plates WHERE plate_hmac = ANY($1::bytea[]) AND seq > $2", marks, since).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// A refused look-up in any form gets an entry with the user and the plates asked for.
func TestARefusedLookUpOfAnyFormIsInTheLogWithItsPlates(t *testing.T) {
	d := newDesk(t, nil)
	officer, agent := bearer(access.ZoneOfficer), bearer(access.GVCAgent)
	purpose := d.purpose(officer, access.Judicial)
	list := `{"entries":[{"id":"x","plate":"1ABC199"}`
	for i := range 29 {
		list += fmt.Sprintf(`,{"id":"%d","plate":"1ABC1%02d"}`, i, i)
	}
	for name, c := range map[string]struct {
		token string
		q     rawRequest
	}{
		"an escaped key, by a role that may not":   {agent, rawRequest{"POST", "/v1/searches", `{"\u0070late":"1ABC199"}`}},
		"an escaped value, by a role that may not": {agent, rawRequest{"POST", "/v1/searches", `{"plate":"\u0031ABC199"}`}},
		"an escaped value beside a wrong field":    {officer, rawRequest{"POST", "/v1/searches", `{"plate":"\u0031ABC199","limit":"x"}`}},
		"an escaped key beside a wrong field":      {officer, rawRequest{"POST", "/v1/searches", `{"\u0070late":"1ABC199","limit":"x"}`}},
		"a list in the place of a plate":           {officer, rawRequest{"POST", "/v1/searches", `{"plate":["1ABC199"]}`}},
		"an object in the place of a plate":        {officer, rawRequest{"POST", "/v1/searches", `{"plate":{"text":"1ABC199"}}`}},
		"another spelling":                         {officer, rawRequest{"POST", "/v1/searches", `{"plates":["1ABC199"]}`}},
		"another language":                         {officer, rawRequest{"POST", "/v1/searches", `{"nummerplaat":"1-abc-199"}`}},
		"a field of another name":                  {officer, rawRequest{"POST", "/v1/hits/query", `{"x":"1-abc-199"}`}},
		"the name of a field":                      {officer, rawRequest{"POST", "/v1/hits/query", `{"1ABC199":1}`}},
		"a plate that is given twice":              {officer, rawRequest{"POST", "/v1/hits/query", `{"plate":"1ABC199","plate":"2ABC199","x":1}`}},
		"a plate with characters of none":          {officer, rawRequest{"POST", "/v1/searches", `{"plate":"1ABC199'"}`}},
		"half a body":                              {officer, rawRequest{"POST", "/v1/searches", `{"plate":"\u0031ABC199","li`}},
		"a body that is no JSON":                   {officer, rawRequest{"POST", "/v1/searches", `plate=1ABC199`}},
		"a second value":                           {officer, rawRequest{"POST", "/v1/searches", `{"limit":0} {"plate":"1ABC199"}`}},
		"no object":                                {officer, rawRequest{"POST", "/v1/searches", `"1ABC199"`}},
		"a long list, one of it wrong":             {officer, rawRequest{"POST", "/v1/retro-matches", list + `,{"id":"y","plate":"!"}]}`}},
		"a long list of a wrong form":              {officer, rawRequest{"POST", "/v1/retro-matches", list + `,{"id":7,"plate":"!"}]}`}},
		"a parameter that there is not":            {officer, rawRequest{"GET", "/v1/searches/" + anyID + "?plate=1ABC199", ""}},
		"an id that is none":                       {officer, rawRequest{"GET", "/v1/searches/1ABC199?limit=x", ""}},
		"a day that is none":                       {officer, rawRequest{"GET", "/v1/searches/" + anyID + "/journey?day=1ABC199", ""}},
	} {
		before := d.logged("true")
		status, body := d.send(c.token, purpose, c.q)
		if c.token == agent {
			status, body = d.send(c.token, "", c.q)
			before++
		}
		if status/100 != 4 {
			t.Errorf("%s: got %d %s, want it refused", name, status, body)
		}
		if n := d.logged("true") - before; n != 1 {
			t.Errorf("%s: got %d entries, want 1", name, n)
		}
		if n := d.findsNamed("1ABC199", before); n != 1 {
			t.Errorf("%s: %d entries name the plate, want 1", name, n)
		}
	}
	before := d.logged("true")
	if status, _ := d.send(officer, purpose, rawRequest{"POST", "/v1/searches", `{"plate":"1ABC126` + strings.Repeat("*", 70) + `"}`}); status != http.StatusUnprocessableEntity || d.findsNamed("1ABC126*", before) != 1 {
		t.Errorf("a plate that is too long: got %d, and the entry does not name it", status)
	}
}

// Every look-up route logs a request beyond the route's form, from every role.
func TestEveryRouteOfLookUpsLogsWhatItDoesNotUnderstand(t *testing.T) {
	d := newDesk(t, nil)
	for _, route := range access.Routes() {
		for _, role := range access.Roles() {
			q := request[route]
			if q.method == http.MethodGet {
				q.url, _, _ = strings.Cut(q.url, "?")
				q.url += "?unknown=1"
			} else {
				q.body = `{"unknown":1}`
			}
			before := d.logged("true")
			status, body := d.send(bearer(role), "", q)
			if n := d.logged("true") - before; status/100 != 4 || n != 1 {
				t.Errorf("%s by %s: got %d %.100s and %d entries, want it refused and one", route, role, status, body, n)
			}
		}
	}
}

// bodiesWith returns copies of a body. Each copy has text in place of one of the schema's texts, lists and numbers.
func bodiesWith(t *testing.T, base, text string, fields []string) (out []string) {
	t.Helper()
	for _, f := range fields {
		for _, value := range []any{text, []string{text}} {
			body := map[string]any{}
			if base != "" {
				if err := json.Unmarshal([]byte(base), &body); err != nil {
					t.Fatal(err)
				}
			}
			at, name := body, f
			if parent, child, nested := strings.Cut(f, "."); nested {
				at, name = map[string]any{}, child
				body[parent] = at
			}
			at[name] = value
			b, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(b))
		}
	}
	return out
}

// No plate stands in clear in the chain, whatever text and route brought the plate.
func TestNoTextOfARouteBringsAPlateIntoTheChain(t *testing.T) {
	for _, form := range []string{"1-abc-105", "1CANARY1"} {
		t.Run(form, func(t *testing.T) {
			d := newDesk(t, func(c *Config) { c.Camera = func(string) *schemas.Camera { return nil } })
			fields := fieldsOfBodies(t)
			sent := 0
			var asked errgroup.Group // at the same time, so that their entries share commits
			asked.SetLimit(32)
			send := func(token, purpose string, q rawRequest) {
				sent++
				asked.Go(func() error {
					_, _, err := d.trySend(token, purpose, q)
					return err
				})
			}
			for route, q := range request {
				for _, role := range access.Roles() {
					token := bearer(role)
					purposes := []string{""}
					for _, p := range access.PurposesOf(role) {
						if id := d.purpose(token, p); id != "" && access.MayFor(role, route, p) {
							purposes = append(purposes, id)
						}
					}
					for _, purpose := range purposes {
						for _, body := range bodiesWith(t, q.body, form, fields[route]) {
							send(token, purpose, rawRequest{q.method, q.url, body})
						}
						for _, name := range []string{"after", "day", "from", "camera", "reject_reason", "catalogue", "reference", "note", "plate"} {
							if q.method == http.MethodGet {
								path, _, _ := strings.Cut(q.url, "?")
								send(token, purpose, rawRequest{q.method, path + "?" + name + "=" + url.QueryEscape(form), ""})
							}
						}
					}
				}
			}
			if err := asked.Wait(); err != nil {
				t.Fatal(err)
			}
			wide := fmt.Sprintf(`{"kind":"search","search":{"plate":%q,"from":"2020-01-01T00:00:00Z","to":"2026-11-01T00:00:00Z"}}`, form+"*")
			officer := bearer(access.ZoneOfficer)
			if status, body := d.send(officer, d.purpose(officer, access.Judicial), rawRequest{"POST", "/v1/approvals", wide}); status != http.StatusCreated {
				t.Errorf("an approval: got %d %s", status, body)
			}
			d.holdsNoPlate(form, sent)
		})
	}
}

// holdsNoPlate fails when the chain or the export has the text. Too few entries fail too, because they would prove
// nothing.
func (d *desk) holdsNoPlate(form string, sent int) {
	d.t.Helper()
	if n := d.logged("true"); sent < 300 || n < sent/2 {
		d.t.Fatalf("%d requests left %d entries: the test checks nothing", sent, n)
	}
	if n := d.logged("body LIKE '%hmac:%'"); n == 0 {
		d.t.Error("no entry has an HMAC in its body: the test checks nothing")
	}
	var rows []string
	if err := d.logs.QueryRow(d.t.Context(), "SELECT array_agg(row_to_json(l)::text) FROM look_ups l WHERE upper(l::text) LIKE '%' || upper($1) || '%'", form).Scan(&rows); err != nil {
		d.t.Fatal(err)
	}
	for _, r := range rows[:min(len(rows), 5)] {
		d.t.Errorf("%d entries hold the plate, such as %.900s", len(rows), r)
	}
	var out bytes.Buffer
	if _, err := access.ExportLog(d.t.Context(), store.NewLookUps(d.logs), &d.keys.Site.PublicKey, &out); err != nil {
		d.t.Fatal(err)
	}
	if out.Len() == 0 || strings.Contains(strings.ToUpper(out.String()), strings.ToUpper(form)) {
		d.t.Errorf("the export of %d bytes holds the plate", out.Len())
	}
}

// fieldsOfBodies lists the document's text fields by route. A nested field has a dotted name.
func fieldsOfBodies(t *testing.T) map[access.Route][]string {
	t.Helper()
	raw, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Type       any
		Ref        string `json:"$ref"`
		Properties map[string]json.RawMessage
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	resolve := func(s schema) schema {
		if s.Ref != "" {
			return doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		}
		return s
	}
	out := map[access.Route][]string{}
	for _, methods := range doc.Paths {
		for _, op := range methods {
			for name, p := range resolve(op.RequestBody.Content["application/json"].Schema).Properties {
				var s schema
				if err := json.Unmarshal(p, &s); err != nil {
					t.Fatal(err)
				}
				out[access.Route(op.OperationID)] = append(out[access.Route(op.OperationID)], name)
				for child := range resolve(s).Properties {
					out[access.Route(op.OperationID)] = append(out[access.Route(op.OperationID)], name+"."+child)
				}
			}
			slices.Sort(out[access.Route(op.OperationID)])
		}
	}
	if len(out[access.RouteAskApproval]) < 5 || len(out[access.RouteOpenPurpose]) < 4 {
		t.Fatalf("got %v: the test checks nothing", out)
	}
	return out
}

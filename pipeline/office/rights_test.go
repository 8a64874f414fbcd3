package office

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// operation is one operation in the document.
type operation struct {
	route        access.Route
	method, path string
}

// operationsOfTheDocument reads the operations from the OpenAPI document.
func operationsOfTheDocument(t *testing.T) (out []operation) {
	t.Helper()
	raw, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil || len(doc.Paths) == 0 {
		t.Fatalf("document: %d paths, err %v", len(doc.Paths), err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, operation{access.Route(op.OperationID), strings.ToUpper(method), path})
		}
	}
	return out
}

// A route without a row in the matrix, or without a request in this package's list, fails the test.
func TestEveryOperationHasItsRowInTheMatrix(t *testing.T) {
	rows := slices.Concat(access.Routes(), access.OwnRoutes())
	seen := map[access.Route]bool{}
	for _, op := range operationsOfTheDocument(t) {
		q := request[op.route]
		switch {
		case seen[op.route]:
			t.Errorf("%s: two operations have this name", op.route)
		case !slices.Contains(rows, op.route):
			t.Errorf("%s %s (%s) has no row in the matrix of package access", op.method, op.path, op.route)
		case q.method != op.method || !hasPath(op.path, q.url):
			t.Errorf("%s %s (%s) has no request in this test: %v", op.method, op.path, op.route, q)
		}
		seen[op.route] = true
	}
	for _, route := range rows {
		if !seen[route] {
			t.Errorf("the matrix has the route %s, the API has not", route)
		}
	}
}

// hasPath reports whether an address fits a path with parameters.
func hasPath(path, url string) bool {
	url, _, _ = strings.Cut(url, "?")
	want, got := strings.Split(path, "/"), strings.Split(url, "/")
	if len(want) != len(got) {
		return false
	}
	for i, part := range want {
		if !strings.HasPrefix(part, "{") && part != got[i] {
			return false
		}
	}
	return true
}

// No address in the document has a place for a plate, a name, a number or a reason.
func TestNoAddressHasAPlaceForAPlate(t *testing.T) {
	raw, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	harmless := []string{
		"search_id", "id", "after", "limit", "day", "from", "to", "by", "lang", "camera", "reject_reason", "days", "all", "mine", "catalogue", "reference", "note", "case_id", "lease_id", "bundle_id", "bulk_id", "part", "sha256", "as", "queue", "family", "regime", "municipality", "zone", "site", "due_before", "mark", "hold_reason", purposeHeader, "If-Match", "Idempotency-Key",
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for _, p := range op.Parameters {
				if !slices.Contains(harmless, p.Name) {
					t.Errorf("%s %s takes %s in its %s", method, path, p.Name, p.In)
				}
			}
		}
	}
}

// useZoned gives the office a user in every role in each of two zones. The token is role and zone.
func useZoned(t *testing.T, c *Config) {
	t.Helper()
	list := "users:\n"
	for _, r := range access.Roles() {
		for _, zone := range []string{"5339", "5340"} {
			list += fmt.Sprintf("  - {name: %s-%s, role: %s, zones: [\"%s\"], token_sha256: %s, valid_to: 2027-06-30}\n", r, zone, r, zone, hash(string(r)+zone))
		}
	}
	u, err := access.ReadUsers(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	c.Users = u
}

// Role by purpose by operation: every right in the matrix is answered. Every other request is refused and logged.
func TestNoAnswerGoesBeyondRights(t *testing.T) {
	d := newDesk(t, nil)
	asked := 0
	for _, route := range access.Routes() {
		for _, token := range []string{"", "Bearer ", "Bearer nobody", "token of auditor", "Basic dG9rZW4gb2YgYXVkaXRvcg=="} {
			if status, _ := d.send(token, "", request[route]); status != http.StatusUnauthorized {
				t.Errorf("%s with %q: got %d, want 401", route, token, status)
			}
		}
		for _, role := range access.Roles() {
			for _, purpose := range append(access.Purposes(), "") {
				if purpose == "" && (route == access.RoutePicture || route == access.RouteThumbnail) {
					continue // takes an open purpose of the sign-in
				}
				token := bearer(role)
				open := d.purpose(token, purpose)
				if open == "" && purpose != "" && purpose != access.Operation {
					continue // the role cannot open the purpose
				}
				asked++
				refused := d.logged("outcome = 'refused'")
				status, body := d.send(token, open, request[route])
				logged := d.logged("outcome = 'refused'") - refused
				may := access.MayFor(role, route, purpose) || access.OpensByItself(role, route)
				switch {
				case may && route == access.RouteHeartbeat && codeIn(body) == "lease_lost": // there is no lease
				case may && status/100 != 2 && status != http.StatusNotFound:
					t.Errorf("%s by %s for %s: got %d %s, want an answer", route, role, purpose, status, body)
				case !may && (status != http.StatusForbidden && status != http.StatusNotFound || logged != 1):
					t.Errorf("%s by %s for %q: got %d with %d entries, want it refused with one: %s", route, role, purpose, status, logged, body)
				}
			}
		}
	}
	if asked < 150 {
		t.Errorf("%d questions: the test checks little", asked)
	}
}

// Objects under another user, purpose or sign-in look like missing objects: the same status and the same bytes.
func TestAForeignObjectIsLikeNone(t *testing.T) {
	d := newDesk(t, func(c *Config) { useZoned(t, c) })
	d.insert("reads", d.readRow("1ABC123", "BRU-1", "5339", hour))
	owner, other := "Bearer zone_officer5339", "Bearer zone_officer5340"
	open, foreign, second := d.purpose(owner, access.Judicial), d.purpose(other, access.Judicial), d.purpose(owner, access.Administrative)
	_, body := d.send(owner, open, rawRequest{"POST", "/v1/searches", `{"plate":"1ABC123"}`})
	var found ReadsAnswer
	if err := json.Unmarshal([]byte(body), &found); err != nil || found.SearchID == "" || len(found.Reads) != 1 {
		t.Fatalf("got %s", body)
	}
	for _, path := range []string{"/v1/searches/%s", "/v1/searches/%s/journey?day=2026-11-21"} {
		answers := map[string]bool{}
		for name, c := range map[string]struct{ token, purpose, id string }{
			"of nobody": {owner, open, anyID}, "no id": {owner, open, "1ABC123"}, "of another user": {other, foreign, found.SearchID},
			"of another purpose": {owner, second, found.SearchID}, "with another's purpose": {other, open, found.SearchID},
		} {
			status, body := d.send(c.token, c.purpose, rawRequest{"GET", fmt.Sprintf(path, c.id), ""})
			if answers[withoutRequestID(body)] = true; status != http.StatusNotFound {
				t.Errorf("%s: got %d %s, want 404", name, status, body)
			}
		}
		if len(answers) != 1 {
			t.Errorf("the answers tell them apart: %v", answers)
		}
		if status, body := d.send(owner, open, rawRequest{"GET", fmt.Sprintf(path, found.SearchID), ""}); status != http.StatusOK || !strings.Contains(body, "BRU-1") {
			t.Errorf("the owner: got %d %s", status, body)
		}
	}
	for name, c := range map[string]struct{ token, id string }{"of nobody": {owner, anyID}, "of another user": {other, open}} {
		if status, _ := d.send(c.token, "", rawRequest{"DELETE", "/v1/purposes/" + c.id, ""}); status != http.StatusNotFound {
			t.Errorf("a purpose %s: got %d, want 404", name, status)
		}
	}
	if status, _ := d.send(other, open, rawRequest{"POST", "/v1/hits/query", `{}`}); status != http.StatusForbidden {
		t.Errorf("under another's purpose: got %d, want 403", status)
	}
	// A cursor works only for the same user and list.
	for i := range 3 {
		d.insert("reads", d.readRow("1ABC123", "BRU-2", "5339", time.Duration(i+2)*hour))
	}
	_, body = d.send(owner, open, rawRequest{"POST", "/v1/searches", `{"plate":"1ABC123","limit":1}`})
	var page ReadsAnswer
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Next == "" {
		t.Fatalf("no second page: %s", body)
	}
	for name, c := range map[string]struct {
		token, purpose string
		q              rawRequest
	}{
		"another user": {other, foreign, rawRequest{"POST", "/v1/searches", `{"plate":"1ABC123","after":"` + page.Next + `"}`}},
		"another list": {owner, open, rawRequest{"POST", "/v1/hits/query", `{"after":"` + page.Next + `"}`}},
	} {
		if status, _ := d.send(c.token, c.purpose, c.q); status != http.StatusUnprocessableEntity {
			t.Errorf("the cursor for %s: got %d, want 422", name, status)
		}
	}
	if status, _ := d.send(owner, open, rawRequest{"GET", "/v1/searches/" + page.SearchID + "?after=" + page.Next, ""}); status != http.StatusOK {
		t.Errorf("the owner's next page: got %d", status)
	}
}

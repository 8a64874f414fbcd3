package office

import (
	"encoding/json"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// refusedFor reports whether every look-up by route that lacks the field is refused for it, whoever makes it and for what.
func refusedFor(route access.Route, field string) bool {
	for _, role := range access.Roles() {
		if !access.Allowed(role, route) {
			continue
		}
		u := &access.User{Name: "u", Role: role, Zones: []string{"5339"}}
		if field == "purpose" {
			_, r := access.Authorise(u, access.Ask{Route: route, Reason: "a reason of more than ten letters"}, schemas.Day(20_000).Start())
			if r == nil || r.Field != field {
				return false
			}
			continue
		}
		for _, p := range access.Purposes() {
			_, r := access.Authorise(u, access.Ask{Route: route, Purpose: p}, schemas.Day(20_000).Start())
			if r == nil || r.Field == "" { // granted, or not a purpose of this role
				if r == nil {
					return false
				}
				continue
			}
			if r.Field != field {
				return false
			}
		}
	}
	return true
}

func TestTheDocumentDemandsWhatTheOfficeDemands(t *testing.T) {
	text, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []struct {
				Name     string
				Required bool
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	seen, required := 0, map[string]int{}
	for path, item := range doc.Paths {
		for _, op := range item {
			for _, p := range op.Parameters {
				if p.Name != "purpose" && p.Name != "reason" {
					continue
				}
				seen++
				if p.Required {
					required[p.Name]++
				}
				if want := refusedFor(access.Route(op.OperationID), p.Name); p.Required != want {
					t.Errorf("%s: the document says %s is required: %t, the office demands it: %t", path, p.Name, p.Required, want)
				}
			}
		}
	}
	if seen != 2*len(access.Routes()) || required["purpose"] < 5 || required["reason"] < 5 {
		t.Errorf("saw %d parameters, required %v: the document was not understood", seen, required)
	}
}

package access

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// mayLookUp writes a role's rights by purpose, in the form of the runbook's table.
func mayLookUp(role Role) string {
	var out []string
	for _, p := range Purposes() {
		var routes []string
		for _, r := range Routes() {
			if mayFor(role, r, p) {
				routes = append(routes, string(r))
			}
		}
		if len(routes) > 0 {
			out = append(out, string(p)+": "+strings.Join(routes, ", "))
		}
	}
	return strings.Join(out, "; ")
}

// The runbook tells people who give out tokens exactly the rights that the office grants each role.
func TestTheRolesOfTheRunbookAreThoseOfTheMatrix(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Roles() {
		if row := fmt.Sprintf("| `%s` | %s |", r, mayLookUp(r)); !strings.Contains(string(text), "\n"+row) {
			t.Errorf("deploy/README.md, Tokens, lacks the row\n%s", row)
		}
	}
}

func TestARefusedRoleIsToldWhatItMayUse(t *testing.T) {
	for _, role := range Roles() {
		for _, route := range Routes() {
			_, refusal := Authorise(&User{Name: "x", Role: role, Zones: []string{"1"}}, Request{Route: route}, 1)
			if Allowed(role, route) {
				continue
			}
			_, list, ok := strings.Cut(refusal.Error(), "; it may use ")
			if !ok || list == "" {
				t.Fatalf("%s on %s: %v", role, route, refusal)
			}
			for _, r := range Routes() {
				if slices.Contains(strings.Split(list, ", "), string(r)) != Allowed(role, r) {
					t.Errorf("%s on %s: %v; wrong about %s", role, route, refusal, r)
				}
			}
		}
	}
}

package access

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func sum(token string) string {
	s := sha256.Sum256([]byte(token))
	return hex.EncodeToString(s[:])
}

var goodUsers = `users:
  - {name: agent1, role: gvc_agent, zones: [], token_sha256: ` + sum("token-one") + `}
  - name: officer1
    role: zone_officer
    zones: ["5339", "5340"]
    token_sha256: ` + sum("token-two") + "\n"

func TestUsersAreFoundByTheirTokenOnly(t *testing.T) {
	u, err := ReadUsers(strings.NewReader(goodUsers))
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{
		"token-one": "agent1", "token-two": "officer1", "": "", "token": "", "token-one ": "",
		sum("token-one"): "",
	} {
		got := ""
		if f, ok := u.FindByToken(token); ok {
			got = f.Name
		}
		if got != want {
			t.Errorf("token %q: got %q, want %q", token, got, want)
		}
	}
	if u.Len() != 2 {
		t.Errorf("got %d users, want 2", u.Len())
	}
}

func TestABrokenUsersFileIsRefusedAndTheOldListStays(t *testing.T) {
	secret := sum("other")
	for name, c := range map[string]struct{ text, want string }{
		"unknown role":      {"users: [{name: a, role: king, token_sha256: " + secret + "}]", "role \"king\""},
		"no name":           {"users: [{role: jurist, token_sha256: " + secret + "}]", "name"},
		"officer, no zones": {"users: [{name: a, role: zone_officer, token_sha256: " + secret + "}]", "zones"},
		"bad zone":          {"users: [{name: a, role: zone_officer, zones: [\"a b\"], token_sha256: " + secret + "}]", "zone \"a b\""},
		"short hash":        {"users: [{name: a, role: jurist, token_sha256: abcd}]", "token_sha256"},
		"long hash":         {"users: [{name: a, role: jurist, token_sha256: " + secret + "00}]", "token_sha256"},
		"not hexadecimal":   {"users: [{name: a, role: jurist, token_sha256: " + strings.Repeat("zz", 32) + "}]", "token_sha256"},
		"same name":         {"users: [{name: a, role: jurist, token_sha256: " + secret + "}, {name: a, role: jurist, token_sha256: " + sum("x") + "}]", "used twice"},
		"same token":        {"users: [{name: a, role: jurist, token_sha256: " + secret + "}, {name: b, role: jurist, token_sha256: " + secret + "}]", "token is that of"},
		"unknown key":       {"users: [{name: a, role: jurist, admin: true, token_sha256: " + secret + "}]", "line 1"},
		"unknown grant":     {"users: [{name: a, role: jurist, grants: [admin], token_sha256: " + secret + "}]", "grant \"admin\" is neither"},
		"list without name": {"users: [{name: a, role: jurist, grants: [\"list:\"], token_sha256: " + secret + "}]", "neither approve nor list:NAME"},
		"grant twice":       {"users: [{name: a, role: jurist, grants: [approve, approve], token_sha256: " + secret + "}]", "there twice"},
		"unknown regime":    {"users: [{name: a, role: jurist, regimes: [lez, parking], token_sha256: " + secret + "}]", "regime \"parking\" is none of"},
		"no issuer":         {"users: [{name: a, role: jurist, subject: a1b2, token_sha256: " + secret + "}]", "subject must be the issuer"},
		"same subject":      {"users: [{name: a, role: jurist, subject: \"https://i|s\"}, {name: b, role: jurist, subject: \"https://i|s\"}]", "the subject is that of user a"},
		"no YAML":           {"users: [", "form"},
		"empty":             {"", "form"},
	} {
		u, err := ReadUsers(strings.NewReader(goodUsers))
		if err != nil {
			t.Fatal(err)
		}
		err = u.Reload(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds a token hash: %v", name, err)
		}
		if _, ok := u.FindByToken("token-one"); !ok {
			t.Errorf("%s: the old list is gone", name)
		}
	}
}

func TestAUsersFileSaysWhoIsWhoAndMayWhatBesideTheRole(t *testing.T) {
	u, err := ReadUsers(strings.NewReader(`users:
  - {name: a, role: zone_officer, zones: ["5339"], subject: "https://login.example/realm|a1|b2", grants: [approve, "list:stolen"], regimes: [traffic, lez]}
  - {name: b, role: jurist}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := u.All()
	if a := all[0]; a.Subject != "https://login.example/realm|a1|b2" || !a.HasGrant(Approve) || !a.HasGrant("list:stolen") || a.HasGrant("list:missing") || len(a.Regimes) != 2 || a.HasToken() {
		t.Errorf("got %+v", a)
	}
	if b := all[1]; b.HasGrant(Approve) || b.HasToken() {
		t.Errorf("got %+v", b)
	}
	if _, ok := u.FindByToken(""); ok {
		t.Error("the empty token is that of a user without one")
	}
}

func TestATokenWithoutAnEndWithinAYearOpensNothing(t *testing.T) {
	now := schemas.DayOf(2026, 11, 28).Start()
	for to, want := range map[string]bool{"": false, "2099-12-31": false, "2027-12-01": false, "2027-11-27": true, "2026-11-29": true} {
		text := "users: [{name: a, role: jurist, token_sha256: " + sum("x")
		if to != "" {
			text += ", valid_to: " + to
		}
		u, err := ReadUsers(strings.NewReader(text + "}]"))
		if err != nil {
			t.Fatal(err)
		}
		if a := u.All()[0]; a.TokenEnds(now) != want {
			t.Errorf("valid_to %q: got %t, want %t", to, !want, want)
		}
	}
}

func TestReloadRevokes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(path, []byte(goodUsers), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Reload(strings.NewReader("users: [{name: b, role: auditor, token_sha256: " + sum("three") + "}]")); err != nil {
		t.Fatal(err)
	}
	if _, ok := u.FindByToken("token-one"); ok {
		t.Error("a revoked token still works")
	}
	if _, ok := u.FindByToken("three"); !ok {
		t.Error("the new token does not work")
	}
}

func FuzzReadUsers(f *testing.F) {
	f.Add(goodUsers)
	f.Add("users: []")
	f.Add("users:\n - name: a\n   role: auditor\n   token_sha256: " + strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ReadUsers(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range *u.list.Load() {
			if !Allowed(e.Role, RouteSearch) && !Allowed(e.Role, RouteRejects) && e.Role != Auditor && e.Role != Jurist &&
				e.Role != GVCAgent {
				t.Errorf("accepted the role %q", e.Role)
			}
			if e.Role == ZoneOfficer && len(e.Zones) == 0 {
				t.Error("accepted a zone officer without zones")
			}
		}
	})
}

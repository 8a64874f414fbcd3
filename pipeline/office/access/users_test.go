package access

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		if f, ok := u.Find(token); ok {
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
		if _, ok := u.Find("token-one"); !ok {
			t.Errorf("%s: the old list is gone", name)
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
	if _, ok := u.Find("token-one"); ok {
		t.Error("a revoked token still works")
	}
	if _, ok := u.Find("three"); !ok {
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
			if !Allowed(e.Role, RouteReads) && !Allowed(e.Role, RouteRejects) && e.Role != Auditor && e.Role != Jurist &&
				e.Role != GVCAgent {
				t.Errorf("accepted the role %q", e.Role)
			}
			if e.Role == ZoneOfficer && len(e.Zones) == 0 {
				t.Error("accepted a zone officer without zones")
			}
		}
	})
}

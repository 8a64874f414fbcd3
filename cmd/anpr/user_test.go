package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

func TestEveryInvitationHasAnEntryThatNamesTheAccount(t *testing.T) {
	at, dir := testkit.StartPostgres(t), t.TempDir()
	users, keys := filepath.Join(dir, "users.yaml"), filepath.Join(dir, "look-ups")
	if err := os.WriteFile(users, []byte("users:\n  - {name: agent1, role: gvc_agent}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := roles.InviteUser(t.Context(), at, keys, users, "agent1", "https://anpr.example"); err == nil || !strings.Contains(err.Error(), "--lookup-keys") {
		t.Errorf("without the keys of the log: %v", err)
	}
	if _, err := access.LoadKeys(keys); err != nil {
		t.Fatal(err)
	}
	link, _, err := roles.InviteUser(t.Context(), at, keys, users, "agent1", "https://anpr.example")
	if err != nil || !strings.HasPrefix(link, "https://anpr.example/oidc/invite?invite=") {
		t.Fatalf("%q, %v", link, err)
	}
	pool, err := at.Open(t.Context(), "invitation-test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var invites int
	var operation, body string
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM sign_in_invites), operation, body FROM look_ups`).Scan(&invites, &operation, &body); err != nil {
		t.Fatal(err)
	}
	if invites != 1 || operation != "invite_made" || !strings.Contains(body, `"account":"agent1"`) || !strings.Contains(body, `"until":"`) {
		t.Errorf("%d invitations; logged: %s %s", invites, operation, body)
	}
}

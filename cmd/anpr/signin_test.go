package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Every command that asks the office explains a refused token to the person, in the language of the terminal.
func TestARefusedTokenIsToldInWords(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"detail":"send the token of a user of this office as Authorization: Bearer"}`))
	}))
	defer srv.Close()
	t.Chdir(t.TempDir())
	at, why := "--url="+srv.URL, "--reason=a reason of ten letters"
	for locale, lang := range map[string]string{"nl_BE.UTF-8": "nl", "fr_BE": "fr", "C": "en"} {
		t.Setenv("LC_ALL", locale)
		for _, args := range [][]string{
			{"query", at, "--token=t", "plate", "1ABC123", "--purpose=judicial", why},
			{"query", at, "--token=t", "access-log", "--verify", "--purpose=operation", why},
			{"query", at, "--token=t", "access-log", "--verify"}, // what shows no plate needs no purpose
			{"query", at, "--token=t", "rejects"},
			{"query", at, "--token=t", "reconcile"},
			{"rejects", "replay", at, "--token=t", "--reject-reason=unknown_camera", "--purpose=operation", why, "--kafka-addr=127.0.0.1:1", "--clickhouse-addr=127.0.0.1:1"},
		} {
			if code, out := captured(t, args...); code == 0 || !strings.Contains(out, ask.NotAccepted[lang]) {
				t.Errorf("%s: anpr %s: exit code %d\n%s", locale, args[0], code, out)
			}
		}
	}
}

// The office takes the users.yaml shown in the runbook.
func TestTheUsersFileOfTheRunbookIsTaken(t *testing.T) {
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, file, ok := strings.Cut(string(text), "\n    users:\n")
	if !ok {
		t.Fatal("the runbook shows no users.yaml")
	}
	file, _, _ = strings.Cut(file, "\n\n")
	users, err := access.ReadUsers(strings.NewReader("users:\n" + strings.ReplaceAll(file, "...", strings.Repeat("a", 60))))
	if err != nil || users.Len() < 2 {
		t.Errorf("%v:\n%s", err, file)
	}
}

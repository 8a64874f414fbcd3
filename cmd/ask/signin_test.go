package ask

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTheLanguageOfTheTerminalIsItsLocale(t *testing.T) {
	for _, c := range []struct{ all, messages, lang, want string }{
		{"", "", "", "en"},
		{"", "", "nl_BE.UTF-8", "nl"},
		{"", "fr", "nl_BE", "fr"},
		{"C", "fr", "nl", "en"},
		{"", "", "frp_IT", "en"},
		{"NL.utf8", "", "fr", "nl"},
		{"", "", "de_BE@euro", "en"},
		{"fr@euro", "", "", "fr"},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_MESSAGES": c.messages, "LANG": c.lang}
		if got := userLang(func(k string) string { return env[k] }); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func TestWithoutSampleUsersTheTokenIsAskedFor(t *testing.T) {
	reference := t.TempDir()
	_, err := sampleToken(filepath.Join(reference, "secrets", "user-tokens.csv"), "agent1")
	if err == nil || !strings.Contains(err.Error(), "this installation has no sample users: give your token in ANPR_TOKEN") {
		t.Errorf("got %v", err)
	}
	_, err = sampleToken(filepath.Join(reference, "absent", "secrets", "user-tokens.csv"), "agent1")
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("without reference data: got %v, want that the directory may be the wrong one", err)
	}
}

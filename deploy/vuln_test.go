package deploy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runWith runs a script of the repository with a vulnerability check that prints text and exits with code.
func runWith(t *testing.T, text, code string, script ...string) (out string, exit int) {
	t.Helper()
	dir := t.TempDir()
	check := filepath.Join(dir, "check")
	body := "#!/bin/sh\ncat " + filepath.Join(dir, "text") + "\nexit " + code + "\n"
	if err := os.WriteFile(check, []byte(body), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), script[0], script[1:]...)
	cmd.Env = append(os.Environ(), "VULN_CHECK="+check, "CI_LOGS="+dir, "ANPR_CACHE="+dir, "GOVULNDB=")
	got, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(got), failed.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(got), 0
}

const noDatabase = `govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: lookup vuln.go.dev: no such host`

func TestAVulnerabilityCheckWithoutItsDatabaseIsNotPassed(t *testing.T) {
	for _, c := range []struct {
		name, text, code string
		exit             int
		says             string
		notRun           bool
	}{
		{"nothing known", "No vulnerabilities found.", "0", 0, "No vulnerabilities", false},
		{"one is known", "Vulnerability #1: GO-2026-0001", "3", 3, "GO-2026-0001", false},
		{"one is known that speaks of the database", noDatabase, "3", 3, "no such host", false},
		{"no name server", noDatabase, "1", 77, "no such host", true},
		{"no answer", `govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/ID/GO-1.json.gz": dial tcp 1.2.3.4:443: i/o timeout`, "1", 77, "i/o timeout", true},
		{"the code does not build", "govulncheck: loading packages: there are errors with the provided package patterns", "1", 1, "loading packages", false},
		{"another address", `go: download: Get "https://other.example/x": dial tcp: lookup other.example: no such host`, "1", 1, "other.example", false},
	} {
		out, exit := runWith(t, c.text, c.code, "tools/vuln.sh")
		if exit != c.exit || !strings.Contains(out, c.says) || strings.Contains(out, "NOT RUN: ") != c.notRun {
			t.Errorf("%s: got exit code %d and %q, want %d, a text with %q, not run: %t", c.name, exit, out, c.exit, c.says, c.notRun)
		}
	}
}

func TestCITellsNotRunFromPassedAndFailed(t *testing.T) {
	for _, c := range []struct {
		name, text, code string
		exit             int
		last, row        string
	}{
		{"passed", "No vulnerabilities found.", "0", 0, "1 passed, 0 failed, 0 not run", "vuln     passed"},
		{"not run", noDatabase, "1", 0, "0 passed, 0 failed, 1 not run", "vuln     not run"},
		{"failed", "Vulnerability #1: GO-2026-0001", "3", 1, "0 passed, 1 failed, 0 not run", "vuln     FAILED"},
		{"a step may not call itself not run", "NOT RUN: I would rather not", "1", 1, "0 passed, 1 failed, 0 not run", "vuln     FAILED"},
	} {
		out, exit := runWith(t, c.text, c.code, "../.ci/run", "vuln")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if exit != c.exit || lines[len(lines)-1] != c.last || !strings.Contains(out, "\n"+c.row) {
			t.Errorf("%s: got exit code %d and\n%s\nwant %d, a row %q, and last %q", c.name, exit, out, c.exit, c.row, c.last)
		}
		if strings.Contains(out, "NOT RUN: the vulnerability database") != (c.name == "not run") {
			t.Errorf("%s: the reason why it did not run is wrong:\n%s", c.name, out)
		}
	}
}

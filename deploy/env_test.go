package deploy

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// settingLine is a setting of an environment file, also when commented out.
var settingLine = regexp.MustCompile(`^#?([A-Z][A-Z0-9_]*)=(.*)$`)

func envExamples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("env/*.env.example")
	if err != nil || len(files) == 0 {
		t.Fatalf("env/*.env.example: %d files, %v", len(files), err)
	}
	return files
}

func TestNoPasswordIsWrittenInAnExample(t *testing.T) {
	for _, f := range envExamples(t) {
		for line := range strings.Lines(string(read(t, f))) {
			m := settingLine.FindStringSubmatch(strings.TrimSpace(line))
			if m != nil && secretName.MatchString(m[1]) && !strings.HasSuffix(m[1], "_FILE") && m[2] != "" {
				t.Errorf("%s: %s has a value: everybody would use it", f, m[1])
			}
		}
	}
}

// Every role of systemd/ has an example, every example explains its installation and required settings, and the
// runbook uses the example.
func TestEveryUnitHasAnExampleOfItsSettings(t *testing.T) {
	units, err := filepath.Glob("systemd/anpr-*.service")
	if err != nil {
		t.Fatal(err)
	}
	files, runbook := envExamples(t), string(read(t, "README.md"))
	if len(units) != len(files) {
		t.Errorf("%d units and %d examples of settings, want one each", len(units), len(files))
	}
	for _, u := range units {
		role := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(u), "anpr-"), ".service")
		file := filepath.Join("env", role+".env.example")
		if !slices.Contains(files, file) {
			t.Errorf("%s has no %s", u, file)
			continue
		}
		text := string(read(t, file))
		for _, want := range []string{
			"install -D -m 0600 deploy/" + filepath.ToSlash(file) + " /etc/anpr/" + role + ".env\n", "\n# --- Must be set\n", "\n# --- May be set\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not have %q", file, want)
			}
		}
		if !strings.Contains(string(read(t, u)), "/etc/anpr/"+role+".env") {
			t.Errorf("%s does not read /etc/anpr/%s.env", u, role)
		}
		checkExample(t, file, text)
	}
	if !strings.Contains(runbook, "deploy/env/") {
		t.Error("the runbook does not use the examples")
	}
}

// checkExample refuses lines that systemd would not read, and unexplained settings.
func checkExample(t *testing.T, file, text string) {
	t.Helper()
	must, explained, seen := false, false, map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		m := settingLine.FindStringSubmatch(line)
		switch {
		case m != nil:
			if seen[m[1]] {
				t.Errorf("%s: %s is there twice", file, m[1])
			}
			seen[m[1]] = true
			if must != !strings.HasPrefix(line, "#") {
				t.Errorf("%s: %s stands under the wrong head: what must be set is not commented out, what may be set is", file, m[1])
			}
			if must && !explained {
				t.Errorf("%s: no comment explains %s", file, m[1])
			}
			explained = explained && must // a comment may be of several settings in a row
		case strings.HasPrefix(line, "# ---"):
			must = strings.HasPrefix(line, "# --- Must")
		case strings.HasPrefix(line, "# "):
			explained = true
		case line == "":
		default:
			t.Errorf("%s: %q is neither a comment nor NAME=value", file, line)
		}
	}
}

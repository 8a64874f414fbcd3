package roles

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The runbook names every condition of /readyz.
func TestEveryConditionOfReadinessStandsInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		code, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\bo\.AddReadyCheck\("([^"]+)"`).FindAllSubmatch(code, -1) {
			n++
			if !strings.Contains(string(runbook), "\n| `"+string(m[1])+"` | ") {
				t.Errorf("%s: /readyz names %s, which has no row in the table at Ready of deploy/README.md", f, m[1])
			}
		}
	}
	if n < 8 {
		t.Errorf("found %d conditions, want at least 8: the test looks at the wrong place", n)
	}
}

package normalise

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPlatesOfTheCaseFile runs testdata/plates.txt, whose head describes the form.
func TestPlatesOfTheCaseFile(t *testing.T) {
	text, err := os.ReadFile("testdata/plates.txt")
	if err != nil {
		t.Fatal(err)
	}
	unquote := func(s string) string {
		raw, err := strconv.Unquote(strings.TrimSpace(s))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return raw
	}
	ran := 0
	for line := range strings.Lines(string(text)) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		parts := strings.Split(rest, " | ")
		switch verb {
		case "plate":
			got := canon(t, unquote(parts[0]), "", 0)
			if !slices.Contains(strings.Split(strings.TrimSpace(parts[1]), " / "), got) {
				t.Errorf("%s: got %s", strings.TrimSpace(line), got)
			}
		case "differ", "same":
			a, b := canon(t, unquote(parts[0]), "", 0), canon(t, unquote(parts[1]), "", 0)
			if (a == b) != (verb == "same") {
				t.Errorf("%s: got %s and %s", strings.TrimSpace(line), a, b)
			}
		default:
			continue
		}
		ran++
	}
	if ran < 39 {
		t.Errorf("only %d cases ran", ran)
	}
}

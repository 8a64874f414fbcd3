package office

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// What a case can be, hold or say stands on the pages in words of each language: a code without words would be shown as it is.
func TestThePagesHaveWordsForEveryCodeOfACase(t *testing.T) {
	codes := slices.Concat(caseCodes(cases.States()), caseCodes(cases.EventKinds()), caseCodes(cases.Tracks()), caseCodes(cases.RejectReasons()), caseCodes(cases.WithdrawReasons()),
		caseCodes(cases.IncidentKinds()), cases.HandHoldReasons())
	key := regexp.MustCompile(`(?m)^\s+'?(?:\w+\.)?(\w+)'?: ['"\x60]\S`)
	for _, lang := range []string{"nl", "fr", "en"} {
		text, err := os.ReadFile(filepath.Join("web", "src", "lib", "words", lang+".ts"))
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]bool{}
		for _, m := range key.FindAllSubmatch(text, -1) {
			said[string(m[1])] = true
		}
		if len(codes) < 50 || len(said) < 200 {
			t.Fatalf("%s: %d codes, %d words: the test checks nothing", lang, len(codes), len(said))
		}
		for _, code := range codes {
			if !said[code] {
				t.Errorf("%s: %s has no words", lang, code)
			}
		}
	}
}

func caseCodes[T ~string](codes []T) (out []string) {
	for _, c := range codes {
		out = append(out, string(c))
	}
	return out
}

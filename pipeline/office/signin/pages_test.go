package signin

import (
	"maps"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

func TestEveryTextOfThePagesIsThereInEveryLanguage(t *testing.T) {
	if got := slices.Sorted(maps.Keys(wordsOf)); !slices.Equal(got, []string{"en", "fr", "nl"}) {
		t.Fatalf("languages %v", got)
	}
	for lang, w := range wordsOf {
		for key := range wordsOf["nl"].Texts {
			if w.Texts[key] == "" {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
		if len(w.Texts) != len(wordsOf["nl"].Texts) {
			t.Errorf("%s has %d texts, nl has %d", lang, len(w.Texts), len(wordsOf["nl"].Texts))
		}
		for _, role := range access.Roles() {
			if w.Roles[string(role)] == "" {
				t.Errorf("%s has no name for the role %s", lang, role)
			}
		}
	}
}

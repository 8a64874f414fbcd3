package rules

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A decision's legal basis can be read back in each language, whatever the texts. A text in a single language is
// unchanged.
func TestEveryCitedBasisIsReadBackInItsLanguage(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.TrimSpace(strings.ReplaceAll(rapid.StringMatching(`[A-Za-zé0-9/,.;: ()-]{1,40}`).Draw(t, "text"), "|", ""))
	}).Filter(func(s string) bool { return s != "" })
	rapid.Check(t, func(t *rapid.T) {
		b := Basis{text.Draw(t, "nl"), text.Draw(t, "fr"), text.Draw(t, "en")}
		cited := b.citeWithDay("2026-07-01")
		for _, lang := range Langs() {
			if got, want := RenderBasis(lang, cited), b.In(lang)+" (2026-07-01)"; got != want {
				t.Fatalf("%s of %q: got %q, want %q", lang, cited, got, want)
			}
		}
	})
	for _, old := range []string{"RD 19/04/2014, art. 2 (2017-05-01)", "", "nl: half", "nl: a | fr: b (2020-01-01)"} {
		if got := RenderBasis(Dutch, old); got != old {
			t.Errorf("%q became %q", old, got)
		}
	}
}

// Every value in force has legal bases in Dutch and French. For an act, they differ from the English basis.
func TestLegalBasesAreThereInEachLanguage(t *testing.T) {
	for _, v := range mustLoad(t, Brussels()).Values() {
		b := v.LegalBasis
		if b.Dutch == b.English || b.French == b.English || b.Dutch == b.French {
			t.Errorf("%s:%d: %+v is one text for several languages", v.File, v.Line, b)
		}
	}
}

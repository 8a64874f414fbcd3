package casework

import (
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// Tripwires are shown with their evidence, who opened them and what came of them, in each language.
func TestTripwiresAreShownInEachLanguage(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 2, 0, 0, time.UTC)
	text := &office.Cited{NL: "bewijs in woorden", FR: "preuve en mots", EN: "evidence in words"}
	list := []office.ShownWire{
		{WireID: "w1", Camera: "BRU-1", Family: "speed", OpenedAt: at, Held: 12, Unsent: 3, Evidence: []office.ItemStep{{Code: "tripwire.chance", Text: text}}},
		{WireID: "w2", Camera: "BRU-2", Family: "speed", OpenedAt: at, OpenedBy: "su", Text: "the sign is covered", ReleasedAt: &at, ReleasedBy: "sv", Finding: "real", ReleaseText: "a new limit"},
	}
	for lang, want := range map[string][]string{
		"nl": {"sprong in de overtredingen", "STILGELEGD: 12 in beraad, 3 bevestigd", "bewijs in woorden", "the sign is covered", "door sv (overtredingen zijn echt)", "a new limit"},
		"fr": {"bond des infractions", "SUSPENDU : 12 en suspens, 3 validés", "preuve en mots", "par sv (infractions réelles)"},
		"en": {"offences jumped", "STOPPED: 12 held, 3 confirmed", "evidence in words", "by sv (the offences are real)"},
	} {
		var b strings.Builder
		d := &desk{lang: lang}
		if err := d.printWires(&b, list, 7); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in:\n%s", lang, w, b.String())
			}
		}
		b.Reset()
		if err := d.printWires(&b, nil, 8); err != nil || !strings.Contains(b.String(), wireWords["none"].in(lang)) {
			t.Errorf("%s: %q, %v", lang, b.String(), err)
		}
	}
	for _, args := range [][]string{{"release-wire", "w1"}, {"release-wire", "w1", "--finding=other", "--text=a text"}, {"stop-issuing", "BRU-1"}} {
		if _, err := parse(t, args...); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}

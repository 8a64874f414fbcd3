package rules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// heldReasons finds the reasons for a hold in the source code.
func heldReasons(t *testing.T) map[string]bool {
	t.Helper()
	names, out := map[string]string{}, map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	sources := map[string][]byte{}
	for _, f := range files {
		if sources[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\t(reason\w+) += "(\w+)"$`).FindAllSubmatch(sources[f], -1) {
			names[string(m[1])] = string(m[2])
		}
	}
	for _, f := range files {
		for _, m := range regexp.MustCompile(`\.addHold\(([^,]+),`).FindAllSubmatch(sources[f], -1) {
			reason, ok := names[string(m[1])]
			if !ok {
				t.Fatalf("%s: addHold(%s, ...): not a constant of a family or of doubt.go, so nobody can say what clears it", f, m[1])
			}
			out[reason] = true
		}
	}
	if len(out) < 20 {
		t.Fatalf("found %d reasons of a hold, want at least 20: the test looks at the wrong place", len(out))
	}
	return out
}

// For every reason to hold, RenderOffence tells the person the task, and README.md has a row in the table.
func TestEveryReasonOfAHoldSaysWhatToDo(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	held := heldReasons(t)
	for reason := range held {
		var families []*Info
		for _, info := range Families() {
			if slices.Contains(info.Reasons, reason) {
				families = append(families, info)
			}
		}
		if len(families) == 0 {
			t.Errorf("%s is of no family's closed set", reason)
		}
		if !strings.Contains(string(readme), "\n| `"+reason+"` | ") {
			t.Errorf("rules/README.md, Reasons of a hold, lacks %s", reason)
		}
		for _, info := range families {
			for _, lang := range Langs() {
				lines := RenderOffence(lang, info.Family, true, reason, 0)
				if len(lines) != 2 || !strings.Contains(lines[0], textsOf(lang).Reason(reason)) || len(lines[1]) < 60 {
					t.Errorf("%s of %s in %s: nobody is told what to do about it: %q", reason, info.Family, lang, lines)
				}
			}
		}
	}
	for _, info := range Families() {
		for reason := range info.Todo {
			if !held[reason] || !slices.Contains(info.Reasons, reason) {
				t.Errorf("%s of %s has an action and nothing is held for it", reason, info.Family)
			}
		}
	}
}

func TestAHeldOffenceBeginsWithWhatItIsAndWhatToDo(t *testing.T) {
	until, err := schemas.ParseFrom("2026-11-30")
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[Lang]string{
		English: "Low emission zone: Held: a day pass can still be bought for the day of the passage|Look again from 30/11/2026 00:00:00|" +
			"Do nothing before 30/11/2026 00:00. The case is then decided again by itself: closed with a day pass, else it comes to a person. When the copy of the passes is too old for that, it waits for a newer one.",
		Dutch: "Lage-emissiezone: In afwachting: voor de dag van de doorrit kan nog een dagpas gekocht worden|Opnieuw te bekijken vanaf 30/11/2026 00:00:00|" +
			"Doe niets vóór 30/11/2026 00.00 uur. De zaak wordt dan vanzelf opnieuw beslist: afgesloten als er een dagpas is, anders komt ze bij een persoon. Is de kopie van de dagpassen daarvoor te oud, dan wacht ze op een nieuwere.",
		French: "Zone de basses émissions : En suspens : un pass d'une journée peut encore être acheté pour le jour du passage|À réexaminer à partir du 30/11/2026 00:00:00|" +
			"N'agissez pas avant le 30/11/2026 à 00h00. Le dossier est alors décidé à nouveau automatiquement : classé s'il existe un pass d'une journée, sinon soumis à une personne. Si la copie des pass est trop ancienne pour cela, il attend une copie plus récente.",
	} {
		if got := strings.Join(RenderOffence(lang, familyLEZ, true, reasonPassPossible, schemas.MicrosOf(until)), "|"); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", lang, got, want)
		}
	}
	if got := RenderOffence(English, familyLEZ, false, reasonForeign, 0); len(got) != 1 {
		t.Errorf("a candidate is nothing to wait for: %q", got)
	}
	if got := RenderOffence(Dutch, familyLEZ, false, "", 0); len(got) != 1 || got[0] != "Lage-emissiezone: Mogelijke overtreding" {
		t.Errorf("a candidate whose reason is not known: %q", got)
	}
	if got := RenderOffence("de", familySpeed, true, "of_2031", 0); len(got) != 1 || !strings.HasSuffix(got[0], "of_2031") {
		t.Errorf("a reason of a newer version: %q", got)
	}
}

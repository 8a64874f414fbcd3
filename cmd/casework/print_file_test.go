package casework

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// A case tells what its vehicle's file makes of it, and why, in the language of the reader: by the last reading.
func TestACaseTellsWhatTheVehiclesFileMakesOfIt(t *testing.T) {
	free := time.Date(2026, 6, 20, 0, 0, 0, 0, time.UTC)
	step := func(nl, fr string) []office.ItemStep {
		return []office.ItemStep{{Code: "file.window", Text: &office.Cited{NL: nl, FR: fr}}}
	}
	file := office.ShownFile{Outcome: "prosecutor", Amount: 20_300, Level: 2, Together: 2, Total: 40_600, FreeFrom: &free}
	old, last := file, file
	old.Trace, last.Trace = step("oud", "ancien"), step("reden van het dossier", "raison du dossier")
	a := office.CaseAnswer{Case: office.ShownCase{State: "confirmed", File: &file, Amount: 20_300}, Events: []office.ShownEvent{
		{N: 3, Kind: "file_read", Reason: "prosecutor", File: &old}, {N: 4, Kind: "file_read", Reason: "prosecutor", File: &last}, {N: 5, Kind: "noted"},
	}}
	for lang, want := range map[string][]string{
		"nl": {"voertuigdossier", "parket, 203,00 EUR, herhaling 2, 2 overtredingen samen, 406,00 EUR, nieuwe boete mogelijk vanaf", "reden van het dossier", "voertuigdossier gelezen"},
		"fr": {"dossier du véhicule", "parquet, 203,00 EUR, récidive 2, 2 infractions ensemble, 406,00 EUR, nouvelle amende possible dès le", "raison du dossier", "dossier du véhicule lu"},
	} {
		var out bytes.Buffer
		if err := (&desk{lang: lang}).printCase(&out, &a); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: no %q in\n%s", lang, text, out.String())
			}
		}
		if strings.Contains(out.String(), "oud") || strings.Contains(out.String(), "ancien") {
			t.Errorf("%s: an earlier reading is told:\n%s", lang, out.String())
		}
	}
}

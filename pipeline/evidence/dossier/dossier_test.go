package dossier

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

func fullCase() *Case {
	return &Case{
		CaseID: "0b0e7a52f4f0486d8f1f1d2b7a3f9c21", Version: 4, OffenceID: "44444444444444444444444444444444", Number: "BR.90.2026.000017", State: "confirmed", Track: "immediate_collection",
		Regime: "traffic", Family: "speed", Rule: "fed.speed.spot", Plate: "1ABC123", Country: "BE", Corrected: "1ABG123", CorrectedCountry: "BE", Confidence: 925,
		CapturedAt: 1795269600123456, ReceivedAt: 1795269600473456, Street: schemas.Street{NL: "Wetstraat", FR: "Rue de la Loi"}, Municipality: 21004, Zone: "5339", Site: "S-1", Camera: "BXL-0417", Lane: 2, Direction: "departing",
		Measures:    []schemas.Measure{{Name: schemas.MeasuredSpeed, Value: 715, Device: "NMI-7"}, {Name: schemas.AllowedSpeed, Value: 500}},
		AmountCents: 10805, LegalBasis: "law", Trace: []schemas.Step{{Code: "one"}, {Code: "two"}}, Device: &Device{"NMI-7", "A-1", 1764633600000000, 1827705600000000},
		Vehicle:  &Vehicle{Register: "BE", AsOf: 1795269600000000, Category: "M1", Fuel: "diesel", Euro: "5", FirstRegistration: "2012-03-01"},
		Pictures: []Picture{{"pictures/ab.jpg", "scene", "\xab"}},
		Events: []Event{
			{N: 1, At: 1795269700000000, Kind: "taken_in"},
			{N: 2, At: 1795269800000000, Kind: "decided", User: "an", Role: "gvc_agent", Appointment: "A-1", Verdict: "confirm", Text: "<script>alert(1)</script>"},
			{N: 3, At: 1795269900000000, Kind: "noted", User: "secret", Text: "2XYZ999", Withheld: true},
		},
		Seal: "\x01\x02", Catalogue: "9c1a", Reference: "3f9c",
	}
}

func plainTexts() Texts {
	return Texts{
		Step:   func(lang string, s *schemas.Step) string { return lang + "-step-" + s.Code },
		Basis:  func(lang, cited string) string { return lang + "-basis-" + cited },
		Reason: func(lang, code string) string { return lang + "-reason-" + code },
	}
}

func write(t *testing.T, c *Case, lang string) string {
	t.Helper()
	b, err := Write(c, lang, plainTexts())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Write(c, lang, plainTexts())
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("%s: other bytes the second time, %v", lang, err)
	}
	return string(b)
}

func TestADossierSaysAllOfItsCase(t *testing.T) {
	for lang, want := range map[string][]string{
		"nl": {`<html lang="nl">`, "Wetstraat", "onmiddellijke inning", "108,05 EUR", "71,5 km/u", "behandelaar GVC", "aanstelling A-1", "gaat van de camera weg", "nl-step-one", "nl-basis-law", "Steunt op een waarde", "21/11/2026 15:00:00.123"},
		"fr": {`<html lang="fr">`, "Rue de la Loi", "perception immédiate", "108,05 EUR", "71,5 km/h", "agent du CRT", "désignation A-1", "fr-step-two", "fr-basis-law", "Repose sur une valeur"},
	} {
		page := write(t, fullCase(), lang)
		for _, text := range append(want, "1ABC123 (BE)", "1ABG123 (BE)", "92,5 %", "BR.90.2026.000017", "NMI-7", "pictures/ab.jpg", "&lt;script&gt;alert(1)") {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q", lang, text)
			}
		}
		for _, text := range []string{"<script", "2XYZ999", "secret", "http://", "https://", "%!"} {
			if strings.Contains(page, text) {
				t.Errorf("%s: it has %q", lang, text)
			}
		}
	}
	if strings.Contains(write(t, fullCase(), "fr"), "Wetstraat") {
		t.Error("the French dossier has a Dutch street")
	}
}

// A dossier is well formed: every element is closed, every picture has a text, every column of a table a head.
func TestADossierIsWellFormed(t *testing.T) {
	for _, lang := range Languages() {
		for name, c := range map[string]*Case{"full": fullCase(), "empty": {}} {
			page := write(t, c, lang)
			if strings.Count(page, "<h1>") != 1 || strings.Count(page, "<main>") != 1 || strings.Count(page, "<img") != strings.Count(page, ` alt="`) || strings.Contains(page, `alt=""`) {
				t.Errorf("%s, %s: headings, landmarks or texts of pictures are wrong", lang, name)
			}
			d := xml.NewDecoder(strings.NewReader(page))
			d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "img"}, xml.HTMLEntity
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("%s, %s: %v", lang, name, err)
				}
			}
		}
	}
}

func TestEveryTextHasBothLanguages(t *testing.T) {
	for key, text := range words {
		if text[0] == "" || text[1] == "" || strings.Count(text[0], "%s") != strings.Count(text[1], "%s") {
			t.Errorf("%s: %q", key, text)
		}
	}
	if _, err := Write(&Case{}, "en", plainTexts()); err == nil {
		t.Error("a dossier in English is written")
	}
	if trace, err := WriteTrace(fullCase(), "fr", plainTexts()); err != nil || !strings.Contains(string(trace), "fr-step-two") || strings.Contains(string(trace), "1ABC123") {
		t.Errorf("trace: %v", err)
	}
}

// Every code that an event or a row of a case can have is in words.
func TestEveryCodeOfACaseHasItsWords(t *testing.T) {
	want := map[string][]string{
		"event": texts(cases.EventKinds()), "state": texts(cases.States()), "track": texts(cases.Tracks()), "reason": slices.Concat(texts(cases.RejectReasons()), texts(cases.WithdrawReasons()), cases.HandHoldReasons()),
		"remark": append(texts(cases.IncidentKinds()), RemarkRevived, RemarkNoneRevived),
	}
	for group, codes := range want {
		if len(codes) == 0 {
			t.Errorf("%s: no codes: the test checks nothing", group)
		}
		for _, code := range codes {
			if text, ok := words[group+"."+code]; !ok || text[0] == "" || text[1] == "" {
				t.Errorf("%s.%s has no words", group, code)
			}
		}
	}
}

func texts[T ~string](codes []T) (out []string) {
	for _, c := range codes {
		out = append(out, string(c))
	}
	return out
}

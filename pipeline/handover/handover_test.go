package handover

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

func aLine() Line {
	at := Time{time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	return Line{
		Number: "GV.5339.000001/2026", CaseID: "0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0001", OffenceID: "0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0002", Track: "immediate_collection", Family: "f",
		Rule: "bru.rule", LegalBasis: Text{"art. 1", "art. 1"}, Plate: "1ABC123", Country: "BE", CapturedAt: at, Place: Place{Street: &Text{"Wetstraat", "Rue de la Loi"}, NIS: 21004, Site: "S1"},
		Outcome: "fine", AmountCents: 5300, Officer: &Officer{"an", "gvc_agent", "A-1", at}, Seal: strings.Repeat("a", 64), Bundle: strings.Repeat("b", 64),
	}
}

// Each mandatory field that is missing, and each value of another form, keeps the case from its batch, and is named.
func TestALineThatDoesNotFitItsSchemaIsNamed(t *testing.T) {
	if got := CheckLine(aLine()); got != nil {
		t.Fatalf("a whole line: %v", got)
	}
	for want, change := range map[string]func(l *Line){
		"export_number": func(l *Line) { l.Number = "" }, "export_case_id": func(l *Line) { l.CaseID = "1ABC123" }, "export_plate": func(l *Line) { l.Plate = "" },
		"export_country": func(l *Line) { l.Country = "B" }, "export_captured_at": func(l *Line) { l.CapturedAt = Time{} }, "export_place.municipality_nis": func(l *Line) { l.Place.NIS = 0 },
		"export_place.site": func(l *Line) { l.Place.Site = "" }, "export_officer": func(l *Line) { l.Officer = nil }, "export_officer.appointment": func(l *Line) { l.Officer.Appointment = "" },
		"export_seal_sha256": func(l *Line) { l.Seal = "" }, "export_bundle_sha256": func(l *Line) { l.Bundle = "x" }, "export_amount_cents": func(l *Line) { l.AmountCents = 0 },
		"export_legal_basis.fr": func(l *Line) { l.LegalBasis.FR = "" }, "export_outcome": func(l *Line) { l.Outcome = "cap_reached" }, "export_offence_code": func(l *Line) { l.Rule = "" },
		"export_device.serial": func(l *Line) { l.Device = &Device{Approval: "B-1"} }, "export_place.street.nl": func(l *Line) { l.Place.Street = &Text{FR: "Rue"} },
	} {
		l := aLine()
		change(&l)
		if got := CheckLine(l); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v", want, got)
		}
	}
	warning := aLine()
	warning.Track, warning.Outcome, warning.AmountCents = "regional", "warning", 0
	if got := CheckLine(warning); got != nil {
		t.Errorf("a warning of the zone: %v", got)
	}
	warning.AmountCents = 100
	if got := CheckLine(warning); !slices.Equal(got, []string{"export_amount_cents"}) {
		t.Errorf("a warning with an amount: %v", got)
	}
}

// The two files of a batch say the same, and no cell is computed by a spreadsheet.
func TestTheCSVSaysWhatTheJSONSays(t *testing.T) {
	second := aLine()
	second.Number, second.Finding, second.Officer.Name, second.Place.Site, second.Place.Direction = "GV.5339.000002/2026", "=cmd|' /C calc'!A0", "@an", "-S;\"1\"\r\n2", "\t+1"
	b := NewBatch("0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0003", "immediate_collection", time.Now(), []Line{second, aLine()})
	raw, err := b.JSON()
	if err != nil || BatchSchema.Check(raw) != nil {
		t.Fatalf("%v, %v", BatchSchema.Check(raw), err)
	}
	file, err := b.CSV()
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(file), "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || !ok || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var doc struct{ Cases []map[string]any }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if rows[1][0] != "GV.5339.000001/2026" || rows[2][0] != "GV.5339.000002/2026" {
		t.Errorf("not in the order of numbers: %s, %s", rows[1][0], rows[2][0])
	}
	for i, c := range doc.Cases {
		for j, name := range rows[0] {
			cell := rows[i+1][j]
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("%s: a spreadsheet computes %q", name, cell)
			}
			if got, want := strings.ReplaceAll(strings.TrimPrefix(cell, "'"), "\r\n", "\n"), strings.ReplaceAll(valueAt(c, name), "\r\n", "\n"); got != want {
				t.Errorf("%s: %q in the CSV, %q in the JSON", name, got, want)
			}
		}
		for name := range flatten("", c) {
			if !slices.Contains(rows[0], name) {
				t.Errorf("the CSV has no column %s", name)
			}
		}
	}
}

// flatten lists the values of an object by path.
func flatten(path string, v any) map[string]string {
	m, ok := v.(map[string]any)
	if !ok {
		raw, _ := json.Marshal(v)
		if s, ok := v.(string); ok {
			raw = []byte(s)
		}
		return map[string]string{path: string(raw)}
	}
	out := map[string]string{}
	for name, sub := range m {
		at := name
		if path != "" {
			at = path + "." + name
		}
		maps.Copy(out, flatten(at, sub))
	}
	return out
}

func valueAt(v any, path string) string { return flatten("", v)[path] }

// keywords are those that our schemas use. A misspelt one would say nothing, and nothing would say so.
var keywords = []string{
	"$schema", "$id", "$ref", "$defs", "title", "description", "type", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "items", "required",
	"properties", "additionalProperties", "allOf", "if", "then",
}

// Each schema is dated, uses known keywords alone, and says each of its fields in Dutch and in French.
func TestEachFieldOfASchemaIsDescribedInBothLanguages(t *testing.T) {
	var walk func(path string, n map[string]any, described bool)
	walk = func(path string, n map[string]any, described bool) {
		text, _ := n["description"].(string)
		if _, refers := n["$ref"]; described && !refers && (!strings.HasPrefix(text, "NL: ") || !strings.Contains(text, " / FR: ")) {
			t.Errorf("%s is described as %q", path, text)
		}
		for key, v := range n {
			if !slices.Contains(keywords, key) {
				t.Errorf("%s has the keyword %q", path, key)
			}
			switch sub := v.(type) {
			case map[string]any:
				if key == "properties" || key == "$defs" {
					for name, one := range sub {
						walk(path+"."+name, one.(map[string]any), described)
					}
					continue
				}
				walk(path+"."+key, sub, described && key == "items")
			case []any:
				for _, one := range sub {
					if m, ok := one.(map[string]any); ok {
						walk(path+"."+key, m, false)
					}
				}
			}
		}
	}
	for _, name := range []string{"batch", "answer", "annulment"} {
		raw, err := schemas.HandoverSchemas.ReadFile("handover/" + name + ".schema.json")
		var doc map[string]any
		if err == nil {
			err = json.Unmarshal(raw, &doc)
		}
		if err != nil {
			t.Fatal(err)
		}
		if walk(name, doc, true); !strings.Contains(doc["$id"].(string), "/2026-11-29/"+name) {
			t.Errorf("%s is named %s", name, doc["$id"])
		}
	}
}

// An answer that is not of the form is refused whole, and no value of it is repeated.
func TestAnAnswerOfAnotherFormIsRefused(t *testing.T) {
	const good = `{"form":"anpr-handover-answer/1","batch_id":"0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0003","answers":[{"number":"GV.1","outcome":"returned","reason":"r"}]}`
	if a, err := ParseAnswer([]byte(good)); err != nil || len(a.Answers) != 1 || a.Answers[0].Reason != "r" {
		t.Fatalf("%+v, %v", a, err)
	}
	for name, text := range map[string]string{
		"no JSON": "number;outcome", "two values": good + "{}", "another form": strings.Replace(good, "/1", "/2", 1), "another outcome": strings.Replace(good, "returned", "1CANARY1", 1),
		"no reason": strings.Replace(good, `,"reason":"r"`, "", 1), "another field": strings.Replace(good, `"reason"`, `"1CANARY1"`, 1), "no answers": strings.Replace(good, `{"number":"GV.1","outcome":"returned","reason":"r"}`, "", 1),
		"a list": "[" + good + "]", "a number": strings.Replace(good, `"GV.1"`, "1", 1),
	} {
		if _, err := ParseAnswer([]byte(text)); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
	n := Annulment{Copy: 1, BatchID: "b", Track: "regional", Number: "GV.1", CaseID: "0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0003", Reason: "device_wrong", AnnulledAt: time.Now(), WrittenAt: time.Now()}
	if _, err := n.JSON(); err != nil {
		t.Error(err)
	}
	n.Number = ""
	if _, err := n.JSON(); err == nil {
		t.Error("a notice without its number is written")
	}
}

// Any file of an answer is taken whole or refused, and what is refused is not repeated.
func FuzzParseAnswer(f *testing.F) {
	const good = `{"form":"anpr-handover-answer/1","batch_id":"0b6ff6a4-6a0e-4f6e-9a53-0d3f6d3f0003","answers":[{"number":"GV.5339.000001/2026","outcome":"returned","reason":"r"},{"number":"GV.5339.000002/2026","outcome":"acknowledged"}]}`
	for _, seed := range []string{good, good + good, strings.Replace(good, "returned", "1ABC123", 1), strings.Replace(good, `"reason":"r"`, `"1ABC123":1e400`, 1), "[]", "{}", "null", `{"answers":[{}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ParseAnswer(file)
		if err != nil {
			for _, word := range regexp.MustCompile(`[0-9A-Z]{7,}`).FindAllString(err.Error(), -1) {
				t.Errorf("the refusal repeats %q: %v", word, err)
			}
			return
		}
		if a.Form != AnswerForm || len(a.Answers) == 0 {
			t.Errorf("taken: %+v", a)
		}
		for _, x := range a.Answers {
			if x.Number == "" || x.Outcome == "returned" && x.Reason == "" {
				t.Errorf("taken: %+v", x)
			}
		}
	})
}

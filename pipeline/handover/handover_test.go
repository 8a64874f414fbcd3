package handover

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
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

// Each schema is read whole, is dated, and says each of its fields in Dutch and in French.
func TestEachFieldOfASchemaIsDescribedInBothLanguages(t *testing.T) {
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		if !strings.HasPrefix(n.Description, "NL: ") || !strings.Contains(n.Description, " / FR: ") {
			t.Errorf("%s is described as %q", path, n.Description)
		}
		for name, sub := range n.Properties {
			walk(path+"."+name, sub)
		}
		if n.Items != nil && n.Items.Ref == "" {
			walk(path+"[]", n.Items)
		}
	}
	for name, s := range map[string]*Schema{"batch": BatchSchema, "answer": AnswerSchema, "annulment": AnnulmentSchema} {
		if walk(name, s.root); !strings.Contains(s.root.ID, "/2026-11-29/"+name) {
			t.Errorf("%s is named %s", name, s.root.ID)
		}
		for _, def := range s.root.Defs {
			walk(name, def)
		}
	}
	for _, text := range []string{`{"type":"number"}`, `{"oneOf":[]}`, `{"$ref":"#/$defs/none"}`, `{"pattern":"("}`} {
		if _, err := ParseSchema([]byte(text)); err == nil {
			t.Errorf("%s is taken for a schema of ours", text)
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

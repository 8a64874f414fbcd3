package office

import (
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// The dossier of a confirmed case says what the case is in view of its vehicle's file, with the trace in both languages;
// the trace of the decision stays apart.
func TestADossierSaysWhatTheVehiclesFileMakesOfTheCase(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	id := item.CaseID
	d.mustDecide("an", confirming(item))
	d.pass(time.Minute)
	before, err := d.clerk("su").Case(t.Context(), shift(), id)
	if err != nil || before.Case.File != nil {
		t.Fatalf("before the file was read: %+v, err %v", before.Case.File, err)
	}
	n, err := d.cases.ReadFiles(t.Context())
	if err != nil || n.Answers != 1 {
		t.Fatalf("%+v, err %v", n, err)
	}
	got, err := d.clerk("su").Case(t.Context(), shift(), id)
	if err != nil {
		t.Fatal(err)
	}
	last := got.Events[len(got.Events)-1]
	if f := got.Case.File; f == nil || f.Outcome != string(cases.FileNone) || last.Kind != string(cases.FileRead) || last.File == nil || len(last.File.Trace) != 1 {
		t.Fatalf("%+v, last event %+v", f, last)
	}
	if text := last.File.Trace[0].Text; text == nil || !strings.HasPrefix(text.NL, "nl: ") || !strings.HasPrefix(text.FR, "fr: ") {
		t.Errorf("the clause reads %+v", text)
	}
	for i := range got.Trace {
		if strings.HasPrefix(got.Trace[i].Code, "file.") {
			t.Errorf("the decision rests on %s", got.Trace[i].Code)
		}
	}
}

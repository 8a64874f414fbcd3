package office

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

// Each kind of problem stands in the document once, with its codes, and every route refers to it.
func TestTheDocumentNamesEachProblemOnce(t *testing.T) {
	text, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"application/problem+json"`); n > 20 {
		t.Errorf("problems are described %d times", n)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Ref string `json:"$ref"`
			}
		}
		Components struct {
			Responses map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			for status, r := range op.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); status[0] >= '4' && (!ok || name != "Problem"+status || doc.Components.Responses[name].Description == "") {
					t.Errorf("%s %s answers %s with %q, which is no shared problem", method, path, status, r.Ref)
				}
			}
		}
	}
	for _, code := range cases.Codes() {
		if !regexp.MustCompile(`\b` + string(code) + `\b`).MatchString(textOf(t, doc.Components.Responses)) {
			t.Errorf("no problem names the code %s", code)
		}
	}
	if !slices.Contains(codesOf(http.StatusConflict), string(cases.CodeIncident)) {
		t.Error("a conflict is no open incident")
	}
}

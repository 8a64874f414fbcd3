package office

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// shownRows maps an API type to the table whose rows the type shows.
var shownRows = map[string]string{
	"Read": "reads", "Hit": "hits", "Decided": "decisions", "Reject": "rejects",
}

// notStored lists the properties without a column, with the reason.
var notStored = map[string]map[string]string{
	"Read":    {"lat_e6": "from the camera registry", "lon_e6": "from the camera registry", "street": "from the camera registry"},
	"Hit":     {"street": "from the camera registry"},
	"Decided": {"street": "from the camera registry", "trace": "the stored text, as steps", "explanation": "the stored text, rendered"},
}

// notShown lists columns that the office selects and does not show as stored, with the reason.
var notShown = map[string]string{
	"decisions.trace": "shown as steps",
}

// The API shows exactly the columns that the row structs show: the tags are the document.
func TestTheDocumentShowsTheColumnsThatTheRowStructsShow(t *testing.T) {
	text, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	tables := map[string][]schemas.Column{}
	for _, table := range schemas.Tables() {
		tables[table.Name] = table.Columns
	}
	for typ, table := range shownRows {
		want := slices.Collect(maps.Keys(notStored[typ]))
		for _, c := range tables[table] {
			if c.JSON != "-" {
				want = append(want, c.JSON)
			}
		}
		got := slices.Collect(maps.Keys(doc.Components.Schemas[typ].Properties))
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s\ndocument %v\nstruct   %v", typ, got, want)
		}
	}
	shown := slices.Collect(maps.Values(shownRows))
	for name, columns := range tables {
		for _, c := range columns {
			if !c.Office && c.JSON != "-" {
				t.Errorf("%s.%s has a name in the API, and the office never selects it", name, c.Name)
			}
			if c.Office && c.JSON == "-" && notShown[name+"."+c.Name] == "" {
				t.Errorf("%s.%s is selected and not shown, without a reason here", name, c.Name)
			}
			if c.Office && !slices.Contains(shown, name) {
				t.Errorf("%s.%s is for the office, and no type of the API shows the table", name, c.Name)
			}
		}
	}
}

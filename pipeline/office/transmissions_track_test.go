package office

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// Whatever track a case can be given, its batch can be asked for and has a form: no confirmed case waits for ever.
func TestEveryTrackHasItsBatch(t *testing.T) {
	body, _ := reflect.TypeFor[TransmitQuery]().FieldByName("Body")
	track, _ := body.Type.FieldByName("Track")
	asked := strings.Split(track.Tag.Get("enum"), ",")
	for _, name := range []string{"batch", "annulment"} {
		text, err := schemas.HandoverSchemas.ReadFile("handover/" + name + ".schema.json")
		if err != nil {
			t.Fatal(err)
		}
		var form struct {
			Properties struct {
				Track struct {
					Enum []string `json:"enum"`
				} `json:"track"`
			} `json:"properties"`
			Defs struct {
				Case struct {
					Properties struct {
						Track struct {
							Enum []string `json:"enum"`
						} `json:"track"`
					} `json:"properties"`
				} `json:"case"`
			} `json:"$defs"`
		}
		if err := json.Unmarshal(text, &form); err != nil {
			t.Fatal(err)
		}
		lists := [][]string{asked, form.Properties.Track.Enum}
		if name == "batch" {
			lists = append(lists, form.Defs.Case.Properties.Track.Enum)
		}
		for n, list := range lists {
			for _, track := range caseCodes(cases.Tracks()) {
				if !slices.Contains(list, track) {
					t.Errorf("%s, list %d: %s is missing of %q", name, n, track, list)
				}
			}
		}
	}
}

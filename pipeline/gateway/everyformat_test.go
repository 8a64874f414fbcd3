package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestAMissingPlateFieldIsNeverAnUnreadPlate takes the plate's field out of a message of every format.
func TestAMissingPlateFieldIsNeverAnUnreadPlate(t *testing.T) {
	for path, o := range observations() {
		root, f := o.message, o.plateField
		if f == "" {
			t.Errorf("%s: no plate field is known here", path)
			continue
		}
		absent := strings.Replace(root, f, strings.NewReplacer("late", "ostcode", "Text", "Words").Replace(f), 1)
		if absent == root {
			t.Fatalf("%s: %q is not in the message", path, f)
		}
		if events, rej := parseUpload(path, o.kind, []byte(absent)); rej == nil && (len(events) != 1 || events[0].Err == nil || events[0].isUnread()) {
			t.Errorf("%s without %s: got %s, want a refusal that is not plate_unread", path, f, render(events))
		}
		empty := strings.Replace(root, o.plate, "", 1)
		if events, rej := parseUpload(path, o.kind, []byte(empty)); rej != nil || len(events) != 1 || !events[0].isUnread() {
			t.Errorf("%s with %s empty: got %s (%v), want plate_unread", path, f, render(events), rej)
		}
	}
}

// TestAWrappedMessageIsTheSameObservation posts a message alone and in each wrapper used by a vendor or a relay.
func TestAWrappedMessageIsTheSameObservation(t *testing.T) {
	for path, wrappers := range map[string][]string{
		"openalpr": {`{"data_type":"alpr_alert","alert_list":"stolen","list_type":"alert","group":%s}`, `{"data_type":null,"description":null,"group":%s}`, `[%s]`},
		"axis":     {`{"buffer":%s}`, `[%s]`},
		"reads":    {`[%s]`},
	} {
		o := observations()[path]
		alone := idsOf(t, path, o.kind, o.message)
		for _, w := range wrappers {
			if got := idsOf(t, path, o.kind, fmt.Sprintf(w, o.message)); got != alone {
				t.Errorf("%s in %s: got id %s, want %s as alone", path, w, got, alone)
			}
		}
	}
	o := observations()["hikvision"]
	kind, body := multi(t, one{`name="anpr.xml"`, "text/xml", []byte(o.message)})
	if idsOf(t, "hikvision", kind, string(body)) != idsOf(t, "hikvision", o.kind, o.message) {
		t.Error("hikvision: another id in multipart")
	}
}

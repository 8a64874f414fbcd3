package gateway

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestPayloadsReachTheLogAsTheirVendorMeansThem posts four vendors' payloads, all made for a receipt at
// 2026-11-28T03:00:02Z, and compares the log with each payload's content. Pictures are given as the start of the best
// picture's sum and the number of pictures.
func TestPayloadsReachTheLogAsTheirVendorMeansThem(t *testing.T) {
	const frame, overview = "ec64be07758838a4 ", "58d0ba6e0b52de1c "
	for _, c := range []struct {
		file     string
		reads    []string // plate country confidence direction kind make colour speed
		pictures string   // of the first read
		notes    string   // of the first read
	}{
		{"openalpr-alert-with-its-group.json", []string{"1OAA002 BE 915 - CAR volkswagen white 0"}, "2", ""},
		{"openalpr-group-with-overview.json", []string{"1OAA001 BE 915 - CAR volkswagen white 0"}, overview + "3", ""},
		{"openalpr-group-of-camera-1000.json", []string{"1OAA061 BE 915 - CAR volkswagen white 0"}, "2", ""},
		{"openalpr-results-of-two.json", []string{"1OAA051 BE 900 - -   0", "ZZ555X NL 855 - -   0"}, "0", ""},
		{"openalpr-test-button.json", nil, "", ""},
		{"platerecognizer-snapshot-hook-without-zone.json", []string{"1PAA101 BE 902 DEPARTING CAR Peugeot black 0"}, "0", ""},
		{"platerecognizer-lines.jsonl", []string{"1PAA020 BE 902 DEPARTING CAR Peugeot black 0", "1PAA021 BE 902 DEPARTING CAR Peugeot black 0", "1PAA022 BE 902 DEPARTING CAR Peugeot black 0"}, "0", ""},
		{"platerecognizer-of-camera-1.json", []string{"1PAA012 BE 902 DEPARTING CAR Peugeot black 0"}, "0", ""},
		{"platerecognizer-stream.multipart", []string{"1PAA001 BE 902 DEPARTING CAR Peugeot black 0", "1PAA002 BE 902 DEPARTING TRUCK Peugeot black 0"}, frame + "1", ""},
		{"axis-push-image-array.json", []string{"TÖLZZ923 DE 737 APPROACHING CAR  BLACK 0"}, frame + "2", ""},
		{"axis-push-brand.json", []string{"1AB9234 CZ 869 APPROACHING CAR Skoda GRAY 0"}, "0", "image_by_address"},
		{"axis-relay-buffer.json", []string{"1AAA072 BE 737 APPROACHING CAR  BLACK 0"}, "0", "image_by_address"},
		{"axis-heartbeat.json", nil, "", ""},
		{"axis-in-but-rear.json", []string{"1AAA120 BE 737 DEPARTING CAR  BLUE 0"}, "0", "image_by_address"},
		{"axis-push-in-parts.multipart", []string{"1AAA001 BE 737 APPROACHING CAR  BLACK 0"}, "2", ""},
		{"axis-mqtt.json", []string{"1AAA080 BE 0 APPROACHING CAR  BLACK 0"}, "1", ""},
		{"survision-all-in-one.json", []string{"1SVV002 BE 950 APPROACHING -   670"}, "2", ""},
		{"survision-decision-in-xml.xml", []string{"1SVV003 BE 910 DEPARTING -   0"}, "1", ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			rg := newRig(t, nil)
			rg.set("2026-11-28T03:00:02Z")
			res := rg.send("cam-1/"+formatOf(c.file), typeOf(c.file), load(t, "testdata/"+c.file))
			if res.code != 200 || len(res.answer.Reads) != len(c.reads) {
				t.Fatalf("got %d %+v, want %d reads", res.code, res, len(c.reads))
			}
			want := map[string]bool{}
			for _, r := range c.reads {
				want[r] = true
			}
			all := rg.logged()
			if len(all) != len(c.reads) {
				t.Errorf("%d records are on the log, want %d", len(all), len(c.reads))
			}
			for _, r := range all {
				word := func(s, prefix string) string {
					if s = strings.TrimPrefix(s, prefix); s == "UNSPECIFIED" {
						return "-"
					}
					return s
				}
				got := fmt.Sprint(strings.ToUpper(r.RawPlate), " ", r.Country, " ", r.ConfidencePm, " ", word(r.Direction.String(), "DIRECTION_"), " ", word(r.VehicleKind.String(), "VEHICLE_KIND_"),
					" ", r.Make, " ", r.Colour, " ", r.SpeedDkmh)
				if !want[got] {
					t.Errorf("got %q, want one of %q", got, c.reads)
				}
				delete(want, got)
				if second := schemas.Micros(r.CapturedAtUs) - at(t, "2026-11-28T03:00:00.25Z"); second%schemas.Second != 0 || second < 0 || second > 2*schemas.Second || r.ClockSuspect {
					t.Errorf("captured at %s, suspect %t", schemas.Micros(r.CapturedAtUs), r.ClockSuspect)
				}
			}
			if len(c.reads) == 0 {
				return
			}
			first := all[0]
			sum, n, _ := strings.Cut(c.pictures, " ")
			if n == "" {
				sum, n = "", sum
			}
			count := len(first.MoreImagesSha256)
			if len(first.ImageSha256) > 0 {
				count++
			}
			if got := hex.EncodeToString(first.ImageSha256); !strings.HasPrefix(got, sum) || fmt.Sprint(count) != n {
				t.Errorf("got %d pictures, the best %.16s, want %s", count, got, c.pictures)
			}
			if got := fmt.Sprint(res.answer.Reads[0].Notices); got != "["+c.notes+"]" {
				t.Errorf("got the notes %s, want [%s]", got, c.notes)
			}
		})
	}
}

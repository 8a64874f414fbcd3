package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestAClockThatBeganAgainCostsNoRead sends a read in each format with a clock reset by a power cut, or far ahead. The
// read has the time of receipt, so lists see the vehicle, and is suspect, so nothing is fined.
func TestAClockThatBeganAgainCostsNoRead(t *testing.T) {
	bodies := map[string]string{
		"hikvision":       `<EventNotificationAlert><eventType>ANPR</eventType><dateTime>WALL+01:00</dateTime><UUID>u</UUID><ANPR><licensePlate>1ABC123</licensePlate></ANPR></EventNotificationAlert>`,
		"openalpr":        `{"data_type":"alpr_group","epoch_start":MILLIS,"best_plate_number":"1ABC123"}`,
		"platerecognizer": `{"data":{"timestamp":"WALLZ","results":[{"plate":"1ABC123"}]}}`,
		"axis":            `{"carID":"90","carState":"lost","plateText":"1ABC123","capture_timestamp":"MILLIS"}`,
		"survision":       `{"anpr":{"@date":"MILLIS","decision":{"@plate":"1ABC123"}}}`,
		"dahua":           `{"Picture":{"Plate":{"PlateNumber":"1ABC123"},"SnapInfo":{"AccurateTime":"WALL"}}}`,
		"reads":           `{"captured_at_us":"MILLIS000","raw_plate":"1ABC123"}`,
	}
	for _, path := range []string{"hikvision", "openalpr", "platerecognizer", "axis", "survision", "dahua", "reads"} {
		for _, clock := range []struct{ millis, wall string }{
			{"1606532400250", "2020-11-28T04:00:00"}, {"1577836800000", "2020-01-01T00:00:00"}, {"946684800123", "2000-01-01T01:00:00"}, {"2524608000000", "2050-01-01T01:00:00"}, {"90000", "1970-01-01T01:01:30"},
		} {
			if path == "reads" && (clock.wall[:4] == "1970" || clock.wall[:4] == "2050") {
				continue // refused there: software can mend its unit and its clock
			}
			rg := newRig(t, nil)
			var ids []string
			body := replaceAll(bodies[path], "MILLIS", clock.millis, "WALL", clock.wall)
			for range 2 {
				kind := "application/json"
				if body[0] == '<' {
					kind = "application/xml"
				}
				res := rg.send("cam-1/"+path, kind, []byte(body))
				if res.code != 200 || len(res.answer.Reads) != 1 || !strings.Contains(fmt.Sprint(res.answer.Reads[0].Notices), string(NoticeClock)) {
					t.Fatalf("%s at %s: got %d %+v, want a read with the note %s", path, clock.wall, res.code, res, NoticeClock)
				}
				ids = append(ids, res.answer.Reads[0].ReadID)
				rg.now.Add(5_000_000)
			}
			all := rg.logged()
			if ids[0] != ids[1] {
				t.Errorf("%s at %s: sent again it has the ids %v", path, clock.wall, ids)
			}
			if path == "axis" != all[0].LateUpload {
				t.Errorf("%s: got late %t", path, all[0].LateUpload)
			}
			if r := all[0]; r.CapturedAtUs != r.ReceivedAtUs || !r.ClockSuspect || r.RawPlate != "1ABC123" {
				t.Errorf("%s at %s: got %v, want the time of receipt and clock_suspect", path, clock.wall, r)
			}
			if !strings.Contains(rg.log.String(), "no time of capture that can be") {
				t.Errorf("%s at %s: nobody is told: %s", path, clock.wall, rg.log.String())
			}
		}
	}
}

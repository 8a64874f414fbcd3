package gateway

import (
	"fmt"
	"strings"
	"testing"
)

// TestEachTimeFieldHasTheZoneOfItsVendor gives each capture time field of each format, alone among its kind, without
// zone, in winter and in summer. wall names the vendor's clock.
func TestEachTimeFieldHasTheZoneOfItsVendor(t *testing.T) {
	hikvision := `<EventNotificationAlert><eventType>ANPR</eventType>%s<ANPR><licensePlate>1ABC123</licensePlate>%s</ANPR></EventNotificationAlert>`
	hik := func(top, block string) string { return fmt.Sprintf(hikvision, top, block) }
	const utc, brussels, epoch = "UTC", "Brussels", "epoch"
	for _, c := range []struct{ path, field, wall, body string }{
		{"hikvision", "dateTime", brussels, hik("<dateTime>TIME</dateTime>", "")},
		{"hikvision", "absTime", brussels, hik("", "<pictureInfoList><pictureInfo><absTime>COMPACT</absTime></pictureInfo></pictureInfoList>")},
		{"openalpr", "epoch_start", epoch, `{"data_type":"alpr_group","best_plate_number":"1ABC123","epoch_start":MILLIS,"epoch_end":1,"best_uuid_epoch_ms":1}`},
		{"openalpr", "epoch_start before the best picture", epoch, `{"data_type":"alpr_group","best_plate_number":"1ABC123","epoch_start":MILLIS,"best_uuid_epoch_ms":1795834800550}`},
		{"openalpr", "best_uuid_epoch_ms", epoch, `{"data_type":"alpr_group","best_plate_number":"1ABC123","best_uuid_epoch_ms":MILLIS,"epoch_end":1795834899999}`},
		{"openalpr", "epoch_end", epoch, `{"data_type":"alpr_group","best_plate_number":"1ABC123","epoch_start":0,"epoch_end":MILLIS}`},
		{"openalpr", "epoch_time of results", epoch, `{"data_type":"alpr_results","epoch_time":MILLIS,"results":[{"plate":"1ABC123"}]}`},
		{"openalpr", "epoch_time of an alert", epoch, `{"data_type":"alpr_alert","epoch_time":MILLIS,"plate_number":"1ABC123"}`},
		{"platerecognizer", "timestamp of Snapshot", utc, `{"hook":{"event":"image.done"},"data":{"timestamp":"BLANK","results":[{"plate":"1abc123"}]}}`},
		{"platerecognizer", "timestamp of Stream", utc, `{"hook":{"event":"recognition"},"data":{"timestamp":"TIME","timestamp_local":"2020-01-01 00:00:00","results":[{"plate":"1abc123"}]}}`},
		{"platerecognizer", "timestamp of a result", utc, `{"timestamp":"TIME","results":[{"plate":"1abc123"}]}`},
		{"platerecognizer", "timestamp_camera", utc, `{"data":{"timestamp_camera":"TIME","timestamp":"2020-01-01 00:00:00","results":[{"plate":"1abc123"}]}}`},
		{"platerecognizer", "timestamp_local", brussels, `{"data":{"timestamp_camera":null,"timestamp_local":"BLANK","results":[{"plate":"1abc123"}]}}`},
		{"axis", "capture_timestamp", epoch, `{"carID":"1","plateText":"1ABC123","capture_timestamp":"MILLIS","datetime":"20200101 000000000"}`},
		{"axis", "capture_ts", epoch, `{"carID":"1","plateText":"1ABC123","capture_timestamp":"0","capture_ts":"MILLIS000000"}`},
		{"axis", "datetime", brussels, `{"carID":"1","plateText":"1ABC123","datetime":"SPACED"}`},
		{"axis", "UtcTime", utc, `<Message UtcTime="TIME"><Data><SimpleItem Name="text" Value="1ABC123"/><SimpleItem Name="carID" Value="1"/></Data></Message>`},
		{"survision", "@date", epoch, `{"anpr":{"@date":"MILLIS","decision":{"@plate":"1ABC123"}}}`},
		{"survision", "@date of the decision", epoch, `{"anpr":{"decision":{"@date":"MILLIS","@plate":"1ABC123"}}}`},
		{"dahua", "AccurateTime", brussels, `{"Picture":{"Plate":{"PlateNumber":"1ABC123"},"SnapInfo":{"AccurateTime":"BLANK","SnapTime":"2020-01-01 00:00:00","TimeZone":1}}}`},
		{"dahua", "SnapTime", brussels, `{"Picture":{"Plate":{"PlateNumber":"1ABC123"},"SnapInfo":{"AccurateTime":"","SnapTime":"BLANK"}}}`},
		{"reads", "captured_at_us", epoch, `{"captured_at_us":"MILLIS000","raw_plate":"1ABC123"}`},
	} {
		for _, at := range []struct{ season, wall, millis, utc, brussels string }{
			{"winter", "2026-01-28 03:00:00.250", "1769569200250", "2026-01-28T03:00:00.250000Z", "2026-01-28T02:00:00.250000Z"},
			{"summer", "2026-07-28 03:00:00.250", "1785207600250", "2026-07-28T03:00:00.250000Z", "2026-07-28T01:00:00.250000Z"},
		} {
			digits := digitsOf(at.wall)
			body := replaceAll(c.body, "MILLIS", at.millis, "BLANK", at.wall, "TIME", at.wall[:10]+"T"+at.wall[11:], "COMPACT", digits, "SPACED", digits[:8]+" "+digits[8:])
			kind := "application/json"
			if body[0] == '<' {
				kind = "application/xml"
			}
			want := at.utc
			if c.wall == brussels {
				want = at.brussels
			}
			if got := single(t, c.path, kind, []byte(body)).stated.instant().String(); got != want {
				t.Errorf("%s %s in %s: got %s, want %s (%s)", c.path, c.field, at.season, got, want, c.wall)
			}
		}
	}
}

func TestAStatedOffsetGoesBeforeTheZoneOfTheField(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-28 03:00:00.25+01:00": "2026-11-28 03:00:00.25+01:00", "2026-11-28T03:00:00Z": "2026-11-28T03:00:00Z", "1795834800250": "1795834800250",
		"2026-11-28 03:00:00.25": "2026-11-28 03:00:00.25Z", "20261128 030000250": "20261128 030000250Z", "yesterday": "yesterday", "": "",
	} {
		if got := markUTC(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

func replaceAll(s string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(s) }

package gateway

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryDocumentOfABodyIsRead posts bodies with several XML documents, and with several messages in one envelope:
// every one is read.
func TestEveryDocumentOfABodyIsRead(t *testing.T) {
	second := strings.Replace(hik, "1ABC123", "2ABC123", 1)
	const survisionTwo = `<anpr date="1779351006000" id="5"><decision plate="1ABC123"/></anpr>` + "\r\n" + `<anpr date="1779351006000" id="6"><decision plate="2ABC123"/></anpr>`
	const result = `{"timestamp":"2026-05-21T08:10:06Z","results":[{"plate":"1abc123"}]}`
	other := strings.Replace(result, "1abc", "2abc", 1)
	for name, c := range map[string]struct {
		path, kind, body string
		want             []string // outcomes
	}{
		"one behind the other":         {"hikvision", "application/xml", hik + second, []string{"accepted", "accepted"}},
		"each with its declaration":    {"hikvision", "application/xml", `<?xml version="1.0"?>` + hik + "\n" + `<?xml version="1.0" encoding="UTF-8"?>` + second, []string{"accepted", "accepted"}},
		"three":                        {"hikvision", "text/xml", hik + second + strings.Replace(hik, "1ABC123", "3ABC123", 1), []string{"accepted", "accepted", "accepted"}},
		"the second is cut off":        {"hikvision", "application/xml", hik + second[:len(second)/2], []string{"accepted", "refused"}},
		"the second's declaration bad": {"hikvision", "application/xml", hik + `<?xml version="9.9"?>` + second, []string{"accepted", "refused"}},
		"words behind it":              {"hikvision", "application/xml", hik + "\r\n-- end of event < 3 --\r\n", []string{"accepted"}},
		"bytes of a picture behind it": {"hikvision", "application/xml", hik + "\xff\xd8\xff\xe0<a\x00<b", []string{"accepted"}},
		"Survision":                    {"survision", "text/xml", survisionTwo, []string{"accepted", "accepted"}},
		"a hook with a list of data":   {"platerecognizer", "application/json", `{"hook":{"event":"recognition"},"data":[` + result + `,` + other + `]}`, []string{"accepted", "accepted"}},
		"results beside data":          {"platerecognizer", "application/json", `{"data":` + result + `,` + other[1:], []string{"accepted", "accepted"}},
	} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, nil)
			res := rg.send("cam-1/"+c.path, c.kind, []byte(c.body))
			var got []string
			for _, r := range res.answer.Reads {
				got = append(got, r.Outcome)
			}
			slices.Sort(got)
			if res.code != 200 || !slices.Equal(got, c.want) {
				t.Errorf("got %d %v (%+v), want %v", res.code, got, res.problem, c.want)
			}
			if all := rg.logged(); len(all) != len(c.want) {
				t.Errorf("%d records on the log, want %d", len(all), len(c.want))
			}
		})
	}
}

// TestAPlateThatIsNoTextIsNeverUnread: a plate field that holds something else than a text is refused by name; the
// same field empty is a vehicle whose plate was not read.
func TestAPlateThatIsNoTextIsNeverUnread(t *testing.T) {
	const openalprGroup, results = `{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":@}`, `{"timestamp":"2026-05-21T08:10:06Z","results":[{"plate":@}]}`
	for path, body := range map[string]string{
		"openalpr": openalprGroup, "platerecognizer": results, "axis": `{"carID":"1","capture_timestamp":1779351006000,"plateText":@}`,
		"survision": `{"anpr":{"@date":"1779351006000","decision":{"@plate":@}}}`, "reads": `{"captured_at_us":1779351006000000,"raw_plate":@}`,
		"hikvision": `{"eventType":"ANPR","dateTime":"2026-05-21T10:10:06+02:00","ANPR":{"licensePlate":@}}`,
	} {
		for _, value := range []string{`{"value":"1ABC123"}`, `{"a":{"b":"1ABC123"}}`} {
			rg := newRig(t, nil)
			if res := rg.send("cam-1/"+path, "application/json", []byte(strings.Replace(body, "@}", value+"}", 1))); res.code != 422 || res.problem.Reason == "plate_unread" {
				t.Errorf("%s with %s: got %d %+v", path, value, res.code, res)
			}
		}
		rg := newRig(t, nil)
		if res := rg.send("cam-1/"+path, "application/json", []byte(strings.Replace(body, "@}", `""}`, 1))); res.code != 200 || len(res.answer.Unread) != 1 {
			t.Errorf("%s with an empty plate: got %d %+v, want it unread", path, res.code, res)
		}
	}
	for _, element := range []string{`<licensePlate value="1ABC123"/>`, `<licensePlate><value>1ABC123</value></licensePlate>`} {
		rg := newRig(t, nil)
		if res := rg.send("cam-1/hikvision", "application/xml", []byte(replaced("<licensePlate>1ABC123</licensePlate>", element))); res.code != 422 {
			t.Errorf("%s: got %d %+v", element, res.code, res)
		}
	}
	rg := newRig(t, nil)
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(replaced("<licensePlate>1ABC123<", `<licensePlate lang="en"><`))); res.code != 200 || len(res.answer.Unread) != 1 {
		t.Errorf("an empty plate with an attribute: got %d %+v, want it unread", res.code, res)
	}
	if res := rg.send("cam-1/reads", "application/json", []byte(`{"raw_plate":["1ABC123","2ABC123"],"captured_at_us":1779351006000000}`)); res.code != 422 {
		t.Errorf("two plates in one read: got %d %+v", res.code, res)
	}
}

// TestAMessageThatSaysAPlateIsNeverIgnored posts messages with a plate, although their type holds no plate read: each
// is read or refused, never answered as empty. Without the plate each is ignored.
func TestAMessageThatSaysAPlateIsNeverIgnored(t *testing.T) {
	alert := func(kind, inside string) string {
		return `<EventNotificationAlert><dateTime>2026-05-21T10:10:06+02:00</dateTime><eventType>` + kind + `</eventType><eventState>active</eventState>` + inside + `</EventNotificationAlert>`
	}
	for _, c := range []struct {
		path, body string
		read       bool
	}{
		{"hikvision", alert("mixedTargetDetection", `<VehicleInfo><licensePlateNo>1ABC123</licensePlateNo></VehicleInfo>`), false},
		{"hikvision", alert("vehicledetection", `<Target><PlateNumber>1ABC123</PlateNumber></Target>`), false},
		{"hikvision", alert("AIOP", `<Property><description>plateNo</description><value>1ABC123</value></Property>`), false},
		{"hikvision", alert("diskfull", `<plateText>1ABC123</plateText>`), false},
		{"openalpr", `{"data_type":"heartbeat","results":[{"plate":"1ABC123"}]}`, false},
		{"openalpr", `{"data_type":"error","best_plate_number":"1ABC123"}`, false},
		{"platerecognizer", `{"results":[],"event":{"results":[{"plate":"1ABC123"}]}}`, false},
		{"platerecognizer", `{"hook":{"event":"heartbeat"},"data":{"plate":"1ABC123"}}`, false},
		{"axis", `{"topic":"x/other","message":{"data":{"licensePlate":"1ABC123"}}}`, false},
		{"axis", `{"ALPV":{"numFrames":"1"},"plateText":"1ABC123","carID":"1","capture_timestamp":1779351006000}`, true},
		{"axis", `{"topic":"x/y","message":{"plateText":"1ABC123","carID":"1","capture_timestamp":1779351006000}}`, true},
		{"survision", `{"error":null,"status":"ok","payload":{"anpr":{"@date":"1779351006000","decision":{"@plate":"1ABC123"}}}}`, true},
		{"survision", `{"infos":{"last":{"plate":"1ABC123"}}}`, false},
	} {
		kind := "application/json"
		if c.path == "hikvision" {
			kind = "application/xml"
		}
		rg := newRig(t, nil)
		res := rg.send("cam-1/"+c.path, kind, []byte(c.body))
		if read := res.code == 200 && len(res.answer.Reads) == 1; read != c.read || !read && res.code != 422 || len(res.answer.Ignored) > 0 {
			t.Errorf("%s %s: got %d %+v %+v", c.path, c.body, res.code, res.answer, res.problem)
		}
		without := strings.NewReplacer("1ABC123", "").Replace(c.body)
		if res := rg.send("cam-1/"+c.path, kind, []byte(without)); !c.read && res.code != 200 {
			t.Errorf("%s %s: got %d %+v, want it ignored or unread", c.path, without, res.code, res.problem)
		}
	}
}

// TestAPictureByAddressIsNotedWhereverItStands in the event of a Hikvision device.
func TestAPictureByAddressIsNotedWhereverItStands(t *testing.T) {
	for _, element := range []string{
		`</ANPR><detectionPictureURL>http://192.0.2.1/a.jpg</detectionPictureURL>`, `<licensePlatePicURL>http://192.0.2.1/a.jpg</licensePlatePicURL></ANPR>`,
		`<vehicleImageUrl>/a.jpg</vehicleImageUrl></ANPR>`, `<pictureInfoList><pictureInfo><pictureURL>/a.jpg</pictureURL></pictureInfo></pictureInfoList></ANPR>`,
	} {
		rg := newRig(t, nil)
		res := rg.send("cam-1/hikvision", "application/xml", []byte(replaced("</ANPR>", element)))
		if res.code != 200 || !slices.Contains(res.answer.Reads[0].Notices, NoticeImageAddress) {
			t.Errorf("%s: got %d %+v", element, res.code, res.answer)
		}
	}
}

// TestAPlateInPlateInfoAloneIsThatOfTheBlock: one read with all that the block says, none unread and none refused.
func TestAPlateInPlateInfoAloneIsThatOfTheBlock(t *testing.T) {
	for _, own := range []string{"", "<licensePlate/>", "<licensePlate>unknown</licensePlate>"} {
		rg := newRig(t, nil)
		res := rg.send("cam-1/hikvision", "application/xml", []byte(replaced("<licensePlate>1ABC123</licensePlate>", own+`<PlateInfoList><PlateInfo><licensePlate>1ABC123</licensePlate></PlateInfo></PlateInfoList>`)))
		if res.code != 200 || len(res.answer.Reads) != 1 || len(res.answer.Unread) != 0 {
			t.Errorf("%q: got %d %+v", own, res.code, res.answer)
			continue
		}
		if got := row(only(t, rg)); got != "1ABC123 BE confidence=980 speed=570 lane=1 direction=approaching" {
			t.Errorf("%q: got %s", own, got)
		}
	}
}

package gateway

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// verdict names an event's result in one word.
func verdict(ev *CameraEvent) string {
	switch {
	case ev.Ignored != "":
		return "ignored"
	case ev.Err != nil:
		return ev.Err.Reason.String()
	}
	return "read"
}

func verdicts(t testing.TB, path, kind string, body []byte) string {
	t.Helper()
	events, rej := parseUpload(path, kind, body)
	if rej != nil {
		return "whole " + rej.Reason.String()
	}
	var out []string
	for _, ev := range events {
		out = append(out, verdict(ev))
	}
	return strings.Join(out, " ")
}

// onvif is an Axis event in its metadata stream form.
func onvif(topic, utc string, items ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:Event><wsnt:NotificationMessage xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2">`+
		`<wsnt:Topic Dialect="d"> tnsaxis:CameraApplicationPlatform/%s </wsnt:Topic><wsnt:Message><tt:Message UtcTime=%q><tt:Source/><tt:Key/><tt:Data>`, topic, utc)
	for i := 0; i < len(items); i += 2 {
		fmt.Fprintf(&b, `<tt:SimpleItem Name=%q Value=%q/>`, items[i], items[i+1])
	}
	return b.String() + `</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>`
}

// TestEveryMessageOfAVendorIsAnsweredAsItsSenderExpects has a message of each documented kind. plate_unread is a
// vehicle without a readable plate, answered as success; any other reason is a refusal.
func TestEveryMessageOfAVendorIsAnsweredAsItsSenderExpects(t *testing.T) {
	axisRead := []string{"text", "1ABC123", "country", "BEL", "carID", "4", "capture_timestamp", "1795834800250"}
	for _, c := range []struct{ name, path, body, want string }{
		{"a group", "openalpr", `{"data_type":"alpr_group","epoch_start":1795834800250,"best_plate_number":"1ABC123","best_plate":{"plate":"1ABC123"}}`, "read"},
		{"a group without plate", "openalpr", `{"data_type":"alpr_group","epoch_start":1795834800250,"best_plate_number":"","best_plate":{"plate":""}}`, "plate_unread"},
		{"a preview", "openalpr", `{"data_type":"alpr_group","epoch_start":1795834800250,"best_plate_number":"1ABC123","is_preview":true}`, "ignored"},
		{"an alert", "openalpr", `{"data_type":"alpr_alert","group":{"data_type":"alpr_group","epoch_start":1795834800250,"best_plate_number":"1ABC123"}}`, "read"},
		{"an alert whose group says no type", "openalpr", `{"data_type":"alpr_alert","group":{"epoch_start":1795834800250,"best_plate_number":"1ABC123"}}`, "read"},
		{"an alert without its group", "openalpr", `{"data_type":"alpr_alert","epoch_time":1795834800250,"plate_number":"1ABC123"}`, "read"},
		{"an alert of a preview", "openalpr", `{"data_type":"alpr_alert","group":{"epoch_start":1795834800250,"best_plate_number":"1ABC123","is_preview":true}}`, "ignored"},
		{"an alert with nothing", "openalpr", `{"data_type":"alpr_alert","alert_list":"Stolen"}`, "missing_field"},
		{"results", "openalpr", `{"data_type":"alpr_results","epoch_time":1795834800250,"results":[{"plate":"1ABC123"},{"plate":"2ABC123"}]}`, "read read"},
		{"results of an empty road", "openalpr", `{"data_type":"alpr_results","epoch_time":1795834800250,"results":[]}`, "ignored"},
		{"results without results", "openalpr", `{"data_type":"alpr_results","epoch_time":1795834800250}`, "missing_field"},
		{"a vehicle", "openalpr", `{"data_type":"vehicle","epoch_start":1795834800250,"best_uuid":"v1","vehicle":{"color":[]}}`, "plate_unread"},
		{"a heartbeat", "openalpr", `{"data_type":"heartbeat","agent_uid":"a","video_streams":[]}`, "ignored"},
		{"the test button", "openalpr", `{"openalpr_webhook": "test"}`, "ignored"},
		{"an error", "openalpr", `{"error":"the licence ran out"}`, "ignored"},
		{"an error beside a group", "openalpr", `{"error":"","group":{"epoch_start":1795834800250,"best_plate_number":"1ABC123"}}`, "read"},
		{"something else", "openalpr", `{"plate":"1ABC123","camera":"c"}`, "missing_field"},
		{"something else with a type", "openalpr", `{"data_type":"alpr_weather"}`, "unsupported"},

		{"recognition", "platerecognizer", `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-11-28T03:00:00Z","results":[{"plate":"1abc123"}]}}`, "read"},
		{"a vehicle only", "platerecognizer", `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-11-28T03:00:00Z","results":[{"plate":null,"vehicle":{"type":"SUV"}}]}}`, "plate_unread"},
		{"a snapshot", "platerecognizer", `{"hook":{"event":"image.done","id":479},"data":{"timestamp":"2026-11-28 03:00:00.250000","results":[{"plate":"1abc123"}]}}`, "read"},
		{"a snapshot without plate", "platerecognizer", `{"hook":{"event":"image.done","id":479},"data":{"timestamp":"2026-11-28 03:00:00.250000","results":[]}}`, "ignored"},
		{"a result without hook", "platerecognizer", `{"filename":"a.jpg","timestamp":"2026-11-28T03:00:00Z","camera_id":null,"results":[{"plate":"1abc123"}]}`, "read"},
		{"a heartbeat", "platerecognizer", `{"hook":{"event":"heartbeat"},"data":{"camera_id":"c"}}`, "ignored"},
		{"how long it stood", "platerecognizer", `{"hook":{"event":"dwell"},"data":{"plate":"1abc123","duration":12}}`, "ignored"},
		{"a clip", "platerecognizer", `{"hook":{"event":"video"},"data":{"filename":"a.mp4"}}`, "ignored"},
		{"of an unknown kind", "platerecognizer", `{"hook":{"event":"weather"},"data":{}}`, "unsupported"},
		{"a recognition without results", "platerecognizer", `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-11-28T03:00:00Z"}}`, "missing_field"},
		{"results that are null", "platerecognizer", `{"hook":{"event":"recognition"},"data":{"timestamp":"2026-11-28T03:00:00Z","results":null}}`, "missing_field"},
		{"another product", "platerecognizer", `{"type":"lpr","id":"1-x","plate":"1ABC123","score":0.9,"timestamp":1795834800.25}`, "missing_field"},

		{"AllPlates", "axis", onvif("ALPV.AllPlates", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"ALLPlates", "axis", onvif("ALPV.ALLPlates", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"New", "axis", onvif("ALPV.New", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"Update", "axis", onvif("ALPV.Update", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"Lost", "axis", onvif("ALPV.Lost", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"a later topic with a plate", "axis", onvif("ALPV.Final", "2026-11-28T03:00:00Z", axisRead...), "read"},
		{"AllPlates without plate", "axis", onvif("ALPV.AllPlates", "2026-11-28T03:00:00Z", "text", "", "carID", "4"), "plate_unread"},
		{"RealTime", "axis", onvif("ALPV.RealTime", "2026-11-28T03:00:00Z", "timestamp", "1795834800250", "isDetected", "1", "lpText", "1ABC123", "carID", "4"), "ignored"},
		{"Allow_list", "axis", onvif("ALPV.Allow_list", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"Block_list", "axis", onvif("ALPV.Block_list", "2026-11-28T03:00:00Z", "active", "0"), "ignored"},
		{"Custom_list", "axis", onvif("ALPV.Custom_list", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"NotInList", "axis", onvif("ALPV.NotInList", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"Roi1", "axis", onvif("ALPV.Roi1", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"PlateIN", "axis", onvif("ALPV.PlateIN", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"PlateOUT", "axis", onvif("ALPV.PlateOUT", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"PlateInView", "axis", onvif("ALPV.PlateInView", "2026-11-28T03:00:00Z", "active", "0"), "ignored"},
		{"PlateInView by MQTT", "axis", `{"topic":"axis:CameraApplicationPlatform/ALPV.PlateInView","message":{"source":{},"key":{},"data":{"active":"1"}}}`, "ignored"},
		{"another application", "axis", onvif("VMD/Camera1Profile1", "2026-11-28T03:00:00Z", "active", "1"), "ignored"},
		{"another application that reads plates", "axis", onvif("OtherLPR/Plates", "2026-11-28T03:00:00Z", "text", "1ABC123"), "unsupported"},
		{"a track of another product", "axis", `{"carID":"7","speed":12,"capture_timestamp":1795834800250}`, "missing_field"},
		{"the answer to a subscription", "axis", `{"apiVersion":"1.0","context":"c","method":"events:configure","data":{}}`, "ignored"},
		{"a push", "axis", `{"carID":"7","carState":"new","plateText":"1ABC123","capture_timestamp":"1795834800250"}`, "read"},
		{"a push without plate", "axis", `{"carID":"7","carState":"new","plateText":"","plateUTF8":"","capture_timestamp":"1795834800250"}`, "plate_unread"},

		{"a read", "dahua", `{"Picture":{"Plate":{"IsExist":true,"PlateNumber":"1ABC123"},"SnapInfo":{"AccurateTime":"2026-11-28 04:00:00.250"}}}`, "read"},
		{"two pictures", "dahua", `{"Picture":[{"Plate":{"PlateNumber":"1ABC123"}},{"Plate":{"PlateNumber":"2ABC123"}}]}`, "read read"},
		{"a vehicle without plate", "dahua", `{"Picture":{"Plate":{"IsExist":false,"PlateNumber":"1ABC123"}}}`, "plate_unread"},
		{"an unlicensed vehicle", "dahua", `{"Picture":{"Plate":{"IsExist":true,"PlateNumber":"Unlicensed"}}}`, "plate_unread"},
		{"a picture that says no plate", "dahua", `{"Picture":{"SnapInfo":{"AccurateTime":"2026-11-28 04:00:00.250"}}}`, "missing_field"},
		{"a plate with fields", "dahua", `{"Picture":{"Plate":{"PlateNumber":{"value":"1ABC123"}}}}`, "bad_field"},
		{"no picture", "dahua", `{"DeviceID":"1"}`, "unsupported"},
		{"a sign of life", "dahua/NotificationInfo/KeepAlive", `{"DeviceID":"1","Active":1}`, "ignored"},
		{"a device", "dahua/NotificationInfo/DeviceInfo", `{"DeviceModel":"ITC","DeviceID":"1"}`, "ignored"},
		{"a plate where no read comes", "dahua/NotificationInfo/KeepAlive", `{"Picture":{"Plate":{"PlateNumber":"1ABC123"}}}`, "unsupported"},
		{"a decision", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","decision":{"@plate":"1ABC123"}}}`, "read"},
		{"two decisions", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","decision":[{"@plate":"1ABC123"},{"@plate":"2ABC123"}]}}`, "read read"},
		{"a decision without plate", "survision", `{"anpr":{"@date":"1795834800250","decision":{"@plate":""}}}`, "plate_unread"},
		{"a decision that says no plate", "survision", `{"anpr":{"@date":"1795834800250","decision":{"@reliability":"90"}}}`, "missing_field"},
		{"no plate", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","noPlate":{"@x":"1"}}}`, "plate_unread"},
		{"no plate, empty", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","noPlate":null}}`, "plate_unread"},
		{"new", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","new":{"@x":"1"}}}`, "ignored"},
		{"end", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","end":{"@plateOccurences":"4"}}}`, "ignored"},
		{"speed", "survision", `{"anpr":{"@date":"1795834800250","@session":"1","@id":"2","speed":{"@instantSpeed_km_h":"52"}}}`, "ignored"},
		{"the result of a trigger", "survision", `{"triggerResult":{"@date":"1795834800250","@triggerId":"42","decision":{"@plate":"1ABC123"}}}`, "read"},
		{"an orange plate", "survision", `{"dgpr":{"@date":"1795834800250","decision":{"@plate":"33/1203"}}}`, "ignored"},
		{"infos", "survision", `{"infos":{"sensor":{"@status":"RUNNING"}}}`, "ignored"},
		{"config", "survision", `{"config":{"cameras":{"camera":{"anpr":{"@direction":"both"}}}}}`, "ignored"},
		{"config in XML", "survision", `<config><cameras><camera><anpr direction="both"/></camera></cameras></config>`, "ignored"},
		{"ioState", "survision", `{"ioState":{"@value":"1"}}`, "ignored"},
		{"traces", "survision", `{"traces":{"#text":"x"}}`, "ignored"},
		{"keepAlive", "survision", `{"keepAlive":null}`, "ignored"},
		{"answer", "survision", `{"answer":{"@status":"ok"}}`, "ignored"},
		{"an anpr with nothing", "survision", `{"anpr":{"@date":"1795834800250"}}`, "unsupported"},
		{"something else", "survision", `{"weather":{"@rain":"1"}}`, "unsupported"},
	} {
		kind := "application/json"
		if c.body[0] == '<' {
			kind = "application/xml"
		}
		if got := verdicts(t, c.path, kind, []byte(c.body)); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.path, c.name, got, c.want)
		}
	}
}

// TestWhatSaysNoPlateFieldIsNeverAnUnreadPlate takes the plate's fields out of each payload that gives reads.
func TestWhatSaysNoPlateFieldIsNeverAnUnreadPlate(t *testing.T) {
	names := map[string][]string{
		"openalpr": {"best_plate_number", "best_plate", "plate"}, "platerecognizer": {"plate"},
		"axis": append([]string{"lpText"}, axisPlateNames...), "survision": {"plate"},
	}
	for _, file := range readingSamples(t) {
		path := formatOf(file)
		body := load(t, file)
		for _, name := range names[path] {
			for _, quoted := range []string{`"` + name + `"`, `"@` + name + `"`, ` ` + name + `=`, `Name="` + name + `"`} {
				body = bytes.ReplaceAll(body, []byte(quoted), bytes.Replace([]byte(quoted), []byte(name), []byte("other"), 1))
			}
		}
		if got := verdicts(t, path, typeOf(file), body); strings.Contains(got, "plate_unread") || strings.Contains(got, "read") {
			t.Errorf("%s without its plate fields: got %s, want a refusal that names the field", file, got)
		}
	}
}

// readingSamples are the payloads in JSON and XML of the four formats that give nothing but reads.
func readingSamples(t testing.TB) (out []string) {
	t.Helper()
	for _, file := range samples(t) {
		switch path := formatOf(file); path {
		case "openalpr", "platerecognizer", "axis", "survision":
			events, rej := parseUpload(path, typeOf(file), load(t, file))
			good := rej == nil && len(events) > 0 && !strings.HasSuffix(file, ".multipart") && !strings.HasSuffix(file, ".jsonl")
			for _, ev := range events {
				good = good && verdict(ev) == "read"
			}
			if good {
				out = append(out, file)
			}
		}
	}
	if len(out) < 20 {
		t.Fatalf("only %d payloads with reads", len(out))
	}
	return out
}

// TestAMessageInAWrapperGivesTheSameRead puts what relays, brokers and envelopes put around a message around each
// payload.
func TestAMessageInAWrapperGivesTheSameRead(t *testing.T) {
	const json, xml = "application/json", "application/xml"
	for _, file := range readingSamples(t) {
		path, body := formatOf(file), string(bytes.TrimSpace(load(t, file)))
		plain, rej := parseUpload(path, typeOf(file), []byte(body))
		if rej != nil {
			t.Fatal(rej)
		}
		want := render(plain)
		form := "json=" + url.QueryEscape(body)
		kind, parts := multi(t, one{`name="event"; filename="event.json"`, "", []byte(body)})
		wraps := []struct{ name, kind, body string }{
			{"web form", "application/x-www-form-urlencoded", form}, {"multipart", kind, string(parts)}, {"no type", "", body},
		}
		switch body[0] {
		case '<':
			wraps = append(wraps, []struct{ name, kind, body string }{
				{"SOAP", xml, `<s:Envelope xmlns:s="x"><s:Header/><s:Body><m:Notify xmlns:m="y">` + body + `</m:Notify></s:Body></s:Envelope>`},
				{"declaration", xml, `<?xml version="1.0"?><!-- c -->` + body},
			}...)
		case '{':
			line := strings.ReplaceAll(strings.ReplaceAll(body, "\r", ""), "\n", "")
			wraps = append(wraps, []struct{ name, kind, body string }{
				{"array", json, "[" + body + "]"},
				{"lines", "application/x-ndjson", line + "\n"},
				{"buffer", json, `{"buffer":` + body + `}`},
				{"broker", json, `{"topic":"city/gate/1","qos":1,"payload":` + body + `}`},
				{"relay with null type", json, `{"data_type":null,"description":null,"group":` + body + `}`},
				{"list of a relay", json, `{"count":1,"events":[` + body + `],"next":null}`},
				{"three levels", json, `{"a":{"b":[{"c":` + body + `}]}}`},
			}...)
		}
		for _, w := range wraps {
			if strings.Contains(file, "axis") && w.kind == "application/x-www-form-urlencoded" && body[0] == '<' {
				continue
			}
			events, rej := parseUpload(path, w.kind, []byte(w.body))
			if rej != nil || render(events) != want {
				t.Errorf("%s in %s: got %v\n%s\nwant\n%s", filepath.Base(file), w.name, rej, render(events), want)
			}
		}
	}
}

func TestAnAlertIsTheReadOfItsGroup(t *testing.T) {
	alert := load(t, "testdata/openalpr-alert-with-its-group.json")
	root, err := parseJSON(alert, &effort{})
	if err != nil || root.childNamed("group") == nil {
		t.Fatal("the alert has no group")
	}
	i := bytes.Index(alert, []byte(`"group":`)) + len(`"group":`)
	group := bytes.TrimSuffix(bytes.TrimSpace(alert[i:]), []byte("}"))
	relay := append(append([]byte(`{"data_type":null,"description":null,"group":`), group...), '}')
	ids := map[string]string{}
	for name, body := range map[string][]byte{"alert": alert, "group": group, "relay": relay} {
		rg := newRig(t, nil)
		rg.set("2026-11-28T03:00:02Z")
		if res := rg.send("cam-1/openalpr", "application/json", body); res.code != 200 || len(res.answer.Reads) != 1 {
			t.Fatalf("%s: got %d %+v", name, res.code, res)
		} else {
			ids[res.answer.Reads[0].ReadID] = name
		}
	}
	if len(ids) != 1 {
		t.Errorf("alert, group and relayed group have the ids %v, want one", ids)
	}
}

func TestReadingsOfBothListsAreCandidates(t *testing.T) {
	ev := single(t, "openalpr", "application/json", []byte(`{"data_type":"alpr_group","epoch_start":1795834800250,"best_plate_number":"1OAA001",
 "best_plate":{"plate":"1OAA001","candidates":[{"plate":"1OAA001","confidence":91}]},
 "candidates":[{"plate":"1OAA001","confidence":91.5},{"plate":"1DAA001","confidence":84},{"plate":"1QAA001","confidence":80},{"plate":"1DAA001","confidence":70}]}`))
	if got := fmt.Sprint(ev.Read.Candidates); len(ev.Read.Candidates) != 2 || ev.Read.Candidates[0].Plate != "1DAA001" || ev.Read.Candidates[0].ConfidencePm != 840 {
		t.Errorf("got %s, want 1DAA001 (840) and 1QAA001", got)
	}
}

// TestPicturesComeSceneFirst sends pictures of every kind, the larger for what shows less, and wants the scene as
// evidence.
func TestPicturesComeSceneFirst(t *testing.T) {
	pic := func(n int) []byte { return append(bytes.Clone(jpeg), bytes.Repeat([]byte{byte(n)}, n*50)...) }
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(pic(n)) }
	kind, parts := multi(t, one{`name="event"; filename="event.json"`, "application/json", []byte(`{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","imageFile":"localdata/a.jpg"}`)},
		one{`name="image2"; filename="lp_1.jpg"`, "image/jpeg", pic(3)}, one{`name="image"; filename="1.jpg"`, "image/jpeg", pic(1)})
	for _, c := range []struct {
		name, path, kind, body string
		want                   int
	}{
		{"openalpr", "openalpr", "application/json", fmt.Sprintf(`{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":"1ABC123","best_plate":{"plate_crop_jpeg":%q},"vehicle_crop_jpeg":%q,"overview_jpeg":%q}`,
			b64(3), b64(2), b64(1)), 3},
		{"axis array", "axis", "application/json", fmt.Sprintf(`{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","imageFile":"localdata/a.jpg","ImageArray":[{"ImageType":"plate","BinaryImage":%q},{"ImageType":"vehicle","BinaryImage":%q},{"ImageType":"frame","BinaryImage":%q}]}`,
			b64(3), b64(2), b64(1)), 3},
		{"axis parts", "axis", kind, string(parts), 2},
		{"survision", "survision", "application/json", fmt.Sprintf(`{"anpr":{"@date":"1779351006000","decision":{"@plate":"1ABC123","jpeg":%q,"contextJpeg":{"#text":%q}}}}`, b64(3), b64(1)), 2},
	} {
		rg := newRig(t, nil)
		res := rg.send("cam-1/"+c.path, c.kind, []byte(c.body))
		if res.code != 200 || len(res.answer.Reads) != 1 || len(res.answer.Reads[0].Notices) > 0 {
			t.Fatalf("%s: got %d %+v, want a read without notes", c.name, res.code, res)
		}
		r := only(t, rg)
		if got, err := rg.store.Get(t.Context(), schemas.Sum(r.ImageSha256)); err != nil || !bytes.Equal(got, pic(1)) || len(r.MoreImagesSha256) != c.want-1 {
			t.Errorf("%s: the picture has %d bytes (%v) and %d more, want the scene and %d more", c.name, len(got), err, len(r.MoreImagesSha256), c.want-1)
		}
	}
}

func TestAnAnnouncedPictureThatIsNotStoredIsNoted(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{"axis", `{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","imageFile":"localdata/a.jpg"}`, "[image_by_address]"},
		{"axis", `{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","imagesURI":["/local/fflprapp/tools.cgi?name=1.jpg"]}`, "[image_by_address]"},
		{"axis", `{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","ImageArray":[{"ImageType":"plate","BinaryImage":"no picture!"}]}`, "[image_dropped]"},
		{"axis", `{"carID":"7","plateText":"1ABC123","capture_timestamp":"1779351006000","lpImage":"AAAA"}`, "[image_dropped]"},
		{"openalpr", `{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":"1ABC123","overview_jpeg":"AAAA"}`, "[image_dropped]"},
		{"openalpr", `{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":"1ABC123","rear_jpeg":"%%"}`, "[image_dropped]"},
		{"survision", `{"anpr":{"@date":"1779351006000","decision":{"@plate":"1ABC123","jpeg":"AAAA"}}}`, "[image_dropped]"},
	} {
		rg := newRig(t, nil)
		if res := rg.send("cam-1/"+c.path, "application/json", []byte(c.body)); res.code != 200 || fmt.Sprint(res.answer.Reads[0].Notices) != c.want {
			t.Errorf("%s: got %d %+v, want the notes %s", c.body, res.code, res, c.want)
		}
	}
}

// TestEveryWordForAVehicleHasItsKind has the closed lists of three vendors; - is a word of the list that says no kind.
func TestEveryWordForAVehicleHasItsKind(t *testing.T) {
	for _, c := range []struct{ path, body, words string }{
		{"axis", `{"carID":"7","plateText":"X1","capture_timestamp":"1779351006000","vehicle_info":{"type":"WORD"}}`, "CAR=CAR TRUCK=TRUCK BUS=BUS VAN=VAN MOTORCYCLE=MOTORCYCLE UNKNOWN=-"},
		{
			"openalpr", `{"data_type":"alpr_group","epoch_start":1779351006000,"best_plate_number":"X1","vehicle":{"body_type":[{"name":"WORD","confidence":90}]}}`,
			"sedan-compact=CAR sedan-convertible=CAR sedan-sports=CAR sedan-standard=CAR sedan-wagon=CAR suv-crossover=CAR suv-standard=CAR suv-wagon=CAR " +
				"tractor-trailer=TRUCK truck-standard=VAN van-full=VAN van-mini=CAR motorcycle=MOTORCYCLE antique=- missing=-",
		},
		{
			"platerecognizer", `{"data":{"timestamp":"2026-05-21T08:10:06Z","results":[{"plate":"x1","vehicle":{"type":"WORD"}}]}}`,
			"Sedan=CAR SUV=CAR Van=VAN Pickup_Truck=VAN Big_Truck=TRUCK Bus=BUS Motorcycle=MOTORCYCLE Unknown=-",
		},
	} {
		for pair := range strings.FieldsSeq(c.words) {
			word, want, _ := strings.Cut(pair, "=")
			ev := single(t, c.path, "application/json", []byte(strings.Replace(c.body, "WORD", strings.ReplaceAll(word, "_", " "), 1)))
			if want == "-" {
				want = "UNSPECIFIED"
			}
			if got := strings.TrimPrefix(ev.Read.VehicleKind.String(), "VEHICLE_KIND_"); got != want || len(ev.Notices) > 0 {
				t.Errorf("%s %s: got %s %v, want %s and no note", c.path, word, got, ev.Notices, want)
			}
		}
		ev := single(t, c.path, "application/json", []byte(strings.Replace(c.body, "WORD", "Hovercraft", 1)))
		if fmt.Sprint(ev.Notices) != "[kind_unknown]" || ev.Read.VehicleKind != 0 {
			t.Errorf("%s: a word of no list: got %s %v, want the note kind_unknown", c.path, ev.Read.VehicleKind, ev.Notices)
		}
	}
}

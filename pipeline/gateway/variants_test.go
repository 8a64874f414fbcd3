package gateway

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/gvc-brussels/anpr/schemas"
)

var jpeg = []byte("\xff\xd8\xff\xe0\x00\x10JFIF picture")

// one is a part of a multipart upload.
type one struct {
	header string // name=..., filename=...; without the disposition
	kind   string
	data   []byte
}

func multi(t testing.TB, parts ...one) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", "form-data; "+p.header)
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		pw, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pw.Write(p.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func encoded(t testing.TB, enc interface {
	Bytes([]byte) ([]byte, error)
}, s string,
) []byte {
	t.Helper()
	b, err := enc.Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const hik = `<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><dateTime>2026-05-21T10:10:06+02:00</dateTime>` +
	`<eventType>ANPR</eventType><channelName>LANE</channelName><ANPR><country>13</country><licensePlate>1ABC123</licensePlate><line>1</line>` +
	`<direction>forward</direction><confidenceLevel>98</confidenceLevel><vehicleInfo><speed>57</speed></vehicleInfo></ANPR><UUID>u1</UUID></EventNotificationAlert>`

func replaced(old, with string) string { return strings.Replace(hik, old, with, 1) }

// TestHikvisionFirmwareVariantsGiveTheSameRead posts an event in every form seen, or likely, in a firmware.
func TestHikvisionFirmwareVariantsGiveTheSameRead(t *testing.T) {
	mixed, mixedBody := multi(t, one{`name="anpr.xml"; filename="anpr.xml"`, "text/xml", []byte(hik)}, one{`name="licensePlatePicture.jpg"; filename="licensePlatePicture.jpg"`, "image/jpeg", jpeg})
	odd, oddBody := multi(t, one{`name="x"; filename="pic"`, "application/octet-stream", jpeg}, one{`name="whatever"`, "", []byte("\r\n" + hik)}, one{`name="note"`, "text/plain", []byte("hello")})
	utf16le := encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), `<?xml version="1.0" encoding="UTF-16"?>`+hik)
	utf16be := encoded(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder(), hik)
	gbk := encoded(t, simplifiedchinese.GBK.NewEncoder(), `<?xml version="1.0" encoding="GB2312" ?>`+replaced("LANE", "\u8f66\u9053"))
	for name, c := range map[string]struct {
		kind string
		body []byte
	}{
		"as documented":               {"application/xml; charset=UTF-8", []byte(hik)},
		"no content type":             {"", []byte(hik)},
		"text/xml":                    {"text/xml", []byte(hik)},
		"octet-stream":                {"application/octet-stream", []byte(hik)},
		"said to be JSON":             {"application/json", []byte(hik)},
		"broken parameters":           {"application/xml; charset", []byte(hik)},
		"isapi.org namespace":         {"application/xml", []byte(replaced("www.hikvision.com/ver20", "www.isapi.org/ver20"))},
		"std-cgi.com namespace":       {"application/xml", []byte(replaced("www.hikvision.com/ver20", "www.std-cgi.com/ver10"))},
		"undeclared prefix":           {"application/xml", []byte(strings.NewReplacer("</", "</ns1:", "<", "<ns1:").Replace(hik))},
		"declaration 1.1":             {"application/xml", []byte(`<?xml version="1.1" encoding="utf-8"?>` + hik)},
		"byte order mark":             {"application/xml", []byte("\xef\xbb\xbf" + hik)},
		"UTF-16 with mark":            {"application/xml", utf16le},
		"UTF-16 without mark":         {"application/xml; charset=utf-16", utf16be},
		"declared UTF-16, is not":     {"application/xml", []byte(`<?xml version="1.0" encoding="UTF-16"?>` + hik)},
		"GB2312 channel name":         {"application/xml", gbk},
		"bytes that are no text":      {"application/xml", []byte(replaced("LANE", "\xd5\xff"))},
		"unknown encoding":            {"application/xml", []byte(`<?xml version="1.0" encoding="x-klingon"?>` + hik)},
		"trailing zero":               {"application/xml", []byte(hik + "\r\n\x00")},
		"leading blanks":              {"application/xml", []byte("\r\n\r\n  " + hik)},
		"bare ampersand":              {"application/xml", []byte(replaced("LANE", "A & B"))},
		"comment and doctype":         {"application/xml", []byte("<!DOCTYPE x><!-- c -->" + hik)},
		"inside an envelope":          {"application/xml", []byte("<Envelope><Body>" + hik + "</Body></Envelope>")},
		"float confidence":            {"application/xml", []byte(replaced("98<", "98.0<"))},
		"comma confidence":            {"application/xml", []byte(replaced("98<", "98,0<"))},
		"padded values":               {"application/xml", []byte(replaced("1ABC123", "\n 1ABC123 \n"))},
		"country as ISO-3":            {"application/xml", []byte(replaced("13<", "BEL<"))},
		"country as sign":             {"application/xml", []byte(replaced("13<", "B<"))},
		"event type in lower case":    {"application/xml", []byte(replaced("ANPR<", "anpr<"))},
		"no event type":               {"application/xml", []byte(replaced("<eventType>ANPR</eventType>", ""))},
		"time without offset":         {"application/xml", []byte(replaced("+02:00", ""))},
		"offset without colon":        {"application/xml", []byte(replaced("+02:00", "+0200"))},
		"offset Z":                    {"application/xml", []byte(replaced("10:10:06+02:00", "08:10:06Z"))},
		"plus lost in a form":         {"application/xml", []byte(replaced("+02:00", " 02:00"))},
		"blank for T":                 {"application/xml", []byte(replaced("21T10", "21 10"))},
		"absTime only":                {"application/xml", []byte(replaced("<dateTime>2026-05-21T10:10:06+02:00</dateTime>", "<absTime>20260521101006000</absTime>"))},
		"upper-case names":            {"application/xml", []byte(strings.NewReplacer("licensePlate", "LicensePlate", "dateTime", "DateTime").Replace(hik))},
		"multipart with picture":      {mixed, mixedBody},
		"multipart/mixed":             {strings.Replace(mixed, "form-data", "mixed", 1), mixedBody},
		"multipart, wrong boundary":   {"multipart/form-data; boundary=other", mixedBody},
		"multipart, no boundary":      {"multipart/form-data", mixedBody},
		"multipart, no type":          {"", mixedBody},
		"multipart, picture first":    {odd, oddBody},
		"multipart, no end":           {mixed, mixedBody[:bytes.LastIndex(mixedBody, []byte("\r\n--"))]},
		"multipart, broken last":      {mixed, append(bytes.TrimSuffix(bytes.TrimSpace(mixedBody), []byte("--")), "\r\nno header\r\n\r\n"...)},
		"multipart, newlines only":    {mixed, bytes.ReplaceAll(mixedBody, []byte("\r\n"), []byte("\n"))},
		"multipart announced, is not": {mixed, []byte(hik)},
		"JSON form": {"application/json", []byte(`{"dateTime":"2026-05-21T10:10:06+02:00","eventType":"ANPR","UUID":"u1","ANPR":{"country":13,"licensePlate":["1ABC123"],` +
			`"line":"1","direction":"forward","confidenceLevel":98,"vehicleInfo":{"speed":57.0}}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			ev := single(t, "hikvision", c.kind, c.body)
			r := ev.Read
			got := fmt.Sprintln(r.RawPlate, r.Country, r.ConfidencePm, r.Lane, r.Direction, r.SpeedDkmh, r.CameraEventId, ev.stated.instant())
			want := fmt.Sprintln("1ABC123", "BE", 980, 1, "DIRECTION_APPROACHING", 570, "u1", at(t, "2026-05-21T08:10:06Z"))
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			wantImages := strings.Contains(name, "multipart") && !strings.Contains(name, "is not")
			if got := len(ev.Images) == 1 && bytes.HasPrefix(ev.Images[0].Data, jpeg[:6]); got != wantImages {
				t.Errorf("picture found: got %t, want %t", got, wantImages)
			}
		})
	}
}

func single(t testing.TB, path, kind string, body []byte) *CameraEvent {
	t.Helper()
	events, rej := parseUpload(path, kind, body)
	if rej != nil {
		t.Fatalf("refused: %v", rej)
	}
	if len(events) != 1 || events[0].Err != nil || events[0].Ignored != "" {
		t.Fatalf("got %d events, want one read:\n%s", len(events), render(events))
	}
	return events[0]
}

func TestHikvisionDoubtfulValuesDoNotCostTheRead(t *testing.T) {
	f := func(name, old, with string, note Notice, check func(*CameraEvent) bool) {
		t.Helper()
		ev := single(t, "hikvision", "application/xml", []byte(replaced(old, with)))
		if !check(ev) {
			t.Errorf("%s: got\n%s", name, render([]*CameraEvent{ev}))
		}
		if got := fmt.Sprint(ev.Notices); note != "" && got != fmt.Sprintf("[%s]", note) || note == "" && len(ev.Notices) > 0 {
			t.Errorf("%s: got notes %s, want [%s]", name, got, note)
		}
	}
	f("speed 900", "57<", "900<", NoticeSpeed, func(ev *CameraEvent) bool { return ev.Read.SpeedDkmh == 0 })
	f("speed below 0", "57<", "-1<", NoticeSpeed, func(ev *CameraEvent) bool { return ev.Read.SpeedDkmh == 0 })
	f("speed empty", "57<", "<", "", func(ev *CameraEvent) bool { return ev.Read.SpeedDkmh == 0 })
	f("no vehicleInfo", "<vehicleInfo><speed>57</speed></vehicleInfo>", "", "", func(ev *CameraEvent) bool { return ev.Read.SpeedDkmh == 0 })
	f("confidence 101", "98<", "101<", NoticeConfidence, func(ev *CameraEvent) bool { return ev.Read.ConfidencePm == 0 })
	f("confidence text", "98<", "high<", NoticeConfidence, func(ev *CameraEvent) bool { return ev.Read.ConfidencePm == 0 })
	f("lane 99", "<line>1<", "<line>99<", NoticeLane, func(ev *CameraEvent) bool { return ev.Read.Lane == 0 })
	f("country 200", "13<", "200<", "", func(ev *CameraEvent) bool { return ev.Read.Country == "DM" })
	f("country 223, reserved", "13<", "223<", NoticeCountry, func(ev *CameraEvent) bool { return ev.Read.Country == "" })
	f("country 254", "13<", "254<", "", func(ev *CameraEvent) bool { return ev.Read.Country == "" })
	f("direction odd", "forward", "sideways", NoticeDirection, func(ev *CameraEvent) bool { return ev.Read.Direction == 0 })
	f("no UUID", "<UUID>u1</UUID>", "", "", func(ev *CameraEvent) bool { return ev.Read.CameraEventId == "" })
	f("long UUID", "u1<", strings.Repeat("x", 200)+"<", NoticeEventID, func(ev *CameraEvent) bool { return len(ev.Read.CameraEventId) == 71 })
	f("historic", "<line>", "<alarmDataType>1</alarmDataType><line>", "", func(ev *CameraEvent) bool { return ev.Read.LateUpload })
	f("retransmission", "<UUID>", "<isDataRetransmission>true</isDataRetransmission><UUID>", "", func(ev *CameraEvent) bool { return ev.Read.LateUpload })
	f("plate before list matching", "1ABC123", "noPlate</licensePlate><originalLicensePlate>2ABC123</originalLicensePlate><licensePlate>", NoticeOriginal,
		func(ev *CameraEvent) bool { return ev.Read.RawPlate == "2ABC123" })
}

func TestRefusalsNameFieldAndReason(t *testing.T) {
	noBoundary := []byte("--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--")
	f := func(path, kind, body string, reason schemas.Reason, field string) {
		t.Helper()
		events, rej := parseUpload(path, kind, []byte(body))
		if rej == nil && len(events) == 1 {
			rej = events[0].Err
		}
		if rej == nil {
			t.Errorf("%s %.60q: accepted, want %s %s", path, body, reason, field)
			return
		}
		if rej.Reason != reason || rej.Field != field || len(rej.Detail) < 10 {
			t.Errorf("%s %.60q: got %v, want %s field %s and a detail", path, body, rej, reason, field)
		}
	}
	const xml, json = "application/xml", "application/json"
	f("hikvision", xml, "", schemas.ReasonMalformed, "body")
	f("hikvision", xml, "plain words", schemas.ReasonMalformed, "body")
	f("hikvision", xml, hik[:200], schemas.ReasonMalformed, "body")
	f("hikvision", xml, "<EventNotificationAlert/>", schemas.ReasonMissingField, "eventType")
	f("hikvision", xml, replaced("<ANPR>", "<Other>")[:300], schemas.ReasonMalformed, "body")
	f("hikvision", xml, "<EventNotificationAlert><eventType>ANPR</eventType></EventNotificationAlert>", schemas.ReasonMissingField, "ANPR")
	f("hikvision", xml, strings.NewReplacer("ANPR>", "Other>", "eventType>ANPR", "eventType>VMD").Replace(hik), schemas.ReasonUnsupported, "licensePlate")
	f("hikvision", xml, `<Metadata><type>activityTarget</type></Metadata>`, schemas.ReasonUnsupported, "Metadata")
	f("hikvision", xml, replaced("2026-05-21T10:10:06+02:00", "yesterday"), schemas.ReasonBadField, "dateTime")
	for _, none := range []string{"unknown", "noPlate", "no plate", "", "-"} {
		f("hikvision", xml, replaced("1ABC123", none), schemas.ReasonPlateUnread, "licensePlate")
	}
	f("hikvision", "image/jpeg", string(jpeg), schemas.ReasonUnsupported, "Content-Type")
	f("hikvision", "application/pdf", hik, schemas.ReasonUnsupported, "Content-Type")
	f("hikvision", "multipart/form-data; boundary=b", string(noBoundary), schemas.ReasonMalformed, "body")
	f("nobody", json, "{}", schemas.ReasonUnsupported, "path")
	f("openalpr", json, "{}", schemas.ReasonMissingField, "data_type")
	f("openalpr", json, `{"data_type":"weather"}`, schemas.ReasonUnsupported, "data_type")
	f("openalpr", json, `{"data_type":`, schemas.ReasonMalformed, "body")
	f("platerecognizer", json, `{"hook":{"event":"recognition"},"data":{}}`, schemas.ReasonMissingField, "results")
	f("platerecognizer", json, `{"hook":{"event":"weather"},"data":{}}`, schemas.ReasonUnsupported, "hook.event")
	f("axis", xml, "<tt:MetadataStream/>", schemas.ReasonUnsupported, "text")
	f("axis", json, `{"carID":"1","plateText":"","capture_timestamp":1621511661894}`, schemas.ReasonPlateUnread, "text")
	f("survision", json, `{"weather":{}}`, schemas.ReasonUnsupported, "anpr")
	f("survision", json, `{"anpr":{"@date":"1"}}`, schemas.ReasonUnsupported, "anpr")
	f("reads", "text/plain", "{}", schemas.ReasonUnsupported, "Content-Type")
	f("reads", json, `{"raw_plate":"X1"}`, schemas.ReasonMissingField, "captured_at_us")
	f("reads", json, `{"captured_at_us":"x","raw_plate":"X1"}`, schemas.ReasonBadField, "captured_at_us")
	f("reads", json, `{"captured_at_us":1.5,"raw_plate":"X1"}`, schemas.ReasonBadField, "captured_at_us")
	f("reads", json, `{"captured_at_us":1779351006000000}`, schemas.ReasonMissingField, "raw_plate")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":""}`, schemas.ReasonPlateUnread, "raw_plate")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":null}`, schemas.ReasonPlateUnread, "raw_plate")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","quarantine":{}}`, schemas.ReasonBadField, "quarantine")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","lane":33}`, schemas.ReasonBadField, "lane")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","direction":"up"}`, schemas.ReasonBadField, "direction")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","direction":300}`, schemas.ReasonBadField, "direction")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","country":"Belgium"}`, schemas.ReasonBadField, "country")
	f("reads", json, `{"captured_at_us":1779351006000000,"raw_plate":"X1","image_sha256":"AAAA"}`, schemas.ReasonBadField, "image_sha256")
	f("reads", json, `[]`, schemas.ReasonMalformed, "body")
	f("reads", json, `"text"`, schemas.ReasonMalformed, "body")
	f("reads", json, strings.Repeat(`[`, 200)+strings.Repeat(`]`, 200), schemas.ReasonMalformed, "body")
	f("reads", "application/x-protobuf", "\xff\xff\xff", schemas.ReasonMalformed, "body")
	f("reads", "application/x-protobuf", "", schemas.ReasonMalformed, "body")
	f("reads", "application/x-protobuf", "\x2a\x02\xff\xfe", schemas.ReasonBadUTF8, "body")
}

func TestAxisStatesOfOneVehicleAreOneReadUntilOneSaysMore(t *testing.T) {
	event := func(plate, dir string) schemas.ID {
		ev := single(t, "axis", "application/json", fmt.Appendf(nil, `{"plateText":%q,"view":%q,"carID":"7","capture_timestamp":"1621511661894"}`, plate, dir))
		if got := ev.Read.CameraEventId; got != "7" {
			t.Errorf("got event id %q, want the carID", got)
		}
		ev.setReadID()
		return schemas.ID(ev.Read.ReadId)
	}
	first := event("WR6677", "unknown")
	if got := event("WR6677", "unk"); got != first {
		t.Errorf("the same said again: got %s, want %s", got, first)
	}
	if event("WR6677", "front") == first || event("MWR6677", "unknown") == first {
		t.Error("a direction or another plate is a read of its own")
	}
}

func TestPicturesInJSONAreFound(t *testing.T) {
	pic := base64.StdEncoding.EncodeToString(jpeg)
	f := func(path, body string) {
		t.Helper()
		ev := single(t, path, "application/json", []byte(strings.ReplaceAll(body, "PIC", pic)))
		if len(ev.Images) != 1 || !bytes.Equal(ev.Images[0].Data, jpeg) {
			t.Errorf("%s %.50s: got %d pictures, want the one", path, body, len(ev.Images))
		}
	}
	f("survision", `{"anpr":{"@date":"1581217555554","decision":{"@plate":"X1","jpeg":{"#text":"PIC"}}}}`)
	f("survision", `{"anpr":{"@date":"1581217555554","decision":{"@plate":"X1","jpeg":"data:image/jpeg;base64,PIC"}}}`)
	f("openalpr", `{"data_type":"alpr_group","epoch_start":1581217555554,"best_plate":{"plate":"X1","plate_crop_jpeg":"PIC"}}`)
	f("axis", `{"carID":"7","capture_timestamp":"1581217555554","plateText":"X1","imageFile":"PIC"}`)
	kind, body := multi(t, one{`name="json"`, "", []byte(`{"hook":{},"data":{"timestamp":"2025-02-19T09:35:04Z","results":{"plate":"x1","score":"0.9"}}}`)},
		one{`name="upload"; filename="a.jpg"`, "application/octet-stream", jpeg})
	if ev := single(t, "platerecognizer", kind, body); len(ev.Images) != 1 || ev.Read.ConfidencePm != 900 {
		t.Errorf("platerecognizer multipart: got %s", render([]*CameraEvent{ev}))
	}
	if ev := single(t, "platerecognizer", "application/x-www-form-urlencoded",
		[]byte(`json=%7B%22data%22%3A%7B%22timestamp%22%3A%222025-02-19T09%3A35%3A04Z%22%2C%22results%22%3A%5B%7B%22plate%22%3A%22x1%22%7D%5D%7D%7D`)); ev.Read.RawPlate != "x1" {
		t.Errorf("platerecognizer form: got %s", render([]*CameraEvent{ev}))
	}
}

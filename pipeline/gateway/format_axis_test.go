package gateway

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestAVehicleOfAxisIsTheSameReadInEachForm has a vehicle in the form of each engine variant. Fields missing in a form
// are not compared: the ONVIF event has neither confidence nor make.
func TestAVehicleOfAxisIsTheSameReadInEachForm(t *testing.T) {
	pic := base64.StdEncoding.EncodeToString(jpeg)
	push := `{"packetCounter":"11","capture_timestamp":"1795834800250","frame_timestamp":"1795834800250641","datetime":"20261128 040000250","plateText":"1AAA001","plateUTF8":"1AAA001",` +
		`"plateASCII":"1AAA001","plateCountry":"BEL","plateConfidence":"0.737210","carState":"update","roiID":"1","carMoveDirection":"in","carID":"54950","imageFile":"localdata/images/1/roi.jpg",` +
		`"vehicle_info":{"view":"rear","type":"TRUCK","color":"BLACK","brand":"DAF"}PICTURES}`
	data := `"text":"1AAA001","country":"BEL","carID":"54950","carState":"update","carMoveDirection":"in","capture_timestamp":"1795834800250","vehicleType":"TRUCK","vehicleColor":"BLACK","view":"rear","lpImage":"` + pic + `"`
	bare := strings.ReplaceAll(push, "PICTURES", "")
	kind, parts := multi(t, one{`name="event"; filename="event.json"`, "application/json", []byte(bare)}, one{`name="image"; filename="1.jpg"`, "image/jpeg", jpeg})
	const json, xml = "application/json", "application/xml"
	xmlEvent := onvif("ALPV.Update", "2026-11-28T03:00:00.250000Z", "text", "1AAA001", "country", "BEL", "carID", "54950", "carState", "update",
		"capture_timestamp", "1795834800250", "vehicleType", "TRUCK", "vehicleColor", "BLACK", "view", "rear", "carMoveDirection", "in", "lpImage", pic)
	for _, c := range []struct {
		name, kind, body string
		full             bool // with confidence and make
		pictures         int
	}{
		{"push in parts", kind, string(parts), true, 1},
		{"push with pictures in the JSON", json, strings.ReplaceAll(push, "PICTURES", `,"ImageArray":[{"ImageType":"","ImageFormat":"jpg","BinaryImage":"`+pic+`"}]`), true, 1},
		{"push with paths", json, bare, true, 0},
		{"relay", json, `{"buffer":` + bare + `}`, true, 0},
		{"relay of several", json, `{"buffer":[` + bare + `]}`, true, 0},
		{"MQTT", json, `{"topic":"axis:CameraApplicationPlatform/ALPV.AllPlates","timestamp":1795834800250,"serial":"s","message":{"source":{},"key":{},"data":{` + data + `}}}`, false, 1},
		{"MQTT below another broker", json, `{"topic":"city","payload":{"topic":"axis:CameraApplicationPlatform/ALPV.AllPlates","message":{"source":{},"key":{},"data":{` + data + `}}}}`, false, 1},
		{"WebSocket", json, `{"apiVersion":"1.0","method":"events:notify","params":{"notification":{"topic":"tnsaxis:CameraApplicationPlatform/ALPV.AllPlates","timestamp":1795834800250,"message":{"source":{},"key":{},"data":{` + data + `}}}}}`, false, 1},
		{"ONVIF", xml, xmlEvent, false, 1},
		{"ONVIF in SOAP", xml, `<s:Envelope xmlns:s="x"><s:Body>` + xmlEvent + `</s:Body></s:Envelope>`, false, 1},
		{"ONVIF without its topic", xml, strings.ReplaceAll(xmlEvent, "Topic", "Subject"), false, 1},
		{"ONVIF without capture_timestamp", xml, strings.ReplaceAll(xmlEvent, "capture_timestamp", "other"), false, 1},
	} {
		ev := single(t, "axis", c.kind, []byte(c.body))
		r := ev.Read
		got := fmt.Sprintln(r.RawPlate, r.Country, ev.stated.instant(), r.Direction, r.VehicleKind, r.Colour, r.CameraEventId, r.LateUpload, len(ev.Images), r.ConfidencePm, r.Make)
		confidence, brand := 0, ""
		if c.full {
			confidence, brand = 737, "DAF"
		}
		want := fmt.Sprintln("1AAA001", "BE", at(t, "2026-11-28T03:00:00.25Z"), "DIRECTION_DEPARTING", "VEHICLE_KIND_TRUCK", "BLACK", "54950", false, c.pictures, confidence, brand)
		if got != want {
			t.Errorf("%s: got\n%s want\n%s", c.name, got, want)
		}
	}
}

func TestTheDirectionOfAxisIsTheSideThatWasSeen(t *testing.T) {
	for _, c := range []struct{ moves, view, want string }{
		{"in", "rear", "DIRECTION_DEPARTING"},
		{"out", "front", "DIRECTION_APPROACHING"},
		{"in", "front", "DIRECTION_APPROACHING"},
		{"out", "rear", "DIRECTION_DEPARTING"},
		{"in", "", "DIRECTION_UNSPECIFIED"},
		{"out", "", "DIRECTION_UNSPECIFIED"},
		{"unk", "unknown", "DIRECTION_UNSPECIFIED"},
		{"in", "in", "DIRECTION_UNSPECIFIED"},
	} {
		for _, body := range []string{
			fmt.Sprintf(`{"plateText":"X1","carMoveDirection":%q,"view":%q,"carID":"7","capture_timestamp":"1795834800250"}`, c.moves, c.view),
			fmt.Sprintf(`{"plateText":"X1","carMoveDirection":%q,"vehicle_info":{"view":%q},"carID":"7","capture_timestamp":"1795834800250"}`, c.moves, c.view),
		} {
			if got := single(t, "axis", "application/json", []byte(body)).Read.Direction.String(); got != c.want {
				t.Errorf("%s: got %s, want %s", body, got, c.want)
			}
		}
	}
}

// TestAVehicleThatStoodIsNoProofAgainstTheClock sends ends of tracks beside live reads: late by design, by minutes too.
func TestAVehicleThatStoodIsNoProofAgainstTheClock(t *testing.T) {
	rg := newRig(t, nil)
	rg.set("2026-11-28T03:00:01Z")
	send := func(file string) outcome {
		t.Helper()
		res := rg.send("cam-1/axis", "application/json", load(t, "testdata/"+file))
		if res.code != 200 || len(res.answer.Reads) != 1 {
			t.Fatalf("%s: got %d %+v", file, res.code, res)
		}
		return res.answer.Reads[0]
	}
	send("axis-lost-beside-live.json")
	for range 5 {
		rg.now.Add(1_000_000)
		send("axis-lost-after-standing.json")
		rg.now.Add(300_000_000)
		send("axis-lost-after-standing.json")
	}
	for _, r := range rg.logged() {
		if r.ClockSuspect {
			t.Errorf("a suspicion: %v", r)
		}
		if lost := r.RawPlate == "1AAA112"; lost != r.LateUpload || lost && r.CapturedAtUs != int64(at(t, "2026-11-28T02:59:20.25Z")) {
			t.Errorf("got %v, want the capture time of the first sight, and what is lost declared late", r)
		}
	}
	if strings.Contains(rg.log.String(), "clock") {
		t.Errorf("the log warns of the clock: %s", rg.log.String())
	}
}

func TestAnEndOfTrackBeforeItBeganIsAClockAhead(t *testing.T) {
	rg := newRig(t, nil)
	rg.set("2026-11-28T02:50:00Z")
	if res := rg.send("cam-1/axis", "application/json", load(t, "testdata/axis-lost-after-standing.json")); fmt.Sprint(res.answer.Reads[0].Notices) != "[clock_suspect image_by_address]" {
		t.Errorf("got %+v, want a suspicion: no buffer is ahead of time", res)
	}
}

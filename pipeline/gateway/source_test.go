package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// sourced is one message of every format that can name its device; %s is the device's name.
var sourced = []struct{ name, path, kind, body string }{
	{"recorder channel", "hikvision", "application/xml", `<EventNotificationAlert><channelID>%s</channelID><dateTime>2026-05-21T10:10:06+02:00</dateTime><eventType>ANPR</eventType><ANPR><licensePlate>1ABC123</licensePlate></ANPR></EventNotificationAlert>`},
	{"device uuid", "hikvision", "application/xml", `<EventNotificationAlert><deviceUUID>%s</deviceUUID><dateTime>2026-05-21T10:10:06+02:00</dateTime><eventType>ANPR</eventType><ANPR><licensePlate>1ABC123</licensePlate></ANPR></EventNotificationAlert>`},
	{"agent camera, number", "openalpr", "application/json", `{"data_type":"alpr_group","camera_id":%s,"epoch_start":1779351006000,"best_plate_number":"1ABC123"}`},
	{"agent camera, text", "openalpr", "application/json", `{"data_type":"alpr_group","camera_id":"%s","epoch_start":1779351006000,"best_plate_number":"1ABC123"}`},
	{"agent camera of a frame", "openalpr", "application/json", `{"data_type":"alpr_results","camera_id":%s,"epoch_time":1779351006000,"results":[{"plate":"1ABC123","confidence":90}]}`},
	{"stream", "platerecognizer", "application/json", `{"hook":{"event":"recognition"},"data":{"camera_id":"%s","timestamp":"2026-05-21T08:10:06Z","results":[{"plate":"1abc123","score":0.9}]}}`},
	{"verifier provider", "axis", "application/json", `{"sensorProviderID":"%s","plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000"}`},
	{"survision number", "survision", "application/json", `{"anpr":{"@date":"1779351006000","@cameraId":"%s","decision":{"@plate":"1ABC123"}}}`},
}

// behind gives the rig a recorder whose own source id is 1, with two cameras behind it, and a camera beside it.
func behind(rg *rig) {
	sum := schemas.Sum(sha(token))
	rg.cams["rec"] = &schemas.Camera{ID: "rec", TokenSum: sum, Access: &schemas.Access{Sources: map[string]string{"1": "rec", "3": "third", "4": "fourth"}}}
	rg.cams["third"] = &schemas.Camera{ID: "third", Access: &schemas.Access{Behind: "rec", SourceIDs: []string{"3"}}}
	rg.cams["fourth"] = &schemas.Camera{ID: "fourth", Access: &schemas.Access{Behind: "rec", SourceIDs: []string{"4"}}}
}

func TestAMessageIsOfTheCameraThatHasItsSource(t *testing.T) {
	for _, c := range sourced {
		t.Run(c.name, func(t *testing.T) {
			rg := newRig(t, nil)
			behind(rg)
			for id, camera := range map[string]string{"1": "rec", "3": "third", "4": "fourth"} {
				before := len(rg.logged())
				res := rg.send("rec/"+c.path, c.kind, fmt.Appendf(nil, c.body, id))
				all := rg.logged()
				if res.code != 200 || len(all) != before+1 {
					t.Fatalf("source %s: got %d %+v", id, res.code, res.problem)
				}
				if !slices.ContainsFunc(all, func(r *anprv1.PlateRead) bool { return r.CameraId == camera && r.Quarantine == nil }) {
					t.Errorf("source %s: no read of %s on the log", id, camera)
				}
			}
		})
	}
}

func TestAnUnknownSourceIsRefusedByName(t *testing.T) {
	for _, c := range sourced {
		t.Run(c.name, func(t *testing.T) {
			rg := newRig(t, nil)
			behind(rg)
			res := rg.send("rec/"+c.path, c.kind, fmt.Appendf(nil, c.body, "2"))
			if res.code != 422 || res.problem.Reason != "bad_field" || !strings.Contains(res.problem.Detail, `"2" is no source_id`) {
				t.Errorf("got %d %+v", res.code, res.problem)
			}
			if r := only(t, rg); r.Quarantine == nil || r.CameraId != "rec" {
				t.Errorf("kept as %v, want a dead letter of the address", r)
			}
		})
	}
	rg := newRig(t, nil)
	behind(rg)
	res := rg.send("rec/hikvision", "application/xml", []byte(strings.NewReplacer("<channelID>%s</channelID>", "").Replace(sourced[0].body)))
	if res.code != 422 || res.problem.Field != "source_id" || res.problem.Reason != "missing_field" {
		t.Errorf("without a source: got %d %+v", res.code, res.problem)
	}
	two := strings.Replace(sourced[0].body, "<channelID>%s</channelID>", "<channelID>3</channelID><deviceUUID>4</deviceUUID>", 1)
	if res := rg.send("rec/hikvision", "application/xml", []byte(two)); res.code != 422 || res.problem.Field != "deviceUUID" {
		t.Errorf("of two cameras at once: got %d %+v", res.code, res.problem)
	}
}

func TestATokenWritesOnlyForCamerasBehindItsOwn(t *testing.T) {
	read := func(camera string) []byte {
		return []byte(`{"camera_id":"` + camera + `","raw_plate":"1ABC123","captured_at_us":1779351006000000}`)
	}
	rg := newRig(t, nil)
	behind(rg)
	for camera, want := range map[string]int{"rec": 200, "third": 200, "fourth": 200, "cam-1": 422, "nobody": 422} {
		if res := rg.send("rec/reads", "application/json", read(camera)); res.code != want {
			t.Errorf("camera_id %s at the recorder: got %d %+v, want %d", camera, res.code, res.problem, want)
		}
	}
	if res := rg.send("cam-1/reads", "application/json", read("third")); res.code != 422 {
		t.Errorf("a neighbour wrote for a camera behind the recorder: %d", res.code)
	}
	if res := rg.send("third/reads", "application/json", read("third")); res.code != 401 {
		t.Errorf("the recorder's token at the address of a camera behind it: got %d, want 401: it has none of its own", res.code)
	}
	for _, r := range rg.logged() {
		if r.Quarantine == nil && !slices.Contains([]string{"rec", "third", "fourth"}, r.CameraId) {
			t.Errorf("a read of %s on the log", r.CameraId)
		}
	}
}

func TestASecondSourceWithoutSourceIDsIsNotedCountedAndWarnedOfOnce(t *testing.T) {
	for _, c := range sourced {
		t.Run(c.name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			rg := newRig(t, func(cfg *Config) { cfg.Metrics = NewMetrics(reg) })
			for i, id := range []string{"7", "7", "8", "7", "8"} {
				res := rg.send("cam-1/"+c.path, c.kind, fmt.Appendf(nil, c.body, id))
				if res.code != 200 || len(res.answer.Reads) != 1 {
					t.Fatalf("upload %d: got %d %+v", i, res.code, res.problem)
				}
				if noted := slices.Contains(res.answer.Reads[0].Notices, NoticeSource); noted != (id == "8") {
					t.Errorf("upload %d of source %s: noted %t", i, id, noted)
				}
			}
			if got := noted(t, reg, string(NoticeSource)); got != 2 {
				t.Errorf("counted %v, want 2", got)
			}
			if n := strings.Count(rg.log.String(), "several devices"); n != 1 {
				t.Errorf("warned %d times, want once: %s", n, rg.log.String())
			}
		})
	}
}

// noted is what the counter of a note says.
func noted(t *testing.T, reg *prometheus.Registry, note string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "anpr_gateway_notes_total" && m.GetLabel()[0].GetValue() == note {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

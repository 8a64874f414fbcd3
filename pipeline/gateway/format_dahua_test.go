package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const dahuaRead = `{"Picture":{"Plate":{"IsExist":true,"PlateNumber":"1ABC123","Region":"BEL","Confidence":254},"SnapInfo":{"AccurateTime":"2026-05-21 10:10:06.250","DeviceID":"0000000000000000","Direction":"Obverse","LanNo":1,"TimeZone":1},"Vehicle":{"VehicleType":"SaloonCar","Speed":47}}}`

// A device sends an upload until the answer has Result true. It gets that for all that is on the log, refusals too, and for
// nothing else: sent again, a refused upload would be refused again, and hold up the reads behind it.
func TestDahuaIsAnsweredOnceAnUploadIsKept(t *testing.T) {
	const tollgate = "cam-1/dahua/NotificationInfo/TollgateInfo"
	for name, c := range map[string]struct {
		path, body string
		records    int
	}{
		"a read":                          {tollgate, dahuaRead, 1},
		"a read at the address alone":     {"cam-1/dahua", dahuaRead, 1},
		"a vehicle without plate":         {tollgate, `{"Picture":{"Plate":{"IsExist":false}}}`, 0},
		"a sign of life":                  {"cam-1/dahua/NotificationInfo/KeepAlive", `{"Active":1}`, 0},
		"a sign of life, empty":           {"cam-1/dahua/NotificationInfo/KeepAlive", ``, 0},
		"a device":                        {"cam-1/dahua/NotificationInfo/DeviceInfo", `{"DeviceID":"1"}`, 0},
		"a plate that is none":            {tollgate, strings.Replace(dahuaRead, "1ABC123", "ABCDEFGHIJKLMNOPQ", 1), 1},
		"no picture":                      {tollgate, `{"x":1}`, 1},
		"no JSON":                         {tollgate, `{"Picture":`, 1},
		"a device with fields of a plate": {"cam-1/dahua/NotificationInfo/DeviceInfo", dahuaRead, 1},
	} {
		rg := newRig(t, nil)
		res := rg.send(c.path, "application/json", []byte(c.body))
		if res.code != 200 || !strings.Contains(string(res.raw), `"Result":true`) || !strings.Contains(string(res.raw), `"result":"true"`) || len(rg.logged()) != c.records {
			t.Errorf("%s: got %d %s and %d records, want a result and %d", name, res.code, res.raw, len(rg.logged()), c.records)
		}
	}
	refused := newRig(t, nil)
	if res := refused.send(tollgate, "application/json", []byte(dahuaRead), "Bearer nope"); res.code != http.StatusUnauthorized || strings.Contains(strings.ToLower(string(res.raw)), "result") {
		t.Errorf("a stranger: got %d %s, want no result", res.code, res.raw)
	}
	away := newRig(t, func(c *Config) { c.ProduceTimeout = 300 * time.Millisecond })
	away.broker.Close()
	if res := away.send(tollgate, "application/json", []byte(dahuaRead)); res.code != http.StatusServiceUnavailable || strings.Contains(strings.ToLower(string(res.raw)), "result") {
		t.Errorf("without the log: got %d %s, want it sent again", res.code, res.raw)
	}
	other := newRig(t, nil)
	if res := other.send("cam-1/hikvision", "application/xml", []byte(hik)); strings.Contains(strings.ToLower(string(res.raw)), `"result"`) {
		t.Errorf("another format waits for no result: %s", res.raw)
	}
}

func TestDahuaConfidencesAreOf255(t *testing.T) {
	for text, want := range map[string]uint32{`0`: 0, `"1"`: 4, `128`: 502, `254`: 996, `255`: 1000, `256`: 0, `-1`: 0, `"high"`: 0, `12.7`: 47} {
		ev := single(t, "dahua", "application/json", []byte(strings.Replace(dahuaRead, "254", text, 1)))
		if dropped := want == 0 && text != "0"; ev.Read.ConfidencePm != want || dropped != (len(ev.Notices) > 0) {
			t.Errorf("%s: got %d %v, want %d", text, ev.Read.ConfidencePm, ev.Notices, want)
		}
	}
}

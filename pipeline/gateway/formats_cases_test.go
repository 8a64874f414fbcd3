package gateway

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// caseNow is the receipt time of a case's payloads, each a second after the one before: their own times are made for
// it.
const caseNow = "2026-11-28T03:00:02Z"

// The pictures of the Hikvision payloads, by the beginning of their SHA-256.
const scenePicture, platePicture = "277d9b65d3035697", "ebbc2766ccd150ec"

// row shows a read in one line, without its empty fields.
func row(r *anprv1.PlateRead) string {
	out := []string{r.RawPlate, r.Country}
	add := func(name string, v any, there bool) {
		if there {
			out = append(out, fmt.Sprintf("%s=%v", name, v))
		}
	}
	add("confidence", r.ConfidencePm, r.ConfidencePm > 0)
	add("speed", r.SpeedDkmh, r.SpeedDkmh > 0)
	add("lane", r.Lane, r.Lane > 0)
	add("direction", schemas.Direction(r.Direction), r.Direction > 0)
	add("kind", schemas.VehicleKind(r.VehicleKind), r.VehicleKind > 0)
	add("make", r.Make, r.Make != "")
	add("colour", r.Colour, r.Colour != "")
	for _, c := range r.Candidates {
		add("candidate", fmt.Sprint(c.Plate, "/", c.ConfidencePm), true)
	}
	if len(r.ImageSha256) > 0 {
		add("picture", hex.EncodeToString(r.ImageSha256)[:16], true)
	}
	add("more", len(r.MoreImagesSha256), len(r.MoreImagesSha256) > 0)
	add("late", r.LateUpload, r.LateUpload)
	add("suspect", r.ClockSuspect, r.ClockSuspect)
	return strings.Join(out, " ")
}

// postCases sends files to one camera in order, each answered 200, and returns the rows on the log, sorted, and the
// answers.
func postCases(t *testing.T, rg *rig, files ...string) (rows []string, replies []reply) {
	t.Helper()
	rg.set(caseNow)
	for i, f := range files {
		rg.now.Store(int64(at(t, caseNow)) + int64(i)*1_000_000)
		res := rg.send("cam-1/"+formatOf(f), typeOf(f), load(t, "testdata/"+f))
		if res.code != http.StatusOK {
			t.Errorf("%s: got %d %+v", f, res.code, res.problem)
		}
		replies = append(replies, res)
	}
	ids := map[string]string{}
	for _, r := range rg.logged() {
		if r.Quarantine != nil {
			t.Errorf("%v was refused: %s", files, r.Quarantine.Detail)
			continue
		}
		line := row(r)
		if other, twice := ids[string(r.ReadId)]; twice && other != line {
			t.Errorf("one read id for %s and %s", line, other)
		}
		ids[string(r.ReadId)] = line
		rows = append(rows, line)
	}
	slices.Sort(rows)
	return rows, replies
}

func TestHikvisionPayloadsAreStoredAsTheCameraMeantThem(t *testing.T) {
	const usual = " confidence=980 lane=1 direction=approaching"
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"four vehicles under one UUID", []string{"hikvision-one-id-many-plates-1.xml", "hikvision-one-id-many-plates-2.xml", "hikvision-one-id-many-plates-3.xml", "hikvision-one-id-many-plates-4.xml"}, []string{
			"1HBX210 BE" + usual, "2HCY217 BE" + usual, "6HHZ245 BE" + usual, "7HDZ224 BE" + usual,
		}},
		{"a corrected plate", []string{"hikvision-one-id-corrected-1.xml", "hikvision-one-id-corrected-2.xml"}, []string{
			"2BCX21 BE confidence=610 lane=1 direction=approaching", "2BCX217 BE confidence=990 lane=1 direction=approaching",
		}},
		{"more data follows", []string{"hikvision-more-data-1.xml", "hikvision-more-data-2.multipart"}, []string{
			"1HAA007 BE" + usual, "1HAA007 BE confidence=980 speed=630 lane=1 direction=approaching kind=truck colour=white picture=" + scenePicture + " more=1",
		}},
		{"country numbers", []string{"hikvision-countries.multipart"}, []string{
			"1HAA080 AT" + usual, "1HAA081 TR" + usual, "1HAA082 AT" + usual, "1HAA083 AT" + usual, "1HAA084 CH" + usual, "1HAA085 PT" + usual,
			"1HAA086 CZ" + usual, "1HAA087 HU" + usual, "1HAA088 BE" + usual,
		}},
		{"vehicle words", []string{"hikvision-kinds.multipart"}, []string{
			"1HAB100 BE" + usual + " kind=car", "1HAB101 BE" + usual + " kind=bus", "1HAB102 BE" + usual + " kind=van", "1HAB103 BE" + usual + " kind=truck",
			"1HAB104 BE" + usual + " kind=truck", "1HAB105 BE" + usual + " kind=truck", "1HAB106 BE" + usual + " kind=truck", "1HAB107 BE" + usual + " kind=van",
			"1HAB108 BE" + usual + " kind=car", "1HAB109 BE" + usual + " kind=bus", "1HAB110 BE" + usual + " kind=motorcycle",
		}},
		{"German lorries", []string{"hikvision-german-lorries.multipart"}, []string{"HHKT1001 DE" + usual + " kind=truck", "HHKT1002 DE" + usual + " kind=truck", "HHKT1003 DE" + usual + " kind=truck"}},
		{"the plate under an old name", []string{"hikvision-plate-number-tag.xml"}, []string{"1HAA004  confidence=910"}},
		{"no time", []string{"hikvision-no-time.xml"}, []string{"1HAA003  confidence=925 direction=approaching suspect=true"}},
		{"two blocks", []string{"hikvision-two-anpr-blocks.xml"}, []string{"1HAC271 BE" + usual, "1HAC272 BE" + usual}},
		{"an umlaut in bytes that are no text", []string{"hikvision-latin1-original.xml"}, []string{"BL\u00d6918 DE" + usual}},
		{"inactive", []string{"hikvision-inactive.xml"}, []string{"1HAC014 BE" + usual}},
		{"everything", []string{"hikvision-full.multipart"}, []string{
			"1HAA001 BE confidence=980 speed=470 lane=1 direction=approaching kind=car colour=black picture=" + scenePicture + " more=1",
		}},
		{"old firmware, sent three times", []string{"hikvision-old-firmware.xml", "hikvision-old-firmware.xml", "hikvision-old-firmware.xml"}, []string{
			"1HAA002  confidence=850 lane=1 direction=approaching", "1HAA002  confidence=850 lane=1 direction=approaching", "1HAA002  confidence=850 lane=1 direction=approaching",
		}},
		{"another encoding", []string{"hikvision-gb2312.xml"}, []string{"1HAC010 BE" + usual}},
		{"a factory offset", []string{"hikvision-offset-plus-8.xml"}, []string{"1HAC152 BE" + usual}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := postCases(t, newRig(t, nil), c.files...)
			if slices.Sort(c.want); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestTheTimeOfReceiptStandsInAndIsNotTrusted(t *testing.T) {
	rg := newRig(t, nil)
	_, replies := postCases(t, rg, "hikvision-no-time.xml")
	r := only(t, rg)
	if r.CapturedAtUs != int64(at(t, caseNow)) || !r.ClockSuspect {
		t.Errorf("got %v, want it captured when it was received, and suspect", r)
	}
	if out := replies[0].answer.Reads[0]; !slices.Contains(out.Notices, NoticeReceiptTime) || out.DuplicateSafe {
		t.Errorf("got %+v, want a note, and no promise for a repetition", out)
	}
	for _, c := range []struct{ path, kind, body string }{
		{"hikvision", "application/xml", strings.Replace(hik, "2026-05-21", "2020-01-01", 1)},
		{"hikvision", "application/xml", strings.Replace(hik, "2026-05-21T10:10:06+02:00", "1970-01-01T00:01:00Z", 1)},
		{"hikvision", "application/xml", strings.Replace(hik, "2026-05-21", "2099-05-21", 1)},
		{"reads", "application/json", `{"raw_plate":"1ABC123","captured_at_us":1577836800000000}`},
	} {
		rg := newRig(t, nil)
		rg.set(caseNow)
		if res := rg.send("cam-1/"+c.path, c.kind, []byte(c.body)); res.code != 200 || !slices.Contains(res.answer.Reads[0].Notices, NoticeClock) {
			t.Errorf("%s %.100s: got %d %+v", c.path, c.body, res.code, res)
			continue
		}
		if r := only(t, rg); r.CapturedAtUs != int64(at(t, caseNow)) || !r.ClockSuspect {
			t.Errorf("%s: got %v, want it captured when it was received, and suspect", c.path, r)
		}
		if !strings.Contains(rg.log.String(), "set its clock") {
			t.Errorf("%s: the operator is not told: %s", c.path, rg.log)
		}
	}
}

// TestAnUnreadVehicleIsAnsweredLikeARead and is counted once however often it is sent, for its camera.
func TestAnUnreadVehicleIsAnsweredLikeARead(t *testing.T) {
	for _, keep := range []bool{false, true} {
		reg := prometheus.NewRegistry()
		rg := newRig(t, func(c *Config) { c.Metrics, c.KeepUnread = NewMetrics(reg), keep })
		rows, replies := postCases(t, rg, "hikvision-unknown-plate.multipart", "hikvision-unknown-plate.multipart")
		if len(rows) != 0 {
			t.Errorf("got %v on the log, want nothing", rows)
		}
		for _, r := range replies {
			if len(r.answer.Reads) != 0 || len(r.answer.Unread) != 1 || r.answer.Unread[0].Outcome != "unread" {
				t.Errorf("got %+v", r.answer)
			}
		}
		other := bytes.Replace(load(t, "testdata/hikvision-unknown-plate.multipart"), []byte("04:00:00.250"), []byte("04:00:01.250"), 1)
		rg.send("cam-1/hikvision", "multipart/form-data; boundary=boundary", other)
		rg.send("cam-1/reads", "application/json", []byte(`{"raw_plate":"unknown","captured_at_us":1795834800250000}`))
		rg.send("cam-1/reads", "application/json", []byte(`{"raw_plate":"NONE","captured_at_us":1795834800250000}`))
		if got := counted(t, reg, "anpr_gateway_vehicles_unread_total"); got != 3 {
			t.Errorf("got %v unread vehicles, want 3: two of Hikvision, and one of the canonical format in two words", got)
		}
		scene := bytes.Split(load(t, "testdata/hikvision-full.multipart"), []byte("\r\n\r\n"))[2]
		scene, _, _ = bytes.Cut(scene, []byte("\r\n--"))
		_, err := rg.store.Get(t.Context(), sha(string(scene)))
		if stored := err == nil; stored != keep || strings.Contains(rg.log.String(), scenePicture) != keep {
			t.Errorf("KeepUnread %t: stored %t (%v), log %s", keep, stored, err, rg.log)
		}
	}
}

func TestHikvisionEventsBesideReadsAreIgnoredAndCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) { c.Metrics = NewMetrics(reg) })
	rows, replies := postCases(t, rg, "hikvision-other-events.multipart", "hikvision-alert-stream.multipart")
	if len(rows) != 2 || len(replies[0].answer.Ignored) != 3 || len(replies[1].answer.Ignored) != 1 {
		t.Errorf("got rows %v and answers %+v", rows, replies)
	}
	if got := counted(t, reg, "anpr_gateway_events_ignored_total"); got != 4 {
		t.Errorf("counted %v ignored events, want 4", got)
	}
}

func TestCanonicalPayloadsAreStoredAsTheySay(t *testing.T) {
	for file, want := range map[string]string{
		"reads-read.json":        "1-CAA-001 BE confidence=925 speed=505 lane=1 direction=departing kind=truck make=DAF colour=white candidate=1CAA0OI/700",
		"reads-country-deu.json": "1CAA007 DE",
	} {
		if rows, _ := postCases(t, newRig(t, nil), file); len(rows) != 1 || rows[0] != want {
			t.Errorf("%s: got %v, want %s", file, rows, want)
		}
	}
	rg := newRig(t, nil)
	if rows, _ := postCases(t, rg, "reads-protobuf.pb"); len(rows) != 1 || !strings.HasPrefix(rows[0], "1CAA002 ") {
		t.Errorf("Protobuf: got %v", rows)
	}
	for _, kind := range []string{"application/octet-stream", ""} {
		if res := rg.send("cam-1/reads", kind, load(t, "testdata/reads-protobuf.pb")); res.code != 415 || !strings.Contains(res.problem.Detail, "application/x-protobuf") {
			t.Errorf("as %q: got %d %+v, want 415 that names the right type", kind, res.code, res.problem)
		}
	}
}

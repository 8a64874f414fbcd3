package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sha(s string) [32]byte { return sha256.Sum256([]byte(s)) }

// only returns the one record of the log.
func only(t testing.TB, rg *rig) *anprv1.PlateRead {
	t.Helper()
	all := rg.logged()
	if len(all) != 1 {
		t.Fatalf("got %d records on the log, want 1: %v", len(all), all)
	}
	return all[0]
}

func TestAnAcknowledgedReadIsOnTheLogWithItsPictures(t *testing.T) {
	rg := newRig(t, nil)
	kind, body := multi(t, one{`name="a"`, "text/xml", load(t, "testdata/hikvision-isapi-v2.xml")},
		one{`name="licensePlatePicture.jpg"; filename="licensePlatePicture.jpg"`, "image/jpeg", append(bytes.Clone(jpeg), "plate, and longer than the scene"...)},
		one{`name="detectionPicture.jpg"; filename="detectionPicture.jpg"`, "application/octet-stream", jpeg})
	res := rg.send("cam-1/hikvision", kind, body)
	if res.code != http.StatusOK || len(res.answer.Reads) != 1 || res.answer.Reads[0].Outcome != "accepted" || !res.answer.Reads[0].DuplicateSafe {
		t.Fatalf("got %d %+v", res.code, res)
	}
	r := only(t, rg)
	id := schemas.ReadID{ID: schemas.ID(r.ReadId)}
	if id.IsZero() || res.answer.Reads[0].ReadID != id.String() {
		t.Errorf("read id: on the log %s, answered %s, want the same", id, res.answer.Reads[0].ReadID)
	}
	if r.CameraId != "cam-1" || r.Format != "hikvision" || r.RawPlate != "38AAP000" || r.ReceivedAtUs != rg.now.Load() ||
		r.CapturedAtUs != int64(at(t, "2026-05-21T08:10:06Z")) {
		t.Errorf("got %v", r)
	}
	if got, err := rg.store.Get(t.Context(), schemas.Sum(r.ImageSha256)); err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("the best picture: got %q, %v, want the scene", got, err)
	}
	if len(r.MoreImagesSha256) != 1 {
		t.Errorf("got %d more pictures, want the plate", len(r.MoreImagesSha256))
	}
}

func TestARetransmissionHasTheSameReadID(t *testing.T) {
	rg := newRig(t, nil)
	noUUID := []byte(replaced("<UUID>u1</UUID>", ""))
	wrongZone := bytes.Replace(noUUID, []byte("+02:00"), []byte("+08:00"), 1) // replaced on the first delivery only
	wrongZone = bytes.Replace(wrongZone, []byte("1ABC123"), []byte("1XYZ123"), 1)
	for i, now := range []string{sampleNow, "2026-05-21T09:00:00Z", "2026-05-22T09:00:00Z"} {
		rg.set(now)
		for _, body := range [][]byte{[]byte(hik), noUUID, wrongZone} {
			if res := rg.send("cam-1/hikvision", "application/xml", body); res.code != http.StatusOK {
				t.Fatalf("upload %d: got %d %+v", i, res.code, res.problem)
			}
		}
	}
	ids := map[string]int{}
	for _, r := range rg.logged() {
		ids[string(r.ReadId)]++
	}
	if len(ids) != 3 {
		t.Errorf("got %d different ids of three events sent three times, want 3", len(ids))
	}
}

func TestEveryFormatReachesTheLog(t *testing.T) {
	for file, now := range map[string]string{
		"axis-alpv-allplates.xml": "2021-05-20T11:54:25Z", "axis-push.json": "2021-05-20T11:54:25Z", "openalpr-group.json": "2015-11-24T00:50:11Z",
		"platerecognizer-webhook.json": "2025-02-19T08:35:06Z", "survision-decision.json": "2020-02-09T03:06:00Z", "hikvision-old-ns1.xml": sampleNow,
	} {
		t.Run(file, func(t *testing.T) {
			rg := newRig(t, nil)
			rg.set(now)
			res := rg.send("cam-1/"+formatOf(file), typeOf(file), load(t, "testdata/"+file))
			if res.code != http.StatusOK {
				t.Fatalf("got %d %+v", res.code, res.problem)
			}
			if r := only(t, rg); r.Format != formatOf(file) || r.Quarantine != nil || len(r.ReadId) != 16 {
				t.Errorf("got %v", r)
			}
		})
	}
}

func TestCanonicalProtobufIsTakenAndItsPrivateFieldsAreOurs(t *testing.T) {
	rg := newRig(t, nil)
	b, err := proto.Marshal(&anprv1.PlateRead{
		ReadId: make([]byte, 16), ReceivedAtUs: 1, Format: "mine", CapturedAtUs: rg.now.Load(), RawPlate: "1-abc-123", Country: "be", CameraId: "cam-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"application/x-protobuf", "application/protobuf", "application/x-protobuf; messageType=anpr.v1.PlateRead"} {
		if res := rg.send("cam-1/reads", kind, b); res.code != http.StatusOK {
			t.Fatalf("%s: got %d %+v", kind, res.code, res.problem)
		}
	}
	for _, r := range rg.logged() {
		want := schemas.NewReadID(&schemas.Read{Camera: "cam-1", CapturedAt: schemas.Micros(rg.now.Load()), RawPlate: "1-abc-123", Country: schemas.Belgium})
		if schemas.ID(r.ReadId) != want.ID || r.ReceivedAtUs != rg.now.Load() || r.Format != "canonical" || r.Country != "BE" || r.RawPlate != "1-abc-123" {
			t.Errorf("got %v", r)
		}
	}
}

// TestRefusalsAreAnsweredAndKept checks status, reason and field of each kind of refusal, and that exactly one record
// with the upload is on the log.
func TestRefusalsAreAnsweredAndKept(t *testing.T) {
	bearer := "Bearer " + token
	plate := func(p string) string { return replaced("1ABC123", p) }
	for _, c := range []struct {
		name, path, kind, auth, body string
		code                         int
		reason, field                string
	}{
		{"unknown camera", "nobody/hikvision", "application/xml", bearer, hik, 404, "unknown_camera", "camera_id"},
		{"long camera id", strings.Repeat("x", 300) + "/hikvision", "application/xml", bearer, hik, 404, "unknown_camera", "camera_id"},
		{"no token", "cam-1/hikvision", "application/xml", "", hik, 401, "unauthorised", "Authorization"},
		{"wrong token", "cam-1/hikvision", "application/xml", "Bearer nope", hik, 401, "unauthorised", "Authorization"},
		{"another scheme", "cam-1/hikvision", "application/xml", "Digest " + token, hik, 401, "unauthorised", "Authorization"},
		{"camera without token", "bare/hikvision", "application/xml", "Bearer ", hik, 401, "unauthorised", "Authorization"},
		{"empty token registered", "empty/hikvision", "application/xml", "Bearer ", hik, 401, "unauthorised", "Authorization"},
		{"expired camera", "old/hikvision", "application/xml", bearer, hik, 403, "camera_expired", "camera_id"},
		{"malformed", "cam-1/hikvision", "application/xml", bearer, hik[:300], 400, "malformed", "body"},
		{"empty", "cam-1/hikvision", "application/xml", bearer, "", 400, "malformed", "body"},
		{"long plate", "cam-1/hikvision", "application/xml", bearer, plate(strings.Repeat("A", 65)), 422, "bad_plate", "raw_plate"},
		{"bad plate", "cam-1/hikvision", "application/xml", bearer, plate("ABCDEFGHIJKLMNOPQ"), 422, "bad_plate", "raw_plate"},
		{"plate that is no text", "cam-1/hikvision", "application/xml", bearer, plate("1AB\xff123"), 400, "bad_utf8", "raw_plate"},
		{"no plate field", "cam-1/hikvision", "application/xml", bearer, replaced("<licensePlate>1ABC123</licensePlate>", ""), 422, "missing_field", "licensePlate"},
		{"buffered for over a year", "cam-1/hikvision", "application/xml", bearer, strings.Replace(replaced("2026-05-21T10:10:06", "2025-05-20T10:10:06"), "<line>", "<alarmDataType>1</alarmDataType><line>", 1), 422, "clock_behind", "captured_at"},
		{"a plate in another event", "cam-1/hikvision", "application/xml", bearer, "<EventNotificationAlert><eventType>VMD</eventType><plateNumber>1ABC123</plateNumber></EventNotificationAlert>", 422, "unsupported", "plateNumber"},
		{"wrong type", "cam-1/reads", "text/plain", bearer, "{}", 415, "unsupported", "Content-Type"},
		{"unknown format", "cam-1/nobody", "application/json", bearer, "{}", 404, "unsupported", "path"},
		{"another camera's read", "cam-1/reads", "application/json", bearer, `{"camera_id":"cam-2","raw_plate":"X1","captured_at_us":1779351006000000}`, 422, "bad_field", "camera_id"},
		{"a tick", "cam-1/reads", "application/json", bearer, `{"raw_plate":"X1","captured_at_us":1779351006000000,"tick":{"at_us":5}}`, 422, "bad_field", "tick"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rg := newRig(t, nil)
			res := rg.send(c.path, c.kind, []byte(c.body), c.auth)
			if res.code != c.code || res.problem.Reason != c.reason || res.problem.Field != c.field || len(res.problem.Detail) < 10 {
				t.Errorf("got %d %+v, want %d %s %s", res.code, res.problem, c.code, c.reason, c.field)
			}
			r := only(t, rg)
			q := r.Quarantine
			camera, _, _ := strings.Cut(c.path, "/")
			if q == nil || q.Reason != c.reason || q.Field != c.field || string(q.Payload) != c.body || q.PayloadSize != uint64(len(c.body)) ||
				q.ContentType != c.kind || r.ReceivedAtUs != rg.now.Load() || r.CameraId != camera[:min(len(camera), schemas.MaxCameraID)] {
				t.Errorf("kept as %v", r)
			}
			if strings.Contains(rg.log.String(), "1ABC") || strings.Contains(rg.log.String(), token) {
				t.Error("a plate or a token is in the log")
			}
		})
	}
}

func TestOneBadReadDoesNotCostTheOthers(t *testing.T) {
	rg := newRig(t, nil)
	res := rg.send("cam-1/reads", "application/json", load(t, "testdata/reads-array.json"))
	if res.code != http.StatusOK || len(res.answer.Reads) != 5 {
		t.Fatalf("got %d %+v", res.code, res)
	}
	good, bad := 0, 0
	for _, r := range rg.logged() {
		if r.Quarantine == nil {
			good++
			continue
		}
		bad++
		if !bytes.HasPrefix(r.Quarantine.Payload, []byte("{")) || bytes.Contains(r.Quarantine.Payload, []byte("1-ABC-123")) {
			t.Errorf("kept %q, want the bad read alone", r.Quarantine.Payload)
		}
	}
	if good != 2 || bad != 3 {
		t.Errorf("got %d reads and %d quarantines on the log, want 2 and 3", good, bad)
	}
	rg.set("2021-05-20T11:54:25Z")
	res = rg.send("cam-1/openalpr", "application/json", load(t, "testdata/openalpr-results.json"))
	if res.code != http.StatusOK || len(res.answer.Reads) != 2 || len(res.answer.Unread) != 1 || res.answer.Unread[0].Index != 1 {
		t.Errorf("frame of three: got %d %+v", res.code, res)
	}
	if got := len(rg.logged()); got != 7 {
		t.Errorf("got %d records on the log, want 7", got)
	}
}

func TestEventsWithoutAReadAreAnsweredAndNotKept(t *testing.T) {
	rg := newRig(t, nil)
	for _, file := range []string{"hikvision-heartbeat.xml", "openalpr-heartbeat.json", "survision-end.json"} {
		res := rg.send("cam-1/"+formatOf(file), typeOf(file), load(t, "testdata/"+file))
		if res.code != http.StatusOK || len(res.answer.Ignored) != 1 || len(res.answer.Reads) != 0 {
			t.Errorf("%s: got %d %+v", file, res.code, res)
		}
	}
	preview := strings.Replace(string(load(t, "testdata/openalpr-group.json")), `"version"`, `"is_preview":true,"version"`, 1)
	if res := rg.send("cam-1/openalpr", "application/json", []byte(preview)); res.code != http.StatusOK || len(res.answer.Ignored) != 1 {
		t.Errorf("preview: got %d %+v", res.code, res)
	}
	if got := rg.logged(); len(got) != 0 {
		t.Errorf("got %v on the log, want nothing", got)
	}
}

func TestALateUploadOfACameraThatHasExpiredSinceIsTaken(t *testing.T) {
	rg := newRig(t, nil)
	body := strings.Replace(hik, "2026-05-21T10:10:06+02:00", "2026-04-30T10:10:06+02:00", 1)
	if res := rg.send("old/hikvision", "application/xml", []byte(body)); res.code != http.StatusOK {
		t.Errorf("got %d %+v", res.code, res.problem)
	}
}

func TestTheTokenMayBeABasicPassword(t *testing.T) {
	rg := newRig(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, rg.url+"/v1/cameras/cam-1/hikvision/", strings.NewReader(hik))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", token)
	if res := rg.do(req); res.code != http.StatusOK {
		t.Errorf("got %d %+v", res.code, res.problem)
	}
}

func TestWithoutTheBrokerNothingIsAcknowledged(t *testing.T) {
	reg := prometheus.NewRegistry()
	rg := newRig(t, func(c *Config) { c.Metrics = NewMetrics(reg) })
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
		t.Fatalf("with the broker: got %d %+v", res.code, res.problem)
	}
	rg.broker.Close()
	for _, body := range []string{hik, replaced("1ABC123", "ABCDEFGHIJKLMNOPQ")} {
		if res := rg.send("cam-1/hikvision", "application/xml", []byte(body)); res.code != 503 || res.header.Get("Retry-After") == "" {
			t.Errorf("without: got %d %+v, want 503 with Retry-After", res.code, res.problem)
		}
	}
	if res := rg.send("nobody/hikvision", "application/xml", []byte(hik)); res.code != 503 {
		t.Errorf("a stranger without the broker: got %d, want 503", res.code)
	}
	if got := counted(t, reg, "anpr_gateway_reads_accepted_total"); got != 1 {
		t.Errorf("got %v accepted, want 1", got)
	}
}

func TestTheRetryAfterTheBrokerCameBackHasTheSameID(t *testing.T) {
	rg := newRig(t, nil)
	first := rg.send("cam-1/hikvision", "application/xml", []byte(hik))
	rg.broker.Close()
	other := []byte(replaced("u1<", "u2<"))
	if res := rg.send("cam-1/hikvision", "application/xml", other); res.code != 503 {
		t.Fatalf("without the broker: got %d %+v, want 503", res.code, res.problem)
	}
	rg.restart()
	for _, body := range [][]byte{other, []byte(hik)} {
		if res := rg.send("cam-1/hikvision", "application/xml", body); res.code != 200 {
			t.Fatalf("the retry: got %d %+v", res.code, res.problem)
		}
	}
	ids := map[string]int{}
	for _, r := range rg.logged() {
		ids[schemas.ReadID{ID: schemas.ID(r.ReadId)}.String()]++
	}
	if len(ids) != 2 || ids[first.answer.Reads[0].ReadID] != 2 {
		t.Errorf("got %v, want two events, the first of them twice under the id of its first delivery", ids)
	}
}

type failingStore struct{ err error }

func (s failingStore) Put(context.Context, []byte) (schemas.Sum, error) { return schemas.Sum{}, s.err }

func TestAFullDiskIsASendAgain(t *testing.T) {
	rg := newRig(t, func(c *Config) { c.Images = failingStore{fmt.Errorf("write image: %w", syscall.ENOSPC)} })
	kind, body := multi(t, one{`name="a"`, "", []byte(hik)}, one{`name="b"; filename="b.jpg"`, "image/jpeg", jpeg})
	res := rg.send("cam-1/hikvision", kind, body)
	if res.code != 503 || !strings.Contains(res.problem.Detail, "image store") || res.header.Get("Retry-After") == "" {
		t.Errorf("got %d %+v", res.code, res.problem)
	}
	if got := rg.logged(); len(got) != 0 {
		t.Errorf("a read without its picture is on the log: %v", got)
	}
}

type panicking struct{}

func (panicking) Camera(string) (*schemas.Camera, bool) { panic("boom 1ABC123") }

func TestAPanicIsASendAgainAndNever500(t *testing.T) {
	rg := newRig(t, func(c *Config) { c.Registry = func() Registry { return panicking{} } })
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 503 {
		t.Errorf("got %d", res.code)
	}
	if got := rg.log.String(); strings.Contains(got, "1ABC123") || !strings.Contains(got, "a string") {
		t.Errorf("logged %s, want the panic without its text", got)
	}
}

// TestABrokerThatNeverAnswersIsASendAgain listens where the broker should be and says nothing.
func TestABrokerThatNeverAnswersIsASendAgain(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	producer := NewKafkaProducer(ProducerConfig{Brokers: []string{silent.Addr().String()}})
	defer func() {
		if err := producer.Close(); err != nil {
			t.Error(err)
		}
	}()
	rg := newRig(t, func(c *Config) { c.Producer, c.ProduceTimeout = producer, 200*time.Millisecond })
	start := time.Now()
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 503 || time.Since(start) > 5*time.Second {
		t.Errorf("got %d after %s, want 503 after about 200 ms", res.code, time.Since(start))
	}
}

func TestAddressesAreTakenWithoutRedirect(t *testing.T) {
	f := func(path, camera, format string, ok bool) {
		t.Helper()
		c, fm, got := splitPath(path)
		if got != ok || ok && (c != camera || fm != format) {
			t.Errorf("%s: got %q %q %t, want %q %q %t", path, c, fm, got, camera, format, ok)
		}
	}
	f("/v1/cameras/cam-1/reads", "cam-1", "reads", true)
	f("/v1/cameras/cam-1/reads/", "cam-1", "reads", true)
	f("/v1/cameras/a%2Fb/axis", "a/b", "axis", true)
	f("/v1/cameras/cam-1/dahua/NotificationInfo/TollgateInfo", "cam-1", "dahua/NotificationInfo/TollgateInfo", true)
	f("/v1/cameras/cam-1/dahua//notificationinfo/keepalive/", "cam-1", "dahua/NotificationInfo/KeepAlive", true)
	for _, bad := range []string{"/v1/cameras/x/dahua/NotificationInfo", "/v1/cameras/x/dahua/NotificationInfo/Other", "/v1/cameras/x/reads/NotificationInfo/KeepAlive", "/", "/v1/cameras/", "/v1/cameras/x", "/v1/cameras//reads", "/v1/cameras/x/", "/v1/cameras/x/reads/more", "/v2/cameras/x/reads"} {
		f(bad, "", "", false)
	}
}

func TestAReloadedRegistryIsSeen(t *testing.T) {
	rg := newRig(t, nil)
	rg.cams = cameras{"new": {ID: "new", TokenSum: sha(token)}}
	if res := rg.send("new/hikvision", "application/xml", []byte(hik)); res.code != 200 {
		t.Errorf("a camera that was added: got %d", res.code)
	}
	if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 404 {
		t.Errorf("a camera that was removed: got %d", res.code)
	}
}

func TestConcurrentUploadsAreAllOnTheLogOnce(t *testing.T) {
	rg := newRig(t, nil)
	const senders, each = 16, 25
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				body := fmt.Appendf(nil, `{"captured_at_us":%d,"raw_plate":"%d-ABC-%d"}`, rg.now.Load(), s, i)
				if res := rg.send("cam-1/reads", "application/json", body); res.code != 200 {
					t.Errorf("got %d %+v", res.code, res.problem)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	all := rg.logged()
	for _, r := range all {
		seen[string(r.ReadId)] = true
	}
	if len(all) != senders*each || len(seen) != senders*each {
		t.Errorf("got %d records with %d ids, want %d", len(all), len(seen), senders*each)
	}
}

func TestConfigNamesWhatIsMissing(t *testing.T) {
	_, err := New(Config{})
	for _, field := range []string{"Registry", "Normalise", "Producer", "Partitions"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want it to name %s", err, field)
		}
	}
}

func TestCheckTopicComparesPartitions(t *testing.T) {
	k := NewKafkaProducer(ProducerConfig{Brokers: []string{startBroker(t).ListenAddrs()[0]}})
	defer func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := k.CheckTopic(t.Context(), partitions); err != nil {
		t.Errorf("the right number: got %v", err)
	}
	if err := k.CheckTopic(t.Context(), partitions+1); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wrong number: got %v, want an error that says so", err)
	}
}

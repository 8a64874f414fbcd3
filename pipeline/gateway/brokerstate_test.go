package gateway

import (
	"bytes"
	"image"
	"image/color"
	gojpeg "image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/gvc-brussels/anpr/schemas"
)

// failProduce makes the broker refuse records as one does whose disk is full.
func failProduce(rg *rig) {
	rg.broker.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		rg.broker.KeepControl()
		r, ok := req.(*kmsg.ProduceRequest)
		if !ok {
			return nil, nil, false
		}
		res, ok := r.ResponseKind().(*kmsg.ProduceResponse)
		if !ok {
			return nil, nil, false
		}
		for _, t := range r.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
				topic.Partitions = append(topic.Partitions, part)
			}
			res.Topics = append(res.Topics, topic)
		}
		return res, nil, true
	})
}

// TestReadinessAsksWhetherTheBrokerTakesRecords lets the broker refuse records while it answers everything else, with
// traffic and without: readiness says so, and takes it back by itself.
func TestReadinessAsksWhetherTheBrokerTakesRecords(t *testing.T) {
	for name, traffic := range map[string]bool{"with uploads": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			rg := newRig(t, nil)
			upload := func(want int) {
				t.Helper()
				if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); traffic && res.code != want {
					t.Errorf("an upload: got %d, want %d", res.code, want)
				}
			}
			check := func(step string, ready bool) {
				t.Helper()
				if err := rg.gate.CanProduce(t.Context()); (err == nil) != ready {
					t.Errorf("%s: %v, want ready %t", step, err, ready)
				}
			}
			check("before any upload", true)
			if traffic {
				upload(200)
			}
			check("before", true)
			failProduce(rg)
			rg.now.Add(int64(6 * schemas.Second)) // what was acknowledged before shows nothing now
			if traffic {
				upload(503)
			}
			check("while it refuses", false)
			rg.now.Add(int64(10 * schemas.Second))
			check("ten seconds later", false)
			rg.broker.Close()
			rg.restart()
			rg.now.Add(int64(10 * schemas.Second))
			check("when it takes records again, before any upload", true)
			if n := strings.Count(rg.log.String(), "does not acknowledge"); traffic && n != 1 {
				t.Errorf("the cause was logged %d times", n)
			}
		})
	}
}

func TestTheCauseOfABrokenBrokerIsLoggedOnce(t *testing.T) {
	rg := newRig(t, nil)
	failProduce(rg)
	for range 30 {
		if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 503 {
			t.Fatalf("got %d", res.code)
		}
		rg.now.Add(int64(schemas.Second))
	}
	rg.broker.Close()
	rg.restart()
	for range 3 {
		if res := rg.send("cam-1/hikvision", "application/xml", []byte(hik)); res.code != 200 {
			t.Fatalf("afterwards: got %d", res.code)
		}
	}
	log := rg.log.String()
	if strings.Count(log, "does not acknowledge") != 1 || strings.Count(log, "acknowledges uploads again") != 1 || !strings.Contains(log, `"refused":30`) {
		t.Errorf("logged %s, want the cause once and its end once", log)
	}
}

func TestOnlyPicturesAreStored(t *testing.T) {
	var jpg, pn bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	img.Set(1, 1, color.White)
	if err := gojpeg.Encode(&jpg, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&pn, img); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"JPEG":                       {jpg.Bytes(), true},
		"PNG":                        {pn.Bytes(), true},
		"JPEG of a camera, cut off":  {jpeg, true},
		"JPEG without a JFIF header": {append([]byte{0xFF, 0xD8}, jpg.Bytes()[2:]...), true},
		"magic and a script":         {[]byte("\xff\xd8<script>alert(1)</script>"), false},
		"magic and a segment":        {[]byte("\xff\xd8\xff\xe0\x00\x10<html> of any kind"), false},
		"magic of a PNG alone":       {[]byte(pngMagic + "<script>"), false},
		"magic alone":                {[]byte("\xff\xd8"), false},
		"PNG, header damaged":        {append([]byte(pngMagic), "\x00\x00\x00\x0dIHDX"...), false},
	} {
		if got := isPicture(c.data); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
		rg := newRig(t, nil)
		kind, body := multi(t, one{`name="a"`, "text/xml", []byte(hik)}, one{`name="b"; filename="b.jpg"`, "image/jpeg", c.data})
		res := rg.send("cam-1/hikvision", kind, body)
		if res.code != 200 || (len(only(t, rg).ImageSha256) > 0) != c.want || strings.Contains(string(res.raw), string(NoticeImage)) == c.want {
			t.Errorf("%s: got %d %s", name, res.code, res.raw)
		}
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(jpeg)
	f.Add([]byte(pngMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if isPicture(b) && !looksLikeImage(b) {
			t.Fatalf("%q is a picture that no part is taken for", b)
		}
	})
}

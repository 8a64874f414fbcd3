package gateway

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// fuzzFormat checks what must hold for any bytes: no panic; the same answer again; every event is exactly one of read,
// refused, ignored; a read's fields are within the bounds of the wire and can be encoded; a refusal names what to do.
func fuzzFormat(f *testing.F, path string) {
	for _, file := range samples(f) {
		if formatOf(file) == path {
			f.Add(typeOf(file), load(f, file))
		}
	}
	kind, body := multi(f, one{`name="a"`, "", []byte(hik)}, one{`name="b"; filename="b.jpg"`, "image/jpeg", jpeg})
	f.Add(kind, body)
	f.Add("application/x-www-form-urlencoded", []byte("json=%7B%7D"))
	f.Add("application/json", []byte("\xff\xfe{\x00}\x00"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		events, rej := parseUpload(path, kind, body)
		again, rej2 := parseUpload(path, kind, body)
		if (rej == nil) != (rej2 == nil) || len(events) != len(again) {
			t.Fatal("two different answers for the same bytes")
		}
		if rej != nil && (rej.Reason == schemas.ReasonNone || rej.Detail == "" || len(events) > 0) {
			t.Fatalf("refused without reason or detail, or with events: %v", rej)
		}
		if rej == nil && len(events) == 0 {
			t.Fatal("neither refused nor any event: the upload would vanish")
		}
		for i, ev := range events {
			checkParsed(t, ev)
			if again[i].Err == nil && ev.Err == nil && ev.Read != nil && !proto.Equal(ev.Read, again[i].Read) {
				t.Fatal("two different reads of the same bytes")
			}
		}
	})
}

func checkParsed(t *testing.T, ev *CameraEvent) {
	t.Helper()
	if ev.Err != nil {
		if ev.Err.Reason == schemas.ReasonNone || ev.Err.Detail == "" || ev.Err.Field == "" {
			t.Fatalf("a refusal without reason, field or detail: %v", ev.Err)
		}
		return
	}
	if ev.Ignored != "" {
		if !slices.Contains(IgnoredKinds(), ev.Ignored) {
			t.Fatalf("ignored as %q, which is no label", ev.Ignored)
		}
		return
	}
	for _, n := range ev.Notices {
		if !slices.Contains(Notices(), n) {
			t.Fatalf("note %q is no label", n)
		}
	}
	r := ev.Read
	if r.RawPlate == "" || ev.stated.zone == zoneNone && !slices.Contains(ev.Notices, NoticeReceiptTime) {
		t.Fatal("a read without plate, or without time and a note of it")
	}
	if len(r.Make) > schemas.MaxText || len(r.Colour) > schemas.MaxText || len(r.CameraEventId) > schemas.MaxEventID ||
		len(r.Candidates) > schemas.MaxAlternatives || r.Lane > schemas.MaxLane || r.SpeedDkmh > uint32(schemas.MaxSpeed) ||
		r.ConfidencePm > 1000 || r.CountryConfidencePm > 1000 || len(r.Country) > 2 {
		t.Fatalf("a field beyond its bound: %v", r)
	}
	for _, s := range []string{r.RawPlate, r.Make, r.Colour, r.CameraEventId} {
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
	}
	if _, err := proto.Marshal(r); err != nil {
		t.Fatal(err)
	}
}

func FuzzCanonical(f *testing.F) {
	b, err := proto.Marshal(&anprv1.PlateRead{CapturedAtUs: 1, RawPlate: "1ABC123", Candidates: []*anprv1.Candidate{{Plate: "X"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("application/x-protobuf", b)
	fuzzFormat(f, "reads")
}

func FuzzHikvision(f *testing.F)       { fuzzFormat(f, "hikvision") }
func FuzzOpenALPR(f *testing.F)        { fuzzFormat(f, "openalpr") }
func FuzzPlateRecognizer(f *testing.F) { fuzzFormat(f, "platerecognizer") }
func FuzzAxis(f *testing.F)            { fuzzFormat(f, "axis") }
func FuzzSurvision(f *testing.F)       { fuzzFormat(f, "survision") }
func FuzzDahua(f *testing.F)           { fuzzFormat(f, "dahua") }

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-05-21T16:10:06+08:00", "20210520 115421894", "1621511661.894", "2026-05-21 08:10:06 UTC"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, ok := parseTime(s)
		if !ok {
			return
		}
		if at := w.instant(); at < -100*365*24*schemas.Hour {
			t.Fatalf("%q gives %s", s, at)
		}
		if got, _ := w.resolveCapture(w.instant()); got != w.instant() && w.zone != zoneLocal && !strings.ContainsAny(s, "+- Zz") {
			t.Fatalf("%q: received at once, but taken for %s", s, got)
		}
	})
}

// BenchmarkParse measures each format with its text conversion, without pictures.
func BenchmarkParse(b *testing.B) {
	for _, s := range Samples() {
		b.Run(s.Format, func(b *testing.B) {
			b.SetBytes(int64(len(s.Body)))
			for b.Loop() {
				if _, rej := parseUpload(s.Format, s.ContentType, s.Body); rej != nil {
					b.Fatal(rej)
				}
			}
		})
	}
}

package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// canonicalRead is a canonical read in JSON with one member more.
func canonicalRead(member string) []byte {
	return []byte(`{"raw_plate":"1ABC123","captured_at_us":1779351006000000,` + member + `}`)
}

func TestACanonicalValueInAnotherUnitIsToldWhatItLooksLike(t *testing.T) {
	const us = "1779351006000000"
	for _, c := range []struct{ member, field, want string }{
		{`"captured_at_us":1779351006000`, "captured_at_us", "milliseconds: send microseconds since 1970, here " + us},
		{`"captured_at_us":"1779351006000"`, "captured_at_us", "milliseconds"},
		{`"captured_at_us":1779351006`, "captured_at_us", "seconds: send microseconds since 1970, here " + us},
		{`"captured_at_us":1779351006000000000`, "captured_at_us", "nanoseconds: send microseconds since 1970, here " + us},
		{`"captured_at_us":1779351006.25`, "captured_at_us", "seconds: send microseconds since 1970, here 1779351006250000"},
		{`"captured_at_us":"2026-05-21T08:10:06Z"`, "captured_at_us", "a written time: send microseconds since 1970, here " + us},
		{`"captured_at_us":"2026-05-21T10:10:06+02:00"`, "captured_at_us", "a written time: send microseconds since 1970, here " + us},
		{`"confidence_pm":0.925`, "confidence_pm", "a share of one: send per mille, here 925"},
		{`"confidence_pm":92.5`, "confidence_pm", "per cent: send per mille, here 925"},
		{`"confidence_pm":"92%"`, "confidence_pm", "per cent: send per mille, here 920"},
		{`"country_confidence_pm":0.5`, "country_confidence_pm", "a share of one: send per mille, here 500"},
		{`"confidence_pm":9250`, "confidence_pm", "another scale"},
		{`"speed_dkmh":50.5`, "speed_dkmh", "km/h: send tenths of a km/h, here 505"},
		{`"speed_dkmh":"50 km/h"`, "speed_dkmh", "km/h: send tenths of a km/h, here 500"},
		{`"speed_dkmh":50500`, "speed_dkmh", "a smaller unit than tenths of a km/h"},
	} {
		body := canonicalRead(c.member)
		if c.field == "captured_at_us" {
			body = []byte(`{"raw_plate":"1ABC123",` + c.member + `}`)
		}
		events, rej := parseUpload("reads", "application/json", body)
		if rej != nil || len(events) != 1 || events[0].Err == nil {
			t.Errorf("%s: got %s (%v), want a refusal", c.member, render(events), rej)
			continue
		}
		if e := events[0].Err; e.Reason != schemas.ReasonBadField || e.Field != c.field || !strings.Contains(e.Detail, c.want) {
			t.Errorf("%s: got %v, want field %s and %q", c.member, e, c.field, c.want)
		}
	}
}

func TestUnknownFieldsOfACanonicalReadAreNamed(t *testing.T) {
	for _, c := range []struct {
		member string
		want   []string
	}{
		{`"speed_kmh":50`, []string{"speed_kmh"}},
		{`"speedKmh":50,"color":"red"`, []string{"speedKmh", "color"}},
		{`"speedDkmh":500`, nil},
		{`"SPEED_DKMH":500`, nil},
		{`"cameraId":"cam-1"`, nil},
		{`"candidates":[{"plate":"1A8C123","score":0.5}]`, []string{"candidates[0].score"}},
		{`"extra":null`, nil}, // says nothing
		{`"extra":{"speed_dkmh":500}`, []string{"extra"}},
	} {
		ev := single(t, "reads", "application/json", canonicalRead(c.member))
		if !slices.Equal(ev.Unknown, c.want) || slices.Contains(ev.Notices, NoticeUnknownField) != (c.want != nil) {
			t.Errorf("%s: got %v with notes %v, want %v", c.member, ev.Unknown, ev.Notices, c.want)
		}
	}
	b, err := proto.Marshal(&anprv1.PlateRead{CapturedAtUs: 1779351006000000, RawPlate: "1ABC123"})
	if err != nil {
		t.Fatal(err)
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 77, protowire.VarintType), 500)
	ev := single(t, "reads", "application/x-protobuf", b)
	if !slices.Equal(ev.Unknown, []string{"field 77"}) || len(ev.Read.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("Protobuf: got %v, want the number, and the field left out of the record", ev.Unknown)
	}
	rg := newRig(t, nil)
	if res := rg.send("cam-1/reads", "application/json", canonicalRead(`"speed_kmh":50`)); res.code != 200 || !slices.Equal(res.answer.Reads[0].Unknown, []string{"speed_kmh"}) ||
		!slices.Contains(res.answer.Reads[0].Empty, "speed_dkmh") {
		t.Errorf("the answer: got %d %+v, want it to name the field", res.code, res)
	}
}

func TestACanonicalCountryIsISOOfTwoOrThreeLettersInAnyCase(t *testing.T) {
	for text, want := range map[string]string{"DE": "DE", "de": "DE", "DEU": "DE", "deu": "DE", "Deu": "DE", "bel": "BE", "GBR": "GB", "XK": "XK", "": ""} {
		if got := single(t, "reads", "application/json", canonicalRead(fmt.Sprintf(`"country":%q`, text))).Read.Country; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"Germany", "D", "D1", "ZZZ", "13", "276", "B-E"} {
		events, _ := parseUpload("reads", "application/json", canonicalRead(fmt.Sprintf(`"country":%q`, bad)))
		if len(events) != 1 || events[0].Err == nil || events[0].Err.Field != "country" {
			t.Errorf("%q: got %s, want a refusal of the country", bad, render(events))
		}
	}
}

func TestEveryFormatTakesJSONLines(t *testing.T) {
	for path, o := range observations() {
		if o.kind != "application/json" {
			continue
		}
		for _, kind := range []string{"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"} {
			events, rej := parseUpload(path, kind, []byte(o.message+"\n"+strings.Replace(o.message, o.plate, o.otherPlate, 1)+"\n"))
			if rej != nil || len(events) != 2 || events[0].Err != nil || events[1].Err != nil {
				t.Errorf("%s as %s: got %s (%v), want two reads", path, kind, render(events), rej)
			}
		}
	}
}

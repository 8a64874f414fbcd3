package gateway

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// A canonical read states measures in JSON and in Protobuf, in any order; each fault is answered with field and cure,
// and a name of a newer sender is kept and told.
func TestMeasuresOfACanonicalReadAreTakenOrAnswered(t *testing.T) {
	want := []schemas.Measure{{Name: "mass_kg", Value: 3500}, {Name: "new_thing_x", Value: 7}, {Name: "red_time_ms", Value: 1234, Uncertainty: 20, Device: "RLC-7"}}
	asJSON := canonicalRead(`"measures":[{"name":"red_time_ms","value":"1234","uncertainty":20,"device":"RLC-7"},{"name":"new_thing_x","value":7},{"name":"mass_kg","value":3500},{"name":"mass_kg","value":3500}]`)
	m := &anprv1.PlateRead{CapturedAtUs: 1779351006000000, RawPlate: "1ABC123"}
	setMeasures(m, []schemas.Measure{want[2], want[0], want[1]})
	asProto, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var ids [][]byte
	for kind, body := range map[string][]byte{"application/json": asJSON, "application/x-protobuf": asProto} {
		ev := single(t, "reads", kind, body)
		if got := measuresOf(ev.Read); !slices.Equal(got, want) || !slices.Equal(ev.Unknown, []string{"measures.new_thing_x"}) {
			t.Errorf("%s: measures %v, unknown %v, want %v and the new name", kind, got, ev.Unknown, want)
		}
		ev.setReadID()
		ids = append(ids, ev.Read.ReadId)
	}
	plain := single(t, "reads", "application/json", canonicalRead(`"lane":0`))
	if plain.setReadID(); !slices.Equal(ids[0], ids[1]) || slices.Equal(ids[0], plain.Read.ReadId) {
		t.Errorf("ids %x and %x, without measures %x: want the same in both forms, and another one without", ids[0], ids[1], plain.Read.ReadId)
	}
	for _, c := range []struct{ element, field, want string }{
		{`{"value":5}`, "measures.name", "must be set"},
		{`{"name":"Red time","value":5}`, "measures.name", "small letters"},
		{`{"name":"measured_speed_dkmh","value":5}`, "measures.name", "speed_dkmh"},
		{`{"name":"red_time_ms","value":-1}`, "measures.value", "0 to 86400000"},
		{`{"name":"red_time_ms","value":1.5}`, "measures.value", "whole number"},
		{`{"name":"red_time_ms","value":99999999999}`, "measures.value", "unit at the end of the name"},
		{`{"name":"red_time_ms","value":1,"uncertainty":-1}`, "measures.uncertainty", "half of the interval"},
		{`{"name":"mass_kg","value":1},{"name":"mass_kg","value":2}`, "measures.name", "each name once"},
		{strings.Repeat(`{"name":"mass_kg","value":1},`, 8) + `{"name":"mass_kg","value":1}`, "measures", "at most 8"},
	} {
		events, rej := parseUpload("reads", "application/json", canonicalRead(`"measures":[`+c.element+`]`))
		if rej != nil || len(events) != 1 || events[0].Err == nil || events[0].Err.Field != c.field || !strings.Contains(events[0].Err.Detail, c.want) {
			t.Errorf("%s: got %s (%v), want a refusal of %s that says %q", c.element, render(events), rej, c.field, c.want)
		}
	}
}

// Hikvision says of each picture how long the light was red, in seconds; the smallest counts, a second unsure.
func TestTheTimeIntoRedOfAHikvisionEventIsThatOfItsFirstPicture(t *testing.T) {
	list := func(seconds ...string) string {
		var b strings.Builder
		for _, s := range seconds {
			b.WriteString("<pictureInfo><fileName>detectionPicture.jpg</fileName>" + s + "</pictureInfo>")
		}
		return replaced("</ANPR>", "<pictureInfoList>"+b.String()+"</pictureInfoList></ANPR>")
	}
	red := func(s string) string { return "<redLightTime>" + s + "</redLightTime>" }
	for _, c := range []struct {
		body  string
		value int64 // -1 = none
		note  bool
	}{
		{list(""), -1, false},
		{list(red("0")), -1, false},
		{list(red("0"), red("0")), -1, false},
		{list(red("3"), red("2"), red("5")), 2000, false},
		{list(red("0"), red("1")), 0, false},
		{list("", red("4")), 4000, false},
		{list(red("x")), -1, true},
		{list(red("-2")), -1, true},
		{list(red("86401")), -1, true},
	} {
		ev := single(t, "hikvision", "application/xml", []byte(c.body))
		var want []schemas.Measure
		if c.value >= 0 {
			want = []schemas.Measure{{Name: schemas.RedTime, Value: c.value, Uncertainty: 1000}}
		}
		if got := measuresOf(ev.Read); !slices.Equal(got, want) || slices.Contains(ev.Notices, NoticeMeasure) != c.note {
			t.Errorf("%s: measures %v, notes %v, want %v, a note %t", c.body, got, ev.Notices, want, c.note)
		}
	}
}

// Hikvision writes the two numbers of an orange plate as one; a vehicle without a plate says nothing.
func TestTheOrangePlateOfAHikvisionEventIsAMeasure(t *testing.T) {
	for _, c := range []struct {
		text  string
		value int64 // -1 = none
		note  bool
	}{
		{"", -1, false}, {"331203", 33_1203, false}, {"231965", 23_1965, false}, {"X4231428", 10_000_000 + 423_1428, false}, {"1203", -1, true}, {"33120", -1, true}, {"unknown", -1, true}, {"339999", -1, true},
	} {
		ev := single(t, "hikvision", "application/xml", []byte(replaced("</ANPR>", "<ADRNo>"+c.text+"</ADRNo></ANPR>")))
		var want []schemas.Measure
		if c.value >= 0 {
			want = []schemas.Measure{{Name: schemas.OrangePlate, Value: c.value}}
		}
		if got := measuresOf(ev.Read); !slices.Equal(got, want) || slices.Contains(ev.Notices, NoticeMeasure) != c.note {
			t.Errorf("%q: measures %v, notes %v, want %v, a note %t", c.text, got, ev.Notices, want, c.note)
		}
	}
}

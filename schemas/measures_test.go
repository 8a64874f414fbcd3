package schemas

import (
	"reflect"
	"strings"
	"testing"
)

func TestEveryMeasureHasItsUnitAndItsMeaning(t *testing.T) {
	units := map[string]string{"dkmh": "tenths of km/h", "ms": "milliseconds", "m": "metres", "kg": "kilograms", "number": "a number"}
	met := map[MeasureName]bool{}
	for _, m := range Measures() {
		name := string(m.Name)
		unit, ok := units[name[strings.LastIndexByte(name, '_')+1:]]
		if !ok || !strings.HasSuffix(m.Meaning, ", "+unit) || met[m.Name] || strings.ToLower(name) != name {
			t.Errorf("%s is there twice, or its unit is not the end of its name and of its meaning: %q", m.Name, m.Meaning)
		}
		met[m.Name] = true
	}
}

func TestMeasuresOfARowAreThoseThatWereSet(t *testing.T) {
	var row OffenceRow
	for _, want := range [][]Measure{
		{{MeasuredSpeed, 710, 3, "NMI-7"}, {CorrectedSpeed, 650, 0, ""}, {AllowedSpeed, 500, 0, ""}},
		{{RedTime, 1 << 40, 1, "x"}},
		nil,
		SpeedMeasures(0, -5, 30),
	} {
		row.SetMeasures(want)
		if got := row.ListMeasures(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if s := SpeedMeasures(row.Measured, row.Corrected, row.Limit); MeasureValue(s, CorrectedSpeed) != MeasureValue(want, CorrectedSpeed) {
			t.Errorf("the speeds of %+v are %+v", want, s)
		}
	}
	if got := SpeedMeasures(0, 0, 0); got != nil {
		t.Errorf("no speed gives %+v", got)
	}
}

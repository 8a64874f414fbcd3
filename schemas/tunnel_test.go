package schemas

import (
	"testing"

	"pgregory.net/rapid"
)

// The numbers of an orange plate come back as they went in, whatever the hazard and the substance.
func TestTheNumbersOfAnOrangePlateComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hazard := rapid.StringMatching("X?[2-9][0-9]{1,2}").Draw(t, "hazard")
		un := uint16(rapid.IntRange(4, HighestUN).Draw(t, "un"))
		v, ok := OrangePlateValue(hazard, FormatUN(un))
		if back, substance := OrangePlateNumbers(v); !ok || back != hazard || substance != un {
			t.Fatalf("%s/%d became %d, and that %s/%d", hazard, un, v, back, substance)
		}
		if _, rej := CheckMeasures([]Measure{{Name: OrangePlate, Value: v}}); rej != nil {
			t.Fatalf("%d: %v", v, rej)
		}
	})
	for _, c := range [][2]string{{"", "1203"}, {"3", "1203"}, {"1234", "1203"}, {"33", "120"}, {"33", "12030"}, {"3X", "1203"}, {"33", "0003"}, {"33", "3601"}, {"XX3", "1203"}, {"19", "1203"}, {"-3", "1203"}} {
		if v, ok := OrangePlateValue(c[0], c[1]); ok {
			t.Errorf("%v became %d", c, v)
		}
	}
	for _, v := range []int64{-1, 0, 9, 19_1203, 33_0003, 33_9999, 3 * withX, 1 << 62} {
		if hazard, un := OrangePlateNumbers(v); un != 0 || hazard != "" {
			t.Errorf("%d is %s/%d", v, hazard, un)
		}
	}
}

package access

import (
	"strings"
	"testing"
)

func maskOf(t *testing.T) *masker {
	t.Helper()
	keys, err := LoadKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.OfYear(2026, true)
	if err != nil {
		t.Fatal(err)
	}
	return newMasker(key, nil, nil)
}

func TestAPlateInATextIsMaskedHoweverItIsWritten(t *testing.T) {
	for written, plate := range map[string]string{
		"1ABC105": "1ABC105", "1-ABC-105": "1ABC105", "1-abc-105": "1ABC105", "1 abc 105": "1ABC105", "1.ABC.105": "1ABC105", "ABC-123": "ABC123", "123-abc": "123ABC",
		"AB-123-CD": "AB123CD", "12-ABC-3": "12ABC3", "B AB 1234": "BAB1234", "B-AB 1234": "BAB1234", "1CANARY1": "1CANARY1", "1A\u200bBC105": "1ABC105", "AB 1234": "AB1234",
	} {
		for _, around := range []string{"%", "look for % at night", "(%)", "%, %", "1ABC105 %"} {
			m := maskOf(t)
			got := m.maskText(strings.ReplaceAll(around, "%", written))
			if strings.Contains(strings.ToUpper(got), strings.ToUpper(written)) {
				t.Errorf("%q: got %q", written, got)
			}
			if plate != "" && !strings.Contains(got, m.key.Text(m.key.Mark(plate))) {
				t.Errorf("%q: got %q, want the HMAC of %s", written, got, plate)
			}
		}
	}
}

// A plate with letters alone looks like a word; only the question tells that it is a plate.
func TestAPlateOfTheQuestionIsMaskedInATextInAnyCase(t *testing.T) {
	for _, written := range []string{"ABCDEF", "abcdef", "AbcDef"} {
		m := newMasker(maskOf(t).key, []string{"ABCDEF"}, nil)
		if got, want := m.maskText("look for "+written+" at night"), "look for "+m.key.Text(m.key.Mark("ABCDEF"))+" at night"; got != want || len(m.marks) != 1 {
			t.Errorf("%s: got %q, want %q", written, got, want)
		}
	}
}

func TestATextWithoutAPlateStays(t *testing.T) {
	for _, text := range []string{
		"", "witness of an accident with flight", "on the E40 at 14 h 30, km 23", "rue Neuve 123", "2026-11-28", "from 3 to 12 cars", "BR.43.L2.000001/2026", "BR43.L2.000001/2026",
		"BR43.L2.000001-26", "AD.5339.000017/2026", "PK.BR.2026/000114", "zone 5339",
	} {
		m := maskOf(t)
		if got := m.maskText(text); got != text || len(m.marks) > 0 {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestIDsTimesAndCamerasOfAQuestionAreNoPlates(t *testing.T) {
	m := maskOf(t)
	m.known = []string{"CAM012"}
	const question = `{"camera":["CAM012"],"from":"2026-11-20T08:00:00Z","limit":1234567890123456789,"search_id":"6d5f0d5e-5a0b-4a53-9d3a-0c9b7c1e2f10","user":"officer1"}`
	if got := m.maskJSON(question); got != question {
		t.Errorf("got %s", got)
	}
}

func TestAPlateBeyondDoubtIsToldFromWords(t *testing.T) {
	for text, want := range map[string]bool{
		"1ABC105": true, "look for 1-abc-105 at night": true, "1.ABC.105": true, "1 ABC 105": true, "1-ABC 105": true, "(9zzz999)": true, "1A\u200bBC105": true, "AB-123-CD": true,
		"": false, "at 5 uur 100 m further": false, "rue Neuve 3bus101": false, "rue Neuve 12bus101": false, "1 van 100 cars": false, "damage of 150eur": false, "ABC-123": false,
		"camera BRU-123": false, "BR.43.L2.000001/2026": false, "on the E40, km 23": false, "test12 with AB 123": false, "11ABC105": false, "1ABC1056": false,
	} {
		if got := HasPlate(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}

// A plate with letters alone is masked where the text calls it a plate. Ordinary words stay, in capitals too.
func TestAWordThatATextCallsAPlateIsMasked(t *testing.T) {
	for _, text := range []string{"car with plate %, red", "wagen met nummerplaat % gezien", "kenteken: %", "plaque \"%\" volée", "immatriculation de %", "plaat van % en plaat KONING"} {
		m := maskOf(t)
		if got := m.maskText(strings.ReplaceAll(text, "%", "BARONES")); strings.Contains(got, "BARONES") || strings.Contains(got, "KONING") || !strings.Contains(got, m.key.Text(m.key.Mark("BARONES"))) {
			t.Errorf("%q: got %q", text, got)
		}
	}
	for _, text := range []string{"POLICE IN BRUSSELS", "the plate was seen by Jan", "PLAAT VAN DE WAGEN", "plaat van de wagen", "a car of BMW, number plate unknown", "the GVC and the CRT"} {
		m := maskOf(t)
		if got := m.maskText(text); got != text || len(m.marks) > 0 {
			t.Errorf("%q became %q", text, got)
		}
	}
}

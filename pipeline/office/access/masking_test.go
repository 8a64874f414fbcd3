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
		"AB-123-CD": "AB123CD", "12-ABC-3": "12ABC3", "B AB 1234": "BAB1234", "B-AB 1234": "BAB1234", "1CANARY1": "1CANARY1",
		"1 - ABC - 105": "1ABC105", "1\u2013ABC\u2013105": "1ABC105", "1\u2011abc\u2011105": "1ABC105", "1 \u2013 ABC \u2013 105": "1ABC105", "1\u00a0ABC\u00a0105": "1ABC105",
		"1_ABC_105": "1ABC105", "AB\u2013123\u2013CD": "AB123CD", "ABC\u2011123": "ABC123",
		"1A\u200bBC105": "1ABC105", "AB 1234": "AB1234",
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

// The name of a file has its plate between underscores. Names of fields are no plates.
func TestAPlateInTheNameOfAFileIsMasked(t *testing.T) {
	for name, written := range map[string]string{"1ABC105_01.jpg": "1ABC105", "foto_1ABC105.jpg": "1ABC105", "foto_1-abc-105_2026.jpg": "1-abc-105", "1ABC105_1ABC105": "1ABC105"} {
		m := maskOf(t)
		if got := m.maskText("see " + name); strings.Contains(got, written) || !strings.Contains(got, m.key.Text(m.key.Mark("1ABC105"))) {
			t.Errorf("%q: got %q", name, got)
		}
	}
	m := maskOf(t)
	if got := m.maskText("list_sha256"); got != "list_sha256" {
		t.Errorf("the name of a field became %q", got)
	}
}

func TestATextWithoutAPlateStays(t *testing.T) {
	for _, text := range []string{
		"", "witness of an accident with flight", "on the E40 at 14 h 30, km 23", "rue Neuve 123", "2026-11-28", "from 3 to 12 cars", "BR.43.L2.000001/2026", "BR43.L2.000001/2026",
		"BR43.L2.000001-26", "AD.5339.000017/2026", "PK.BR.2026/000114", "zone 5339",
		"witness \u2013 an accident with flight", "from 23\u201325 November", "BR.11.LA.012345/2026",
		"vol vers 14h30 rue Neuve", "diefstal om 14u30", "22H05", "rijdt 120km per uur", "person of 180cm",
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
		"1 - ABC - 105": true, "1\u2013abc\u2013105": true, "1\u2011ABC\u2011105": true, "1\u00a0ABC\u00a0105": true, "see 1ABC105_01.jpg": true, "foto_1ABC105": true, "AB\u2013123\u2013CD": true,
		"DIEFSTAL VAN 1 ABC 105": true, "KERKSTRAAT 5 BUS 102": false, "RUE HAUTE 5BTE102": false, "OM 5 UUR 100 M VERDER": false, "vol de 2 GSM 500 euros": false, "1 MAN 180 CM": false,
		"1 BMW 320": false, "1-BMW-320": true, "1BUS102 and 1ABC105": true,
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

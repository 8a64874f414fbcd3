package gateway

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// bulk repeats a text up to 16 MB between a beginning and an end.
func bulk(begin, text, end string) []byte {
	n := (16<<20 - len(begin) - len(end)) / len(text)
	return []byte(begin + strings.Repeat(text, n) + end)
}

// bulky are uploads that cost a decoder much more than their bytes.
var bulky = []struct {
	name, path, kind string
	body             func() []byte
}{
	{"array of numbers", "openalpr", "application/json", func() []byte { return bulk("[", "1,", "1]") }},
	{"array of empty objects", "openalpr", "application/json", func() []byte { return bulk("[", "{},", "{}]") }},
	{"array of arrays", "openalpr", "application/json", func() []byte { return bulk("[", "[],", "[]]") }},
	{"array in an array", "openalpr", "application/json", func() []byte { return bulk("[[", "1,", "1]]") }},
	{"objects one after another", "openalpr", "application/json", func() []byte { return bulk("", "{} ", "") }},
	{"lines", "platerecognizer", "application/x-ndjson", func() []byte { return bulk("", "{\"a\":1}\n", "") }},
	{"array that never ends", "openalpr", "application/json", func() []byte { return bulk("[", "1,", "1") }},
	{"brackets", "openalpr", "application/json", func() []byte { return bulk("", "[", "") }},
	{"keys", "openalpr", "application/json", func() []byte { return bulk("{", `"a":1,`, `"b":1}`) }},
	{"results of nothing", "openalpr", "application/json", func() []byte {
		return bulk(`{"data_type":"alpr_results","results":[`, "1,", "1]}")
	}},
	{"many full documents", "openalpr", "application/json", func() []byte {
		return bulk("[", `{"data_type":"alpr_results","results":[`+strings.Repeat("1,", 800)+"1]},", "{}]")
	}},
	{"text", "reads", "application/json", func() []byte { return bulk(`{"raw_plate":"`, "a b.", `"}`) }},
	{"candidates", "reads", "application/json", func() []byte { return bulk(`{"candidates":[`, "{},", "{}]}") }},
	{"candidates on the wire", "reads", "application/x-protobuf", func() []byte { return bulk("", "\x72\x00", "") }},
	{"attributes", "hikvision", "application/xml", func() []byte { return bulk("<a ", `b="c" `, "/>") }},
	{"attributes without blanks", "hikvision", "application/xml", func() []byte { return bulk("<a ", `b="c"`, "/>") }},
	{"attributes without values", "hikvision", "application/xml", func() []byte { return bulk("<a ", "b ", "/>") }},
	{"attributes behind a comment with a quote", "hikvision", "application/xml", func() []byte { return bulk("<r><!-- don't --><a ", "b ", "/></r>") }},
	{"elements", "axis", "application/xml", func() []byte { return bulk("<r>", "<a/>", "</r>") }},
	{"blocks", "hikvision", "application/xml", func() []byte {
		return bulk("<EventNotificationAlert>", "<ANPR/>", "</EventNotificationAlert>")
	}},
	{"depth", "survision", "application/xml", func() []byte { return bulk("", "<a>", "") }},
	{"comments", "survision", "application/xml", func() []byte { return bulk("<r>", "<!-- a.b -->", "</r>") }},
	{"entities", "survision", "application/xml", func() []byte { return bulk("<r>", "&amp;.", "</r>") }},
	{"text of another encoding", "survision", "application/xml; charset=iso-8859-1", func() []byte { return bulk("<r>", "\xe9.\xe9.", "</r>") }},
	{"no text at all", "survision", "application/xml", func() []byte { return bulk("<r>", "\xff.", "</r>") }},
	{"parts", "hikvision", "multipart/form-data; boundary=b", func() []byte { return bulk("", "--b\r\n\r\n{}\r\n", "--b--") }},
	{"headers of a part", "hikvision", "multipart/form-data; boundary=b", func() []byte { return bulk("--b\r\n", "a: b\r\n", "\r\n\r\n{}\r\n--b--") }},
	{"headers of parts", "hikvision", "multipart/form-data; boundary=b", func() []byte {
		return bulk("", "--b\r\n"+strings.Repeat("a: b\r\n", 9000)+"\r\n{}\r\n", "--b--")
	}},
	{"boundary", "hikvision", "multipart/form-data; boundary=b", func() []byte { return bulk("--", "b", "\r\n") }},
	{"form fields", "openalpr", "application/x-www-form-urlencoded", func() []byte { return bulk("", "a&", "a") }},
	{"form of escapes", "openalpr", "application/x-www-form-urlencoded", func() []byte { return bulk("a=", "%7B", "") }},
}

// TestABulkyUploadCostsLittleMoreThanItsBytes counts what decoding allocates, in every format that takes the form.
func TestABulkyUploadCostsLittleMoreThanItsBytes(t *testing.T) {
	for _, c := range bulky {
		t.Run(c.name, func(t *testing.T) {
			body := c.body()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			events, rej := parseUpload(c.path, c.kind, body)
			runtime.ReadMemStats(&after)
			spent := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%d MB, %d events, %v", spent, len(events), rej)
			if spent >= 50 {
				t.Errorf("decoding %d MB allocated %d MB, want less than 50", len(body)>>20, spent)
			}
			if len(events) > maxReads {
				t.Errorf("%d events, at most %d are taken", len(events), maxReads)
			}
			for _, e := range events {
				if e.Err == nil && e.Ignored == "" {
					t.Fatal("a read came out of it")
				}
			}
		})
	}
}

func TestADocumentIsBoundedBesideItsPictures(t *testing.T) {
	picture := base64.StdEncoding.EncodeToString(append(bytes.Clone(jpeg), make([]byte, 5<<20)...))
	wrapped := strings.Join(strings.SplitAfter(picture, "AAAAAAAA"), "\n")
	for name, c := range map[string]struct {
		path, body string
		ok         bool
	}{
		"picture in JSON":             {"axis", `{"plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000","lpImage":"` + picture + `"}`, true},
		"picture in JSON, escaped":    {"axis", `{"plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000","lpImage":"` + strings.ReplaceAll(picture, "/", `\/`) + `"}`, true},
		"picture in XML":              {"survision", `<anpr date="1779351006000"><decision plate="1ABC123"><jpeg>` + picture + `</jpeg></decision></anpr>`, true},
		"picture in XML, in lines":    {"survision", `<anpr date="1779351006000"><decision plate="1ABC123"><jpeg>` + wrapped + `</jpeg></decision></anpr>`, true},
		"picture in an attribute":     {"survision", `<anpr date="1779351006000"><decision plate="1ABC123" jpeg="` + picture + `"/></anpr>`, true},
		"picture in a CDATA section":  {"survision", `<anpr date="1779351006000"><decision plate="1ABC123"><jpeg><![CDATA[` + wrapped + `]]></jpeg></decision></anpr>`, true},
		"text":                        {"survision", `<anpr date="1779351006000"><decision plate="1ABC123"/><x>` + strings.Repeat("a.", maxText/2) + `</x></anpr>`, false},
		"text in JSON":                {"axis", `{"plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000","x":"` + strings.Repeat("a.", maxText/2) + `"}`, false},
		"just as much text":           {"axis", `{"plateText":"1ABC123","carID":"1","capture_timestamp":"1779351006000","x":"` + strings.Repeat("a.", maxText/2-200) + `"}`, true},
		"many reads, more than bound": {"reads", "[" + strings.Repeat(`{"raw_plate":"1ABC123","captured_at_us":1779351006000000,"make":"`+strings.Repeat("m.", 25)+`"},`, 9_999) + `{"raw_plate":"1ABC123","captured_at_us":1779351006000000}]`, true},
	} {
		events, rej := parseUpload(c.path, "", []byte(c.body))
		good := rej == nil && len(events) > 0
		for _, e := range events {
			if e.Err != nil {
				good, rej = false, e.Err
			}
		}
		if good != c.ok || !good && rej.Reason.String() != "too_large" {
			t.Errorf("%s: %d events, %v, want taken %t", name, len(events), rej, c.ok)
		}
	}
}

func TestManyBadReadsMakeFewDeadLettersThatCountThem(t *testing.T) {
	rg := newRig(t, nil)
	const bad = 9_999
	body := "[" + strings.Repeat(`{"raw_plate":"X"},`, bad) + `{"raw_plate":"1ABC123","captured_at_us":1779351006000000}]`
	res := rg.send("cam-1/reads", "application/json", []byte(body))
	if res.code != 200 || len(res.answer.Reads) != bad+1 {
		t.Fatalf("got %d, %d answers: %+v", res.code, len(res.answer.Reads), res.problem)
	}
	all := rg.logged()
	counted := false
	for _, r := range all {
		counted = counted || r.Quarantine != nil && strings.Contains(r.Quarantine.Detail, fmt.Sprintf("(and %d more of this upload)", bad-maxLetters-1))
	}
	if len(all) != maxLetters+2 || !counted {
		t.Errorf("%d records, want %d dead letters, one for the rest with its number (%t), and the read", len(all), maxLetters, counted)
	}
}

// TestASplitFindsWhatTheDecoderFinds holds the splitter to plain decoding: the same values whatever stands around them.
func TestASplitFindsWhatTheDecoderFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]string{`{}`, `{"a":[1,{"b":"]"}]}`, `1`, `"x,]"`, `null`, `{"a":"\"}"}`}), 1, 8).Draw(t, "values")
		blank := rapid.SampledFrom([]string{"", " ", "\n", "\r\n\t"}).Draw(t, "blank")
		text := strings.Join(values, blank+"\n"+blank)
		if rapid.Bool().Draw(t, "array") {
			text = blank + "[" + blank + strings.Join(values, blank+","+blank) + blank + "]" + blank
		}
		got, err := splitJSON([]byte(text))
		if err != nil || len(got) != len(values) {
			t.Fatalf("%q: %q, %v", text, got, err)
		}
		for i := range got {
			if string(bytes.TrimSpace(got[i])) != values[i] {
				t.Fatalf("%q: value %d is %q, want %q", text, i, got[i], values[i])
			}
		}
	})
}

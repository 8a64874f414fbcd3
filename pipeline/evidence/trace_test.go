package evidence

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// standard is encoding/json without HTML escaping.
func standard(t *testing.T, steps []schemas.Step) []byte {
	t.Helper()
	if steps == nil {
		steps = []schemas.Step{}
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(steps); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func TestTraceHasOneForm(t *testing.T) {
	f := func(steps []schemas.Step, want string) {
		t.Helper()
		if got := string(AppendTrace([]byte("x"), steps)); got != "x"+want {
			t.Errorf("got  %s\nwant x%s", got, want)
		}
		if got := string(standard(t, steps)); got != want {
			t.Errorf("encoding/json gives %s, want %s", got, want)
		}
		back, err := ParseTrace([]byte(want))
		if err != nil || len(back) != len(steps) || len(steps) > 0 && !reflect.DeepEqual(back, steps) {
			t.Errorf("%s: parsed as %v, %v", want, back, err)
		}
	}
	f(nil, `[]`)
	f([]schemas.Step{{}}, `[{"code":"","holds":false,"verified":false}]`)
	f(decision().Trace, `[{"code":"speed.corrected","holds":true,"args":["71.0","65.0"],"basis":"RD 12/10/2010","verified":true},`+
		`{"code":"speed.over","holds":true,"args":["15"],"verified":true}]`)
	f([]schemas.Step{{Code: "<&>'\"\\/\b\f\n\r\t\x00\x1f\x7f", Basis: "arr\u00eat\u00e9 \u2028\u2029 \U0001f697"}},
		`[{"code":"<&>'\"\\/\b\f\n\r\t\u0000\u001f`+"\x7f"+`","holds":false,"basis":"arr`+"\u00ea"+`t`+"\u00e9"+` \u2028\u2029 `+"\U0001f697"+`","verified":false}]`)
}

func TestParseTraceRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, s := range []string{``, `{}`, `[`, `[{"code":"a","weight":1}]`, `[] []`, `[]x`, `[{"code":1}]`} {
		if got, err := ParseTrace([]byte(s)); err == nil || !strings.HasPrefix(err.Error(), "parse trace: ") {
			t.Errorf("%s: got %v, %v, want an error", s, got, err)
		}
	}
}

func TestAppendTraceDoesNotAllocate(t *testing.T) {
	steps := decision().Trace
	buf := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { _ = AppendTrace(buf, steps) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// Any text gives the same bytes as encoding/json, and UTF-8 text comes back unchanged.
func FuzzTraceAgreesWithEncodingJSON(f *testing.F) {
	f.Add("speed.over", "71.0", "RD 12/10/2010", true)
	f.Add("\xff\u2028", "\x00\"\\", "\ufffd<>&", false)
	f.Fuzz(func(t *testing.T, code, arg, basis string, holds bool) {
		steps := []schemas.Step{{Code: code, Holds: holds, Args: []string{arg, basis}, Basis: basis, Verified: !holds}, {Code: arg}}
		got := AppendTrace(nil, steps)
		if want := standard(t, steps); !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		back, err := ParseTrace(got)
		if err != nil {
			t.Fatal(err)
		}
		if again := AppendTrace(nil, back); !bytes.Equal(again, bytes.ReplaceAll(got, []byte(`\ufffd`), []byte("\ufffd"))) {
			t.Fatalf("got %q after a round trip, want %q", again, got)
		}
	})
}

// A parsed trace is written in one form, which parses to the same steps.
func FuzzParseTrace(f *testing.F) {
	f.Add([]byte(`[{"code":"a","holds":true,"args":["x"],"basis":"b","verified":true}]`))
	f.Add([]byte(`[{"CODE":"a","args":[]}, null]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		steps, err := ParseTrace(b)
		if err != nil {
			return
		}
		back, err := ParseTrace(AppendTrace(nil, steps))
		if err != nil || !reflect.DeepEqual(back, steps) {
			t.Fatalf("%q: got %v, %v, want %v", b, back, err, steps)
		}
	})
}

func BenchmarkAppendTrace(b *testing.B) {
	steps := decision().Trace
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendTrace(buf[:0], steps)
	}
}

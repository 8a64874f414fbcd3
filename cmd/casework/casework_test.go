package casework

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/pipeline/office"
)

func parse(t *testing.T, args ...string) (*Cmd, error) {
	t.Helper()
	var c Cmd
	p, err := kong.New(&c, kong.Name("cases"), kong.Exit(func(int) {}), kong.TypeMapper(reflect.TypeFor[time.Time](), kong.MapperFunc(func(ctx *kong.DecodeContext, v reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("time", &text); err != nil {
			return err
		}
		at, err := time.Parse(time.DateOnly, text)
		v.Set(reflect.ValueOf(at))
		return err
	})))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(args)
	return &c, err
}

func TestTheVerbsTakeWhatTheyNeed(t *testing.T) {
	for line, want := range map[string]string{
		"next": "", "next --queue second --n 3 --pictures /tmp/x": "", "next --queue transmit": "--queue", "show C": "", "show": "<case>",
		"confirm C@3": "", "reject C --reason two_vehicles": "", "reject C": "--reason", "correct-plate C 1ABC123 --country NL": "", "correct-plate C": "<plate>",
		"key C 1ABC123": "", "key C --not-legible": "", "hold C --until 2026-12-01 --reason awaits_partner": "", "hold C": "--until", "hold C --until 2026-12-01 --reason tired": "--reason",
		"flag C --text abc": "", "flag C": "--text", "skip C": "", "skip C --give-back": "", "undo": "", "undo C": "", "note C text": "", "pictures C --out /tmp/x": "", "pictures C": "--out",
		"list": "", "list --held --due today": "", "list --queue all": "--queue", "find --plate -": "", "stats --json": "", "release C --lane 2": "", "release C --settle --text ok": "",
		"drop C --reason pass_found": "", "drop C": "--reason", "arbitrate C --to rejected --reason two_vehicles --text t": "", "arbitrate C --to gone --text t": "--to",
		"counter C --verdict reject --reason exemption --text t": "", "track C prosecutor --text t": "", "track C post --text t": "<track>",
		"assign C D --to bo --until 2026-12-01": "", "hold-camera CAM --from 2026-11-01 --to 2026-11-02 --until 2026-12-01 --text t --confirm 3": "",
	} {
		_, err := parse(t, strings.Fields(line)...)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("anpr cases %s: got %v, want an error with %q", line, err, want)
		}
	}
}

func TestACaseIsNamedWithTheVersionThatWasSeen(t *testing.T) {
	for text, want := range map[string]struct {
		id      string
		version int64
		bad     bool
	}{"a-b": {"a-b", 0, false}, "a-b@7": {"a-b", 7, false}, "a-b@": {"", 0, true}, "a-b@0": {"", 0, true}, "a-b@x": {"", 0, true}, "a@-1": {"", 0, true}} {
		c := caseArg{text}
		if id, version, err := c.split(); id != want.id || version != want.version || (err != nil) != want.bad {
			t.Errorf("%s: got %q, %d, %v", text, id, version, err)
		}
	}
}

func TestDueNamesTheEndOfADay(t *testing.T) {
	now := time.Date(2026, 11, 29, 1, 30, 0, 0, time.UTC) // 02:30 in Brussels
	for word, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "today": "2026-11-29T23:00:00Z", "3d": "2026-12-02T23:00:00Z", "2026-12-24": "2026-12-24T23:00:00Z", "24/12/2026": "2026-12-24T23:00:00Z",
	} {
		if got, err := dueBefore(word, now); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: got %s, %v; want %s", word, got.UTC().Format(time.RFC3339), err, want)
		}
	}
	if _, err := dueBefore("soon", now); err == nil {
		t.Error("soon is no day")
	}
}

// The question comes first, in the language of the terminal; what a terminal would act on is not printed.
func TestAnItemIsPrintedAsAQuestion(t *testing.T) {
	a := &office.LeaseAnswer{Items: []office.Item{
		{
			CaseID: "c1", Version: 3, Queue: "decide", Measured: &office.ItemSpeeds{Measured: 678, Corrected: 610, Limit: 300, Margin: "6", MarginUnit: "kmh"},
			Plate: &office.ItemPlate{Text: "1ABC123", Country: "BE\x1b[2J", Confidence: 884}, Warnings: []office.ItemWarning{{Code: "picture_missing", Args: []string{"4"}, Blocks: true}},
		},
		{CaseID: "c2", Version: 1, Queue: "key", Question: office.Question{Code: "keying"}},
		{CaseID: "c3", Version: 1, Queue: "decide", LEZ: &office.ItemLEZ{Fuel: "diesel", Euro: "4"}},
	}}
	for lang, want := range map[string][]string{
		"nl": {"Reed 61 km/u (gemeten 67,8, min 6 km/u) waar 30 mag?", "c1@3", "88,4%", "foto ontbreekt (4) - bevestigen kan niet", "Welke nummerplaat", "diesel, euro 4 in de lage-emissiezone"},
		"fr": {"Roulait à 61 km/h (mesuré 67,8, moins 6 km/h) où 30 est permis ?", "validation impossible", "Quelle plaque"},
		"en": {"Drove 61 km/h (measured 67.8, less 6 km/h) where 30 is allowed?", "88.4%", "cannot be confirmed"},
	} {
		var b bytes.Buffer
		if err := (&desk{lang: lang}).printItems(&b, a); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(b.String(), text) {
				t.Errorf("%s: no %q in\n%s", lang, text, b.String())
			}
		}
		if strings.Contains(b.String(), "\x1b") {
			t.Errorf("%s: an escape reaches the terminal", lang)
		}
	}
}

// The reason of a shift is true of traffic alone: whoever states another purpose says why.
func TestTheReasonOfAShiftIsForTrafficAlone(t *testing.T) {
	for lang, want := range map[string]string{"nl": "behandeling van verkeersovertredingen", "fr": "traitement des infractions", "en": "processing of traffic offences"} {
		if j, err := (&Cmd{}).justify("traffic", lang); err != nil || !strings.HasPrefix(j.Reason, want) {
			t.Errorf("%s: got %q, %v", lang, j.Reason, err)
		}
		if j, err := (&Cmd{CaseRef: "F"}).justify("judicial", lang); err == nil || !strings.Contains(err.Error(), "--for") {
			t.Errorf("%s: a judicial purpose with %q, %v", lang, j.Reason, err)
		}
	}
	if j, err := (&Cmd{}).justify("operation", "en"); err != nil || j.Reason != "" {
		t.Errorf("operation: %q, %v", j.Reason, err)
	}
	q, err := parse(t, "--for", "file of the collision", "--case-ref", "F", "--prosecutor-ref", "PK.BR.2026/000001", "find", "--plate", "1ABC123")
	if err != nil {
		t.Fatal(err)
	}
	want := office.Justification{Purpose: "judicial", Reason: "file of the collision", CaseRef: "F", ProsecutorRef: "PK.BR.2026/000001"}
	if j, err := q.justify(q.purposeFor([]string{"judicial"}), "en"); err != nil || j != want {
		t.Errorf("got %+v, %v", j, err)
	}
}

// A supervisor holds a case also while a colleague has it; an agent takes it first.
func TestASupervisorHoldsACaseWithoutTakingIt(t *testing.T) {
	for role, want := range map[string]string{"gvc_supervisor": "POST /v1/cases/c1/hold", "gvc_agent": "POST /v1/work/leases"} {
		var asked []string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.Path)
			switch r.URL.Path {
			case "/v1/me":
				_ = json.NewEncoder(w).Encode(office.MeAnswer{Role: role, MayState: []string{"traffic"}})
			case "/v1/purposes":
				_ = json.NewEncoder(w).Encode(office.PurposeAnswer{ID: "p"})
			default:
				w.WriteHeader(http.StatusPreconditionFailed)
				_ = json.NewEncoder(w).Encode(office.Problem{Status: http.StatusPreconditionFailed, Code: "lease_lost"})
			}
		}))
		q := &Cmd{ClientFlags: ask.ClientFlags{URL: s.URL, Token: "t"}, Lang: "en"}
		if err := (&holdCmd{caseArg: caseArg{"c1@3"}, Until: time.Now(), Reason: "camera_checked"}).Run(t.Context(), q); err == nil || asked[len(asked)-1] != want {
			t.Errorf("%s: asked %v, %v", role, asked, err)
		}
		s.Close()
	}
}

// A verdict names the version that the person saw; when the case changed since, nothing is decided, and the person reads in
// the own language what changed and who did it.
func TestAVerdictIsForTheVersionThatWasSeen(t *testing.T) {
	var matched, asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/v1/me":
			_ = json.NewEncoder(w).Encode(office.MeAnswer{Role: "gvc_agent", MayState: []string{"traffic"}})
		case "/v1/purposes":
			_ = json.NewEncoder(w).Encode(office.PurposeAnswer{ID: "p"})
		case "/v1/work/leases":
			_ = json.NewEncoder(w).Encode(office.LeaseAnswer{Items: []office.Item{{CaseID: "c1", Version: 5, Lease: office.ItemLease{ID: "l"}}}})
		default:
			matched = append(matched, r.Header.Get("If-Match"))
			w.WriteHeader(http.StatusPreconditionFailed)
			_ = json.NewEncoder(w).Encode(office.Problem{Status: http.StatusPreconditionFailed, Code: "stale", Errors: []office.Fault{
				{Field: "version", Code: "stale", Message: "m", Args: []string{"5"}},
				{Field: "event", Code: "noted", Message: "m", Args: []string{"5", "noted", "bo\x1b", "2026-11-29T08:00:00Z"}},
			}})
		}
	}))
	defer s.Close()
	for lang, want := range map[string]string{"nl": "Nu versie 5; nota, bo?, 29/11/2026", "fr": "Version actuelle : 5; note, bo?, 29/11/2026", "en": "Now version 5; note, bo?, 29/11/2026"} {
		q := &Cmd{ClientFlags: ask.ClientFlags{URL: s.URL, Token: "t"}, Lang: lang}
		before := len(asked)
		if err := (&confirmCmd{caseArg{"c1"}}).Run(t.Context(), q); err == nil || !strings.Contains(err.Error(), "@") {
			t.Errorf("%s: without a version: %v", lang, err)
		}
		if n := len(asked) - before; n != 1 { // who the person is, and nothing of the case
			t.Errorf("%s: without a version the office was asked %v", lang, asked[before:])
		}
		err := (&confirmCmd{caseArg{"c1@4"}}).Run(t.Context(), q)
		if err == nil || !strings.Contains(err.Error(), want) || matched[len(matched)-1] != `"4"` {
			t.Errorf("%s: If-Match %v, %v; want %q", lang, matched, err, want)
		}
	}
}

// The batches of a daily run have the same names whenever it runs on the day: their keys follow from the Brussels day, the
// track, the zone and the number. A run of a person has other ones each time.
func TestADailyRunNamesItsBatchesByTheDay(t *testing.T) {
	daily := &transmitCmd{Daily: true, Zone: "5339"}
	for at, day := range map[string]string{
		"2026-10-24T21:59:59Z": "2026-10-24", "2026-10-24T22:00:00Z": "2026-10-25", // the day on which summer time ends begins at 22:00 UTC
		"2026-10-25T00:30:00Z": "2026-10-25", "2026-10-25T01:30:00Z": "2026-10-25", // 02:30 twice
		"2026-10-25T22:59:59Z": "2026-10-25", "2026-10-25T23:00:00Z": "2026-10-26",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := daily.keyOf(now, "prosecutor", 2), "daily-"+day+"-prosecutor-5339-2"; got != want {
			t.Errorf("at %s: %s, want %s", at, got, want)
		}
	}
	now := time.Now()
	seen := map[string]bool{}
	for _, c := range []*transmitCmd{daily, {Daily: true}} {
		for _, track := range []string{"prosecutor", "immediate_collection"} {
			for _, n := range []int{1, 2, 9999} {
				key := c.keyOf(now, track, n)
				if seen[key] || len(key) > 64 {
					t.Errorf("%s stands for two batches, or is too long", key)
				}
				seen[key] = true
			}
		}
	}
	byHand := &transmitCmd{}
	if first := byHand.keyOf(now, "prosecutor", 1); first == byHand.keyOf(now, "prosecutor", 1) {
		t.Error("a person's second run is the first again")
	}
	if _, err := parse(t, "transmit", "--track", "all", "--daily", "--dry-run"); err == nil {
		t.Error("a daily run that hands nothing over")
	}
}

// A daily run goes on behind the batches that were made before, and ends when nothing goes.
func TestADailyRunGoesOnWhereAnotherEnded(t *testing.T) {
	var keys []string
	answers := []string{
		`{"transmission":{"batch_id":"b1"},"cases":100,"kept":[],"more":true}`, // made before
		`{"transmission":{"batch_id":"b2"},"cases":7,"kept":[],"more":true}`,
		`{"cases":0,"kept":[{"case_id":"c","reasons":["incident_open"]}],"more":false}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/v1/me":
			_, _ = w.Write([]byte(`{"name":"hand-over","role":"gvc_supervisor","may_state":["traffic"],"purposes":[]}`))
		case "/v1/transmissions":
			_, _ = w.Write([]byte(answers[len(keys)]))
			keys = append(keys, r.Header.Get("Idempotency-Key"))
		default:
			_, _ = w.Write([]byte(`{"purpose_id":"0b0e7a52-f4f0-486d-8f1f-1d2b7a3f0001","ends_at":"2099-01-01T00:00:00Z"}`))
		}
	}))
	t.Cleanup(srv.Close)
	q, err := parse(t, "--url="+srv.URL, "--token=t", "--for=daily hand-over", "transmit", "--track=prosecutor", "--daily")
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Transmit.Run(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 3 || strings.TrimSuffix(keys[0], "1") != strings.TrimSuffix(keys[2], "3") || !strings.HasPrefix(keys[0], "daily-") {
		t.Errorf("asked for %q", keys)
	}
}

package gateway

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

var update = flag.Bool("update", false, "write the golden files again")

// formatOf gives the path part of a testdata file: its name up to the first dash.
func formatOf(file string) string {
	format, _, _ := strings.Cut(filepath.Base(file), "-")
	return format
}

func typeOf(file string) string {
	switch filepath.Ext(file) {
	case ".xml":
		return "application/xml"
	case ".multipart":
		return "multipart/form-data; boundary=boundary"
	case ".jsonl":
		return "application/x-ndjson"
	case ".pb":
		return "application/x-protobuf"
	}
	return "application/json"
}

func samples(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"testdata/*.xml", "testdata/*.json", "testdata/*.multipart", "testdata/*.jsonl", "testdata/*.pb"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	if len(out) < 15 {
		t.Fatalf("only %d payloads in testdata", len(out))
	}
	return out
}

func load(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGoldenPayloadsMakeTheReadsTheyDid(t *testing.T) {
	for _, file := range samples(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			events, rej := parseUpload(formatOf(file), typeOf(file), load(t, file))
			if rej != nil {
				t.Fatalf("refused as a whole: %v", rej)
			}
			got := render(events)
			golden := strings.TrimSuffix(file, filepath.Ext(file)) + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(load(t, golden)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func render(events []*CameraEvent) string {
	var b strings.Builder
	for i, ev := range events {
		switch {
		case ev.Err != nil:
			fmt.Fprintf(&b, "%d refused %s\n", i, ev.Err.Error())
			continue
		case ev.Ignored != "":
			fmt.Fprintf(&b, "%d ignored %s\n", i, ev.Ignored)
			continue
		}
		r := ev.Read
		fmt.Fprintf(&b, "%d read\n  plate %s\n  captured %s zone %d\n  country %q %d\n  confidence %d\n  lane %d direction %s\n", i,
			r.RawPlate, ev.stated.instant(), ev.stated.zone, r.Country, r.CountryConfidencePm, r.ConfidencePm, r.Lane, r.Direction)
		fmt.Fprintf(&b, "  speed %d\n  kind %s make %q colour %q\n  event %q late %t\n  image %s\n", r.SpeedDkmh, r.VehicleKind, r.Make,
			r.Colour, r.CameraEventId, r.LateUpload, hex.EncodeToString(r.ImageSha256))
		for _, c := range r.Candidates {
			fmt.Fprintf(&b, "  candidate %s %d\n", c.Plate, c.ConfidencePm)
		}
		for _, img := range ev.Images {
			fmt.Fprintf(&b, "  picture %s %d bytes\n", img.Name, len(img.Data))
		}
		fmt.Fprintf(&b, "  notes %v\n", ev.Notices)
		if len(ev.Unknown) > 0 {
			fmt.Fprintf(&b, "  unknown %v\n", ev.Unknown)
		}
	}
	return b.String()
}

func at(t testing.TB, s string) schemas.Micros {
	t.Helper()
	w, ok := parseTime(s)
	if !ok {
		t.Fatalf("%q is no time", s)
	}
	return w.instant()
}

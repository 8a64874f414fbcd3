package flags

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestLogLinesHaveDateZoneAndUnits(t *testing.T) {
	at, form, unit := zerolog.TimestampFunc, zerolog.TimeFieldFormat, zerolog.DurationFieldFormat
	t.Cleanup(func() { zerolog.TimestampFunc, zerolog.TimeFieldFormat, zerolog.DurationFieldFormat = at, form, unit })
	SetLogForms()
	zerolog.TimestampFunc = func() time.Time {
		return time.Date(2026, 11, 28, 7, 5, 9, 45e6, time.FixedZone("", 3600))
	}
	for _, json := range []bool{true, false} {
		var out bytes.Buffer
		l, err := newLoggerTo(&out, "info", json, false)
		if err != nil {
			t.Fatal(err)
		}
		l.Info().Dur("took", 118259500*time.Nanosecond).Msg("done")
		if got := out.String(); !strings.Contains(got, "118.2595ms") {
			t.Errorf("JSON %t: got %s, want a duration with a unit", json, got)
		}
		stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)`).FindString(out.String())
		if got, err := time.Parse(time.RFC3339, stamp); err != nil || !got.Equal(zerolog.TimestampFunc()) {
			t.Errorf("JSON %t: got %s, want a time with date, milliseconds and zone that is %s", json, out.String(), zerolog.TimestampFunc())
		}
	}
}

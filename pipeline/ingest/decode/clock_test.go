package decode

import (
	"math"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestCheckClockBoundsAndMarksTheCapture(t *testing.T) {
	const now = schemas.Micros(receivedAt)
	tests := []struct {
		claim              string
		captured, received schemas.Micros
		reason             schemas.Reason
		suspect            bool
	}{
		{"just before", now - 1, now, schemas.ReasonNone, false},
		{"2 s ahead", now + 2*schemas.Second, now, schemas.ReasonNone, false},
		{"just above 2 s ahead", now + 2*schemas.Second + 1, now, schemas.ReasonNone, true},
		{"26 h ahead", now + 26*schemas.Hour, now, schemas.ReasonNone, true},
		{"just above 26 h ahead", now + 26*schemas.Hour + 1, now, schemas.ReasonClockAhead, false},
		{"366 days behind", now - 366*24*schemas.Hour, now, schemas.ReasonNone, false},
		{"just above 366 days behind", now - 366*24*schemas.Hour - 1, now, schemas.ReasonClockBehind, false},
		{"end of time", math.MaxInt64, now, schemas.ReasonClockAhead, false},
		{"start of time", math.MinInt64, now, schemas.ReasonClockBehind, false},
		{"receipt just before 2020", now, 1577836800000000 - 1, schemas.ReasonBadField, false},
		{"receipt at 2020", 1577836800000000, 1577836800000000, schemas.ReasonNone, false},
		{"receipt at 2100", now, 4102444800000000, schemas.ReasonBadField, false},
		{"receipt at the end of time", now, math.MaxInt64, schemas.ReasonBadField, false},
	}
	for _, tt := range tests {
		r := schemas.Read{CapturedAt: tt.captured, ReceivedAt: tt.received}
		got := schemas.ReasonNone
		if rej := CheckClock(&r, DefaultAhead, DefaultBehind); rej != nil {
			got = rej.Reason
		}
		if got != tt.reason {
			t.Errorf("%s: got %s, want %s", tt.claim, got, tt.reason)
		}
		if got := r.Flags&schemas.FlagClockSuspect != 0; got != tt.suspect {
			t.Errorf("%s: suspect %v, want %v", tt.claim, got, tt.suspect)
		}
	}
}

func TestCheckClockPassesWhatHasNoCapture(t *testing.T) {
	for _, r := range []schemas.Read{{Tick: receivedAt}, {ReceivedAt: receivedAt, Quarantine: &schemas.Quarantine{}}} {
		if rej := CheckClock(&r, DefaultAhead, DefaultBehind); rej != nil {
			t.Errorf("%+v: %v", r, rej)
		}
	}
}

func TestCheckClockDoesNotAllocate(t *testing.T) {
	r := schemas.Read{CapturedAt: capturedAt, ReceivedAt: receivedAt}
	if n := testing.AllocsPerRun(100, func() { _ = CheckClock(&r, DefaultAhead, DefaultBehind) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

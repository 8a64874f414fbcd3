package schemas

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHoursAreThoseOfABrusselsClock covers any instant, especially around clock changes. Cover depends only on the day
// and the minute on a Brussels wall clock.
func TestHoursAreThoseOfABrusselsClock(t *testing.T) {
	changes := []Micros{ // one hour before each change from 2025 to 2027
		MicrosOf(time.Date(2025, 10, 26, 0, 0, 0, 0, time.UTC)), MicrosOf(time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)),
		MicrosOf(time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)), MicrosOf(time.Date(2027, 3, 28, 0, 0, 0, 0, time.UTC)),
	}
	rapid.Check(t, func(t *rapid.T) {
		h := Hours{
			Days: Weekdays(rapid.IntRange(0, 127).Draw(t, "days")),
			From: uint16(rapid.IntRange(0, 24*60-1).Draw(t, "from")), To: uint16(rapid.IntRange(0, 24*60).Draw(t, "to")),
		}
		at := rapid.SampledFrom(changes).Draw(t, "change") + Micros(rapid.Int64Range(-int64(4*24*Hour), int64(4*24*Hour)).Draw(t, "away"))
		wall, err := time.LoadLocation("Europe/Brussels")
		if err != nil {
			t.Fatal(err)
		}
		clock := at.Time().In(wall)
		minute := clock.Hour()*60 + clock.Minute()
		day := map[time.Weekday]int{time.Monday: 0, time.Tuesday: 1, time.Wednesday: 2, time.Thursday: 3, time.Friday: 4, time.Saturday: 5, time.Sunday: 6}
		on := func(d time.Weekday) bool { return h.Days == 0 || h.Days>>day[d]&1 == 1 }
		var want bool
		switch from, to := int(h.From), int(h.To); {
		case from == to:
			want = on(clock.Weekday())
		case from < to:
			want = on(clock.Weekday()) && minute >= from && minute < to
		default:
			want = on(clock.Weekday()) && minute >= from || on((clock.Weekday()+6)%7) && minute < to
		}
		if got := h.Cover(at); got != want {
			t.Fatalf("%+v at %s: %v, want %v", h, clock, got, want)
		}
	})
}

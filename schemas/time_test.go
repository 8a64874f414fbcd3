package schemas

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestDaysAndInstantsAreWrittenAsTimeFormatWritesThem(t *testing.T) {
	const form = "2006-01-02T15:04:05.000000Z07:00"
	for d := Day(-1000); d < lastWritten+1000; d++ {
		if d > 80_000 && d < lastWritten-1000 && d%37 != 0 { // every day to the year 2189, then some
			continue
		}
		if got, want := d.String(), d.utc().Format(time.DateOnly); got != want {
			t.Fatalf("day %d: got %s, want %s", int32(d), got, want)
		}
	}
	check := func(m Micros) {
		t.Helper()
		if got, want := m.String(), m.Time().Format(form); got != want {
			t.Fatalf("%d: got %s, want %s", int64(m), got, want)
		}
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	for range 100_000 {
		check(Micros(r.Int64N(int64(afterWritten))))
		check(Micros(r.Int64N(1<<52)) - 1<<51)
	}
	for _, m := range []Micros{-1, 0, 1, afterWritten - 1, afterWritten, microsPerDay - 1, microsPerDay} {
		check(m)
	}
}

func TestTheDayIsThatOfTheZoneDatabase(t *testing.T) {
	check := func(m Micros) {
		t.Helper()
		y, mo, d := m.Local().Date()
		if got, want := m.Day(), DayOf(y, mo, d); got != want {
			t.Fatalf("%s: got %s, want %s", m, got, want)
		}
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	for range 200_000 {
		check(Micros(r.Int64N(int64(DayOf(2200, 1, 1).Start()))))
	}
	for d := Day(-10); d < 60_000; d++ {
		for _, by := range []Micros{-Hour, -1, 0, 1, Hour, 3 * Hour} {
			check(d.Start() + by)
		}
	}
}

func TestTimesOfATraceCostOneAllocation(t *testing.T) {
	m := DayOf(2026, 11, 25).Start()
	var s string
	if got := testing.AllocsPerRun(100, func() { s = m.String() }); got != 1 {
		t.Errorf("an instant: %v allocations, want 1", got)
	}
	if got := testing.AllocsPerRun(100, func() { s = m.Day().String() }); got != 1 {
		t.Errorf("a day: %v allocations, want 1", got)
	}
	_ = s
}

// BenchmarkWrittenTimes compares the forms written here with those of time.AppendFormat.
func BenchmarkWrittenTimes(b *testing.B) {
	m := DayOf(2026, 11, 25).Start() + 13*Hour + 5*Minute + 7
	d := m.Day()
	for name, write := range map[string]func() string{
		"instant": m.String,
		"day":     d.String,
		"instant/standard": func() string {
			var b [27]byte
			return string(m.Time().AppendFormat(b[:0], "2006-01-02T15:04:05.000000Z07:00"))
		},
		"day/standard": func() string {
			var b [10]byte
			return string(d.utc().AppendFormat(b[:0], time.DateOnly))
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_ = write()
			}
		})
	}
}

func TestNamingACountryAllocatesNothing(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			c := Country{byte(a), byte(b)}
			want := string(c[:])
			if c.IsZero() {
				want = ""
			}
			if got := c.String(); got != want {
				t.Fatalf("%v: got %q, want %q", c, got, want)
			}
		}
	}
	var s string
	if got := testing.AllocsPerRun(100, func() { s = Belgium.String() }); got != 0 {
		t.Errorf("%s: %v allocations, want 0", s, got)
	}
}

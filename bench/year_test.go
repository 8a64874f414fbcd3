package bench

import (
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func testYear(t testing.TB, rows uint64, days, vehicles int) *Year {
	t.Helper()
	at := schemas.DayOf(2026, 11, 25).Start() + 12*schemas.Hour
	city, err := NewCity(CityConfig{Seed: 3, Cameras: 200, Temporary: -1, Vehicles: vehicles, At: at})
	if err != nil {
		t.Fatal(err)
	}
	y, err := city.Year(YearConfig{Seed: 7, End: at, Rows: rows, Days: days})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

func TestYearGivesEveryRowOnceAndEachDayByItself(t *testing.T) {
	y := testYear(t, 100_003, 7, 5_000)
	ids := map[schemas.ReadID]bool{}
	var third []schemas.ReadID
	for day := range 7 {
		n := uint64(0)
		last := schemas.Micros(0)
		y.Day(day, func(s *Stored) {
			n++
			ids[s.ID] = true
			if day == 3 {
				third = append(third, s.ID)
			}
			if s.CapturedAt < y.Start(day) || s.CapturedAt >= y.Start(day+1) {
				t.Fatalf("a read of day %d is captured at %s", day, s.CapturedAt)
			}
			if s.CapturedAt < last-schemas.Second {
				t.Fatalf("captured at %s after %s: not in the order of the log", s.CapturedAt, last)
			}
			last = max(last, s.CapturedAt)
			if s.Passage.IsZero() || s.Class != s.Plate.Class() || !s.From.ValidAt(s.CapturedAt) || s.ReceivedAt <= s.CapturedAt {
				t.Fatalf("not as the pipeline stores it: %+v", s)
			}
		})
		if want := y.First(day+1) - y.First(day); n != want {
			t.Errorf("day %d: got %d reads, want %d", day, n, want)
		}
	}
	if len(ids) != 100_003 {
		t.Errorf("got %d distinct ids, want 100003", len(ids))
	}
	var again []schemas.ReadID
	testYear(t, 100_003, 7, 5_000).Day(3, func(s *Stored) { again = append(again, s.ID) })
	if !slices.Equal(third, again) {
		t.Error("day 3 made first differs from day 3 made after others")
	}
}

func TestYearIsAsUnequalAsLife(t *testing.T) {
	y := testYear(t, 400_000, 2, 40_000)
	reads, passages, hits := map[schemas.Plate]int{}, map[schemas.PassageID]int{}, 0
	for day := range 2 {
		y.Day(day, func(s *Stored) {
			reads[s.Plate]++
			passages[s.Passage]++
			hits += len(s.Hits)
		})
	}
	counts := make([]int, 0, len(reads))
	once := 0
	for _, n := range reads {
		counts = append(counts, n)
		once += boolToInt(n == 1)
	}
	slices.Sort(counts)
	top := 0
	for _, n := range counts[len(counts)*9/10:] {
		top += n
	}
	t.Logf("%d plates, %d of them once, top tenth has %d of 400000 reads, busiest %d; %d passages, %d hits",
		len(reads), once, top, counts[len(counts)-1], len(passages), hits)
	if top < 160_000 || top > 320_000 {
		t.Errorf("the busiest tenth has %d of 400,000 reads: want two to four fifths", top)
	}
	if once < 4_000 {
		t.Errorf("%d plates are seen once: misreads are missing", once)
	}
	if per := 400_000 * 10 / len(passages); per < 12 || per > 25 {
		t.Errorf("%d.%d reads a passage: want 1.2 to 2.5", per/10, per%10)
	}
	if hits < 40 || hits > 4_000 {
		t.Errorf("%d hits: want about one in a thousand journeys", hits)
	}
}

func TestYearRefusesWhatItCannotMake(t *testing.T) {
	city := testYear(t, 1000, 1, 1000).city
	for name, c := range map[string]YearConfig{
		"no end":        {},
		"too many days": {End: 1 << 50, Days: 400},
		"too many rows": {End: 1 << 50, Days: 1, Rows: 1 << 40},
		"empty days":    {End: 1 << 50, Days: 10, Rows: 5},
	} {
		if _, err := city.Year(c); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

func BenchmarkYear(b *testing.B) {
	y := testYear(b, 1_000_000, 1, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		y.Day(0, func(*Stored) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/read")
}

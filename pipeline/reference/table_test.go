package reference

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

var countries = []schemas.Country{{'B', 'E'}, {'N', 'L'}, {'A', 'A'}, {'Z', 'Z'}}

func randomVehicle(r *rand.Rand, from, to schemas.Day) schemas.Vehicle {
	v := schemas.Vehicle{
		Country: countries[r.IntN(len(countries))], Category: schemas.Category(r.IntN(int(schemas.T) + 1)),
		Fuel: schemas.Fuel(r.IntN(int(schemas.Hydrogen) + 1)), Euro: schemas.Euro(r.IntN(int(schemas.Euro6d) + 1)),
		Oldtimer: r.IntN(2) == 0, ValidFrom: from, ValidTo: to, Class: schemas.N1Class(r.IntN(int(schemas.N1Class3) + 1)),
		Body: schemas.Body(r.IntN(int(schemas.BodyOther) + 1)), ReferenceMass: uint16(r.IntN(schemas.MaxReferenceMass + 1)),
	}
	if r.IntN(4) > 0 {
		v.FirstRegistration = minDay + schemas.Day(r.IntN(int(maxDay-minDay)+1))
	}
	return v
}

func TestVehicleRecordKeepsEveryValue(t *testing.T) {
	r := newSeededRand(t)
	days := []schemas.Day{minDay, -1, 0, 1, maxDay}
	for i := range 10_000 {
		from, to := days[r.IntN(len(days))], days[r.IntN(len(days))]
		want := randomVehicle(r, from, to)
		w := packValues(&want)
		rec := vehicleRecord{key: packKey(0, &want), v0: uint32(w), v1: uint32(w >> 32)}
		if got := rec.unpackVehicle(uint32(want.ReferenceMass) & massLowMask); got != want {
			t.Fatalf("%d: got %+v, want %+v", i, got, want)
		}
	}
}

func TestEveryNameOfTheContractFitsARecord(t *testing.T) {
	f := func(what string, bits int, parse func(string) (uint8, bool), names ...string) {
		t.Helper()
		for _, n := range names {
			v, ok := parse(n)
			if !ok || int(v) >= 1<<bits {
				t.Errorf("%s %q has value %d %v, which %d bits do not hold", what, n, v, ok, bits)
			}
		}
	}
	all := func(name func(uint8) string) (out []string) {
		for i := range 256 {
			if n := name(uint8(i)); n != "invalid" {
				out = append(out, n)
			}
		}
		return out
	}
	f("category", fuelShift, func(s string) (uint8, bool) { c, ok := schemas.ParseCategory(s); return uint8(c), ok },
		all(func(i uint8) string { return schemas.Category(i).String() })...)
	f("fuel", euroShift-fuelShift, func(s string) (uint8, bool) { c, ok := schemas.ParseFuel(s); return uint8(c), ok },
		all(func(i uint8) string { return schemas.Fuel(i).String() })...)
	f("class", bodyShift-classShift, func(s string) (uint8, bool) { c, ok := schemas.ParseN1Class(s); return uint8(c), ok },
		all(func(i uint8) string { return schemas.N1Class(i).String() })...)
	f("body", massShift-bodyShift, func(s string) (uint8, bool) { c, ok := schemas.ParseBody(s); return uint8(c), ok },
		all(func(i uint8) string { return schemas.Body(i).String() })...)
	f("norm", oldtimerShift-euroShift, func(s string) (uint8, bool) { c, ok := schemas.ParseEuro(s); return uint8(c), ok },
		all(func(i uint8) string { return schemas.Euro(i).String() })...)
}

func TestCountryCodesAreDistinctAndReversible(t *testing.T) {
	seen := map[uint32]bool{0: true, noCountry: true}
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			c := schemas.Country{a, b}
			code := countryCode(c)
			if seen[code] || countryOfCode(code) != c {
				t.Errorf("%s has code %d", c, code)
			}
			seen[code] = true
		}
	}
	for _, c := range []schemas.Country{{'b', 'e'}, {0, 'A'}, {'A', 0}, {255, 255}, {'[', 'A'}} {
		if got := countryCode(c); got != noCountry {
			t.Errorf("%v has code %d, want none", c, got)
		}
	}
}

func TestPlateKeysAreDistinct(t *testing.T) {
	r := newSeededRand(t)
	seen := map[plateKey]schemas.Plate{}
	for range 200_000 {
		p := randomPlate(r, schemas.MaxPlate, "A9")
		k := keyOf(p)
		if other, ok := seen[k]; ok && other != p {
			t.Fatalf("%s and %s share a key", p, other)
		}
		if k.lo == 0 || k.hi > 0xffff {
			t.Fatalf("%s has key %x %x", p, k.lo, k.hi)
		}
		seen[k] = p
	}
	longest := keyOf(schemas.MustPlate(strings.Repeat("9", schemas.MaxPlate)))
	if longest.hi > 0xffff {
		t.Errorf("the longest plate overflows: %x", longest.hi)
	}
}

// naive is the vehicle register in its simplest form.
type naive map[schemas.Plate][]schemas.Vehicle

func (n naive) putVehicle(p schemas.Plate, v schemas.Vehicle) putResult {
	for _, e := range n[p] {
		if e.Country == v.Country && (e.ValidTo == 0 || v.ValidFrom < e.ValidTo) && (v.ValidTo == 0 || e.ValidFrom < v.ValidTo) {
			return putOverlap
		}
	}
	n[p] = append(n[p], v)
	return putDone
}

func (n naive) findVehicle(p schemas.Plate, c schemas.Country, d schemas.Day) (out schemas.Vehicle, ok bool) {
	found := 0
	for _, e := range n[p] {
		if (c.IsZero() || e.Country == c) && d >= e.ValidFrom && (e.ValidTo == 0 || d < e.ValidTo) {
			out = e
			found++
		}
	}
	if found != 1 {
		return schemas.Vehicle{}, false
	}
	return out, true
}

func TestVehicleTableAnswersLikeANaiveMap(t *testing.T) {
	r := newSeededRand(t)
	for round := range 60 {
		rows := r.IntN(2000)
		table, model := mustTable(t, rows), naive{}
		plates := make([]schemas.Plate, 1+r.IntN(rows+1))
		for i := range plates {
			plates[i] = randomPlate(r, 1+r.IntN(schemas.MaxPlate), "AB1")
		}
		for range rows {
			from := schemas.Day(1 + r.IntN(400))
			v := randomVehicle(r, from, from+schemas.Day(1+r.IntN(60)))
			if r.IntN(10) == 0 {
				v.ValidTo = 0
			}
			p := plates[r.IntN(len(plates))]
			if got, want := table.putPlate(p, &v), model.putVehicle(p, v); got != want {
				t.Fatalf("round %d: put: got %d, want %d", round, got, want)
			}
		}
		for range 5000 {
			p := plates[r.IntN(len(plates))]
			if r.IntN(5) == 0 {
				p = randomPlate(r, 6, "AB1")
			}
			c := append(countries, schemas.Country{}, schemas.Country{'F', 'R'}, schemas.Country{1, 2})[r.IntN(len(countries)+3)]
			d := schemas.Day(r.IntN(520))
			got, gotOK := table.findVehicle(p, c, d)
			want, wantOK := model.findVehicle(p, c, d)
			if got != want || gotOK != wantOK {
				t.Fatalf("round %d: %s %q %s: got %+v %v, want %+v %v", round, p, c, d, got, gotOK, want, wantOK)
			}
		}
	}
}

func TestVehicleTableBoundsPeriodsAndRows(t *testing.T) {
	table := mustTable(t, 1000)
	p := schemas.MustPlate("1ABC123")
	for i := range 300 {
		v := schemas.Vehicle{Country: schemas.Belgium, ValidFrom: schemas.Day(i + 1), ValidTo: schemas.Day(i + 2)}
		want := putDone
		if i >= maxPeriods {
			want = putTooMany
		}
		if got := table.putPlate(p, &v); got != want {
			t.Fatalf("period %d: got %d, want %d", i+1, got, want)
		}
	}
	small := mustTable(t, 1)
	v := schemas.Vehicle{Country: schemas.Belgium, ValidFrom: 1}
	if got := small.putPlate(p, &v); got != putDone {
		t.Errorf("first row: got %d", got)
	}
	if got := small.putPlate(schemas.MustPlate("1ABC124"), &v); got != putFull {
		t.Errorf("a row more than there is room for: got %d, want %d", got, putFull)
	}
	if _, ok := small.findVehicle(schemas.MustPlate("1ABC125"), schemas.Belgium, 1); ok {
		t.Error("found a plate that is not there")
	}
}

func TestIndexFindsExactlyTheRunsOfEachKey(t *testing.T) {
	r := newSeededRand(t)
	for range 100 {
		rows := make([]plateKey, r.IntN(500))
		for i := range rows {
			rows[i] = keyOf(randomPlate(r, 1+r.IntN(15), "AB1"))
		}
		slices.SortFunc(rows, comparePlates)
		x := newIndex(len(rows), func(i int) plateKey { return rows[i] })
		for range 500 {
			k := keyOf(randomPlate(r, 15, "AB1"))
			start, end := x.findRows(k)
			want := 0
			for _, row := range rows {
				if row == k {
					want++
				}
			}
			if int(end-start) != want {
				t.Fatalf("got %d rows, want %d", end-start, want)
			}
			for _, row := range rows[start:end] {
				if row != k {
					t.Fatal("a row of another key")
				}
			}
		}
	}
}

func TestListsAnswerLikeAScanWhateverTheOrderOfTheRows(t *testing.T) {
	r := newSeededRand(t)
	for range 40 {
		var rows []schemas.ListEntry
		for i := range r.IntN(300) {
			from := schemas.Micros(1 + r.IntN(100))
			e := schemas.ListEntry{
				List: fmt.Sprintf("l%d", r.IntN(3)), ID: fmt.Sprintf("%04d", i), Plate: randomPlate(r, 3, "0OB8A"),
				Priority: uint8(r.IntN(4)), ValidFrom: from,
			}
			if r.IntN(2) == 0 {
				e.ValidTo = from + schemas.Micros(1+r.IntN(50))
			}
			rows = append(rows, e)
		}
		table := listsInAnyOrder(t, r, rows)
		for range 300 {
			class, at := randomPlate(r, 3, "0OB8A").Class(), schemas.Micros(r.IntN(160))
			var got, want []schemas.ListEntry
			for _, e := range table.findEntries(nil, class, at) {
				got = append(got, *e)
			}
			for _, e := range rows {
				if e.Plate.Class() == class && at >= e.ValidFrom && (e.ValidTo == 0 || at < e.ValidTo) {
					want = append(want, e)
				}
			}
			slices.SortFunc(want, func(a, b schemas.ListEntry) int {
				return cmp.Or(-cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.List, b.List), cmp.Compare(a.ID, b.ID))
			})
			if !slices.EqualFunc(got, want, func(a, b schemas.ListEntry) bool { return a.List == b.List && a.ID == b.ID }) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	}
}

// listsInAnyOrder makes the table of entries of the lists l0 to l2, shuffled.
func listsInAnyOrder(t *testing.T, r *rand.Rand, rows []schemas.ListEntry) *lists {
	t.Helper()
	l := newListLoader(len(rows))
	l.names = []string{"l0", "l1", "l2"}
	for _, i := range r.Perm(len(rows)) {
		e := &rows[i]
		l.rows = append(l.rows, listRow{
			list: uint16(slices.Index(l.names, e.List)), id: l.addText(e.ID), plate: e.Plate, priority: e.Priority, from: e.ValidFrom, to: e.ValidTo,
		})
	}
	return mustIndex(t, l)
}

func TestDayReadsLikeParseDay(t *testing.T) {
	for d := minDay; d <= maxDay; d++ {
		if got, err := readDay(d.String()); err != nil || got != d {
			t.Fatalf("%s: got %d %v, want %d", d, got, err, d)
		}
	}
	for _, s := range []string{
		"", "2026-7-01", "2026-07-1", "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-04-31",
		"2025-02-29", "1900-02-29", "2100-02-29", "2026/07/01", "2026-07-01 ", "+026-07-01", "20a6-07-01", "1899-12-31", "2200-01-01",
	} {
		if got, err := readDay(s); err == nil {
			t.Errorf("%q reads as %s", s, got)
		}
	}
	if got, want := codeOfDay(minDay), uint64(1); got != want {
		t.Errorf("the code of the first day is %d, want %d", got, want)
	}
	if got := codeOfDay(maxDay); dayOfCode(got) != maxDay {
		t.Errorf("the last day does not fit a record: code %d", got)
	}
}

// Eight million vehicles fit because three periods, with everything rules ask about them, lie in a cache line.
func TestPeriodsOfThreeVehiclesAreOneCacheLine(t *testing.T) {
	if bucketSize != 64 {
		t.Errorf("a line of %d records has %d bytes, want 64", inBucket, bucketSize)
	}
	if n := 8_000_000; bucketsFor(n)*bucketSize/n > 28 {
		t.Errorf("%d bytes a period, want 28", bucketsFor(n)*bucketSize/n)
	}
}

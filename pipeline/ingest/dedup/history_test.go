package dedup

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// TestAPastPassageIsSmallAndHasNoPointer: the garbage collector does not look into the history.
func TestAPastPassageIsSmallAndHasNoPointer(t *testing.T) {
	if n := unsafe.Sizeof(schemas.PastPassage{}); n > 96 {
		t.Errorf("a passage has %d bytes, bound is 96", n)
	}
	var look func(typ reflect.Type, path string)
	look = func(typ reflect.Type, path string) {
		switch typ.Kind() { //nolint:exhaustive // the kinds with pointers
		case reflect.Struct:
			for f := range typ.Fields() {
				look(f.Type, path+"."+f.Name)
			}
		case reflect.Array:
			look(typ.Elem(), path+"[]")
		case reflect.Pointer, reflect.String, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
			t.Errorf("%s is a %v", path, typ)
		}
	}
	look(reflect.TypeFor[pastEntry](), "pastEntry")
}

// TestWithoutASpanThereIsNoHistory: no memory, no allocation, no longer horizon.
func TestWithoutASpanThereIsNoHistory(t *testing.T) {
	h := NewHistory(Config{MaxHistory: 100})
	if h != nil {
		t.Fatal("a history without a span")
	}
	c := closedOf("1ABC128", 1, t0)
	if n := testing.AllocsPerRun(100, func() {
		h.Add(&c, t0)
		h.Advance(t0)
		if h.Passages(nil, c.Class, 0, 1<<62) != nil || h.Len() != 0 || h.Room() != 0 || h.Forgotten() != 0 {
			t.Fatal("a history without a span remembers")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	parked := closedOf("1ABC128", 1, t0)
	parked.Parked = true
	if h := NewHistory(Config{HistorySpan: schemas.Hour}); true {
		if h.Add(&parked, t0); h.Len() != 0 {
			t.Error("a vehicle that stands in view is remembered as a passing")
		}
	}
	with := Config{HistorySpan: schemas.Hour}
	if got, want := with.Horizon(), (Config{}).Horizon()+schemas.Hour; got != want {
		t.Errorf("horizon %d with a history of an hour, want %d", got, want)
	}
	_, without := Config{}.Memory()
	if _, n := with.Memory(); n <= without {
		t.Errorf("%d bytes with a history, %d without", n, without)
	}
}

func closedOf(plate string, n int, at schemas.Micros) Closed {
	p := schemas.MustPlate(plate)
	c := Closed{BestCamera: uint32(n%3 + 1)}
	c.ID, c.Class, c.SiteHash, c.Variants = schemas.PassageIDOf(readID(uint64(n))), p.Class(), uint64(n%3), 1
	c.Best = schemas.Sighting{Read: readID(uint64(n)), Plate: p, CapturedAt: at, Lane: 2, Speed: 500, Country: schemas.Belgium}
	return c
}

// TestHistoryFindsWhatALinearSearchFinds compares History with a linear search, for random closings, bounds and spans.
func TestHistoryFindsWhatALinearSearchFinds(t *testing.T) {
	plates := []string{"1ABC128", "1ABC12B", "2XYZ001", "2XYZOO1", "1AAA111"}
	rapid.Check(t, func(t *rapid.T) {
		span := schemas.Micros(rapid.IntRange(1, 50).Draw(t, "span"))
		most := rapid.IntRange(1, 90).Draw(t, "most")
		h := NewHistory(Config{HistorySpan: span, MaxHistory: most})
		type kept struct {
			c      Closed
			closed schemas.Micros
		}
		var all []kept
		clock, evicted := t0, uint64(0)
		for n := range rapid.IntRange(1, 300).Draw(t, "passages") {
			clock += schemas.Micros(rapid.IntRange(0, 3).Draw(t, "step"))
			h.Advance(clock)
			all = slices.DeleteFunc(all, func(k kept) bool { return k.closed <= clock-span })
			c := closedOf(rapid.SampledFrom(plates).Draw(t, "plate"), n, clock-schemas.Micros(rapid.IntRange(-9, 9).Draw(t, "back")))
			from := clock + schemas.Micros(rapid.IntRange(-30, 5).Draw(t, "from"))
			to := from + schemas.Micros(rapid.IntRange(0, 40).Draw(t, "width"))
			var want []schemas.PassageID
			slices.SortStableFunc(all, func(a, b kept) int { return cmp.Compare(a.closed, b.closed) })
			for _, k := range all {
				if k.c.Class == c.Class && k.c.Best.CapturedAt >= from && k.c.Best.CapturedAt < to {
					want = append(want, k.c.ID)
				}
			}
			at := map[schemas.PassageID]schemas.Micros{}
			for _, k := range all {
				at[k.c.ID] = k.c.Best.CapturedAt
			}
			slices.SortFunc(want, func(a, b schemas.PassageID) int {
				return cmp.Or(cmp.Compare(at[a], at[b]), bytes.Compare(a.ID[:], b.ID[:]))
			})
			var got []schemas.PassageID
			for _, p := range h.Passages(nil, c.Class, from, to) {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("passage %d: %v, want %v", n, got, want)
			}
			h.Add(&c, clock)
			if all = append(all, kept{c, clock}); len(all) > most {
				all, evicted = all[1:], evicted+1
			}
			if h.Len() != len(all) || h.Forgotten() != evicted {
				t.Fatalf("%d passages and %d forgotten, want %d and %d", h.Len(), h.Forgotten(), len(all), evicted)
			}
		}
	})
}

// TestHistoryDoesNotAllocateInSteadyState covers Add, and Passages with a reused slice.
func TestHistoryDoesNotAllocateInSteadyState(t *testing.T) {
	h := NewHistory(Config{HistorySpan: 500})
	var closed []Closed
	for i := range 256 {
		closed = append(closed, closedOf(fmt.Sprintf("1ABC%03d", i), i, t0))
	}
	dst, clock, i := make([]schemas.PastPassage, 0, 16), t0, 0
	step := func() {
		clock, i = clock+1, i+1
		c := &closed[i%len(closed)]
		h.Advance(clock)
		dst = h.Passages(dst[:0], c.Class, 0, 1<<62)
		h.Add(c, clock)
	}
	for range 5000 {
		step()
	}
	if n := testing.AllocsPerRun(5000, step); n > 0.01 {
		t.Errorf("%v allocations a passage", n)
	}
}

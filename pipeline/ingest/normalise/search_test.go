package normalise

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

func plates(names ...string) []schemas.Plate {
	out := make([]schemas.Plate, 0, len(names))
	for _, n := range names {
		out = append(out, schemas.MustPlate(n))
	}
	return out
}

func TestVariantsListTheNearestFirst(t *testing.T) {
	got := Variants(schemas.MustPlate("A8Z"))
	want := plates("A8Z", "ABZ", "A82", "AB2")
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := Variants(schemas.Plate{}); len(got) != 0 {
		t.Errorf("of no plate: got %v", got)
	}
	if got, want := AppendVariants(plates("X"), schemas.MustPlate("A8Z"), 2), plates("X", "A8Z", "ABZ"); !slices.Equal(got, want) {
		t.Errorf("bounded by 2: got %v, want %v", got, want)
	}
}

// Variants of a plate are the plates of the class: all of them, each once, and no other.
func TestVariantsAreTheConfusionClass(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	for range 300 {
		p := mix(rng)
		got := Variants(p)
		texts := map[schemas.Plate]bool{}
		for _, v := range got {
			texts[v.Unbounded()] = true
		}
		if want := min(VariantCount(p), MaxVariants); len(got) < MaxVariants && len(texts) != want {
			t.Fatalf("%s: %d variants, want %d", p, len(texts), want)
		}
		seen := map[schemas.Plate]bool{}
		changes := 0
		for _, v := range got {
			if v.Class() != p.Class() || seen[v] {
				t.Fatalf("%s: variant %s is of another class or twice there", p, v)
			}
			seen[v] = true
			n := 0
			text := v.Unbounded()
			for i := range text.Len() {
				if text.At(i) != p.At(i) {
					n++
				}
			}
			if n < changes {
				t.Fatalf("%s: variant %s with %d changes after one with %d", p, v, n, changes)
			}
			changes = n
		}
	}
}

func TestVariantsOfTheWorstPlateAreBounded(t *testing.T) {
	p := schemas.MustPlate("000000000000000")
	if got, want := VariantCount(p), 1<<30; got != want {
		t.Errorf("count %d, want %d", got, want)
	}
	if got := len(Variants(p)); got != MaxVariants {
		t.Errorf("%d variants, want %d", got, MaxVariants)
	}
}

func TestNearMisreadIsOneConfusableOrMissingCharacter(t *testing.T) {
	near := [][2]string{
		{"1ABC128", "1ABC126"},
		{"1VBC123", "1BBC123"},
		{"MJ20VTT", "J20VTT"},
		{"1ABC723", "1ABC123"},
		{"1ABC323", "1ABC823"},
		{"1ABC023", "1ABC823"},
		{"1HBC123", "1NBC123"},
		{"1DAB123", "1OAB123"},
		{"1ABC123", "1ABC12"},
		{"1ABC123", "1AC123"},
		{"1GBC123", "1BBC123"},
		{"11", "111"},
		{"1ABC22", "1ABC222"},
		{"46HVR9", "46HVRQ9"},
	}
	for _, p := range near {
		a, b := schemas.MustPlate(p[0]), schemas.MustPlate(p[1])
		if !NearMisread(a, b) || !NearMisread(b, a) {
			t.Errorf("%s and %s: not near", a, b)
		}
	}
	far := [][2]string{
		{"1ABC123", "1ABC123"},
		{"1ABC123", "1ABX123"},
		{"1ABC128", "1A8C126"},
		{"1ABC123", "1ABC1"},
		{"1ABC123", "2ABC12"},
		{"1ABC123", "1BAC123"},
		{"1ABC123", "1ABX12"},
		{"1ABC12", "12ABC1X"},
	}
	for _, p := range far {
		a, b := schemas.MustPlate(p[0]), schemas.MustPlate(p[1])
		if NearMisread(a, b) || NearMisread(b, a) {
			t.Errorf("%s and %s: near", a, b)
		}
	}
	if NearMisread(schemas.Plate{}, schemas.MustPlate("1")) {
		t.Error("no plate is near one")
	}
	a, b := schemas.MustPlate("1ABC128"), schemas.MustPlate("1ABC126")
	if n := testing.AllocsPerRun(100, func() { _ = NearMisread(a, b) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// A plate with a character taken out, or replaced by another of its class, is a near misread; with two it is not.
func TestNearMisreadAgreesWithEveryEdit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	for range 5000 {
		p := mix(rng)
		s := p.String()
		i := rng.IntN(len(s))
		if len(s) > 1 {
			if q := schemas.MustPlate(s[:i] + s[i+1:]); !NearMisread(p, q) {
				t.Fatalf("%s without character %d is %s: not near", p, i, q)
			}
		}
		for _, c := range []byte(alphabet) {
			q := schemas.MustPlate(s[:i] + string(c) + s[i+1:])
			if got, want := NearMisread(p, q), c != s[i] && (slices.Contains(confused[s[i]], c) || similar[s[i]][c]); got != want {
				t.Fatalf("%s and %s: near %v, want %v", p, q, got, want)
			}
		}
	}
}

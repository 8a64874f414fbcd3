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

// Variants of a plate are the plates of its class: all of them, each once, and no other.
func TestVariantsAreTheConfusionClass(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	for range 300 {
		p := mix(rng)
		got := Variants(p)
		if want := min(VariantCount(p), MaxVariants); len(got) != want {
			t.Fatalf("%s: %d variants, want %d", p, len(got), want)
		}
		seen := map[schemas.Plate]bool{}
		changes := 0
		for _, v := range got {
			if v.Class() != p.Class() || seen[v] {
				t.Fatalf("%s: variant %s is of another class or twice there", p, v)
			}
			seen[v] = true
			n := 0
			for i := range v.Len() {
				if v.At(i) != p.At(i) {
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

func TestRankPutsTheLikeliestFirst(t *testing.T) {
	got := Rank(schemas.MustPlate("1ABC123"), plates("XYZ", "1ABC12", "7ABC123", "1A8C123", "1ABC123", "1ABG123", "IABC123"))
	var order []string
	for i, r := range got {
		order = append(order, r.Plate.String())
		if i > 0 && r.Cost < got[i-1].Cost {
			t.Errorf("cost %d of %s after %d", r.Cost, r.Plate, got[i-1].Cost)
		}
	}
	// IABC123 and 1A8C123 are both one confusable character away; the first has a Polish shape, the second none.
	want := []string{"1ABC123", "IABC123", "1A8C123", "1ABG123", "1ABC12", "7ABC123", "XYZ"}
	if !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got[0].Cost != 0 {
		t.Errorf("the plate itself costs %d, want 0", got[0].Cost)
	}
}

func TestRankPrefersAPlateWithASyntaxAtTheSameDistance(t *testing.T) {
	got := Rank(schemas.MustPlate("1AB0123"), plates("1A80123", "1ABO123"))
	if got[0].Plate.String() != "1ABO123" {
		t.Errorf("got %v, want the Belgian plate 1ABO123 first", got)
	}
}

func TestDistanceIsSymmetricAndZeroOnlyForThePlateItself(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	for range 20_000 {
		a, b := mix(rng), mix(rng)
		if distance(a, b) != distance(b, a) {
			t.Fatalf("%s to %s is %d, back %d", a, b, distance(a, b), distance(b, a))
		}
		if (distance(a, b) == 0) != (a == b) {
			t.Fatalf("%s to %s is %d", a, b, distance(a, b))
		}
	}
}

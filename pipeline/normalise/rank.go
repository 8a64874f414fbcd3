package normalise

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Costs of one difference between two plates, in the unit of Ranked.Cost.
const (
	costSame       = 0
	costConfusable = 2 // of one confusion class
	costSimilar    = 4 // confused less often: see similar
	costMissing    = 6 // a character too many or too few
	costOther      = 8
	// costNoSyntax is added once to a plate that fits no series but the personal ones. It is less than any difference, so
	// it orders plates at the same distance.
	costNoSyntax = 1
)

// similar are pairs that OCR confuses, but too seldom to share a class (DOMAIN.md 4.2, not verified).
var similar = func() (t [256][256]bool) {
	for _, pair := range []string{"4A", "7T", "MW", "VY", "UV", "CG"} {
		t[pair[0]][pair[1]] = true
		t[pair[1]][pair[0]] = true
	}
	return t
}()

// Ranked is a candidate with what speaks against it.
type Ranked struct {
	Plate schemas.Plate
	Cost  int // 0 = the plate itself, fitting a syntax; lower is likelier
}

// Rank orders candidates by how likely a camera that saw one of them would have read p, likeliest first: first by how
// confusable the differing characters are, then by whether the candidate has any country's syntax. Equal ones are ordered
// by plate, so the answer depends on nothing but the input. It is a help for a search; it decides nothing.
func Rank(p schemas.Plate, candidates []schemas.Plate) []Ranked {
	out := make([]Ranked, 0, len(candidates))
	for _, c := range candidates {
		cost := distance(p, c)
		if !distinctive(c) {
			cost += costNoSyntax
		}
		out = append(out, Ranked{Plate: c, Cost: cost})
	}
	slices.SortFunc(out, func(a, b Ranked) int {
		if a.Cost != b.Cost {
			return cmp.Compare(a.Cost, b.Cost)
		}
		return comparePlates(a.Plate, b.Plate)
	})
	return out
}

func comparePlates(a, b schemas.Plate) int {
	for i := range min(a.Len(), b.Len()) {
		if a.At(i) != b.At(i) {
			return cmp.Compare(a.At(i), b.At(i))
		}
	}
	return cmp.Compare(a.Len(), b.Len())
}

func substitution(a, b byte) int {
	switch {
	case a == b:
		return costSame
	case slices.Contains(confused[a], b):
		return costConfusable
	case similar[a][b]:
		return costSimilar
	}
	return costOther
}

// distance is the cheapest way to turn one plate into the other, character by character (weighted edit distance).
func distance(a, b schemas.Plate) int {
	var row [schemas.MaxPlate + 1]int
	for j := range b.Len() + 1 {
		row[j] = j * costMissing
	}
	for i := range a.Len() {
		diagonal := row[0]
		row[0] += costMissing
		for j := range b.Len() {
			best := min(diagonal+substitution(a.At(i), b.At(j)), row[j]+costMissing, row[j+1]+costMissing)
			diagonal, row[j+1] = row[j+1], best
		}
	}
	return row[b.Len()]
}

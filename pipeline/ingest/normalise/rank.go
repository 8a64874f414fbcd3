package normalise

import (
	"cmp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Costs of one difference between two plates, in the unit of Ranked.Cost.
const (
	costSame       = 0
	costUnbounded  = 1 // the same letters and digits, the boundary of one is not known
	costConfusable = 2 // of one confusion class
	costSimilar    = 4 // confused less often: see similar
	costMissing    = 6 // a character too many or too few
	costOther      = 8
	// costNoSyntax is added once to a plate that fits no series but the personal ones. It is less than any difference, so
	// it orders plates at the same distance.
	costNoSyntax = 1
)

// similar are characters that OCR confuses, but too seldom to share a class. A pair stands for all of both its classes: 8-6 is also B-G.
// The pairs of public wrong fines come first (8 read as 6 in a Dutch tunnel and on a French road, V as B in Ghent); the rest are usual
// confusions of plate OCR, none of them measured.
var similar = func() (t [256][256]bool) {
	for _, pair := range []string{
		"68", "BV", "17", "38", "08", "HN", "4A", "7T", "MW", "VY", "UV", "CG", "27", "1T", "1J", "69", "89", "09", "56", "0C", "0U", "EF", "PR", "KX", "MN", "MH", "NW", "HW",
	} {
		for _, a := range classMembers(pair[0]) {
			for _, b := range classMembers(pair[1]) {
				t[a][b], t[b][a] = true, true
			}
		}
	}
	return t
}()

func classMembers(c byte) []byte { return append([]byte{c}, confused[c]...) }

// NearMisread reports whether a camera that read one of two plates may have seen the other: they differ in exactly one character, which is
// confusable or similar, or which one of them lacks. It is symmetric, false for plates of the same letters and digits, and does not allocate. Two reads so alike
// of one lane within a second or two are probably one vehicle; which plate it has, the reads cannot tell.
func NearMisread(a, b schemas.Plate) bool {
	a, b = a.Unbounded(), b.Unbounded()
	if a.Len() > b.Len() {
		a, b = b, a
	}
	at := 0
	for at < a.Len() && a.At(at) == b.At(at) {
		at++
	}
	switch b.Len() - a.Len() {
	case 0:
		return at < a.Len() && substitution(a.At(at), b.At(at)) < costOther && sameFrom(a, at+1, b, at+1)
	case 1:
		return !a.IsZero() && sameFrom(a, at, b, at+1)
	}
	return false
}

// sameFrom reports whether the rest of a from i on is the rest of b from j on.
func sameFrom(a schemas.Plate, i int, b schemas.Plate, j int) bool {
	for ; i < a.Len() && j < b.Len(); i, j = i+1, j+1 {
		if a.At(i) != b.At(j) {
			return false
		}
	}
	return i == a.Len() && j == b.Len()
}

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
	if textA, textB := a.Unbounded(), b.Unbounded(); textA != a || textB != b {
		apart := distance(textA, textB)
		switch {
		case a.Contradicts(b):
			return apart + costOther
		case a != b && apart == 0:
			return costUnbounded
		}
		return apart
	}
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

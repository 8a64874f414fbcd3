package normalise

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// similar holds characters that OCR confuses, but too seldom to share a class. A pair stands for both classes: 8-6
// is also B-G. The pairs of public wrong fines come first (8 read as 6 in a Dutch tunnel and on a French road, V
// as B in Ghent); the rest are usual confusions of plate OCR, none of them measured.
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

// NearMisread reports whether a and b may be two readings of the same plate: they differ in a single character, which
// is confusable or similar, or missing from the other plate. The relation is symmetric, false for plates of the same
// letters and digits, and does not allocate. Two such reads of a lane within a second or two are probably the same
// vehicle; the reads cannot tell which plate is right.
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
		return at < a.Len() && mayBeRead(a.At(at), b.At(at)) && sameFrom(a, at+1, b, at+1)
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

// mayBeRead reports whether OCR may read one character as the other.
func mayBeRead(a, b byte) bool { return a == b || slices.Contains(confused[a], b) || similar[a][b] }

package rules

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// newFamilies makes the families of one catalogue, in the order in which they decide. A row here is all that the rest of the
// program hears of a family: it asks [Families].
func newFamilies() []Family {
	return []Family{
		&lez{},
		&speed{},
		&hotlist{},
	}
}

var familyInfos = sync.OnceValue(func() (out []*Info) {
	for _, f := range newFamilies() {
		out = append(out, f.Info())
	}
	return out
})

// Families lists the families in the order in which they decide. The caller may change the slice, not what it points to.
func Families() []*Info { return slices.Clone(familyInfos()) }

// HistorySpan returns the log time for which closed passages are remembered: the longest that a family asks for, 0
// when none compares them.
func HistorySpan() schemas.Micros { return longestHistory(familyInfos()) }

func longestHistory(infos []*Info) (span schemas.Micros) {
	for _, i := range infos {
		span = max(span, i.History)
	}
	return span
}

// InfoOf finds a family by its name; nil = there is none of it, as when a newer program stored the row.
func InfoOf(f schemas.Family) *Info {
	for _, i := range familyInfos() {
		if i.Family == f {
			return i
		}
	}
	return nil
}

// PurposeOf finds what a camera may be authorised for by its name, which is that of the family.
func PurposeOf(name string) (schemas.CameraPurpose, bool) {
	if i := InfoOf(schemas.Family(name)); i != nil {
		return i.Purpose, true
	}
	return 0, false
}

// FamilyNames lists the names of the families that want holds for, in order; nil = of all.
func FamilyNames(want func(*Info) bool) (out []string) {
	for _, i := range familyInfos() {
		if want == nil || want(i) {
			out = append(out, string(i.Family))
		}
	}
	return out
}

// FamilySet is a set of families, by their place in [Families].
type FamilySet uint32

// Has reports whether the family at that place is in the set.
func (s FamilySet) Has(place int) bool { return s&(1<<place) != 0 }

// firstPlace returns the place of the first family of a set that is not empty.
func (s FamilySet) firstPlace() int { return bits.TrailingZeros32(uint32(s)) }

// All lists the places of the set in order.
func (s FamilySet) All(yield func(place int) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(s.firstPlace()) {
			return
		}
	}
}

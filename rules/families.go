package rules

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// newFamilies makes a catalogue's families, in deciding order. The rest of the program learns about a family only
// through this row, by [Families].
func newFamilies() []Family {
	return []Family{
		&lez{},
		&speed{},
		&sectionControl{},
		&hotlist{},
		&redlight{},
		&access{},
		&reservedLane{},
		&goods{},
		&standing{},
		&adr{},
		&clone{},
	}
}

var familyInfos = sync.OnceValue(func() (out []*Info) {
	for _, f := range newFamilies() {
		out = append(out, f.Info())
	}
	return out
})

// Families lists the families in deciding order. The caller may change the slice, not the elements.
func Families() []*Info { return slices.Clone(familyInfos()) }

// HistorySpan returns the log time for remembering closed passages where these cameras are read: the longest wish among
// the families that a camera has as a purpose, 0 when none of them compares passages.
func HistorySpan(cameras []*schemas.Camera) schemas.Micros {
	var purposes schemas.CameraPurpose
	for _, c := range cameras {
		purposes |= c.Purposes
	}
	return longestHistory(slices.DeleteFunc(Families(), func(i *Info) bool { return !purposes.Has(i.Purpose) }))
}

func longestHistory(infos []*Info) (span schemas.Micros) {
	for _, i := range infos {
		span = max(span, i.History)
	}
	return span
}

// InfoOf finds a family by name; nil = unknown, for example in a row stored by a newer program.
func InfoOf(f schemas.Family) *Info {
	for _, i := range familyInfos() {
		if i.Family == f {
			return i
		}
	}
	return nil
}

// PurposeOf finds a camera purpose by name, the family's name.
func PurposeOf(name string) (schemas.CameraPurpose, bool) {
	if i := InfoOf(schemas.Family(name)); i != nil {
		return i.Purpose, true
	}
	return 0, false
}

// FamilyNames lists the names of families accepted by want, in order; nil accepts all.
func FamilyNames(want func(*Info) bool) (out []string) {
	for _, i := range familyInfos() {
		if want == nil || want(i) {
			out = append(out, string(i.Family))
		}
	}
	return out
}

// FamilySet is a set, indexed by place in [Families].
type FamilySet uint32

// Has reports whether the family with the given place is in the set.
func (s FamilySet) Has(place int) bool { return s&(1<<place) != 0 }

// firstPlace returns the first place in a set, which must not be empty.
func (s FamilySet) firstPlace() int { return bits.TrailingZeros32(uint32(s)) }

// All lists the places in order.
func (s FamilySet) All(yield func(place int) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(s.firstPlace()) {
			return
		}
	}
}

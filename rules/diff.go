package rules

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Effect says what a change touches.
type Effect string

// The effects.
const (
	EffectDecides Effect = "decides" // a verdict can differ
	EffectWords   Effect = "words"   // a verdict is the same and cites another text, name or first day
	EffectSource  Effect = "source"  // only where the value was read
)

// FieldChange is one field that differs; a side without the value is empty.
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"` // as written
	New   string `json:"new,omitempty"`

	words string
}

// Change is one difference between two catalogues, over a range of days and for the subjects for which it is the same.
type Change struct {
	Section   string        `json:"section"`            // with the dated part of a row. Example: admission.fines
	Subjects  []string      `json:"subjects,omitempty"` // Example: surroundings=built_up
	From      string        `json:"from"`               // first day; unknown for an announced value without one
	To        string        `json:"to"`                 // first day on which both say the same again, or open
	Announced bool          `json:"announced,omitempty"`
	Past      bool          `json:"past"` // it changes what holds before the day of the comparison
	Effect    Effect        `json:"effect"`
	Added     bool          `json:"added,omitempty"`
	Removed   bool          `json:"removed,omitempty"`
	Fields    []FieldChange `json:"fields"`
	OldBasis  *Basis        `json:"old_basis,omitempty"`
	NewBasis  *Basis        `json:"new_basis,omitempty"`
	OldAt     string        `json:"old_at,omitempty"` // file:line
	NewAt     string        `json:"new_at,omitempty"`

	subjects [][]writtenField
}

// Difference is what distinguishes two catalogues.
type Difference struct {
	Old     string      `json:"old"` // versions
	New     string      `json:"new"`
	AsOf    schemas.Day `json:"-"`
	Changes []Change    `json:"changes"`
}

// Past counts the changes of what holds before the day of the comparison.
func (d *Difference) Past() (n int) {
	for i := range d.Changes {
		if d.Changes[i].Past {
			n++
		}
	}
	return n
}

// Diff compares what two catalogues say on every day of the calendar, whatever the order of rows, files and comments. A change
// that begins before asOf is marked as one of the past, unless it touches the source alone or is announced and so decides nothing.
//
// A row for several subjects counts as a row for each, so that to split it is no change.
func Diff(old, next *Catalogue, asOf schemas.Day) *Difference {
	out := &Difference{Old: old.version, New: next.version, AsOf: asOf}
	type pair struct{ old, next []writtenValue }
	by := map[string]*pair{}
	var order []string
	add := func(all []writtenValue, side func(*pair) *[]writtenValue) {
		for i := range all {
			key := all[i].section + " " + all[i].key() + strconv.FormatBool(all[i].announced)
			if by[key] == nil {
				by[key] = &pair{}
				order = append(order, key)
			}
			s := side(by[key])
			*s = append(*s, all[i])
		}
	}
	add(old.writtenValues(), func(p *pair) *[]writtenValue { return &p.old })
	add(next.writtenValues(), func(p *pair) *[]writtenValue { return &p.next })
	groups := map[string]int{}
	for _, key := range order {
		for _, c := range changesOfSubject(by[key].old, by[key].next) {
			c.Past = !c.Announced && c.Effect != EffectSource && c.From < asOf.String()
			out.addChange(groups, c)
		}
	}
	out.sortChanges()
	return out
}

// addChange adds a change, or its subject to an equal change of another subject.
func (d *Difference) addChange(groups map[string]int, c Change) {
	var b strings.Builder
	for _, s := range []string{c.Section, c.From, c.To, string(c.Effect), strconv.FormatBool(c.Announced), c.OldAt, c.NewAt} {
		b.WriteString(s + "\x00")
	}
	for _, f := range c.Fields {
		b.WriteString(f.Field + "\x00" + f.Old + "\x00" + f.New + "\x00")
	}
	if i, ok := groups[b.String()]; ok {
		d.Changes[i].Subjects = append(d.Changes[i].Subjects, c.Subjects...)
		d.Changes[i].subjects = append(d.Changes[i].subjects, c.subjects...)
		return
	}
	groups[b.String()] = len(d.Changes)
	d.Changes = append(d.Changes, c)
}

// sortChanges keeps the sections in the order of their declaration, and orders each by first day.
func (d *Difference) sortChanges() {
	place := map[string]int{}
	declared := newReader().sections.all
	for i := range declared {
		place[declared[i].name] = i
	}
	section := func(c *Change) int {
		name, _, _ := strings.Cut(c.Section, ".")
		return place[name]
	}
	slices.SortStableFunc(d.Changes, func(a, b Change) int {
		return cmp.Or(section(&a)-section(&b), strings.Compare(a.Section, b.Section), strings.Compare(a.From, b.From))
	})
}

// changesOfSubject compares the values of one subject over time. Announced values are compared as they stand: they hold on no day.
func changesOfSubject(old, next []writtenValue) (out []Change) {
	if len(old) > 0 && old[0].announced || len(next) > 0 && next[0].announced {
		return changesBetween(old, next, "", "")
	}
	var days []string
	for _, v := range slices.Concat(old, next) {
		days = append(days, v.from, v.to)
	}
	slices.Sort(days)
	days = slices.Compact(days)
	inForce := func(all []writtenValue, day string) (out []writtenValue) {
		for _, v := range all {
			if v.from <= day && day < v.to {
				out = append(out, v)
			}
		}
		return out
	}
	for i := 1; i < len(days); i++ {
		from, to := days[i-1], days[i]
		for _, c := range changesBetween(inForce(old, from), inForce(next, from), from, to) {
			if last := lastChangeUntil(out, from, &c); last != nil {
				last.To = to
				continue
			}
			out = append(out, c)
		}
	}
	return out
}

// lastChangeUntil returns the change that ends on the day and says the same as c, or nil.
func lastChangeUntil(all []Change, day string, c *Change) *Change {
	for i := range all {
		if o := &all[i]; o.To == day && o.OldAt == c.OldAt && o.NewAt == c.NewAt && slices.Equal(o.Fields, c.Fields) {
			return o
		}
	}
	return nil
}

// changesBetween compares the values in force on the days [from, to). Values that say the same are left out; the others are
// compared by their ids, then one against the other when one is left on each side.
func changesBetween(old, next []writtenValue, from, to string) (out []Change) {
	old, next = slices.Clone(old), slices.Clone(next)
	match := func(is func(a, b *writtenValue) bool, then func(a, b *writtenValue)) {
		old = slices.DeleteFunc(old, func(a writtenValue) bool {
			i := slices.IndexFunc(next, func(b writtenValue) bool { return is(&a, &b) })
			if i >= 0 {
				then(&a, &next[i])
				next = slices.Delete(next, i, i+1)
			}
			return i >= 0
		})
	}
	change := func(a, b *writtenValue) { out = append(out, newChange(a, b, from, to)) }
	match((*writtenValue).same, func(_, _ *writtenValue) {})
	match(func(a, b *writtenValue) bool { return a.id() != "" && a.id() == b.id() }, change)
	if len(old) == 1 && len(next) == 1 {
		change(&old[0], &next[0])
		return out
	}
	for i := range old {
		change(&old[i], nil)
	}
	for i := range next {
		change(nil, &next[i])
	}
	return out
}

// Fields that every row has, under the names of the file.
const (
	fieldFrom, fieldBasis, fieldSource, fieldVerified = "valid_from", "legal_basis", "source", "verified"
)

// newChange describes the difference between two values; one of them may be nil.
func newChange(old, next *writtenValue, from, to string) Change {
	some := old
	if old == nil {
		some = next
	}
	c := Change{
		Section: some.section, subjects: [][]writtenField{some.subject}, From: from, To: to, Announced: some.announced,
		Added: old == nil, Removed: next == nil, Effect: EffectSource,
	}
	if from == "" {
		c.From, c.To = some.from, some.to
	}
	if key := strings.TrimSpace(some.key()); key != "" {
		c.Subjects = []string{key}
	}
	var empty writtenValue
	before, after := &empty, &empty
	if old != nil {
		basis := old.basis // the value is the caller's, and moves
		before, c.OldAt, c.OldBasis = old, old.at, &basis
	}
	if next != nil {
		basis := next.basis
		after, c.NewAt, c.NewBasis = next, next.at, &basis
	}
	for i, f := range some.fields {
		if f.name != "id" {
			c.addField(EffectDecides, FieldChange{Field: f.name, Old: before.fieldText(i), New: after.fieldText(i), words: f.words})
		}
	}
	c.addField(EffectWords, FieldChange{Field: "id", Old: before.id(), New: after.id()})
	c.addField(EffectDecides, FieldChange{Field: fieldVerified, Old: before.verified, New: after.verified})
	c.addField(EffectWords, FieldChange{Field: fieldFrom, Old: before.from, New: after.from})
	if before.basis != after.basis {
		c.keepField(EffectWords, FieldChange{Field: fieldBasis, Old: before.basis.English, New: after.basis.English})
	}
	c.addField(EffectSource, FieldChange{Field: fieldSource, Old: before.source, New: after.source})
	if old == nil || next == nil {
		c.Effect = EffectDecides
	}
	return c
}

// fieldText returns a field's text; a value that is not there has none.
func (v *writtenValue) fieldText(i int) string {
	if i >= len(v.fields) {
		return ""
	}
	return v.fields[i].text()
}

// addField adds a field when it differs.
func (c *Change) addField(effect Effect, f FieldChange) {
	if f.Old != f.New {
		c.keepField(effect, f)
	}
}

// keepField adds a field. The strongest effect of a field is that of the change.
func (c *Change) keepField(effect Effect, f FieldChange) {
	c.Fields = append(c.Fields, f)
	if effect == EffectDecides || c.Effect == EffectSource {
		c.Effect = effect
	}
}

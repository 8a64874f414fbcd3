package rules

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// unverifiedGroup holds the values that one person verifies in one place.
type unverifiedGroup struct {
	withoutLaw bool // no text of law was found yet
	basis      Basis
	values     []writtenValue
}

// groupUnverified groups the values in force that nobody has verified, by the text in which they are to be read: first those
// with a text, in the order of the catalogue, then those for which one is to be found.
func groupUnverified(all []writtenValue) (out []unverifiedGroup) {
	for _, v := range all {
		if v.verified == "true" || v.announced {
			continue
		}
		i := slices.IndexFunc(out, func(g unverifiedGroup) bool { return g.basis == v.basis })
		if i < 0 {
			i = len(out)
			out = append(out, unverifiedGroup{withoutLaw: v.basis.isMissing(), basis: v.basis})
		}
		out[i].values = append(out[i].values, v)
	}
	slices.SortStableFunc(out, func(a, b unverifiedGroup) int {
		switch {
		case a.withoutLaw == b.withoutLaw:
			return 0
		case b.withoutLaw:
			return -1
		default:
			return 1
		}
	})
	return out
}

// WriteUnverified writes the values in force that nobody has verified against the law text: who must do it, in which text, and
// for each value where it stands, what it is, since when, and where it was read.
func WriteUnverified(w io.Writer, cat *Catalogue, lang Lang) error {
	t := textsOf(lang)
	var b strings.Builder
	groups := groupUnverified(cat.valuesWritten())
	for i, g := range groups {
		if i == 0 || groups[i-1].withoutLaw != g.withoutLaw {
			who := "unverified.jurist"
			if g.withoutLaw {
				who = "unverified.centre"
			}
			b.WriteString(t.m[who] + "\n")
		}
		b.WriteString("\n  " + g.basis.In(lang) + "\n")
		for _, v := range g.values {
			b.WriteString("    " + v.at + "  " + t.writtenText(&v) + "\n")
			b.WriteString("        " + t.wordFor("field", fieldSource) + ": " + v.source + "\n")
		}
		if i == len(groups)-1 || groups[i+1].withoutLaw != g.withoutLaw {
			b.WriteString("\n")
		}
	}
	b.WriteString(t.fillText("unverified.count", strconv.Itoa(len(cat.Unverified())), strconv.Itoa(len(cat.Values())-len(cat.Announced()))) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// valuesWritten lists the values of the catalogue's own files, in the order of the sections.
func (c *Catalogue) valuesWritten() (out []writtenValue) {
	for _, s := range newReader().sections.all {
		out = append(out, c.valuesOfSection(s.name)...)
	}
	return out
}

// writtenText writes a value: its section, what it is about, its days and what it says.
func (t texts) writtenText(v *writtenValue) string {
	c := Change{From: v.from, To: v.to, Announced: v.announced}
	parts := []string{t.sectionName(v.section)}
	for _, f := range v.subject {
		parts = append(parts, t.wordFor("field", f.name)+" "+t.valueText(f.name, f.words, f.text()))
	}
	text := strings.Join(parts, " | ") + ", " + t.spanText(&c)
	var says []string
	for _, f := range v.fields {
		if f.text() != "" {
			says = append(says, t.wordFor("field", f.name)+" "+t.valueText(f.name, f.words, f.text()))
		}
	}
	if len(says) == 0 {
		return text
	}
	return text + ": " + strings.Join(says, "; ")
}

package rules

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Marks of a terminal around what changes the past.
const (
	redOn  = "\x1b[31m"
	redOff = "\x1b[0m"
)

// WriteDifference writes a difference for a jurist: what each value is about, from when, from which value to which, on which legal
// basis, and in which lines of the files. Changes of the past are marked by a word, and in red when colour is set.
func WriteDifference(w io.Writer, d *Difference, lang Lang, colour bool) error {
	t := textsOf(lang)
	var b strings.Builder
	b.WriteString(t.fillText("diff.head", d.Old, d.New, d.AsOf.String()) + "\n")
	for i := range d.Changes {
		b.WriteString("\n")
		t.writeChange(&b, &d.Changes[i], colour)
	}
	switch {
	case len(d.Changes) > 0:
		b.WriteString("\n" + t.fillText("diff.count", strconv.Itoa(len(d.Changes)), strconv.Itoa(d.Past()), d.AsOf.String()) + "\n")
	case d.Old == d.New:
		b.WriteString(t.m["diff.same"] + "\n")
	default:
		b.WriteString(t.m["diff.texts"] + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t texts) writeChange(b *strings.Builder, c *Change, colour bool) {
	head := t.sectionName(c.Section)
	if about := t.subjectsText(c); about != "" {
		head += ": " + about
	}
	if c.Past {
		past := t.m["diff.past"]
		if colour {
			past = redOn + past + redOff
		}
		head = past + "  " + head
	}
	b.WriteString(head + "\n")
	b.WriteString("  " + t.spanText(c) + ": " + t.fieldsText(c) + "\n")
	switch {
	case c.OldBasis != nil && c.NewBasis != nil && *c.OldBasis != *c.NewBasis:
		b.WriteString("  " + t.fillText("ui.basis", c.OldBasis.In(t.lang)+" -> "+c.NewBasis.In(t.lang)) + "\n")
	case c.NewBasis != nil:
		b.WriteString("  " + t.fillText("ui.basis", c.NewBasis.In(t.lang)) + "\n")
	case c.OldBasis != nil:
		b.WriteString("  " + t.fillText("ui.basis", c.OldBasis.In(t.lang)) + "\n")
	}
	b.WriteString("  " + strings.Trim(c.OldAt+" -> "+c.NewAt, " ->") + "\n")
}

// sectionName names a section in words, and as the file does.
func (t texts) sectionName(section string) string {
	name, part, hasPart := strings.Cut(section, ".")
	text := t.wordFor("section", name)
	if hasPart {
		text += ", " + t.wordFor("field", part)
	}
	return text + " (" + section + ")"
}

// subjectsText says what a change is about. Several subjects that are all combinations of some values are written as those values.
func (t texts) subjectsText(c *Change) string {
	if len(c.subjects[0]) == 0 {
		return ""
	}
	values := make([][]string, len(c.subjects[0]))
	for _, s := range c.subjects {
		for i, f := range s {
			if word := t.valueText(f.name, f.words, f.text()); !slices.Contains(values[i], word) {
				values[i] = append(values[i], word)
			}
		}
	}
	all := 1
	for _, v := range values {
		all *= len(v)
	}
	if all == len(c.subjects) {
		return t.joinSubject(c.subjects[0], values)
	}
	each := make([]string, len(c.subjects))
	for i, s := range c.subjects {
		one := make([][]string, len(s))
		for k, f := range s {
			one[k] = []string{t.valueText(f.name, f.words, f.text())}
		}
		each[i] = t.joinSubject(s, one)
	}
	return strings.Join(each, "; ")
}

func (t texts) joinSubject(fields []writtenField, values [][]string) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = t.wordFor("field", f.name) + " " + strings.Join(values[i], ", ")
	}
	return strings.Join(parts, " | ")
}

// spanText says from when to when a change holds; the last day is one of them.
func (t texts) spanText(c *Change) string {
	switch {
	case c.Announced:
		return t.m["diff.announced"]
	case c.To == "open":
		return t.fillText("diff.from", c.From)
	default:
		to, err := schemas.ParseDay(c.To)
		if err != nil {
			return t.fillText("diff.from", c.From)
		}
		return t.fillText("diff.span", c.From, (to - 1).String())
	}
}

// fieldsText lists the fields that differ. A value that is new or gone is listed whole, less what the other lines say.
func (t texts) fieldsText(c *Change) string {
	var parts []string
	for _, f := range c.Fields {
		name := t.wordFor("field", f.Field)
		switch {
		case f.Field == fieldBasis:
		case c.Added || c.Removed:
			if f.Field != fieldFrom && f.Field != fieldSource {
				parts = append(parts, name+" "+t.valueText(f.Field, f.words, f.Old+f.New))
			}
		default:
			parts = append(parts, name+" "+t.valueText(f.Field, f.words, f.Old)+" -> "+t.valueText(f.Field, f.words, f.New))
		}
	}
	text := strings.Join(parts, "; ")
	switch {
	case c.Added:
		return t.m["diff.added"] + ": " + text
	case c.Removed:
		return t.m["diff.removed"] + ": " + text
	case text == "":
		return t.m["diff.words"]
	case c.Effect == EffectDecides:
		return text
	default:
		return text + " (" + t.m["diff."+string(c.Effect)] + ")"
	}
}

// quantities are the units in which values are written, by the end of a field's name.
var quantities = []string{
	"cents", "kmh", "ms", "seconds", "minutes", "hours", "hour", "days", "months", "years", "kg", "percent", "per_mille", "per_10000",
}

// valueText writes a value as people read it: money in euro, with its unit, a day in full, a code as its word.
func (t texts) valueText(field, words, value string) string {
	switch {
	case value == "":
		return t.m["diff.unwritten"]
	case words != "":
		each := strings.Split(value, ", ")
		for i := range each {
			each[i] = t.wordFor(words, each[i])
		}
		return strings.Join(each, ", ")
	case value == "true":
		return t.m["ui.yes"]
	case value == "false":
		return t.m["ui.no"]
	case value == "open":
		return t.m["diff.open"]
	}
	if day, ok := renderDate(t, value); ok {
		return day
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return value
	}
	for _, q := range quantities {
		if field == q || strings.HasSuffix(field, "_"+q) {
			return t.fillText("quantity."+q, value)
		}
	}
	return value
}

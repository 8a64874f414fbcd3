package query

import (
	"errors"
	"strings"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/schemas"
)

// MinKnown is the least number of known characters of a pattern.
const MinKnown = 3

// maxVariants bounds the plates of a confusion class that are asked for by name, which uses the sort key; a class with
// more is found by scanning the column class.
const maxVariants = 1024

// maxStars bounds the runs of unknown characters of a pattern, and with them the cost of matching it.
const maxStars = 3

// Plate is a plate or a pattern of one. The zero value is no filter. Made by [ParsePlate].
type Plate struct {
	text       string // A-Z 0-9, and ? *; of one plate also its boundary
	confusable bool
	wide       bool
}

// ParsePlate reads what a user typed: letters in either case; blanks, dots and hyphens are dropped, but the hyphen or blank that says which of two
// German plates is meant (B-MW 123, BM-W 123); so is a country in front of or behind the plate (B 1-ABC-123), as in a read. ? stands for one
// character and * for any number. confusable also finds plates that cameras confuse with it (0 O Q D, 1 I L, 2 Z, 5 S,
// 6 G, 8 B). The empty text gives the zero Plate. Errors say what to do.
func ParsePlate(text string, confusable bool) (Plate, error) {
	if len(text) > 64 {
		return Plate{}, errors.New("is longer than 64 characters, which no plate is")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) && !strings.ContainsAny(text, "?*") {
		p, rej := normalise.PlateOf(text, schemas.Country{}, asTyped)
		if rej != nil {
			return Plate{}, errCharacter
		}
		return Plate{text: p.String(), confusable: confusable}, nil
	}
	b := make([]byte, 0, len(text))
	known, stars := 0, 0
	wide := false
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			known++
		case c == ' ', c == '-', c == '.':
			continue
		case c == '?':
			wide = true
		case c == '*':
			wide = true
			if len(b) > 0 && b[len(b)-1] == '*' {
				continue
			}
			stars++
		default:
			return Plate{}, errCharacter
		}
		b = append(b, c)
	}
	switch {
	case len(b) == 0 && text != "":
		return Plate{}, errors.New("has no letter and no digit")
	case len(b)-stars > schemas.MaxPlate:
		return Plate{}, errors.New("is longer than 15 characters, which no plate is")
	case wide && known < MinKnown:
		return Plate{}, errors.New("knows too little: a pattern needs at least 3 known characters")
	case stars > maxStars:
		return Plate{}, errors.New("has more than 3 times *: use ? for single characters")
	}
	out := Plate{text: string(b), confusable: confusable && len(b) > 0, wide: wide}
	if p, rej := normalise.PlateOf(text, schemas.Country{}, asTyped); rej == nil && !wide {
		out.text = p.String()
	}
	return out, nil
}

// asTyped is the confidence in a plate that a person wrote: whole.
const asTyped schemas.PerMille = 1000

var errCharacter = errors.New("has a character that no plate has: use A-Z and 0-9, ? for one unknown character, * for any number")

// plateForms returns the plates that are meant by one plate: itself, and when it is that of two German vehicles, these.
func (p Plate) plateForms() []string {
	out := []string{p.text}
	plate, ok := schemas.PlateFrom(p.text)
	if !ok || !plate.Ambiguous() {
		return out
	}
	for _, q := range plate.AppendBounded(nil) {
		out = append(out, q.String())
	}
	return out
}

// AllForms returns every form in which one plate may stand in an answer: itself; the two that are meant when a German plate is without its boundary; and
// without the boundary, which a camera may not have read.
func (p Plate) AllForms() []string {
	out := p.plateForms()
	if bare := strings.ReplaceAll(p.text, "-", ""); bare != p.text {
		out = append(out, bare)
	}
	return out
}

// IsZero reports whether there is no filter.
func (p Plate) IsZero() bool { return p.text == "" }

// Known returns how many characters are known.
func (p Plate) Known() (n int) {
	for i := range len(p.text) {
		if c := p.text[i]; c != '?' && c != '*' && c != '-' {
			n++
		}
	}
	return n
}

// Wide reports whether p is a pattern, not one plate.
func (p Plate) Wide() bool { return p.wide }

// Text returns the plate or pattern in its canonical form.
func (p Plate) Text() string { return p.text }

// likePatterns returns the patterns for LIKE: that of the text, and those with the boundary that a German plate may have behind its first letters. There is
// nothing to escape: text has none of % _ \ (see ParsePlate), and a test holds it to that.
func (p Plate) likePatterns() []string {
	form := strings.NewReplacer("?", "_", "*", "%")
	out := []string{form.Replace(p.comparedText())}
	if p.confusable { // a class has no boundary
		return out
	}
	before, open := 0, false // letters before the boundary at least, and whether there may be more
	for i := range len(p.text) - 1 {
		if p.text[i] == '*' {
			open = true
			continue
		}
		before++
		if before > 3 || p.text[i] >= '0' && p.text[i] <= '9' {
			break
		}
		if next := p.text[i+1]; next < 'A' && next != '?' {
			continue // a boundary stands before a letter; % finds it too
		}
		out = append(out, form.Replace(p.text[:i+1]+"-"+p.text[i+1:]))
		if before == 2 || open && before < 2 {
			out = append(out, form.Replace(p.text[:i+1]+"--"+p.text[i+1:]))
		}
	}
	return out
}

// comparedText returns the text with every known character replaced by that of its confusion class and without boundary, when confusable.
func (p Plate) comparedText() string {
	if !p.confusable {
		return p.text
	}
	b := make([]byte, 0, len(p.text))
	for _, c := range []byte(p.text) {
		switch c {
		case '-':
		case '?', '*':
			b = append(b, c)
		default:
			b = append(b, schemas.ClassOf(c))
		}
	}
	return string(b)
}

// classText returns the text with every known character replaced by that of its confusion class, confusable or not.
func (p Plate) classText() string {
	p.confusable = true
	return p.comparedText()
}

// classPrefix returns the confusion classes of the known characters at the beginning of a pattern.
func (p Plate) classPrefix() string {
	return p.classText()[:max(strings.IndexAny(p.text+"*", "?*"), 0)]
}

// listVariants returns every plate of the class, or nil when there are more than maxVariants.
func listVariants(class string) []string {
	p, ok := schemas.PlateFrom(class)
	if !ok || normalise.VariantCount(p) > maxVariants {
		return nil
	}
	plates := normalise.Variants(p)
	if len(plates) == normalise.MaxVariants {
		return nil
	}
	out := make([]string, len(plates))
	for i, q := range plates {
		out[i] = q.String()
	}
	return out
}

package query

import (
	"errors"
	"strings"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/schemas"
)

// MinKnown is the least number of known characters in a pattern.
const MinKnown = 3

// maxVariants bounds the plates in a confusion class that a query names one by one, to use the sort key. A larger
// class is found by a scan of the column class.
const maxVariants = 1024

// maxStars bounds the number of * in a pattern, and so the cost of matching.
const maxStars = 3

// PlateFilter is a plate or a pattern, made by [ParsePlateFilter]. The zero value is no filter.
type PlateFilter struct {
	text       string // A-Z 0-9, ? and *; a single plate also has its boundary
	confusable bool
	wide       bool
}

// ParsePlateFilter reads a plate or pattern as a user typed it. Letters may be in either case. Blanks, dots and hyphens
// are dropped, except the boundary that tells two German plates apart (B-MW 123, BM-W 123). A country before or behind
// the plate (B 1-ABC-123) is dropped, as in a read.
//
// ? stands for one character and * for any number. With confusable, the filter also finds plates that cameras take for
// the given plate (0 O Q D, 1 I L, 2 Z, 5 S, 6 G, 8 B). Empty text gives the zero PlateFilter. Error texts
// advise the user.
func ParsePlateFilter(text string, confusable bool) (PlateFilter, error) {
	if len(text) > 64 {
		return PlateFilter{}, errors.New("is longer than 64 characters, which no plate is")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) && !strings.ContainsAny(text, "?*") {
		p, rej := normalise.PlateOf(text, schemas.Country{}, asTyped)
		if rej != nil {
			return PlateFilter{}, errCharacter
		}
		return PlateFilter{text: p.String(), confusable: confusable}, nil
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
			return PlateFilter{}, errCharacter
		}
		b = append(b, c)
	}
	switch {
	case len(b) == 0 && text != "":
		return PlateFilter{}, errors.New("has no letter and no digit")
	case len(b)-stars > schemas.MaxPlate:
		return PlateFilter{}, errors.New("is longer than 15 characters, which no plate is")
	case wide && known < MinKnown:
		return PlateFilter{}, errors.New("knows too little: a pattern needs at least 3 known characters")
	case stars > maxStars:
		return PlateFilter{}, errors.New("has more than 3 times *: use ? for single characters")
	}
	out := PlateFilter{text: string(b), confusable: confusable && len(b) > 0, wide: wide}
	if p, rej := normalise.PlateOf(text, schemas.Country{}, asTyped); rej == nil && !wide {
		out.text = p.String()
	}
	return out, nil
}

// asTyped is the confidence in a plate typed by a person: full.
const asTyped schemas.PerMille = 1000

var errCharacter = errors.New("has a character that no plate has: use A-Z and 0-9, ? for one unknown character, * for any number")

// plateForms returns the plates that one plate may mean: the plate, and both German plates if the boundary is unclear.
func (p PlateFilter) plateForms() []string {
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

// AllForms returns every form of a plate that may appear in an answer: the forms from plateForms, and the plate
// without a boundary, because a camera may miss the boundary.
func (p PlateFilter) AllForms() []string {
	out := p.plateForms()
	if bare := strings.ReplaceAll(p.text, "-", ""); bare != p.text {
		out = append(out, bare)
	}
	return out
}

// IsZero reports whether there is no filter.
func (p PlateFilter) IsZero() bool { return p.text == "" }

// Known returns the number of known characters.
func (p PlateFilter) Known() (n int) {
	for i := range len(p.text) {
		if c := p.text[i]; c != '?' && c != '*' && c != '-' {
			n++
		}
	}
	return n
}

// Wide reports whether p is a pattern, not one plate.
func (p PlateFilter) Wide() bool { return p.wide }

// Text returns the plate or pattern in its canonical form.
func (p PlateFilter) Text() string { return p.text }

// likePatterns returns the patterns for LIKE: first the text, then the text with each possible German boundary after
// the first letters. Nothing needs escaping, because the text never contains % _ or \ (see
// [ParsePlateFilter]); a test checks this.
func (p PlateFilter) likePatterns() []string {
	form := strings.NewReplacer("?", "_", "*", "%")
	out := []string{form.Replace(p.comparedText())}
	if p.confusable { // a class has no boundary
		return out
	}
	before, open := 0, false // least number of letters before the boundary; open = there may be more
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
			continue // a boundary is followed by a letter; % matches the boundary too
		}
		out = append(out, form.Replace(p.text[:i+1]+"-"+p.text[i+1:]))
		if before == 2 || open && before < 2 {
			out = append(out, form.Replace(p.text[:i+1]+"--"+p.text[i+1:]))
		}
	}
	return out
}

// comparedText returns the text to compare. For a confusable plate, every known character is replaced by its confusion
// class, and the boundary is dropped.
func (p PlateFilter) comparedText() string {
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

// classText returns the text with confusion classes, whether or not the plate is confusable.
func (p PlateFilter) classText() string {
	p.confusable = true
	return p.comparedText()
}

// classPrefix returns the confusion classes for the known characters before the first ? or *.
func (p PlateFilter) classPrefix() string {
	return p.classText()[:max(strings.IndexAny(p.text+"*", "?*"), 0)]
}

// listVariants returns every plate in a class, or nil for more than maxVariants.
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

package query

import (
	"errors"
	"strings"

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
	text       string // A-Z 0-9, and ? *
	confusable bool
	wide       bool
}

// ParsePlate reads what a user typed: letters in either case; blanks, dots and hyphens are dropped; ? stands for one
// character and * for any number. confusable also finds plates that cameras confuse with it (0 O Q D, 1 I L, 2 Z, 5 S,
// 6 G, 8 B). The empty text gives the zero Plate. Errors say what to do.
func ParsePlate(text string, confusable bool) (Plate, error) {
	if len(text) > 64 {
		return Plate{}, errors.New("is longer than 64 characters, which no plate is")
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
			return Plate{}, errors.New("has a character that no plate has: use A-Z and 0-9, ? for one unknown character, * for any number")
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
	return Plate{text: string(b), confusable: confusable && len(b) > 0, wide: wide}, nil
}

// IsZero reports whether there is no filter.
func (p Plate) IsZero() bool { return p.text == "" }

// Wide reports whether p is a pattern, not one plate.
func (p Plate) Wide() bool { return p.wide }

// Text returns the plate or pattern in its canonical form.
func (p Plate) Text() string { return p.text }

// like returns the pattern for LIKE. There is nothing to escape: text has none of % _ \ (see ParsePlate), and a test holds
// it to that.
func (p Plate) like() string {
	return strings.NewReplacer("?", "_", "*", "%").Replace(p.classed())
}

// classed returns the text with every known character replaced by that of its confusion class, when confusable.
func (p Plate) classed() string {
	if !p.confusable {
		return p.text
	}
	b := []byte(p.text)
	for i, c := range b {
		if c != '?' && c != '*' {
			b[i] = classOf[c]
		}
	}
	return string(b)
}

// class returns the text with every known character replaced by that of its confusion class, confusable or not.
func (p Plate) class() string {
	p.confusable = true
	return p.classed()
}

// head returns the confusion classes of the known characters at the beginning of a pattern.
func (p Plate) head() string {
	return p.class()[:max(strings.IndexAny(p.text+"*", "?*"), 0)]
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// classOf and members are the confusion classes of the contract, by character.
var classOf, members = func() (class [256]byte, in map[byte]string) {
	in = map[byte]string{}
	for i := range len(alphabet) {
		c := alphabet[i]
		class[c] = schemas.MustPlate(alphabet[i : i+1]).Class().At(0)
		in[class[c]] += alphabet[i : i+1]
	}
	return class, in
}()

// variants returns every plate of the class, or nil when there are more than maxVariants.
func variants(class string) []string {
	n := 1
	for i := range len(class) {
		if n *= len(members[class[i]]); n > maxVariants {
			return nil
		}
	}
	out := []string{""}
	for i := range len(class) {
		next := make([]string, 0, n)
		for _, head := range out {
			for _, c := range members[class[i]] {
				next = append(next, head+string(c))
			}
		}
		out = next
	}
	return out
}

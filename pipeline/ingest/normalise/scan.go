package normalise

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gvc-brussels/anpr/schemas"
)

// plateScan is a raw plate taken apart: letters, digits and positions of separators, without the heap.
type plateScan struct {
	chars   [2 * schemas.MaxRawPlate]byte
	n       int
	breaks  uint64 // bit i: a separator stood in front of character i
	marked  uint64 // bit i: character i is a letter with a diacritic, or in front of two dashes that stand together
	dashes  int    // dashes behind the last character; more than two when they do not stand together
	edge    rune   // the control character behind the plate: nothing may follow
	foreign rune   // the first letter or digit without a Latin form
	joker   rune   // the first sign for an unread character
	bad     rune   // the first other sign
}

// Values of ascii for other bytes than letters and digits.
const (
	separator = 1    // between characters: blank, dash, dot, slash, colon, quotes, brackets
	control   = 2    // in front of the plate and behind
	joker     = 3    // stands for an unread character
	refused   = 4    // anything else
	other     = 0xff // not ASCII: the slow path
)

// ascii maps letters to upper case, digits to themselves, the rest of ASCII to a value above.
var ascii = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = other
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'Z':
			t[c] = byte(c)
		case c >= 'a' && c <= 'z':
			t[c] = byte(c - 'a' + 'A')
		case c < ' ' || c == 0x7f:
			t[c] = control
		default:
			t[c] = refused
		}
	}
	for _, c := range []byte(" -./:'\"`()[]{}") {
		t[c] = separator
	}
	for _, c := range []byte("?*_#") {
		t[c] = joker
	}
	return t
}()

// scanASCII scans a text that is all ASCII and returns false for any other.
func (s *plateScan) scanASCII(raw string) bool {
	for i := range len(raw) {
		c := ascii[raw[i]]
		if c == other {
			return false
		}
		s.addChar(c, rune(raw[i]))
	}
	return true
}

// addChar adds the next character: c is the character's value in ascii, r the original character.
func (s *plateScan) addChar(c byte, r rune) {
	switch c {
	case separator:
		if s.n < schemas.MaxRawPlate {
			s.breaks |= 1 << s.n
		}
		switch {
		case r == '-':
			s.dashes++
		case s.dashes == 1: // a dash by itself: what follows is no mark
			s.dashes = 3
		}
	case control:
		if s.n > 0 {
			keepFirst(&s.edge, max(r, 1))
		}
	case joker:
		keepFirst(&s.joker, r)
	case refused:
		keepFirst(&s.bad, r)
	default:
		if s.edge != 0 {
			keepFirst(&s.bad, s.edge)
		}
		if s.dashes == 2 && s.n > 0 && s.chars[s.n-1] >= 'A' { // as schemas.Plate writes a mark: BO--AB123
			s.marked |= 1 << (s.n - 1)
		}
		s.dashes = 0
		s.chars[s.n] = c
		s.n++
	}
}

func keepFirst(at *rune, r rune) {
	if *at == 0 {
		*at = r
	}
}

// scanText scans any text from the beginning. It may allocate.
func (s *plateScan) scanText(raw string) {
	*s = plateScan{}
	for _, r := range norm.NFC.String(raw) {
		s.addRune(r)
	}
}

func (s *plateScan) addRune(r rune) {
	if r >= '\uff01' && r <= '\uff5e' { // full width
		r -= '\uff01' - '!'
	}
	if unicode.IsLetter(r) {
		r = unicode.ToUpper(r)
	}
	if r < utf8.RuneSelf {
		s.addChar(ascii[r], r)
		return
	}
	if c, ok := lookAlike[r]; ok {
		s.addChar(c, r)
		return
	}
	if two, ok := twoLetters[r]; ok {
		s.addChar(two[0], r)
		s.addChar(two[1], r)
		return
	}
	switch {
	case separators[r] || unicode.Is(unicode.Zs, r):
		s.addChar(separator, r)
	case unicode.In(r, unicode.Cc, unicode.Cf):
		s.addChar(control, r)
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		s.addLetter(r)
	default:
		s.addChar(refused, r)
	}
}

// addLetter adds the base letter of a letter or number outside the tables; without a base letter it notes a foreign
// character.
func (s *plateScan) addLetter(r rune) {
	base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	c, ok := lookAlike[base]
	if base < utf8.RuneSelf {
		c, ok = ascii[base], ascii[base] >= '0'
	}
	if !ok || base == r {
		keepFirst(&s.foreign, r)
		return
	}
	if s.n < schemas.MaxRawPlate {
		s.marked |= 1 << s.n
	}
	s.addChar(c, r)
}

// separators are the signs beyond ASCII that may stand between characters: dashes, quotes and dots. A dot also stands
// for the German seal.
var separators = map[rune]bool{
	'\u00ad': true, '\u2010': true, '\u2011': true, '\u2012': true, '\u2013': true, '\u2014': true, '\u2015': true, '\u2212': true, '\ufe58': true, '\ufe63': true,
	'\u00b7': true, '\u2022': true, '\u2027': true, '\u2219': true, '\u22c5': true, '\u30fb': true, '\uff65': true,
	'\u00b4': true, '\u2018': true, '\u2019': true, '\u201a': true, '\u201c': true, '\u201d': true, '\u201e': true, '\u00ab': true, '\u00bb': true,
	'\u2039': true, '\u203a': true, '\u3010': true, '\u3011': true, '\u300c': true, '\u300d': true,
}

// twoLetters are Latin letters that registers write with two: Danish and Norwegian \u00c6, Icelandic \u00de,
// French \u0152, Dutch \u0132.
var twoLetters = map[rune][2]byte{'\u00c6': {'A', 'E'}, '\u0152': {'O', 'E'}, '\u00de': {'T', 'H'}, '\u0132': {'I', 'J'}}

// lookAlike maps letters that Unicode does not decompose to A-Z: Latin letters with a stroke, and Cyrillic and Greek
// capitals that look like a Latin letter. The plates of Russia, Ukraine, Bulgaria, Serbia, Macedonia and Greece use
// these capitals for their look. Letters without a look-alike are not guessed.
var lookAlike = map[rune]byte{
	'\u0110': 'D', '\u00d0': 'D', '\u0126': 'H', '\u0141': 'L', '\u00d8': 'O', '\u0166': 'T',
	'\u0410': 'A', '\u0412': 'B', '\u0415': 'E', '\u0405': 'S', '\u0406': 'I', '\u0408': 'J', '\u041a': 'K', '\u041c': 'M',
	'\u041d': 'H', '\u041e': 'O', '\u0420': 'P', '\u0421': 'C', '\u0422': 'T', '\u0423': 'Y', '\u0425': 'X',
	'\u0391': 'A', '\u0392': 'B', '\u0395': 'E', '\u0396': 'Z', '\u0397': 'H', '\u0399': 'I', '\u039a': 'K', '\u039c': 'M',
	'\u039d': 'N', '\u039f': 'O', '\u03a1': 'P', '\u03a4': 'T', '\u03a5': 'Y', '\u03a7': 'X',
}

package bench

import (
	"math/rand/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// The countries, in the order of vehicle.country. Belgium is 0.
var countries = [...]schemas.Country{
	{'B', 'E'}, {'F', 'R'}, {'N', 'L'}, {'D', 'E'}, {'L', 'U'}, {'P', 'L'}, {'R', 'O'}, {'G', 'B'},
}

const (
	belgium     = 0
	netherlands = 2
)

// foreignShare is the share of foreign vehicles, per hundred, and foreignWeights how they divide over countries[1:].
const foreignShare = 12

var foreignWeights = [...]int{34, 20, 14, 9, 9, 8, 6}

// series is a plate syntax: 9 stands for a digit, X for a letter, F for a letter in the French system (no I, O, U);
// every other character stands for itself. A lower case letter stands for its capital where the capital would mean a
// class.
type series struct {
	form   string
	weight int
	use    use
}

// use ties a series to a vehicle kind.
type use uint8

const (
	anyCar use = iota
	motorcycle
	taxi
	veteran
	tractor
)

var belgian = [...]series{
	{"2XXX999", 540, anyCar},
	{"1XXX999", 335, anyCar},
	{"9XXX999", 6, anyCar},
	{"8XXX999", 3, anyCar},
	{"XXX999", 30, anyCar},
	{"999XXX", 14, anyCar},
	{"MXXX999", 26, motorcycle},
	{"TxXX999", 12, taxi},
	{"OXXX999", 12, veteran},
	{"GXXX999", 1, tractor},
	{"Wx99XXX", 3, anyCar},
	{"CDXX999", 5, anyCar},
	{"P999", 1, anyCar},
	{"E999", 1, anyCar},
	{"XXXXX9", 4, anyCar},
}

var foreign = [...][]series{
	{{"FF999FF", 1, anyCar}},
	{{"99XXX9", 3, anyCar}, {"X999XX", 3, anyCar}, {"XX999X", 3, anyCar}, {"9XXX99", 1, anyCar}},
	{{"MKKXX999", 2, anyCar}, {"WESXX999", 2, anyCar}, {"ACXX999", 2, anyCar}, {"DxX9999", 1, anyCar}}, // each from a single German district
	{{"XX9999", 1, anyCar}},
	{{"WX99999", 1, anyCar}, {"KR999XX", 1, anyCar}, {"PO9XX99", 1, anyCar}},
	{{"B999XXX", 2, anyCar}, {"CJ99XXX", 1, anyCar}, {"IS99XXX", 1, anyCar}},
	{{"XX99XXX", 1, anyCar}},
}

const (
	letters       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	frenchLetters = "ABCDEFGHJKLMNPQRSTVWXYZ"
)

func drawSeries(r *rand.Rand, of []series) *series {
	total := 0
	for i := range of {
		total += of[i].weight
	}
	n := r.IntN(total)
	for i := range of {
		if n -= of[i].weight; n < 0 {
			return &of[i]
		}
	}
	return &of[len(of)-1]
}

// drawPlate fills the form. Forms are canonical, so the plate is too.
func drawPlate(r *rand.Rand, form string) schemas.Plate {
	var b [schemas.MaxPlate]byte
	for i := range len(form) {
		switch ch := form[i]; ch {
		case '9':
			b[i] = '0' + byte(r.IntN(10))
			if i == 0 {
				b[i] = '1' + byte(r.IntN(9))
			}
		case 'X':
			b[i] = letters[r.IntN(len(letters))]
		case 'F':
			b[i] = frenchLetters[r.IntN(len(frenchLetters))]
		case 'x':
			b[i] = 'X'
		default:
			b[i] = ch
		}
	}
	p, ok := schemas.PlateFrom(b[:len(form)])
	if !ok {
		panic("BUG: the series " + form + " does not give canonical plates")
	}
	return p
}

// confusable lists, for each character, the others in its confusion class.
var confusable = func() (t [256]string) {
	for _, group := range []string{"0OQD", "1IL", "2Z", "5S", "6G", "8B"} {
		for i, ch := range []byte(group) {
			t[ch] = group[:i] + group[i+1:]
		}
	}
	return t
}()

// misreadPlate returns another plate of the same confusion class; ok is false when the plate has no confusable
// character.
func misreadPlate(p schemas.Plate, salt uint32) (schemas.Plate, bool) {
	n := uint32(p.Len())
	var b [schemas.MaxPlate]byte
	p.AppendTo(b[:0])
	for k := range n {
		at := (salt + k) % n
		if others := confusable[b[at]]; others != "" {
			b[at] = others[salt/n%uint32(len(others))]
			return schemas.PlateFrom(b[:n])
		}
	}
	return p, false
}

// writing is a camera's spelling of plates.
type writing uint8

const (
	plain writing = iota
	dashed
	spaced
	lowered
	writings
)

// appendRaw appends the plate as a camera spells it: 1-ABC-123, 1 ABC 123, 1abc123.
func appendRaw(dst []byte, p schemas.Plate, w writing) []byte {
	for i := range p.Len() {
		ch := p.At(i)
		if i > 0 && (w == dashed || w == spaced) && isDigit(ch) != isDigit(p.At(i-1)) {
			dst = append(dst, "- "[boolToInt(w == spaced)])
		}
		if w == lowered && !isDigit(ch) {
			ch |= 0x20
		}
		dst = append(dst, ch)
	}
	return dst
}

func isDigit(ch byte) bool { return ch >= '0' && ch <= '9' }

// signs lists the city's countries with a sign of one letter that a misread digit can look like.
var signs = map[string]byte{"BE": 'B', "DE": 'D', "LU": 'L'}

// signStandsApart reports whether a misread plate begins or ends with its country's sign beside a digit. From a camera
// that writes groups apart (WES-RY-83-D, B 8 U 614), the sign is taken off, which leaves another confusion class.
func signStandsApart(p schemas.Plate, c schemas.Country) bool {
	var b [schemas.MaxPlate]byte
	text := p.AppendTo(b[:0])
	sign, n := signs[c.String()], len(text)
	isDigit := func(x byte) bool { return x >= '0' && x <= '9' }
	return n > 1 && sign != 0 && (text[0] == sign && isDigit(text[1]) || text[n-1] == sign && isDigit(text[n-2]))
}

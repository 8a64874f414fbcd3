package schemas

import (
	_ "embed"
	"strings"
)

const (
	boundary    = '-' // behind the district; twice when its last letter has a mark that A-Z lacks
	maxDistrict = 3
)

//go:embed plates/german_districts.txt
var germanDistrictList string

// germanDistricts has two bits per district with up to three letters (no umlauts): for the plain form and for the form
// with an umlaut.
var germanDistricts = func() (t [27 * 27 * 27]uint8) {
	fold := strings.NewReplacer("\u00c4", "A", "\u00d6", "O", "\u00dc", "U")
	for line := range strings.Lines(germanDistrictList) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for code := range strings.FieldsSeq(line) {
			plain := fold.Replace(code)
			bit := uint8(districtPlain)
			if plain != code {
				bit = districtUmlaut
			}
			t[districtIndex(plain)] |= bit
		}
	}
	return t
}()

const (
	districtPlain  = 1
	districtUmlaut = 2
)

func districtIndex[T ~string | ~[]byte](code T) (n int) {
	for i := range len(code) {
		n = n*27 + int(code[i]-'A') + 1
	}
	return n
}

// germanLetters returns the number of leading letters in a text shaped like a German plate, else 0. The shape: two to
// five letters, one to four digits without a leading zero, perhaps E or H, at most eight characters.
func germanLetters(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= 'A' {
		n++
	}
	end := len(text)
	if end > 0 && (text[end-1] == 'E' || text[end-1] == 'H') {
		end--
	}
	if n < 2 || n > 5 || end-n < 1 || end-n > 4 || len(text) > 8 || text[n] == '0' {
		return 0
	}
	for _, c := range text[n:end] {
		if c >= 'A' {
			return 0
		}
	}
	return n
}

// districtsAt returns the district forms for a German plate's first characters, up to at.
func districtsAt(text []byte, letters, at int) uint8 {
	if rest := letters - at; at < 1 || at > maxDistrict || rest < 1 || rest > 2 {
		return 0
	}
	return germanDistricts[districtIndex(text[:at])]
}

// fitsTwoDistricts reports whether two German districts fit the text, by the seal's place or by an umlaut.
func fitsTwoDistricts(text []byte) bool {
	letters := germanLetters(text)
	if letters == 0 {
		return false
	}
	found := 0
	for at := 1; at <= maxDistrict; at++ {
		d := districtsAt(text, letters, at)
		found += int(d&1 + d>>1)
	}
	return found > 1
}

// tellsApart reports whether a boundary behind the first at characters, the last with a mark or not, tells two
// vehicles apart.
func tellsApart(text []byte, at int, umlaut bool) bool {
	if umlaut && at == 2 && string(text[:2]) == "VS" && serbianRest(text[2:]) {
		return true
	}
	d := districtsAt(text, germanLetters(text), at)
	switch {
	case !fitsTwoDistricts(text):
		return false
	case umlaut:
		return d == districtPlain|districtUmlaut
	}
	return d != 0
}

// serbianRest reports whether the text fits behind a Serbian district: three to five digits and two letters.
func serbianRest(text []byte) bool {
	n := len(text) - 2
	if n < 3 || n > 5 || text[n] < 'A' || text[n+1] < 'A' {
		return false
	}
	for _, c := range text[:n] {
		if c >= 'A' {
			return false
		}
	}
	return true
}

// Boundary returns the number of characters before the boundary, 0 without a boundary, and whether the last has a mark
// outside A-Z.
func (p Plate) Boundary() (at int, umlaut bool) {
	for at = 1; at <= maxDistrict; at++ {
		if p.b[at] == boundary {
			return at, p.b[at+1] == boundary
		}
	}
	return 0, false
}

// Unbounded returns only the letters and digits, without the boundary.
func (p Plate) Unbounded() Plate {
	at, umlaut := p.Boundary()
	if at == 0 {
		return p
	}
	gap := 1
	if umlaut {
		gap = 2
	}
	copy(p.b[at:], p.b[at+gap:])
	clear(p.b[int(p.n)-gap : p.n])
	p.n -= uint8(gap)
	return p
}

// Ambiguous reports whether two German vehicles share the plate: a boundary is needed and missing (BMW123 is B-MW 123
// from Berlin or BM-W 123 from Bergheim). Other countries' plates have no meaning here.
func (p Plate) Ambiguous() bool {
	return fitsTwoDistricts(p.b[:p.n]) // a mark is no letter and no digit: what has one does not fit
}

// WithBoundary returns the plate with a boundary behind the first at characters where that tells two vehicles apart,
// else the plate unchanged. umlaut: the last character before the boundary has a mark (BÖ, VŠ).
func (p Plate) WithBoundary(at int, umlaut bool) Plate {
	text := p.Unbounded()
	gap := 1
	if umlaut && tellsApart(text.b[:text.n], at, true) {
		gap = 2
	} else if !tellsApart(text.b[:text.n], at, false) {
		return p
	}
	copy(text.b[at+gap:], text.b[at:text.n])
	for i := range gap {
		text.b[at+i] = boundary
	}
	text.n += uint8(gap)
	return text
}

// AppendBounded appends the plates with p's letters and digits and a boundary; none when a boundary tells nothing.
func (p Plate) AppendBounded(dst []Plate) []Plate {
	text := p.Unbounded()
	for at := 1; at <= maxDistrict && at < text.Len(); at++ {
		for _, umlaut := range [...]bool{false, true} {
			if q := text.WithBoundary(at, umlaut); q != text && (len(dst) == 0 || dst[len(dst)-1] != q) {
				dst = append(dst, q)
			}
		}
	}
	return dst
}

// Contradicts reports whether both plates have a boundary, and the boundaries differ. Such plates belong to two
// vehicles, whatever the characters.
func (p Plate) Contradicts(q Plate) bool {
	a, markA := p.Boundary()
	b, markB := q.Boundary()
	return a != 0 && b != 0 && (a != b || markA != markB)
}

// MayEqual reports whether the plates have the same letters and digits, and the known boundaries agree.
func (p Plate) MayEqual(q Plate) bool {
	return p == q || p.Unbounded() == q.Unbounded() && !p.Contradicts(q)
}

// boundedFrom makes a plate from canonical text with a boundary.
func boundedFrom(s string) (Plate, bool) {
	at := strings.IndexByte(s, boundary)
	if at < 1 || at > maxDistrict {
		return Plate{}, false
	}
	rest := s[at+1:]
	umlaut := strings.HasPrefix(rest, string(rune(boundary)))
	if umlaut {
		rest = rest[1:]
	}
	var text Plate
	for _, part := range [...]string{s[:at], rest} {
		for i := range len(part) {
			c := part[i]
			if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
				return Plate{}, false
			}
			text.b[text.n] = c
			text.n++
		}
	}
	p := text.WithBoundary(at, umlaut)
	if p.String() != s {
		return Plate{}, false
	}
	return p, true
}

// Districts returns the possible lengths of a German district that leave one or two letters: bits 1 to 3. 0 = no
// German plate.
func (p Plate) Districts() uint8 { return p.possibleEnds(districtPlain | districtUmlaut) }

// UmlautDistricts is Districts for names with an umlaut.
func (p Plate) UmlautDistricts() uint8 { return p.possibleEnds(districtUmlaut) }

func (p Plate) possibleEnds(forms uint8) (ends uint8) {
	text := p.b[:p.n]
	letters := germanLetters(text)
	if letters == 0 {
		return 0
	}
	for at := 1; at <= maxDistrict; at++ {
		if districtsAt(text, letters, at)&forms != 0 {
			ends |= 1 << at
		}
	}
	return ends
}

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

// germanDistricts has, for a district of up to three letters without umlauts, one bit for its plain form and one for its form with an umlaut.
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

// germanLetters returns how many letters the text begins with when it has the shape of a German plate, 0 otherwise: two to five letters, a
// number of one to four digits without a leading zero, perhaps E or H, eight characters in all.
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

// districtsAt returns which forms of a district the first at letters of a German plate are.
func districtsAt(text []byte, letters, at int) uint8 {
	if rest := letters - at; at < 1 || at > maxDistrict || rest < 1 || rest > 2 {
		return 0
	}
	return germanDistricts[districtIndex(text[:at])]
}

// fitsTwoDistricts reports whether the text is the plate of two German districts, depending on where the seal stands or whether a letter
// has an umlaut.
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

// tellsApart reports whether a boundary behind the first at characters of a text, whose last one has a mark or not, says which of two
// vehicles it is.
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

// serbianRest reports whether the text is what follows the district of a Serbian plate: three to five digits and two letters.
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

// Boundary returns how many characters stand before the boundary, 0 when the plate has none, and whether the last of them has a mark that
// A-Z lacks.
func (p Plate) Boundary() (at int, umlaut bool) {
	for at = 1; at <= maxDistrict; at++ {
		if p.b[at] == boundary {
			return at, p.b[at+1] == boundary
		}
	}
	return 0, false
}

// Unbounded returns the plate without its boundary: its letters and digits alone.
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

// Ambiguous reports whether the plate, as a German one, is that of two vehicles: it has no boundary and needs one (BMW123 is B-MW 123 of Berlin or
// BM-W 123 of Bergheim). It says nothing about a plate of another country.
func (p Plate) Ambiguous() bool {
	return fitsTwoDistricts(p.b[:p.n]) // a mark is no letter and no digit: what has one does not fit
}

// WithBoundary returns the plate with the boundary behind its first at characters where that tells two vehicles apart, and otherwise
// the plate as it is. umlaut says that the last of these characters has a mark (BÖ, VŠ).
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

// AppendBounded appends the plates with a boundary whose letters and digits are those of p; none when a boundary tells nothing.
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

// Contradicts reports whether both plates have a boundary and not the same: then they are two vehicles, whatever their characters.
func (p Plate) Contradicts(q Plate) bool {
	a, markA := p.Boundary()
	b, markB := q.Boundary()
	return a != 0 && b != 0 && (a != b || markA != markB)
}

// MayEqual reports whether the plates have the same letters and digits and their boundaries, as far as they are known, agree.
func (p Plate) MayEqual(q Plate) bool {
	return p == q || p.Unbounded() == q.Unbounded() && !p.Contradicts(q)
}

// boundedFrom makes a plate of canonical text with a boundary.
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

// Districts returns after how many characters a German district may end that leaves one or two letters: bit 1 to 3. 0 = no German plate.
func (p Plate) Districts() uint8 { return p.possibleEnds(districtPlain | districtUmlaut) }

// UmlautDistricts is Districts of those that have an umlaut.
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

package normalise

import (
	"bytes"
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

// keepRange keeps the characters from at up to end.
func (s *plateScan) keepRange(at, end int) {
	copy(s.chars[:], s.chars[at:end])
	s.n = end - at
	s.breaks = s.breaks >> at &^ (^uint64(0) << s.n)
	s.marked >>= at
}

// leadingLetters returns the number of letters at the beginning.
func (s *plateScan) leadingLetters() (n int) {
	for n < s.n && s.chars[n] >= 'A' {
		n++
	}
	return n
}

// stripCountry takes off a country in front of the plate or behind it, with a separator (BE 1-ABC-123, 1ABC123-BEL).
// The whole must be no plate of the country, the rest must be a plate of it, and the camera must have named the same
// country. When the camera named none, the whole must be no plate of any country. B1ABC123 stays: it is a possible
// personal plate.
func (s *plateScan) stripCountry(country schemas.Country) {
	inner := s.breaks &^ (^uint64(0) << s.n) &^ 1
	if inner == 0 || s.n > schemas.MaxRawPlate {
		return
	}
	// three groups of letters in front: no plate has them (D B-MW 123)
	decorated := bits.OnesCount64(inner&^(^uint64(0)<<s.leadingLetters())) > 1
	first, last := bits.TrailingZeros64(inner), 63-bits.LeadingZeros64(inner)
	if countryOf(s.chars[:first]).IsZero() && countryOf(s.chars[last:s.n]).IsZero() {
		return
	}
	whole := matchSeries(s.chars[:s.n])
	for _, part := range [...]struct{ at, end, restAt, restEnd int }{{0, first, first, s.n}, {last, s.n, 0, last}} {
		c := countryOf(s.chars[part.at:part.end])
		if c.IsZero() || !country.IsZero() && c != country {
			continue
		}
		// more likely the last letter of the plate: 898 U 6 B is a misread 898-UGB
		if part.at > 0 && part.end-part.at == 1 && part.restEnd-part.restAt < 6 {
			continue
		}
		if !decorated && (country.IsZero() && whole.hasAny() || c == schemas.Germany && isGerman(s.chars[:s.n]) || c != schemas.Germany && whole.hasCountry(c)) {
			continue
		}
		rest := *s
		rest.keepRange(part.restAt, part.restEnd)
		if c == schemas.Germany {
			rest.stripSeason(true)
			// no German number begins with zero: AC-TB 00 D is a misread AC-TB 000
			if n := rest.leadingLetters(); n < rest.n && rest.chars[n] == '0' {
				continue
			}
		}
		if !matchSeries(rest.chars[:rest.n]).hasCountry(c) {
			continue
		}
		*s = rest
		return
	}
}

// stripSeason takes the two months of a season plate off a German number (KA-PA 777 04-10, FZV \u00a7 10). The months
// limit when the vehicle may drive, and engines differ in sending them. A German number has at most four digits and
// does not begin with zero: of five to eight digits the last four are the months. Behind two or three letters, five or
// six digits need separators that show the months, because an authority's plate looks the same (BP 10-112). known means
// that the plate is German. Otherwise a plate that fits another country stays, unless separators show the months.
func (s *plateScan) stripSeason(known bool) {
	letters, digits, suffix := s.leadingLetters(), 0, 0
	for letters+digits < s.n && s.chars[letters+digits] <= '9' {
		digits++
	}
	number := digits - 4
	if at := letters + digits; at < s.n && (s.chars[at] == 'E' || s.chars[at] == 'H') && s.n-at == 5 {
		number, suffix = digits, 1
	}
	end := letters + number + suffix
	if letters < 2 || letters > 5 || number < 1 || number > 4 || s.chars[letters] == '0' || end+4 != s.n || end > 8 {
		return
	}
	from, to := parseMonth(s.chars[end:end+2]), parseMonth(s.chars[end+2:end+4])
	inside := s.breaks >> letters &^ 1 &^ (^uint64(0) << (s.n - letters)) // separators behind the first digit
	at := number + suffix
	allowed := uint64(1)<<at | uint64(1)<<(at+2) | uint64(suffix)<<number
	shown := inside&(1<<at) != 0 && inside&^allowed == 0
	certain := number >= 3 || letters >= 4 || suffix > 0
	switch {
	case from == 0 || to == 0 || from == to || !isGerman(s.chars[:end]):
	case shown, certain && (known || !matchSeries(s.chars[:s.n]).hasAny()):
		s.keepRange(0, end)
	}
}

// parseMonth reads 01 to 12; 0 otherwise.
func parseMonth(b []byte) int {
	if b[0] > '1' || b[1] > '9' || b[0] == '1' && b[1] > '2' {
		return 0
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}

// isGerman reports whether the characters begin with a German district, followed by one or two letters.
func isGerman(text []byte) bool {
	p, ok := schemas.PlateFrom(text)
	return ok && p.Districts() != 0
}

// foldUmlaut writes a German district whose umlaut came as two letters with one (TOELBA918 is T\u00d6L-BA 918),
// when the text as it stands is that of no district. It returns false when a separator among the letters stands elsewhere
// than such a district ends (U-EB AA 1 is no \u00dcB-AA 1): the letters would be another plate without the separator.
func (s *plateScan) foldUmlaut() bool {
	if isGerman(s.chars[:s.n]) {
		return true
	}
	for i := range min(s.n-1, 3) {
		if c := s.chars[i]; s.chars[i+1] != 'E' || c != 'A' && c != 'O' && c != 'U' {
			continue
		}
		folded := *s
		copy(folded.chars[i+1:], folded.chars[i+2:s.n])
		folded.n--
		low := uint64(1)<<(i+1) - 1
		folded.breaks = s.breaks&low | s.breaks>>1&^low
		folded.marked = 1 << i
		p, ok := schemas.PlateFrom(folded.chars[:folded.n])
		if !ok {
			continue
		}
		ends := uint64(p.UmlautDistricts()) >> (i + 1) << (i + 1)
		// the umlaut of a district is its last A, O or U: AEO is no A\u00d6
		if at := bytes.IndexAny(folded.chars[i+1:folded.n], "AOU"); at >= 0 {
			ends &= 1<<(i+2+at) - 1
		}
		if ends == 0 {
			continue
		}
		inside := folded.breaks &^ 1 &^ (^uint64(0) << folded.leadingLetters())
		if s.breaks&(1<<(i+1)) != 0 || inside&^ends != 0 {
			return false
		}
		*s = folded
		return true
	}
	return true
}

// addBoundary sets the boundary of a plate where the raw one has a separator between its letters, or an umlaut
// says how far the district goes.
func (s *plateScan) addBoundary(p schemas.Plate) schemas.Plate {
	if at, _ := p.Boundary(); at != 0 {
		return p
	}
	letters := s.leadingLetters()
	inside := s.breaks &^ 1 &^ (^uint64(0) << letters)
	marked := s.marked &^ (^uint64(0) << letters)
	switch {
	case bits.OnesCount64(inside) == 1:
		at := bits.TrailingZeros64(inside)
		return p.WithBoundary(at, marked&(1<<(at-1)) != 0)
	case inside != 0 || marked == 0:
		return p
	}
	last := 64 - bits.LeadingZeros64(marked)
	if letters == last { // no letters behind: no German plate, but perhaps a Serbian district
		return p.WithBoundary(last, true)
	}
	ends := p.UmlautDistricts() >> last << last
	if bits.OnesCount8(ends) != 1 {
		return p
	}
	return p.WithBoundary(bits.TrailingZeros8(ends), marked&(1<<(bits.TrailingZeros8(ends)-1)) != 0)
}

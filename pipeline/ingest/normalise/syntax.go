package normalise

import (
	"math/bits"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Series is a series of plates with a syntax, issued by a single country.
type Series uint8

// The series, by country. SeriesBEVanity fits nearly everything and ranks nothing. The syntaxes are public
// knowledge of unequal worth: Belgium and its neighbours are checked best, the others follow the usual plates. No
// verdict may need a complete syntax.
const (
	SeriesBEStandard Series = iota // 1-ABC-123, since 16/11/2010
	SeriesBEReversed               // 9-123-ABC
	SeriesBEIntl                   // 8- international, 9- personalised before 2014
	// index letter: G agricultural, M motorcycle, O oldtimer, Q trailer, S moped, T taxi, U exceptional load, W
	// and Y test, Z dealer
	SeriesBELetter
	SeriesBETemp      // WX-16-ABC
	SeriesBE1973      // ABC-123, 1973-2008
	SeriesBE2008      // 123-ABC, 2008-2010
	SeriesBE1953      // codes 1-5, 1953-1962: one letter among four digits
	SeriesBE1962      // codes 6-10, 1962-1973: two letters among three digits
	SeriesBECD        // diplomatic, CD-AB-123 and CD-1234
	SeriesBEOfficial  // A ministers, P parliament, E regional government
	SeriesBEAllied    // B-AFI-123, allied forces
	SeriesBEArmy      // five digits
	SeriesBERoyal     // digits only
	SeriesBEVanity    // 1-8 characters, not digits only, since 03/2014
	SeriesNL          // sidecodes 1-14
	SeriesNLSpecial   // CD, CDJ of the Court of Justice, AA of the royal house
	SeriesFRSIV       // AA-123-AA
	SeriesFRFNI       // 123 ABC 75, old
	SeriesFRTrade     // W-123-AB, garages
	SeriesFRCD        // diplomatic: 123 CD 45, CMD, C, K
	SeriesFRArmy      // eight digits
	SeriesDE          // umlauts as base letters
	SeriesDEAuthority // no letters behind the district: authorities, BP, THW, Y, X
	SeriesDERed       // 03, 04, 05, 06, 07
	SeriesDEExport    // the letter behind the number: export
	SeriesDECD        // 0 17-123
	SeriesLU          // AB1234
	SeriesLUOld       // 4 or 5 digits
	SeriesUK          // AB12 CDE
	SeriesUKPrefix    // A123 BCD
	SeriesUKSuffix    // ABC 123A
	SeriesUKNI        // Northern Ireland, and dateless
	SeriesUKDateless  // 1234 AB; trade plates 123 AB
	SeriesUKTrade     // five digits
	SeriesUKCD        // diplomatic, 123 D 456
	SeriesPL
	SeriesRO
	SeriesES
	SeriesESSpecial  // the letter in front: moped, trailer, historic, temporary
	SeriesESProvince // M-1234-AB, until 2000
	SeriesIT
	SeriesITOld   // province and six characters, until 1994; motorcycles
	SeriesITForce // Carabinieri, army
	SeriesUA      // AA 1234 BB; old 123-45 AB; diplomatic
	SeriesBG      // CA 1234 AB; diplomatic
	SeriesRU      // A 123 BC 77; trailers, taxis, police, motorcycles, diplomatic
	SeriesBY      // 1234 AB-7; lorries AB 1234-7; electric
	SeriesTR      // 34 AB 1234
	SeriesCH      // ZH 123456; U dealer, V rental
	SeriesAT      // W 12345 A; personal W-ANDI 1
	SeriesCZ      // 1A2 3456; old ABC 12-34; electric
	SeriesIE      // 131-D-12345; before 1987
	SeriesHR      // ZG 1234-AB; personal; diplomatic
	SeriesSK      // BA-123AB
	SeriesHU      // ABC-123, AAAB-123
	SeriesSI      // LJ 12-ABC
	SeriesRS      // BG 123-AB
	SeriesBA      // A12-B-345
	SeriesMK      // SK 1234-AB
	SeriesMD      // ABC 123
	SeriesPT      // AA-01-AA
	SeriesDK      // AB 12 345
	SeriesSE      // ABC 12D
	SeriesNO      // AB 12345
	SeriesFI      // ABC-123
	SeriesGR      // ABC-1234
	SeriesLT      // ABC 123
	SeriesLV      // AB-1234
	SeriesEE      // 123 ABC
	SeriesMA      // 12345-A-6, the Arabic letter in its Latin form
	SeriesLI      // FL 12345
	SeriesMC      // 1234
	seriesEnd
)

// Country returns the country that issues the series. Series of several countries may fit the same plate: the result
// never stands for the country of a plate.
func (s Series) Country() schemas.Country {
	if s >= seriesEnd {
		return schemas.Country{}
	}
	c, _ := schemas.CountryFrom(syntaxes[s].country)
	return c
}

// seriesSet is a set of series, a bit each.
type seriesSet [2]uint64

func (s *seriesSet) addSeries(x Series) { s[x/64] |= 1 << (x % 64) }

// hasAny reports whether a series other than the personal plates is in the set.
func (s seriesSet) hasAny() bool {
	s[SeriesBEVanity/64] &^= 1 << (SeriesBEVanity % 64)
	return s != seriesSet{}
}

// hasCountry reports whether a series of the country other than the personal plates is in the set.
func (s seriesSet) hasCountry(c schemas.Country) bool {
	its := seriesByCountry[c]
	s[0] &= its[0]
	s[1] &= its[1]
	return s.hasAny()
}

var seriesByCountry = func() map[schemas.Country]seriesSet {
	m := map[schemas.Country]seriesSet{}
	for s := range seriesEnd {
		set := m[s.Country()]
		set.addSeries(s)
		m[s.Country()] = set
	}
	return m
}()

// matchSeries is seriesOf for any number of letters and digits; too many for a plate give the empty set.
func matchSeries(text []byte) seriesSet {
	p, _ := schemas.PlateFrom(text)
	return seriesOf(p)
}

// seriesOf returns the set of series that fit the plate.
func seriesOf(p schemas.Plate) (set seriesSet) {
	p = p.Unbounded()
	n := p.Len()
	if n == 0 || n > maxTemplate {
		return set
	}
	m := &matchers[n]
	fit := m.at[0][symbol[p.At(0)]]
	letters := 0
	for i := range n {
		s := symbol[p.At(i)]
		for w := range fit {
			fit[w] &= m.at[i][s][w]
		}
		if s >= 10 {
			letters++
		}
	}
	for w, bit := range fit {
		for ; bit != 0; bit &= bit - 1 {
			set.addSeries(m.series[64*w+bits.TrailingZeros64(bit)])
		}
	}
	if letters > 0 && n <= longestWord {
		set.addSeries(SeriesBEVanity)
	}
	return set
}

// maxTemplate is the length of the longest plate of any series: FR 1234ABC97x.
const maxTemplate = 10

// templateSet is a set of templates of equal length, a bit each.
type templateSet [4]uint64

// matcher holds all templates of one length. at gives the templates that allow a symbol at a position: a few ANDs per
// character match a plate against all templates.
type matcher struct {
	at     [maxTemplate][36]templateSet
	series []Series // of each bit
}

// symbol numbers the plate characters: digits 0-9, letters 10-35.
var symbol = func() (t [256]uint8) {
	for i, c := range []byte(alphabet) {
		t[c] = uint8(i)
	}
	return t
}()

var matchers = func() (ms [maxTemplate + 1]matcher) {
	for s := range seriesEnd {
		for alternative := range strings.FieldsSeq(syntaxes[s].pattern) {
			for _, template := range expandPattern(alternative) {
				ms[len(template)].addTemplate(s, template)
			}
		}
	}
	return ms
}()

func (m *matcher) addTemplate(s Series, template []uint64) {
	bit := len(m.series)
	if bit == 64*len(templateSet{}) {
		panic("BUG: too many plate templates of one length")
	}
	m.series = append(m.series, s)
	for i, set := range template {
		for sym := range 36 {
			if set&(1<<sym) != 0 {
				m.at[i][sym][bit/64] |= 1 << (bit % 64)
			}
		}
	}
}

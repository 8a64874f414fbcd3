package normalise

import (
	"math/bits"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Series is one series of plates of one country that has a syntax of its own.
type Series uint8

// The series of DOMAIN.md 4.1, in its order. SeriesBEVanity fits nearly everything and ranks nothing. The Belgian series of
// 1953-1973 (one or two letters anywhere among five characters) are left out: their positions are not known exactly, and
// SeriesBEVanity covers them.
const (
	SeriesBEStandard Series = iota // 1-ABC-123, since 16/11/2010
	SeriesBEReversed               // 9-123-ABC
	SeriesBEIntl                   // 8- international, 9- personalised before 2014
	SeriesBELetter                 // index letter since 2014: G agricultural, M motorcycle, O oldtimer, Q trailer, S moped, T taxi
	SeriesBETemp                   // WX-16-ABC
	SeriesBE1973                   // ABC-123, 1973-2008
	SeriesBE2008                   // 123-ABC, 2008-2010
	SeriesBECD                     // diplomatic
	SeriesBEOfficial               // A ministers, P parliament, E regional government
	SeriesBERoyal                  // digits only
	SeriesBEVanity                 // 1-8 characters, not digits only, since 03/2014
	SeriesNL                       // sidecodes 1-14
	SeriesFRSIV                    // AA-123-AA
	SeriesFRFNI                    // 123 ABC 75, old
	SeriesDE                       // umlauts as base letters
	SeriesLU                       // AB1234
	SeriesLUOld                    // 4 or 5 digits
	SeriesUK                       // AB12 CDE
	SeriesUKPrefix                 // A123 BCD
	SeriesUKSuffix                 // ABC 123A
	SeriesUKNI                     // Northern Ireland, and dateless
	SeriesPL
	SeriesRO
	SeriesES
	SeriesIT
	seriesEnd
)

// syntaxes defines the series. pattern: alternatives separated by spaces; A is any letter, 9 any digit, [..] a set with
// ranges; a repeat {n} or {m,n} or ? may follow. A pattern stands for the strings it spells out, nothing more.
var syntaxes = [seriesEnd]struct{ name, country, pattern string }{
	SeriesBEStandard: {"BE_STD", "BE", "[1-7]A{3}9{3}"},
	SeriesBEReversed: {"BE_REV", "BE", "[1-9]9{3}A{3}"},
	SeriesBEIntl:     {"BE_INTL", "BE", "[89]A{3}9{3}"},
	SeriesBELetter:   {"BE_LETTER", "BE", "[GMOQST]A{3}9{3}"},
	SeriesBETemp:     {"BE_TEMP", "BE", "[WXYZ]A9{2}A{3}"},
	SeriesBE1973:     {"BE_1973", "BE", "A{3}9{3}"},
	SeriesBE2008:     {"BE_2008", "BE", "9{3}A{3}"},
	SeriesBECD:       {"BE_CD", "BE", "[C][D]A{2}9{3}"},
	SeriesBEOfficial: {"BE_OFFIC", "BE", "[APE]9{1,3}"},
	SeriesBERoyal:    {"BE_ROYAL", "BE", "9{1,2}"},
	SeriesBEVanity:   {"BE_VANITY", "BE", ""}, // "not digits only" is no pattern: see AppendSeries
	SeriesNL: {"NL_1_14", "NL", "A{2}9{4} 9{4}A{2} 9{2}A{2}9{2} A{2}9{2}A{2} A{4}9{2} 9{2}A{4} 9{2}A{3}9 9A{3}9{2} " +
		"A{2}9{3}A A9{3}A{2} A{3}9{2}A A9{2}A{3} 9A{2}9{3} 9{3}A{2}9"},
	SeriesFRSIV:    {"FR_SIV", "FR", "[A-HJ-NP-TV-Z]{2}9{3}[A-HJ-NP-TV-Z]{2}"},
	SeriesFRFNI:    {"FR_FNI", "FR", "9{1,4}A{1,3}9{2} 9{1,4}A{1,3}[2][AB] 9{1,4}A{1,3}[9][7]9"},
	SeriesDE:       {"DE", "DE", "A{2,5}9{1,4}[EH]?"},
	SeriesLU:       {"LU_NEW", "LU", "A{2}9{4}"},
	SeriesLUOld:    {"LU_OLD", "LU", "9{4,5}"},
	SeriesUK:       {"UK_CUR", "GB", "A{2}9{2}A{3}"},
	SeriesUKPrefix: {"UK_PREFIX", "GB", "A9{1,3}A{3}"},
	SeriesUKSuffix: {"UK_SUFFIX", "GB", "A{3}9{1,3}A"},
	SeriesUKNI:     {"UK_NI", "GB", "A{1,3}9{1,4}"},
	SeriesPL: {"PL", "PL", "A{2}9{5} A{2}9{4}A A{2}9{3}A{2} A{2}9A9{3} A{2}9A{2}9{2} " +
		"A{4}9{3} A{3}9{2}A{2} A{3}9A9{2} A{3}9{2}A9 A{3}9A{2}9 A{5}9{2} A{3}9{5} A{3}9{4}A A{3}9{3}A{2}"},
	SeriesRO: {"RO", "RO", "A{2}9{2}A{3} [B]9{2,3}A{3}"},
	SeriesES: {"ES", "ES", "9{4}[BCDFGHJ-NPR-TV-Z]{3}"},
	SeriesIT: {"IT", "IT", "[A-HJ-NPR-TV-Z]{2}9{3}[A-HJ-NPR-TV-Z]{2}"},
}

// String returns the name DOMAIN.md gives the series. Example: BE_STD
func (s Series) String() string {
	if s >= seriesEnd {
		return "invalid"
	}
	return syntaxes[s].name
}

// Country returns the country that issues the series. Several series of several countries may fit one plate, so it never
// stands for the plate's country.
func (s Series) Country() schemas.Country {
	if s >= seriesEnd {
		return schemas.Country{}
	}
	c, _ := schemas.CountryFrom(syntaxes[s].country)
	return c
}

// Syntaxes returns the series whose syntax the plate has, in the order of the constants.
func Syntaxes(p schemas.Plate) []Series { return AppendSeries(nil, p) }

// AppendSeries is Syntaxes into the caller's memory; it does not allocate when dst has room.
func AppendSeries(dst []Series, p schemas.Plate) []Series {
	for set := seriesOf(p); set != 0; set &= set - 1 {
		dst = append(dst, Series(bits.TrailingZeros32(set)))
	}
	return dst
}

// distinctive reports whether a series other than the personal plates fits.
func distinctive(p schemas.Plate) bool { return seriesOf(p)&^(1<<SeriesBEVanity) != 0 }

// seriesOf returns the set of series that fit, one bit each.
func seriesOf(p schemas.Plate) (set uint32) {
	n := p.Len()
	if n == 0 || n > maxTemplate {
		return 0
	}
	m := &matchers[n]
	fit := ^uint64(0)
	letters := 0
	for i := range n {
		s := symbol[p.At(i)]
		fit &= m.at[i][s]
		if s >= 10 {
			letters++
		}
	}
	for ; fit != 0; fit &= fit - 1 {
		set |= 1 << m.series[bits.TrailingZeros64(fit)]
	}
	if letters > 0 && n <= 8 {
		set |= 1 << SeriesBEVanity
	}
	return set
}

// maxTemplate is the longest plate any series has: FR 1234ABC97x.
const maxTemplate = 10

// matcher holds all templates of one length, one bit each: at says which of them allow a symbol at a position, so a plate
// is matched against all of them with one AND per character.
type matcher struct {
	at     [maxTemplate][36]uint64
	series []Series // of each bit
}

// symbol numbers the plate characters: digits 0-9, letters 10-35.
var symbol = func() (t [256]uint8) {
	for i, c := range []byte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = uint8(i)
	}
	return t
}()

var matchers = func() (ms [maxTemplate + 1]matcher) {
	for s := range seriesEnd {
		for alternative := range strings.FieldsSeq(syntaxes[s].pattern) {
			for _, template := range expand(alternative) {
				ms[len(template)].add(s, template)
			}
		}
	}
	return ms
}()

func (m *matcher) add(s Series, template []uint64) {
	bit := len(m.series)
	if bit == 64 {
		panic("BUG: more than 64 plate templates of one length")
	}
	m.series = append(m.series, s)
	for i, set := range template {
		for sym := range 36 {
			if set&(1<<sym) != 0 {
				m.at[i][sym] |= 1 << bit
			}
		}
	}
}

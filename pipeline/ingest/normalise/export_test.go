package normalise

import (
	"math/bits"

	"github.com/gvc-brussels/anpr/schemas"
)

// The functions below show tests the series that fit a plate; the program asks only whether any does.

// String returns the name of the series. Example: BE_STD
func (s Series) String() string {
	if s >= seriesEnd {
		return "invalid"
	}
	return syntaxes[s].name
}

// Syntaxes returns the series whose syntax the plate has, in the order of the constants. A boundary counts for nothing.
func Syntaxes(p schemas.Plate) []Series { return AppendSeries(nil, p) }

// AppendSeries is Syntaxes into the caller's memory; it does not allocate when dst has room.
func AppendSeries(dst []Series, p schemas.Plate) []Series {
	set := seriesOf(p)
	for word := range set {
		for bit := set[word]; bit != 0; bit &= bit - 1 {
			dst = append(dst, Series(64*word+bits.TrailingZeros64(bit)))
		}
	}
	return dst
}

// HasShapeOf reports whether the plate has the syntax of a series of the country, personal series excepted, and
// whether any series of that country is known. It reports support for a country, never the country itself.
func HasShapeOf(p schemas.Plate, c schemas.Country) (fits, known bool) {
	return seriesOf(p).hasCountry(c), seriesByCountry[c].hasAny()
}

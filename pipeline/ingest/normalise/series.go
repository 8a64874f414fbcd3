package normalise

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// syntaxes defines the series. pattern: alternatives separated by spaces; A is any letter, 9 any digit, [..] a set
// with ranges; a repeat {n} or {m,n} or ? may follow. A pattern stands for the strings it spells out, nothing
// more. SeriesBEVanity has no pattern, because a vanity plate must not be all digits: see seriesOf.
var syntaxes = [seriesEnd]struct{ name, country, pattern string }{
	SeriesBEStandard:  {"BE_STD", "BE", "[1-7]A{3}9{3}"},
	SeriesBEReversed:  {"BE_REV", "BE", "[1-9]9{3}A{3}"},
	SeriesBEIntl:      {"BE_INTL", "BE", "[89]A{3}9{3}"},
	SeriesBELetter:    {"BE_LETTER", "BE", "[GMOQSTUWYZ]A{3}9{3}"},
	SeriesBETemp:      {"BE_TEMP", "BE", "[WXYZ]A9{2}A{3}"},
	SeriesBE1973:      {"BE_1973", "BE", "A{3}9{3}"},
	SeriesBE2008:      {"BE_2008", "BE", "9{3}A{3}"},
	SeriesBE1953:      {"BE_1953", "BE", "[B-HJ-NR-Z]9{4} 9[B-HJ-NR-Z]9{3} 9{2}[B-HJ-NR-Z]9{2} 9{3}[B-HJ-NPR-Z]9 9{4}[B-HJ-NPR-Z]"},
	SeriesBE1962:      {"BE_1962", "BE", "[A-HJ-NPR-Z]{2}9{3} 9[A-HJ-NPR-Z]{2}9{2} 9{2}[A-HJ-NPR-Z]{2}9 9{3}[A-HJ-NPR-Z]{2} [A-HJ-NPR-Z]9{3}[A-HJ-NPR-Z]"},
	SeriesBECD:        {"BE_CD", "BE", "[C][D]A{2}9{3} [C][D]9{1,4}"},
	SeriesBEOfficial:  {"BE_OFFIC", "BE", "[APE]9{1,3}"},
	SeriesBEAllied:    {"BE_AFI", "BE", "[B]?[A][F][I]9{2,4}"},
	SeriesBEArmy:      {"BE_ARMY", "BE", "9{5}"},
	SeriesBERoyal:     {"BE_ROYAL", "BE", "9{1,2}"},
	SeriesBEVanity:    {"BE_VANITY", "BE", ""},
	SeriesNL:          {"NL_1_14", "NL", "A{2}9{4} 9{4}A{2} 9{2}A{2}9{2} A{2}9{2}A{2} A{4}9{2} 9{2}A{4} 9{2}A{3}9 9A{3}9{2} A{2}9{3}A A9{3}A{2} A{3}9{2}A A9{2}A{3} 9A{2}9{3} 9{3}A{2}9"},
	SeriesNLSpecial:   {"NL_SPEC", "NL", "[C][D][J]?9{1,4} [A][A]9{1,3}"},
	SeriesFRSIV:       {"FR_SIV", "FR", "[A-HJ-NP-TV-Z]{2}9{3}[A-HJ-NP-TV-Z]{2}"},
	SeriesFRFNI:       {"FR_FNI", "FR", "9{1,4}A{1,3}9{2} 9{1,4}A{1,3}[2][AB] 9{1,4}A{1,3}[9][7]9"},
	SeriesFRTrade:     {"FR_W", "FR", "[W]9{3}A{2} 9{1,4}[W]{1,3}9{2}"},
	SeriesFRCD:        {"FR_CD", "FR", "9{1,3}[C]9{1,4} 9{1,3}[C][D]9{1,4} 9{1,3}[C][M][D]9{1,3} 9{1,3}[K]9{1,4} [EU]9{1,3}[CK]9{1,4}"},
	SeriesFRArmy:      {"FR_ARMY", "FR", "9{8}"},
	SeriesDE:          {"DE", "DE", "A{2,5}9{1,4}[EH]?"},
	SeriesDEAuthority: {"DE_AUTH", "DE", "A{1,3}9{1,6}"},
	SeriesDERed:       {"DE_RED", "DE", "A{1,3}[0][34567]9{1,4}"},
	SeriesDEExport:    {"DE_EXPORT", "DE", "A{1,3}9{1,4}A"},
	SeriesDECD:        {"DE_CD", "DE", "[0]9{2,7}"},
	SeriesLU:          {"LU_NEW", "LU", "A{2}9{4}"},
	SeriesLUOld:       {"LU_OLD", "LU", "9{4,5}"},
	SeriesUK:          {"UK_CUR", "GB", "A{2}9{2}A{3}"},
	SeriesUKPrefix:    {"UK_PREFIX", "GB", "A9{1,3}A{3}"},
	SeriesUKSuffix:    {"UK_SUFFIX", "GB", "A{3}9{1,3}A"},
	SeriesUKNI:        {"UK_NI", "GB", "A{1,3}9{1,4}"},
	SeriesUKDateless:  {"UK_DATELESS", "GB", "9{1,4}A{1,3}"},
	SeriesUKTrade:     {"UK_TRADE", "GB", "9{5}"},
	SeriesUKCD:        {"UK_CD", "GB", "9{3}[DX]9{3}"},
	SeriesPL: {"PL", "PL", "A{2}9{5} A{2}9{4}A A{2}9{3}A{2} A{2}9A9{3} A{2}9A{2}9{2} A{4}9{3} A{3}9{2}A{2} A{3}9A9{2} A{3}9{2}A9 A{3}9A{2}9 A{5}9{2} A{3}9{5} " +
		"A{3}9{4}A A{3}9{3}A{2}"},
	SeriesRO:         {"RO", "RO", "A{2}9{2}A{3} [B]9{2,3}A{3}"},
	SeriesES:         {"ES", "ES", "9{4}[BCDFGHJ-NPR-TV-Z]{3}"},
	SeriesESSpecial:  {"ES_SPEC", "ES", "[CEHPRSTV]9{4}[BCDFGHJ-NPR-TV-Z]{3}"},
	SeriesESProvince: {"ES_PROV", "ES", "A{1,2}9{4}A{1,2} A{1,2}9{1,6}"},
	SeriesIT:         {"IT", "IT", "[A-HJ-NPR-TV-Z]{2}9{3}[A-HJ-NPR-TV-Z]{2}"},
	SeriesITOld:      {"IT_OLD", "IT", "A{2}9{5,6} A{2}9{5}A A{3}9{5} A{2}9A9{4} [R][O][M][A]9{5} [R][O][M][A]9A9{3}"},
	SeriesITForce:    {"IT_FORCE", "IT", "[C][C]A{2}9{3} [E][I]A{2}9{3}"},
	SeriesUA:         {"UA", "UA", "A{2}9{4}A{2} 9{5}A{2} A9{5}A{2} [DCS]9{6}"},
	SeriesBG:         {"BG", "BG", "A{1,2}9{4}A{1,2} [C][T]?9{4}"},
	SeriesRU: {"RU", "RU", "[ABEKMHOPCTYX]9{3}[ABEKMHOPCTYX]{2}9{2,3} [ABEKMHOPCTYX]{2}9{6,7} [ABEKMHOPCTYX]{2}9{5} [ABEKMHOPCTYX]9{6} " +
		"9{4}[ABEKMHOPCTYX]{2}9{2,3} 9{3}[CDT]9{3}9{2} 9{3}[C][D]9{1,3}9{2}"},
	SeriesBY: {"BY", "BY", "9{4}A{2}9 A{2}9{5} [E]9{3}A{2}9 9A{3}9{4}"},
	SeriesTR: {"TR", "TR", "9{2}A9{4,5} 9{2}A{2}9{3,4} 9{2}A{3}9{2,3}"},
	SeriesCH: {"CH", "CH", "A{2}9{1,6}[UV]?"},
	SeriesAT: {"AT", "AT", "A{1,2}9{1,5}A{1,3} A{3,6}9{1,4}"},
	SeriesCZ: {"CZ", "CZ", "9A9{5} 9A{2}9{4} A{2,3}9{4} [E][L]9{3}A{2} [E][L]A9{2}A{2}"},
	SeriesIE: {"IE", "IE", "9{2,3}A{1,2}9{1,5} A{2,3}9{1,4} 9{1,4}A{2,3}"},
	SeriesHR: {"HR", "HR", "A{2}9{3,4}A{1,2} A{2}A{4,6} 9{3}A9{3}"},
	SeriesSK: {"SK", "SK", "A{2}9{3}A{2} A{3}9{2}A{2}"},
	SeriesHU: {"HU", "HU", "A{3}9{3} A{4}9{3}"},
	SeriesSI: {"SI", "SI", "A{2}9{2}A{3} A{2}A9{3} A{2}A{2}9{3} A{2}9{3}A{2} A{2}9{3}A A{2}A9{2}A"},
	SeriesRS: {"RS", "RS", "A{2}9{3,5}A{2}"},
	SeriesBA: {"BA", "BA", "A9{2}A9{3} 9{3}A9{3}"},
	SeriesMK: {"MK", "MK", "A{2}9{4}A{2}"},
	SeriesMD: {"MD", "MD", "A{3}9{3} A{1,2}A{2}9{1,3}"},
	SeriesPT: {"PT", "PT", "A{2}9{4} 9{4}A{2} 9{2}A{2}9{2} A{2}9{2}A{2}"},
	SeriesDK: {"DK", "DK", "A{2}9{5} A{2}9{4}"},
	SeriesSE: {"SE", "SE", "A{3}9{2}[0-9A-Z]"},
	SeriesNO: {"NO", "NO", "A{2}9{4,5}"},
	SeriesFI: {"FI", "FI", "A{2,3}9{1,3} [C][D]9{1,4} [C]9{1,5}"},
	SeriesGR: {"GR", "GR", "A{3}9{4} A{2}9{4}"},
	SeriesLT: {"LT", "LT", "A{3}9{3} [E][A]9{4} [E]A9{4} [T]9{5}"},
	SeriesLV: {"LV", "LV", "A{2}9{1,4}"},
	SeriesEE: {"EE", "EE", "9{2,3}A{3}"},
	SeriesMA: {"MA", "MA", "9{1,5}[ABDEHTWY]9{1,2}"},
	SeriesLI: {"LI", "LI", "[F][L]9{1,6}"},
	SeriesMC: {"MC", "MC", "9{4} A9{3} 9{3}A"},
}

// countryTexts maps the texts beside a plate to their country, for countries with series: the sign, the codes of two
// and three letters, and older signs.
var countryTexts = func() map[string]schemas.Country {
	m := map[string]schemas.Country{}
	for iso, texts := range map[string]string{
		"BE": "B BE BEL", "NL": "NL NLD", "FR": "F FR FRA", "DE": "D DE DEU GER", "LU": "L LU LUX", "GB": "GB UK GBR", "PL": "PL POL", "RO": "RO ROU ROM R",
		"ES": "E ES ESP", "IT": "I IT ITA", "UA": "UA UKR", "BG": "BG BGR", "RU": "RUS RU", "BY": "BY BLR", "TR": "TR TUR", "CH": "CH CHE SUI", "AT": "A AT AUT",
		"CZ": "CZ CZE", "IE": "IRL IE", "HR": "HR HRV", "SK": "SK SVK", "HU": "H HU HUN", "SI": "SLO SI SVN", "RS": "SRB RS", "BA": "BIH BA", "MK": "NMK MK MKD",
		"MD": "MD MDA", "PT": "P PT PRT", "DK": "DK DNK", "SE": "S SE SWE", "NO": "N NO NOR", "FI": "FIN FI", "GR": "GR GRC EL", "LT": "LT LTU", "LV": "LV LVA",
		"EE": "EST EE", "MA": "MA MAR", "LI": "FL LI LIE", "MC": "MC MCO",
	} {
		c, _ := schemas.CountryFrom(iso)
		for text := range strings.FieldsSeq(texts) {
			m[text] = c
		}
	}
	return m
}()

// countryOf returns the country of a text beside a plate, zero for any other text.
func countryOf(text []byte) schemas.Country {
	if len(text) > 3 {
		return schemas.Country{}
	}
	return countryTexts[string(text)]
}

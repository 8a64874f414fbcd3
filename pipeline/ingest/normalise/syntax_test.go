package normalise

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// domain holds the series as hand-written regular expressions, the oracle for the compiled patterns, and a plate
// of each.
var domain = [seriesEnd]struct{ regex, example string }{
	SeriesBEStandard: {`^[1-7][A-Z]{3}\d{3}$`, "1ABC123"},
	SeriesBEReversed: {`^[1-9]\d{3}[A-Z]{3}$`, "9123ABC"},
	SeriesBEIntl:     {`^[89][A-Z]{3}\d{3}$`, "8ABC123"},
	SeriesBELetter:   {`^[GMOQSTUWYZ][A-Z]{3}\d{3}$`, "OABC123"},
	SeriesBETemp:     {`^[WXYZ][A-Z]\d{2}[A-Z]{3}$`, "WX16ABC"},
	SeriesBE1973:     {`^[A-Z]{3}\d{3}$`, "ABC123"},
	SeriesBE2008:     {`^\d{3}[A-Z]{3}$`, "123ABC"},
	SeriesBE1953:     {`^([B-HJ-NR-Z]\d{4}|\d[B-HJ-NR-Z]\d{3}|\d{2}[B-HJ-NR-Z]\d{2}|\d{3}[B-HJ-NPR-Z]\d|\d{4}[B-HJ-NPR-Z])$`, "11X11"},
	SeriesBE1962:     {`^([A-HJ-NPR-Z]{2}\d{3}|\d[A-HJ-NPR-Z]{2}\d{2}|\d{2}[A-HJ-NPR-Z]{2}\d|\d{3}[A-HJ-NPR-Z]{2}|[A-HJ-NPR-Z]\d{3}[A-HJ-NPR-Z])$`, "X111X"},
	SeriesBECD:       {`^CD([A-Z]{2}\d{3}|\d{1,4})$`, "CD1234"},
	SeriesBEOfficial: {`^[APE]\d{1,3}$`, "P114"},
	SeriesBEAllied:   {`^B?AFI\d{2,4}$`, "BAFI123"},
	SeriesBEArmy:     {`^\d{5}$`, "12345"},
	SeriesBERoyal:    {`^\d{1,2}$`, "7"},
	SeriesBEVanity:   {`^\d*[A-Z][A-Z0-9]*$`, "BOSS"}, // (?=.*[A-Z]) is not RE2; the bound of 8 is checked apart
	SeriesNL: {`^([A-Z]{2}\d{4}|\d{4}[A-Z]{2}|\d{2}[A-Z]{2}\d{2}|[A-Z]{2}\d{2}[A-Z]{2}|[A-Z]{4}\d{2}|\d{2}[A-Z]{4}|\d{2}[A-Z]{3}\d|` +
		`\d[A-Z]{3}\d{2}|[A-Z]{2}\d{3}[A-Z]|[A-Z]\d{3}[A-Z]{2}|[A-Z]{3}\d{2}[A-Z]|[A-Z]\d{2}[A-Z]{3}|\d[A-Z]{2}\d{3}|\d{3}[A-Z]{2}\d)$`, "46HVR9"},
	SeriesNLSpecial:   {`^(CDJ?\d{1,4}|AA\d{1,3})$`, "CDJ123"},
	SeriesFRSIV:       {`^[A-HJ-NP-TV-Z]{2}\d{3}[A-HJ-NP-TV-Z]{2}$`, "AB123CD"},
	SeriesFRFNI:       {`^\d{1,4}[A-Z]{1,3}(\d{2}|2[AB]|97\d)$`, "123ABC75"},
	SeriesFRTrade:     {`^(W\d{3}[A-Z]{2}|\d{1,4}W{1,3}\d{2})$`, "W123AB"},
	SeriesFRCD:        {`^(\d{1,3}(C|CD|K)\d{1,4}|\d{1,3}CMD\d{1,3}|[EU]\d{1,3}[CK]\d{1,4})$`, "123CD45"},
	SeriesFRArmy:      {`^\d{8}$`, "61234567"},
	SeriesDE:          {`^[A-Z\x{c4}\x{d6}\x{dc}]{1,3}[A-Z]{1,2}\d{1,4}[EH]?$`, "T\u00d6LBA218"},
	SeriesDEAuthority: {`^[A-Z]{1,3}\d{1,6}$`, "THW80123"},
	SeriesDERed:       {`^[A-Z]{1,3}0[3-7]\d{1,4}$`, "B061234"},
	SeriesDEExport:    {`^[A-Z]{1,3}\d{1,4}[A-Z]$`, "HH123A"},
	SeriesDECD:        {`^0\d{2,7}$`, "017123"},
	SeriesLU:          {`^[A-Z]{2}\d{4}$`, "AB1234"},
	SeriesLUOld:       {`^\d{4,5}$`, "12345"},
	SeriesUK:          {`^[A-Z]{2}\d{2}[A-Z]{3}$`, "AB12CDE"},
	SeriesUKPrefix:    {`^[A-Z]\d{1,3}[A-Z]{3}$`, "A123BCD"},
	SeriesUKSuffix:    {`^[A-Z]{3}\d{1,3}[A-Z]$`, "ABC123A"},
	SeriesUKNI:        {`^[A-Z]{1,3}\d{1,4}$`, "AIA1234"},
	SeriesUKDateless:  {`^\d{1,4}[A-Z]{1,3}$`, "123AB"},
	SeriesUKTrade:     {`^\d{5}$`, "12345"},
	SeriesUKCD:        {`^\d{3}[DX]\d{3}$`, "123D456"},
	SeriesPL: {`^([A-Z]{2}(\d{5}|\d{4}[A-Z]|\d{3}[A-Z]{2}|\d[A-Z]\d{3}|\d[A-Z]{2}\d{2})|[A-Z]{3}([A-Z]\d{3}|\d{2}[A-Z]{2}|\d[A-Z]\d{2}|` +
		`\d{2}[A-Z]\d|\d[A-Z]{2}\d|[A-Z]{2}\d{2}|\d{5}|\d{4}[A-Z]|\d{3}[A-Z]{2}))$`, "WX12345"},
	SeriesRO:         {`^([A-Z]{2}\d{2}|B\d{2,3})[A-Z]{3}$`, "B123ABC"},
	SeriesES:         {`^\d{4}[BCDFGHJ-NPR-TV-Z]{3}$`, "1234BCD"},
	SeriesESSpecial:  {`^[CEHPRSTV]\d{4}[BCDFGHJ-NPR-TV-Z]{3}$`, "P1234BCD"},
	SeriesESProvince: {`^[A-Z]{1,2}(\d{4}[A-Z]{1,2}|\d{1,6})$`, "M1234AB"},
	SeriesIT:         {`^[A-HJ-NPR-TV-Z]{2}\d{3}[A-HJ-NPR-TV-Z]{2}$`, "AB123CD"},
	SeriesITOld:      {`^([A-Z]{2}(\d{5,6}|\d{5}[A-Z]|[A-Z]\d{5}|\d[A-Z]\d{4})|ROMA(\d{5}|\d[A-Z]\d{3}))$`, "MI123456"},
	SeriesITForce:    {`^(CC|EI)[A-Z]{2}\d{3}$`, "EIAB123"},
	SeriesUA:         {`^([A-Z]{2}\d{4}[A-Z]{2}|\d{5}[A-Z]{2}|[A-Z]\d{5}[A-Z]{2}|[DCS]\d{6})$`, "AI1234IK"},
	SeriesBG:         {`^([A-Z]{1,2}\d{4}[A-Z]{1,2}|CT?\d{4})$`, "CA1234AB"},
	SeriesRU:         {`^([ABEKMHOPCTYX](\d{3}[ABEKMHOPCTYX]{2}\d{2,3}|\d{6})|[ABEKMHOPCTYX]{2}\d{5,7}|\d{4}[ABEKMHOPCTYX]{2}\d{2,3}|\d{3}[CDT]\d{5}|\d{3}CD\d{3,5})$`, "A123BC77"},
	SeriesBY:         {`^(\d{4}[A-Z]{2}\d|[A-Z]{2}\d{5}|E\d{3}[A-Z]{2}\d|\d[A-Z]{3}\d{4})$`, "1234AB7"},
	SeriesTR:         {`^\d{2}([A-Z]\d{4,5}|[A-Z]{2}\d{3,4}|[A-Z]{3}\d{2,3})$`, "34AB1234"},
	SeriesCH:         {`^[A-Z]{2}\d{1,6}[UV]?$`, "ZH123456"},
	SeriesAT:         {`^([A-Z]{1,2}\d{1,5}[A-Z]{1,3}|[A-Z]{3,6}\d{1,4})$`, "W12345A"},
	SeriesCZ:         {`^(\d[A-Z]\d{5}|\d[A-Z]{2}\d{4}|[A-Z]{2,3}\d{4}|EL\d{3}[A-Z]{2}|EL[A-Z]\d{2}[A-Z]{2})$`, "1A23456"},
	SeriesIE:         {`^(\d{2,3}[A-Z]{1,2}\d{1,5}|[A-Z]{2,3}\d{1,4}|\d{1,4}[A-Z]{2,3})$`, "131D1234"},
	SeriesHR:         {`^([A-Z]{2}\d{3,4}[A-Z]{1,2}|[A-Z]{6,8}|\d{3}[A-Z]\d{3})$`, "ZG1234AB"},
	SeriesSK:         {`^([A-Z]{2}\d{3}[A-Z]{2}|[A-Z]{3}\d{2}[A-Z]{2})$`, "BA123AB"},
	SeriesHU:         {`^[A-Z]{3,4}\d{3}$`, "AAAB123"},
	SeriesSI:         {`^[A-Z]{2}(\d{2}[A-Z]{3}|[A-Z]{1,2}\d{3}|\d{3}[A-Z]{1,2}|[A-Z]\d{2}[A-Z])$`, "LJ12ABC"},
	SeriesRS:         {`^[A-Z]{2}\d{3,5}[A-Z]{2}$`, "BG123AB"},
	SeriesBA:         {`^([A-Z]\d{2}[A-Z]\d{3}|\d{3}[A-Z]\d{3})$`, "A12B345"},
	SeriesMK:         {`^[A-Z]{2}\d{4}[A-Z]{2}$`, "SK1234AB"},
	SeriesMD:         {`^[A-Z]{3,4}\d{1,3}$`, "ABC123"},
	SeriesPT:         {`^([A-Z]{2}\d{4}|\d{4}[A-Z]{2}|\d{2}[A-Z]{2}\d{2}|[A-Z]{2}\d{2}[A-Z]{2})$`, "AA01AA"},
	SeriesDK:         {`^[A-Z]{2}\d{4,5}$`, "AB12345"},
	SeriesSE:         {`^[A-Z]{3}\d{2}[A-Z0-9]$`, "ABC12D"},
	SeriesNO:         {`^[A-Z]{2}\d{4,5}$`, "AB12345"},
	SeriesFI:         {`^([A-Z]{2,3}\d{1,3}|CD\d{1,4}|C\d{1,5})$`, "ABC123"},
	SeriesGR:         {`^[A-Z]{2,3}\d{4}$`, "ABC1234"},
	SeriesLT:         {`^([A-Z]{3}\d{3}|E[A-Z]\d{4}|T\d{5})$`, "ABC123"},
	SeriesLV:         {`^[A-Z]{2}\d{1,4}$`, "AB1234"},
	SeriesEE:         {`^\d{2,3}[A-Z]{3}$`, "123ABC"},
	SeriesMA:         {`^\d{1,5}[ABDEHTWY]\d{1,2}$`, "12345A6"},
	SeriesLI:         {`^FL\d{1,6}$`, "FL12345"},
	SeriesMC:         {`^(\d{4}|[A-Z]\d{3}|\d{3}[A-Z])$`, "A123"},
}

func TestEverySeriesMatchesItsExample(t *testing.T) {
	for s := range seriesEnd {
		p, rej := Plate(domain[s].example)
		if rej != nil {
			t.Fatalf("%s: %v", s, rej)
		}
		if got := Syntaxes(p); !slices.Contains(got, s) {
			t.Errorf("%s: %s has syntaxes %v", s, p, got)
		}
		if s.String() == "" || s.Country().IsZero() {
			t.Errorf("series %d has name %q and country %q", s, s, s.Country())
		}
	}
}

// mix is a random plate. Half the plates follow a random pattern of a series, so that matches are frequent.
func mix(rng *rand.Rand) schemas.Plate {
	b := make([]byte, 1+rng.IntN(11))
	if rng.IntN(2) == 0 {
		m := matchers[1+rng.IntN(maxTemplate)]
		if len(m.series) == 0 {
			return schemas.MustPlate("1")
		}
		b = b[:0]
		bit := rng.IntN(len(m.series))
		for i := range maxTemplate {
			var ok []byte
			for _, c := range []byte(alphabet) {
				if m.at[i][symbol[c]][bit/64]&(1<<(bit%64)) != 0 {
					ok = append(ok, c)
				}
			}
			if ok == nil {
				break
			}
			b = append(b, ok[rng.IntN(len(ok))])
		}
		if rng.IntN(2) == 0 {
			b[rng.IntN(len(b))] = alphabet[rng.IntN(len(alphabet))]
		}
	} else {
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
	}
	return schemas.MustPlate(string(b))
}

func TestSyntaxesAgreeWithTheRegularExpressions(t *testing.T) {
	var regexes [seriesEnd]*regexp.Regexp
	for s := range seriesEnd {
		regexes[s] = regexp.MustCompile(domain[s].regex)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	matched := 0
	for range 60_000 {
		p := mix(rng)
		var want []Series
		for s := range seriesEnd {
			if regexes[s].MatchString(p.String()) && (s != SeriesBEVanity || p.Len() <= 8) {
				want = append(want, s)
			}
		}
		if got := Syntaxes(p); !slices.Equal(got, want) {
			t.Fatalf("%s: got %v, want %v", p, got, want)
		}
		if len(want) > 0 {
			matched++
		}
	}
	if matched < 20_000 {
		t.Errorf("only %d of 60000 plates matched: the test has become weak", matched)
	}
}

func TestAmbiguousShapesFitSeveralCountries(t *testing.T) {
	f := func(plate string, want ...Series) {
		t.Helper()
		got := Syntaxes(schemas.MustPlate(plate))
		for _, s := range want {
			if !slices.Contains(got, s) {
				t.Errorf("%s: got %v, want %v among them", plate, got, want)
			}
		}
	}
	f("AB123CD", SeriesFRSIV, SeriesIT)
	f("1234BCD", SeriesBEReversed, SeriesES)
	f("AB1234", SeriesLU, SeriesNL)
	f("WX16ABC", SeriesBETemp, SeriesUK, SeriesRO)
}

func TestLettersThatASeriesDoesNotUseDoNotFit(t *testing.T) {
	f := func(plate string, not Series) {
		t.Helper()
		if got := Syntaxes(schemas.MustPlate(plate)); slices.Contains(got, not) {
			t.Errorf("%s: got %v, want no %s", plate, got, not)
		}
	}
	f("AI123CD", SeriesFRSIV)
	f("AQ123CD", SeriesIT)
	f("1234BCA", SeriesES)
	f("8ABC123", SeriesBEStandard)
	f("0ABC123", SeriesBEStandard)
	f("1234", SeriesBEVanity)
	f("ABCDEFGHI", SeriesBEVanity)
}

func TestAppendSeriesDoesNotAllocate(t *testing.T) {
	p := schemas.MustPlate("AB123CD")
	buf := make([]Series, 0, seriesEnd)
	if n := testing.AllocsPerRun(100, func() { _ = AppendSeries(buf, p) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestABrokenPatternPanics(t *testing.T) {
	for _, pattern := range []string{"B", "[A", "A{", "A{3,2}", "A{x}", "[a]"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: expanded", pattern)
				}
			}()
			expandPattern(pattern)
		}()
	}
}

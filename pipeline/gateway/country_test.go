package gateway

import (
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// Every text that cameras, signs, registers and sports write for a European country gives that country.
func TestCountryTextsGiveTheCountryTheyStandFor(t *testing.T) {
	for iso, texts := range map[string]string{
		"AT": "A AT AUT", "BE": "B BE BEL be eu-be EU_BE", "BG": "BG BGR BUL", "CH": "CH CHE SUI", "CY": "CY CYP", "CZ": "CZ CZE", "DE": "D DE DEU GER", "DK": "DK DNK DEN",
		"EE": "EST EE", "ES": "E ES ESP", "FI": "FIN FI", "FR": "F FR FRA", "GB": "GB UK GBR", "GR": "GR GRC EL GRE", "HR": "HR HRV CRO", "HU": "H HU HUN", "IE": "IRL IE",
		"IT": "I IT ITA", "LI": "FL LI LIE", "LT": "LT LTU", "LU": "L LU LUX", "LV": "LV LVA LAT", "MT": "M MT MLT", "NL": "NL NLD NED", "NO": "N NO NOR", "PL": "PL POL",
		"PT": "P PT PRT POR", "RO": "RO ROU ROM R", "SE": "S SE SWE", "SI": "SLO SI SVN", "SK": "SK SVK", "AL": "AL ALB", "AD": "AND AD", "BA": "BIH BA", "BY": "BY BLR",
		"GI": "GBZ GI GIB", "GG": "GBG GBA GG", "IM": "GBM IM", "JE": "GBJ JE", "XK": "KS RKS XK XKX KOS", "MC": "MC MCO", "MD": "MD MDA", "ME": "MNE ME", "MK": "NMK MK MKD",
		"RS": "SRB RS YU YUG SCG", "RU": "RUS RU", "SM": "RSM SM SMR", "TR": "TR TUR", "UA": "UA UKR", "VA": "V VA VAT SCV", "IS": "IS ISL", "FO": "FO FRO", "GE": "GE GEO",
		"MA": "MA MAR", "EG": "ET EG EGY", "ET": "ETH", "JP": "J JP JPN", "TH": "T TH THA", "KR": "ROK KR KOR", "LB": "RL LB LBN", "TN": "TN TUN", "DZ": "DZ DZA", "US": "USA US",
	} {
		for text := range strings.FieldsSeq(texts) {
			for _, s := range []string{text, strings.ToLower(text), " " + text + " "} {
				if got := isoCountry(s); got != iso {
					t.Errorf("%q: %q, want %s", s, got, iso)
				}
			}
		}
	}
	for _, text := range []string{"", "EU", "CS", "SU", "AN", "X", "XX", "ZZ", "UNK", "12", "unknown", "other", "-", "EUR"} {
		if got := isoCountry(text); got != "" {
			t.Errorf("%q: %q, want none", text, got)
		}
	}
}

// Any text gives either an existing country or none.
func TestACountryIsAlwaysOneInForce(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, a := range letters {
		for _, b := range letters {
			for _, c := range " " + letters {
				text := strings.TrimSpace(string([]rune{a, b, c}))
				iso := isoCountry(text)
				if iso == "" || iso == "XK" {
					continue
				}
				if r, err := language.ParseRegion(iso); err != nil || !r.IsCountry() || r.Canonicalize().String() != iso {
					t.Errorf("%s gives %s", text, iso)
				}
			}
		}
	}
}

package gateway

import (
	"strings"

	"golang.org/x/text/language"
)

// signs are the distinguishing signs of vehicles in international traffic that are no ISO code of the same country.
var signs = map[string]string{
	"A": "AT", "B": "BE", "D": "DE", "E": "ES", "F": "FR", "H": "HU", "I": "IT", "L": "LU", "M": "MT", "N": "NO",
	"P": "PT", "S": "SE", "V": "VA", "UK": "GB", "FL": "LI", "FIN": "FI", "EST": "EE", "IRL": "IE", "SLO": "SI",
	"SRB": "RS", "MNE": "ME", "BIH": "BA", "NMK": "MK", "RKS": "XK", "RSM": "SM", "AND": "AD", "RUS": "RU",
}

// isoCountry gives the ISO 3166-1 alpha-2 code of an ISO code of two or three letters, a vehicle sign, or a region that
// begins with one (us-ca, eu-at); otherwise "".
func isoCountry(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if head, tail, ok := strings.Cut(strings.ReplaceAll(s, "_", "-"), "-"); ok {
		s = head
		if head == "EU" {
			s = tail
		}
	}
	if strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || s == "EU" {
		return ""
	}
	if iso, ok := signs[s]; ok {
		return iso
	}
	if len(s) != 2 && len(s) != 3 {
		return ""
	}
	r, err := language.ParseRegion(s)
	if err != nil || !r.IsCountry() {
		return ""
	}
	if iso := r.Canonicalize().String(); len(iso) == 2 {
		return iso
	}
	return ""
}

// usStates are the two letters that OpenALPR means by a bare region, several of which are countries elsewhere.
const usStates = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR" +
	" PA RI SC SD TN TX UT VT VA WA WV WI WY DC "

// openalprCountry reads best_region: eu-at is Austria; of a bare region only what cannot be a US state is believed,
// unless the agent says it reads European plates.
func openalprCountry(region, scope string) string {
	bare := strings.ToUpper(strings.TrimSpace(region))
	if len(bare) == 2 && strings.Contains(usStates, " "+bare+" ") && !strings.EqualFold(scope, "eu") {
		return ""
	}
	return isoCountry(region)
}

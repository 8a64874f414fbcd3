package office

import (
	"io"
	"strings"
)

// offenceLabels has an offence's labels by language. Codes for rule, status and reason stay the same in every language,
// because people filter by code.
var offenceLabels = map[string]map[string]string{
	"en": {
		"offence": "offence", "rule": "rule", "of": "of", "status": "status", "captured": "captured", "camera": "camera", "site": "site", "zone": "zone",
		"plate": "plate", "measured": "measured", "corrected": "corrected", "limit": "limit", "amount": "amount", "basis": "legal basis", "verified": "verified",
		"true": "yes", "false": "no", "versions": "versions", "catalogue": "catalogue", "reference": "reference data", "seal": "seal",
	},
	"nl": {
		"offence": "overtreding", "rule": "regel", "of": "van", "status": "toestand", "captured": "opname", "camera": "camera", "site": "site", "zone": "zone",
		"plate": "nummerplaat", "measured": "gemeten", "corrected": "gecorrigeerd", "limit": "snelheidsbeperking", "amount": "bedrag", "basis": "rechtsgrond", "verified": "geverifieerd",
		"true": "ja", "false": "nee", "versions": "versies", "catalogue": "catalogus", "reference": "referentiegegevens", "seal": "zegel",
	},
	"fr": {
		"offence": "infraction", "rule": "règle", "of": "de", "status": "état", "captured": "prise de vue", "camera": "caméra", "site": "site", "zone": "zone",
		"plate": "plaque", "measured": "mesurée", "corrected": "corrigée", "limit": "limitation", "amount": "montant", "basis": "base légale", "verified": "vérifiée",
		"true": "oui", "false": "non", "versions": "versions", "catalogue": "catalogue", "reference": "données de référence", "seal": "sceau",
	},
}

// PrintOffence prints one offence in a language: the summary first, then the fields, then the explanation. Speed fields
// appear only for a measured speed. Without an explanation the trace's codes are printed.
func PrintOffence(w io.Writer, a *OffenceAnswer, lang string) error {
	l, ok := offenceLabels[lang]
	if !ok {
		lang, l = "en", offenceLabels["en"]
	}
	number := func(s string) string {
		if lang == "en" {
			return s
		}
		return strings.ReplaceAll(s, ".", ",")
	}
	o, t := &a.Offence, newTable(w)
	for _, line := range a.Summary {
		t.row(line)
	}
	if len(a.Summary) > 0 {
		t.row()
	}
	row := func(label, value string) { t.row(l[label], value) }
	row("offence", o.OffenceID.String())
	row("rule", o.Rule+" "+l["of"]+" "+o.RuleVersion)
	row("status", o.Status+" "+o.Reason)
	row("captured", clock(o.CapturedAt))
	row("camera", o.Camera+" "+l["site"]+" "+o.Site+" "+l["zone"]+" "+o.Zone)
	row("plate", o.Plate+" "+o.Country)
	if o.Limit != 0 {
		row("measured", number(tenths(o.Measured))+" km/h")
		row("corrected", number(tenths(o.Corrected))+" km/h")
		row("limit", number(tenths(o.Limit))+" km/h")
	}
	if o.Amount != 0 { // 0 = no known amount
		row("amount", number(cents(o.Amount))+" EUR")
	}
	row("basis", o.LegalBasis)
	row("verified", l[map[bool]string{true: "true", false: "false"}[o.Verified]])
	row("versions", l["catalogue"]+" "+o.Catalogue+", "+l["reference"]+" "+o.Reference)
	row("seal", o.Seal.String())
	for _, line := range a.Explanation {
		t.note("  %s", printable(line))
	}
	if len(a.Explanation) == 0 {
		for i := range a.Trace {
			t.note("  %s", printable(stepText(&a.Trace[i])))
		}
	}
	return t.end(a.Scope, 1, "")
}

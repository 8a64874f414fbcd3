package office

import (
	"io"
	"strings"
)

// offenceLabels has an offence's labels by language. Codes for rule, status and reason stay the same in every language,
// because people filter by code.
var offenceLabels = map[string]map[string]string{
	"en": {
		"offence": "offence", "rule": "rule", "of": "of", "status": "status", "captured": "captured", "camera": "camera", "site": "site", "zone": "zone", "street": "street",
		"plate": "plate", "measured": "measured", "corrected": "corrected", "limit": "limit", "amount": "amount", "basis": "legal basis", "verified": "verified",
		"true": "yes", "false": "no", "versions": "versions", "catalogue": "catalogue", "reference": "reference data", "seal": "seal",
	},
	"nl": {
		"offence": "overtreding", "rule": "regel", "of": "van", "status": "toestand", "captured": "opname", "camera": "camera", "site": "site", "zone": "zone", "street": "straat",
		"plate": "nummerplaat", "measured": "gemeten", "corrected": "gecorrigeerd", "limit": "snelheidsbeperking", "amount": "bedrag", "basis": "rechtsgrond", "verified": "geverifieerd",
		"true": "ja", "false": "nee", "versions": "versies", "catalogue": "catalogus", "reference": "referentiegegevens", "seal": "zegel",
	},
	"fr": {
		"offence": "infraction", "rule": "règle", "of": "de", "status": "état", "captured": "prise de vue", "camera": "caméra", "site": "site", "zone": "zone", "street": "rue",
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
		t.addRow(line)
	}
	if len(a.Summary) > 0 {
		t.addRow()
	}
	row := func(label, value string) { t.addRow(l[label], value) }
	row("offence", o.OffenceID.String())
	row("rule", o.Rule+" "+l["of"]+" "+o.RuleVersion)
	row("status", o.Status+" "+o.Reason)
	row("captured", formatTime(o.CapturedAt))
	row("camera", o.Camera+" "+l["site"]+" "+o.Site+" "+l["zone"]+" "+o.Zone)
	if street := streetText(a.Street, lang); street != "" {
		row("street", street)
	}
	row("plate", o.Plate+" "+o.Country)
	if o.Limit != 0 {
		row("measured", number(formatTenths(o.Measured))+" km/h")
		row("corrected", number(formatTenths(o.Corrected))+" km/h")
		row("limit", number(formatTenths(o.Limit))+" km/h")
	}
	if o.Amount != 0 { // 0 = no known amount
		row("amount", number(formatCents(o.Amount))+" EUR")
	}
	row("basis", o.LegalBasis)
	row("verified", l[map[bool]string{true: "true", false: "false"}[o.Verified]])
	row("versions", l["catalogue"]+" "+o.Catalogue+", "+l["reference"]+" "+o.Reference)
	row("seal", o.Seal.String())
	for _, line := range a.Explanation {
		t.addNote("  %s", replaceUnprintable(line))
	}
	if len(a.Explanation) == 0 {
		for i := range a.Trace {
			t.addNote("  %s", replaceUnprintable(stepText(&a.Trace[i])))
		}
	}
	return t.finishTable(a.Scope, 1, "")
}

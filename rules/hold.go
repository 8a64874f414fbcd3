package rules

import "github.com/gvc-brussels/anpr/schemas"

// RenderOffence writes the first lines for a person about an offence: the outcome with the reason, the day to look
// again, and for a held offence the task. until 0 = no day is known, reason "" = it is not known. English replaces an unknown language, and the
// code replaces an unknown reason.
func RenderOffence(lang Lang, family schemas.Family, held bool, reason string, until schemas.Micros) []string {
	t := textsOf(lang)
	o := schemas.OutcomeOffence
	if held {
		o = schemas.OutcomeHeld
	}
	what := t.wordFor("outcome", o.String())
	if reason != "" {
		what = t.fillText("ui.head", what, t.Reason(reason))
	}
	out := []string{t.fillText("ui.head", t.wordFor("family", string(family)), what)}
	day := ""
	if until != 0 {
		day = until.String()
		out = append(out, t.fillText("ui.hold", day))
	}
	if info := InfoOf(family); info != nil && held && info.Todo[reason] != "" {
		out = append(out, t.fillText("todo."+info.Todo[reason], day))
	}
	return out
}

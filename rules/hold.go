package rules

import "github.com/gvc-brussels/anpr/schemas"

// RenderOffence writes what a person reads first of an offence: what it is and why, when it is to be looked at again, and, of one that is
// held, what to do. until 0 = no day is known. An unknown language is answered in English, an unknown reason by its code.
func RenderOffence(lang Lang, family schemas.Family, held bool, reason string, until schemas.Micros) []string {
	t := textsOf(lang)
	o := schemas.OutcomeOffence
	if held {
		o = schemas.OutcomeHeld
	}
	out := []string{t.fillText("ui.head", t.wordFor("family", string(family)), t.fillText("ui.head", t.wordFor("outcome", o.String()), t.Reason(reason)))}
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

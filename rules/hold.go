package rules

import "github.com/gvc-brussels/anpr/schemas"

// holdActions names, for every reason of a hold, the message todo.NAME that says what a person does about it. rules/README.md has the same
// as a table.
var holdActions = map[string]string{
	reasonPassPossible: "pass",

	reasonForeign: "grace", reasonForeignPolluting: "grace",

	reasonVehicleUnknown: "vehicle", reasonVehicleIncomplete: "vehicle", reasonEuroUnknown: "vehicle", reasonEuroAssumed: "vehicle", reasonOldtimerAge: "vehicle",
	reasonClassUnknown: "vehicle", reasonSpeedClassUnknown: "vehicle", reasonSpeedClassUnsure: "vehicle",

	reasonRegisterStale: "stale",

	reasonPlateAmbiguous: "picture", reasonCountryUnknown: "picture", reasonCountryDoubtful: "picture", reasonKindContradicts: "picture",

	reasonDuplicatePossible: "twice",
	reasonExemptionUnclear:  "exemption",
	reasonNormDisputed:      "jurist",

	reasonLaneUnknown: "camera", reasonClock: "camera", reasonSignUnknown: "camera", reasonImplausible: "camera",
}

// RenderOffence writes what a person reads first of an offence: what it is and why, when it is to be looked at again, and, of one that is
// held, what to do. until 0 = no day is known. An unknown language is answered in English, an unknown reason by its code.
func RenderOffence(lang Lang, family schemas.Family, held bool, reason string, until schemas.Micros) []string {
	t := textsOf(lang)
	o := schemas.OutcomeOffence
	if held {
		o = schemas.OutcomeHeld
	}
	out := []string{t.fill("ui.head", t.word("family", string(family)), t.fill("ui.head", t.word("outcome", o.String()), t.Reason(reason)))}
	day := ""
	if until != 0 {
		day = until.String()
		out = append(out, t.fill("ui.hold", day))
	}
	if action, ok := holdActions[reason]; ok && held {
		out = append(out, t.fill("todo."+action, day))
	}
	return out
}

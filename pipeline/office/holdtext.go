package office

import (
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
)

// handHolds has the reasons of a hold by hand in words. Those of the rules have their texts there.
var handHolds = map[string]Cited{
	cases.AwaitsRegister: {NL: "wacht op het register", FR: "attend le registre", EN: "awaits the register"},
	cases.AwaitsPartner:  {NL: "wacht op een partner", FR: "attend un partenaire", EN: "awaits a partner"},
	cases.CameraChecked:  {NL: "camera wordt nagekeken", FR: "caméra en contrôle", EN: "the camera is being checked"},
	cases.HoldOther:      {NL: "andere reden, zie de nota", FR: "autre raison, voir la note", EN: "another reason, see the note"},
}

// reasonText writes the reason of a hold in words; nil for "".
func reasonText(reason string) *Cited {
	if reason == "" {
		return nil
	}
	if text, ok := handHolds[reason]; ok {
		return &text
	}
	return citedBy(func(lang string) string { return rules.RenderReason(rules.Lang(lang), reason) })
}

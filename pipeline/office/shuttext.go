package office

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// shutText tells a user, by language, to wait and whom to tell while no look-up can be logged. Details about disk,
// server or process are for the operator, in the log and in /readyz.
var shutText = map[string]string{
	"en": "No look-up is answered now, because it could not be logged. Try again in a few minutes. If it lasts, tell the operator.",
	"nl": "Er wordt nu geen opzoeking beantwoord, omdat ze niet gelogd kan worden. Probeer over enkele minuten opnieuw. Duurt het voort, verwittig de beheerder.",
	"fr": "Aucune recherche n'est possible pour le moment, car elle ne peut pas être journalisée. Réessayez dans quelques minutes. Si cela persiste, prévenez l'exploitant.", //nolint:misspell // French
}

// langOf returns the first office language in an Accept-Language header or a locale name, else English.
func langOf(accepted string) string {
	for part := range strings.SplitSeq(accepted, ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		tag, _, _ = strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
		if _, ok := shutText[tag]; ok {
			return tag
		}
	}
	return "en"
}

// inLanguage translates a shut office's answer into the requested language.
func inLanguage(ctx huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*Problem); ok && m.Detail == shutText["en"] {
		m.Detail = shutText[langOf(ctx.Header("Accept-Language"))]
	}
	return v, nil
}

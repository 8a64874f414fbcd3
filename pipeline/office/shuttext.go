package office

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// shutText is all that a user is told while no look-up can be logged: what to do. Which disk, server or process it is stands in the log and
// in /readyz, for the operator.
var shutText = map[string]string{
	"en": "No look-up is answered now, because it could not be logged. Try again in a few minutes. If it lasts, tell the operator.",
	"nl": "Er wordt nu geen opzoeking beantwoord, omdat ze niet gelogd kan worden. Probeer over enkele minuten opnieuw. Duurt het voort, verwittig de beheerder.",
	"fr": "Aucune recherche n'est possible pour le moment, car elle ne peut pas être journalisée. Réessayez dans quelques minutes. Si cela persiste, prévenez l'exploitant.", //nolint:misspell // French
}

// langOf picks a language of the office from an Accept-Language header or the name of a locale: the first that is one, else English.
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

// inLanguage writes what a shut office says in the language that was asked for.
func inLanguage(ctx huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*Problem); ok && m.Detail == shutText["en"] {
		m.Detail = shutText[langOf(ctx.Header("Accept-Language"))]
	}
	return v, nil
}

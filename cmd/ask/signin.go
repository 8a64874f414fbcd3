package ask

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// NotAccepted is the text for a person whose token the office refuses. The office itself does not distinguish the
// three causes.
var NotAccepted = map[string]string{
	"en": "Your token (ANPR_TOKEN) was not accepted. It may be mistyped, expired or withdrawn. Ask your administrator.",
	"nl": "Uw token (ANPR_TOKEN) werd niet aanvaard. Mogelijk is het fout getypt, verlopen of ingetrokken. Vraag het aan uw beheerder.",
	"fr": "Votre jeton (ANPR_TOKEN) n'a pas été accepté. Il est peut-être mal saisi, expiré ou retiré. Adressez-vous à votre administrateur.",
}

// userLang is the language of the person at the terminal, by the locale: nl, fr or en.
func userLang(env func(string) string) string {
	locale := strings.ToLower(cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")))
	for _, lang := range []string{"nl", "fr"} {
		if rest, ok := strings.CutPrefix(locale, lang); ok && (rest == "" || strings.ContainsAny(rest[:1], "_-.@")) {
			return lang
		}
	}
	return "en"
}

// ExplainSignIn words a refused sign-in for the person at the terminal; any other error comes back unchanged.
func ExplainSignIn(err error, lang string) error {
	if e, ok := errors.AsType[*office.APIError](err); ok && e.Status == http.StatusUnauthorized {
		return errors.New(cmp.Or(NotAccepted[lang], NotAccepted["en"]))
	}
	return err
}

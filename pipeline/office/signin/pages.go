package signin

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/web"
)

//go:embed pages/*.html pages/style.css
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// texts are those of the pages that the server writes itself, by language.
var texts = map[string]map[string]string{
	"nl": {
		"product": "ANPR Brussel", "madeUp": "VERZONNEN GEGEVENS – deze stad, voertuigen en personen bestaan niet",
		"title": "Aanmelden", "again": "Opnieuw aanmelden", "start": "Naar de eerste pagina", "going": "U bent aangemeld.", "go": "Verder",
		"failed":       "Het aanmelden is niet gelukt. Begin opnieuw. Lukt het weer niet, verwittig de beheerder.",
		"noRole":       "Uw account heeft hier geen rol. Vraag de beheerder om u in de gebruikerslijst op te nemen.",
		"providerDown": "De aanmelddienst is niet bereikbaar. Probeer over enkele minuten opnieuw. Duurt het voort, verwittig de beheerder.",
		"storeDown":    "Aanmelden kan nu niet, omdat het niet opgeslagen of gelogd kan worden. Probeer over enkele minuten opnieuw. Duurt het voort, verwittig de beheerder.",
		"contact":      "Wie u verwittigt:",
		"pick":         "Kies als wie u zich aanmeldt", "pickHelp": "Deze personen zijn verzonnen. Eén klik volstaat.", "zones": "zone", "region": "hele gewest",
		"name": "Gebruikersnaam", "password": "Wachtwoord", "wrong": "Naam of wachtwoord is niet juist, of de account is geblokkeerd: na vijf foute pogingen duurt dat 15 minuten.",
		"noPassword": "Nog geen wachtwoord? De beheerder geeft u een uitnodiging (anpr user invite).",
		"invite":     "Kies een wachtwoord", "inviteFor": "Account", "newPassword": "Nieuw wachtwoord", "newPasswordHelp": "Minstens 12 tekens. Een zin van enkele woorden is goed.",
		"short": "Te kort: minstens 12 tekens.", "long": "Te lang: hoogstens 200 tekens.", "set": "Wachtwoord bewaren", "done": "Uw wachtwoord is bewaard.",
		"inviteGone": "Deze uitnodiging is gebruikt, vervallen of onbekend. Vraag de beheerder om een nieuwe.",
		"flowGone":   "Dit aanmelden duurde te lang of begon in een andere browser. Begin opnieuw.",
	},
	"fr": {
		"product": "ANPR Bruxelles", "madeUp": "DONNÉES FICTIVES – cette ville, ces véhicules et ces personnes n’existent pas",
		"title": "Se connecter", "again": "Se reconnecter", "start": "Vers la première page", "going": "Vous êtes connecté.", "go": "Continuer",
		"failed":       "La connexion a échoué. Recommencez. Si cela se répète, prévenez l’exploitant.",
		"noRole":       "Votre compte n’a pas de rôle ici. Demandez à l’exploitant de vous inscrire dans la liste des utilisateurs.",
		"providerDown": "Le service de connexion n’est pas joignable. Réessayez dans quelques minutes. Si cela persiste, prévenez l’exploitant.",
		"storeDown":    "La connexion est impossible pour le moment, car elle ne peut être enregistrée ou journalisée. Réessayez dans quelques minutes. Si cela persiste, prévenez l’exploitant.", //nolint:misspell // French
		"contact":      "Qui prévenir :",
		"pick":         "Choisissez qui vous êtes", "pickHelp": "Ces personnes sont fictives. Un clic suffit.", "zones": "zone", "region": "toute la région",
		"name": "Nom d’utilisateur", "password": "Mot de passe", "wrong": "Le nom ou le mot de passe n’est pas correct, ou le compte est bloqué : après cinq échecs, pendant 15 minutes.",
		"noPassword": "Pas encore de mot de passe ? L’exploitant vous donne une invitation (anpr user invite).",
		"invite":     "Choisissez un mot de passe", "inviteFor": "Compte", "newPassword": "Nouveau mot de passe", "newPasswordHelp": "Au moins 12 caractères. Une phrase de quelques mots convient.",
		"short": "Trop court : au moins 12 caractères.", "long": "Trop long : 200 caractères au plus.", "set": "Enregistrer le mot de passe", "done": "Votre mot de passe est enregistré.",
		"inviteGone": "Cette invitation a été utilisée, a expiré ou est inconnue. Demandez-en une nouvelle à l’exploitant.",
		"flowGone":   "Cette connexion a pris trop de temps ou a commencé dans un autre navigateur. Recommencez.",
	},
	"en": {
		"product": "ANPR Brussels", "madeUp": "MADE-UP DATA – this city, its vehicles and its people do not exist",
		"title": "Sign in", "again": "Sign in again", "start": "To the first page", "going": "You are signed in.", "go": "Go on",
		"failed":       "Signing in did not work. Begin again. If it fails again, tell the operator.",
		"noRole":       "Your account has no role here. Ask the operator to put you on the list of users.",
		"providerDown": "The sign-in service cannot be reached. Try again in a few minutes. If it lasts, tell the operator.",
		"storeDown":    "Nobody can sign in now, because it could not be stored or logged. Try again in a few minutes. If it lasts, tell the operator.",
		"contact":      "Whom to tell:",
		"pick":         "Choose who you are", "pickHelp": "These people are made up. One click is enough.", "zones": "zone", "region": "whole region",
		"name": "User name", "password": "Password", "wrong": "Name or password is not right, or the account is locked: for 15 minutes after five wrong ones.",
		"noPassword": "No password yet? The operator gives you an invitation (anpr user invite).",
		"invite":     "Choose a password", "inviteFor": "Account", "newPassword": "New password", "newPasswordHelp": "At least 12 characters. A sentence of a few words is good.",
		"short": "Too short: at least 12 characters.", "long": "Too long: at most 200 characters.", "set": "Keep the password", "done": "Your password is kept.",
		"inviteGone": "This invitation was used, is too old or is unknown. Ask the operator for a new one.",
		"flowGone":   "This sign-in took too long or began in another browser. Begin again.",
	},
}

// roleNames are the roles in words.
var roleNames = map[string]map[string]string{
	"nl": {
		"gvc_agent": "behandelaar GVC", "gvc_supervisor": "supervisor GVC", "zone_officer": "inspecteur van een politiezone", "prosecutor": "magistraat van het parket",
		"camera_operator": "beheerder van camera’s", "auditor": "auditor", "jurist": "jurist",
	},
	"fr": {
		"gvc_agent": "agent du CRT", "gvc_supervisor": "superviseur du CRT", "zone_officer": "inspecteur d’une zone de police", "prosecutor": "magistrat du parquet",
		"camera_operator": "gestionnaire de caméras", "auditor": "auditeur", "jurist": "juriste",
	},
	"en": {
		"gvc_agent": "agent of the processing centre", "gvc_supervisor": "supervisor of the processing centre", "zone_officer": "officer of a police zone",
		"prosecutor": "public prosecutor", "camera_operator": "camera operator", "auditor": "auditor", "jurist": "jurist",
	},
}

// view is what a page of the server shows.
type view struct {
	Lang    string
	T       map[string]string
	MadeUp  bool
	Contact string
	Text    string // of a fault
	Next    string // where the page goes by itself, or a link leads
	ID      string // of what is under way at the provider
	Name    string
	Fault   string
	People  []choice
}

// choice is a user of the made-up city.
type choice struct{ Name, Role, Where string }

func (s *Service) newView(lang string) view {
	return view{Lang: lang, T: texts[lang], MadeUp: s.cfg.MadeUp, Contact: s.cfg.Contact}
}

// show writes a page. It has no script; its style is a file.
func (s *Service) show(w http.ResponseWriter, status int, name string, v view) {
	web.SetHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, name, v); err != nil {
		s.cfg.Logger.Debug().Err(err).Msg("page not sent whole")
	}
}

// showNext writes the page that goes on to a screen by itself.
func (s *Service) showNext(w http.ResponseWriter, lang, next string) {
	v := s.newView(lang)
	v.Next = next
	s.show(w, http.StatusOK, "next.html", v)
}

// showFault writes what went wrong and what to do.
func (s *Service) showFault(w http.ResponseWriter, _ *http.Request, lang string, status int, text string) {
	v := s.newView(lang)
	v.Text = v.T[text]
	s.show(w, status, "fault.html", v)
}

func showStyle(w http.ResponseWriter, _ *http.Request) {
	b, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		panic("BUG: the style is embedded: " + err.Error())
	}
	web.SetHeaders(w.Header())
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(b) // the client went away: nothing to do
}

// langOf returns the language that a request asks for: named in the address, else the first of the browser's that
// there is, else Dutch.
func langOf(r *http.Request) string {
	for _, named := range []string{r.URL.Query().Get("lang"), r.URL.Query().Get("ui_locales")} {
		if _, ok := texts[named]; ok {
			return named
		}
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		tag, _, _ = strings.Cut(tag, "-")
		if _, ok := texts[tag]; ok {
			return tag
		}
	}
	return "nl"
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an answer must marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b) // the client went away: nothing to do
}

// writeProblem answers with a problem document. It repeats nothing that was sent.
func writeProblem(w http.ResponseWriter, status int, code, detail string) {
	b, err := json.Marshal(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail, "code": code})
	if err != nil {
		panic("BUG: a problem must marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client went away: nothing to do
}

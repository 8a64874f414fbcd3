package casework

// problems has the texts for the refusals that staff meet, by code. Of a refused sign-in, cmd/ask has the text.
//
//nolint:misspell // French words are no misspelt English ones
var problems = map[string]said{
	// Of an act on a case.
	"decided": {"Dit dossier is al beslist.", "Ce dossier est déjà décidé.", "This case is decided already."},
	"stale": {
		"Het dossier is intussen gewijzigd: bekijk het opnieuw. Er is niets beslist.", "Le dossier a changé entre-temps : regardez-le à nouveau. Rien n'est décidé.",
		"The case has changed since: look again. Nothing is decided.",
	},
	"lease_lost": {
		"Het dossier is niet meer bij u: neem het opnieuw met anpr cases next --case.", "Le dossier n'est plus chez vous : reprenez-le avec anpr cases next --case.",
		"The case is no longer with you: take it again with anpr cases next --case.",
	},
	"same_person": {
		"Een andere persoon moet dit doen: u hebt in dit dossier al geantwoord.", "Une autre personne doit le faire : vous avez déjà répondu dans ce dossier.",
		"Another person must do this: you have answered in this case already.",
	},
	"not_competent": {
		"Uw aanstelling dekt deze beslissing niet. Vraag het aan uw supervisor.", "Votre désignation ne couvre pas cette décision. Adressez-vous à votre superviseur.",
		"Your appointment does not cover this decision. Ask your supervisor.",
	},
	"step_up":         {"Bewijs eerst opnieuw wie u bent.", "Prouvez d'abord à nouveau qui vous êtes.", "Prove first once more who you are."},
	"approval_needed": {"Een tweede persoon moet dit goedkeuren.", "Une deuxième personne doit l'approuver.", "A second person must approve this."},
	"incident_open":   {"Er is een open incident op dit dossier.", "Il y a un incident ouvert sur ce dossier.", "An incident is open on this case."},
	"blocked": {
		"Dit dossier kan niet bevestigd worden; verwerp het of geef het aan een supervisor.", "Ce dossier ne peut être validé ; rejetez-le ou passez-le à un superviseur.",
		"This case cannot be confirmed; reject it or hand it to a supervisor.",
	},
	"pictures_unseen": {
		"Bekijk eerst alle foto's: anpr cases next --pictures MAP.", "Regardez d'abord toutes les photos : anpr cases next --pictures DOSSIER.", "Look at all pictures first: anpr cases next --pictures DIR.",
	},
	"preview_needed": {"Vraag eerst wat de regels over deze nummerplaat zeggen.", "Demandez d'abord ce que disent les règles sur cette plaque.", "Ask first what the rules say about this plate."},
	"track_taken":    {"Het dossier staat al op dit spoor.", "Le dossier est déjà dans cette filière.", "The case is on this track already."},
	"transmitted":    {"Het dossier is al overgemaakt.", "Le dossier est déjà transmis.", "The case is transmitted already."},
	"too_early":      {"Dat kan nog niet.", "Ce n'est pas encore possible.", "That is not possible yet."},
	"too_late":       {"Dat kan niet meer.", "Ce n'est plus possible.", "That is no longer possible."},
	"leases_full":    {"U hebt al zoveel dossiers als één persoon mag hebben: beslis er of geef er terug.", "Vous avez déjà autant de dossiers qu'une personne peut en avoir : décidez-en ou rendez-en.", "You hold as many cases as one person may: decide some, or give them back."},
	"seal_broken": {
		"Dit dossier is gewijzigd nadat het verzegeld werd: gebruik het niet. De beheerder is verwittigd.", "Ce dossier a été modifié après avoir été scellé : ne l'utilisez pas. L'opérateur est averti.",
		"This case was changed after it was sealed: do not use it. The operator has been alarmed.",
	},
	"undecided":        {"Over de zaak moet nog worden beslist. Haar bewijsbundel komt na de beslissing.", "Il reste à décider du dossier. Son dossier de preuves vient après la décision.", "Somebody is still to decide the case. Its evidence bundle comes after the decision."},
	"bundle_expired":   {"De bundel wordt niet meer bewaard. Maak hem opnieuw.", "Le dossier de preuves n'est plus conservé. Refaites-le.", "The bundle is no longer kept. Make it again."},
	"file_expired":     {"Het bestand van de zending wordt niet meer bewaard.", "Le fichier de l'envoi n'est plus conservé.", "The file of the transmission is no longer kept."},
	"no_evidence_desk": {"Dit kantoor maakt geen bewijsbundels.", "Ce bureau ne fait pas de dossiers de preuves.", "This office makes no evidence bundles."},
	"key_reused":       {"Met deze sleutel werd al iets anders gevraagd. Er is niets gedaan.", "Cette clé a déjà servi à une autre demande. Rien n'est fait.", "This key stood for another change. Nothing is done."},
	"under_way": {
		"Dezelfde opdracht loopt nog: wacht even en kijk dan.", "La même demande est encore en cours : attendez un instant, puis regardez.", "The same change is under way: wait a moment, then look.",
	},
	"precondition": {"De versie van het dossier ontbreekt.", "La version du dossier manque.", "The version of the case is missing."},

	// Of a picture.
	"picture_damaged": {
		"De foto is niet meer wat de camera stuurde. De beheerder is verwittigd.", "La photo n'est plus celle de la caméra. L'opérateur est averti.",
		"The picture is no longer what the camera sent. The operator has been alarmed.",
	},
	"picture_missing":    {"De foto is niet in de opslag. De beheerder is verwittigd.", "La photo n'est pas dans le stockage. L'opérateur est averti.", "The picture is not in the store. The operator has been alarmed."},
	"picture_deleted":    {"De foto is na haar bewaartermijn gewist.", "La photo a été effacée au terme de sa conservation.", "The picture was deleted at the end of its time."},
	"images_unavailable": {"De opslag van de foto's antwoordt niet; probeer opnieuw.", "Le stockage des photos ne répond pas ; réessayez.", "The store of pictures does not answer; try again."},
	"no_thumbnail":       {"Van deze foto is geen verkleining te maken; vraag de foto zelf.", "Cette photo ne peut être réduite ; demandez la photo même.", "No small version of this picture can be made; ask for the picture itself."},

	// Of rights and purposes.
	"not_found":     {"Er is voor u niets met dit nummer.", "Il n'y a rien pour vous sous ce numéro.", "There is nothing with this number for you."},
	"scope":         {"Er is voor u niets met dit nummer.", "Il n'y a rien pour vous sous ce numéro.", "There is nothing with this number for you."},
	"role":          {"Uw rol mag dit niet.", "Votre rôle ne le permet pas.", "Your role may not do this."},
	"plates_hidden": {"Voor dit doel worden geen nummerplaten getoond.", "Cette finalité ne montre pas de plaques.", "This purpose shows no plates."},
	"age": {
		"Dit is te oud om zonder beslissing van het parket te tonen: --prosecutor-ref.", "C'est trop ancien pour être montré sans décision du parquet : --prosecutor-ref.",
		"This is too old to show without a decision of the prosecutor: --prosecutor-ref.",
	},
	"purpose_needed": {"Zeg waarvoor u dit vraagt: --purpose en --for.", "Dites pourquoi vous le demandez : --purpose et --for.", "Say what you ask this for: --purpose and --for."},
	"purpose_ended":  {"Het doel dat u opgaf is afgelopen; geef het opnieuw op.", "La finalité indiquée a pris fin ; indiquez-la à nouveau.", "The purpose that you stated has ended; state it again."},
	"purpose_not_allowed": {
		"Uw rol mag dit doel niet opgeven.", "Votre rôle ne peut invoquer cette finalité.", "Your role may not state this purpose.",
	},
	"quota":    {"U hebt het toegestane aantal vragen bereikt.", "Vous avez atteint le nombre de questions permis.", "You have reached the number of questions allowed."},
	"too_many": {"Te veel vragen tegelijk; wacht even.", "Trop de questions à la fois ; attendez un instant.", "Too many questions at once; wait a moment."},

	// Of a question that the office cannot take.
	"invalid":          {"Er klopt iets niet in de vraag.", "Il y a une erreur dans la demande.", "Something in the question is wrong."},
	"malformed":        {"De vraag is niet te lezen.", "La demande est illisible.", "The question cannot be read."},
	"method":           {"Zo kan dit niet gevraagd worden.", "Cela ne se demande pas ainsi.", "This cannot be asked that way."},
	"too_large":        {"De vraag is te groot.", "La demande est trop grande.", "The question is too large."},
	"wrong_host":       {"Dit adres is niet dat van de dienst.", "Cette adresse n'est pas celle du service.", "This address is not that of the office."},
	"pattern_too_wide": {"Het patroon is te ruim: geef meer tekens.", "Le motif est trop large : donnez plus de caractères.", "The pattern is too wide: give more characters."},
	"window":           {"De gevraagde periode is te lang.", "La période demandée est trop longue.", "The period asked for is too long."},
	"refused":          {"Dit werd geweigerd.", "Cela a été refusé.", "This was refused."},

	// Of an office that cannot answer.
	"store_unavailable": {
		"De databank van de dossiers antwoordt niet; probeer opnieuw. Er is niets verloren.", "La base des dossiers ne répond pas ; réessayez. Rien n'est perdu.",
		"The database of the cases does not answer; try again. Nothing is lost.",
	},
	"log_unavailable": {
		"Wat niet gelogd kan worden, wordt niet getoond, en het logboek antwoordt niet; probeer opnieuw.", "Ce qui ne peut être journalisé n'est pas montré, et le journal ne répond pas ; réessayez.",
		"What cannot be logged is not shown, and the log does not answer; try again.",
	},
	"tables_unavailable": {"De tabellen antwoorden niet; probeer opnieuw.", "Les tables ne répondent pas ; réessayez.", "The tables do not answer; try again."},
	"too_slow":           {"Het antwoord duurde te lang: vraag minder.", "La réponse a pris trop de temps : demandez moins.", "The answer took too long: ask for less."},
	"no_catalogue":       {"De dienst heeft hier niet wat dit nodig heeft.", "Le service n'a pas ici ce qu'il faut.", "This office does not have what this needs."},
	"internal":           {"De dienst kon niet antwoorden; de beheerder vindt het in het logboek.", "Le service n'a pu répondre ; l'opérateur le trouve dans le journal.", "The office could not answer; the operator finds it in the log."},
}

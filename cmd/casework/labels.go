package casework

// labels has the texts of the command itself, by language.
//
//nolint:misspell // French words are no misspelt English ones
var labels = map[string]map[string]string{
	"nl": {
		"now_version": "Nu versie %s", "need_version": "Noem de versie die u zag, zoals show en next ze tonen: DOSSIER@VERSIE.",
		"reason": "behandeling van verkeersovertredingen in deze dienst, wegverkeerswet, artikel 62", "need_for": "Zeg met --for waarvoor u dit vraagt; het wordt met uw naam gelogd.",
		"picture_failed": "foto %s van dossier %s: %s", "pictures_failed": "%d foto's zijn niet bewaard",
		"question": "Overtreding van de familie %s?", "question.keying": "Welke nummerplaat staat er op de foto?",
		"question.speed": "Reed %s km/u (gemeten %s%s) waar %s mag?", "margin": ", min %s %s", "question.lez": "%s, euro %s in de lage-emissiezone, zonder pas of vrijstelling?",
		"nothing": "Er is niets te beslissen in deze wachtrij en in uw zones, of een collega heeft het.", "logged": "gelogd als nr.", "case": "dossier", "due": "te beslissen voor",
		"plate": "nummerplaat", "proposed": "voorgesteld", "register": "register", "seen": "camera zag", "captured": "opname", "clock": "klok", "device": "toestel", "picture": "foto",
		"warning": "let op", "blocks": "bevestigen kan niet", "verdict": "beslissing", "until": "tot", "place": "plaats", "camera": "camera", "zone": "zone", "because": "waarom",
		"settling": "%s@%d: bewaard; gaat in om %s, tot dan terug te nemen met anpr cases undo", "would_be": "zou zijn", "state": "toestand", "family": "familie", "who": "bij",
		"held_for": "in beraad wegens", "shown": "%d getoond; gelogd als nr. %d", "more": "verder met", "queue": "wachtrij", "count": "aantal", "free": "vrij", "since": "sinds", "next": "volgende",
		"mine": "mijn laatste", "done": "%d gedaan", "would": "%d zouden in beraad gaan; doe het met --confirm %d", "offence": "overtreding", "rule": "regel", "track": "spoor", "number": "pv-nummer",
		"amount": "bedrag", "basis": "rechtsgrond", "holds": "klopt", "broken": "KLOPT NIET", "absent": "niet in de tabellen", "seal": "zegel", "left": "Het dossier is vrij voor een collega.",
		"blind": "Een tweede persoon moet nog kijken: de antwoorden van anderen staan er niet bij.", "no_verdict": "Er is geen beslissing van u om terug te nemen.",
	},
	"fr": {
		"now_version": "Version actuelle : %s", "need_version": "Donnez la version que vous avez vue, telle que show et next l'affichent : DOSSIER@VERSION.",
		"reason": "traitement des infractions routières de ce service, loi sur la circulation routière, article 62", "need_for": "Dites avec --for pourquoi vous le demandez ; c'est journalisé avec votre nom.",
		"picture_failed": "photo %s du dossier %s : %s", "pictures_failed": "%d photos n'ont pas été enregistrées",
		"question": "Infraction de la famille %s ?", "question.keying": "Quelle plaque voit-on sur la photo ?",
		"question.speed": "Roulait à %s km/h (mesuré %s%s) où %s est permis ?", "margin": ", moins %s %s", "question.lez": "%s, euro %s dans la zone de basses émissions, sans pass ni dérogation ?",
		"nothing": "Il n'y a rien à décider dans cette file et dans vos zones, ou un collègue s'en occupe.", "logged": "journalisé sous le n°", "case": "dossier", "due": "à décider avant",
		"plate": "plaque", "proposed": "proposée", "register": "registre", "seen": "vu par la caméra", "captured": "prise de vue", "clock": "horloge", "device": "appareil", "picture": "photo",
		"warning": "attention", "blocks": "validation impossible", "verdict": "décision", "until": "jusqu'à", "place": "lieu", "camera": "caméra", "zone": "zone", "because": "pourquoi",
		"settling": "%s@%d : enregistré ; prend effet à %s, d'ici là anpr cases undo le reprend", "would_be": "serait", "state": "état", "family": "famille", "who": "chez",
		"held_for": "en suspens pour", "shown": "%d affichés ; journalisé sous le n° %d", "more": "suite avec", "queue": "file", "count": "nombre", "free": "libres", "since": "depuis", "next": "prochain",
		"mine": "mes derniers", "done": "%d faits", "would": "%d seraient mis en suspens ; faites-le avec --confirm %d", "offence": "infraction", "rule": "règle", "track": "filière", "number": "numéro de PV",
		"amount": "montant", "basis": "base légale", "holds": "tient", "broken": "NE TIENT PAS", "absent": "pas dans les tables", "seal": "sceau", "left": "Le dossier est libre pour un collègue.",
		"blind": "Une deuxième personne doit encore regarder : les réponses des autres n'y figurent pas.", "no_verdict": "Il n'y a pas de décision de vous à reprendre.",
	},
	"en": {
		"now_version": "Now version %s", "need_version": "Name the version that you saw, as show and next print it: CASE@VERSION.",
		"reason": "processing of traffic offences in this shift, road traffic act, article 62", "need_for": "Say with --for what you ask this for; it is logged with your name.",
		"picture_failed": "picture %s of case %s: %s", "pictures_failed": "%d pictures were not saved",
		"question": "An offence of the family %s?", "question.keying": "Which plate stands in the picture?",
		"question.speed": "Drove %s km/h (measured %s%s) where %s is allowed?", "margin": ", less %s %s", "question.lez": "%s, euro %s in the low-emission zone, without a pass or exemption?",
		"nothing": "Nothing is to be decided in this queue and your zones, or a colleague has it.", "logged": "logged as no.", "case": "case", "due": "due",
		"plate": "plate", "proposed": "proposed", "register": "register", "seen": "camera saw", "captured": "captured", "clock": "clock", "device": "device", "picture": "picture",
		"warning": "mind", "blocks": "cannot be confirmed", "verdict": "verdict", "until": "until", "place": "place", "camera": "camera", "zone": "zone", "because": "because",
		"settling": "%s@%d: kept; takes effect at %s, until then anpr cases undo takes it back", "would_be": "would be", "state": "state", "family": "family", "who": "with",
		"held_for": "held for", "shown": "%d shown; logged as no. %d", "more": "go on with", "queue": "queue", "count": "count", "free": "free", "since": "since", "next": "next",
		"mine": "my last", "done": "%d done", "would": "%d would be held; do it with --confirm %d", "offence": "offence", "rule": "rule", "track": "track", "number": "report number",
		"amount": "amount", "basis": "legal basis", "holds": "holds", "broken": "DOES NOT HOLD", "absent": "not in the tables", "seal": "seal", "left": "The case is free for a colleague.",
		"blind": "A second person is still to look: what others answered is left out.", "no_verdict": "There is no verdict of yours to take back.",
	},
}

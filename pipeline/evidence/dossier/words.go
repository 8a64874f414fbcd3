package dossier

// wordsIn returns the texts of a language.
func wordsIn(lang string) (map[string]string, bool) {
	i := 0
	switch lang {
	case "nl":
	case "fr":
		i = 1
	default:
		return nil, false
	}
	return byLanguage[i], true
}

// byLanguage has the texts by language, once.
var byLanguage = func() (out [2]map[string]string) {
	for i := range out {
		out[i] = make(map[string]string, len(words))
		for key, text := range words {
			out[i][key] = text[i]
		}
	}
	return out
}()

// words has each text in Dutch and in French. A dot stands behind the name of a group of codes.
//
//nolint:misspell // French words are no misspelt English ones
var words = map[string][2]string{
	"title": {"Dossier", "Dossier"},
	"intro": {
		"Dit dossier is gemaakt door het verwerkingscentrum uit de verzegelde gegevens van de zaak. Het is de toegankelijke versie: de pdf ernaast heeft dezelfde inhoud. Tijden staan in Belgische tijd, met het verschil met UTC.",
		"Ce dossier a été établi par le centre de traitement à partir des données scellées de l'affaire. C'est la version accessible : le pdf qui l'accompagne a le même contenu. Les heures sont en heure belge, avec le décalage par rapport à UTC.",
	},
	"h_seen": {"Vaststelling", "Constatation"}, "h_measures": {"Metingen", "Mesures"}, "h_pictures": {"Foto's", "Photos"},
	"h_trace": {"Beoordeling, voorwaarde per voorwaarde", "Appréciation, condition par condition"}, "h_device": {"Certificaat van het toestel", "Certificat de l'appareil"},
	"h_vehicle": {"Rij van het register", "Ligne du registre"}, "h_events": {"Verloop van de zaak", "Déroulement de l'affaire"}, "h_versions": {"Nummers en versies", "Numéros et versions"}, "h_verify": {"Nakijken", "Vérifier"},
	"trace_intro": {
		"Elke regel is één voorwaarde met haar antwoord, haar waarden en haar rechtsgrond, zoals de regels ze het laatst hebben beoordeeld.",
		"Chaque ligne est une condition avec sa réponse, ses valeurs et sa base légale, telle que les règles l'ont appréciée en dernier lieu.",
	},
	"events_intro": {
		"Elke gebeurtenis staat in een keten van controlesommen (events.jsonl): geen enkele kan nadien worden gewijzigd, weggelaten of tussengevoegd zonder dat het blijkt.",
		"Chaque événement se trouve dans une chaîne de sommes de contrôle (events.jsonl) : aucun ne peut être modifié, omis ou inséré après coup sans que cela apparaisse.",
	},
	"withheld":    {"Niet opgenomen: deze gebeurtenis noemt een andere nummerplaat of dient enkel de interne kwaliteitscontrole. Haar plaats in de keten is bewaard.", "Non repris : cet événement cite une autre plaque ou ne sert qu'au contrôle interne de qualité. Sa place dans la chaîne est conservée."},
	"no_pictures": {"Er zijn geen foto's bij deze zaak.", "Cette affaire n'a pas de photos."},
	"no_device":   {"De camera had op dat ogenblik geen certificaat in het register van de camera's; deze vaststelling steunt niet op een meting.", "La caméra n'avait pas de certificat au registre des caméras à cet instant ; cette constatation ne repose pas sur une mesure."},
	"no_vehicle":  {"Het register heeft geen rij voor deze nummerplaat op die dag.", "Le registre n'a pas de ligne pour cette plaque ce jour-là."},
	"verify": {
		"Het bestand waarin dit dossier zit, wordt zonder netwerk nagekeken met verify.html in een browser, of met: anpr evidence verify BESTAND. Vergelijk het kenmerk van de sleutel met de lijst die het verwerkingscentrum bekendmaakt.",
		"Le fichier qui contient ce dossier se vérifie sans réseau avec verify.html dans un navigateur, ou avec : anpr evidence verify FICHIER. Comparez l'identifiant de la clé avec la liste que publie le centre de traitement.",
	},
	"picture_alt": {"%s, opname van %s, %s", "%s, prise de vue du %s, %s"},
	"col_n":       {"Nr.", "N°"}, "col_at": {"Tijdstip", "Moment"}, "col_what": {"Gebeurtenis", "Événement"}, "col_who": {"Wie", "Qui"}, "col_answer": {"Antwoord, reden, nota", "Réponse, motif, note"},
	"program": {"het programma", "le programme"}, "appointment": {"aanstelling", "désignation"},

	"number": {"Pv-nummer", "Numéro de PV"}, "state": {"Toestand", "État"}, "track": {"Spoor", "Filière"}, "family": {"Soort overtreding", "Type d'infraction"}, "rule": {"Regel", "Règle"},
	"amount": {"Bedrag", "Montant"}, "basis": {"Rechtsgrond", "Base légale"}, "verified": {"Let op", "Attention"},
	"not_verified": {"Steunt op een waarde die nog geen jurist heeft nagekeken.", "Repose sur une valeur qu'aucun juriste n'a encore vérifiée."},
	"plate":        {"Nummerplaat, zoals verzegeld", "Plaque, telle que scellée"}, "corrected": {"Nummerplaat, verbeterd door twee personen", "Plaque, corrigée par deux personnes"}, "confidence": {"Zekerheid van de lezing", "Certitude de la lecture"},
	"captured": {"Opname", "Prise de vue"}, "captured_utc": {"Opname, in UTC", "Prise de vue, en UTC"}, "received": {"Ontvangen", "Reçu"}, "place": {"Plaats", "Lieu"}, "municipality": {"Gemeente (NIS-code)", "Commune (code INS)"},
	"zone": {"Politiezone", "Zone de police"}, "camera": {"Camera", "Caméra"}, "lane": {"Rijstrook", "Bande de circulation"}, "direction": {"Rijrichting", "Sens de circulation"}, "device": {"toestel", "appareil"}, "kmh": {"km/u", "km/h"},
	"serial": {"Serienummer", "Numéro de série"}, "approval": {"Modelgoedkeuring", "Homologation du modèle"}, "valid_from": {"Geldig van", "Valable du"}, "valid_to": {"Geldig tot", "Valable jusqu'au"},
	"register": {"Land van het register", "Pays du registre"}, "as_of": {"Kopie volledig tot", "Copie complète jusqu'au"}, "category": {"Categorie", "Catégorie"}, "fuel": {"Brandstof", "Carburant"}, "euro": {"Euronorm", "Norme euro"},
	"first_registration": {"Eerste inschrijving", "Première immatriculation"},
	"case_id":            {"Nummer van het dossier", "Numéro du dossier"}, "version": {"Versie van het dossier", "Version du dossier"}, "offence_id": {"Nummer van de overtreding", "Numéro de l'infraction"},
	"seal": {"Zegel (SHA-256)", "Sceau (SHA-256)"}, "prev_seal": {"Zegel ervoor (SHA-256)", "Sceau précédent (SHA-256)"}, "catalogue": {"Versie van de catalogus", "Version du catalogue"}, "reference": {"Versie van de referentiegegevens", "Version des données de référence"},

	"measure.measured_speed_dkmh": {"Gemeten snelheid", "Vitesse mesurée"}, "measure.corrected_speed_dkmh": {"Gecorrigeerde snelheid", "Vitesse corrigée"}, "measure.limit_dkmh": {"Toegelaten snelheid", "Vitesse autorisée"},
	"measure.red_time_ms": {"Tijd na rood (ms)", "Temps après le rouge (ms)"}, "measure.length_m": {"Lengte van het voertuig (m)", "Longueur du véhicule (m)"}, "measure.mass_kg": {"Massa van het voertuig (kg)", "Masse du véhicule (kg)"},
	"measure.section_length_m": {"Lengte van het traject (m)", "Longueur du tronçon (m)"}, "measure.section_time_ms": {"Tijd over het traject (ms)", "Temps sur le tronçon (ms)"},
	"direction.approaching": {"komt naar de camera", "s'approche de la caméra"}, "direction.departing": {"gaat van de camera weg", "s'éloigne de la caméra"},

	"state.held": {"in beraad", "en suspens"}, "state.keying": {"over te tikken", "à transcrire"}, "state.open": {"te beslissen", "à décider"}, "state.settling": {"bewaard, gaat zo in", "enregistré, prend effet bientôt"},
	"state.second": {"tweede controle", "double contrôle"}, "state.arbitration": {"bij een supervisor", "chez un superviseur"}, "state.confirmed": {"bevestigd", "validé"}, "state.transmitted": {"overgemaakt", "transmis"},
	"state.returned": {"teruggestuurd", "renvoyé"}, "state.rejected": {"verworpen", "rejeté"}, "state.withdrawn": {"ingetrokken", "retiré"}, "state.expired": {"vervallen", "expiré"}, "state.annulled": {"vernietigd", "annulé"},
	"verdict.confirm": {"bevestigd", "validé"}, "verdict.reject": {"verworpen", "rejeté"}, "verdict.correct_plate": {"nummerplaat verbeterd", "plaque corrigée"},

	"remark.seal_broken": {"zegel gebroken", "scellé rompu"}, "remark.seal_differs": {"kwam opnieuw met een ander zegel", "revenu avec un autre scellé"}, "remark.seal_missing": {"verzegelde gegevens ontbreken", "données scellées absentes"},
	"remark.picture_damaged": {"foto beschadigd", "photo endommagée"}, "remark.picture_missing": {"foto ontbreekt", "photo absente"}, "remark.chain_broken": {"keten gebroken", "chaîne rompue"},
	"remark.file_changed":   {"het dossier van het voertuig is veranderd", "le dossier du véhicule a changé"},
	"remark.no_offence_now": {"volgens de huidige gegevens is er geen overtreding meer", "selon les données actuelles, il n'y a plus d'infraction"},
	"remark.revived":        {"een volgende zaak nam de plaats van deze in", "une affaire suivante a pris la place de celle-ci"},
	"remark.none_revived":   {"geen enkele andere doorrit onder deze zaak blijft overeind", "aucun autre passage repris dans cette affaire ne subsiste"},

	"event.taken_in": {"ontvangen", "reçu"}, "event.re_decided": {"opnieuw beoordeeld", "réexaminé"}, "event.keyed": {"overgetikt", "transcrite"}, "event.decided": {"beslist", "décidé"},
	"event.held_by_hand": {"met de hand in beraad gezet", "mis en suspens à la main"}, "event.hold_ended": {"niet langer in beraad", "n'est plus en suspens"}, "event.flagged": {"naar supervisor", "au superviseur"},
	"event.skipped": {"overgeslagen", "passé"}, "event.undone": {"teruggenomen", "repris"}, "event.second_decided": {"tweede controle", "double contrôle"}, "event.arbitrated": {"gearbitreerd", "arbitré"},
	"event.counter_decided": {"tegenbeslissing", "contre-décision"}, "event.withdrawn": {"ingetrokken", "retiré"}, "event.expired": {"vervallen", "expiré"}, "event.numbered": {"pv-nummer gekregen", "numéro de PV reçu"},
	"event.transmitted": {"overgemaakt", "transmis"}, "event.acknowledged": {"ontvangst gemeld", "réception signalée"}, "event.returned": {"teruggestuurd", "renvoyé"}, "event.mended": {"hersteld", "corrigé"},
	"event.annulled": {"vernietigd", "annulé"}, "event.noted": {"nota", "note"}, "event.incident": {"incident", "incident"}, "event.incident_closed": {"incident gesloten", "incident clos"}, "event.overdue": {"te laat", "en retard"},
	"event.assigned": {"toegewezen", "attribué"}, "event.track_changed": {"spoor gewijzigd", "filière changée"}, "event.probe": {"gekend antwoord", "réponse connue"},
	"event.file_read": {"dossier van het voertuig gelezen", "dossier du véhicule lu"}, "event.pictures_found": {"foto's nagekomen", "photos arrivées plus tard"},

	"reason.not_legible": {"niet leesbaar", "illisible"}, "reason.wrong_plate": {"foute nummerplaat", "plaque erronée"}, "reason.vehicle_differs": {"ander voertuig", "autre véhicule"}, "reason.two_vehicles": {"twee voertuigen", "deux véhicules"},
	"reason.priority_vehicle": {"prioritair voertuig", "véhicule prioritaire"}, "reason.exemption": {"vrijstelling", "dérogation"}, "reason.picture_missing_or_bad": {"foto ontbreekt of is slecht", "photo absente ou mauvaise"},
	"reason.limit_or_sign_doubtful": {"limiet of bord twijfelachtig", "limitation ou panneau douteux"}, "reason.device_doubtful": {"toestel twijfelachtig", "appareil douteux"}, "reason.other": {"andere", "autre"},
	"reason.registered": {"was geregistreerd", "était enregistré"}, "reason.pass_found": {"had een pas", "avait un pass"}, "reason.exemption_found": {"had een vrijstelling", "avait une dérogation"},
	"reason.norm_kept": {"voldeed aan de norm", "respectait la norme"}, "reason.within_window": {"binnen de termijn van een eerdere boete", "dans le délai d'une amende antérieure"}, "reason.cap_reached": {"jaarlijks maximum bereikt", "maximum annuel atteint"},
	"reason.no_evidence": {"geen bewijs", "pas de preuve"}, "reason.clock_wrong": {"klok fout", "horloge fausse"}, "reason.limit_wrong": {"snelheidsbeperking fout", "limitation erronée"}, "reason.device_wrong": {"toestel fout", "appareil en défaut"},
	"reason.value_wrong": {"waarde fout", "valeur erronée"}, "reason.camera_wrong": {"camera fout", "caméra en défaut"}, "reason.not_provable": {"niet te bewijzen", "non prouvable"}, "reason.duplicate_case": {"dubbel dossier", "dossier en double"},
	"reason.recipient_asked": {"op vraag van de ontvanger", "à la demande du destinataire"}, "reason.awaits_register": {"wacht op het register", "attend le registre"}, "reason.awaits_partner": {"wacht op een partner", "attend un partenaire"},
	"reason.camera_checked": {"camera wordt nagekeken", "caméra en contrôle"},

	"track.immediate_collection": {"onmiddellijke inning", "perception immédiate"}, "track.prosecutor": {"parket", "parquet"}, "track.regional": {"gewest", "région"}, "track.municipal": {"gemeente", "commune"}, "track.alternative": {"alternatief", "alternative"},
	"kind.scene": {"overzicht", "vue d'ensemble"}, "kind.plate": {"nummerplaat", "plaque"}, "kind.second": {"tweede opname", "deuxième prise de vue"}, "kind.other": {"andere opname", "autre prise de vue"},
	"family.redlight":       {"rood licht", "feu rouge"},
	"measure.amber_time_ms": {"Tijd na oranjegeel (ms)", "Temps après le jaune-orange (ms)"}, "measure.red_time_counted_ms": {"Tijd na rood die telt (ms)", "Temps après le rouge qui compte (ms)"}, "measure.amber_time_counted_ms": {"Tijd na oranjegeel die telt (ms)", "Temps après le jaune-orange qui compte (ms)"},
	"family.reserved_lane": {"voorbehouden rijstrook", "bande réservée"}, "family.goods": {"verbod voor vrachtverkeer", "interdiction au transport de choses"},
	"family.access":               {"toegangszone", "zone d'accès"},
	"family.adr":                  {"gevaarlijke goederen in een tunnel", "marchandises dangereuses en tunnel"},
	"measure.orange_plate_number": {"Nummers van het oranje bord (gevaar en UN)", "Numéros du panneau orange (danger et ONU)"},
	"family.clone":                {"gekloonde nummerplaat", "plaque clonée"},
	"family.standing":             {"papieren van het voertuig", "documents du véhicule"},
	"family.hotlist":              {"geseind voertuig", "véhicule signalé"}, "family.lez": {"lage-emissiezone", "zone de basses émissions"}, "family.speed": {"snelheid", "vitesse"},
	"family.section_control": {"trajectcontrole", "vitesse moyenne"},
	"fuel.unknown":           {"brandstof onbekend", "carburant inconnu"}, "fuel.diesel": {"diesel", "diesel"}, "fuel.petrol": {"benzine", "essence"}, "fuel.lpg": {"lpg", "GPL"}, "fuel.cng": {"cng", "GNC"}, "fuel.electric": {"elektrisch", "électrique"}, "fuel.hydrogen": {"waterstof", "hydrogène"},
	"role.gvc_agent": {"behandelaar GVC", "agent du CRT"}, "role.gvc_supervisor": {"supervisor GVC", "superviseur du CRT"}, "role.prosecutor": {"magistraat van het parket", "magistrat du parquet"}, "role.system": {"het programma", "le programme"},
}

package casework

import (
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/rules"
)

// languages of the texts, in the order of [said].
var languages = []string{"nl", "fr", "en"}

// said is a text in the languages.
type said [3]string

// in returns the text in a language.
func (t said) in(lang string) string {
	if i := slices.Index(languages, lang); i >= 0 {
		return t[i]
	}
	return ""
}

// exportBlock begins the name of a blocker that the export check of the track found. The name of a field follows.
const exportBlock = "export_"

// word returns the text for a code. A reason of the rules has its text there. An unknown code is printed as it is;
// --json prints codes alone.
func (d *desk) word(code string) string {
	if text := words[code].in(d.lang); text != "" {
		return text
	}
	if field, ok := strings.CutPrefix(code, exportBlock); ok {
		return words["export"].in(d.lang) + ": " + d.wordOf("field", field)
	}
	return rules.RenderReason(rules.Lang(d.lang), code)
}

// wordOf returns the text for a code of a group whose codes mean other things elsewhere, else the code.
func (d *desk) wordOf(group, code string) string {
	if text := words[group+"."+code].in(d.lang); text != "" {
		return text
	}
	return code
}

// words has the texts for codes. A dot stands behind the name of a group.
//
//nolint:misspell // French words are no misspelt English ones
var words = map[string]said{
	// What keeps a case from number or transmission.
	"incident_open":   {"open incident", "incident ouvert", "open incident"},
	"tripwire":        {"stilgelegd voor deze camera en regel", "suspendu pour cette caméra et cette règle", "stopped for this camera and rule"},
	"picture_deleted": {"foto gewist na haar bewaartermijn", "photo effacée au terme de sa conservation", "picture deleted after its time"},
	"unreadable":      {"niet leesbaar in de databank", "illisible dans la base de données", "unreadable in the database"},
	"stale":           {"intussen gewijzigd", "modifié entre-temps", "changed meanwhile"},
	"track_taken":     {"op een ander spoor", "dans une autre filière", "on another track"},
	"scope":           {"buiten uw zones", "hors de vos zones", "beyond your zones"},

	// States, queues and verdicts.
	"held": {"in beraad", "en suspens", "held"}, "keying": {"over te tikken", "à transcrire", "to key"}, "open": {"te beslissen", "à décider", "to decide"},
	"settling": {"bewaard, gaat zo in", "enregistré, prend effet bientôt", "kept, takes effect soon"}, "second": {"tweede controle", "double contrôle", "second look"},
	"arbitration": {"bij een supervisor", "chez un superviseur", "with a supervisor"}, "confirmed": {"bevestigd", "validé", "confirmed"}, "transmitted": {"overgemaakt", "transmis", "transmitted"},
	"returned": {"teruggestuurd", "renvoyé", "returned"}, "rejected": {"verworpen", "rejeté", "rejected"}, "withdrawn": {"ingetrokken", "retiré", "withdrawn"},
	"expired": {"vervallen", "expiré", "expired"}, "annulled": {"vernietigd", "annulé", "annulled"},
	"decide": {"beslissen", "décider", "decide"}, "key": {"overtikken", "transcrire", "key"}, "transmit": {"overmaken", "transmettre", "transmit"},
	"confirm": {"bevestigd", "validé", "confirmed"}, "reject": {"verworpen", "rejeté", "rejected"}, "correct_plate": {"nummerplaat verbeterd", "plaque corrigée", "plate corrected"},
	"overdue": {"te laat", "en retard", "overdue"}, "today": {"vandaag", "aujourd'hui", "today"}, "three_days": {"binnen 3 dagen", "dans les 3 jours", "within 3 days"}, "later": {"later", "plus tard", "later"},
	"suspect": {"twijfelachtig", "douteuse", "doubtful"}, "corrected": {"verbeterd", "corrigée", "corrected"},

	// What happened to a case.
	"taken_in": {"ontvangen", "reçu", "taken in"}, "re_decided": {"opnieuw beoordeeld", "réexaminé", "decided again by the rules"}, "keyed": {"overgetikt", "transcrite", "keyed"},
	"decided": {"beslist", "décidé", "decided"}, "held_by_hand": {"met de hand in beraad gezet", "mis en suspens à la main", "held by hand"}, "hold_ended": {"niet langer in beraad", "n'est plus en suspens", "hold ended"},
	"flagged": {"naar supervisor", "au superviseur", "flagged"}, "skipped": {"overgeslagen", "passé", "skipped"}, "undone": {"teruggenomen", "repris", "undone"},
	"second_decided": {"tweede controle", "double contrôle", "second look"}, "arbitrated": {"gearbitreerd", "arbitré", "arbitrated"}, "counter_decided": {"tegenbeslissing", "contre-décision", "counter-decision"},
	"numbered": {"pv-nummer gekregen", "numéro de PV reçu", "report number given"}, "acknowledged": {"ontvangst gemeld", "réception signalée", "receipt acknowledged"}, "mended": {"hersteld", "corrigé", "mended"},
	"noted": {"nota", "note", "note"}, "incident": {"incident", "incident", "incident"}, "incident_closed": {"incident gesloten", "incident clos", "incident closed"},
	"assigned": {"toegewezen", "attribué", "assigned"}, "track_changed": {"spoor gewijzigd", "filière changée", "track changed"}, "probe": {"gekend antwoord", "réponse connue", "known answer"},

	"pictures_found": {"foto's later bijgekomen", "photos ajoutées plus tard", "pictures came later"},
	"file_read":      {"voertuigdossier gelezen", "dossier du véhicule lu", "vehicle's file read"},

	// What a confirmed case is, in view of the file of its vehicle.
	"warning": {"waarschuwing", "avertissement", "warning"}, "fine": {"boete", "amende", "fine"}, "no_file": {"geen regels over eerdere zaken", "aucune règle sur des cas antérieurs", "no rules on earlier cases"},
	"file_missing": {"het dossier van het voertuig is nog niet gelezen", "le dossier du véhicule n'a pas encore été lu", "the vehicle's file is not read yet"},
	"file_changed": {"het dossier van het voertuig is veranderd", "le dossier du véhicule a changé", "the vehicle's file changed"},

	// Reasons to reject.
	"not_legible": {"niet leesbaar", "illisible", "not legible"}, "wrong_plate": {"foute nummerplaat", "plaque erronée", "wrong plate"}, "vehicle_differs": {"ander voertuig", "autre véhicule", "another vehicle"},
	"two_vehicles": {"twee voertuigen", "deux véhicules", "two vehicles"}, "priority_vehicle": {"prioritair voertuig", "véhicule prioritaire", "priority vehicle"}, "exemption": {"vrijstelling", "dérogation", "exemption"},
	"picture_missing_or_bad": {"foto ontbreekt of is slecht", "photo absente ou mauvaise", "picture missing or bad"}, "limit_or_sign_doubtful": {"limiet of bord twijfelachtig", "limitation ou panneau douteux", "limit or sign doubtful"},
	"device_doubtful": {"toestel twijfelachtig", "appareil douteux", "device doubtful"}, "other": {"andere", "autre", "other"},

	// Reasons to withdraw.
	"registered": {"was geregistreerd", "était enregistré", "was registered"}, "pass_found": {"had een pas", "avait un pass", "had a pass"}, "exemption_found": {"had een vrijstelling", "avait une dérogation", "had an exemption"},
	"norm_kept": {"voldeed aan de norm", "respectait la norme", "met the norm"}, "within_window": {"binnen de termijn van een eerdere boete", "dans le délai d'une amende antérieure", "within the term of an earlier fine"},
	"cap_reached": {"jaarlijks maximum bereikt", "maximum annuel atteint", "yearly maximum reached"}, "no_evidence": {"geen bewijs", "pas de preuve", "no evidence"}, "clock_wrong": {"klok fout", "horloge fausse", "clock wrong"},
	"limit_wrong": {"snelheidsbeperking fout", "limitation erronée", "limit wrong"}, "device_wrong": {"toestel fout", "appareil en défaut", "device wrong"}, "value_wrong": {"waarde fout", "valeur erronée", "value wrong"},
	"camera_wrong": {"camera fout", "caméra en défaut", "camera wrong"}, "not_provable": {"niet te bewijzen", "non prouvable", "not provable"}, "duplicate_case": {"dubbel dossier", "dossier en double", "duplicate case"},
	"recipient_asked": {"op vraag van de ontvanger", "à la demande du destinataire", "asked by the recipient"},

	// Reasons of a hold by hand. Those of the rules have their texts there.
	"awaits_register": {"wacht op het register", "attend le registre", "awaits the register"}, "awaits_partner": {"wacht op een partner", "attend un partenaire", "awaits a partner"},
	"camera_checked": {"camera wordt nagekeken", "caméra en contrôle", "the camera is being checked"},

	// Incidents, and the parts of a case that a seal covers.
	"seal_broken": {"zegel gebroken", "sceau brisé", "seal broken"}, "seal_differs": {"kwam opnieuw met een ander zegel", "revenu avec un autre sceau", "came again with another seal"},
	"seal_missing": {"verzegelde gegevens ontbreken", "données scellées absentes", "sealed data missing"}, "picture_damaged": {"foto beschadigd", "photo endommagée", "picture damaged"},
	"picture_missing": {"foto ontbreekt", "photo absente", "picture missing"}, "chain_broken": {"keten gebroken", "chaîne brisée", "chain broken"},
	"no_offence_now": {"volgens nieuwe gegevens geen inbreuk", "plus d'infraction selon de nouvelles données", "no offence under newer data"},
	"sealed":         {"verzegelde gegevens", "données scellées", "sealed data"}, "row": {"rij in de tabellen", "ligne des tables", "row in the tables"}, "chain": {"gebeurtenissen", "événements", "events"},

	// Marks and blocks.
	"foreign": {"buitenlandse nummerplaat", "plaque étrangère", "foreign plate"}, "low_confidence": {"onzekere lezing", "lecture incertaine", "uncertain reading"},
	"value_not_verified": {"steunt op een waarde die geen jurist heeft nagekeken", "repose sur une valeur qu'aucun juriste n'a vérifiée", "rests on a value that no jurist has checked"},
	"hold_not_ended":     {"is in beraad en nog niet opnieuw beoordeeld", "est en suspens et n'a pas encore été réexaminé", "was held, and is not decided again yet"},
	"no_picture":         {"geen foto", "pas de photo", "no picture"}, "export": {"ontbreekt voor de ontvanger", "manque pour le destinataire", "missing for the recipient"},
	"field.offence_id": {"nummer van de overtreding", "numéro de l'infraction", "offence id"}, "field.number": {"pv-nummer", "numéro de PV", "report number"}, "field.plate": {"nummerplaat", "plaque", "plate"},
	"field.country": {"land van de nummerplaat", "pays de la plaque", "country of the plate"}, "field.captured_at": {"tijdstip van de opname", "moment de la prise de vue", "time of capture"},
	"field.site": {"plaats", "lieu", "site"}, "field.municipality": {"gemeente", "commune", "municipality"}, "field.street": {"straat", "rue", "street"}, "field.rule": {"regel", "règle", "rule"},
	"field.legal_basis": {"rechtsgrond", "base légale", "legal basis"}, "field.amount": {"bedrag", "montant", "amount"}, "field.picture": {"foto", "photo", "picture"}, "field.seal": {"geldig zegel", "sceau valable", "valid seal"},
	"field.lane": {"rijstrook", "bande de circulation", "lane"}, "field.direction": {"rijrichting", "sens de circulation", "direction"},
	"field.device_serial": {"serienummer van het toestel", "numéro de série de l'appareil", "serial number of the device"}, "field.device_approval": {"goedkeuring van het toestel", "homologation de l'appareil", "approval of the device"},
	"field.automatic_device": {"geldig certificaat van het toestel", "certificat valable de l'appareil", "valid certificate of the device"},
	"field.measured_speed":   {"gemeten snelheid", "vitesse mesurée", "measured speed"}, "field.corrected_speed": {"gecorrigeerde snelheid", "vitesse corrigée", "corrected speed"},
	"field.limit": {"toegelaten snelheid", "vitesse autorisée", "speed limit"}, "field.officer": {"vaststeller", "agent constatateur", "officer"}, "field.appointment": {"aanstelling", "désignation", "appointment"},

	// Tracks.
	"immediate_collection": {"onmiddellijke inning", "perception immédiate", "immediate collection"}, "prosecutor": {"parket", "parquet", "prosecutor"}, "regional": {"gewest", "région", "region"},
	"municipal": {"gemeente", "commune", "municipality"}, "alternative": {"alternatief", "alternative", "alternative"},

	// Pictures, vehicles and units.
	"kind.scene": {"overzicht", "vue d'ensemble", "scene"}, "kind.plate": {"nummerplaat", "plaque", "plate"}, "kind.second": {"tweede opname", "deuxième prise de vue", "second shot"}, "kind.other": {"andere opname", "autre prise de vue", "other shot"},
	"family.redlight":      {"rood licht", "feu rouge", "red light"},
	"family.reserved_lane": {"voorbehouden rijstrook", "bande réservée", "reserved lane"},
	"family.goods":         {"verbod voor vrachtverkeer", "interdiction au transport de choses", "no goods vehicles"},
	"family.access":        {"toegangszone", "zone d'accès", "access zone"},
	"family.adr":           {"gevaarlijke goederen in een tunnel", "marchandises dangereuses en tunnel", "dangerous goods in a tunnel"},
	"family.clone":         {"gekloonde nummerplaat", "plaque clonée", "cloned plate"},
	"family.standing":      {"papieren van het voertuig", "documents du véhicule", "papers of the vehicle"},
	"family.hotlist":       {"geseind voertuig", "véhicule signalé", "listed vehicle"}, "family.lez": {"lage-emissiezone", "zone de basses émissions", "low-emission zone"}, "family.speed": {"snelheid", "vitesse", "speeding"},
	"family.section_control": {"trajectcontrole", "vitesse moyenne", "average speed"},
	"fuel.unknown":           {"brandstof onbekend", "carburant inconnu", "fuel unknown"}, "fuel.diesel": {"diesel", "diesel", "diesel"}, "fuel.petrol": {"benzine", "essence", "petrol"}, "fuel.lpg": {"lpg", "GPL", "LPG"},
	"fuel.cng": {"cng", "GNC", "CNG"}, "fuel.electric": {"elektrisch", "électrique", "electric"}, "fuel.hydrogen": {"waterstof", "hydrogène", "hydrogen"},
	"category.unknown": {"categorie onbekend", "catégorie inconnue", "category unknown"}, "euro.unknown": {"onbekend", "inconnu", "unknown"},
	"vehicle.car": {"personenauto", "voiture", "car"}, "vehicle.van": {"bestelwagen", "camionnette", "van"}, "vehicle.truck": {"vrachtwagen", "camion", "truck"}, "vehicle.bus": {"bus", "bus", "bus"}, "vehicle.motorcycle": {"motorfiets", "moto", "motorcycle"},
	"kmh": {"km/u", "km/h", "km/h"}, "percent": {"%", "%", "%"},
}

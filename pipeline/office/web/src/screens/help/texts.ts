import type { Lang } from '../../lib/i18n';

/** states are the states of a case, in the order in which a case goes through them. */
export const states = ['held', 'keying', 'open', 'settling', 'second', 'arbitration', 'confirmed', 'transmitted', 'returned', 'rejected', 'withdrawn', 'expired', 'annulled'] as const;

interface Help {
  reader: string;
  remap: string;
  states: string;
  statesLead: string;
  meaning: Record<(typeof states)[number], string>;
  glossary: string;
  terms: [string, string][];
}

const nl: Help = {
  reader: 'Werkt u met een schermlezer, dan neemt de leesmodus (NVDA: bladermodus) losse letters zelf. Gebruik dan de knoppen: elke toets heeft er een.',
  remap: 'Toetsen wijzigen of uitzetten',
  states: 'Wat elke toestand betekent',
  statesLead: 'Een dossier is altijd in één toestand. Elke stap staat met naam en uur in het verloop.',
  meaning: {
    held: 'Er moet eerst iets bekend zijn of voorbij zijn, bijvoorbeeld de termijn om een buitenlands voertuig te registreren. Daarna bekijken de regels het dossier vanzelf opnieuw.',
    keying: 'De nummerplaat of het land moet van de foto worden overgetikt, door twee personen die elkaars antwoord niet zien.',
    open: 'Een behandelaar beslist: bevestigen of verwerpen.',
    settling: 'Er is beslist; de beslissing gaat tien seconden later in. Tot dan kan wie besliste haar terugnemen.',
    second: 'Een andere persoon kijkt opnieuw, zonder het eerste antwoord te zien.',
    arbitration: 'Een supervisor beslist: de twee antwoorden verschillen, iemand vroeg het, de termijn is verstreken, of er klopt iets niet met zegel of foto.',
    confirmed: 'De overtreding is vastgesteld door een bevoegd persoon. Het dossier wacht op zijn nummer en op het overmaken.',
    transmitted: 'Het dossier is overgemaakt, langs het ene spoor dat het heeft.',
    returned: 'De ontvanger weigerde het of stuurde het terug. Een supervisor kijkt wat hersteld kan worden.',
    rejected: 'Geen overtreding, met een reden. Het einde, tenzij iemand een tegenbeslissing neemt.',
    withdrawn: 'Teruggenomen vóór het overmaken, door de regels of door een supervisor.',
    expired: 'Gesloten zonder beslissing, in het voordeel van de bestuurder.',
    annulled: 'Teruggenomen na het overmaken; de ontvanger is verwittigd.',
  },
  glossary: 'Woordenlijst',
  terms: [
    ['waarneming', 'Wat één camera op één ogenblik van één nummerplaat meldt.'],
    ['doorgang', 'Eén voertuig dat één keer voorbij één plaats rijdt, met alle waarnemingen ervan.'],
    ['overtreding', 'Wat de regels in een doorgang vinden. Pas een persoon maakt er een vaststelling van.'],
    ['dossier', 'Eén overtreding in handen van mensen, met alles wat ermee gebeurt.'],
    ['in beraad', 'Een dossier dat op een datum of een gegeven wacht.'],
    ['tweede controle', 'Een tweede persoon beoordeelt hetzelfde dossier, zonder het eerste antwoord te zien.'],
    ['arbitrage', 'Een supervisor die nog niets in het dossier besliste, hakt de knoop door.'],
    ['spoor', 'Waarheen een bevestigd dossier gaat: onmiddellijke inning, parket, gewest, gemeente of een alternatief. Altijd één.'],
    ['zegel', 'Een controlegetal over de vaststelling van de regels. Verandert er één teken, dan klopt het zegel niet meer.'],
    ['bewijsbundel', 'Eén bestand waarmee een rechtbank een dossier zonder ons kan nagaan.'],
    ['doel', 'Waarvoor u opzoekt. Elke opzoeking wordt onder dat doel gelogd.'],
    ['incident', 'Een zegel, foto of rij die niet klopt. Zolang het open is, kan het dossier niet worden bevestigd.'],
    ['trajectcontrole', 'De gemiddelde snelheid tussen twee plaatsen.'],
    ['onmiddellijke inning', 'Een boete die zonder rechter wordt voorgesteld.'],
    ['geseind voertuig', 'Een voertuig dat op een lijst van de politie staat.'],
  ],
};

const fr: Help = {
  reader: 'Avec un lecteur d’écran, le mode de lecture (NVDA : mode navigation) prend lui-même les lettres seules. Utilisez alors les boutons : chaque touche en a un.',
  remap: 'Modifier ou désactiver les touches',
  states: 'Ce que signifie chaque état',
  statesLead: 'Un dossier est toujours dans un seul état. Chaque étape figure au déroulement, avec le nom et l’heure.',
  meaning: {
    held: 'Un élément doit d’abord être connu ou un délai passé, par exemple celui pour enregistrer un véhicule étranger. Ensuite, les règles réexaminent le dossier d’elles-mêmes.',
    keying: 'La plaque ou le pays doit être transcrit de la photo, par deux personnes dont chacune ignore la réponse de l’autre.',
    open: 'Un agent décide : valider ou rejeter.',
    settling: 'La décision est enregistrée et prend effet dix secondes plus tard. Jusque-là, son auteur peut la reprendre.',
    second: 'Une autre personne regarde à nouveau, sans voir la première réponse.',
    arbitration: 'Un superviseur décide : les deux réponses diffèrent, quelqu’un l’a demandé, le délai est passé, ou le sceau ou la photo ne tient pas.',
    confirmed: 'Une personne compétente a constaté l’infraction. Le dossier attend son numéro et sa transmission.',
    transmitted: 'Le dossier est transmis, par sa seule filière.',
    returned: 'Le destinataire l’a refusé ou renvoyé. Un superviseur voit ce qui peut être réparé.',
    rejected: 'Pas d’infraction, avec un motif. C’est la fin, sauf contre-décision.',
    withdrawn: 'Repris avant la transmission, par les règles ou par un superviseur.',
    expired: 'Clos sans décision, au bénéfice du conducteur.',
    annulled: 'Repris après la transmission ; le destinataire est averti.',
  },
  glossary: 'Glossaire',
  terms: [
    ['lecture', 'Ce qu’une caméra signale d’une plaque à un instant.'],
    ['passage', 'Un véhicule qui passe une fois à un endroit, avec toutes ses lectures.'],
    ['infraction', 'Ce que les règles trouvent dans un passage. Seule une personne en fait un constat.'],
    ['dossier', 'Une infraction entre les mains de personnes, avec tout ce qui lui arrive.'],
    ['en suspens', 'Un dossier qui attend une date ou une donnée.'],
    ['double contrôle', 'Une deuxième personne juge le même dossier, sans voir la première réponse.'],
    ['arbitrage', 'Un superviseur qui n’a encore rien décidé dans le dossier tranche.'],
    ['filière', 'Où va un dossier validé : perception immédiate, parquet, région, commune ou alternative. Une seule, toujours.'],
    ['sceau', 'Une somme de contrôle sur ce que les règles ont trouvé. Un seul caractère changé, et le sceau ne tient plus.'],
    ['dossier de preuves', 'Un fichier qui permet à un tribunal de vérifier un dossier sans nous.'],
    ['finalité', 'Pourquoi vous consultez. Chaque consultation est journalisée sous cette finalité.'],
    ['incident', 'Un sceau, une photo ou une ligne qui ne tient pas. Tant qu’il est ouvert, le dossier ne peut être validé.'],
    ['contrôle tronçon', 'La vitesse moyenne entre deux endroits.'],
    ['perception immédiate', 'Une amende proposée sans juge.'],
    ['véhicule signalé', 'Un véhicule inscrit sur une liste de la police.'],
  ],
};

const en: Help = {
  reader: 'With a screen reader, its reading mode (NVDA: browse mode) takes single letters itself. Use the buttons then: each key has one.',
  remap: 'Change or turn off the keys',
  states: 'What each state means',
  statesLead: 'A case is always in one state. Each step stands in the course of events, with name and time.',
  meaning: {
    held: 'Something must be known or have passed first, such as the time to register a foreign vehicle. Then the rules look at the case again by themselves.',
    keying: 'Plate or country must be keyed from the picture, by two persons who do not see each other’s answer.',
    open: 'An agent decides: confirm or reject.',
    settling: 'A decision is recorded and takes effect ten seconds later. Until then whoever decided can take it back.',
    second: 'Another person looks again, without seeing the first answer.',
    arbitration: 'A supervisor decides: the two answers differ, somebody asked for it, the time is over, or seal or picture does not hold.',
    confirmed: 'A competent person has found the offence. The case waits for its number and for transmission.',
    transmitted: 'The case is handed over, on its one track.',
    returned: 'The recipient refused it or sent it back. A supervisor sees what can be mended.',
    rejected: 'No offence, with a reason. The end, unless somebody counter-decides.',
    withdrawn: 'Taken back before transmission, by the rules or by a supervisor.',
    expired: 'Closed without a decision, in favour of the driver.',
    annulled: 'Taken back after transmission; the recipient was told.',
  },
  glossary: 'Glossary',
  terms: [
    ['read', 'What one camera reports of one plate at one instant.'],
    ['passage', 'One vehicle that passes one site once, with all its reads.'],
    ['offence', 'What the rules find in a passage. Only a person makes a finding of it.'],
    ['case', 'One offence in the hands of people, with all that happens to it.'],
    ['hold', 'A case that waits for a date or a fact.'],
    ['second look', 'A second person judges the same case, without seeing the first answer.'],
    ['arbitration', 'A supervisor who has decided nothing in the case yet settles it.'],
    ['track', 'Where a confirmed case goes: immediate collection, prosecutor, region, municipality or an alternative. Always one.'],
    ['seal', 'A check sum over what the rules found. One character changed, and the seal no longer holds.'],
    ['evidence bundle', 'One file with which a court checks a case without us.'],
    ['purpose', 'What you look up for. Each look-up is logged under it.'],
    ['incident', 'A seal, picture or row that does not hold. While it is open the case cannot be confirmed.'],
    ['average speed check', 'The average speed between two sites.'],
    ['immediate collection', 'A fine that is offered without a judge.'],
    ['hotlist entry', 'A vehicle on a list of the police.'],
  ],
};

const all: Record<Lang, Help> = { nl, fr, en };

/** textsOf is the help in a language of the pages. */
export const textsOf = (lang: Lang): Help => all[lang];

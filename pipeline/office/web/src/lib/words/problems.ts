import type { Problem } from '../ask';
import { messages, type Lang } from '../i18n';

/** said is what an answer of work on cases means, by its code, in Dutch, French and English. Codes that every page meets stand in i18n. */
const said: Record<string, readonly [string, string, string]> = {
  decided: ['Dit dossier is intussen al beslist. Er is niets bijgekomen van u.', 'Ce dossier est déjà décidé entre-temps. Rien n’y a été ajouté de votre part.', 'This case was decided in the meantime. Nothing of yours was added.'],
  stale: ['Het dossier is intussen gewijzigd: bekijk het opnieuw. Er is niets beslist.', 'Le dossier a changé entre-temps : regardez-le à nouveau. Rien n’est décidé.', 'The case has changed since: look again. Nothing is decided.'],
  lease_lost: ['U hebt dit dossier niet meer: het is te lang blijven staan.', 'Vous n’avez plus ce dossier : il est resté ouvert trop longtemps.', 'You no longer hold this case: it stood too long.'],
  same_person: ['Een andere persoon moet dit doen: u hebt in dit dossier al geantwoord.', 'Une autre personne doit le faire : vous avez déjà répondu dans ce dossier.', 'Another person must do this: you have answered in this case already.'],
  not_competent: ['Uw aanstelling dekt deze beslissing niet. Vraag het aan uw supervisor.', 'Votre désignation ne couvre pas cette décision. Adressez-vous à votre superviseur.', 'Your appointment does not cover this decision. Ask your supervisor.'],
  step_up: ['Hiervoor bewijst u opnieuw wie u bent. Dat opent in een ander tabblad; wat u intikte blijft hier staan. Verstuur het daarna opnieuw.', 'Pour cet acte, prouvez à nouveau qui vous êtes. Cela s’ouvre dans un autre onglet ; votre saisie reste ici. Envoyez-la ensuite à nouveau.', 'For this you prove once more who you are. That opens in another tab; what you typed stays here. Send it again afterwards.'],
  approval_needed: ['Een tweede persoon moet dit goedkeuren.', 'Une deuxième personne doit l’approuver.', 'A second person must approve this.'],
  incident_open: ['Er is een open incident op dit dossier: iets ervan klopt niet. Een supervisor bekijkt het en sluit het eerst.', 'Un incident est ouvert sur ce dossier : quelque chose n’y correspond pas. Un superviseur l’examine et le clôture d’abord.', 'An incident is open on this case: something of it does not hold. A supervisor looks at it and closes it first.'],
  blocked: ['Dit dossier kan niet worden bevestigd; verwerp het of zet het in beraad.', 'Ce dossier ne peut être validé ; rejetez-le ou mettez-le en suspens.', 'This case cannot be confirmed; reject it or hold it.'],
  pictures_unseen: ['Bekijk eerst alle foto’s.', 'Regardez d’abord toutes les photos.', 'Look at all pictures first.'],
  preview_needed: ['Kijk eerst na wat de regels over deze nummerplaat zeggen.', 'Voyez d’abord ce que disent les règles sur cette plaque.', 'Look first at what the rules say about this plate.'],
  track_taken: ['Het dossier staat al op dit spoor.', 'Le dossier est déjà dans cette filière.', 'The case is on this track already.'],
  transmitted: ['Het dossier is al overgemaakt.', 'Le dossier est déjà transmis.', 'The case is transmitted already.'],
  too_early: ['Dat kan nog niet.', 'Ce n’est pas encore possible.', 'That is not possible yet.'],
  too_late: ['Dat kan niet meer.', 'Ce n’est plus possible.', 'That is no longer possible.'],
  leases_full: ['U hebt al zoveel dossiers als één persoon mag hebben.', 'Vous avez déjà autant de dossiers qu’une personne peut en avoir.', 'You hold as many cases as one person may.'],
  seal_broken: ['Dit dossier is gewijzigd nadat het verzegeld werd: gebruik het niet. De beheerder is verwittigd.', 'Ce dossier a été modifié après avoir été scellé : ne l’utilisez pas. Le gestionnaire est averti.', 'This case was changed after it was sealed: do not use it. The operator has been alarmed.'],
  undecided: ['Over dit dossier moet nog worden beslist. Afdruk en bundel komen na de beslissing.', 'Il reste à décider de ce dossier. L’impression et le dossier de preuves viennent après la décision.', 'Somebody is still to decide this case. Print and bundle come after the decision.'],
  bundle_expired: ['De bundel wordt een dag bewaard en is er niet meer. Maak hem opnieuw.', 'Le dossier de preuves est conservé un jour et n’y est plus. Refaites-le.', 'The bundle is kept for a day and is gone. Make it again.'],
  no_evidence_desk: ['Deze server maakt geen bewijsbundels: hij heeft er geen sleutels voor.', 'Ce serveur ne fait pas de dossiers de preuves : il n’a pas de clés pour cela.', 'This server makes no evidence bundles: it has no keys for them.'],
  key_reused: ['Hiervoor werd al iets anders gevraagd. Er is niets gedaan; kijk het dossier na.', 'Une autre demande a déjà été faite. Rien n’est fait ; vérifiez le dossier.', 'Something else was asked before. Nothing is done; look at the case.'],
  under_way: ['Dezelfde opdracht loopt nog: wacht even en kijk dan.', 'La même demande est encore en cours : attendez un instant, puis regardez.', 'The same change is under way: wait a moment, then look.'],
  picture_damaged: ['De foto is niet meer wat de camera stuurde. De beheerder is verwittigd.', 'La photo n’est plus celle de la caméra. Le gestionnaire est averti.', 'The picture is no longer what the camera sent. The operator has been alarmed.'],
  picture_missing: ['De foto is niet in de opslag. De beheerder is verwittigd.', 'La photo n’est pas dans le stockage. Le gestionnaire est averti.', 'The picture is not in the store. The operator has been alarmed.'],
  picture_deleted: ['De foto is na haar bewaartermijn gewist.', 'La photo a été effacée au terme de sa conservation.', 'The picture was deleted at the end of its time.'],
  images_unavailable: ['De opslag van de foto’s antwoordt niet; probeer opnieuw.', 'Le stockage des photos ne répond pas ; réessayez.', 'The store of pictures does not answer; try again.'],
  plates_hidden: ['Voor dit doel worden geen nummerplaten getoond.', 'Cette finalité ne montre pas de plaques.', 'This purpose shows no plates.'],
  purpose_needed: ['Zeg eerst waarvoor u dit vraagt.', 'Dites d’abord pourquoi vous le demandez.', 'Say first what you ask this for.'],
  scope: ['Niet gevonden binnen wat u mag zien.', 'Introuvable dans ce que vous pouvez voir.', 'Not found within what you may see.'],
  changed_count: ['Het aantal is intussen veranderd. Er is niets gedaan; kijk het nieuwe aantal na.', 'Le nombre a changé entre-temps. Rien n’est fait ; vérifiez le nouveau nombre.', 'The count has changed since. Nothing is done; look at the new count.'],
};

const columns: Record<Lang, 0 | 1 | 2> = { nl: 0, fr: 1, en: 2 };

/** explainCode says what a code of an answer means; '' for one that only the office's own sentence explains. */
export function explainCode(lang: Lang, code: string): string {
  return said[code]?.[columns[lang]] ?? (messages[lang].problems as Record<string, string>)[code] ?? '';
}

/** explain says what a problem means, in the words of work on cases; without them the office's own sentence stands. */
export function explain(lang: Lang, problem: Problem): string {
  return explainCode(lang, problem.code) || problem.detail || messages[lang].problems.internal;
}

/** Change is an event that happened to a case since the version that was looked at. */
export interface Change {
  kind: string;
  user: string;
  at: string;
}

/** changesIn lists who did what since, as the answer to a stale or decided act names it. */
export function changesIn(problem: Problem): Change[] {
  return problem.fields.filter((f) => f.field === 'event' && f.args.length >= 4).map((f) => ({ kind: f.args[1] ?? '', user: f.args[2] ?? '', at: f.args[3] ?? '' }));
}

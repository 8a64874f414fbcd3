import type { Lang } from '../../lib/i18n';

const nl = {
  counter: 'Tegenbeslissing',
  arbitration: 'Arbitrage',
  rules: { confirm: 'Bevestigen', reject: 'Verwerpen', hold: 'In beraad zetten', open: 'Terug naar de wachtrij', withdraw: 'Intrekken' },
  choose: 'Kies …',
  why: 'Waarom?',
  whyHelp: (least: number) => `${least > 1 ? `Minstens ${least} tekens. ` : ''}Blijft in het dossier staan. Enter verlaat het veld en beslist niets.`,
  whyFault: (least: number) => (least > 1 ? `Schrijf minstens ${least} tekens.` : 'Schrijf waarom.'),
  reasonFault: 'Kies een reden.',
  verdicts: 'Wat anderen antwoordden',
  verdictOf: (n: number): string => (n === 1 ? 'Eerste antwoord' : 'Tweede antwoord'),
  verdictsNone: 'Nog niemand heeft geantwoord.',
  counterNote: 'Na uw tegenbeslissing kijkt een andere persoon opnieuw.',
  done: 'Uw beslissing is bewaard.',
  emptyOne: 'Dit dossier wacht niet op een beslissing van u.',
};

const fr: typeof nl = {
  counter: 'Contre-décision',
  arbitration: 'Arbitrage',
  rules: { confirm: 'Valider', reject: 'Rejeter', hold: 'Mettre en suspens', open: 'Remettre dans la file', withdraw: 'Retirer' },
  choose: 'Choisissez …',
  why: 'Pourquoi ?',
  whyHelp: (least) => `${least > 1 ? `Au moins ${least} caractères. ` : ''}Reste dans le dossier. Entrée quitte le champ et ne décide rien.`,
  whyFault: (least) => (least > 1 ? `Écrivez au moins ${least} caractères.` : 'Écrivez pourquoi.'),
  reasonFault: 'Choisissez un motif.',
  verdicts: 'Ce que d’autres ont répondu',
  verdictOf: (n) => (n === 1 ? 'Première réponse' : 'Deuxième réponse'),
  verdictsNone: 'Personne n’a encore répondu.',
  counterNote: 'Après votre contre-décision, une autre personne regarde à nouveau.',
  done: 'Votre décision est enregistrée.',
  emptyOne: 'Ce dossier n’attend pas de décision de votre part.',
};

const en: typeof nl = {
  counter: 'Counter-decision',
  arbitration: 'Arbitration',
  rules: { confirm: 'Confirm', reject: 'Reject', hold: 'Hold', open: 'Back to the queue', withdraw: 'Withdraw' },
  choose: 'Choose …',
  why: 'Why?',
  whyHelp: (least) => `${least > 1 ? `At least ${least} characters. ` : ''}Stays in the case. Enter leaves the field and decides nothing.`,
  whyFault: (least) => (least > 1 ? `Write at least ${least} characters.` : 'Write why.'),
  reasonFault: 'Choose a reason.',
  verdicts: 'What others answered',
  verdictOf: (n) => (n === 1 ? 'First answer' : 'Second answer'),
  verdictsNone: 'Nobody has answered yet.',
  counterNote: 'After your counter-decision another person looks again.',
  done: 'Your decision is kept.',
  emptyOne: 'This case does not wait for a decision of yours.',
};

const all: Record<Lang, typeof nl> = { nl, fr, en };

/** textsOf are the texts of arbitration and counter-decision beside the words of work on cases. */
export const textsOf = (lang: Lang): typeof nl => all[lang];

import type { Lang } from '../../lib/i18n';
import { nl } from './texts.nl';
import { fr } from './texts.fr';
import { en } from './texts.en';

/** TeamTexts are the texts of the page of supervisors. */
export type TeamTexts = typeof nl;

const all: Record<Lang, TeamTexts> = { nl, fr, en };

/** textsOf are the texts of the page of supervisors. */
export const textsOf = (lang: Lang): TeamTexts => all[lang];

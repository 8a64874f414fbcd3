import { en } from './en';
import { fr } from './fr';
import { nl } from './nl';

export type Lang = 'nl' | 'fr' | 'en';
export const langs: readonly Lang[] = ['nl', 'fr', 'en'];
export type Messages = typeof nl;

/** messages holds every text of the pages. A language without a key does not compile. */
export const messages: Record<Lang, Messages> = { nl, fr, en };

/** isLang reports whether a word names one of the languages. */
export function isLang(word: string | null | undefined): word is Lang {
  return langs.includes(word as Lang);
}

/** pickLang takes the language that the address names, else the first of the browser's that there is, else Dutch. */
export function pickLang(named: string | null, wanted: readonly string[]): Lang {
  if (isLang(named)) return named;
  for (const tag of wanted) {
    const word = tag.toLowerCase().split('-')[0];
    if (isLang(word)) return word;
  }
  return 'nl';
}

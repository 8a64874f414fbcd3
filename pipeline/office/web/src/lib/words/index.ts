import type { Lang } from '../i18n';
import { en } from './en';
import { fr } from './fr';
import { nl } from './nl';

/** Words are the texts of work on cases. They come with the screens that need them and not with the entry. */
export type Words = typeof nl;

const all: Record<Lang, Words> = { nl, fr, en };

export function wordsOf(lang: Lang): Words {
  return all[lang];
}

/**
 * wordOf writes a code of the API in words. A group goes before a code that means other things elsewhere, as family.speed. A code without words
 * stands as it is: nothing is hidden because a list here is older than the office.
 */
export function wordOf(w: Words, code: string, group = ''): string {
  const codes = w.codes as Record<string, string>;
  const found = codes[group ? `${group}.${code}` : code];
  if (found) return found;
  const field = code.startsWith('export_') ? code.slice('export_'.length) : '';
  return field ? `${codes.export}${w.colon}${codes[`field.${field}`] ?? field}` : code.replaceAll('_', ' ');
}

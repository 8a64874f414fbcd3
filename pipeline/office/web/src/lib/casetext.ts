import type { Lang } from './i18n';
import type { Schemas } from './office';
import { writeNumber } from './time';
import { wordOf, type Words } from './words';

/** writeSpeed writes tenths of km/h: 47 or 47,5. */
export function writeSpeed(lang: Lang, tenths: number): string {
  return writeNumber(lang, tenths / 10);
}

/** writeQuestion asks the one question of an item. */
export function writeQuestion(lang: Lang, w: Words, item: Schemas['Item']): string {
  const m = item.measured;
  if (item.queue === 'key') return w.question.keying;
  if (m) {
    const margin = m.margin ? `${writeNumber(lang, Number(m.margin))}${m.margin_unit === 'percent' ? '\u00a0%' : ''}` : '';
    return w.question.speed(writeSpeed(lang, m.corrected_dkmh), writeSpeed(lang, m.speed_dkmh), margin, writeSpeed(lang, m.limit_dkmh));
  }
  if (item.light) {
    const seconds = (ms: number) => writeNumber(lang, ms / 1000);
    return w.question.light(item.light.aspect, seconds(item.light.measured_ms), seconds(item.light.counted_ms));
  }
  if (item.lez) {
    const fuel = wordOf(w, item.lez.fuel, 'fuel');
    return w.question.lez(fuel.charAt(0).toUpperCase() + fuel.slice(1), item.lez.euro);
  }
  return w.question.other(wordOf(w, item.family, 'family'));
}

/** writeWhat says in a few words what a case is about, without an amount: "47 / 30 km/h". */
export function writeWhat(lang: Lang, w: Words, c: { measured?: Schemas['ItemSpeeds']; family: string }): string {
  const m = c.measured;
  return m ? `${writeSpeed(lang, m.corrected_dkmh)} / ${writeSpeed(lang, m.limit_dkmh)} ${w.codes.kmh}` : wordOf(w, c.family, 'family');
}

/** StreetText is the name of a street, and its language where it is not that of the page. */
export interface StreetText {
  text: string;
  lang?: string;
}

/** writeStreet writes a street in the language of the page, else in one that it has. */
export function writeStreet(lang: Lang, street: Schemas['Street'] | undefined): StreetText | undefined {
  const names = street as Record<string, string | undefined> | undefined;
  if (!names) return undefined;
  const own = names[lang];
  if (own) return { text: own };
  const other = ['fr', 'nl'].find((l) => names[l]);
  return other ? { text: names[other] ?? '', lang: other } : undefined;
}

/** citedIn gives a text of the catalogue in a language of the office. */
export function citedIn(lang: Lang, cited: Schemas['Cited'] | undefined): string {
  return cited?.[lang] ?? '';
}

import type { Lang } from './i18n';

const locales: Record<Lang, string> = { nl: 'nl-BE', fr: 'fr-BE', en: 'en-GB' };
const brussels = 'Europe/Brussels';

/** writeTime writes an instant on a Brussels clock, with seconds; in the doubled hour of autumn with the offset. */
export function writeTime(lang: Lang, at: Date): string {
  const doubled = wallClock(at, -1) || wallClock(at, 1);
  return new Intl.DateTimeFormat(locales[lang], {
    timeZone: brussels,
    day: '2-digit',
    month: '2-digit',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...(doubled ? { timeZoneName: 'shortOffset' as const } : {}),
  })
    .format(at)
    .replace(/,? /g, '\u00a0'); // an instant stays on one line
}

// wallClock reports whether the clock shows the same an hour earlier or later.
function wallClock(at: Date, hours: number): boolean {
  const show = new Intl.DateTimeFormat('en-GB', { timeZone: brussels, dateStyle: 'short', timeStyle: 'medium' });
  return show.format(at) === show.format(new Date(at.getTime() + hours * 3_600_000));
}

/** writeSpan writes how long something still lasts: "1 h 12", "9 min". Below a minute it is one. */
export function writeSpan(lang: Lang, milliseconds: number): string {
  const minutes = Math.max(1, Math.ceil(milliseconds / 60_000));
  const hours = Math.floor(minutes / 60);
  const hour = lang === 'nl' ? 'u' : 'h';
  if (hours === 0) return `${minutes} min`;
  return minutes % 60 ? `${hours} ${hour} ${String(minutes % 60).padStart(2, '0')}` : `${hours} ${hour}`;
}

/** writeList joins words as the language does. */
export function writeList(lang: Lang, words: string[]): string {
  return new Intl.ListFormat(locales[lang], { type: 'conjunction' }).format(words);
}

/** writeNumber writes a number as the language does. */
export function writeNumber(lang: Lang, n: number): string {
  return new Intl.NumberFormat(locales[lang]).format(n);
}

/** writeDay writes the Brussels day of an instant: 28/11/2026. */
export function writeDay(lang: Lang, at: Date): string {
  return new Intl.DateTimeFormat(locales[lang], { timeZone: brussels, day: '2-digit', month: '2-digit', year: 'numeric' }).format(at);
}

/** daysUntil is how many Brussels days lie between today and the last day of a clock, which ends with that day; negative = past. */
export function daysUntil(at: Date, now: Date): number {
  const dayOf = (d: Date) => {
    const [y, m, day] = new Intl.DateTimeFormat('en-CA', { timeZone: brussels }).format(d).split('-').map(Number);
    return Date.UTC(y ?? 0, (m ?? 1) - 1, day) / 86_400_000;
  };
  return dayOf(new Date(at.getTime() - 1)) - dayOf(now);
}

/** writeCountry writes a country by its two letters. */
export function writeCountry(lang: Lang, code: string): string {
  try {
    return new Intl.DisplayNames(locales[lang], { type: 'region' }).of(code) ?? code;
  } catch {
    return code; // no country of two letters
  }
}

/** writeMoney writes an amount of cents of a euro. */
export function writeMoney(lang: Lang, cents: number): string {
  return new Intl.NumberFormat(locales[lang], { style: 'currency', currency: 'EUR' }).format(cents / 100);
}

/** readInstant reads an instant as people write it on a Brussels clock, 28/11/2026 14:05, or as 2026-11-28 14:05; undefined for anything else. */
export function readInstant(typed: string): Date | undefined {
  const m = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})[ ,T]+(\d{1,2})[:.uh](\d{2})$/.exec(typed.trim());
  const iso = /^(\d{4})-(\d{2})-(\d{2})[ T]+(\d{2}):(\d{2})$/.exec(typed.trim());
  const [y, mo, d, h, min] = (m ? [m[3], m[2], m[1], m[4], m[5]] : iso ? iso.slice(1) : []).map(Number);
  if (y === undefined || mo === undefined || d === undefined || h === undefined || min === undefined || h > 23 || min > 59) return undefined;
  const wanted = Date.UTC(y, mo - 1, d, h, min);
  if (new Date(wanted).getUTCDate() !== d || new Date(wanted).getUTCMonth() !== mo - 1) return undefined;
  // Brussels is one or two hours ahead; in the doubled hour the earlier instant counts, and a skipped hour is none.
  return [2, 1].map((hours) => new Date(wanted - hours * 3_600_000)).find((at) => wallTime(at) === wanted);
}

function wallTime(at: Date): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: brussels, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', hourCycle: 'h23' }).formatToParts(at);
  const n = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  return Date.UTC(n('year'), n('month') - 1, n('day'), n('hour'), n('minute'));
}

/** writeMarks are the marks between parts of a line, as the language sets them: French has a space before colon and semicolon. */
export function writeMarks(lang: Lang): { colon: string; semicolon: string } {
  return lang === 'fr' ? { colon: '\u00a0: ', semicolon: '\u00a0; ' } : { colon: ': ', semicolon: '; ' };
}

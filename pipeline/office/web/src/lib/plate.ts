// Letters and digits that cameras and eyes take for each other.
const alike = ['0ODQ', '1IL', '8B', '5S', '2Z', '6G', 'UV', 'MNW'];

/** groupPlate writes a plate in the groups of its country, for the eye; an unknown form stands as it is. */
export function groupPlate(text: string, country?: string): string {
  if (country === 'BE') {
    const m = /^(\d)([A-Z]{3})(\d{3})$/.exec(text) ?? /^([A-Z]{3})(\d{3})()$/.exec(text);
    if (m) return m.slice(1).filter(Boolean).join('-');
  }
  if (country === 'FR') {
    const m = /^([A-Z]{2})(\d{3})([A-Z]{2})$/.exec(text);
    if (m) return m.slice(1).join('-');
  }
  if (country === 'NL') {
    const groups = text.match(/[A-Z]+|\d+/g) ?? [];
    const halves = groups.flatMap((g) => (g.length === 4 ? [g.slice(0, 2), g.slice(2)] : [g]));
    if (halves.length === 3) return halves.join('-');
  }
  return text;
}

/** Letter is a character of a plate as it is shown. At is its place among the characters of the plate, from 0; -1 of a hyphen. */
export interface Letter {
  char: string;
  at: number;
}

/** lettersOf gives the characters of a plate in groups. */
export function lettersOf(text: string, country?: string): Letter[] {
  let at = 0;
  const marks = [...text].some((c) => c === '-');
  return [...groupPlate(text, country)].map((char) => ({ char, at: char === '-' && !marks ? -1 : at++ }));
}

/** confusablesOf lists the characters of a plate that are easily taken for others, as "8/B". */
export function confusablesOf(text: string): string[] {
  const out = new Set<string>();
  for (const char of text) {
    const set = alike.find((s) => s.includes(char));
    if (set) out.add([char, ...[...set].filter((c) => c !== char)].join('/'));
  }
  return [...out];
}

/** differencesOf lists the places at which two plates differ, from 0. */
export function differencesOf(a: string, b: string): number[] {
  const out: number[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) if (a[i] !== b[i]) out.push(i);
  return out;
}

/** canonicalPlate writes what was typed as a plate is kept: capitals and digits alone; undefined when it has anything else than separators. */
export function canonicalPlate(typed: string): string | undefined {
  const text = typed.toUpperCase().replace(/[\s.·-]/g, '');
  return /^[A-Z0-9]{1,16}$/.test(text) ? text : undefined;
}

import type { Words } from './words';

/** Command is an act that has a key and a button. */
export type Command = keyof Words['commands'];

/** Pane is a part of a page with keys of its own. */
export type Pane = 'everywhere' | 'list' | 'work' | 'review' | 'dossier' | 'bundle' | 'team';

/** Binding is a line of the table: a command, and the key that stands on the keyboard. Arrows and Enter go by their names. */
export interface Binding {
  pane: Pane;
  command: Command;
  key: string;
}

/**
 * bindings is the table of keys. It is part of the interface: a change is named in the subject of its commit, and told on the page. Letters go
 * by what stands on the key, so that A is where the keyboard says A.
 */
export const bindings: readonly Binding[] = [
  { pane: 'everywhere', command: 'help', key: '?' },
  { pane: 'everywhere', command: 'goWork', key: 'g w' },
  { pane: 'everywhere', command: 'goReview', key: 'g r' },
  { pane: 'everywhere', command: 'goTeam', key: 'g t' },
  { pane: 'list', command: 'down', key: 'j' },
  { pane: 'list', command: 'up', key: 'k' },
  { pane: 'list', command: 'open', key: 'Enter' },
  { pane: 'list', command: 'filter', key: '/' },
  { pane: 'work', command: 'take', key: 'n' },
  { pane: 'review', command: 'confirm', key: 'a' },
  { pane: 'review', command: 'reject', key: 'r' },
  { pane: 'review', command: 'edit', key: 'e' },
  { pane: 'review', command: 'hold', key: 'h' },
  { pane: 'review', command: 'flag', key: 'f' },
  { pane: 'review', command: 'skip', key: 's' },
  { pane: 'review', command: 'undo', key: 'u' },
  { pane: 'review', command: 'zoom', key: 'z' },
  { pane: 'review', command: 'contrast', key: 'c' },
  { pane: 'review', command: 'invert', key: 'i' },
  { pane: 'review', command: 'previous', key: 'ArrowLeft' },
  { pane: 'review', command: 'next', key: 'ArrowRight' },
  { pane: 'dossier', command: 'down', key: 'j' },
  { pane: 'dossier', command: 'up', key: 'k' },
  { pane: 'dossier', command: 'open', key: 'Enter' },
  { pane: 'dossier', command: 'previous', key: 'ArrowLeft' },
  { pane: 'dossier', command: 'next', key: 'ArrowRight' },
  { pane: 'dossier', command: 'print', key: 'p' },
  { pane: 'dossier', command: 'bundle', key: 'b' },
  { pane: 'dossier', command: 'note', key: 'n' },
  { pane: 'bundle', command: 'down', key: 'j' },
  { pane: 'bundle', command: 'up', key: 'k' },
  { pane: 'bundle', command: 'open', key: 'Enter' },
  { pane: 'team', command: 'down', key: 'j' },
  { pane: 'team', command: 'up', key: 'k' },
  { pane: 'team', command: 'open', key: 'Enter' },
  { pane: 'team', command: 'filter', key: '/' },
];

/** Pressed is what a key press means to the pages: a letter, sign or name, or a digit. */
export interface Pressed {
  key: string;
  /** digit is 0 to 9; undefined for every other key. */
  digit?: number;
}

/**
 * readKey says what a key press means; undefined for one that is not ours: with Ctrl, Alt, Meta or AltGr, held down, in the middle of a
 * composition, or a dead key. Digits go by their place, with Shift or without, since on AZERTY they need it; those of the number pad only while
 * they are digits.
 */
export function readKey(e: KeyboardEvent): Pressed | undefined {
  if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || e.getModifierState('AltGraph') || e.isComposing || e.repeat || e.key === 'Dead' || e.key === 'Process') return undefined;
  const digit = /^(Digit|Numpad)(\d)$/.exec(e.code);
  if (digit?.[1] === 'Digit') return { key: e.key === '?' || e.key === '/' ? e.key : '', digit: Number(digit[2]) };
  if (digit) return e.key === digit[2] ? { key: '', digit: Number(digit[2]) } : undefined;
  if (e.key === 'F1') return { key: '?' };
  return { key: e.key.length === 1 ? e.key.toLowerCase() : e.key };
}

/** isTyping reports whether a key press belongs to a field, or to a dialog that is open. */
export function isTyping(e: KeyboardEvent): boolean {
  const at = e.target as HTMLElement | null;
  return !!at?.closest('input, textarea, select, [contenteditable]') || !!document.querySelector('dialog[open]');
}

/** Remap is a person's own keys, by pane and command: review.confirm. */
export type Remap = Record<string, string>;

/** keyOf is the key of a command in a pane: the person's own, else that of the table. */
export function keyOf(pane: Pane, command: Command, remap: Remap = {}): string {
  return remap[`${pane}.${command}`] ?? bindings.find((b) => b.pane === pane && b.command === command)?.key ?? '';
}

/** commandOf is the command of a key in a pane. */
export function commandOf(pane: Pane, key: string, remap: Remap = {}): Command | undefined {
  return key ? bindings.find((b) => b.pane === pane && keyOf(pane, b.command, remap) === key)?.command : undefined;
}

const drawn: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→', Enter: 'Enter' };

/** drawKey writes a key as it stands on a button. */
export function drawKey(key: string): string {
  return key
    .split(' ')
    .map((k) => drawn[k] ?? k.toUpperCase())
    .join(' ');
}

/** shortcutOf writes a key for aria-keyshortcuts. */
export function shortcutOf(key: string): string | undefined {
  return key && !key.includes(' ') ? (key.length === 1 ? key.toUpperCase() : key) : undefined;
}

/** Listener gets the key presses of a page; it returns true for one that it used. */
export type Listener = (pressed: Pressed, e: KeyboardEvent) => boolean;

const listeners: Listener[] = [];

/** onKey adds a listener until the returned function is called; the newest is asked first. */
export function onKey(listener: Listener): () => void {
  listeners.push(listener);
  return () => {
    const i = listeners.indexOf(listener);
    if (i >= 0) listeners.splice(i, 1);
  };
}

/** listenToKeys is the one listener of the pages; what is typed into a field is not its business. */
export function listenToKeys(e: KeyboardEvent): void {
  const pressed = isTyping(e) ? undefined : readKey(e);
  if (pressed && [...listeners].reverse().some((listener) => listener(pressed, e))) e.preventDefault();
}

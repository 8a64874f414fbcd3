import type { Lang } from '../../lib/i18n';
import type { Schemas } from '../../lib/office';
import { writeDay } from '../../lib/time';

/** queues are the tabs of the list: what people decide, then what waits by itself. */
export const queues = ['decide', 'second', 'key', 'arbitration', 'transmit', 'held'] as const;
export type QueueTab = (typeof queues)[number];

/** fields are the filters of the list, which stand in the address. */
export const fields = ['family', 'regime', 'zone', 'municipality', 'site', 'camera', 'mark', 'due_before', 'hold_reason'] as const;
export type Field = (typeof fields)[number];

/** regimes are the laws under which cases are handled. */
export const regimes = ['traffic', 'lez'] as const;

/** keptFields are the fields that a saved filter keeps: a date would soon be past. */
export const keptFields = fields.filter((f) => f !== 'due_before');

/** addressOf is the address of the list with a saved filter. */
export function addressOf(saved: Schemas['SavedFilter']): string {
  return `/work?${new URLSearchParams([['queue', saved.queue], ...keptFields.flatMap((f) => (saved[f] ? [[f, String(saved[f])]] : []))]).toString()}`;
}

/** readDay reads a day as people write it, 28/11/2026, or as 2026-11-28; undefined for anything else. It is the instant of its Brussels midnight. */
export function readDay(typed: string): Date | undefined {
  const m = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/.exec(typed.trim());
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(typed.trim());
  const [y, mo, d] = m ? [m[3], m[2], m[1]] : iso ? iso.slice(1) : [];
  if (!y || !mo || !d) return undefined;
  const noon = new Date(Date.UTC(Number(y), Number(mo) - 1, Number(d), 12));
  if (noon.getUTCDate() !== Number(d) || noon.getUTCMonth() !== Number(mo) - 1) return undefined;
  const hour = Number(new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Brussels', hour: '2-digit', hourCycle: 'h23' }).format(noon));
  return new Date(noon.getTime() - hour * 3_600_000);
}

/** writeFilterDay writes the day of a filter. */
export function writeFilterDay(lang: Lang, value: string): string {
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : writeDay(lang, at);
}

import type { Held, Queue } from './held.svelte';
import { endOfHold } from './hold';
import type { Panel, RuleKind } from './panel.svelte';

/** isRuling is true for the queues in which a verdict is explained: arbitration, and a decision against a verdict. */
export const isRuling = (queue: Queue): boolean => queue === 'arbitration' || queue === 'counter';

/** rulesOf are the rulings of a queue, in the order of their buttons. */
export const rulesOf = (queue: Queue): readonly RuleKind[] => (queue === 'arbitration' ? ['confirm', 'reject', 'hold', 'open', 'withdraw'] : ['confirm', 'reject']);

/** leastOf is how many characters explain a ruling at least. */
export const leastOf = (queue: Queue): number => (queue === 'counter' ? 10 : 1);

const states = { confirm: 'confirmed', reject: 'rejected', hold: 'held', open: 'open', withdraw: 'withdrawn' } as const;
const saids = { confirm: 'confirm', reject: 'reject', hold: 'held_by_hand', open: 'open', withdraw: 'withdrawn' } as const;

/** Ruling is what is sent for a ruling, and the word for it. */
export interface Ruling {
  path: string;
  body: Record<string, unknown>;
  said: string;
}

/** makeRuling makes the request of a ruling. A confirmation says how the person looked, as that of an item does. */
export function makeRuling(h: Held, panel: Panel, now: number, byMouse: boolean): Ruling {
  const kind = panel.rule;
  const look = {
    lease_id: h.item.lease.id, checks: [true, true, true, true, true], pictures: h.shots.filter((s) => s.state === 'ready').map((s) => s.sha256).slice(0, 8), shown_ms: h.shown, input: byMouse ? 'mouse' : 'key',
  };
  const plate = kind === 'confirm' && h.corrects && h.preview ? { plate: h.plate, country: h.country, preview_id: h.preview.preview_id } : {};
  const reason = panel.reason ? { reason: panel.reason } : {};
  const text = h.text.trim();
  if (h.item.queue === 'counter') {
    const verdict = kind === 'reject' ? 'reject' : h.corrects ? 'correct_plate' : 'confirm';
    return { path: 'counter-decisions', body: { verdict, text, ...reason, ...look, ...plate }, said: 'counter_decided' };
  }
  const until = kind === 'hold' ? { until: endOfHold(panel.holdDays, now, Date.parse(h.item.due_at ?? '') || 0).toISOString() } : {};
  return { path: 'arbitrations', body: { to: states[kind], text, ...reason, ...until, ...(kind === 'confirm' ? { ...look, ...plate } : { lease_id: h.item.lease.id }) }, said: saids[kind] };
}

import type { Schemas } from '../../lib/office';

export type Outcome = Schemas['CaseOutcome']['outcome'];

/** Chosen is what was filled in for a case: '' for nothing. */
export interface Chosen {
  outcome: Outcome | '';
  reason: string;
}

/** form is the form of an answer file, and maxFile how many bytes of one are read: a thousand answers with their reasons. */
export const form = 'anpr-handover-answer/1';
export const maxFile = 4_000_000;

/** outcomesFor lists what the recipient can still say of a case. What was said once is not asked again. */
export function outcomesFor(c: Schemas['SentCase']): Outcome[] {
  if (c.state === 'annulled') return ['annulment_acknowledged'];
  if (c.state !== 'transmitted') return [];
  return c.outcome === 'acknowledged' ? ['returned'] : ['acknowledged', 'returned'];
}

/** FileFault says why an answer file is not taken. */
export type FileFault = 'large' | 'json' | 'form' | 'batch' | 'answers';

/** Read is what an answer file says: for each number what was chosen, and what of it concerns no case of the batch. */
export interface Read {
  chosen: Map<string, Chosen>;
  strange: string[];
}

const outcomes: readonly string[] = ['acknowledged', 'returned', 'annulment_acknowledged'] satisfies Outcome[];

/** readFile takes an answer file of a recipient apart. It decides nothing: a person sees what it says before it is sent. */
export function readFile(text: string, batch: string, numbers: ReadonlySet<string>): Read | FileFault {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return 'json';
  }
  const file = (typeof said === 'object' && said !== null ? said : {}) as Record<string, unknown>;
  if (file.form !== form) return 'form';
  if (file.batch_id !== batch) return 'batch';
  if (!Array.isArray(file.answers) || !file.answers.length) return 'answers';
  const out: Read = { chosen: new Map(), strange: [] };
  for (const entry of file.answers as unknown[]) {
    const a = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
    if (typeof a.number !== 'string' || typeof a.outcome !== 'string' || !outcomes.includes(a.outcome) || (a.reason !== undefined && typeof a.reason !== 'string') || out.chosen.has(a.number)) return 'answers';
    if (!numbers.has(a.number)) out.strange.push(a.number);
    else out.chosen.set(a.number, { outcome: a.outcome as Outcome, reason: a.reason ?? '' });
  }
  return out;
}

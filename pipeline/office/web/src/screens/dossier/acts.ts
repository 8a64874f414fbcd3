import type { Schemas } from '../../lib/office';

type Case = Schemas['ShownCase'];

/** ActName is an act on a case that the dossier offers. */
export type ActName = 'counter' | 'withdraw' | 'track' | 'release' | 'incident';

/** rejectReasons, withdrawReasons and tracks are the closed lists of the API, in the order in which they stand on the page. */
export const rejectReasons: readonly NonNullable<Schemas['CounterQueryBody']['reason']>[] = [
  'not_legible', 'wrong_plate', 'vehicle_differs', 'two_vehicles', 'priority_vehicle', 'exemption', 'picture_missing_or_bad', 'limit_or_sign_doubtful', 'device_doubtful', 'other',
];
export const withdrawReasons: readonly Schemas['WithdrawalQueryBody']['reason'][] = [
  'registered', 'pass_found', 'exemption_found', 'norm_kept', 'within_window', 'cap_reached', 'no_evidence', 'clock_wrong', 'limit_wrong', 'device_wrong', 'value_wrong', 'camera_wrong', 'not_provable', 'duplicate_case',
  'recipient_asked', 'other',
];
export const tracks: readonly Schemas['TrackQueryBody']['track'][] = ['immediate_collection', 'prosecutor', 'regional', 'municipal', 'alternative'];

const withdrawable = ['held', 'keying', 'open', 'second', 'arbitration', 'confirmed', 'returned'];
const trackable = ['held', 'keying', 'open', 'settling', 'second', 'arbitration', 'confirmed'];

/** isDecided is true once a case can leave the office on paper: before, its print and bundle would tell what others answered. */
export const isDecided = (c: Case): boolean => !['held', 'keying', 'open', 'settling', 'second', 'arbitration'].includes(c.state);

/** actsFor lists what a person may do with a case in its present state. The office has the last word. */
export function actsFor(dossier: Schemas['CaseAnswer'], name: string, role: string): ActName[] {
  const c: Case = dossier.case;
  const supervises = role === 'gvc_supervisor';
  const decided = (dossier.events ?? []).some((e) => e.user === name && !!e.verdict);
  const acts: ActName[] = [];
  if (['confirmed', 'rejected'].includes(c.state) && (supervises || (role === 'gvc_agent' && decided))) acts.push('counter');
  if (!supervises) return acts;
  if (c.state === 'held') acts.push('release');
  if (c.incidents?.length) acts.push('incident');
  if (trackable.includes(c.state)) acts.push('track');
  if (withdrawable.includes(c.state)) acts.push('withdraw');
  return acts;
}

/** Filled is what was filled in for an act. */
export interface Filled {
  choice: string;
  text: string;
  accept: boolean;
  lane: string;
}

/** Ask is what is sent for an act. */
export interface Ask {
  path: string;
  body: Record<string, unknown>;
}

/** askOf makes the request of an act. */
export function askOf(act: ActName, c: Case, f: Filled): Ask {
  const text = f.text.trim();
  const written = text ? { text } : {};
  switch (act) {
    case 'counter':
      return { path: 'counter-decisions', body: c.state === 'rejected' ? { verdict: 'confirm', ...written } : { verdict: 'reject', reason: f.choice, ...written } };
    case 'withdraw':
      return { path: 'withdrawals', body: { reason: f.choice, ...written } };
    case 'track':
      return { path: 'track', body: { track: f.choice, ...written } };
    case 'release':
      return { path: 'release', body: { ...(f.accept ? { accept: true } : {}), ...(f.lane ? { lane: Number(f.lane) } : {}), ...written } };
    case 'incident':
      return { path: 'incident-closings', body: { n: Number(f.choice), ...written } };
  }
}

/** leastText is how many characters of explanation an act needs. */
export function leastText(act: ActName, f: Filled): number {
  if (act === 'counter' || act === 'incident') return 10;
  if (act === 'release') return f.accept ? 10 : 0;
  return act === 'track' || f.choice === 'other' ? 1 : 0;
}

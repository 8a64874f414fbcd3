import type { Schemas } from '../../lib/office';

type Case = Schemas['ShownCase'];

/** ActName is an act on a case that the dossier offers. */
export type ActName = 'withdraw' | 'track' | 'release' | 'incident' | 'mend' | 'annul' | 'return';

/** withdrawReasons and tracks are the closed lists of the API, in the order in which they stand on the page. */
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
export function actsFor(c: Case, role: string): ActName[] {
  const supervises = role === 'gvc_supervisor';
  const acts: ActName[] = [];
  if (role === 'prosecutor' && c.state === 'transmitted' && c.track === 'prosecutor') acts.push('return');
  if (!supervises) return acts;
  if (c.state === 'returned') acts.push('mend');
  if (c.state === 'held') acts.push('release');
  if (c.incidents?.length) acts.push('incident');
  if (trackable.includes(c.state)) acts.push('track');
  if (withdrawable.includes(c.state)) acts.push('withdraw');
  if (c.state === 'transmitted' || c.state === 'returned') acts.push('annul');
  return acts;
}

/** paneFor names the queue of the review pane in which the person may decide a case anew: counter for a decided one, arbitration; '' for neither. */
export function paneFor(dossier: Schemas['CaseAnswer'], name: string, role: string): '' | 'counter' | 'arbitration' {
  const state = dossier.case.state;
  const supervises = role === 'gvc_supervisor';
  if (state === 'arbitration') return supervises ? 'arbitration' : '';
  const decided = (dossier.events ?? []).some((e) => e.user === name && !!e.verdict);
  return ['confirmed', 'rejected'].includes(state) && (supervises || (role === 'gvc_agent' && decided)) ? 'counter' : '';
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
export function askOf(act: ActName, f: Filled): Ask {
  const text = f.text.trim();
  const written = text ? { text } : {};
  switch (act) {
    case 'withdraw':
      return { path: 'withdrawals', body: { reason: f.choice, ...written } };
    case 'track':
      return { path: 'track', body: { track: f.choice, ...written } };
    case 'release':
      return { path: 'release', body: { ...(f.accept ? { accept: true } : {}), ...(f.lane ? { lane: Number(f.lane) } : {}), ...written } };
    case 'mend':
      return { path: 'mendings', body: { to: f.choice, ...written } };
    case 'annul':
      return { path: 'annulments', body: { reason: f.choice, ...written } };
    case 'return':
      return { path: 'returns', body: { reason: text } };
    case 'incident':
      return { path: 'incident-closings', body: { n: Number(f.choice), ...written } };
  }
}

/** leastText is how many characters of explanation an act needs. */
export function leastText(act: ActName, f: Filled): number {
  if (act === 'incident' || act === 'mend') return 10;
  if (act === 'return') return 1;
  if (act === 'release') return f.accept ? 10 : 0;
  return act === 'track' || f.choice === 'other' ? 1 : 0;
}

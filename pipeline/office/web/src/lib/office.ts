import type { components } from './types';

/** Schemas are the objects of the API, as its OpenAPI document has them. */
export type Schemas = components['schemas'];

/** Roles and purposes are the closed sets of package access. */
export const roles = ['gvc_agent', 'gvc_supervisor', 'zone_officer', 'prosecutor', 'camera_operator', 'auditor', 'jurist'] as const;
export type Role = (typeof roles)[number];

export const purposes = ['judicial', 'administrative', 'traffic', 'oversight', 'operation'] as const;
export type PurposeKind = (typeof purposes)[number];

/** Purpose is a purpose that is open. */
export interface Purpose {
  id: string;
  purpose: PurposeKind;
  reason?: string;
  case_ref?: string;
  ends_at: string;
  opens_from?: string;
  zones?: string[];
}

/** Me is who is signed in. */
export interface Me {
  name: string;
  role?: Role;
  /** zones are police zones; absent = all. */
  zones?: string[];
  grants?: string[];
  /** may_state are the purposes of the role. */
  may_state?: PurposeKind[];
  /** purposes are those that are open, the newest first. */
  purposes?: Purpose[];
  sign_in_ends?: string;
  settings?: Schemas['SettingsAnswer'];
  /** saved_filters are the person's own filters of the work list. */
  saved_filters?: Schemas['SavedFiltersAnswer'];
  /** rows_left is how many rows may be shown today, rows_until when the count begins anew. */
  rows_left?: number;
  rows_until?: string;
  /** approvals_waiting is how many matters wait for the person as second person. */
  approvals_waiting?: number;
}

/** Question is what somebody wants to ask with a second person: a search, a list or more rows. */
export interface Question {
  plate?: string;
  country?: string;
  mode?: string;
  cameras?: string[];
  from?: string;
  to?: string;
  list_sha256?: string;
  entries?: number;
  rows?: number;
  /** case_id and reason are of an annulment; act, cases, by_state, choice, reason and text of an act on many cases. */
  case_id?: string;
  reason?: string;
  act?: string;
  cases?: number;
  by_state?: { state: string; count: number }[];
  choice?: Record<string, unknown>;
  text?: string;
  /** hold is the hold reason of the choice, in words. */
  hold?: Schemas['Cited'];
}

/** Approval is what waits for a second person, or was decided by one. */
export interface Approval {
  id: string;
  kind: 'search' | 'list' | 'rows' | 'annulment' | 'bulk';
  user: string;
  role: Role;
  zones?: string[] | null;
  purpose: PurposeKind;
  reason: string;
  case_ref?: string;
  question: Question;
  asked_at: string;
  /** outcome is absent while it waits. */
  outcome?: 'approved' | 'refused';
  decided_by?: string;
}

/** SignedOut is the answer to a sign-out. */
export interface SignedOut {
  /** provider is where people sign in, when that is elsewhere. */
  provider?: {
    name: string;
    /** next is where the browser ends its session there; absent when it stays. */
    next?: string;
  };
}

/** Site is what is said of the office to everybody. */
export interface Site {
  /** sign_in is how people sign in here: oidc, or none where the office takes bearer tokens only. */
  sign_in: 'oidc' | 'none';
  made_up: boolean;
  contact?: string;
}

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
}

/** Site is what is said of the office to everybody. */
export interface Site {
  /** sign_in is how people sign in here: oidc, or none where the office takes bearer tokens only. */
  sign_in: 'oidc' | 'none';
  made_up: boolean;
  contact?: string;
}

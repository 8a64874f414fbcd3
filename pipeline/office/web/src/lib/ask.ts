import { status } from './status.svelte';

/** FieldFault is a fault of a field: a code and its arguments. The value that was sent is never repeated. */
export interface FieldFault {
  field: string;
  code: string;
  text: string;
  args: string[];
}

/** Problem is an answer that is none, as application/problem+json says it. */
export interface Problem {
  status: number;
  /** code is one of the closed set of the API; unreachable when the office was not reached. */
  code: string;
  /** detail is the sentence of the office, in the language that was asked for. */
  detail: string;
  requestID: string;
  until: string;
  fields: FieldFault[];
}

export type Answer<T> = { ok: true; value: T } | { ok: false; problem: Problem };

const unreachable: Problem = { status: 0, code: 'unreachable', detail: '', requestID: '', until: '', fields: [] };

/** ending says how the page goes on when the office no longer knows the sign-in. */
let ending: () => void = () => {};
let purposeID = '';
let language = 'en';

/** onSignInEnded names what to do when an answer says that nobody is signed in any more. */
export function onSignInEnded(act: () => void): void {
  ending = act;
}

/** askFor names the purpose and the language of the requests that follow. */
export function askFor(purpose: string, lang: string): void {
  purposeID = purpose;
  language = lang;
}

/** Change is what a change of an object carries: the version that it is for, and the key under which it counts once however often it is sent. */
export interface Change {
  version?: number;
  key: string;
  /** slow is true for a change that takes the office longer than an act on one case: the page waits for it. */
  slow?: boolean;
}

// patience is how long an answer to a change may take, in milliseconds, before the page says that the office does not answer.
const patience = 5_000;

let clockAhead = 0;
let told = false; // the office has said its time to the millisecond

function noteClock(serverTime: unknown, response: Response): void {
  const exact = Date.parse(text(serverTime));
  const rough = Date.parse(response.headers.get('Date') ?? '');
  if (!Number.isNaN(exact)) {
    told = true;
    clockAhead = exact - Date.now();
  } else if (!told && !Number.isNaN(rough)) {
    clockAhead = Math.abs(rough - Date.now()) < 1_500 ? 0 : rough - Date.now();
  }
}

/** officeNow is the instant on the office's clock, in milliseconds: clocks of workplaces differ from it. */
export function officeNow(): number {
  return Date.now() + clockAhead;
}

/**
 * ask sends a request to the office and returns its answer or its problem; it never throws. It is the only place with fetch: it adds the
 * purpose, and takes the number of the log entry to the status line. A change without an answer in time is unreachable, and is sent again under
 * the same key.
 */
export async function ask<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, change?: Change): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language };
  if (change?.version !== undefined) headers['If-Match'] = `"${change.version}"`;
  if (change) headers['Idempotency-Key'] = change.key;
  if (purposeID) headers['Anpr-Purpose'] = purposeID;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(change && !change.slow ? { signal: AbortSignal.timeout(patience) } : {}),
    });
  } catch {
    return { ok: false, problem: unreachable };
  }
  const content = await readJSON(response);
  // The answer to a change may be the first one again, with the time of then.
  noteClock(change ? undefined : (content as { server_time?: unknown } | undefined)?.server_time, response);
  if (response.ok && content === undefined && change) return { ok: false, problem: unreachable }; // cut off on its way
  if (response.ok) {
    status.noteLog(logNumber(content, response));
    return { ok: true, value: content as T };
  }
  const problem = readProblem(response, content);
  if (response.status === 401) ending();
  return { ok: false, problem };
}

/** askPicture fetches a picture and returns it as an address of its bytes: nothing of it is kept in the browser's store. */
export async function askPicture(path: string): Promise<Answer<string>> {
  const headers: Record<string, string> = { Accept: 'image/*', 'Accept-Language': language };
  if (purposeID) headers['Anpr-Purpose'] = purposeID;
  try {
    const response = await fetch(path, { headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' });
    if (!response.ok) {
      if (response.status === 401) ending();
      return { ok: false, problem: readProblem(response, await readJSON(response)) };
    }
    return { ok: true, value: await readAddress(await response.blob()) };
  } catch {
    return { ok: false, problem: unreachable };
  }
}

/** askFile fetches a file and returns its bytes. A refusal comes as a problem, and not as a page of its own. */
export async function askFile(path: string): Promise<Answer<Blob>> {
  const headers: Record<string, string> = { Accept: '*/*', 'Accept-Language': language };
  if (purposeID) headers['Anpr-Purpose'] = purposeID;
  try {
    const response = await fetch(path, { headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' });
    if (response.ok) return { ok: true, value: await response.blob() };
    if (response.status === 401) ending();
    return { ok: false, problem: readProblem(response, await readJSON(response)) };
  } catch {
    return { ok: false, problem: unreachable };
  }
}

function readAddress(bytes: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'));
    reader.readAsDataURL(bytes);
  });
}

async function readJSON(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined; // no body, or that of a proxy
  }
}

function logNumber(content: unknown, response: Response): number | undefined {
  const whole = content as { log_seq?: unknown; scope?: { log_seq?: unknown } } | undefined;
  const seq = whole?.scope?.log_seq ?? whole?.log_seq ?? Number(response.headers.get('Anpr-Log-Seq') ?? NaN);
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0 ? seq : undefined;
}

const codeOfStatus: Record<number, string> = {
  401: 'not_signed_in',
  403: 'role',
  404: 'not_found',
  421: 'wrong_host',
  422: 'invalid',
  429: 'too_many',
  503: 'log_unavailable',
  504: 'too_slow',
};

function readProblem(response: Response, content: unknown): Problem {
  const given = (content ?? {}) as Record<string, unknown>;
  const faults = Array.isArray(given.errors) ? (given.errors as Record<string, unknown>[]) : [];
  return {
    status: response.status,
    code: text(given.code) || (codeOfStatus[response.status] ?? 'internal'),
    detail: text(given.detail),
    requestID: text(given.request_id),
    until: text(given.until),
    fields: faults.map((f) => ({
      field: (text(f.field) || text(f.location)).replace(/^body\./, ''),
      code: text(f.code),
      text: text(f.message),
      args: Array.isArray(f.args) ? f.args.map(String) : [],
    })),
  };
}

function text(v: unknown): string {
  return typeof v === 'string' ? v : '';
}

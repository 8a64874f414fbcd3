import { ask, officeNow, type Answer, type Change, type Problem } from '../../lib/ask';
import type { Schemas } from '../../lib/office';
import { session } from '../../lib/session.svelte';
import { changesIn, type Change as Event } from '../../lib/words/problems';
import { changesOf, Held, type Item, type Preview, type Queue } from './held.svelte';

type Acted = Schemas['CaseActAnswer'];

/** most is how many items are leased ahead, and how many answers may be on their way before the pane waits. */
const most = 3;
const beatMilliseconds = 30_000;
const retryMilliseconds = 2_000;
// Who has not touched the page for this long does not keep an item from colleagues.
const idleMilliseconds = 120_000;
const stripLength = 10;

/** Mine is one of the person's last answers, as the strip shows it. */
export class Mine {
  readonly caseID: string;
  readonly plate: string;
  readonly country: string;
  readonly said: string;
  state = $state<'sending' | 'kept' | 'undone'>('sending');
  eventID = '';
  version = 0;
  /** effectiveAt is until when it can be taken back, on the office's clock; 0 = it cannot. */
  effectiveAt = $state(0);
  done: Promise<void> = Promise.resolve();

  constructor(caseID: string, plate: string, country: string, said: string) {
    this.caseID = caseID;
    this.plate = plate;
    this.country = country;
    this.said = said;
  }
}

/** Act is an answer to an item: what to send, and the word for it. */
export interface Act {
  method: 'POST' | 'DELETE';
  path: string;
  body?: Record<string, unknown>;
  said: string;
}

/** Told is what the page says after an act; its address leads to the case that it is about. */
export interface Told {
  code: 'kept' | 'gone' | 'back' | 'nothing' | 'late';
  said: string;
  plate: string;
  caseID: string;
  /** changes are what others did to the case since, as far as the person may know. */
  changes?: Event[];
}

/** Desk holds the items that a person works on, sends what the person says, and takes the next. What it did not send yet is never lost to a closed office. */
export class Desk {
  readonly queue: Queue;
  readonly filter: Record<string, string | number>;
  /** only is the one case that the desk is about; '' = the next ones of the queue. */
  readonly only: string;
  items = $state.raw<Held[]>([]);
  strip = $state.raw<Mine[]>([]);
  told = $state.raw<Told | undefined>();
  problem = $state.raw<Problem | undefined>();
  /** sending is how many answers the office has not acknowledged. */
  sending = $state(0);
  /** away is true while the office does not answer: keys are dead, and what is on its way is offered again. */
  away = $state(false);
  /** asked is true once the office has said what there is. */
  asked = $state(false);
  left = $state<number | undefined>();
  now = $state(officeNow());

  #open = true;
  #leasing: Promise<void> = Promise.resolve();
  #waiting: string[] = []; // leases of answers that are on their way
  #touched = performance.now();
  #beat = performance.now();
  #wake: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval>;

  constructor(queue: Queue, filter: Record<string, string | number>, only = '') {
    this.queue = queue;
    this.filter = filter;
    this.only = only;
    this.#timer = setInterval(() => this.#tick(), 1_000);
  }

  get current(): Held | undefined {
    return this.items[0];
  }

  /** awake is true when a key counts: the item was seen, the office answers, and no more than three answers are on their way. */
  get awake(): boolean {
    const h = this.current;
    return !!h && h.awake && !h.lost && !this.away && this.sending < most && !!session.purpose && !session.expired;
  }

  /** begin takes the first items, and what there is to do. */
  begin(): void {
    void this.take();
    void this.count();
  }

  /** leave gives back what was not decided; answers on their way still arrive. */
  leave(): void {
    this.#open = false;
    clearInterval(this.#timer);
    for (const h of this.items) if (!h.lost) void ask('DELETE', `/v1/work/leases/${encodeURIComponent(h.item.lease.id)}?as=give_back`);
    this.items = [];
  }

  /** touch notes that the person is there. */
  touch(): void {
    this.#touched = performance.now();
  }

  /** tryNow offers anew what the office has not answered. */
  tryNow(): void {
    for (const wake of [...this.#wake]) wake();
    if (!this.sending) void this.take();
  }

  async count(): Promise<void> {
    const answer = await ask<Schemas['WorkCountsAnswer']>('GET', '/v1/work/counts');
    if (!answer.ok) return;
    const rows = answer.value.rows ?? [];
    this.left = rows.filter((r) => r.queue === this.queue).reduce((sum, r) => sum + r.count, 0);
    const known = this.strip.map((m) => m.eventID);
    const before = (answer.value.last ?? []).filter((a) => !known.includes(a.event_id)).map(mineOf);
    if (!this.sending) this.strip = [...this.strip, ...before].slice(0, stripLength);
  }

  /** take leases items until three are there. Only one such request is under way at a time. */
  take(): Promise<void> {
    this.#leasing = this.#leasing.then(() => this.#take());
    return this.#leasing;
  }

  async #take(): Promise<void> {
    const n = most - this.items.filter((h) => !h.lost).length;
    if (!this.#open || n <= 0 || !session.purpose || (this.only && (this.asked || this.items.length))) return;
    const answer = await this.#lease(this.only ? { case_id: this.only } : { n });
    if (!this.#open) return;
    this.asked = true;
    if (!answer.ok) {
      this.#noteAway(answer.problem);
      this.asked = !this.only || !this.away;
      if (this.away) void this.#rest(retryMilliseconds).then(() => void this.take());
      return;
    }
    this.away = this.away && this.sending > 0;
    this.problem = undefined;
    for (const item of answer.value.items ?? []) this.#add(item);
  }

  #lease(more: { n?: number; case_id?: string; without?: string }): Promise<Answer<Schemas['LeaseAnswer']>> {
    const { without, ...query } = more;
    const have = [...this.items.map((h) => h.item.lease.id), ...this.#waiting].filter((id) => id !== without);
    // A decided case waits in no queue: it is named.
    return ask('POST', '/v1/work/leases', { queue: this.queue === 'counter' ? 'decide' : this.queue, filter: this.filter, have: have.slice(0, 16), ...query });
  }

  #add(item: Item, first = false, typed?: Held): Held | undefined {
    if (this.#waiting.includes(item.lease.id) || this.items.some((h) => h.item.case_id === item.case_id)) return undefined;
    const h = new Held(item, typed);
    this.items = first ? [h, ...this.items] : [...this.items, h];
    void h.load().then(() => this.#seePictures(h));
    return h;
  }

  // A picture that the office could not show has opened an incident: the item is asked for again, with what it says now.
  async #seePictures(h: Held): Promise<void> {
    const codes = h.shots.map((s) => s.problem?.code ?? '');
    if (!codes.some((c) => c === 'picture_damaged' || c === 'picture_missing') || !this.items.includes(h)) return;
    const at = this.items.indexOf(h);
    const answer = await this.#lease({ ...(this.only ? { case_id: this.only } : { n: 1 }), without: h.item.lease.id });
    const item = answer.ok ? answer.value.items?.find((i) => i.case_id === h.item.case_id) : undefined;
    if (!item || this.items[at] !== h) return;
    const anew = new Held(item, h);
    anew.shots.splice(0, anew.shots.length, ...h.shots);
    this.items = this.items.map((other, i) => (i === at ? anew : other));
  }

  /** act answers the current item; the next stands at once. */
  act(h: Held, act: Act): void {
    if (this.current !== h || !this.awake) return;
    const mine = new Mine(h.item.case_id, h.item.plate?.text ?? h.plate, h.item.plate?.country ?? h.country, act.said);
    this.items = this.items.slice(1);
    this.strip = [mine, ...this.strip].slice(0, stripLength);
    this.told = undefined;
    this.#waiting.push(h.item.lease.id);
    if (this.left !== undefined && this.left > 0) this.left--;
    mine.done = this.#settle(h, act, mine);
    void this.take();
  }

  async #settle(h: Held, act: Act, mine: Mine): Promise<void> {
    // One lease, one answer: the lease is the key under which it counts once, however often and from however many pages it is sent.
    const key = h.item.lease.id;
    const answer = await this.#send<Acted>(act.method, act.path, act.body, { version: h.item.version, key });
    this.#waiting = this.#waiting.filter((lease) => lease !== key);
    const again = act.method === 'DELETE' && !answer.ok && answer.problem.status === 404; // given back by the request whose answer was lost
    if (answer.ok || again) {
      if (answer.ok) {
        mine.eventID = answer.value.event_id ?? '';
        mine.version = answer.value.version;
        mine.effectiveAt = endOf(answer.value);
      }
      mine.state = 'kept';
      this.told = { code: 'kept', said: mine.said, plate: mine.plate, caseID: mine.caseID };
      return;
    }
    this.strip = this.strip.filter((m) => m !== mine);
    if (this.left !== undefined) this.left++;
    if (this.#open) await this.#bringBack(h, answer.problem);
  }

  // send sends a change until the office says yes or no to it, under one key.
  async #send<T>(method: 'POST' | 'DELETE', path: string, body: unknown, change: Change): Promise<Answer<T>> {
    this.sending++;
    let answer = await ask<T>(method, path, body, change);
    for (let tries = 1; !answer.ok && isPassing(answer.problem, tries); tries++) {
      this.#noteAway(answer.problem);
      // Once: every question puts the end of the sign-in off, and nobody may be there.
      if (answer.problem.code.startsWith('purpose_') && session.purpose) void session.load();
      await this.#rest(answer.problem.status === 401 || answer.problem.status === 403 ? retryMilliseconds / 2 : retryMilliseconds);
      if (!session.me || session.expired || !session.purpose) {
        tries--;
        continue;
      }
      answer = await ask<T>(method, path, body, change);
    }
    this.sending--;
    if (!this.sending) this.away = false;
    if (answer.ok) this.problem = undefined;
    return answer;
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = this.#wake.filter((other) => other !== wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#wake.push(wake);
    });
  }

  #noteAway(problem: Problem): void {
    if (isAway(problem)) this.away = true;
    else if (problem.status !== 401) this.problem = problem;
  }

  // bringBack puts an item before the person again, whose answer did not count.
  async #bringBack(h: Held, problem: Problem): Promise<void> {
    if (gone.includes(problem.code)) {
      this.told = { code: 'gone', said: '', plate: h.item.plate?.text ?? '', caseID: h.item.case_id, changes: changesIn(problem) };
      return;
    }
    if (problem.code === 'role') void session.load();
    if (problem.code === 'lease_lost') {
      h.lost = true;
      this.items = [h, ...this.items];
      return;
    }
    const answer = await this.#lease({ ...(this.only ? { case_id: this.only } : { n: 1 }), without: h.item.lease.id });
    const item = answer.ok ? (answer.value.items ?? []).find((i) => i.case_id === h.item.case_id) : undefined;
    for (const other of (answer.ok ? answer.value.items : undefined) ?? []) if (other !== item) this.#add(other);
    if (answer.ok && !item) {
      this.told = { code: 'gone', said: '', plate: h.item.plate?.text ?? '', caseID: h.item.case_id };
      return;
    }
    const back = this.#add(item ?? h.item, true, h);
    if (!back) return;
    back.problem = problem;
    back.changed = changesOf(h.item, back.item);
  }

  /** takeAgain asks for an item whose lease is over; what was typed stays. */
  async takeAgain(h: Held): Promise<void> {
    const answer = await this.#lease({ case_id: h.item.case_id });
    if (!this.#open || !this.items.includes(h)) return;
    const item = answer.ok ? answer.value.items?.[0] : undefined;
    if (item) {
      this.items = this.items.filter((other) => other !== h);
      const back = this.#add(item, true, h);
      if (back) back.changed = changesOf(h.item, item);
    } else if (!answer.ok && (isAway(answer.problem) || answer.problem.status === 401)) {
      this.#noteAway(answer.problem);
    } else {
      this.drop(h);
      this.told = { code: 'gone', said: '', plate: h.item.plate?.text ?? '', caseID: h.item.case_id };
    }
  }

  /** drop leaves an item that the person no longer has. */
  drop(h: Held): void {
    this.items = this.items.filter((other) => other !== h);
    void this.take();
  }

  /** undo takes back the newest answer that can be; late names the case when its time is over. */
  async undo(): Promise<void> {
    await Promise.all(this.strip.map((m) => m.done));
    const decided = this.strip.filter((m) => m.state === 'kept' && m.eventID && m.effectiveAt);
    const mine = decided.find((m) => m.effectiveAt > officeNow()) ?? decided[0];
    if (!mine) {
      this.told = { code: 'nothing', said: '', plate: '', caseID: '' };
      return;
    }
    if (this.sending >= most) return;
    const answer = await this.#send<Schemas['UndoneAnswer']>('POST', `/v1/cases/${encodeURIComponent(mine.caseID)}/undo`, { event_id: mine.eventID }, { version: mine.version, key: `undo-${mine.eventID}` });
    if (!answer.ok) {
      this.told = { code: 'late', said: mine.said, plate: mine.plate, caseID: mine.caseID };
      return;
    }
    mine.state = 'undone';
    if (this.left !== undefined) this.left++;
    if (this.#open && answer.value.item) this.#add(answer.value.item, true);
    this.told = { code: 'back', said: mine.said, plate: mine.plate, caseID: mine.caseID };
  }

  /** look asks what the rules say about the plate that was typed. It is a look-up of that plate. */
  async look(h: Held): Promise<void> {
    const { plate, country } = h;
    h.previewing = true;
    const answer = await ask<Preview>('POST', `/v1/cases/${encodeURIComponent(h.item.case_id)}/plate-preview`, { plate, country, lease_id: h.item.lease.id });
    h.previewing = false;
    if (h.plate !== plate || h.country !== country) return;
    h.preview = answer.ok ? answer.value : undefined;
    h.previewProblem = answer.ok ? undefined : answer.problem;
    if (!answer.ok && answer.problem.code === 'lease_lost') h.lost = true;
  }

  #tick(): void {
    this.now = officeNow();
    const h = this.current;
    if (h && !h.lost && h.remaining <= 0) h.lost = true;
    const ahead = this.items.slice(1).filter((other) => !other.lost && other.remaining <= 0);
    if (ahead.length) this.items = this.items.filter((other) => !ahead.includes(other));
    const at = performance.now();
    if (at - this.#beat < beatMilliseconds || document.hidden) return;
    this.#beat = at;
    if (at - this.#touched < idleMilliseconds) void this.extend();
    else if (!this.items.length) void this.count();
    void this.take();
  }

  /** extend keeps the items for five more minutes. */
  async extend(): Promise<void> {
    const leases = this.items.filter((h) => !h.lost).map((h) => h.item.lease.id);
    if (!leases.length) return;
    const answer = await ask<Schemas['HeartbeatAnswer']>('POST', '/v1/work/leases/heartbeat', { lease_ids: leases });
    if (!answer.ok && answer.problem.code !== 'lease_lost') return;
    const stand = answer.ok ? (answer.value.leases ?? []) : [];
    const heldUntil = (h: Held) => stand.find((l) => l.id === h.item.lease.id)?.until;
    const lost = this.items.filter((h) => leases.includes(h.item.lease.id) && !heldUntil(h));
    for (const h of this.items) h.until = Date.parse(heldUntil(h) ?? '') || h.until;
    for (const h of lost) if (h === this.current) h.lost = true;
    if (lost.some((h) => h !== this.current)) this.items = this.items.filter((h) => h === this.current || !lost.includes(h));
  }
}

// gone are the answers after which an item is no longer the person's to decide.
const gone = ['decided', 'key_reused', 'not_found', 'scope', 'same_person', 'transmitted', 'too_late', 'track_taken'];

function isAway(p: Problem): boolean {
  return p.status === 0 || p.status >= 502 || p.code === 'under_way';
}

// isPassing reports whether an answer says neither yes nor no to a change: it is then sent again as it was.
function isPassing(p: Problem, tries: number): boolean {
  if (isAway(p) || p.status === 429 || p.status === 401 || p.code === 'purpose_ended' || p.code === 'purpose_needed') return true;
  return p.status === 500 && tries < 4;
}

// endOf is until when an answer can be taken back, on the office's clock; 0 = it never could.
function endOf(a: { effective_at?: string; undo_ms?: number }): number {
  return a.undo_ms === undefined ? Date.parse(a.effective_at ?? '') || 0 : officeNow() + a.undo_ms;
}

function mineOf(a: Schemas['LastAct']): Mine {
  const m = new Mine(a.case_id, '', '', a.verdict || a.kind);
  m.state = 'kept';
  m.eventID = a.event_id;
  m.version = a.version;
  m.effectiveAt = endOf(a);
  return m;
}

import { ask, askFor, onSignInEnded, type Problem } from './ask';
import { messages, pickLang, type Lang, type Messages } from './i18n';
import type { Me, Purpose, PurposeKind, Schemas, SignedOut, Site } from './office';
import { setFilter } from './route';
import { status } from './status.svelte';
import { writeList } from './time';

export interface PurposeForm {
  purpose: PurposeKind;
  case_ref?: string;
  reason?: string;
  prosecutor_ref?: string;
}

// idleMilliseconds is how long a sign-in lasts without a request (SCREENS: 15 minutes), warnMilliseconds when the page warns before.
const idleMilliseconds = 15 * 60_000;
const warnMilliseconds = 60_000;

/** Session is who uses the page, in which language and for which purpose. All of it comes from the office; nothing is kept in the browser. */
class Session {
  lang = $state<Lang>(pickLang(new URLSearchParams(location.search).get('lang'), navigator.languages));
  site = $state<Site | undefined>();
  me = $state<Me | undefined>();
  /** unknown is true until the office has said who is signed in, or that nobody is. */
  unknown = $state(true);
  problem = $state<Problem | undefined>();
  /** expired is true when a sign-in ended while the page was open. */
  expired = $state(false);
  /** stays names the provider at which the person is still signed in after a sign-out here. */
  stays = $state('');
  now = $state(Date.now());

  #endsAt = $state(Infinity);

  constructor() {
    onSignInEnded(() => {
      if (this.me) this.expired = true;
    });
    setInterval(() => (this.now = Date.now()), 5_000);
  }

  get t(): Messages {
    return messages[this.lang];
  }

  /** describeZones says in words within which zones something holds; without zones it is the region. */
  describeZones(zones: string[] | undefined): string {
    return zones?.length ? this.t.inZones(writeList(this.lang, zones), zones.length) : this.t.allZones;
  }

  get purpose(): Purpose | undefined {
    // Operation opens by itself beside the purpose that was stated, and is shown where nothing else is open.
    const open = (this.me?.purposes ?? []).filter((p) => Date.parse(p.ends_at) > this.now);
    return open.find((p) => p.purpose !== 'operation') ?? open[0];
  }

  /** decides is true for who may ask for a second person, or be one. */
  get decides(): boolean {
    const ask: PurposeKind[] = ['judicial', 'administrative', 'traffic'];
    return !!this.me?.grants?.includes('approve') || !!this.me?.may_state?.some((p) => ask.includes(p));
  }

  /** works is true for who decides cases. */
  get works(): boolean {
    return this.me?.role === 'gvc_agent' || this.me?.role === 'gvc_supervisor';
  }

  /** keys is true while single keys act: the person may turn them off. */
  get keys(): boolean {
    return this.me?.settings?.settings.keys ?? true;
  }

  /** remap is the person's own keys. */
  get remap(): Record<string, string> {
    return this.me?.settings?.settings.remap ?? {};
  }

  /** countWaiting asks how many matters wait for the person. Without an answer the count stays. */
  async countWaiting(): Promise<void> {
    const answer = await ask<Me>('GET', '/v1/me');
    if (answer.ok && this.me) this.me = { ...this.me, approvals_waiting: answer.value.approvals_waiting ?? 0 };
  }

  /** remaining is how long the sign-in still lasts, in milliseconds. */
  get remaining(): number {
    return this.me ? this.#endsAt - this.now : Infinity;
  }

  /** ending is true in the last minute of a sign-in. */
  get ending(): boolean {
    return !this.expired && this.remaining <= warnMilliseconds && this.remaining > 0;
  }

  /** speak changes the language; what was typed stays. */
  speak(lang: Lang): void {
    this.lang = lang;
    setFilter('lang', lang);
    askFor(this.purpose?.id ?? '', lang);
  }

  /** load asks who is signed in. */
  async load(): Promise<void> {
    askFor(this.purpose?.id ?? '', this.lang);
    this.problem = undefined;
    const site = await ask<Site>('GET', '/auth/site');
    if (site.ok) this.site = site.value;
    if (site.ok && site.value.sign_in === 'none') {
      this.unknown = false;
      return;
    }
    const who = await ask<Me>('GET', '/auth/me');
    // An office that has no purposes yet answers 404: who is signed in is known all the same.
    const may = who.ok ? await ask<Me>('GET', '/v1/me') : who;
    const me = who.ok && !may.ok && may.problem.status === 404 ? who : may;
    if (me.ok && who.ok) {
      this.me = { ...who.value, ...me.value, sign_in_ends: who.value.sign_in_ends ?? '' };
      this.expired = false;
      this.#noteUse();
      this.#follow();
      askFor(this.purpose?.id ?? '', this.lang);
    } else if (!me.ok && me.problem.status !== 401) {
      this.problem = me.problem;
    }
    this.unknown = false;
  }

  /** settle takes the person's settings as the office has them now. */
  settle(settings: Schemas['SettingsAnswer']): void {
    if (this.me) this.me = { ...this.me, settings };
    document.documentElement.dataset.contrast = settings.settings.contrast ?? 'normal';
  }

  /** keepFilters takes the person's saved filters as the office has them now. */
  keepFilters(saved: Schemas['SavedFiltersAnswer']): void {
    if (this.me) this.me = { ...this.me, saved_filters: saved };
  }

  // follow takes language and contrast from the person's settings. The language in the address counts first.
  #follow(): void {
    const settings = this.me?.settings;
    if (!settings) return;
    const named = new URLSearchParams(location.search).get('lang');
    if (!named && settings.settings.language) this.speak(settings.settings.language);
    this.settle(settings);
  }

  /** openPurpose opens a purpose, or returns why not. */
  async openPurpose(form: PurposeForm): Promise<Problem | undefined> {
    const answer = await ask<Purpose>('POST', '/v1/purposes', form);
    if (!answer.ok) return answer.problem;
    this.#noteUse();
    if (this.me) this.me = { ...this.me, purposes: [answer.value, ...(this.me.purposes ?? [])] };
    askFor(answer.value.id, this.lang);
    return undefined;
  }

  /** endPurpose ends the open purpose, or returns why not. */
  async endPurpose(): Promise<Problem | undefined> {
    const open = this.purpose;
    if (!open || !this.me) return undefined;
    const answer = await ask<unknown>('DELETE', `/v1/purposes/${encodeURIComponent(open.id)}`);
    if (!answer.ok && answer.problem.status !== 404) return answer.problem;
    this.me = { ...this.me, purposes: (this.me.purposes ?? []).filter((p) => p.id !== open.id) };
    askFor(this.purpose?.id ?? '', this.lang);
    return undefined;
  }

  /** signInAddress is where a browser signs in and comes back from. */
  get signInAddress(): string {
    const back = location.pathname === '/signed-out' ? `/?lang=${this.lang}` : location.pathname + location.search;
    return `/auth/sign-in?next=${encodeURIComponent(back)}&lang=${this.lang}`;
  }

  /** stepUpAddress is where a person proves anew who they are, and comes back from. */
  get stepUpAddress(): string {
    return `/auth/step-up?next=${encodeURIComponent(location.pathname + location.search)}&lang=${this.lang}`;
  }

  /** signOut ends the sign-in everywhere, at a provider elsewhere too where it can, or returns why not. */
  async signOut(): Promise<Problem | undefined> {
    const answer = await ask<SignedOut>('POST', '/auth/sign-out');
    if (!answer.ok && answer.problem.status !== 401) return answer.problem;
    this.me = undefined;
    this.expired = false;
    status.clear();
    askFor('', this.lang);
    const provider = answer.ok ? answer.value.provider : undefined;
    this.stays = provider && !provider.next ? provider.name : '';
    if (provider?.next && /^https?:/.test(provider.next)) location.assign(provider.next);
    return undefined;
  }

  /** extend uses the sign-in, which puts its idle end off. */
  async extend(): Promise<void> {
    await this.load();
  }

  #noteUse(): void {
    this.now = Date.now();
    const absolute = Date.parse(this.me?.sign_in_ends ?? '');
    this.#endsAt = Math.min(this.now + idleMilliseconds, Number.isNaN(absolute) ? Infinity : absolute);
  }
}

export const session = new Session();

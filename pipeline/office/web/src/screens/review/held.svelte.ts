import { officeNow, type Problem } from '../../lib/ask';
import type { Schemas } from '../../lib/office';
import { loadPicture } from '../../lib/picture';

export type Item = Schemas['Item'];
export type Queue = Item['queue'] | 'counter';
export type Preview = Schemas['PreviewAnswer'];

/** leastShown is how long an item stands on the screen before a key decides, in milliseconds: no key hits an item that nobody has seen. */
export const leastShown = 250;

/** Shot is a picture of an item. */
export class Shot {
  readonly kind: string;
  readonly sha256: string;
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  image: HTMLImageElement | undefined;
  problem: Problem | undefined;

  constructor(kind: string, sha256: string) {
    this.kind = kind;
    this.sha256 = sha256;
  }
}

/** Held is an item that the person holds: what the office said of it, its pictures, and what was typed. */
export class Held {
  readonly item: Item;
  readonly shots: Shot[];
  /** until is the end of the lease, on the office's clock. */
  until = $state(0);
  /** lost is true when the lease is over: nothing is decided until the item is taken again. */
  lost = $state(false);
  /** awake is true once the item stood long enough for a key. */
  awake = $state(false);
  problem = $state.raw<Problem | undefined>();
  /** changed names the parts that are others than before the person's key, which did not count. */
  changed = $state.raw<string[]>([]);

  plate = $state('');
  country = $state('');
  text = $state('');
  preview = $state.raw<Preview | undefined>();
  previewing = $state(false);
  previewProblem = $state.raw<Problem | undefined>();

  #shownAt: number | undefined;

  constructor(item: Item, typed?: Held) {
    this.item = item;
    this.until = Date.parse(item.lease.until);
    this.shots = (item.pictures ?? []).map((p) => new Shot(p.kind, p.sha256));
    this.plate = typed?.plate ?? item.plate?.text ?? '';
    this.country = typed?.country ?? item.plate?.country ?? (item.queue === 'key' ? 'BE' : '');
    this.text = typed?.text ?? '';
  }

  /** load fetches and decodes the pictures. */
  async load(): Promise<void> {
    await Promise.all(
      this.shots.map(async (shot) => {
        const { image, problem } = await loadPicture(this.item.case_id, shot.sha256);
        shot.image = image;
        shot.problem = problem;
        shot.state = image ? 'ready' : 'failed';
      }),
    );
  }

  /** settled is true when no picture is on its way any more. */
  get settled(): boolean {
    return this.shots.every((s) => s.state !== 'loading');
  }

  /** failed is true when a picture cannot be shown. */
  get failed(): boolean {
    return this.shots.some((s) => s.state === 'failed');
  }

  /** stand notes that the item is painted; a key counts from leastShown later. The returned function notes that it no longer stands. */
  stand(): () => void {
    this.#shownAt = performance.now();
    const timer = setTimeout(() => (this.awake = true), leastShown);
    return () => {
      clearTimeout(timer);
      this.awake = false;
      this.#shownAt = undefined;
    };
  }

  /** shown is how long the item has stood on the screen, in milliseconds. */
  get shown(): number {
    return this.#shownAt === undefined ? 0 : Math.floor(performance.now() - this.#shownAt);
  }

  /** remaining is how long the lease lasts, in milliseconds. */
  get remaining(): number {
    return this.until - officeNow();
  }

  /** corrects is true when another plate than the one read was typed. */
  get corrects(): boolean {
    return this.item.queue !== 'key' && (this.plate !== (this.item.plate?.text ?? '') || this.country !== (this.item.plate?.country ?? ''));
  }

  /** blockers are the codes for which nobody may confirm. With a preview they are those of the plate that was typed. */
  get blockers(): string[] {
    const item = this.item;
    const own = (item.warnings ?? []).filter((x) => x.blocks).map((x) => x.code);
    const codes = this.corrects
      ? [...own.filter((c) => incidents.includes(c)), ...(this.preview?.warnings ?? []).filter((x) => x.blocks).map((x) => x.code)]
      : [...own, ...(item.export.missing ?? []).map((f) => `export_${f}`)];
    if (item.seal === 'broken') codes.push('seal_broken');
    if (!this.shots.length) codes.push('no_picture');
    if (this.failed) codes.push('picture_damaged');
    return codes.filter((code, i) => codes.indexOf(code) === i);
  }
}

const incidents = ['seal_broken', 'seal_differs', 'seal_missing', 'picture_damaged', 'picture_missing', 'chain_broken'];

/** isBare is true when an item leaves one verdict alone: rejected for its picture. */
export function isBare(h: Held): boolean {
  return h.failed || (h.item.warnings ?? []).some((x) => x.blocks && (x.code === 'picture_damaged' || x.code === 'picture_missing'));
}

/** changesOf names the parts in which an item differs from what it was. */
export function changesOf(before: Item, after: Item): string[] {
  const parts = ['plate', 'warnings', 'measured', 'vehicle', 'pictures', 'export', 'queue'] as const;
  return parts.filter((p) => JSON.stringify(before[p]) !== JSON.stringify(after[p]));
}

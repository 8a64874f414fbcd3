// An office that never runs out of items, inside the page: nothing crosses the border to the browser for a request, so thousands of items take seconds. The page is the real one.
import { makeItem } from './desk.mjs';

// Runs in the page, before its scripts. It keeps only what is leased: what grows with the items is the page's own.
function answerInPage(makeItem) {
  const toOffice = globalThis.fetch.bind(globalThis);
  const pixel = atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==');
  const leased = new Map();
  const scope = { purpose: 'traffic', log_seq: 7 };
  const office = { made: 0, decided: 0, skipped: 0, pictures: 0 };
  globalThis.endlessOffice = office;
  const later = (milliseconds) => new Date(Date.now() + milliseconds).toISOString();
  const json = (body) => new Response(JSON.stringify({ ...body, server_time: later(0) }), { headers: { 'Content-Type': 'application/json' } });
  // What follows the end of a PNG is no part of the picture, but of its bytes: 32 kB that no other picture has.
  const picture = (n) => new Response(Uint8Array.from(pixel + String(n).padStart(32_768, 'x'), (c) => c.charCodeAt(0)), { headers: { 'Content-Type': 'image/png' } });
  const lease = (n) => {
    const item = makeItem(n);
    item.lease.until = later(300_000);
    leased.set(item.lease.id, item.case_id);
    return item;
  };
  globalThis.fetch = async (path, options = {}) => {
    const body = options.body ? JSON.parse(options.body) : {};
    const [, , kind, id, what] = new URL(path, location.href).pathname.split('/');
    if (kind === 'work' && id === 'counts') return json({ scope, rows: [], held: [], last: [] });
    if (kind === 'work' && what === 'heartbeat') return json({ leases: body.lease_ids.map((l) => ({ id: l, until: later(300_000) })) });
    if (kind === 'work' && id === 'leases' && options.method === 'POST') return json({ scope, items: Array.from({ length: body.n }, () => lease(++office.made)) });
    if (kind === 'work' && id === 'leases') {
      if (leased.delete(what)) office.skipped++;
      return json({ lease_id: what, log_seq: 8 });
    }
    if (kind === 'cases' && what === 'pictures') return picture(++office.pictures);
    if (kind === 'cases' && what === 'verdicts') {
      if (leased.get(body.lease_id) === id && leased.delete(body.lease_id)) office.decided++;
      return json({ case_id: id, event_id: crypto.randomUUID(), version: 2, state: 'settling', log_seq: 9, effective_at: later(10_000), undo_ms: 10_000 });
    }
    return toOffice(path, options);
  };
}

// Runs in the page, before its scripts: timers, frames and clocks go by a clock that only passTime moves.
function slowTime() {
  const began = Date.now();
  const RealDate = Date;
  const due = new Map();
  let now = 0;
  let last = 0;
  const set = (act, at, every) => {
    due.set(++last, { act, at, every });
    return last;
  };
  const clear = (id) => void due.delete(id);
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      if (args.length) super(...args);
      else super(began + now);
    }
    static now() {
      return began + now;
    }
  };
  performance.now = () => now;
  Object.assign(globalThis, {
    setTimeout: (act, ms = 0, ...args) => set(() => act(...args), now + ms), clearTimeout: clear, setInterval: (act, ms, ...args) => set(() => act(...args), now + ms, ms), clearInterval: clear,
    requestAnimationFrame: (act) => set(() => act(now), now + 16), cancelAnimationFrame: clear,
  });
  const channel = new MessageChannel();
  const turn = () => new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(0);
  });
  // passTime moves the clock to what is due next, at each turn of the page, until holds is true.
  globalThis.passTime = async (holds) => {
    while (!holds()) {
      now = Math.max(now + 1, Math.min(now + 1_000, ...[...due.values()].map((t) => t.at)));
      for (const [id, t] of [...due]) {
        if (t.at > now || !due.has(id)) continue;
        if (t.every) t.at += t.every;
        else due.delete(id);
        t.act();
      }
      await turn();
    }
  };
}

/**
 * serveEndlessly answers the review item of a page with items without end, counted in the page's endlessOffice, and stops the page's clock but for
 * passTime. It acts on documents opened after.
 */
export async function serveEndlessly(page) {
  const make = makeItem.toString().replace('export ', '');
  await page.addInitScript(`{
    const inLanguages = (nl, fr, en) => ({ nl, fr, en });
    const randomUUID = () => crypto.randomUUID();
    ${make}
    (${answerInPage})(makeItem);
    (${slowTime})();
  }`);
}

/**
 * decideItems answers the items from first to last, the first of which stands: confirmed, rejected and skipped in turn. The keys are pressed inside the
 * page, each at the first instant at which it counts.
 */
export async function decideItems(page, first, last) {
  await page.evaluate(async ([first, last]) => {
    const stands = (n) => () => document.querySelector('.facts .plate .away')?.textContent?.startsWith(`1ABC${String(n).padStart(3, '0')}`) && !!document.querySelector('.review button[data-command=reject][aria-disabled=false]');
    const press = (key, code) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true }));
    for (let n = first; n <= last; n++) {
      await globalThis.passTime(stands(n));
      press(...[['a', 'KeyA'], ['r', 'KeyR'], ['s', 'KeyS']][n % 3]);
      if (n % 3 !== 1) continue;
      await globalThis.passTime(() => !!document.querySelector('.panel'));
      press('1', 'Digit1');
    }
    await globalThis.passTime(stands(last + 1));
  }, [first, last]);
}

/** watchMemory returns a function that measures what a page holds after a forced collection: bytes of the heap, nodes, listeners, and trees that no document holds. */
export async function watchMemory(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.enable');
  return async () => {
    for (let i = 0; i < 3; i++) await cdp.send('HeapProfiler.collectGarbage'); // what an element held goes with the next one
    const { nodes, jsEventListeners } = await cdp.send('Memory.getDOMCounters');
    await cdp.send('DOM.enable');
    const { detachedNodes } = await cdp.send('DOM.getDetachedDomNodes');
    await cdp.send('DOM.disable');
    return { heap: (await cdp.send('Runtime.getHeapUsage')).usedSize, nodes, listeners: jsEventListeners, detached: detachedNodes.length };
  };
}

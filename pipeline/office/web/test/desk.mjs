// An office of the tests for the review item: it answers the page as the API does, item by item, and lets a test choose what goes wrong.
import { randomUUID } from 'node:crypto';
import { signIn } from './support.mjs';

const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const inLanguages = (nl, fr, en) => ({ nl, fr, en });

/** makeItem makes an item as POST /v1/work/leases gives it. */
export function makeItem(n, change = {}) {
  const at = new Date(Date.now() - 3_600_000).toISOString();
  return {
    case_id: randomUUID(), version: 1, queue: 'decide', lease: { id: randomUUID(), since: at, until: new Date(Date.now() + 300_000).toISOString() }, due_at: new Date(Date.now() + 9 * 86_400_000).toISOString(),
    family: 'speed', rule: 'speed.limit', regime: 'traffic', question: { code: 'speed', args: ['470', '530', '300'] }, plate: { text: `1ABC${String(n).padStart(3, '0')}`, country: 'BE', confidence_pm: 960 },
    pictures: [{ sha256: String(n).padStart(64, 'a'), kind: 'scene' }], measured: { speed_dkmh: 530, corrected_dkmh: 470, limit_dkmh: 300, margin: '6', margin_unit: 'kmh' },
    vehicle: { register: 'BE', category: 'M1', fuel: 'diesel', euro: '5', as_of: at }, seen: { kind: 'car', make: 'Opel', colour: 'grey' },
    place: { street: { nl: 'Schoolstraat', fr: 'Rue de l’École' }, zone: '5339', camera: 'BRU-0191', site: 'S-0118', lane: 2, direction: 'approaching' }, at: { captured: at, received: at, clock: 'ok' },
    device: { serial: 'SN-400190', approval: 'P-12/3', certificate_until: new Date(Date.now() + 200 * 86_400_000).toISOString() },
    trace: [{ code: 'speed.limit', holds: true, args: ['30'], verified: false, text: inLanguages('Toegelaten is 30 km/u.', 'Est permis : 30 km/h.', 'Allowed is 30 km/h.'), basis: inLanguages('Wegcode, art. 11', 'Code de la route, art. 11', 'Highway Code, art. 11') }],
    warnings: [], export: { would: 'pass' }, seal: 'ok', ...change,
  };
}

/** scriptOffice answers the requests of the review item. It keeps what was sent in sent; answers[path part] replaces an answer, once for each entry. */
export async function scriptOffice(page, items, options = {}) {
  const office = { waiting: [...items], leased: new Map(), sent: [], leases: 0, pictures: 0, answers: {}, settle: 10_000, hang: undefined, ...options };
  const json = (route, status, body) => route.fulfill({ status, contentType: status < 400 ? 'application/json' : 'application/problem+json', headers: { date: new Date().toUTCString() }, body: JSON.stringify(body) });
  const scope = { purpose: 'traffic', log_seq: 7 };
  const scripted = async (route, part) => {
    const next = office.answers[part]?.shift();
    if (next === undefined) return false;
    if (next === 'cut') await route.abort();
    else if (typeof next === 'function') return (await next(route)) !== 'as usual';
    else await json(route, next.status, next);
    return true;
  };
  await page.route('**/v1/work/leases', async (route) => {
    const q = route.request().postDataJSON();
    office.leases++;
    if (await scripted(route, 'leases')) return;
    if (q.case_id) {
      const item = office.leased.get(q.case_id);
      if (!item) return json(route, 404, { code: 'not_found', detail: 'no' });
      const again = { ...item, lease: { ...item.lease, id: randomUUID() } };
      office.leased.set(q.case_id, again);
      return json(route, 200, { scope, items: [again] });
    }
    const held = [...office.leased.values()].filter((i) => !(q.have ?? []).includes(i.lease.id));
    const out = held.slice(0, q.n ?? 1);
    while (out.length < (q.n ?? 1) && office.waiting.length) {
      const item = office.waiting.shift();
      office.leased.set(item.case_id, item);
      out.push(item);
    }
    await json(route, 200, { scope, items: out });
  });
  await page.route('**/v1/work/leases/**', async (route) => {
    if (await scripted(route, 'lease')) return;
    const id = new URL(route.request().url()).pathname.split('/').at(-1);
    const as = new URL(route.request().url()).searchParams.get('as');
    for (const [key, i] of office.leased) if (i.lease.id === id) office.leased.delete(key);
    office.sent.push({ path: `lease/${as}`, key: id });
    await json(route, 200, { lease_id: id, log_seq: 8 });
  });
  await page.route('**/v1/work/leases/heartbeat', async (route) => {
    if (await scripted(route, 'heartbeat')) return;
    await json(route, 200, { leases: route.request().postDataJSON().lease_ids.map((id) => ({ id, until: new Date(Date.now() + 300_000).toISOString() })) });
  });
  await page.route('**/v1/work/counts', (route) => json(route, 200, { scope, rows: [{ queue: 'decide', due: 'later', zone: '5339', count: office.waiting.length + office.leased.size, free: office.waiting.length }], held: [], last: [] }));
  await page.route('**/v1/cases/*/pictures/*', async (route) => {
    office.pictures++;
    if (await scripted(route, 'picture')) return;
    if (office.hang) await office.hang;
    await route.fulfill({ contentType: 'image/png', body: picture });
  });
  await page.route('**/v1/cases/*/*', async (route) => {
    const request = route.request();
    const [, , , id, what] = new URL(request.url()).pathname.split('/');
    const entry = { path: what, caseID: id, body: request.postDataJSON(), key: request.headers()['idempotency-key'], version: request.headers()['if-match'] };
    office.sent.push(entry);
    if (await scripted(route, what)) return;
    if (what === 'plate-preview') return json(route, 200, { scope, preview_id: randomUUID(), plate: { text: entry.body.plate, country: entry.body.country, why: 'corrected' }, outcome: 'open', warnings: [] });
    const before = office.leased.get(id) ?? office.done?.get(id);
    if (what === 'undo') {
      const item = { ...before, version: before.version + 2, lease: { ...before.lease, id: randomUUID() } };
      office.leased.set(id, item);
      return json(route, 200, { scope, case_id: id, event_id: randomUUID(), version: item.version, state: 'open', log_seq: 9, item });
    }
    office.leased.delete(id);
    (office.done ??= new Map()).set(id, before);
    return json(route, 200, { case_id: id, event_id: randomUUID(), version: 2, state: 'settling', log_seq: 9, ...(what === 'verdicts' ? { effective_at: new Date(Date.now() + office.settle).toISOString() } : {}) });
  });
  return office;
}

/** acts are the requests that decide something. */
export const acts = (office) => office.sent.filter((s) => s.path !== 'plate-preview' && s.path !== 'lease/give_back');

/** openShift signs an agent in and opens the shift. */
export async function openShift(page) {
  await signIn(page, 'agent1');
  await page.click('main button.strong');
  await page.waitForSelector('.open');
}

/** openReview signs an agent in, opens the shift and the review item. */
export async function openReview(page, url, lang, query = '') {
  await openShift(page);
  await page.goto(`${url}/review?lang=${lang}${query}`);
  await page.waitForSelector('.review h1');
}

/** awake waits until a key counts. */
export async function awake(page) {
  await page.waitForSelector('.review button[data-command=reject][aria-disabled=false]');
}

/** awakeWhole waits like awake, at an item that can be confirmed and rejected: some of a made-up day lack their picture, and are passed over. */
export async function awakeWhole(page) {
  await awake(page);
  while (await page.locator('button[data-command=confirm][aria-disabled=true]').count()) {
    const passed = await page.evaluate(() => document.querySelector('.review h1')?.textContent + document.querySelector('.facts')?.textContent);
    await page.keyboard.press('s');
    await page.waitForFunction((passed) => document.querySelector('.review h1')?.textContent + document.querySelector('.facts')?.textContent !== passed, passed);
    await awake(page);
  }
}

/** plateShown is the plate of the item that stands. */
export const plateShown = (page) => page.evaluate(() => document.querySelector('.facts .plate .away')?.textContent?.split(',')[0]);

// Keys as keyboards send them: Playwright's own press knows a US keyboard alone.
const codes = { a: 'KeyQ', q: 'KeyA', z: 'KeyW', w: 'KeyZ', m: 'Semicolon' };
const row = ['à', '&', 'é', '"', '\'', '(', '§', 'è', '!', 'ç'];

/** keyboards are the layouts of the tests: a letter or digit to what the browser says of its key. */
export const keyboards = {
  'AZERTY nl-BE': { letter: (l) => ({ key: l, code: codes[l] ?? `Key${l.toUpperCase()}` }), digit: (d) => ({ key: row[d], code: `Digit${d}` }) },
  'AZERTY fr-BE': { letter: (l) => ({ key: l, code: codes[l] ?? `Key${l.toUpperCase()}` }), digit: (d) => ({ key: String(d), code: `Digit${d}`, modifiers: 8 }) },
  QWERTY: { letter: (l) => ({ key: l, code: `Key${l.toUpperCase()}` }), digit: (d) => ({ key: String(d), code: `Digit${d}` }) },
};

/** press sends a key to a page as a keyboard would. */
export async function press(page, { key, code, modifiers = 0, autoRepeat = false }) {
  page.cdp ??= await page.context().newCDPSession(page);
  const text = key.length === 1 ? { text: key } : {};
  await page.cdp.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code, modifiers, autoRepeat, ...text });
  if (!autoRepeat) await page.cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code, modifiers });
}

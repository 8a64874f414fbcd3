// The work list and the dossier in Debian's chromium: the order and the numbers are those of the office, the filters stand in the address.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { signIn, tabTo, testLooks, testPages } from './support.mjs';

const pages = testPages();
const { inPage } = pages;
const day = 86_400_000;
const cited = (nl, fr, en) => ({ nl, fr, en });

function makeRow(n, change = {}) {
  return {
    case_id: randomUUID(), version: 1, state: 'open', due_at: new Date(Date.now() + (n - 2) * day).toISOString(), family: 'speed', regime: 'traffic', plate: `1ABC${String(n).padStart(3, '0')}`, country: 'BE',
    measured: { speed_dkmh: 530, corrected_dkmh: 470, limit_dkmh: 300 }, street: { nl: 'Schoolstraat', fr: 'Rue de l’École' }, zone: '5339', camera: 'BRU-0191', captured_at: new Date(Date.now() - day).toISOString(),
    marks: n % 2 ? ['foreign', 'low_confidence'] : [], ...change,
  };
}

/** scriptList answers the requests of the list; asked keeps the questions. */
async function scriptList(page, rows) {
  const list = { asked: [], pages: [rows.slice(0, 4), rows.slice(3)] };
  const json = (route, body) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ scope: { purpose: 'traffic', log_seq: 5 }, ...body }) });
  await page.route('**/v1/work/counts', (route) =>
    json(route, {
      rows: [['overdue', '5339', 1], ['today', '5339', 1], ['later', '5340', rows.length - 2]].map(([due, zone, count]) => ({ queue: 'decide', due, zone, count, free: count })),
      held: [{ reason: 'foreign_unregistered', text: cited('Buitenlands voertuig, nog niet geregistreerd', 'Véhicule étranger, pas encore enregistré', 'Foreign vehicle, not yet registered'), count: 7, oldest: new Date().toISOString() }],
      last: [],
    }),
  );
  await page.route('**/v1/work?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    list.asked.push(Object.fromEntries(query));
    if (query.get('family') === 'lez') return json(route, { rows: [] });
    const held = query.get('queue') === 'held';
    const shown = query.get('after') ? list.pages[1] : list.pages[0];
    return json(route, { rows: held ? [makeRow(1, { state: 'held', hold_reason: 'foreign_unregistered', hold_text: cited('Buitenlands voertuig', 'Véhicule étranger', 'Foreign vehicle') })] : shown, ...(query.get('after') || held ? {} : { next: 'p2' }) });
  });
  return list;
}

async function openWork(page, lang, query = '') {
  await signIn(page, 'agent1');
  await page.click('main button.strong');
  await page.waitForSelector('.open');
  await page.goto(`${pages.office.url}/work?lang=${lang}${query}`);
  await page.waitForSelector('.work tbody tr, .work .lead');
}

const rows = () => Array.from({ length: 6 }, (_, i) => makeRow(i + 1));

async function walk(page, lang, look) {
  await scriptList(page, rows());
  await signIn(page, 'agent1');
  await page.goto(`${pages.office.url}/work?lang=${lang}`);
  await page.waitForSelector('.sheet button.strong');
  await look('no purpose');
  await page.click('.sheet button.strong');
  await page.waitForSelector('.work tbody tr');
  await look('the list');
  await page.click('summary');
  await page.fill('#filter-due', '31/02/2026');
  await page.keyboard.press('Tab');
  await page.waitForSelector('#due-fault');
  await look('filters, and a date that is none');
  await page.selectOption('#filter-family', 'lez');
  await page.waitForSelector('.work .lead');
  await look('nothing under a filter');
  await page.goto(`${pages.office.url}/work?queue=held&lang=${lang}`);
  await page.waitForSelector('.work tbody tr');
  await look('held');
}

testLooks(inPage, walk);

inPage('filters stand in the address, go to the office, and come back with the page', { lang: 'fr' }, async (page) => {
  const list = await scriptList(page, rows());
  await openWork(page, 'fr');
  await page.click('summary');
  await page.selectOption('#filter-mark', 'foreign');
  await page.fill('#filter-zone', '5339');
  await page.fill('#filter-due', '01/12/2026');
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => new URLSearchParams(location.search).get('due_before'));
  const query = new URL(page.url()).searchParams;
  assert.deepEqual([query.get('mark'), query.get('zone'), query.get('due_before')], ['foreign', '5339', '2026-11-30T23:00:00.000Z']); // midnight in Brussels
  await page.waitForFunction(() => document.querySelectorAll('.work ul[aria-label] button').length === 3);
  await page.reload();
  await page.waitForSelector('.work tbody tr');
  assert.deepEqual(list.asked.at(-1), { queue: 'decide', mark: 'foreign', zone: '5339', due_before: '2026-11-30T23:00:00.000Z' });
  assert.equal(await page.inputValue('#filter-due'), '01/12/2026');
  await page.click('.work ul[aria-label] button >> nth=0');
  await page.waitForFunction(() => document.querySelectorAll('.work ul[aria-label] button').length === 2);
  assert.ok(!/1ABC/.test(page.url()));
});

inPage('the next page shows no case twice, in the order of the office', {}, async (page) => {
  await scriptList(page, rows());
  await openWork(page, 'nl');
  const shown = () => page.evaluate(() => [...document.querySelectorAll('.work tbody .plate .away')].map((e) => e.textContent.split(',')[0]));
  const first = await shown();
  assert.equal(first.length, 4);
  await page.click('.foot button >> nth=0');
  await page.waitForFunction(() => document.querySelectorAll('.work table:last-of-type tbody tr[aria-current], .work tbody tr .plate').length >= 6);
  assert.deepEqual(await shown(), ['1ABC001', '1ABC002', '1ABC003', '1ABC004', '1ABC005', '1ABC006']);
});

inPage('the list goes by keyboard alone: rows, filter, the next due', {}, async (page) => {
  await scriptList(page, rows());
  await openWork(page, 'nl');
  await tabTo(page, '.work nav a');
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.activeElement?.closest('tr')?.querySelector('.plate .away')?.textContent.startsWith('1ABC002'));
  assert.match(await page.textContent('[role=status]'), /1ABC002/);
  await page.keyboard.press('k');
  await page.keyboard.press('n');
  await page.waitForURL('**/review?queue=decide&lang=nl');
});

inPage('overdue, today and later are said in words and not by colour alone', { lang: 'en' }, async (page) => {
  await scriptList(page, rows());
  await openWork(page, 'en');
  const due = await page.evaluate(() => [...document.querySelectorAll('.work td[data-label=Due] a')].map((e) => e.textContent));
  assert.deepEqual(due.slice(0, 3), ['1 day overdue', 'today', '1 day left']);
});

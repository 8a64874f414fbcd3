// The work list and the review item at a real office with a made-up day of cases, in Debian's chromium.
import assert from 'node:assert/strict';
import { awake, awakeWhole, plateShown } from './desk.mjs';
import { testPagesOfCases } from './office-pages.mjs';
import { fetchAsPage, signIn, testPages } from './support.mjs';

const pages = testPages({ cases: true });
const { inPage } = pages;

async function openShift(page, name, path) {
  await signIn(page, name);
  await page.waitForSelector('main button.strong, .open');
  if (await page.locator('main button.strong').count()) await page.click('main button.strong');
  await page.waitForSelector('.open');
  await page.goto(`${pages.office.url}${path}${path.includes('?') ? '&' : '?'}lang=nl`);
  await page.waitForSelector('.sheet h1, .review h1, .work h1');
}

/** dossier is a case as the API shows it to whoever uses the page. */
const dossier = (page, id) =>
  page.evaluate(async (id) => {
    const me = await (await fetch('/v1/me')).json();
    return (await fetch(`/v1/cases/${id}`, { headers: { 'Anpr-Purpose': me.purposes[0].id } })).json();
  }, id);

const stripID = (page, n = 0) => page.evaluate((n) => document.querySelectorAll('.strip li a')[n]?.getAttribute('href')?.split('/').at(-1)?.split('?')[0], n);
const kept = (page, n = 1) => page.waitForFunction((n) => document.querySelectorAll('.strip [data-state=kept]').length >= n, n);
const answersOf = (d, kind = 'decided') => d.events.filter((e) => e.kind === kind);

inPage('an agent decides by keyboard alone, takes back, and the dossier says the same', {}, async (page) => {
  await openShift(page, 'agent1', '/work');
  await page.waitForSelector('.work tbody a');
  await page.focus('.work tbody a');
  await page.keyboard.press('n');
  await awakeWhole(page);
  const first = await plateShown(page);
  await page.keyboard.press('r');
  await page.keyboard.press('4');
  await kept(page);
  const id = await stripID(page);
  await page.keyboard.press('u');
  await page.waitForSelector('.strip [data-state=undone]');
  assert.equal(await plateShown(page), first);
  await awake(page);
  await page.keyboard.press('a');
  await kept(page);
  const d = await dossier(page, id);
  assert.deepEqual(d.events.filter((e) => e.user === 'agent1').map((e) => [e.kind, e.verdict]), [['decided', 'reject'], ['undone', undefined], ['decided', 'confirm']]);
  assert.ok(answersOf(d).every((e) => e.shown_ms >= 250 && e.input === 'key'));
  // The made-up day may have one case alone: it is taken back once more, for the test after this one.
  await page.keyboard.press('u');
  await page.waitForFunction(() => document.querySelectorAll('.strip [data-state=undone]').length === 2);
  await awake(page);
});

testPagesOfCases(pages, { openShift, dossier, stripID, kept });

inPage('the office is killed in the middle of a key: nothing is lost, nothing is decided twice', { timeout: 400_000 }, async (page) => {
  await openShift(page, 'agent1', '/review');
  await awakeWhole(page);
  let killed;
  await page.route('**/verdicts', async (route) => { // without times: Playwright lets a held request go when its route ends
    if (killed) return route.fallback();
    killed = Promise.resolve();
    await fetchAsPage(route); // the office has it, and dies before the page has the answer
    killed = pages.office.kill();
    await killed;
    await route.abort();
  });
  await page.keyboard.press('r');
  await page.keyboard.press('3');
  await page.waitForSelector('.note.bad');
  const id = await stripID(page);
  await page.keyboard.press('a');
  await killed;
  await pages.office.start();
  await page.waitForFunction(() => document.querySelector('.strip li')?.dataset.state === 'kept', null, { timeout: 60_000 });
  const d = await dossier(page, id);
  assert.equal(answersOf(d).filter((e) => e.user === 'agent1' && e.reason === 'vehicle_differs').length, 1);
  assert.equal(answersOf(d).at(-1).reason, 'vehicle_differs');
});

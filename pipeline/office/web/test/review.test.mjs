// The review item in Debian's chromium. What goes wrong between page and office is chosen here, item by item; review-office.test.mjs sits at a real one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acts, awake, keyboards, makeItem, openReview, openShift, plateShown, press, scriptOffice } from './desk.mjs';
import { decideItems, serveEndlessly, watchMemory } from './endless.mjs';
import { fetchAsPage, findViolations, measureOverflow, openPage, startBrowser, tabTo, testLooks, testPages } from './support.mjs';

const pages = testPages();
const { inPage } = pages;
const many = (n, change) => Array.from({ length: n }, (_, i) => makeItem(i + 1, change));

/** desk opens the review item over a scripted office. */
async function desk(page, items, options = {}) {
  const office = await scriptOffice(page, items, options);
  await openReview(page, pages.office.url, options.lang ?? 'nl', options.query);
  if (items.length && !options.hang) await awake(page);
  return office;
}

/** walk goes through the states of the review item. */
async function walk(page, lang, look) {
  await scriptOffice(page, [
    makeItem(1, { plate: { text: '1ABC881', country: 'BE', confidence_pm: 810, raw: '1A8C881', alternatives: ['1A8C881'] }, proposed: { text: '1ABC887', country: 'BE', why: 'keyed' }, warnings: [{ code: 'foreign', blocks: false }, { code: 'low_confidence', blocks: false }] }),
    makeItem(2, { warnings: [{ code: 'seal_broken', blocks: true }], export: { would: 'refuse', missing: ['device_serial', 'legal_basis', 'automatic_device'] }, seal: 'broken' }),
  ]);
  await openReview(page, pages.office.url, lang);
  await awake(page);
  await look('an item');
  await page.click('summary');
  await look('unfolded');
  await page.click('button[data-command=reject]');
  await page.waitForSelector('.panel');
  await look('reasons to reject');
  await page.click('button[data-reason=other]');
  await page.waitForSelector('#panel-text');
  await look('another reason');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.click('button[data-command=hold]');
  await look('hold');
  await page.keyboard.press('Escape');
  await page.click('button[data-command=edit]');
  await page.fill('#plate', '1-abc-88#'); // a ? would be a mark of French to the look for misprints
  await look('a plate that is none');
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await look('the sheet of keys');
  await page.keyboard.press('Escape');
  await page.click('button[data-command=confirm]');
  await page.waitForSelector('.why');
  await look('blocked');
  await awake(page);
  await page.click('button[data-command=skip]');
  await page.waitForSelector('.empty');
  await look('nothing more');
}

testLooks(inPage, walk);

for (const [name, keyboard] of Object.entries(keyboards))
  inPage(`every verdict by keyboard: ${name}`, {}, async (page) => {
    const office = await desk(page, many(13));
    const letter = (l) => press(page, keyboard.letter(l));
    const reasons = [];
    for (const d of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      await letter('r');
      await page.waitForSelector('.panel');
      await press(page, keyboard.digit(d));
      await page.waitForSelector('.panel', { state: 'detached' });
      await awake(page);
      reasons.push(acts(office).at(-1).body.reason);
    }
    assert.deepEqual(reasons, ['not_legible', 'wrong_plate', 'vehicle_differs', 'two_vehicles', 'priority_vehicle', 'exemption', 'picture_missing_or_bad', 'limit_or_sign_doubtful', 'device_doubtful']);
    await letter('r');
    await press(page, keyboard.digit(0));
    await page.waitForSelector('#panel-text:focus');
    await page.keyboard.type('rar');
    await page.keyboard.press('Enter');
    await letter('r');
    await awake(page);
    assert.deepEqual([acts(office).at(-1).body.reason, acts(office).at(-1).body.text], ['other', 'rar']);
    await letter('a');
    await awake(page);
    const confirmed = acts(office).at(-1);
    assert.deepEqual([confirmed.body.verdict, confirmed.body.checks, confirmed.body.input, confirmed.version], ['confirm', [true, true, true, true, true], 'key', '"1"']);
    assert.ok(confirmed.body.shown_ms >= 250);
    await letter('s');
    await awake(page);
    assert.equal(acts(office).at(-1).path, 'lease/skip');
    assert.equal(new Set(acts(office).map((s) => s.key)).size, 12);
  });

inPage('what is no key of ours sends nothing', {}, async (page) => {
  const office = await desk(page, many(3));
  const first = await plateShown(page);
  for (const key of ['Enter', 'Space', 'Backspace', 'Delete', 'Escape', 'ArrowUp', '1', '7', '0', 'Control+a', 'Alt+a', 'Meta+r']) await page.keyboard.press(key);
  await press(page, { key: 'End', code: 'Numpad1' });
  await page.keyboard.press('r');
  await press(page, { key: 'End', code: 'Numpad1' }); // NumLock is off
  await page.keyboard.press('a');
  await page.keyboard.press('s');
  assert.equal(await page.locator('.panel').count(), 1);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.panel').count(), 0);
  assert.deepEqual(acts(office), []);
  assert.equal(await plateShown(page), first);
});

inPage('keys are dead until the picture is decoded, and 250 ms after', {}, async (page) => {
  let release;
  const office = await desk(page, many(3), { hang: new Promise((resolve) => (release = resolve)) });
  await page.waitForSelector('.facts');
  await page.focus('.review');
  await page.keyboard.press('a');
  assert.deepEqual(acts(office), []);
  release();
  await page.waitForSelector('.frame img');
  await awake(page);
  await page.keyboard.press('a');
  await page.waitForFunction(() => document.querySelectorAll('.strip li').length === 1);
  assert.equal(acts(office).length, 1);
});

inPage('fifty times A, or A held down, decides the items that stood, and each once', {}, async (page) => {
  const office = await desk(page, many(30));
  const begin = Date.now();
  for (let i = 0; i < 50; i++) await press(page, { key: 'a', code: 'KeyA' });
  const most = 1 + Math.floor((Date.now() - begin) / 250);
  await page.waitForFunction(() => !document.querySelector('.strip [data-state=sending]'));
  const decided = acts(office).length;
  assert.ok(decided >= 1 && decided <= most, `${decided} of at most ${most}`);
  assert.ok(acts(office).every((s) => s.body.shown_ms >= 250));
  assert.equal(new Set(acts(office).map((s) => s.caseID)).size, decided);
  await awake(page);
  await press(page, { key: 'a', code: 'KeyA' });
  for (let i = 0; i < 20; i++) await press(page, { key: 'a', code: 'KeyA', autoRepeat: true });
  await awake(page);
  for (let i = 0; i < 20; i++) await press(page, { key: 'a', code: 'KeyA', autoRepeat: true });
  await page.waitForFunction(() => !document.querySelector('.strip [data-state=sending]'));
  assert.equal(acts(office).length, decided + 1);
});

inPage('a double click decides one item', {}, async (page) => {
  const office = await desk(page, many(4));
  await page.dblclick('button[data-command=confirm]', { delay: 400 });
  await awake(page);
  assert.equal(acts(office).length, 1);
  assert.equal(acts(office)[0].body.input, 'mouse');
  assert.ok(await page.evaluate(() => document.activeElement?.classList.contains('review')));
});

inPage('three are prefetched, the next stands at once, and at most three answers are on their way', {}, async (page) => {
  const office = await desk(page, many(8));
  await page.waitForLoadState('networkidle'); // the first item counts before the pictures of the next have come
  assert.equal(office.pictures, 3);
  const release = [];
  office.answers.verdicts = Array.from({ length: 3 }, () => async () => {
    await new Promise((resolve) => release.push(resolve));
    return 'as usual';
  });
  for (let i = 1; i <= 3; i++) {
    await page.keyboard.press('a');
    await page.waitForFunction((n) => document.querySelectorAll('.strip [data-state=sending]').length === n, i);
    await page.waitForFunction((n) => document.querySelector('.facts .plate .away')?.textContent?.startsWith(`1ABC00${n + 1}`), i);
    if (i < 3) await awake(page);
  }
  await page.waitForTimeout(300);
  await page.keyboard.press('a');
  assert.equal(acts(office).length, 3);
  assert.equal(await page.getAttribute('button[data-command=confirm]', 'aria-disabled'), 'true');
  office.answers.verdicts = [];
  for (const go of release) go();
  await page.waitForTimeout(100);
});

inPage('an answer that was lost is offered again under its key, and counts once; the keys are dead meanwhile', {}, async (page) => {
  const office = await desk(page, many(4));
  office.answers.verdicts = ['cut', { status: 503, code: 'store_unavailable' }];
  await page.keyboard.press('a');
  await page.waitForSelector('.note.bad');
  await page.keyboard.press('a');
  assert.equal(await page.getAttribute('button[data-command=reject]', 'aria-disabled'), 'true');
  await page.waitForSelector('.strip [data-state=kept]');
  await page.waitForSelector('.note.bad', { state: 'detached' });
  const sent = acts(office);
  assert.equal(sent.length, 3);
  assert.equal(new Set(sent.map((s) => `${s.key} ${s.version} ${JSON.stringify(s.body)}`)).size, 1);
});

inPage('412: the item stands again with what changed, and the key did not count', { lang: 'nl' }, async (page) => {
  const office = await desk(page, many(4));
  const [item] = office.leased.values();
  office.leased.set(item.case_id, { ...item, version: 3, warnings: [{ code: 'low_confidence', blocks: false }] });
  office.answers.verdicts = [{ status: 412, code: 'stale', detail: 'changed' }];
  await page.keyboard.press('a');
  await page.waitForSelector('.note.bad');
  assert.match(await page.textContent('.note.bad'), /telde niet.*Gewijzigd: waarschuwingen/s);
  assert.equal(await plateShown(page), '1ABC001');
  assert.equal(await page.locator('.strip li').count(), 0);
  await awake(page);
  await page.keyboard.press('a');
  await page.waitForSelector('.strip [data-state=kept]');
  assert.equal(acts(office).at(-1).version, '"3"');
});

for (const [status, code] of [[409, 'decided'], [422, 'key_reused'], [404, 'not_found'], [403, 'same_person']])
  inPage(`${status} ${code}: the item is gone, said with the way to its dossier, and the next stands`, { lang: 'fr' }, async (page) => {
    const office = await desk(page, many(4), { lang: 'fr' });
    office.answers.verdicts = [{ status, code, detail: 'no' }];
    await page.keyboard.press('a');
    await page.waitForSelector('.note a');
    assert.match(await page.textContent('.note'), /1-ABC-001|1ABC001/);
    assert.equal(await page.getAttribute('.note a', 'href'), `/case/${acts(office)[0].caseID}`);
    assert.equal(await plateShown(page), '1ABC002');
    assert.equal(await page.locator('.strip li').count(), 0);
    assert.equal(acts(office).length, 1);
  });

inPage('a lease that is lost freezes the item; taken again, what was typed stands', {}, async (page) => {
  const office = await desk(page, many(4));
  await page.keyboard.press('f');
  await page.waitForSelector('#panel-text:focus');
  await page.keyboard.type('twee platen op de foto');
  await page.keyboard.press('Enter');
  office.answers.flag = [{ status: 412, code: 'lease_lost', detail: 'no' }];
  await page.keyboard.press('f');
  await page.waitForSelector('.note.bad button.strong');
  for (const key of ['a', 's', 'r', 'f']) await page.keyboard.press(key);
  assert.equal(acts(office).length, 1);
  await page.click('.note.bad button.strong');
  await awake(page);
  assert.equal(await plateShown(page), '1ABC001');
  await page.keyboard.press('f');
  assert.equal(await page.inputValue('#panel-text'), 'twee platen op de foto');
});

inPage('an undo takes back, and the item stands again under a new key; when its time is over, the dossier opens', {}, async (page) => {
  const office = await desk(page, many(4));
  await page.keyboard.press('a');
  await page.waitForSelector('.strip [data-state=kept].fresh');
  await page.keyboard.press('u');
  await page.waitForSelector('.strip [data-state=undone]');
  assert.equal(await plateShown(page), '1ABC001');
  await awake(page);
  office.answers.undo = [{ status: 409, code: 'decided', detail: 'late' }];
  await page.keyboard.press('r');
  await page.keyboard.press('1');
  await page.waitForSelector('.strip [data-state=kept].fresh');
  const keys = acts(office).filter((s) => s.path === 'verdicts').map((s) => s.key);
  assert.equal(new Set(keys).size, 2);
  await page.keyboard.press('u');
  await page.waitForURL('**/case/*');
});

inPage('a corrected plate loads its preview; leaving the field decides nothing; A then confirms with it', {}, async (page) => {
  const office = await desk(page, many(4));
  await page.keyboard.press('e');
  await page.waitForSelector('#plate:focus');
  await page.keyboard.type('2xyz345');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.preview .plate');
  assert.deepEqual(acts(office), []);
  assert.ok(await page.evaluate(() => document.activeElement?.classList.contains('review')));
  await page.keyboard.press('a');
  await page.waitForSelector('.strip [data-state=kept]');
  const { body } = acts(office)[0];
  assert.deepEqual([body.verdict, body.plate, body.country], ['correct_plate', '2XYZ345', 'BE']);
  assert.ok(body.preview_id);
});

inPage('a blocker turns A off and says why; a damaged picture leaves reason 7 and the supervisor', {}, async (page) => {
  const blocked = makeItem(1, { warnings: [{ code: 'value_not_verified', blocks: true }] });
  const office = await desk(page, [blocked, makeItem(2), makeItem(3)]);
  await page.keyboard.press('a');
  assert.deepEqual(acts(office), []);
  assert.match(await page.textContent('.why'), /geen jurist/);
  office.answers.picture = [];
  await page.keyboard.press('s');
  await awake(page);
  const damaged = makeItem(9, { warnings: [{ code: 'picture_damaged', blocks: true }] });
  office.waiting.unshift(damaged);
  office.answers.picture = Array.from({ length: 2 }, () => ({ status: 409, code: 'picture_damaged' }));
  await page.keyboard.press('a');
  await awake(page);
  await page.keyboard.press('a');
  await page.waitForFunction(() => document.querySelector('.facts .plate .away')?.textContent?.startsWith('1ABC009'));
  await awake(page);
  const before = acts(office).length;
  for (const key of ['a', 'e', 'h']) await page.keyboard.press(key);
  await page.keyboard.press('r');
  await page.keyboard.press('1');
  assert.equal(acts(office).length, before);
  await page.keyboard.press('7');
  await page.waitForFunction(() => !document.querySelector('.strip [data-state=sending]'));
  assert.equal(acts(office).at(-1).body.reason, 'picture_missing_or_bad');
});

inPage('keying is blind: the picture and two fields; what is keyed is kept by A alone', {}, async (page) => {
  const key = (n) => {
    const item = makeItem(n, { queue: 'key', question: { code: 'keying' } });
    for (const part of ['plate', 'measured', 'vehicle', 'seen', 'device', 'trace', 'rule']) delete item[part];
    return item;
  };
  const office = await desk(page, [key(1), key(2), key(3)], { query: '&queue=key' });
  await page.waitForSelector('#plate:focus');
  await page.keyboard.type('1xyz999');
  await page.keyboard.press('Enter');
  assert.deepEqual(acts(office), []);
  await page.keyboard.press('a');
  await page.waitForSelector('.strip [data-state=kept]');
  assert.deepEqual([acts(office)[0].path, acts(office)[0].body.plate, acts(office)[0].body.country], ['keyings', '1XYZ999', 'BE']);
  await page.waitForSelector('#plate:focus');
  assert.equal(await page.inputValue('#plate'), '');
  await page.keyboard.press('Escape');
  await awake(page);
  await page.keyboard.press('r');
  await page.keyboard.press('1');
  await page.waitForFunction(() => document.querySelectorAll('.strip [data-state=kept]').length === 2);
  assert.equal(acts(office)[1].body.not_legible, true);
});

inPage('every verdict by mouse alone, and the whole item by Tab', {}, async (page) => {
  const office = await desk(page, many(6));
  await page.click('button[data-command=reject]');
  await page.click('button[data-reason=two_vehicles]');
  await awake(page);
  await page.click('button[data-command=hold]');
  await page.click('button[data-reason=awaits_partner]');
  await page.click('.panel button.strong');
  await awake(page);
  assert.deepEqual(acts(office).map((s) => [s.path, s.body.reason]), [['verdicts', 'two_vehicles'], ['hold', 'awaits_partner']]);
  for (const command of ['zoom', 'confirm', 'reject', 'edit', 'hold', 'flag', 'skip', 'undo']) await tabTo(page, `button[data-command=${command}]`);
});

inPage('the back button leaves nothing decided and gives the items back; forward goes on', {}, async (page) => {
  const office = await desk(page, many(4));
  await page.evaluate(() => document.querySelector('header a[href="/work"]').click());
  await page.waitForSelector('.work h1');
  await page.waitForTimeout(200);
  assert.equal(office.sent.filter((s) => s.path === 'lease/give_back').length, 3);
  office.waiting.push(...many(3));
  await page.goBack();
  await awake(page);
  assert.deepEqual(acts(office), []);
});

inPage('a result is said once, politely, with the next item', {}, async (page) => {
  await desk(page, many(4));
  await page.keyboard.press('a');
  await page.waitForFunction(() => /bevestigd, nog 3, volgende: 1-ABC-002, Reed 47/.test(document.querySelector('[role=status]')?.textContent ?? ''));
  assert.equal(await page.locator('[role=status]').count(), 1);
});

inPage('a purpose that ends in the middle of a key loses nothing', {}, async (page) => {
  const office = await desk(page, many(4));
  let asked = 0;
  await page.route('**/v1/me', async (route) => { // no purpose is open until the person opens one
    asked++;
    const response = await fetchAsPage(route);
    const me = await response.json();
    await route.fulfill({ response, json: { ...me, purposes: [] } });
  });
  office.answers.verdicts = [{ status: 403, code: 'purpose_ended', detail: 'no' }];
  await page.keyboard.press('a');
  await page.waitForSelector('.sheet button.strong');
  assert.deepEqual(await findViolations(page), []);
  await page.waitForTimeout(1_500); // the page looks every second whether it may go on
  assert.equal(asked, 1, 'the page keeps a sign-in alive that nobody uses');
  await page.click('.sheet button.strong');
  await page.waitForSelector('.strip [data-state=kept]');
  const sent = acts(office);
  assert.equal(sent.length, 2);
  assert.equal(sent[0].key, sent[1].key);
  assert.equal(await measureOverflow(page), 0);
});

inPage('who signs in again in the middle of a key has lost nothing', {}, async (page) => {
  const office = await desk(page, many(4));
  office.answers.verdicts = [{ status: 401, code: 'sign_in_expired', detail: 'no' }];
  await page.keyboard.press('a');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('a');
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.waitForSelector('.strip [data-state=kept]');
  assert.equal(new Set(acts(office).map((s) => s.key)).size, 1);
  assert.equal(acts(office).length, 2);
});

// Timers and frames of the page go by a clock of the test: 2,000 items are ten minutes of it. ANPR_REVIEW_ITEMS sets another number. The browser
// makes no machine code, which would grow the heap by a fifth, and uses no graphics card, which a machine of CI imitates slowly.
const long = Number(process.env.ANPR_REVIEW_ITEMS ?? 2_000);
const interpreted = ['--js-flags=--no-opt --no-maglev --always-sparkplug --no-lazy-feedback-allocation --no-flush-bytecode', '--disable-gpu'];
test(`${long} items at the speed of keys: the page holds no more after a forced collection than after 200`, { timeout: 900_000 }, async () => {
  const browser = await startBrowser(...interpreted);
  try {
    const page = await openPage(browser, `${pages.office.url}/?lang=nl`, { viewport: { width: 1280, height: 200 } });
    await openShift(page);
    await serveEndlessly(page);
    await page.goto(`${pages.office.url}/review?lang=nl`);
    await page.waitForSelector('.review h1');
    await page.evaluate(() => document.body.style.setProperty('opacity', '0')); // pixels are no part of the heap
    await page.focus('.review');
    const measure = await watchMemory(page);
    const begin = Math.min(200, long / 2);
    await decideItems(page, 1, begin);
    const early = await measure();
    await decideItems(page, begin + 1, long);
    const late = await measure();
    const told = `after ${begin} items ${JSON.stringify(early)}, after ${long} ${JSON.stringify(late)}`;
    console.log(told);
    const { decided, skipped } = await page.evaluate(() => globalThis.endlessOffice);
    assert.deepEqual([decided, skipped], [long - Math.floor((long + 1) / 3), Math.floor((long + 1) / 3)]);
    assert.ok(late.heap <= early.heap * 1.1, told);
    assert.ok(late.nodes <= early.nodes + 200 && late.listeners <= early.listeners + 20 && late.detached <= early.detached + 20, told);
    assert.deepEqual(page.faults, []);
  } finally {
    await browser.close();
  }
});

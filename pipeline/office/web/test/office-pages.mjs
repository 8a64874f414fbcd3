// Tests of the pages about cases at a real office with a made-up day: what each looks like, and two people, two tabs or another role at one case.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { awake, awakeWhole, plateShown } from './desk.mjs';
import { findMisprints, findViolations, measureOverflow, openPage } from './support.mjs';

/** testPagesOfCases adds the tests to a file whose pages have an office with cases. on has its ways to open a shift and to read a dossier. */
export function testPagesOfCases(pages, on) {
  const { inPage } = pages;
  const other = () => openPage(pages.browser, `${pages.office.url}/?lang=nl`);
  // until asks the page until it says yes: waitForFunction takes the promise of an answer for a yes.
  const until = async (page, ask) => {
    while (!(await page.evaluate(ask))) await page.waitForTimeout(100);
  };
  // What stands of a case: answers less those that were taken back, of this test and of those before it.
  const standing = async (page, id) => {
    const { events } = await on.dossier(page, id);
    return events.filter((e) => e.kind === 'decided').length - events.filter((e) => e.kind === 'undone').length;
  };

  inPage('every page about cases: axe finds nothing in Dutch and French, light and dark, and nothing is lost at 320 px', { timeout: 240_000 }, async (page) => {
    await on.openShift(page, 'supervisor1', '/work?queue=held');
    await page.waitForSelector('.work tbody a[href^="/case/"]');
    const held = await page.getAttribute('.work tbody a[href^="/case/"]', 'href');
    assert.deepEqual(await findMisprints(page, 'nl'), []);
    const looks = {
      '/team': ['#leases', async () => { await page.click('[data-bulk=open]'); await page.selectOption('#bulk-kind', 'release'); await page.click('dialog button[type=submit]'); await page.waitForSelector('#bulk-hold-fault'); }],
      [held]: ['#actions', async () => { await page.click('[data-act=withdraw]'); await page.click('form.act button.strong'); await page.waitForSelector('form.act .fault'); }],
      [`${held}/bundle`]: ['#bundle-earlier', async () => { await page.fill('#bundle-for', 'x'); await page.click('form button.strong'); await page.waitForSelector('.fault'); }],
      '/work?queue=held': ['.work tbody a[href^="/case/"]'],
      '/work?queue=second&family=speed': ['#filter-name', async () => page.click('details:has(#assign) summary')],
      '/me': ['#figures', async () => page.fill('#key-review-confirm', 'r')],
      '/help': ['#glossary'],
      '/accessibility': ['article ul'],
    };
    for (const [path, [there, act]] of Object.entries(looks)) {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(`${pages.office.url}${path}${path.includes('?') ? '&' : '?'}lang=nl`);
      await page.waitForSelector(there);
      assert.deepEqual(await findViolations(page), [], `${path}, nl`);
      await page.click('header button[lang=fr]');
      await page.emulateMedia({ colorScheme: 'dark' });
      await act?.();
      assert.deepEqual(await findViolations(page), [], `${path}, fr`);
      assert.deepEqual(await findMisprints(page, 'fr'), [], `${path}, fr`);
      await page.setViewportSize({ width: 320, height: 640 });
      assert.equal(await measureOverflow(page), 0, `${path}, 320 px`);
      assert.deepEqual(await findMisprints(page, 'fr'), [], `${path}, fr, 320 px`);
      await page.setViewportSize({ width: 1280, height: 720 });
    }
  });

  inPage('a filter of a municipality and a regime is saved by name, waits at another sign-in, and holds no plate', {}, async (page) => {
    await on.openShift(page, 'agent2', '/work');
    await page.waitForSelector('#filter-municipality option:nth-child(2)', { state: 'attached' });
    await page.click('details:has(#filter-regime) summary');
    await page.selectOption('#filter-regime', 'traffic');
    const town = await page.getAttribute('#filter-municipality option:nth-child(2)', 'value');
    await page.selectOption('#filter-municipality', town);
    await page.fill('#filter-name', '1 ABC 123');
    await page.press('#filter-name', 'Enter');
    await page.waitForSelector('#filter-name-fault');
    await page.fill('#filter-name', 'eerst deze');
    await page.press('#filter-name', 'Enter');
    await page.waitForSelector('.saved a[aria-current]:text-is("eerst deze")');
    assert.equal(await page.locator('#filter-name').count(), 0);
    const second = await other();
    await on.openShift(second, 'agent2', '/work');
    await second.click('.saved a');
    await second.waitForSelector('.saved a[aria-current]');
    const address = new URL(second.url()).searchParams;
    assert.deepEqual([address.get('municipality'), address.get('regime'), address.get('queue')], [town, 'traffic', 'decide']);
    await second.click('.saved button');
    await second.waitForSelector('.saved', { state: 'detached' });
    assert.deepEqual(second.faults, []);
    await second.context().close();
    // The first browser still has the filter: what it saves is refused, and it shows what is there now.
    await page.click('.saved button');
    await page.waitForSelector('.saved', { state: 'detached' });
    await page.waitForSelector('.work .fault[role=alert]');
  });

  inPage('what a recipient says of a batch is filled in from its file or by hand, seen, and recorded at once', {}, async (page) => {
    await on.openShift(page, 'supervisor1', '/work');
    const id = randomUUID();
    const sent = (number, change = {}) => ({ case_id: randomUUID(), number, state: 'transmitted', ...change });
    const batch = {
      scope: { purpose: 'traffic', log_seq: 7 }, transmission: { batch_id: id, track: 'prosecutor', user: 'supervisor1', made_at: '2026-11-29T21:00:00Z', cases: 4, acknowledged: 1, returned: 0, key_id: 'k1', sha256: 'ab'.repeat(32), size: 9, has_file: true },
      cases: [sent('GV.1/2026'), sent('GV.2/2026'), sent('GV.3/2026', { state: 'annulled' }), sent('GV.4/2026', { state: 'rejected' })],
    };
    const posted = [];
    await page.route(`**/v1/transmissions/${id}`, (route) => route.fulfill({ json: batch }));
    await page.route(`**/v1/transmissions/${id}/answers`, (route) => {
      posted.push(route.request().postDataJSON());
      return route.fulfill({ json: { acknowledged: 1, returned: 1, annulments: 1, unchanged: 0, log_seq: 8 } });
    });
    await page.goto(`${pages.office.url}/transmission/${id}?lang=fr`);
    await page.waitForSelector('#answer-file');
    await page.click('form button.strong');
    await page.waitForSelector('form .fault');
    const give = (body) => page.setInputFiles('#answer-file', { name: 'answer.json', mimeType: 'application/json', buffer: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
    const form = 'anpr-handover-answer/1';
    for (const [body, fault] of [
      ['{', 'JSON'], [{ form: 'x' }, 'fichier de réponse'], [{ form, batch_id: randomUUID(), answers: [{ number: 'GV.1/2026', outcome: 'returned' }] }, 'autre envoi'], [{ form, batch_id: id, answers: [] }, 'incomplète'],
      [{ form, batch_id: id, answers: [{ number: 'GV.1/2026', outcome: 'paid' }] }, 'incomplète'], [{ form, batch_id: id, answers: [{ number: 'GV.9/2026', outcome: 'acknowledged' }] }, 'GV.9/2026'],
    ]) {
      await give(body);
      await page.waitForSelector(`form .fault:has-text("${fault}")`);
    }
    await give({ form, batch_id: id, answers: [{ number: 'GV.1/2026', outcome: 'acknowledged' }, { number: 'GV.2/2026', outcome: 'returned' }, { number: 'GV.3/2026', outcome: 'annulment_acknowledged' }] });
    await page.waitForSelector('form button.strong:has-text("(3)")');
    assert.deepEqual(await findViolations(page), []);
    await page.click('form button.strong');
    await page.waitForSelector('input[aria-invalid=true]:focus');
    assert.deepEqual(posted, []);
    await page.keyboard.type('la photo manque');
    assert.deepEqual(await findMisprints(page, 'fr'), []);
    await page.setViewportSize({ width: 320, height: 640 });
    assert.equal(await measureOverflow(page), 0);
    assert.deepEqual(await findMisprints(page, 'fr'), []);
    await page.keyboard.press('Enter');
    await page.waitForSelector('form p[aria-live]:has-text("renvoyé : 1")');
    assert.deepEqual(posted, [{ batch_id: id, answers: [{ number: 'GV.1/2026', outcome: 'acknowledged' }, { number: 'GV.2/2026', outcome: 'returned', reason: 'la photo manque' }, { number: 'GV.3/2026', outcome: 'annulment_acknowledged' }] }]);
  });

  inPage('one ends one’s own sign-in elsewhere: that browser is out at once, this one stays', {}, async (page) => {
    const second = await other();
    await on.openShift(second, 'agent2', '/work');
    await on.openShift(page, 'agent2', '/me');
    await page.waitForSelector('#sign-ins');
    // The tests before this one left sign-ins of the same person: which of them is the other browser's, the list does not say.
    const rows = page.locator('section:has(#sign-ins) li');
    const elsewhere = rows.filter({ hasNotText: 'deze browser' });
    assert.ok(await elsewhere.count());
    while (await elsewhere.count()) {
      const before = await rows.count();
      await elsewhere.first().locator('button').focus();
      await page.keyboard.press('Enter');
      await page.waitForFunction((n) => document.querySelectorAll('section:has(#sign-ins) li').length === n - 1, before);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'sign-ins');
    }
    // What the other browser sends now, with its cookie and its purpose, is nobody's.
    assert.deepEqual(await second.evaluate(async () => Promise.all(['/auth/me', '/v1/me', '/v1/work'].map(async (path) => (await fetch(path)).status))), [401, 401, 401]);
    await second.focus('.work tbody a, .work button');
    await second.click('.work .foot button:last-of-type, .work p button');
    await second.waitForSelector('dialog[open]');
    assert.equal(await page.evaluate(async () => (await fetch('/v1/me')).status), 200);
    await second.context().close();
    await page.locator('section:has(#sign-ins) li').filter({ hasText: 'deze browser' }).locator('button').click();
    await page.waitForSelector('main a.strong');
    assert.equal(await page.evaluate(async () => (await fetch('/auth/me')).status), 401);
  });

  inPage('one’s own settings hold: another key, a key that is taken, and no keys at all', {}, async (page) => {
    await on.openShift(page, 'agent2', '/me');
    await page.waitForSelector('#key-review-flag');
    const set = async (command, letter) => {
      await page.fill(`#key-review-${command}`, letter);
      await page.press(`#key-review-${command}`, 'Tab');
    };
    await set('flag', 'r');
    await page.waitForSelector('#key-review-flag-fault');
    assert.equal(await page.inputValue('#key-review-flag'), 'F');
    await set('flag', 'x');
    await page.waitForSelector('#key-review-flag-usual:text("gewoon F")');
    await page.focus('.box');
    await page.keyboard.press('x');
    await page.waitForSelector('.box :text("Naar supervisor")');
    await page.click('#set-keys');
    await until(page, async () => (await (await fetch('/v1/me')).json()).settings.settings.keys === false);
    await page.reload();
    await page.waitForSelector('#set-keys:not(:checked)');
    assert.equal(await page.inputValue('#key-review-flag'), 'X');
    await page.click('#set-keys');
    await page.click('#remap ~ p button');
    await until(page, async () => { const s = (await (await fetch('/v1/me')).json()).settings.settings; return s.keys === true && !s.remap; });
  });

  inPage('two people never have one item; of two tabs one answers; back leads back; a double click answers once', {}, async (page) => {
    await on.openShift(page, 'agent1', '/review');
    await awakeWhole(page);
    const plate = await plateShown(page);
    const second = await other();
    await on.openShift(second, 'agent2', '/review');
    await second.waitForSelector('.facts .plate, .empty');
    assert.notEqual(await plateShown(second), plate);
    await second.context().close();

    const tab = await page.context().newPage();
    await tab.goto(`${pages.office.url}/review?lang=nl`);
    await awake(tab);
    assert.equal(await plateShown(tab), plate);
    // A double click on a reason: its second half decides nothing about what stands there then.
    await page.keyboard.press('r');
    await page.dblclick('[data-reason=two_vehicles]');
    await on.kept(page);
    const id = await on.stripID(page);
    assert.equal(await standing(page, id), 1);
    await tab.keyboard.press('r');
    await tab.keyboard.press('3');
    await tab.waitForSelector(`.note a[href*="${id}"]`);
    assert.equal(await standing(page, id), 1);
    // The dossier and back: the desk is there again, and nothing was added.
    await tab.click(`.note a[href*="${id}"]`);
    await tab.waitForSelector('#actions');
    await tab.goBack();
    await tab.waitForSelector('.review h1');
    await tab.close();
    await page.keyboard.press('u');
    await page.waitForSelector('.strip [data-state=undone]');
    assert.equal(await standing(page, id), 0);
  });

  inPage('who has another role meanwhile is out, and the key did not count', {}, async (page) => {
    await on.openShift(page, 'agent1', '/review');
    await awakeWhole(page);
    const id = await page.evaluate(async () => {
      const me = await (await fetch('/v1/me')).json();
      const body = JSON.stringify({ queue: 'decide', n: 1 });
      const lease = await fetch('/v1/work/leases', { method: 'POST', headers: { 'Content-Type': 'application/json', 'Anpr-Purpose': me.purposes[0].id }, body });
      return (await lease.json()).items[0].case_id;
    });
    const file = join(pages.office.data, 'reference', 'users.yaml');
    const users = readFileSync(file, 'utf8');
    writeFileSync(file, users.replace('name: agent1, role: gvc_agent', 'name: agent1, role: gvc_supervisor'));
    try {
      await until(page, async () => (await fetch('/auth/me')).status === 401);
      await page.keyboard.press('r');
      await page.keyboard.press('4');
      await page.waitForSelector('dialog[open]');
    } finally {
      writeFileSync(file, users);
    }
    const supervisor = await other();
    await on.openShift(supervisor, 'supervisor1', `/case/${id}`);
    await supervisor.waitForSelector('#actions');
    assert.equal(await standing(supervisor, id), 0);
    assert.deepEqual(supervisor.faults, []);
    await supervisor.context().close();
  });
}

// Stating a purpose, and being a second person, in Debian's chromium, against the program with its made-up city.
import assert from 'node:assert/strict';
import { fetchAsPage, findViolations, measureOverflow, openPage, signIn, tabTo, testLooks, testPages } from './support.mjs';

const pages = testPages();
const { inPage } = pages;

const file = 'BR.30.L1.004711/2026';
const why = { nl: 'vluchtmisdrijf met gewonden', fr: 'délit de fuite avec blessés', en: 'hit and run with injuries' };

async function statePurpose(page, reason) {
  await page.fill('#case_ref', file);
  await page.fill('#reason', reason);
  await page.click('button[type=submit]');
}

/** walk goes through the states of stating a purpose and calls look in each. */
async function walk(page, lang, look) {
  await signIn(page, 'officer1');
  await page.waitForSelector('#case_ref');
  await look('no purpose');
  await page.click('button[type=submit]');
  await page.waitForSelector('.fault');
  await look('fields not filled in');
  await statePurpose(page, why[lang]);
  await page.waitForSelector('.open');
  await look('purpose open');
}

testLooks(inPage, walk);

inPage('a purpose is logged, shown in the header, and ends', {}, async (page) => {
  await signIn(page, 'officer1');
  await statePurpose(page, why.nl);
  await page.waitForSelector('.open');
  assert.match(await page.textContent('header .purpose'), /Gerechtelijk.*BR\.30\.L1\.004711\/2026.*nog/s);
  assert.match(await page.textContent('[role=status]'), /^gelogd als nr\. [\d.\s]+$/);
  await page.reload();
  await page.waitForSelector('.open');
  await page.click('.open ~ p button');
  await page.waitForSelector('#case_ref');
});

inPage('traffic is one button', { lang: 'fr' }, async (page) => {
  await signIn(page, 'agent1');
  await page.click('main button.strong');
  await page.waitForSelector('.open');
  assert.match(await page.textContent('[role=status]'), /^journalisé sous le n° [\d\s\u202f]+$/);
});

inPage('what is wrong with a field stands at the field, which has the focus', { lang: 'en' }, async (page) => {
  await signIn(page, 'officer1');
  for (const [ref, reason, field, fault] of [
    ['', why.en, 'case_ref', /Fill this in/],
    [file, 'short', 'reason', /at least 10 characters/],
    [file, 'onewordalone', 'reason', /two words/],
    [file, 'aaaaaa aaaaaa', 'reason', /no reason/],
    ['not a number', why.en, 'case_ref', /./],
    [file, 'onderzoek onderzoek', 'reason', /./],
  ]) {
    await page.fill('#case_ref', ref);
    await page.fill('#reason', reason);
    await page.click('button[type=submit]');
    await page.waitForFunction((id) => document.activeElement?.id === id && document.activeElement.getAttribute('aria-invalid') === 'true', field);
    assert.match(await page.textContent(`#${field}-fault`), fault);
    assert.equal(await page.inputValue('#reason'), reason);
  }
});

inPage('another language keeps what was typed', {}, async (page) => {
  await signIn(page, 'officer1');
  await page.fill('#reason', why.nl);
  await page.click('button[lang=fr]');
  await page.waitForFunction(() => document.documentElement.lang === 'fr');
  assert.equal(await page.inputValue('#reason'), why.nl);
  assert.match(await page.textContent('h1'), /finalité/);
  await page.reload();
  await page.waitForSelector('#reason');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
});

inPage('everything goes by keyboard alone, with a visible focus', {}, async (page) => {
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
  await tabTo(page, 'main a.strong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('button[name=sample]');
  await tabTo(page, 'button[value=officer1]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#case_ref');
  await tabTo(page, 'input[type=radio]');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.isVisible('#prosecutor_ref'), false);
  await page.keyboard.press('ArrowLeft');
  await tabTo(page, '#case_ref');
  await page.keyboard.type(file);
  await tabTo(page, '#reason');
  await page.keyboard.type(why.nl);
  await tabTo(page, 'button[type=submit]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.open');
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1');
  await tabTo(page, '.open ~ p button');
});

inPage('a sign-out ends the sign-in of every tab; what was typed stays', {}, async (page) => {
  await signIn(page, 'officer1');
  await page.fill('#reason', why.nl);
  const other = await page.context().newPage();
  await other.goto(`${pages.office.url}/?lang=nl`);
  await other.click('header .who button');
  await other.waitForSelector('main a.strong');
  await other.close();
  await page.fill('#case_ref', file);
  await page.click('button[type=submit]');
  await page.waitForSelector('dialog[open]');
  assert.deepEqual(await findViolations(page), []);
  assert.equal(await measureOverflow(page), 0);
  const [popup] = await Promise.all([page.context().waitForEvent('page'), page.click('dialog a.strong')]);
  await popup.click('button[name=sample][value=officer1]');
  await popup.waitForSelector('header .who');
  await popup.close();
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await page.waitForFunction(() => !document.querySelector('dialog[open]'));
  assert.equal(await page.inputValue('#reason'), why.nl);
});


/** askSecondPerson lets somebody ask a second person for a wide search, as the API takes it; without a plate for all that a camera saw. */
async function askSecondPerson(page, plate) {
  return page.evaluate(
    async ([plate, file, reason]) => {
      const post = async (path, body, purpose) => {
        const headers = { 'Content-Type': 'application/json', ...(purpose ? { 'Anpr-Purpose': purpose } : {}) };
        const got = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
        if (!got.ok) throw new Error(`${path}: ${got.status} ${await got.text()}`);
        return got.json();
      };
      const purpose = await post('/v1/purposes', { purpose: 'judicial', case_ref: file, reason });
      const to = new Date();
      const what = plate ? { plate, mode: 'pattern' } : { cameras: ['BRU-00001'] };
      const search = { ...what, from: new Date(to - 20 * 3_600_000).toISOString(), to: to.toISOString() };
      return (await post('/v1/approvals', { kind: 'search', search }, purpose.id)).id;
    },
    [plate, file, why.nl],
  );
}

/** openApprovals signs somebody in, in a browser of their own, and opens what waits for the purpose of the others. */
async function openApprovals(name, lang, options) {
  const page = await openPage(pages.browser, `${pages.office.url}/approvals?lang=${lang}`, options);
  await signIn(page, name);
  await page.click('main a.strong'); // the office shows what waits under its purpose alone
  await statePurpose(page, why[lang]);
  await page.waitForSelector('.open');
  await page.click('header a[href="/approvals"]');
  await page.waitForSelector('#by-you');
  return page;
}

inPage('a second person sees what waits, and decides by keyboard alone; who asked sees how', {}, async (page) => {
  await signIn(page, 'officer1');
  await askSecondPerson(page, '1XA*');
  await askSecondPerson(page, '1YA*');
  const other = await openApprovals('officer2', 'nl');
  assert.match(await other.textContent('header a[href="/approvals"]'), /^Tweede persoon \([2-9]\)$/);
  const item = (plate) => `li:has(dd:text-is("${plate}"))`;
  assert.match(await other.textContent(item('1XA*')), /Ruime opzoeking.*officer1, inspecteur van een politiezone, zone 5339.*Gerechtelijke politie.*BR\.30\.L1\.004711\/2026.*vluchtmisdrijf/s);
  for (const [plate, key, said] of [['1XA*', 'Toestaan', /Toegestaan door officer2/], ['1YA*', 'Weigeren', /Geweigerd door officer2/]]) {
    const button = await other.locator(item(plate)).getByRole('button', { name: key }).elementHandle();
    await button.evaluate((b) => (b.id = 'wanted'));
    await tabTo(other, '#wanted');
    await other.keyboard.press('Enter');
    await other.waitForSelector(`${item(plate)} .verdict:focus`);
    assert.match(await other.textContent(`${item(plate)} .verdict`), said);
    assert.match(await other.textContent('[role=status]'), /^gelogd als nr\. [\d.]+$/);
    assert.equal(await other.locator(`${item(plate)} button`).count(), 0);
  }
  assert.deepEqual(other.faults, []);
  await other.context().close();
  await page.reload(); // the purpose was opened beside the page
  await page.click('header a[href="/approvals"]');
  await page.waitForSelector('#by-you');
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1');
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/approvals?lang=nl');
  assert.match(await page.textContent(item('1XA*')), /Toegestaan door officer2/);
  assert.match(await page.textContent(item('1YA*')), /Geweigerd door officer2/);
  assert.equal(await page.locator(`${item('1XA*')} button`).count(), 0);
  assert.match(await page.textContent('section[aria-labelledby=for-you]'), /geen tweede persoon zijn/);
});

for (const lang of ['nl', 'fr', 'en'])
  inPage(`what waits for a second person, in ${lang}: axe finds nothing, nothing is lost at 320 px`, { lang, context: { locale: lang } }, async (page) => {
    await signIn(page, 'officer1');
    await askSecondPerson(page, '1ZA*');
    const other = await openApprovals('officer2', lang, { locale: lang });
    for (const colorScheme of lang === 'nl' ? ['light', 'dark'] : ['light']) {
      await other.emulateMedia({ colorScheme });
      assert.deepEqual(await findViolations(other), [], colorScheme);
    }
    await other.setViewportSize({ width: 320, height: 640 });
    assert.equal(await measureOverflow(other), 0, '320 px');
    await other.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
    assert.equal(await measureOverflow(other), 0, '320 px and 200 %');
    assert.deepEqual(other.faults, []);
    await other.context().close();
  });

inPage('the list is asked for anew, and the header counts anew; a request without a plate says so', {}, async (page) => {
  await signIn(page, 'officer1');
  const other = await openApprovals('officer2', 'nl');
  const link = 'header a[href="/approvals"]';
  const count = Number(/\((\d+)\)/.exec(await other.textContent(link))?.[1] ?? 0);
  await askSecondPerson(page);
  await other.click('main button:text-is("Vernieuwen")');
  await other.waitForSelector(`${link}:text-is("Tweede persoon (${count + 1})")`);
  const item = other.locator('li:has(dd:text-is("alle nummerplaten"))');
  assert.match(await item.textContent(), /BRU-00001/);
  await item.getByRole('button', { name: 'Weigeren' }).click();
  await other.waitForSelector(`${link}:text-is("Tweede persoon${count ? ` (${count})` : ''}")`);
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

inPage('what comes late for a purpose that is no longer open is not shown under the next', {}, async (page) => {
  await signIn(page, 'officer1');
  await askSecondPerson(page, '1VA*');
  const other = await openApprovals('officer2', 'nl');
  const item = 'li:has(dd:text-is("1VA*"))';
  await other.waitForSelector(item);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let first = true;
  await other.route('**/v1/approvals', async (r) => { // without times: Playwright lets a held request go when its route ends
    if (!first) return r.fallback();
    first = false;
    const response = await fetchAsPage(r);
    await held;
    await r.fulfill({ response });
  });
  await other.route('**/v1/me', (r) => r.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"code":"sign_in_expired"}' }), { times: 1 });
  await other.click('main button:text-is("Vernieuwen")');
  await other.waitForSelector('dialog[open]');
  await other.evaluate(
    ([case_ref, reason]) => fetch('/v1/purposes', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ purpose: 'administrative', case_ref, reason }) }),
    [file, why.nl],
  );
  await other.evaluate(() => dispatchEvent(new Event('focus')));
  await other.waitForSelector('section[aria-labelledby=for-you] p:text-matches("wacht niets")');
  const late = other.waitForResponse('**/v1/approvals');
  release();
  await (await late).finished();
  await other.waitForTimeout(100); // the page has the answer and could show it
  assert.match(await other.textContent('header .purpose'), /Bestuurlijk/);
  assert.equal(await other.locator(item).count(), 0);
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

inPage('who must prove who they are is led to the provider and back; what was decided meanwhile is said', { lang: 'fr' }, async (page) => {
  await signIn(page, 'officer1');
  await askSecondPerson(page, '1WA*');
  const other = await openApprovals('officer2', 'fr');
  const item = 'li:has(dd:text-is("1WA*"))';
  for (const [status, code] of [[403, 'step_up'], [409, 'decided']]) {
    await other.route('**/v1/approvals/decide', (r) => r.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, code, detail: 'no' }) }));
    await other.click(`${item} button.strong`);
    await other.waitForSelector(`${item} [role=alert]`);
    if (code === 'step_up') assert.equal(await other.getAttribute(`${item} [role=alert] a`, 'href'), `/auth/step-up?next=${encodeURIComponent('/approvals?lang=fr')}&lang=fr`);
    else assert.match(await other.textContent(`${item} [role=alert]`), /déjà décidé/);
    await other.unroute('**/v1/approvals/decide');
  }
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

inPage('a sign-out leads to the provider, or says that the session there stays', { lang: 'fr' }, async (page) => {
  const answer = (provider) =>
    page.route('**/auth/sign-out', (r) => r.fulfill({ contentType: 'application/json', body: JSON.stringify({ log_seq: 1, provider }) }), { times: 1 });
  await signIn(page, 'officer1');
  await answer({ name: 'login.example' });
  await page.click('header .who button');
  assert.match(await page.textContent('.stays'), /peut-être encore connecté auprès de login\.example/);
  assert.deepEqual(await findViolations(page), []);
  await page.reload();
  await page.waitForSelector('header .who');
  await page.route('https://login.example/**', (r) => r.fulfill({ contentType: 'text/html', body: '<h1>ended</h1>' }));
  await answer({ name: 'login.example', next: 'https://login.example/end?state=x' });
  await page.click('header .who button');
  await page.waitForURL('https://login.example/end?state=x');
});

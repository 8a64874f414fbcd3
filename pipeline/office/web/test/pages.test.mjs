// Signing in, in Debian's chromium, against the program with its made-up city.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { check, openPage, overflow, signIn, startBrowser, startOffice, tabTo } from './support.mjs';

let office;
let browser;

before(async () => {
  browser = await startBrowser();
  office = await startOffice();
}, { timeout: 300_000 });

after(async () => {
  await browser?.close();
  await office?.stop();
});

/** inPage opens the first page, runs a test in it and closes it. No test may break the policy or throw in the page. */
function inPage(name, options, run) {
  test(name, { timeout: 120_000 }, async () => {
    const page = await openPage(browser, `${office.url}/?lang=${options.lang ?? 'nl'}`, options.context);
    try {
      await run(page);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

/** walk goes through the states of signing in and calls look in each. */
async function walk(page, look) {
  await look('nobody signed in');
  await page.click('main a.strong');
  await page.waitForSelector('button[name=sample]');
  await look('list of people');
  await page.click('button[name=sample][value=officer1]');
  await page.waitForSelector('header .who');
  await look('signed in');
  await page.evaluate(() => history.pushState(null, '', '/nowhere' + location.search));
  await page.reload();
  await page.waitForSelector('main h1:not(.bone)');
  await look('no such page');
}

for (const lang of ['nl', 'fr', 'en']) {
  for (const colorScheme of ['light', 'dark'])
    inPage(`axe finds nothing: ${lang}, ${colorScheme}`, { lang, context: { colorScheme, locale: lang } }, (page) =>
      walk(page, async (where) => {
        assert.equal(await page.evaluate(() => document.documentElement.lang), lang, where);
        assert.deepEqual(await check(page), [], where);
      }),
    );
  inPage(`nothing is lost at 320 px and with text of twice the size: ${lang}`, { lang, context: { viewport: { width: 320, height: 640 }, locale: lang } }, (page) =>
    walk(page, async (where) => {
      assert.equal(await overflow(page), 0, `${where}, 320 px`);
      await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
      assert.equal(await overflow(page), 0, `${where}, 320 px and 200 %`);
      await page.evaluate(() => document.documentElement.style.removeProperty('font-size'));
    }),
  );
}

inPage('one click signs in, and the page after it knows who it is', {}, async (page) => {
  assert.match(await page.textContent('aside'), /VERZONNEN GEGEVENS/);
  await signIn(page, 'officer1');
  assert.match(await page.textContent('header'), /officer1/);
  assert.match(await page.textContent('main'), /5339/);
  assert.match(await page.textContent('[role=status]'), /^gelogd als nr\. [\d.]+$/);
  assert.equal(new URL(page.url()).search, '?lang=nl');
  // Nothing of it can be read by a script, and nothing is kept.
  assert.deepEqual(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), ['', 0, 0]);
});

inPage('signing in and out goes by keyboard alone, with a visible focus', {}, async (page) => {
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
  await tabTo(page, 'main a.strong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('button[name=sample]');
  await tabTo(page, 'button[value=officer1]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('header .who');
  await tabTo(page, 'button[lang=fr]');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => document.documentElement.lang === 'fr');
  await tabTo(page, 'header .who button');
  await page.keyboard.press('Enter');
  await page.waitForSelector('main a.strong');
});

inPage('a sign-out ends the sign-in of every tab', {}, async (page) => {
  await signIn(page, 'officer1');
  const other = await page.context().newPage();
  await other.goto(`${office.url}/?lang=nl`);
  await other.click('header .who button');
  await other.waitForSelector('main a.strong');
  await other.close();
  assert.equal(await page.evaluate(async () => (await fetch('/auth/me')).status), 401);
  await page.reload();
  await page.waitForSelector('main a.strong');
});

inPage('a page of another site cannot use the sign-in', {}, async (page) => {
  await signIn(page, 'officer1');
  // The same machine under its other name is another site to a browser.
  const other = await page.context().newPage();
  await other.goto(office.url.replace('127.0.0.1', 'localhost'));
  const seen = await other.evaluate(async (url) => {
    try {
      return (await fetch(`${url}/auth/me`, { credentials: 'include', mode: 'no-cors' })).type;
    } catch (e) {
      return e.name;
    }
  }, office.url);
  assert.equal(seen, 'TypeError'); // the policy of the page, and behind it the office
  await other.close();
  assert.equal(await page.evaluate(async () => (await fetch('/auth/me')).status), 200);
});

inPage('an office that does not answer is said, with a way on', { lang: 'en' }, async (page) => {
  await page.route('**/auth/me', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"log_unavailable","request_id":"r-1"}' }));
  await page.reload();
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('[role=alert]'), /could not be logged.*r-1/s);
  assert.deepEqual(await check(page), []);
  await page.unroute('**/auth/me');
  await page.click('[role=alert] button');
  await page.waitForSelector('[role=alert]', { state: 'detached' });
});

test('a violation of the policy is seen by these tests', { timeout: 60_000 }, async () => {
  const page = await openPage(browser, office.url);
  await page.evaluate(() => {
    const script = document.createElement('script');
    try {
      script.text = 'globalThis.pwned = true';
      document.head.append(script);
    } catch {
      // Trusted Types threw, rightly
    }
  });
  await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
  assert.notDeepEqual(page.faults, []);
  await page.context().close();
});

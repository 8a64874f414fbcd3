// Signing in, in Debian's chromium, against the program with its made-up city.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findViolations, openPage, signIn, tabTo, testLooks, testPages } from './support.mjs';

const pages = testPages();
const { inPage } = pages;

/** walk goes through the states of signing in and calls look in each. */
async function walk(page, _lang, look) {
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

testLooks(inPage, walk);

inPage('one click signs in, and the page after it knows who it is', {}, async (page) => {
  assert.match(await page.textContent('aside'), /VERZONNEN GEGEVENS/);
  await signIn(page, 'officer1');
  assert.match(await page.textContent('header'), /officer1/);
  assert.match(await page.textContent('main'), /5339/);
  assert.match(await page.textContent('[role=status]'), /^gelogd als nr\. [\d.]+$/);
  assert.equal(new URL(page.url()).search, '?lang=nl');
  await page.click('header .product');
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
  await other.goto(`${pages.office.url}/?lang=nl`);
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
  await other.goto(pages.office.url.replace('127.0.0.1', 'localhost'));
  const seen = await other.evaluate(async (url) => {
    try {
      return (await fetch(`${url}/auth/me`, { credentials: 'include', mode: 'no-cors' })).type;
    } catch (e) {
      return e.name;
    }
  }, pages.office.url);
  assert.equal(seen, 'TypeError'); // the policy of the page, and behind it the office
  await other.close();
  assert.equal(await page.evaluate(async () => (await fetch('/auth/me')).status), 200);
});

inPage('an office that does not answer is said, with a way on', { lang: 'en' }, async (page) => {
  await page.route('**/auth/me', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"log_unavailable","request_id":"r-1"}' }));
  await page.reload();
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('[role=alert]'), /could not be logged.*r-1/s);
  assert.deepEqual(await findViolations(page), []);
  await page.unroute('**/auth/me');
  await page.click('[role=alert] button');
  await page.waitForSelector('[role=alert]', { state: 'detached' });
});

test('a violation of the policy is seen by these tests', { timeout: 60_000 }, async () => {
  const page = await openPage(pages.browser, pages.office.url);
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

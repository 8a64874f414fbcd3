// Stating a purpose, in Debian's chromium, against the program with its made-up city.
import assert from 'node:assert/strict';
import { findViolations, measureOverflow, signIn, tabTo, testLooks, testPages } from './support.mjs';

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


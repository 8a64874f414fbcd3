// Starts the program with its made-up city on free ports, and a browser; gives pages that count violations of the policy.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function runCommand(command, args, accepted = [0]) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d) => (said += d));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (!accepted.includes(code)) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${said}`);
}

const parts = ['--gateway-addr', '--kafka-addr', '--clickhouse-addr', '--postgres-addr'];

/**
 * startOffice runs bin/anpr up with a made-up city until stop; it answers at url. With cases, a made-up day of traffic went before, so that there
 * are cases to decide. kill ends the program at once, start lets it go on.
 */
export async function startOffice({ cases = false } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'anpr-pages-'));
  const port = await freePort();
  const args = ['--data', data, '--office-addr', `127.0.0.1:${port}`, '--ops-addr', `127.0.0.1:${await freePort()}`];
  for (const flag of parts) args.push(flag, `127.0.0.1:${await freePort()}`);
  // Exit code 4: all is right, and the machine was slow. A case to decide comes of one read in 900 or so: 7,000 reads have none once in 2,000 runs.
  if (cases) await runCommand('bin/anprload', ['demo', '--seconds', '10', '--rate', '700', ...args], [0, 4]);
  else await runCommand('bin/anprload', ['city', '--missing', '--out', join(data, 'reference')]);
  const url = `http://127.0.0.1:${port}`;
  const office = { url, data };
  let child;
  let ended;
  let said = '';
  office.said = () => said;
  office.kill = async (signal = 'SIGKILL') => {
    child.kill(signal);
    await ended;
  };
  office.stop = async () => {
    if (child.exitCode === null && child.signalCode === null) await office.kill('SIGTERM');
    rmSync(data, { recursive: true, force: true });
  };
  office.start = async () => {
    child = spawn('bin/anpr', ['up', ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const listen = (d) => (said += d);
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    ended = new Promise((resolve) => child.once('close', resolve));
    for (let tries = 0; ; tries++) {
      try {
        if ((await fetch(`${url}/auth/site`)).ok) return;
      } catch {
        // not yet
      }
      if (child.exitCode !== null || tries > 600) {
        await office.stop();
        throw new Error(`the program did not come up:\n${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  await office.start();
  return office;
}

/** startBrowser runs chromium, with more of its flags where a test needs them; it fails when there is none. */
export async function startBrowser(...flags) {
  const executablePath = process.env.ANPR_CHROMIUM;
  if (!executablePath) throw new Error('ANPR_CHROMIUM must name chromium: run make test-ui');
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ...flags] : flags;
  return chromium.launch({ executablePath, args });
}

/** openPage opens an address in a browser of its own. violations and errors must be empty at the end of every test. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, locale: 'nl-BE', ...options });
  const page = await context.newPage();
  page.faults = [];
  await page.exposeFunction('noteViolation', (text) => page.faults.push(text));
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (e) => globalThis.noteViolation(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`)),
  );
  page.on('pageerror', (e) => page.faults.push(`script: ${e.message}`));
  await page.goto(url);
  await page.waitForSelector('main h1:not(.bone)');
  return page;
}

/** fetchAsPage lets a held request go to the office as the page sent it, and returns the answer: route.fetch leaves out what says that it comes from the page. */
export async function fetchAsPage(route) {
  const response = await route.fetch({ headers: { ...route.request().headers(), 'sec-fetch-site': 'same-origin' } });
  assert.ok(response.ok(), `${response.status()} ${await response.text()}`);
  return response;
}

/** signIn signs somebody of the made-up city in, with one click. */
export async function signIn(page, name) {
  await page.click('main a.strong');
  await page.click(`button[name=sample][value=${name}]`);
  await page.waitForSelector('header .who');
}

/** findViolations runs axe over a page and returns its violations, a line each. */
export async function findViolations(page) {
  await page.evaluate(axe.source); // a script tag would be blocked, rightly
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  return result.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
}

/**
 * findMisprints lists what no page of ours writes: two words on both sides of a comma without a space, a mark without its space in French, a date
 * or a word of a table's heading that is cut over two lines.
 */
export async function findMisprints(page, lang) {
  return page.evaluate((lang) => {
    const out = [];
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_ELEMENT);
    for (let at = walker.currentNode; at; at = walker.nextNode()) {
      if (!at.matches('p, li, td, th, dt, dd, h1, h2, h3, label, legend, summary, button, caption, div') || at.closest('[lang]').lang !== lang || at.querySelector('p, li, td, div, [lang]')) continue;
      const text = at.innerText;
      if (/\p{L},\p{L}/u.test(text) || (lang === 'fr' && /[\p{L}\p{N})»][:;?!](\s|$)/u.test(text))) out.push(text);
    }
    const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    for (let at = texts.nextNode(); at; at = texts.nextNode()) {
      const head = at.parentElement.closest('thead');
      if (head && head.getBoundingClientRect().width <= 1) continue; // shown to readers of screens alone
      for (const m of at.data.matchAll(head ? /[\p{L}\p{N}]+/gu : /\d{2}\/\d{2}\/\d{4}/g)) {
        const range = document.createRange();
        range.setStart(at, m.index);
        range.setEnd(at, m.index + m[0].length);
        if (new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size > 1) out.push(`${m[0]} is cut: ${at.parentElement.closest('tr, p, li')?.innerText}`);
      }
    }
    return [...new Set(out)];
  }, lang);
}

/** measureOverflow returns by how many pixels a page is wider than its window. */
export async function measureOverflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/** tabTo presses Tab until what is wanted has the focus, which must show. */
export async function tabTo(page, want) {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((s) => document.activeElement?.matches(s), want)) {
      const seen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      if (seen === 'none') throw new Error(`${want} has the focus and does not show it`);
      return;
    }
  }
  throw new Error(`Tab does not reach ${want}`);
}

/**
 * testPages starts browser and office for the tests of a file and ends them after. It returns both, and inPage, which opens the first page, runs
 * a test in it and closes it. No test may break the policy or throw in the page.
 */
export function testPages(kind = {}) {
  const pages = {};
  before(async () => {
    pages.browser = await startBrowser();
    pages.office = await startOffice(kind);
  }, { timeout: 600_000 });
  after(async () => {
    await pages.browser?.close();
    await pages.office?.stop();
  });
  pages.inPage = (name, options, run) =>
    test(name, { timeout: options.timeout ?? 180_000 }, async () => {
      const page = await openPage(pages.browser, `${pages.office.url}/?lang=${options.lang ?? 'nl'}`, options.context);
      try {
        await run(page);
        assert.deepEqual(page.faults, []);
      } finally {
        await page.context().close();
      }
    });
  return pages;
}

/** testLooks goes with walk through the states of a screen, in every language: axe finds nothing in any, nothing is misprinted, and nothing is lost on a small one. */
export function testLooks(inPage, walk) {
  for (const lang of ['nl', 'fr', 'en']) {
    for (const colorScheme of lang === 'nl' ? ['light', 'dark'] : ['light']) // colours do not depend on the language
      inPage(`axe finds nothing: ${lang}, ${colorScheme}`, { lang, context: { colorScheme, locale: lang } }, (page) =>
        walk(page, lang, async (where) => {
          assert.equal(await page.evaluate(() => document.documentElement.lang), lang, where);
          assert.deepEqual(await findViolations(page), [], where);
          assert.deepEqual(await findMisprints(page, lang), [], where);
        }),
      );
    inPage(`nothing is lost at 320 px and with text of twice the size: ${lang}`, { lang, context: { viewport: { width: 320, height: 640 }, locale: lang } }, (page) =>
      walk(page, lang, async (where) => {
        assert.equal(await measureOverflow(page), 0, `${where}, 320 px`);
        await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
        assert.equal(await measureOverflow(page), 0, `${where}, 320 px and 200 %`);
        await page.evaluate(() => document.documentElement.style.removeProperty('font-size'));
      }),
    );
  }
}

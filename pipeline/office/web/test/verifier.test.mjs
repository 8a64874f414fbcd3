// The page that verifies evidence bundles, in Debian's chromium, as a file of the disk and without a network.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findViolations, measureOverflow, openPage, startBrowser, tabTo } from './support.mjs';

const home = fileURLToPath(new URL('../../../evidence/bundle/', import.meta.url));
const bundle = readFileSync(join(home, 'testdata/small.zip')); // made and verified by the tests of the package
const keyID = JSON.parse(partOf('manifest.sig')).key_id;
const words = { nl: [/is in orde/, /NIET in orde/], fr: [/est intact/, /N’EST PAS intact/], en: [/bundle holds/, /does NOT hold/] };
let browser;
let dir;

before(async () => {
  browser = await startBrowser();
  dir = mkdtempSync(join(tmpdir(), 'anpr-verifier-'));
}, { timeout: 120_000 });
after(async () => {
  await browser?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** layout lists the regions of the bundle by its headers: from, to, the part that a fault must name. */
function layout() {
  const out = [];
  const names = [];
  let at = 0;
  while (bundle.readUInt32LE(at) === 0x04034b50) {
    const [size, length] = [bundle.readUInt32LE(at + 18), bundle.readUInt16LE(at + 26)];
    const name = bundle.toString('latin1', at + 30, at + 30 + length);
    out.push([at, at + 30 + length, name], [at + 30 + length, at + 30 + length + size, name]);
    names.push(name);
    at += 30 + length + size;
  }
  for (const name of names) {
    out.push([at, at + 46 + name.length, name]);
    at += 46 + name.length;
  }
  out.push([at, bundle.length, '(the ZIP file itself)']);
  return out;
}
function partOf(path) {
  for (const [from, to, name] of layout()) if (name === path && bundle.readUInt32LE(from) !== 0x04034b50) return bundle.toString('utf8', from, to);
  throw new Error(`no ${path}`);
}

/** inPage opens the page from the disk, offline; nothing may be asked of any network, and no policy broken. */
function inPage(name, options, run) {
  test(name, { timeout: 300_000 }, async () => {
    const page = await openPage(browser, `file://${home}verify.html`, { offline: true, ...options });
    const asked = [];
    page.on('request', (r) => asked.push(r.url()));
    try {
      await run(page);
      assert.deepEqual(page.faults, []);
      assert.deepEqual(asked, []);
    } finally {
      await page.context().close();
    }
  });
}

let chosen = 0;
async function choose(page, bytes) {
  const path = join(dir, `case-${chosen++}.zip`); // the same path again is no change for a browser
  writeFileSync(path, bytes);
  await page.evaluate(() => document.querySelector('#result').replaceChildren());
  await page.setInputFiles('#file', path);
  await page.waitForSelector('.verdict h2');
}

for (const lang of ['nl', 'fr', 'en']) {
  inPage(`a bundle holds, and a changed one is named: ${lang}`, { locale: lang }, async (page) => {
    assert.equal(await page.evaluate(() => document.documentElement.lang), lang);
    await choose(page, bundle);
    assert.match(await page.textContent('.verdict.good h2'), words[lang][0]);
    assert.match(await page.textContent('.verdict'), new RegExp(keyID));
    assert.equal(await page.locator('tbody tr').count(), 4);
    const bad = Buffer.from(bundle);
    bad[bad.indexOf('<p>dossier')] ^= 1;
    await choose(page, bad);
    await page.waitForSelector('.verdict.bad');
    assert.match(await page.textContent('.verdict.bad h2'), words[lang][1]);
    assert.match(await page.textContent('.verdict.bad li'), /dossier\.nl\.html/);
  });
  for (const colorScheme of ['light', 'dark'])
    inPage(`axe finds nothing, and nothing is lost at 320 px: ${lang}, ${colorScheme}`, { locale: lang, colorScheme, viewport: { width: 320, height: 640 } }, async (page) => {
      for (const bytes of [null, bundle, bundle.subarray(0, 100)]) {
        if (bytes) await choose(page, bytes);
        assert.deepEqual(await findViolations(page), []);
        assert.equal(await measureOverflow(page), 0);
      }
    });
}

inPage('a changed byte is named by its part, in every region', {}, async (page) => {
  const regions = layout();
  assert.equal(regions.at(-1)[1], bundle.length);
  const wrong = await page.evaluate(
    async ({ base64, regions }) => {
      const whole = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const out = [];
      for (const [from, to, part] of regions)
        for (let at = from; at < to; at += at - from < 60 || to - at < 4 ? 1 : 7) {
          const b = whole.slice();
          b[at] ^= 1 << at % 8;
          const r = await globalThis.anprVerify(b);
          if (r.holds || r.findings.length === 0 || r.findings.some((f) => f.part !== part)) out.push(`byte ${at} of ${part}: ${JSON.stringify(r.findings)}`);
        }
      for (const b of [whole.slice(1), whole.slice(0, -1), new Uint8Array([0, ...whole]), new Uint8Array([...whole, 0]), new Uint8Array(0)]) if ((await globalThis.anprVerify(b)).holds) out.push(`${b.length} bytes hold`);
      return out;
    },
    { base64: bundle.toString('base64'), regions },
  );
  assert.deepEqual(wrong, []);
});

inPage('a key that the recipient knows is compared', { locale: 'en' }, async (page) => {
  await page.fill('#key', keyID);
  await choose(page, bundle);
  assert.match(await page.textContent('.verdict.good'), /the key that you gave/);
  await page.fill('#key', '0000-0000');
  await page.dispatchEvent('#key', 'change');
  await page.waitForSelector('.verdict.bad');
  assert.match(await page.textContent('.verdict.bad li'), /another key/);
});

inPage('a browser without Ed25519 says what it could not check', { locale: 'en' }, async (page) => {
  await page.evaluate(() => {
    crypto.subtle.importKey = () => Promise.reject(new DOMException('no such algorithm', 'NotSupportedError'));
  });
  await choose(page, bundle);
  assert.match(await page.textContent('.verdict.warn'), /could not be checked.*Ed25519/s);
});

inPage('everything goes by keyboard alone, with a visible focus', {}, async (page) => {
  await tabTo(page, 'button[lang=fr]');
  await page.keyboard.press('Space');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
  await tabTo(page, '#key');
  await tabTo(page, '#file');
});

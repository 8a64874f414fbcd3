// The page that verifies evidence bundles, in Debian's chromium, as a file of the disk and without a network.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findMisprints, findViolations, measureOverflow, openPage, startBrowser, tabTo } from './support.mjs';

const home = fileURLToPath(new URL('../../../evidence/bundle/', import.meta.url));
const read = (name) => readFileSync(join(home, 'testdata', name)); // made and verified by the tests of the package
const bundle = read('small.zip');
const batch = read('batch.zip');
const notice = read('notice.zip');
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

/** layout lists the regions of a file by its headers: from, to, the part that a fault must name. */
function layout(file = bundle) {
  const out = [];
  const names = [];
  let at = 0;
  while (file.readUInt32LE(at) === 0x04034b50) {
    const [size, length] = [file.readUInt32LE(at + 18), file.readUInt16LE(at + 26)];
    const name = file.toString('latin1', at + 30, at + 30 + length);
    out.push([at, at + 30 + length, name], [at + 30 + length, at + 30 + length + size, name]);
    names.push(name);
    at += 30 + length + size;
  }
  for (const name of names) {
    out.push([at, at + 46 + name.length, name]);
    at += 46 + name.length;
  }
  out.push([at, file.length, '(the ZIP file itself)']);
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

for (const [name, file] of Object.entries({ bundle, batch, notice }))
  inPage(`a changed byte is named by its part, in every region: ${name}`, {}, async (page) => {
    const regions = layout(file);
    assert.equal(regions.at(-1)[1], file.length);
    const wrong = await page.evaluate(
      async ({ base64, regions }) => {
        const whole = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const out = [];
        for (const [from, to, part] of regions)
          for (let at = from; at < to; at += at - from < 60 || to - at < 4 ? 1 : 7) {
            const b = whole.slice();
            b[at] ^= 1 << at % 8;
            const r = await globalThis.anprVerify(b);
            if (r.holds || r.findings.length === 0 || r.findings.some((f) => f.part !== part && !f.part.startsWith(`${part}: `))) out.push(`byte ${at} of ${part}: ${JSON.stringify(r.findings)}`);
          }
        for (const b of [whole.slice(1), whole.slice(0, -1), new Uint8Array([0, ...whole]), new Uint8Array([...whole, 0]), new Uint8Array(0)]) if ((await globalThis.anprVerify(b)).holds) out.push(`${b.length} bytes hold`);
        return out;
      },
      { base64: file.toString('base64'), regions },
    );
    assert.deepEqual(wrong, []);
  });

const others = {
  nl: [/De zending is in orde/, /dossiers: 2\./, /De kennisgeving is in orde/, /GV\.5339\.000001\/2026 .* is vernietigd/],
  fr: [/L’envoi est intact/, /affaires : 2\./, /L’avis est intact/, /GV\.5339\.000001\/2026 .* est annulée/],
  en: [/The batch holds/, /cases: 2\./, /The notice holds/, /GV\.5339\.000001\/2026 .* is annulled/],
};
for (const [lang, [batchHolds, count, noticeHolds, annulled]] of Object.entries(others))
  inPage(`a batch and a notice say what they are: ${lang}`, { locale: lang, viewport: { width: 320, height: 640 } }, async (page) => {
    for (const [file, holds, what] of [[batch, batchHolds, count], [notice, noticeHolds, annulled]]) {
      await choose(page, file);
      assert.match(await page.textContent('.verdict.good h2'), holds);
      assert.match(await page.textContent('.verdict.good'), what);
      assert.deepEqual(await findViolations(page), []);
      assert.equal(await measureOverflow(page), 0);
      assert.deepEqual(await findMisprints(page, lang), []);
    }
    const bad = Buffer.from(batch);
    bad[bad.lastIndexOf('<p>dossier')] ^= 1; // in the second bundle of the batch
    await choose(page, bad);
    assert.match(await page.textContent('.verdict.bad'), /cases\/\S+-1d2b7a3f0001\.zip › dossier\.nl\.html/);
    assert.deepEqual(await findMisprints(page, lang), []);
    assert.equal(await page.locator('tbody tr', { hasText: '✗' }).count(), 1);
  });

inPage('a bundle of another case, or of another key, is no part of a batch', {}, async (page) => {
  await page.fill('#key', '0000-0000');
  await choose(page, batch);
  assert.equal(await page.locator('.verdict.bad li').count(), 3); // the batch, and each bundle
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

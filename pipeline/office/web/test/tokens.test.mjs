// Every pair of colours that meets on a page has its contrast: text 4.5:1, lines of controls, focus and markers 3:1, light and dark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const css = readFileSync(new URL('../src/app.css', import.meta.url), 'utf8');
const server = readFileSync(new URL('../../signin/pages/style.css', import.meta.url), 'utf8');

function tokensOf(text, dark) {
  const block = dark ? text.slice(text.indexOf('prefers-color-scheme: dark')) : text.slice(0, text.indexOf('prefers-color-scheme: dark'));
  return Object.fromEntries([...block.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
}

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const text = [
  ['ink', 'ground'], ['ink', 'raised'], ['ink', 'sunk'], ['ink', 'field'], ['quiet', 'raised'], ['quiet', 'sunk'], ['quiet', 'ground'], ['accent', 'raised'],
  ['accent-ink', 'accent'], ['accent-ink', 'accent-hover'], ['bar-ink', 'bar'], ['bar-ink', 'bar-hover'], ['bad', 'raised'], ['ink', 'bad-ground'], ['quiet', 'bad-ground'],
  ['ink', 'good-ground'], ['warn-ink', 'warn-ground'],
];
const marks = [
  ['line-strong', 'raised'], ['line-strong', 'field'], ['focus', 'raised'], ['focus', 'ground'], ['focus', 'bad-ground'], ['bar-line', 'bar'], ['bar-focus', 'bar'],
  ['bad', 'bad-ground'], ['good', 'good-ground'], ['accent', 'sunk'], ['bad', 'field'],
];

for (const dark of [false, true]) {
  const tokens = { ...tokensOf(css, false), ...(dark ? tokensOf(css, true) : {}) };
  test(`colours of the ${dark ? 'dark' : 'light'} pages can be told apart`, () => {
    for (const [pairs, least] of [[text, 4.5], [marks, 3]])
      for (const [front, ground] of pairs) {
        assert.ok(tokens[front] && tokens[ground], `${front} on ${ground}: no such token`);
        const has = contrast(tokens[front], tokens[ground]);
        assert.ok(has >= least, `${front} on ${ground}: ${has.toFixed(2)}:1, want ${least}:1`);
      }
  });
  test(`the server's ${dark ? 'dark' : 'light'} pages have the colours of the others`, () => {
    for (const [name, value] of Object.entries(tokensOf(server, dark))) assert.equal(value, tokens[name], name);
  });
}

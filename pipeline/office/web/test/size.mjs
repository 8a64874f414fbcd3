// The entry of the pages, script and style, is at most 60 kB as it is sent.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = 60_000;
const dist = new URL('../dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');
const names = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((m) => m[1]);
if (names.length < 2) throw new Error('index.html names no script and no style');
const sizes = names.map((name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length);
const whole = sizes.reduce((a, b) => a + b, 0);
console.log(`size of the entry: ${whole} bytes, gzip, of ${budget}`);
if (whole > budget) process.exit(1);

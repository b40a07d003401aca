// Checks identity.mjs against the published vectors. Needs nothing but Node.
//   node vectors.mjs [ROOT OF THE TREE]
import {createHash, createHmac} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {normalize, normalizeName, soundex, tokenInputs} from './identity.mjs';

const TODAY = '2026-06-30';
const root = process.argv[2] ?? new URL('../../..', import.meta.url).pathname;
const rows = (name) => readFileSync(`${root}/tests/vectors/identity/${name}`, 'utf8').split('\n')
  .map((line, i) => [i + 1, line]).filter(([, line]) => line !== '' && !line.startsWith('#'))
  .map(([number, line]) => [number, line.split('|')]);

// Text with \u{41} for code points and \xE9 for bytes; null when it is no UTF-8.
function unescape(text) {
  const bytes = Buffer.concat([...text.matchAll(/\\u\{([0-9A-Fa-f]+)\}|\\x([0-9A-Fa-f]{2})|[^\\]|\\/gu)]
    .map(([all, point, byte]) => {
      if (byte) return Buffer.from([parseInt(byte, 16)]);
      const code = point ? parseInt(point, 16) : all.codePointAt(0);
      if (code < 0xd800 || code > 0xdfff) return Buffer.from(String.fromCodePoint(code));
      return Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)]);
    }));
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    return null;
  }
}

let cases = 0;
let failed = 0;
function expect(file, line, good) {
  ++cases;
  if (good) return;
  ++failed;
  console.log(`${file}:${line}: failed`);
}

for (const [line, [use, attribute, raw, expected]] of rows('names1.txt')) {
  const text = unescape(raw);
  const normal = text === null ? null : normalize(attribute, text, use, TODAY);
  expect('names1.txt', line, normal === (expected === '!' ? null : unescape(expected)));
}
for (const [line, [normal, code]] of rows('soundex.txt')) {
  expect('soundex.txt', line, (soundex(unescape(normal)) ?? '') === code);
}
const key = Buffer.from([...Array(32).keys()]);
for (const [line, [agreement, scope, epoch, profile, number, parts, values, inputs, macs]] of
  rows('token_inputs.txt')) {
  const normals = {};
  for (const pair of values.split(';').filter((text) => text !== '')) {
    const [attribute, ...rest] = pair.split('=');
    (normals[attribute] ??= []).push(unescape(rest.join('=')));
  }
  const made = tokenInputs({agreement, scope, epoch: Number(epoch), profile}, Number(number),
    parts.split(','), normals);
  const mac = (input) => createHmac('sha256', key).update(input).digest('hex');
  expect('token_inputs.txt', line, made.map((input) => input.toString('hex')).join(',') === inputs &&
    made.map(mac).join(',') === macs);
}
const assigned = rows('unicode15_assigned.txt')
  .map(([, [first, last, age]]) => [parseInt(first, 16), parseInt(last, 16), age]);
for (const [line, [first, last, age, digest]] of rows('names1_every_code_point.txt')) {
  const hash = createHash('sha256');
  const [from, to] = [parseInt(first, 16), parseInt(last, 16)];
  for (const [begin, end, version] of assigned) {
    if (version !== age) continue;
    for (let code = Math.max(begin, from); code <= Math.min(end, to); ++code) {
      const hex = code.toString(16).toUpperCase();
      hash.update(`${hex}:${normalizeName(`a${String.fromCodePoint(code)}b`) ?? '!'}\n`);
    }
  }
  expect('names1_every_code_point.txt', line, hash.digest('hex') === digest);
}
// What Unicode 15.0 does not know is refused, however new the Unicode of this Node is.
const known = new Uint8Array(0x110000);
for (const [begin, end] of assigned) known.fill(1, begin, end + 1);
const taken = [];
for (let code = 0; code < 0x110000; ++code) {
  if (known[code] || (code >= 0xd800 && code <= 0xdfff)) continue;
  if (normalizeName(`a${String.fromCodePoint(code)}b`) !== null) taken.push(code.toString(16));
}
if (taken.length > 0) console.log(`not refused: ${taken.slice(0, 400).join(' ')}`);
expect('unicode15_assigned.txt', 1, taken.length === 0);
console.log(`${cases} cases, ${failed} failed (Unicode ${process.versions.unicode})`);
process.exitCode = cases > 0 && failed === 0 ? 0 : 1;

// Opens a JWS of ours with jose, and makes one with jose for us: jws.mjs FOLDER
import {createHash, createPublicKey} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';

import {compactVerify, CompactSign, importPKCS8} from 'jose';

const folder = process.argv[2];
const file = (name) => `${folder}/${name}`;
const der = readFileSync(file('jws-key.der'));
const key = createPublicKey({key: der, format: 'der', type: 'spki'});
const text = readFileSync(file('jws'), 'utf8');

const {payload, protectedHeader} = await compactVerify(text, key, {algorithms: ['ES256']});
const expected = {
  alg: 'ES256',
  kid: createHash('sha256').update(der).digest('hex'),
  typ: 'vouch-receipt+jws',
};
if (JSON.stringify(protectedHeader) !== JSON.stringify(expected)) throw new Error('another header');

// Any change is seen.
for (let at = 0; at < text.length; at += 7) {
  const bent = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  const opened = await compactVerify(bent, key, {algorithms: ['ES256']}).then(() => true, () => false);
  if (opened) throw new Error(`a change at ${at} was not seen`);
}

const secret = await importPKCS8(readFileSync(file('jws-key.pem'), 'utf8'), 'ES256');
const body = new TextEncoder().encode('{"iss":"jose"}');
const theirs = await new CompactSign(body).setProtectedHeader(expected).sign(secret);
writeFileSync(file('jose-jws'), theirs);
process.stdout.write(new TextDecoder().decode(payload) + '\n');
